"""Reports the begin and the end of an API outage once in each channel."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from bot.domain.catalogue import Pipeline
from bot.domain.episode import Episode
from bot.domain.on_call_setup import operator_policy
from bot.domain.plan import Plan, Record, plan_explained, plan_transitions
from bot.domain.routing import Routing
from bot.domain.transition import Event, Reach, Transition
from bot.domain.watch import API_PIPELINE_ID, Audience, ChannelId, Target, TargetKind, UserId, Watch
from bot.monitoring.breaker import ApiHealth, CircuitBreaker
from bot.ports.clock import Clock
from bot.ports.leadership import LeadershipStatus
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import ApiHealthChanged, KeyRejected
from bot.state.known_pipelines import API_ITSELF, KnownPipelines
from bot.state.repository import Repository

OPERATORS = (ApiHealth.KEY_REJECTED, ApiHealth.NO_READER)
ANSWERING_SECONDS = 30.0  # an outage with good moments is one notice: it ends after so long without trouble
SAME_END = timedelta(seconds=5)  # two waits whose ends differ by less are one wait
UNREADABLE = "I can't read GoldRush."
_OLD_NO_READER = "The part of me that reads pipelines doesn't answer."  # rows before `Episode.no_reader` have only this


class OutageNotices:
    """Opens and closes the outage's episode, whose cards are the notices.

    Only the leader judges GoldRush for all channels: the others read a few pipelines for people.
    The `operator` channel hears of every outage; of a rejected key and of silent readers, only that channel does.
    Other channels hear of one if they watch `unreachable`. Without an operator's channel, all that watch do: somebody
    has to know that no failure can be seen.
    """

    def __init__(
        self,
        *,
        repository: Repository,
        breaker: CircuitBreaker,
        leadership: LeadershipStatus,
        clock: Clock,
        operator: ChannelId | None,
    ) -> None:
        self._repository = repository
        self._breaker = breaker
        self._leadership = leadership
        self._clock = clock
        self._operator = operator

    @property
    def is_reported(self) -> bool:
        """True from the notice of an outage until that of its end."""
        return self._repository.has_open_episode(API_PIPELINE_ID)

    @property
    def ends_with_a_good_read(self) -> bool:
        """True if a notice is open, and GoldRush has answered for long enough to end it."""
        return self.is_reported and self._is_answering_for_long

    @property
    def _is_answering_for_long(self) -> bool:
        return self._clock.monotonic() - self._breaker.answered_again_at >= ANSWERING_SECONDS

    async def report(self, unread: int) -> None:
        """Runs after every read. `unread` counts the pipelines that the bot does not read during an outage.

        Raises:
            StoreAway: a later read reports it.
        """
        if not self._leadership.is_leader:
            return
        episode = self._repository.record(API_PIPELINE_ID).episode
        reported = self.is_reported
        is_open = self._breaker.is_open
        if is_open and reported and episode and self._needs_another_reason(episode):
            await self._explain(episode.cards.values(), self._reason(unread))
        is_over = self._breaker.is_untroubled and self._is_answering_for_long
        if is_open == reported or not (is_open or is_over):
            return
        transition = Transition(
            event=Event.UNREACHABLE if is_open else Event.BACK,
            pipeline_id=API_PIPELINE_ID,
            at=self._clock.now(),
            phase=None,
            reach=Reach.UNREACHABLE if is_open else Reach.REACHABLE,
            reason=self._reason(unread) if is_open else "",
            until=self._breaker.until,
            no_reader=self._no_reader,
        )
        self._log()
        channels = self._concerned() if is_open else episode.cards.values() if episode else ()
        if is_open and not channels:
            return  # nobody watches yet; a later watch announces the outage
        await self._repository.write(API_PIPELINE_ID, partial(_plan, transition=transition), self._routing(channels))

    def _log(self) -> None:
        emit(ApiHealthChanged(health=self._breaker.health.value, problem=self._breaker.problem))
        if self._breaker.health is ApiHealth.KEY_REJECTED:
            emit(KeyRejected(problem=self._breaker.problem))

    async def _explain(self, channels: Iterable[ChannelId], reason: str) -> None:
        """Updates the notice in place."""
        emit(ApiHealthChanged(health=self._breaker.health.value, problem=self._breaker.problem))
        make = partial(plan_explained, reason=reason, until=self._breaker.until, no_reader=self._no_reader)
        await self._repository.write(API_PIPELINE_ID, make, self._routing(channels))

    def _needs_another_reason(self, episode: Episode) -> bool:
        """GoldRush asked for another wait or fails after the last one, or the blame moved to or from the readers."""
        same_end = _same_end(episode.timeline[-1].until, self._breaker.until)
        return not same_end or blames_readers(episode) is not self._no_reader

    @property
    def _no_reader(self) -> bool:
        return self._breaker.health is ApiHealth.NO_READER

    def _reason(self, unread: int) -> str:
        return f"{self._breaker.problem} {_pipelines(unread)} not being read." if unread else self._breaker.problem

    def _routing(self, channels: Iterable[ChannelId]) -> Routing:
        channels = tuple(channels)
        audiences = [*map(self._audience, channels), *self._operators(channels)]
        return replace(self._repository.routing(self._unreadable), audiences=audiences)

    def _operators(self, channels: Sequence[ChannelId]) -> list[Audience]:
        """An outage pages the operator's policy: in the operator's channel, or else in the first that hears of it."""
        policy = operator_policy(self._repository.watches.setup)
        channel = self._operator or next(iter(channels), None)
        if policy is None or channel is None:
            return []
        watch = replace(
            _api_watch(channel, self._clock.now()),
            targets=(Target(kind=TargetKind.POLICY, id=policy.name),),
            page_for=frozenset({Event.UNREACHABLE}),
        )
        return [Audience(channel, (watch,))]

    @property
    def _unreadable(self) -> Pipeline:
        """The name on the notice. Silent readers are no fault of GoldRush."""
        episode = self._repository.record(API_PIPELINE_ID).episode
        stored = episode is not None and blames_readers(episode)
        blamed = self._no_reader if self._breaker.is_open else stored
        return replace(API_ITSELF, name="Pipelines") if blamed else API_ITSELF

    def _concerned(self) -> tuple[ChannelId, ...]:
        """Only the operator can fix some outages. Any other outage concerns every channel that watches."""
        if self._operator and self._breaker.health in OPERATORS:
            return (self._operator,)
        watching = tuple(self._repository.watches.channels)
        return tuple(dict.fromkeys((self._operator, *watching))) if self._operator and watching else watching

    def _audience(self, channel: ChannelId) -> Audience:
        """A channel that heard of the outage also hears of its end, even if it watches nothing by then."""
        watches = self._repository.watches.in_channel(channel)
        if watches and self._operator not in (None, channel):
            return Audience(channel, watches)
        return Audience(channel, (*watches, _api_watch(channel, self._clock.now())))


def reported_problem(repository: KnownPipelines, read_since: datetime | None = None) -> str | None:
    """The outage that a notice reports, in words for people: the notice itself may have the operator's.

    None also if the polling read all pipelines since it began.
    """
    episode = repository.record(API_PIPELINE_ID).episode
    if episode is None or not episode.open:
        return None
    if blames_readers(episode):
        return _last_reason(episode)  # people's reads make all readings newer, but nobody polls
    return None if read_since and read_since > episode.opened_at else UNREADABLE


def _last_reason(episode: Episode) -> str | None:
    return next((entry.reason for entry in reversed(episode.timeline) if entry.reason), None)


def blames_readers(episode: Episode) -> bool:
    """True for an outage because the bot's own readers are silent."""
    return episode.no_reader or (_last_reason(episode) or "").startswith(_OLD_NO_READER)


def _same_end(one: datetime | None, other: datetime | None) -> bool:
    """A wait that ends a few seconds later is no news."""
    if one is None or other is None:
        return one is other
    return abs(one - other) < SAME_END


def _pipelines(number: int) -> str:
    return "1 pipeline is" if number == 1 else f"{number:,} pipelines are"


def _plan(record: Record, routing: Routing, *, transition: Transition) -> Plan:
    after = replace(record, state=replace(record.state, reach=transition.reach))
    return plan_transitions(after, (transition,), routing, before=record.state, at=transition.at)


def _api_watch(channel: ChannelId, at: datetime) -> Watch:
    return Watch(channel=channel, reference=API_PIPELINE_ID, made_by=UserId(""), made_at=at)
