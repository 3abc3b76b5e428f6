"""Timers of pages over a real store: every due step goes out once, whichever bot serves it, also after a restart."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import redis.asyncio

from bot.domain.escalation import PageStatus, Policy, PolicyStep
from bot.domain.notice import CallReason, Notice, NoticeKind
from bot.domain.on_call_setup import OPERATOR as OPERATOR_SCOPE
from bot.domain.on_call_setup import DefaultPolicy, SavedPolicy
from bot.domain.watch import API_PIPELINE_ID, Target, TargetKind, UserId
from bot.paging.timers import OTHERS_WAIT, PageTimers
from bot.ports.pipeline_api import Unauthorized
from tests.builders import ALERTS, ANN, a_message, a_setup_change, a_watch, at
from tests.service.test_poller import ANN_DIRECT, FAILED, ONE, OPERATOR, TWO, Bot, pipelines, running

PAGE_ANN = Target(kind=TargetKind.USER, id=ANN, direct=ANN_DIRECT, label="Ann")
STEP = timedelta(minutes=5)


def timers_of(bot: Bot) -> PageTimers:
    return PageTimers(bot.repository, bot.leadership, bot.clock)


async def later(bot: Bot, seconds: float) -> None:
    """Lets time pass, and the bot leads again."""
    await bot.clock.pass_time(seconds)
    await bot.heartbeat.beat()


async def failing(bot: Bot, *references: str) -> None:
    """These pipelines fail, and a watch pages Ann for each."""
    watches = [a_watch(reference, targets=(PAGE_ANN,)) for reference in references]
    await bot.watch(*references)
    await bot.store.add_watches(watches, a_message("again", Notice(kind=NoticeKind.WATCHING, at=at(0))))
    await bot.repository.refresh_watches()
    bot.api.statuses |= dict.fromkeys(map(type(ONE), references), FAILED)
    await bot.poll(2)


async def calls(bot: Bot) -> list[tuple[str, CallReason]]:
    """The conversation and reason of each call in the outbox."""
    rows = [*await bot.store.owed(ALERTS), *await bot.store.owed(ANN_DIRECT), *await bot.store.owed(OPERATOR)]
    return [(row.receiver.id, row.body.call.reason) for row in rows if isinstance(row.body, Notice) and row.body.call]


async def test_a_step_is_called_once_when_it_is_due(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await failing(bot, ONE)
        timers = timers_of(bot)
        await timers.serve()
        assert await calls(bot) == []
        await later(bot, STEP.total_seconds())
        for _ in range(3):
            await timers.serve()
        assert sorted(await calls(bot)) == [(ALERTS, CallReason.REPEATED), (ANN_DIRECT, CallReason.REPEATED)]


async def test_two_bots_serve_a_timer_once(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await failing(bot, ONE)
        async with running(fake_redis, *pipelines(1), clock=bot.clock) as other:
            await later(bot, (STEP + OTHERS_WAIT).total_seconds() + 1)
            await timers_of(other).serve()
            await timers_of(bot).serve()
            assert Counter(await calls(bot)) == Counter(
                [(ALERTS, CallReason.REPEATED), (ANN_DIRECT, CallReason.REPEATED)]
            )


async def test_a_bot_that_does_not_lead_leaves_a_timer_to_the_leader_for_seconds(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await failing(bot, ONE)
        async with running(fake_redis, *pipelines(1), clock=bot.clock) as other:
            await later(bot, STEP.total_seconds() + 1)
            await timers_of(other).serve()
            assert await calls(bot) == []


async def test_a_restarted_bot_serves_the_timers_of_the_one_before(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await failing(bot, ONE)
        clock = bot.clock
    await clock.pass_time(3600)
    async with running(fake_redis, *pipelines(1), clock=clock) as restarted:
        await restarted.heartbeat.beat()
        timers = timers_of(restarted)
        await timers.serve()
        await timers.serve()
        assert len(await calls(restarted)) == 2  # overdue by an hour: one step, and the next wait begins now
        record = restarted.repository.record(ONE)
        assert record.next_at == clock.now() + STEP


async def test_pipelines_that_are_due_within_seconds_are_called_together(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await failing(bot, ONE)
        await bot.poll(4)
        await failing(bot, ONE, TWO)
        due = [bot.repository.record(pipeline_id).next_at for pipeline_id in (ONE, TWO)]
        assert due[0] is not None
        assert due[1] is not None
        assert due[0] < due[1]
        await later(bot, (due[0] - bot.clock.now()).total_seconds())
        await timers_of(bot).serve()
        assert Counter(channel for channel, _ in await calls(bot)) == {ALERTS: 2, ANN_DIRECT: 2}


async def test_failures_at_different_times_call_a_person_together(fake_redis: redis.asyncio.Redis) -> None:
    """Each one alone would call at 5 and at 10 minutes."""
    async with running(fake_redis, *pipelines(2)) as bot:
        await failing(bot, ONE)
        await later(bot, 90)
        await failing(bot, ONE, TWO)
        first, second = (bot.repository.record(pipeline_id).next_at for pipeline_id in (ONE, TWO))
        assert first
        assert second
        assert second - first > timedelta(seconds=80)
        await later(bot, (first - bot.clock.now()).total_seconds())
        await timers_of(bot).serve()
        assert Counter(channel for channel, _ in await calls(bot)) == {ALERTS: 2, ANN_DIRECT: 2}
        next_times = {bot.repository.record(pipeline_id).next_at for pipeline_id in (ONE, TWO)}
        assert next_times == {bot.clock.now() + STEP}  # together from now on


async def test_no_call_comes_after_an_acknowledgement(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await failing(bot, ONE)
        episode = bot.repository.record(ONE).episode
        assert episode is not None
        card = next(key for key, channel in episode.cards.items() if channel == ALERTS)
        await bot.requests.acknowledgements.acknowledge(ALERTS, ONE, card, ANN, name="Ann")
        await later(bot, 7200)
        await timers_of(bot).serve()
        assert await calls(bot) == []


def a_policy(name: str, targets: Sequence[Target]) -> SavedPolicy:
    policy = Policy(name=name, steps=(PolicyStep(targets=tuple(targets), wait=STEP),))
    return SavedPolicy(policy=policy, made_by=ANN, made_at=at(0))


async def test_a_rejected_key_pages_the_policy_of_the_operator(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(5), operator=OPERATOR) as bot:
        await bot.watch("orders-*")
        operator = DefaultPolicy(scope=OPERATOR_SCOPE, policy="run", made_by=UserId("U0OPS"), made_at=at(0))
        version = bot.repository.watches.version
        assert await bot.store.change_setup(a_setup_change(version, a_policy("run", [PAGE_ANN]), operator))
        await bot.repository.refresh_watches()
        await bot.catalogue.refresh()
        await bot.poll(30)
        bot.api.statuses = dict.fromkeys(bot.api.statuses, Unauthorized("the ServiceKey is wrong."))
        await bot.poll(60)
        episode = bot.repository.record(API_PIPELINE_ID).episode
        assert episode is not None
        assert set(episode.cards.values()) == {OPERATOR, ANN_DIRECT}
        assert [page.status for page in episode.pages] == [PageStatus.ESCALATING]
        await later(bot, STEP.total_seconds())
        await timers_of(bot).serve()
        assert (OPERATOR, CallReason.NOBODY_ANSWERED) in await calls(bot)
        assert await bot.cards() == []
        card = next(key for key, channel in episode.cards.items() if channel == OPERATOR)
        answer = await bot.requests.acknowledgements.acknowledge(OPERATOR, API_PIPELINE_ID, card, ANN, name="Ann")
        assert answer.by == ANN
