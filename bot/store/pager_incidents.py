"""What each outside pager has open, in Redis."""

import hashlib
from collections.abc import Awaitable, Mapping
from typing import cast

from bot.domain.delivery import Lane, Receiver
from bot.domain.pager_lane import Incident, PagerLaneChange
from bot.ports.lease_store import Lease
from bot.store.codec import INCIDENT, encode_delivery
from bot.store.port import RedisPort
from bot.store.scripts import translating_redis_errors

ANSWER_SECONDS = 48 * 3600  # older answers are refused by their time
KEPT_SECONDS = 30 * 24 * 3600  # after the last change


class RedisPagerIncidents(RedisPort):
    """Implements `PagerIncidents`."""

    async def incidents(self, receiver: Receiver) -> Mapping[str, Incident]:
        with translating_redis_errors():
            query = cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(self._keys.incidents(receiver)))
            rows = await query
        incidents = self._scripts.readable("incidents", sorted(rows.items()), lambda _, row: INCIDENT.decode(row))
        return {key.decode(): incident for key, incident in incidents.items()}

    async def change_pager_lane(self, change: PagerLaneChange, lane: Lane, lease: Lease) -> bool:
        keys = [self._keys.lease(lease.name), self._keys.outbox(lane), self._keys.incidents(lane.receiver)]
        args: list[str | int] = [
            lease.token,
            lane.name,
            len(change.replaced),
            len(change.rows),
            len(change.incidents),
            KEPT_SECONDS,
            *(row.id for row in change.replaced),
            *(part for row in change.rows for part in (row.id, encode_delivery(row))),
            *(part for incident in change.incidents for part in (incident.key, INCIDENT.encode(incident))),
            *change.ended,
        ]
        return bool(await self._scripts.write("change_pagers", keys, args))

    async def was_answered(self, event_id: str) -> bool:
        with translating_redis_errors():
            return bool(await self._redis.exists(self._answer(event_id)))

    async def remember_answer(self, event_id: str) -> None:
        with translating_redis_errors():
            await self._redis.set(self._answer(event_id), "1", ex=ANSWER_SECONDS)

    def _answer(self, event_id: str) -> str:
        return self._keys.pager_answer(hashlib.sha256(event_id.encode()).hexdigest()[:32])
