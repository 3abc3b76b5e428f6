"""Suspended channels and greetings, in Redis."""

import json
from collections.abc import Sequence

from bot.domain.delivery import Lane, LaneKind, Message, in_slack
from bot.domain.watch import ChannelId, SuspendReason, Watch
from bot.store.codec import WATCH, encode_message
from bot.store.port import RedisPort

HELLO_SECONDS = 30 * 24 * 3600
TRIAL_SECONDS = 24 * 3600  # after this the bot notifies the makers again


class RedisChannels(RedisPort):
    """Implements `ChannelStore`."""

    async def suspend(
        self, channel: ChannelId, reason: SuspendReason, notices: Sequence[Message], watches: Sequence[Watch]
    ) -> int | None:
        outboxes, rows = self._scripts.enqueue_arguments(notices)
        keys = [self._keys[name] for name in ("suspended", "watches", "watches_version")]
        keys += [self._keys.suspend_notice(channel), self._keys["last_ts"], *outboxes]
        lanes = [Lane(kind, in_slack(self.team, channel)).name for kind in LaneKind]
        read = [part for watch in watches for part in (watch.id, json.loads(WATCH.encode(watch))["made_at"])]
        args: list[str | int] = [channel, reason.value, *lanes, len(watches), *read, *rows]
        answer = await self._scripts.write("suspend", keys, args)
        return answer - 1 if answer else None

    async def resume(self, channel: ChannelId, *, on_trial: bool = False) -> bool:
        keys = [self._keys[name] for name in ("suspended", "watches_version", "resumed")]
        args: list[str | int] = [channel, self._clock.now().isoformat(), TRIAL_SECONDS if on_trial else 0]
        return bool(await self._scripts.write("resume", [*keys, self._keys.suspend_notice(channel)], args))

    async def add_greeting(self, greeting: Message) -> bool:
        keys = [self._keys.hello(greeting.receiver), self._keys.outbox(greeting.lane)]
        row = encode_message(greeting)
        args: list[str | int] = [HELLO_SECONDS, greeting.lane.name, greeting.id, row]
        return bool(await self._scripts.write("hello", keys, args))
