"""Changes of watches: their storage, announcements, pages and undo."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import redis.asyncio

from bot.domain import delivery
from bot.domain.answer import RefusalAnswer, UndoFate, UnmatchedAnswer, UnwatchAnswer, WatchAnswer
from bot.domain.names import AmbiguousReference
from bot.domain.notice import Notice, NoticeKind
from bot.domain.phase import Phase
from bot.domain.subscription import Edit, WatchChange, WatchLimits, Wish
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, Every, Target, TargetKind
from bot.ports.pipeline_api import Status
from bot.requests.services import RequestPorts
from bot.store.commits import _Commit
from tests.builders import ALERTS, ANN, a_pipeline, a_watch
from tests.contract.test_store import an_announcement
from tests.fake_logs import FakeLogs
from tests.fake_schedules import FakeFeed, FakeGroups, FakePeople
from tests.fakes import NO_CANVASES, FakeChat
from tests.service.test_heartbeat import Whole, whole
from tests.service.test_poller import ANN_DIRECT, FAILED, ONE, OTHER, TWO, Bot, pipelines, running, subscribe, watch

# --- people that a watch names while its pipeline is FAILED -----------------------------------------------------------

BOB_TARGET = Target(kind=TargetKind.USER, id="U0BOB", direct=ChannelId("D0BOB"))
GROUP = Target(kind=TargetKind.USERGROUP, id="S0ONCALL")


async def calls(bot: Bot, channel: ChannelId = ALERTS) -> list[tuple[str, ...]]:
    bodies = [row.body for row in await bot.store.owed(channel)]
    notices = [body for body in bodies if isinstance(body, Notice) and body.kind is NoticeKind.LATE_PAGE]
    return [tuple(target.id for target in notice.targets) for notice in notices]


async def test_people_added_during_a_failure_are_paged_at_once_and_once(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await watch(bot, "orders-1", targets=(Target(kind=TargetKind.USER, id=ANN, direct=ANN_DIRECT),))
        bot.api.statuses[ONE] = FAILED
        await bot.poll(20)
        assert await calls(bot) == []
        await watch(bot, "orders-1", targets=(Target(kind=TargetKind.USER, id=ANN, direct=ANN_DIRECT), BOB_TARGET))
        assert await calls(bot) == [("U0BOB",)]
        assert await bot.cards(ChannelId("D0BOB")) == ["orders-1 failure"]
        await watch(bot, "orders-*", targets=(GROUP,))  # another watch of the same channel
        await watch(bot, "orders-1", targets=(BOB_TARGET,))  # Bob keeps his place: nobody gets a second page
        await watch(bot, "orders-1", targets=(BOB_TARGET, GROUP))
        await bot.poll(20)
        assert await calls(bot) == [("U0BOB",), ("S0ONCALL",)]


async def test_an_acknowledged_failure_pages_nobody_else(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-1")
        bot.api.statuses[ONE] = FAILED
        await bot.poll(20)
        episode = bot.repository.record(ONE).episode
        assert episode is not None
        await bot.requests.acknowledgements.acknowledge(ALERTS, ONE, next(iter(episode.cards)), ANN)
        await watch(bot, "orders-1", targets=(BOB_TARGET,))
        await bot.poll(20)
        assert await calls(bot) == []


async def test_the_page_goes_out_even_if_the_editing_bot_dies(fake_redis: redis.asyncio.Redis) -> None:
    """The leading bot derives the page from the watches and from the card's list of paged people."""
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-1")
        bot.api.statuses[ONE] = FAILED
        await bot.poll(20)
        (there,) = bot.repository.watches.in_channel(ALERTS)
        await bot.store.add_watches([replace(there, targets=(BOB_TARGET,))], an_announcement("edited"))
        await bot.poll(10)
        assert await calls(bot) == [("U0BOB",)]


def called(world: Whole) -> list[list[str]]:
    """Returns the pipelines that each call in the channel names."""
    calls = [content for _, content, _ in world.chat.posts if isinstance(content, Notice) and content.failures]
    return [[failure.pipeline.name for failure in call.failures] for call in calls]


