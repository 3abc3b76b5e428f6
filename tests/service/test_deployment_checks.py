"""Stuck, drift and overdue deployments: found once and by fresh facts, also over restarts and outages."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import redis.asyncio

from bot.domain.episode import Episode, EpisodeKind
from bot.domain.phase import Intent, Phase
from bot.domain.transition import FINDINGS, Event
from bot.monitoring.deployment_checks import DeploymentChecks
from bot.ports.pipeline_api import Status, Unavailable
from tests.service.test_poller import LIVE, ONE, Bot, pipelines, running

MINUTE = 60
PAUSED, STOPPED = Status(phase=Phase.PAUSED, replicas=0, ready=0), Status(phase=Phase.STOPPED, replicas=0, ready=0)
DEPLOYING = Status(phase=Phase.DEPLOYING, replicas=1, ready=0, uid="uid-1")
STARTING = Status(phase=Phase.RUNNING, replicas=1, ready=0, uid="uid-1")
STOPPING = Status(phase=Phase.STOPPING, replicas=0, ready=0)
AWAY = Unavailable("503: no answer")


class Deployments:
    """A bot that checks deployments, with one watched pipeline."""

    def __init__(self, bot: Bot) -> None:
        self.bot = bot
        self.restart()

    def restart(self) -> None:
        """Another process takes over: it knows what is stored."""
        self.checks = DeploymentChecks(
            repository=self.bot.repository,
            history=self.bot.store,
            read_intent=self.bot.recorder.read_intent,
            clock=self.bot.clock,
            leadership=self.bot.leadership,
        )

    async def pass_time(self, seconds: int) -> None:
        """With a reading every five seconds at the begin and the end, and one a minute in between."""
        left = seconds
        while left > 0:
            step = 5 if left <= 10 or left > seconds - 10 else min(60, left - 10)
            self.bot.clock.seconds += max(0, step - 5)
            await self.bot.poll(min(step, 5))
            await self.checks.run()
            left -= step

    async def judge(self) -> None:
        """Without another reading."""
        for _ in range(4):
            self.bot.clock.seconds += 20
            await self.bot.heartbeat.beat()
            await self.checks.run()

    async def becomes(self, status: Status | Exception, seconds: int = 10) -> None:
        self.bot.api.statuses[ONE] = status
        await self.pass_time(seconds)

    def owner_wants(self, intent: Intent | None, *, bounded: bool = False) -> None:
        self.bot.api.pipelines[ONE] = replace(self.bot.api.pipelines[ONE], intent=intent, bounded=bounded)

    async def deploys(self, seconds: int, live_after: int = 0) -> None:
        """A whole deployment, from the stop of the old worker to the new one that is live."""
        await self.becomes(STOPPING, 20)
        await self.becomes(DEPLOYING, seconds)
        if live_after:
            await self.becomes(STARTING, live_after)
        await self.becomes(LIVE, 20)

    @property
    def held(self) -> set[Event]:
        return {finding.event for finding in self.bot.repository.record(ONE).state.findings}

    @property
    def episode(self) -> Episode:
        episode = self.bot.repository.record(ONE).episode
        assert episode
        return episode

    async def told(self) -> Sequence[Event]:
        """The findings and their ends in the history."""
        events = {*FINDINGS, Event.ALIGNED}
        history = await self.bot.store.history(ONE)
        return [transition.event for transition in history.transitions if transition.event in events]


@asynccontextmanager
async def deployments(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Deployments]:
    async with running(fake_redis, *pipelines(1)) as bot:
        await bot.watch(ONE)
        await bot.catalogue.refresh()
        it = Deployments(bot)
        await it.pass_time(20)
        yield it


# --- stuck -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [DEPLOYING, STOPPING])
async def test_without_history_a_phase_is_stuck_after_an_hour(status: Status, fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        await it.becomes(status, 58 * MINUTE)
        assert not it.held
        await it.pass_time(4 * MINUTE)
        assert it.held == {Event.STUCK}
        await it.pass_time(20 * MINUTE)
        assert await it.told() == [Event.STUCK]


async def test_a_known_pipeline_is_stuck_by_its_own_history(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        for minutes in (4, 5, 4, 5, 4):
            await it.deploys(minutes * MINUTE)
        await it.becomes(STOPPING, 20)
        await it.becomes(DEPLOYING, 19 * MINUTE)
        assert not it.held
        await it.pass_time(3 * MINUTE)
        assert it.held == {Event.STUCK}
        (finding,) = it.bot.repository.record(ONE).state.findings
        assert finding.usual
        assert abs(finding.usual - timedelta(minutes=4)) < timedelta(seconds=30)
        await it.becomes(LIVE)
        assert not it.held


async def test_a_redeployment_restarts_the_count_up_to_three_times(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        start = it.bot.clock.now()
        for number in range(6):
            again = replace(DEPLOYING, uid=f"uid-{number}", start_time=start + timedelta(minutes=40 * number))
            await it.becomes(again, 40 * MINUTE)
            assert it.held == (set() if number < 4 else {Event.STUCK})
        assert await it.told() == [Event.STUCK]


async def test_a_phase_that_nobody_read_since_is_not_stuck(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        await it.becomes(DEPLOYING, 5 * MINUTE)
        await it.becomes(AWAY, 90 * MINUTE)
        assert not it.held
        await it.becomes(LIVE, 60)
        assert await it.told() == []


async def test_a_change_of_the_leader_repeats_nothing_and_loses_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        await it.becomes(DEPLOYING, 40 * MINUTE)
        it.restart()
        await it.pass_time(25 * MINUTE)
        it.restart()
        await it.pass_time(5 * MINUTE)
        assert await it.told() == [Event.STUCK]


async def test_a_fleet_that_is_stuck_at_once_is_found_at_once(fake_redis: redis.asyncio.Redis) -> None:
    known = pipelines(30)
    async with running(fake_redis, *known) as bot:
        await bot.watch(*(one.id for one in known))
        await bot.catalogue.refresh()
        it = Deployments(bot)
        bot.api.statuses.update(dict.fromkeys((one.id for one in known), DEPLOYING))
        await it.pass_time(10)
        bot.clock.seconds += 60 * MINUTE
        await bot.poll(30)
        await it.checks.run()
        assert {len(bot.repository.record(one.id).state.findings) for one in known} == {1}


# --- drift -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [PAUSED, STOPPED])
async def test_a_rest_that_nobody_wants_is_drift_after_5_minutes(
    status: Status, fake_redis: redis.asyncio.Redis
) -> None:
    async with deployments(fake_redis) as it:
        await it.becomes(status, 4 * MINUTE)
        assert not it.held
        await it.pass_time(2 * MINUTE)
        assert it.held == {Event.DRIFT}
        await it.becomes(DEPLOYING)
        await it.becomes(LIVE)
        assert await it.told() == [Event.DRIFT]


async def test_a_pause_that_does_not_come_is_drift(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        it.owner_wants(Intent.PAUSED)
        await it.bot.catalogue.refresh()
        await it.pass_time(4 * MINUTE)
        assert not it.held
        await it.pass_time(2 * MINUTE)
        assert it.held == {Event.DRIFT}
        it.owner_wants(Intent.RUNNING)
        await it.bot.catalogue.refresh()
        await it.pass_time(20)
        assert await it.told() == [Event.DRIFT, Event.ALIGNED]


@pytest.mark.parametrize("status", [PAUSED, STOPPED])
async def test_a_new_leader_goes_on_with_the_grace_period(status: Status, fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        await it.becomes(status, 3 * MINUTE)
        it.restart()
        await it.pass_time(MINUTE)
        assert not it.held
        it.restart()
        await it.pass_time(2 * MINUTE)
        assert it.held == {Event.DRIFT}
        assert await it.told() == [Event.DRIFT]


async def test_a_contradiction_that_ended_is_no_part_of_the_next_grace_period(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        await it.becomes(PAUSED, 4 * MINUTE)
        it.owner_wants(Intent.PAUSED)
        await it.bot.catalogue.refresh()
        await it.pass_time(MINUTE)
        assert it.bot.repository.record(ONE).state.contradicts_since is None
        it.restart()
        it.owner_wants(Intent.RUNNING)
        await it.bot.catalogue.refresh()
        await it.pass_time(4 * MINUTE)
        assert not it.held
        await it.pass_time(2 * MINUTE)
        assert it.held == {Event.DRIFT}


async def test_a_new_phase_begins_the_grace_period_again(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        await it.becomes(PAUSED, 4 * MINUTE)
        await it.becomes(LIVE, 30)
        await it.becomes(PAUSED, 4 * MINUTE)
        it.restart()
        assert not it.held


async def test_a_pause_by_the_owner_is_no_drift(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        it.owner_wants(Intent.PAUSED)
        await it.becomes(PAUSED, 20 * MINUTE)
        it.owner_wants(Intent.RUNNING)
        await it.becomes(DEPLOYING, 3 * MINUTE)
        await it.becomes(LIVE, 20 * MINUTE)
        assert await it.told() == []


async def test_an_old_listing_causes_no_drift(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        listed = it.bot.api.pipelines[ONE]
        it.bot.repository.learn(replace(listed, intent=Intent.PAUSED))
        reads = len(it.bot.api.asked)
        await it.pass_time(10 * MINUTE)
        assert await it.told() == []
        assert len(it.bot.api.asked) - reads == 1


async def test_an_old_listing_does_not_begin_the_grace_period(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        it.owner_wants(Intent.PAUSED)
        await it.becomes(PAUSED, 60)
        it.bot.repository.learn(replace(it.bot.api.pipelines[ONE], intent=Intent.RUNNING))
        await it.pass_time(3 * MINUTE)
        it.owner_wants(Intent.RUNNING)
        await it.bot.catalogue.refresh()
        await it.pass_time(4 * MINUTE)
        assert not it.held


async def test_an_intent_that_cannot_be_read_begins_and_ends_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        it.owner_wants(Intent.PAUSED)
        await it.bot.catalogue.refresh()
        await it.pass_time(20)
        it.bot.api.refusal = AWAY
        await it.pass_time(10 * MINUTE)
        assert not it.held
        it.bot.api.refusal = None
        await it.pass_time(60)
        assert it.held == {Event.DRIFT}


async def test_a_drift_goes_on_after_a_restart_that_cannot_read_the_intent_at_first(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with deployments(fake_redis) as it:
        await it.becomes(STOPPED, 8 * MINUTE)
        assert it.held == {Event.DRIFT}
        began = it.episode.opened_at
        it.restart()
        it.bot.recorder.forget(ONE)  # the new process has read no intent
        it.bot.clock.seconds += 8 * MINUTE
        it.bot.api.refusal = AWAY
        await it.pass_time(10)
        assert it.bot.repository.pipeline(ONE).intent is None
        it.bot.api.refusal = None
        await it.judge()
        await it.pass_time(10 * MINUTE)
        assert await it.told() == [Event.DRIFT]
        assert (it.held, it.episode.opened_at) == ({Event.DRIFT}, began)


async def test_a_restart_that_cannot_read_the_intent_at_first_keeps_the_grace_period(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with deployments(fake_redis) as it:
        await it.becomes(STOPPED, 4 * MINUTE)
        it.restart()
        it.bot.recorder.forget(ONE)
        it.bot.api.refusal = AWAY
        await it.pass_time(30)
        assert it.bot.repository.pipeline(ONE).intent is None
        it.bot.api.refusal = None
        await it.pass_time(80)
        assert it.held == {Event.DRIFT}


@pytest.mark.parametrize(
    ("finding", "status"), [(Event.DRIFT, STOPPED), (Event.STUCK, replace(DEPLOYING, start_time=None))]
)
async def test_a_finding_ends_only_on_a_reading_after_the_gap(
    finding: Event, status: Status, fake_redis: redis.asyncio.Redis
) -> None:
    async with deployments(fake_redis) as it:
        await it.becomes(status, 70 * MINUTE)
        assert it.held == {finding}
        it.restart()
        it.bot.clock.seconds += 8 * MINUTE
        it.owner_wants(Intent.PAUSED)
        await it.bot.catalogue.refresh()
        await it.judge()
        assert it.held == {finding}
        await it.becomes(status, 60)
        assert await it.told() == ([finding, Event.ALIGNED] if finding is Event.DRIFT else [finding])


async def test_a_drift_that_another_problem_hid_gets_its_card_afterwards(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        await it.becomes(STARTING, 10)
        assert it.episode.kind is EpisodeKind.DEGRADED
        it.owner_wants(Intent.PAUSED)
        await it.bot.catalogue.refresh()
        await it.pass_time(6 * MINUTE)
        assert (it.held, it.episode.kind) == ({Event.DRIFT}, EpisodeKind.DEGRADED)
        await it.becomes(LIVE, 20)
        assert it.episode.kind.value == EpisodeKind.DRIFT


async def test_a_bounded_run_that_ended_is_no_drift(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        it.owner_wants(Intent.RUNNING, bounded=True)
        await it.bot.catalogue.refresh()
        await it.becomes(STOPPED, 20 * MINUTE)
        assert await it.told() == []


async def test_a_failure_is_no_drift(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        await it.becomes(Status(phase=Phase.FAILED, replicas=1, ready=0), 60)
        it.owner_wants(Intent.PAUSED)
        await it.bot.catalogue.refresh()
        await it.pass_time(20 * MINUTE)
        assert await it.told() == []


async def test_a_pipeline_at_rest_costs_no_request(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        await it.becomes(PAUSED, 10 * MINUTE)
        assert it.held == {Event.DRIFT}
        reads = len(it.bot.api.asked)
        await it.pass_time(60 * MINUTE)
        assert len(it.bot.api.asked) == reads


# --- what a deployment's card shows ----------------------------------------------------------------------------------


async def test_a_deployment_shows_when_it_is_usually_live_and_when_it_is_overdue(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with deployments(fake_redis) as it:
        for _ in range(5):
            await it.deploys(3 * MINUTE, live_after=30)
        assert it.episode.usual_to_live is None
        await it.becomes(STOPPING, 20)
        await it.becomes(DEPLOYING, 20)
        assert it.episode.usual_to_live
        assert abs(it.episode.usual_to_live - timedelta(seconds=210)) < timedelta(seconds=20)
        assert it.episode.overdue_since is None
        await it.pass_time(3 * MINUTE)
        revision = it.episode.revision
        await it.pass_time(2 * MINUTE)
        assert it.episode.overdue_since
        assert it.episode.revision == revision + 1
        await it.becomes(LIVE)
        assert not it.episode.open


async def test_the_check_forgets_pipelines_that_have_settled(fake_redis: redis.asyncio.Redis) -> None:
    async with deployments(fake_redis) as it:
        await it.becomes(DEPLOYING, 20)
        assert set(it.checks._checks) == {ONE}
        await it.becomes(LIVE, 20)
        assert not it.checks._checks
        assert not it.bot.repository.unsettled
