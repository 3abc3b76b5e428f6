"""The record of each pipeline, and the last listing, in Redis."""

import json
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from bot.domain.catalogue import Pipeline
from bot.domain.history import HistoryLimits
from bot.domain.observation import PipelineId
from bot.domain.plan import Plan, Record
from bot.ports.lease_store import READER, Lease
from bot.store.card_rows import checksum, encode_cards
from bot.store.codec import RECORD, decode_catalogue, encode_catalogue, encode_message
from bot.store.history import HEAD, milliseconds, packed
from bot.store.port import RedisPort
from bot.store.scripts import decoding, translating_redis_errors

CARD_SECONDS = 30 * 24 * 3600  # how long a card outlives its episode


class RedisRecords(RedisPort):
    """Implements `RecordStore`."""

    history_limits: HistoryLimits
    """`RedisStore` sets them."""

    async def versions(self) -> Mapping[PipelineId, int]:
        with translating_redis_errors():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys["versions"]))
        with decoding("versions"):
            return {PipelineId(key.decode()): int(version) for key, version in rows.items()}

    async def records(self) -> Mapping[PipelineId, Record]:
        with translating_redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hgetall(self._keys["records"])
                pipe.hgetall(self._keys["versions"])
                rows, versions = await pipe.execute()
        with decoding("records"):
            return {
                PipelineId(key.decode()): replace(RECORD.decode(row), version=int(versions.get(key, 0)))
                for key, row in rows.items()
            }

    async def record(self, pipeline_id: PipelineId) -> Record:
        with translating_redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hget(self._keys["records"], pipeline_id)
                pipe.hget(self._keys["versions"], pipeline_id)
                row, version = await pipe.execute()
        with decoding("records"):
            record = RECORD.decode(row) if row else Record(pipeline_id=pipeline_id)
            return replace(record, version=int(version or 0))

    async def commit(self, plan: Plan, watches_version: int, lease: Lease | None = None) -> bool:
        """Writes the record, its history, the cards and the deliveries of a plan in one step: commit.lua.

        The script gets the rows as they are, and a JSON document about them.
        """
        contents = encode_cards(plan.cards)
        keys = [
            *(self._keys[name] for name in ("records", "versions", "watches_version")),
            self._keys.history(plan.record.pipeline_id),
            *(self._keys.card(card.key) for card in plan.cards),
            *(self._keys.posted(card.key) for card in plan.cards),
            *(self._keys.outbox(message.lane) for message in plan.messages),
            self._keys.lease(READER),
        ]
        document = {
            "pipeline_id": plan.record.pipeline_id,
            "version": plan.record.version,
            "watches_version": watches_version,
            **({"lease": lease.token} if lease else {}),
            "history": self._history_of(plan),
            "cards": [
                {
                    "revision": card.revision,
                    "check": checksum(content),
                    "seconds": 0 if card.episode.open else CARD_SECONDS,
                }
                for card, content in zip(plan.cards, contents, strict=True)
            ],
            "deliveries": [{"lane": message.lane.name, "id": message.id} for message in plan.messages],
        }
        rows = map(encode_message, plan.messages)
        args = [json.dumps(document), RECORD.encode(plan.record), *contents, *rows]
        return bool(await self._scripts.write("commit", keys, args))

    def _history_of(self, plan: Plan) -> dict[str, str | int]:
        """The lines to append, and the limits (milliseconds, number of lines) by which commit.lua drops older ones."""
        if not plan.transitions:
            return {"lines": ""}
        limits, newest = self.history_limits, max(transition.at for transition in plan.transitions)
        return {
            "head": HEAD,
            "lines": packed(plan.transitions),
            "oldest": milliseconds(newest - limits.age),
            "most": limits.transitions,
            "seconds": int(limits.age.total_seconds()),
        }

    async def catalogue(self) -> tuple[Pipeline, ...]:
        with translating_redis_errors():
            raw = await self._redis.get(self._keys["catalogue"])
        with decoding("catalogue"):
            return decode_catalogue(raw) if isinstance(raw, bytes) else ()

    async def save_catalogue(self, pipelines: Sequence[Pipeline]) -> None:
        with translating_redis_errors():
            await self._redis.set(self._keys["catalogue"], encode_catalogue(pipelines))