async def name_bob(world: Whole, reference: str) -> None:
    there = world.bot.repository.watches.in_channel(ALERTS)
    at = world.bot.clock.now()
    edited = [replace(watch, targets=(BOB_TARGET,), made_at=at) for watch in there if watch.reference == reference]
    await world.bot.store.add_watches(edited, an_announcement(f"edited {reference}"))


async def test_one_command_pages_once_for_all_open_failures(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, 3) as world:
        await world.bot.watch("orders-*")
        await world.bot.catalogue.refresh()
        world.bot.api.statuses |= dict.fromkeys(world.bot.api.statuses, FAILED)
        await world.bot.poll(30)
        await name_bob(world, "orders-*")
        await world.bot.poll(30)
    (names,) = called(world)
    assert sorted(names) == ["orders-1", "orders-2", "orders-3"]


async def test_no_page_is_sent_after_recovery_or_acknowledgement(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, 3) as world:
        await world.bot.watch("orders-*")
        await world.bot.catalogue.refresh()
        world.bot.api.statuses |= dict.fromkeys(world.bot.api.statuses, FAILED)
        await world.bot.poll(30)
        slow_down = delivery.Refused(
            kind=delivery.RefusalKind.RATE_LIMITED, error="", retry_after=timedelta(seconds=60)
        )
        world.chat.answers = [(slow_down, False)] * 5  # this covers the delivery that goes first
        await name_bob(world, "orders-*")
        await world.bot.poll(10)
        episode = world.bot.repository.record(ONE).episode
        assert episode is not None
        await world.bot.requests.acknowledgements.acknowledge(ALERTS, ONE, str(episode.card_in(ALERTS)), ANN)
        world.bot.api.statuses[TWO] = Status(phase=Phase.RUNNING, replicas=1, ready=1)
        await world.bot.poll(400)
    assert called(world) == [["orders-3"]]


# --- changes of watches ----------------------------------------------------------------------------------------------


async def unwatch(bot: Bot, *references: str) -> UnwatchAnswer:
    task = asyncio.create_task(bot.requests.subscriptions.unwatch(ALERTS, references, ANN, "ann"))
    await bot.poll(5)
    return await task


