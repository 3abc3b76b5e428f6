"""Says once in each channel that the API as a whole cannot be read, and once that it can be again."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.domain.catalogue import Pipeline
from bot.domain.plan import Plan, Record, Routing, plan_explained, plan_transitions
from bot.domain.transition import Event, Reach, Transition
from bot.domain.watch import API_PIPELINE_ID, Audience, ChannelId, UserId, Watch
from bot.monitoring.breaker import ApiHealth, CircuitBreaker
from bot.ports.clock import Clock
from bot.state.repository import Repository

SAME_END = timedelta(seconds=5)
API_ITSELF = Pipeline(id=API_PIPELINE_ID, name="GoldRush API")

log = structlog.get_logger(__name__)


class Outage:
    """`operator` is the channel that is told of a rejected key; where none is set, every channel that watches is."""

    def __init__(
        self, *, repository: Repository, breaker: CircuitBreaker, clock: Clock, operator: ChannelId | None
    ) -> None:
        self._repository = repository
        self._breaker = breaker
        self._clock = clock
        self._operator = operator

    async def tell(self, unseen: int) -> None:
        """Called after every read; `unseen` is how many pipelines are not being read while it lasts.

        Raises:
            StoreAway: it is told after a later read.
        """
        episode = self._repository.record(API_PIPELINE_ID).episode
        told = episode is not None and episode.open
        lost = self._breaker.lost
        if lost and told and episode and not _same_end(episode.timeline[-1].until, self._breaker.until):
            await self._explain(episode.cards.values(), self._reason(unseen))
        if lost == told or self._breaker.view is ApiHealth.DOUBTFUL or not (lost or self._breaker.proven):
            return
        became = Transition(
            event=Event.UNREACHABLE if lost else Event.BACK,
            pipeline_id=API_PIPELINE_ID,
            at=self._clock.now(),
            phase=None,
            reach=Reach.UNREACHABLE if lost else Reach.REACHABLE,
            reason=self._reason(unseen) if lost else "",
            until=self._breaker.until,
        )
        self._log()
        channels = self._concerned() if lost else episode.cards.values() if episode else ()
        if lost and not channels:
            return  # no watcher yet; a later watch announces it
        routing = self._scene(channels)
        await self._repository.write(API_PIPELINE_ID, lambda record, routing: _step(record, became, routing), routing)

    def _log(self) -> None:
        log.warning("api", view=self._breaker.view.value, problem=self._breaker.problem)
        if self._breaker.view is ApiHealth.KEY_REJECTED:
            log.error("key_rejected", problem=self._breaker.problem)

    async def _explain(self, channels: Iterable[ChannelId], reason: str) -> None:
        """GoldRush asked for another wait, or fails after the last: updates the notice in place."""
        until = self._breaker.until
        log.warning("api", view=self._breaker.view.value, problem=self._breaker.problem)
        make = partial(plan_explained, reason=reason, until=until)
        await self._repository.write(API_PIPELINE_ID, make, self._scene(channels))

    def _reason(self, unseen: int) -> str:
        return f"{self._breaker.problem} {_pipelines(unseen)} not being seen." if unseen else self._breaker.problem

    def _scene(self, channels: Iterable[ChannelId]) -> Routing:
        return Routing(self._repository.team, API_ITSELF, [self._audience(channel) for channel in channels])

    def _concerned(self) -> tuple[ChannelId, ...]:
        """A rejected key is for the operator to fix; everything else concerns all who watch."""
        if self._operator and self._breaker.view is ApiHealth.KEY_REJECTED:
            return (self._operator,)
        return tuple(dict.fromkeys(watch.channel for watch in self._repository.watches.all))

    def _audience(self, channel: ChannelId) -> Audience:
        """Who was told of the beginning is told of the end, whoever watches meanwhile."""
        return Audience(channel, self._repository.watches.of(channel) or (_concern(channel, self._clock.now()),))


def _same_end(one: datetime | None, other: datetime | None) -> bool:
    """A wait that ends a few seconds later is no news."""
    if one is None or other is None:
        return one is other
    return abs(one - other) < SAME_END


def _pipelines(number: int) -> str:
    return "1 pipeline is" if number == 1 else f"{number} pipelines are"


def _step(record: Record, became: Transition, routing: Routing) -> Plan:
    after = replace(record, state=replace(record.state, reach=became.reach))
    return plan_transitions(after, (became,), routing, was=record.state)


def _concern(channel: ChannelId, at: datetime) -> Watch:
    return Watch(channel=channel, reference=API_PIPELINE_ID, made_by=UserId(""), made_at=at)
