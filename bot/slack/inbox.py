"""Commands and clicks: kept before Slack is told that they arrived, acted on once, and taken up again after a crash."""

from datetime import timedelta

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.answer import Refusal
from bot.domain.watch import ChannelId, UserId
from bot.ports import Clock, Gesture, Store, StoreAway
from bot.slack.actions import Actions, Click
from bot.slack.answers import Asked
from bot.slack.commands import Commands
from bot.slack.look import Look
from bot.slack.respond import respond_to

COMMAND, CLICK = "command", "click"
TAKEN_UP_AFTER = timedelta(seconds=30)  # by then whoever began it has ended it, or died
TOO_OLD = timedelta(minutes=25)  # a response_url is good for thirty minutes

log = structlog.get_logger(__name__)

AWAY = Refusal(
    reason="My memory (Redis) does not answer just now, so nothing was changed.",
    hint="Nothing is lost. I try again by myself; please ask again in a minute.",
)
BROKEN = Refusal(
    reason="Something went wrong inside me, so I have no answer; nothing was changed.",
    hint="Whoever runs me finds the cause in my log. Trying again does no harm.",
)


class Inbox:
    def __init__(self, *, store: Store, commands: Commands, actions: Actions, look: Look, clock: Clock) -> None:
        self._store = store
        self._commands = commands
        self._actions = actions
        self._look = look
        self._clock = clock

    async def take(self, ack: AsyncAck, kind: str, id: str, facts: dict[str, str]) -> None:  # noqa: A002
        """Keeps it, acknowledges it, acts on it; the second time it only acknowledges."""
        gesture = Gesture(id=f"{kind} {id}", kind=kind, at=self._clock.now(), facts=facts)
        try:
            first = await self._store.first_time(gesture)
        except StoreAway as exc:
            log.warning("store_away", room="slack", problem=str(exc))
            await ack()
            await self._say(gesture, AWAY)
            return
        await ack()
        if first:
            await self._act(gesture)

    async def take_up(self) -> None:
        """What a bot that died has left undone. Called every few seconds.

        Raises:
            StoreAway: it is taken up later.
        """
        now = self._clock.now()
        for gesture in await self._store.unfinished():
            age = now - gesture.at
            if age < TAKEN_UP_AFTER:
                continue
            turn = await self._store.take_turn(f"gesture:{gesture.id}")
            if turn is None:
                continue
            log.warning("taken_up", gesture=gesture.kind, seconds=age.total_seconds())
            if age < TOO_OLD:
                await self._act(gesture)
            else:
                await self._store.finished(gesture)

    async def _act(self, gesture: Gesture) -> None:
        """A person is never shown a traceback, and always told whether anything was changed."""
        try:
            await self._done(gesture)
            await self._store.finished(gesture)
        except StoreAway as exc:
            log.warning("store_away", room="slack", problem=str(exc))
            await self._say(gesture, AWAY)
        except Exception:
            log.exception("listener_tripped", gesture=gesture.kind)
            await self._say(gesture, BROKEN)
            await self._store.finished(gesture)

    async def _done(self, gesture: Gesture) -> None:
        facts, respond = gesture.facts, respond_to(gesture.facts.get("response_url", ""))
        if gesture.kind == CLICK:
            await self._actions.on(Click.of(facts), respond)
            return
        asked = Asked(text=facts["text"])
        answer = await self._commands.answer(asked.text, ChannelId(facts["channel"]), UserId(facts["user"]))
        await respond(self._look.answer(answer, asked).as_response())

    async def _say(self, gesture: Gesture, refusal: Refusal) -> None:
        await respond_to(gesture.facts.get("response_url", ""))(self._look.answer(refusal, Asked()).as_response())
