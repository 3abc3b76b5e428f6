"""The leader measures the watched pipelines that run, within a tenth of the budget, and keeps the last hour."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import redis.asyncio

from bot.domain.card import ThreadEntry
from bot.domain.chains import Chain
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.log_lines import PodLog
from bot.domain.measurement import DestinationHealth, Measurement
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.silence_answer import Author, MuteWish
from bot.domain.summary import Digest
from bot.domain.transition import Event
from bot.domain.wall_clock import NamedMoment
from bot.domain.watch import ChannelId
from bot.monitoring.budget import Budget
from bot.monitoring.chain_reads import ChainReads
from bot.monitoring.measurements import Measurements
from bot.ports.pipeline_api import ApiError, Status, Unavailable
from bot.ports.telemetry import EventRecord, subscribed
from bot.ports.telemetry.monitoring import TransitionDetected
from bot.slack.render.rows import row
from bot.store.measurements import RedisMeasurements
from bot.store.scripts import Scripts
from tests.builders import ALERTS, ANN, TEAM, a_watch, at
from tests.fakes import FakeClock
from tests.service.test_mutes import ends_of
from tests.service.test_poller import ONE, TWO, Bot, pipelines, running


@dataclass
class FakeDetails:
    """A GoldRush whose pipelines read two records a second."""

    clock: FakeClock
    requests: list[PipelineId] = field(default_factory=list)
    chain_requests: int = 0
    error: ApiError | None = None
    behind: int = 1200
    """How many blocks the pipelines are behind the chain, which makes two a second."""
    late: float = 0.0
    """Seconds by which GoldRush itself is behind."""
    frozen: bool = False
    chain_error: int = 0
    height_error: int = 0
    """In blocks, of what GoldRush says."""

    async def metrics(self, pipeline_id: PipelineId, at: datetime) -> Measurement:
        self.requests.append(pipeline_id)
        if self.error:
            raise self.error
        moved = 7 if self.frozen else int(self.clock.seconds * 2)
        height = moved if self.frozen else moved + 50_000 - self.behind
        height += self.height_error
        return Measurement(at=at, last_block_height=height, records_consumed=moved, pending_records=len(self.requests))

    async def chains(self, at: datetime) -> tuple[Chain, ...]:
        self.chain_requests += 1
        if self.error:
            raise self.error
        height = int((self.clock.seconds - self.late) * 2) + 50_000
        signed_at = at - timedelta(seconds=self.late)
        return (Chain(name="base-mainnet", height=height + self.chain_error, at=at, signed_at=signed_at),)

    async def logs(self, pipeline_id: PipelineId) -> tuple[PodLog, ...]:
        raise NotImplementedError

    async def destination_health(self, pipeline_id: PipelineId) -> DestinationHealth:
        raise NotImplementedError


@dataclass
class Measuring:
    bot: Bot
    details: FakeDetails
    store: RedisMeasurements
    chains: ChainReads
    measurements: Measurements

    async def go_on(self, minutes: float) -> None:
        """Reads the phases at the begin; then only time passes."""
        await self.bot.poll(5)
        for _ in range(round(minutes * 12)):
            self.bot.clock.seconds += 5
            await self.bot.leadership.acquire()
            await self.measurements.run()


@asynccontextmanager
async def measuring(
    fake_redis: redis.asyncio.Redis, number: int, *, rate: float = 100.0, with_chains: bool = False
) -> AsyncIterator[Measuring]:
    known = [replace(pipeline, chain="base-mainnet") for pipeline in pipelines(number)]
    async with running(fake_redis, *known, rate=rate) as bot:
        await bot.catalogue.refresh()
        details, store = FakeDetails(bot.clock), RedisMeasurements(Scripts(fake_redis, TEAM), bot.clock)
        budget = Budget(rate, bot.clock)
        chains = ChainReads(api=details if with_chains else None, budget=budget, clock=bot.clock, seconds=300)
        measurements = Measurements(
            details=details,
            chains=chains,
            repository=bot.repository,
            store=store,
            budget=budget,
            clock=bot.clock,
            leadership=bot.leadership,
            seconds=300,
        )
        yield Measuring(bot, details, store, chains, measurements)


async def test_watched_pipelines_that_run_are_measured_every_five_minutes(fake_redis: redis.asyncio.Redis) -> None:
    async with measuring(fake_redis, 3) as one:
        one.bot.api.statuses[TWO] = Status(phase=Phase.PAUSED)
        await one.bot.watch(ONE, TWO)
        await one.go_on(60)
        assert one.details.requests.count(ONE) in {11, 12, 13}
        assert set(one.details.requests) == {ONE}


async def test_the_last_hour_is_kept_for_a_diagnosis(fake_redis: redis.asyncio.Redis) -> None:
    async with measuring(fake_redis, 1) as one:
        await one.bot.watch(ONE)
        assert await one.measurements.earlier(ONE, one.bot.clock.now()) is None
        await one.go_on(180)
        now = one.bot.clock.now()
        earlier = await one.measurements.earlier(ONE, now)
        assert earlier
        assert timedelta(minutes=60) <= now - earlier.at <= timedelta(minutes=70)
        assert await one.measurements.earlier(ONE, now - timedelta(days=1)) is None
        assert await one.measurements.earlier(ONE, now + timedelta(days=1)) is None
        stored = (await one.store.measured())[ONE]
        assert len(stored.recent) in {13, 14}
        assert await one.store.measured([TWO, ONE]) == {ONE: stored}


async def test_another_leader_goes_on_with_what_was_learned(fake_redis: redis.asyncio.Redis) -> None:
    async with measuring(fake_redis, 1, with_chains=True) as one:
        await one.bot.watch(ONE)
        await one.go_on(60)
        learned = (await one.store.measured())[ONE].pace
    async with measuring(fake_redis, 1, with_chains=True) as other:
        await other.bot.watch(ONE)
        await other.bot.poll(5)
        await other.measurements.run()
        assert await other.measurements.earlier(ONE, learned.last.at + timedelta(seconds=1))
        assert other.chains.known["base-mainnet"].blocks_per_second == 2.0


async def test_measurements_of_many_pipelines_take_a_tenth_of_the_budget(fake_redis: redis.asyncio.Redis) -> None:
    async with measuring(fake_redis, 100, rate=1.0) as one:
        await one.bot.watch("orders-*")
        await one.go_on(30)
        assert len(one.details.requests) <= 0.1 * 1800 + 1


async def test_of_a_large_fleet_as_many_running_ones_are_measured_as_can_be(fake_redis: redis.asyncio.Redis) -> None:
    async with measuring(fake_redis, 100, rate=0.1) as one:
        one.bot.api.statuses[TWO] = Status(phase=Phase.PAUSED)
        await one.bot.watch("orders-*")
        await one.bot.poll(1200)
        await one.go_on(200)
        assert 30 <= len(set(one.details.requests)) <= 36
        assert TWO not in one.details.requests
        assert len(one.details.requests) >= 90  # the same ones, about once an hour


async def test_a_failed_measurement_is_left_out(fake_redis: redis.asyncio.Redis) -> None:
    async with measuring(fake_redis, 1, with_chains=True) as one:
        await one.bot.watch(ONE)
        one.details.error = Unavailable("GoldRush answered 503. I'll retry.")
        await one.go_on(30)
        assert one.details.requests
        assert await one.store.measured() == {}
        one.details.error = None
        await one.go_on(10)
        assert ONE in await one.store.measured()


async def test_one_request_for_all_chains_in_five_minutes_and_none_without_need(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with measuring(fake_redis, 5, with_chains=True) as one:
        await one.go_on(15)
        assert one.details.chain_requests == 0
        await one.bot.watch("orders-*")
        await one.go_on(60)
        assert one.details.chain_requests in {11, 12, 13}
        lag = (await one.store.measured())[ONE].pace.lags[-1]
        assert lag.blocks
        assert 1150 <= lag.blocks <= 1250
        assert lag.seconds == pytest.approx(600, abs=30)


async def test_an_answer_also_serves_the_pipelines_that_asked_since_the_last_one(
    fake_redis: redis.asyncio.Redis,
) -> None:
    """Each pipeline is measured at its own time, so it is always the same one whose turn asks GoldRush."""
    async with measuring(fake_redis, 1, with_chains=True) as one:
        for chain in ("solana-mainnet", "base-mainnet"):
            await one.chains.refresh({chain})
        assert (one.details.chain_requests, "base-mainnet" in one.chains.known) == (1, False)
        one.bot.clock.seconds += 300
        await one.chains.refresh({"solana-mainnet"})
        assert (one.details.chain_requests, "base-mainnet" in one.chains.known) == (2, True)


async def test_an_unreadable_row_is_measured_again(fake_redis: redis.asyncio.Redis) -> None:
    async with measuring(fake_redis, 1) as one:
        await fake_redis.hset(f"pipeline-bot:{{{TEAM}}}:measurements", ONE, b"odd")
        assert await one.store.measured() == {}
        await one.bot.watch(ONE)
        await one.go_on(10)
        assert ONE in await one.store.measured()


# --- what people hear ------------------------------------------------------------------------------------------------


async def watched_from(one: Measuring, reference: str = ONE, **minutes: int) -> None:
    for channel, lag_from in minutes.items():
        watch = replace(
            a_watch(reference, channel=ChannelId(channel), events=frozenset({Event.LAGGING, Event.STALLED})),
            lag_from=timedelta(minutes=lag_from),
        )
        notice = Notice(kind=NoticeKind.WATCHING, at=at(0), by=ANN, watches=(watch,))
        receiver = in_slack(TEAM, ChannelId(channel))
        message = Message(id=channel, receiver=receiver, priority=Priority.UPDATE, body=notice, made_at=at(0))
        await one.bot.store.add_watches([watch], message)
    await one.bot.repository.refresh_watches()


async def news(one: Measuring, channel: str) -> list[str]:
    """The card of a channel, and the events in its thread."""
    rows = await one.bot.store.owed(ChannelId(channel))
    entries = [row.body.entry for row in rows if isinstance(row.body, ThreadEntry)]
    cards = await one.bot.cards(ChannelId(channel))
    return [*cards, *(event for entry in entries for event in entry.events)]


async def test_each_channel_hears_of_a_lag_at_its_own_threshold_and_of_its_end(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with measuring(fake_redis, 1, with_chains=True) as one:
        await watched_from(one, C0FIVE=5, C0THIRTY=30)
        one.details.behind = 0
        await one.go_on(30)
        assert await news(one, "C0FIVE") == []
        one.details.behind = 1200  # ten minutes
        await one.go_on(15)
        assert len(await news(one, "C0FIVE")) == 1
        assert await news(one, "C0THIRTY") == []
        finding = one.bot.repository.record(ONE).state.finding(Event.LAGGING)
        assert finding
        assert finding.lag == pytest.approx(timedelta(minutes=10), abs=timedelta(seconds=30))
        assert (finding.chain, finding.chain_lag) == ("Base", timedelta())
        one.details.behind = 6000  # fifty minutes
        await one.go_on(30)
        assert len(await news(one, "C0THIRTY")) == 1
        one.details.behind = 0
        await one.go_on(15)
        assert one.bot.repository.record(ONE).state.findings == ()
        for channel in ("C0FIVE", "C0THIRTY"):
            assert (await news(one, channel)).count(Event.CAUGHT_UP) <= 1


async def test_goldrushs_own_delay_is_on_the_card(fake_redis: redis.asyncio.Redis) -> None:
    async with measuring(fake_redis, 1, with_chains=True) as one:
        await watched_from(one, C0FIVE=5)
        one.details.behind = 0
        await one.go_on(30)
        one.details.late, one.details.behind = 1800.0, 3600
        await one.go_on(15)
        finding = one.bot.repository.record(ONE).state.finding(Event.LAGGING)
        assert finding
        assert finding.chain_lag == timedelta(minutes=30)
        assert finding.blocks == 0


async def test_one_card_in_each_channel_tells_of_a_late_chain(fake_redis: redis.asyncio.Redis) -> None:
    async with measuring(fake_redis, 3, with_chains=True) as one:
        await watched_from(one, "orders-*", C0FIVE=5, C0THIRTY=30)
        one.details.behind = 0
        await one.go_on(30)
        one.details.late, one.details.behind = 1200.0, 2400
        await one.go_on(20)
        assert len(await one.bot.cards(ChannelId("C0FIVE"))) == 1
        assert await one.bot.cards(ChannelId("C0THIRTY")) == []
        one.details.late, one.details.behind = 3600.0, 7200
        await one.go_on(20)
        assert [len(await one.bot.cards(ChannelId(channel))) for channel in ("C0FIVE", "C0THIRTY")] == [1, 1]
        one.details.late = 0.0  # the chain is on time again, and each pipeline is behind by itself
        await one.go_on(20)
        assert len(await one.bot.cards(ChannelId("C0FIVE"))) == 3


async def test_the_end_of_a_late_chain_opens_no_card(fake_redis: redis.asyncio.Redis) -> None:
    async with measuring(fake_redis, 3, with_chains=True) as one:
        await watched_from(one, "orders-*", C0FIVE=5)
        one.details.behind = 0
        await one.go_on(30)
        one.details.late, one.details.behind = 1200.0, 2400
        await one.go_on(20)
        one.details.late = 0.0
        await one.go_on(5)  # the pipelines read what the chain has now
        one.details.behind = 0
        await one.go_on(20)
        assert len(await one.bot.cards(ChannelId("C0FIVE"))) == 1
        assert one.bot.repository.record(TWO).state.findings == ()


@asynccontextmanager
async def late_chain(fake_redis: redis.asyncio.Redis, number: int = 3) -> AsyncIterator[Measuring]:
    """One card in C0FIVE tells that the chain is 20 minutes late."""
    async with measuring(fake_redis, number, with_chains=True) as one:
        await watched_from(one, "orders-*", C0FIVE=5)
        one.details.behind = 0
        await one.go_on(30)
        one.details.late, one.details.behind = 1200.0, 2400
        await one.go_on(20)
        assert len(chain_cards(one)) == 1
        yield one


def chain_cards(one: Measuring, channel: str = "C0FIVE") -> list[PipelineId]:
    """The pipelines with an open card in the channel."""
    return sorted(one.bot.repository.open_episodes_in(ChannelId(channel)))


async def unwatch(one: Measuring, *references: str) -> None:
    await one.bot.requests.subscriptions.unwatch(ChannelId("C0FIVE"), references, ANN)


async def test_a_new_leader_posts_no_second_card_of_a_late_chain(fake_redis: redis.asyncio.Redis) -> None:
    async with late_chain(fake_redis) as one:
        await watched_from(one, "orders-*", C0THIRTY=30)
        first = chain_cards(one)
        await fake_redis.delete(f"pipeline-bot:{{{TEAM}}}:lease:reader")
        async with measuring(fake_redis, 3, with_chains=True) as other:
            other.bot.clock.seconds = one.bot.clock.seconds
            other.details.late, other.details.behind = 3600.0, 7200  # news to C0THIRTY, of each pipeline
            await other.go_on(30)
            assert chain_cards(other) == first
            assert len(chain_cards(other, "C0THIRTY")) == 1


async def test_pipelines_that_are_measured_at_once_share_the_card_of_a_late_chain(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with late_chain(fake_redis, 12) as one:
        one.details.late, one.details.behind = 3600.0, 7200
        await watched_from(one, "orders-*", C0THIRTY=30)
        await one.go_on(20)
        assert [len(chain_cards(one, channel)) for channel in ("C0FIVE", "C0THIRTY")] == [1, 1]


async def test_a_channel_that_begins_to_watch_gets_one_card_of_a_late_chain(fake_redis: redis.asyncio.Redis) -> None:
    async with late_chain(fake_redis, 12) as one:
        await watched_from(one, "orders-*", C0NEW=5)
        await one.bot.repository.welcome([ChannelId("C0NEW")])
        assert len(chain_cards(one, "C0NEW")) == 1


async def test_a_pipeline_that_is_watched_again_gets_no_second_card_of_a_late_chain(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with late_chain(fake_redis) as one:
        (first,) = chain_cards(one)
        other = next(known.id for known in pipelines(3) if known.id != first)
        await watched_from(one, other, C0FIVE=5)
        await unwatch(one, other)
        await watched_from(one, other, C0FIVE=5)
        await one.bot.repository.welcome([ChannelId("C0FIVE")])
        await one.go_on(20)
        assert chain_cards(one) == [first]


async def test_the_end_of_a_mute_opens_one_card_of_a_late_chain(fake_redis: redis.asyncio.Redis) -> None:
    async with measuring(fake_redis, 12, with_chains=True) as one:
        await watched_from(one, "orders-*", C0FIVE=5)
        author = Author(channel=ChannelId("C0FIVE"), by=ANN, name="Ann", zone=ZoneInfo("UTC"))
        one.details.behind = 0
        await one.go_on(30)
        await one.bot.requests.mutes.mute(author, ["orders-*"], MuteWish(until=NamedMoment(after=timedelta(hours=1))))
        one.details.late, one.details.behind = 1200.0, 2400
        await one.go_on(20)
        assert chain_cards(one) == []
        one.bot.clock.seconds += 3600
        await ends_of(one.bot).follow()
        assert len(chain_cards(one)) == 1
        assert [row for row in await one.bot.store.owed(ChannelId("C0FIVE")) if isinstance(row.body, Digest)] == []


@pytest.mark.parametrize("by_pause", [True, False])
async def test_the_next_pipeline_tells_of_a_late_chain_once_the_first_one_is_out(
    fake_redis: redis.asyncio.Redis, *, by_pause: bool
) -> None:
    async with measuring(fake_redis, 3, with_chains=True) as one:
        for known in pipelines(3):
            await watched_from(one, known.id, C0FIVE=5)
        one.details.behind = 0
        await one.go_on(30)
        one.details.late, one.details.behind = 1200.0, 2400
        await one.go_on(20)
        (first,) = chain_cards(one)
        if by_pause:
            one.bot.api.statuses[first] = Status(phase=Phase.PAUSED)
            await one.bot.poll(60)
        else:
            await unwatch(one, first)
        assert chain_cards(one) == []
        await one.go_on(10)
        (next_one,) = chain_cards(one)
        assert next_one != first


async def test_a_stalled_pipeline_gets_a_card_until_it_moves(fake_redis: redis.asyncio.Redis) -> None:
    async with measuring(fake_redis, 1) as one:
        await watched_from(one, C0FIVE=5)
        await one.go_on(25 * 60)
        assert await news(one, "C0FIVE") == []
        one.details.frozen = True
        await one.go_on(30)
        assert one.bot.repository.record(ONE).state.finding(Event.STALLED)
        assert len(await news(one, "C0FIVE")) == 1
        one.details.frozen = False
        await one.go_on(10)
        assert one.bot.repository.record(ONE).state.findings == ()


async def test_log_and_metrics_get_each_stall_and_its_end(fake_redis: redis.asyncio.Redis) -> None:
    records: list[EventRecord] = []
    async with measuring(fake_redis, 1) as one:
        await watched_from(one, C0FIVE=5)
        await one.go_on(25 * 60)
        with subscribed(records.append):
            one.details.frozen = True
            await one.go_on(30)
            one.details.frozen = False
            await one.go_on(10)
    transitions = [record.became for record in records if isinstance(record, TransitionDetected)]
    assert transitions == [Event.STALLED, Event.MOVING]


async def test_status_of_one_pipeline_tells_its_lag(fake_redis: redis.asyncio.Redis) -> None:
    async with measuring(fake_redis, 2, with_chains=True) as one:
        await watched_from(one, C0FIVE=60)
        one.details.behind = 60
        await one.go_on(20)
        (view,) = (await one.bot.requests.queries.status(ALERTS, [ONE])).views
        assert view.lag
        assert "30 s behind (60 blocks)" in row(view, one.bot.clock.now())
        assert view.learning_until
        assert timedelta(days=7) < view.learning_until - one.bot.clock.now() <= timedelta(days=8)
        assert "still learning when it rests, until " in row(view, one.bot.clock.now())
        one.bot.clock.seconds += 1000
        (view,) = (await one.bot.requests.queries.status(ALERTS, [ONE])).views
        assert (view.lag, view.learning_until) == (None, None)


async def test_a_leader_forgets_pipelines_that_nobody_watches_any_more(fake_redis: redis.asyncio.Redis) -> None:
    async with measuring(fake_redis, 2) as one:
        await one.bot.watch(ONE, TWO)
        await one.go_on(10)
        await one.bot.requests.subscriptions.unwatch(ALERTS, [TWO], ANN)
        for _ in range(9):
            one.bot.clock.seconds += 24 * 3600
            await one.go_on(10)
        assert await one.store.measured() == {ONE: one.measurements._measured[ONE]}
        assert set(one.measurements._measured) == {ONE}


@pytest.mark.parametrize("absurd", [-10_000, 30, 10**9, 10**12])
async def test_one_absurd_height_of_a_chain_or_a_pipeline_lags_nobody(
    fake_redis: redis.asyncio.Redis, absurd: int
) -> None:
    async with measuring(fake_redis, 1, with_chains=True) as it:
        it.details.behind = 10
        await it.bot.watch(ONE)
        await it.go_on(60)
        learned = it.chains.known["base-mainnet"].blocks_per_second
        for part in ("chain_error", "height_error"):
            setattr(it.details, part, absurd)
            await it.go_on(5)
            setattr(it.details, part, 0)
            await it.go_on(15)
        measured = (await it.store.measured())[ONE]
        assert measured.pace.over == ()
        assert all(lag.seconds < 300 for lag in measured.pace.lags)
        assert it.chains.known["base-mainnet"].blocks_per_second == pytest.approx(learned, rel=0.05)