async def test_an_edit_keeps_unmentioned_options_and_can_be_undone_once(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-1", targets=(BOB_TARGET,))
        before = bot.repository.watches.in_channel(ALERTS)
        subscriptions = bot.requests.subscriptions
        wish = Wish(events=frozenset({Event.RECOVERED}), by=ANN, by_name="ann")
        answer = await subscribe(subscriptions, ALERTS, ["pipe_0001"], wish)
        assert isinstance(answer, WatchAnswer)
        (edited,) = bot.repository.watches.in_channel(ALERTS)
        assert (edited.events, edited.targets) == (frozenset({Event.RECOVERED}), (BOB_TARGET,))
        assert (await subscriptions.undo(OTHER, answer.undo, ANN)).fate is UndoFate.GONE
        assert (await subscriptions.undo(ALERTS, answer.undo, ANN)).fate is UndoFate.DONE
        assert bot.repository.watches.in_channel(ALERTS) == before
        assert (await subscriptions.undo(ALERTS, answer.undo, ANN)).fate is UndoFate.GONE
        reset = Wish(events=Every.EVENT, targets=(), by=ANN)
        await subscribe(subscriptions, ALERTS, ["pipe_0001"], reset)
        (edited,) = bot.repository.watches.in_channel(ALERTS)
        assert (edited.events, edited.targets) == (None, ())
        bodies = [row.body for row in await bot.store.owed(ChannelId("D0BOB"))]
        assert [body.kind for body in bodies if isinstance(body, Notice)] == [NoticeKind.NOT_PAGED]


async def test_an_unwatch_can_be_undone_until_the_next_change(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await watch(bot, "orders-1", "orders-2", targets=(BOB_TARGET,))
        before = bot.repository.watches.in_channel(ALERTS)
        ended = await bot.requests.subscriptions.unwatch(ALERTS, None, ANN, "ann")
        assert bot.repository.watches.in_channel(ALERTS) == ()
        assert (await bot.requests.subscriptions.undo(ALERTS, ended.undo, ANN)).fate is UndoFate.DONE
        assert bot.repository.watches.in_channel(ALERTS) == before
        ended = await bot.requests.subscriptions.unwatch(ALERTS, None, ANN, "ann")
        await watch(bot, "orders-2")
        now = bot.repository.watches.in_channel(ALERTS)
        assert (await bot.requests.subscriptions.undo(ALERTS, ended.undo, ANN)).fate is UndoFate.CHANGED_SINCE
        assert bot.repository.watches.in_channel(ALERTS) == now


@pytest.mark.parametrize("elsewhere", [False, True], ids=["the last watch", "another channel still watches"])
async def test_the_end_of_the_paging_survives_unwatch_and_undo(
    fake_redis: redis.asyncio.Redis, *, elsewhere: bool
) -> None:
    bobs = ChannelId("D0BOB")
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-1", targets=(BOB_TARGET,))
        if elsewhere:
            await watch(bot, "orders-1", channel=OTHER)
        await bot.poll(10)
        bot.api.statuses[ONE] = FAILED
        await bot.poll(20)
        episode = bot.repository.record(ONE).episode
        assert episode
        began_at, acknowledgements = episode.began_at, bot.requests.acknowledgements
        await acknowledgements.resolve(ALERTS, episode.card_in(ALERTS) or "", ANN, name="Ann")
        ended = await bot.requests.subscriptions.unwatch(ALERTS, None, ANN, "ann")
        assert ended.failing == 1
        bodies = [row.body for row in await bot.store.owed(ALERTS)]
        notices = [it for it in bodies if isinstance(it, Notice) and it.kind is NoticeKind.UNWATCHED]
        assert [notice.failing for notice in notices] == [1]
        await bot.poll(20)
        before = {row.id for row in await bot.store.owed(bobs)}
        assert (await bot.requests.subscriptions.undo(ALERTS, ended.undo, ANN)).fate is UndoFate.DONE
        await bot.poll(20)
        episode = bot.repository.record(ONE).episode
        assert episode
        assert episode.resolved
        assert (episode.began_at, episode.found_begun) == (began_at, False)
        assert episode.card_in(ALERTS)
        assert {row.id for row in await bot.store.owed(bobs)} == before
        assert bot.repository.record(ONE).next_at is None


async def test_an_unknown_name_among_several_changes_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        answer = await watch(bot, "orders-1", "nosuch")
        assert (answer.edits, [reference.reference for reference in answer.unresolved]) == ((), ["nosuch"])
        await watch(bot, "orders-1")
        unwatched = await unwatch(bot, "orders-1", "nosuch")
        assert (unwatched.removed, [reference.reference for reference in unwatched.unresolved]) == ((), ["nosuch"])
        assert [watch.reference for watch in bot.repository.watches.in_channel(ALERTS)] == [ONE]
        answer = await watch(bot, "orders-1", "orders-")  # ambiguous between two
        assert answer.edits == ()


async def test_a_pattern_without_matches_is_watched_after_confirmation(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        subscriptions, wish = bot.requests.subscriptions, Wish(by=ANN)
        answer = await subscribe(subscriptions, ALERTS, ["ordres-*"], wish)
        assert isinstance(answer, UnmatchedAnswer)
        assert answer.patterns == ("ordres-*",)
        assert bot.repository.watches.in_channel(ALERTS) == ()
        made = await subscribe(subscriptions, ALERTS, ["ordres-*"], wish, confirmed=True)
        assert isinstance(made, WatchAnswer)
        assert len(made.edits) == 1
        again = await subscribe(subscriptions, ALERTS, ["ordres-*"], wish, confirmed=True)
        assert isinstance(again, WatchAnswer)
        assert again.edits == ()


async def test_unwatching_an_unwatched_pattern_ends_nothing_and_names_its_matches(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        await watch(bot, "orders-1", "orders-2")
        answer = await unwatch(bot, "orders-*")
        assert [watch.reference for watch in answer.would_end] == [ONE, TWO]
        assert len(bot.repository.watches.in_channel(ALERTS)) == 2
        await watch(bot, "orders-*")
        answer = await unwatch(bot, "orders-3")
        assert (answer.covered, [watch.reference for watch in answer.still_covered_by]) == (("orders-3",), ["orders-*"])
        last = await unwatch(bot, "orders-*")
        assert [watch.reference for watch in last.removed] == ["orders-*"]
        assert [watch.label for watch in last.still_watched] == ["orders-1", "orders-2"]


async def test_the_channel_learns_which_patterns_still_watch_a_pipeline(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        await watch(bot, "orders-1", "orders-2", "orders-*")
        first = await unwatch(bot, "orders-2")
        assert ([watch.reference for watch in first.still_covered_by], first.still_watched) == (["orders-*"], ())
        await unwatch(bot, "orders-*")
        await unwatch(bot, "orders-1")
        bodies = [row.body for row in await bot.store.owed(ALERTS)]
    ended = [body for body in bodies if isinstance(body, Notice) and body.kind is NoticeKind.UNWATCHED]
    assert [[watch.label or watch.reference for watch in body.staying] for body in ended] == [
        ["orders-*"],
        ["orders-1"],
        [],
    ]


async def test_a_channel_has_a_limit_of_watches_and_patterns(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        ports = RequestPorts(
            repository=bot.repository,
            store=bot.store,
            reads=bot.reads,
            unrecorded=bot.recorder.unrecorded,
            catalogue=bot.catalogue,
            clock=bot.clock,
            conversations=FakeChat(),
            log_reads=FakeLogs(),
            feed=FakeFeed(),
            people=FakePeople(),
            groups=FakeGroups(),
            canvases=NO_CANVASES,
            limits=WatchLimits(watches=2, patterns=1),
        )
        limited = ports.services().subscriptions
        await watch(bot, "orders-*", "orders-1")
        for reference, word in (("orders-2", "2 watches"), ("pipe_*", "1 patterns")):
            refused = await subscribe(limited, ALERTS, [reference], Wish(by=ANN))
            assert isinstance(refused, RefusalAnswer)
            assert word in refused.reason or "2 watches" in refused.reason
        assert len(bot.repository.watches.in_channel(ALERTS)) == 2
        edited = await subscribe(limited, ALERTS, ["orders-1"], Wish(targets=(BOB_TARGET,), by=ANN))
        assert isinstance(edited, WatchAnswer)
        assert len(edited.edits) == 1
        there = bot.repository.watches
        change = WatchChange(version=there.version - 1, channel=ALERTS, edits=(Edit(after=a_watch(TWO)),))
        assert not await bot.store.change_watches(change)  # planned on the state before another person's change


async def test_after_a_rename_both_names_work_and_the_current_one_is_shown(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await watch(bot, "orders-1")
        bot.api.pipelines[ONE] = a_pipeline("invoices", pipeline_id=ONE)
        await bot.catalogue.refresh()
        (view,) = (await bot.requests.queries.watches(ALERTS)).watches
        assert view.watch.label == "invoices"
        for name in ("orders-1", "invoices"):
            (shown,) = (await bot.requests.queries.status(ALERTS, [name])).views
            assert shown.pipeline.name == "invoices"
        bot.api.pipelines[TWO] = a_pipeline("orders-1", pipeline_id=TWO)
        await bot.catalogue.refresh()
        (shown,) = (await bot.requests.queries.status(ALERTS, ["orders-1"])).views
        assert shown.pipeline.id == TWO  # another pipeline has the name now
        answer = await unwatch(bot, "orders-1")
        assert isinstance(answer.unresolved[0], AmbiguousReference)
        assert {pipeline.id for pipeline in answer.unresolved[0].candidates} == {ONE, TWO}
        assert [watch.label for watch in (await unwatch(bot, "invoices")).removed] == ["invoices"]


async def test_the_end_of_a_pattern_writes_many_records_in_few_steps(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(120)) as bot:
        await watch(bot, "orders-*")
        bot.api.statuses[ONE] = FAILED
        await bot.poll(30)
        steps = []
        write = bot.store._write

        async def counted(step: Sequence[_Commit]) -> None:
            steps.append(len(step))
            await write(step)

        bot.store._write = counted  # type: ignore[method-assign]
        await bot.requests.subscriptions.unwatch(ALERTS, None, ANN)
        assert sum(steps) == 120
        assert len(steps) <= 12  # the order of tasks decides how many share a step
        assert not any(record.state.observation for record in bot.repository.records)
        assert {
            card.content.episode.open
            for card in (await bot.store.cards([row.id for row in await bot.store.owed(ALERTS)])).values()
        } == {False}
