"""A person stops their pages for good, from the direct message and without being in the channel."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import redis.asyncio

from bot.domain.card import SyncCard
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.watch import ChannelId, SuspendReason, Target, TargetKind, UserId, Watch
from bot.ports.pipeline_api import Status
from tests.builders import ALERTS, ANN, a_message, a_person, a_watch
from tests.service.test_poller import ONE, OTHER, TWO, Bot, pipelines, running

BOB, CAT = UserId("U0BOB"), UserId("U0CAT")
BOBS_DMS, CATS_DMS = ChannelId("D0BOB"), ChannelId("D0CAT")
FAILED = Status(phase=Phase.FAILED, replicas=1, ready=0)
PAGED = (replace(a_person(BOB, direct=BOBS_DMS), label="Bob"), a_person(CAT, direct=CATS_DMS))


@pytest.fixture
async def bot(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Bot]:
    async with running(fake_redis, *pipelines(3)) as bot:
        await bot.catalogue.refresh()
        yield bot


async def watch(bot: Bot, *watches: Watch) -> None:
    for number, watch in enumerate(watches):
        await bot.store.add_watches([watch], a_message(f"made {number} {watch.channel}", channel=watch.channel))
    await bot.repository.refresh_watches()


async def paged_by(bot: Bot, person: UserId) -> list[tuple[ChannelId, str]]:
    return [
        (watch.channel, watch.reference)
        for watch in (await bot.store.watches()).all
        if any(target.id == person for target in watch.targets)
    ]


async def notices(bot: Bot, channel: ChannelId) -> list[Notice]:
    bodies = [row.body for row in await bot.store.owed(channel)]
    return [body for body in bodies if isinstance(body, Notice) and body.kind is NoticeKind.PAGING_STOPPED]


async def test_stopping_a_page_removes_only_the_person_who_stops_it(bot: Bot) -> None:
    await watch(bot, a_watch(ONE, targets=PAGED), a_watch(TWO, targets=PAGED))
    answer = await bot.requests.stops.stop(BOB, [ONE])
    assert [watch.reference for watch in answer.stopped] == [ONE]
    assert answer.others == 1
    assert await paged_by(bot, BOB) == [(ALERTS, TWO)]
    assert await paged_by(bot, CAT) == [(ALERTS, ONE), (ALERTS, TWO)]


async def test_the_channel_and_the_maker_learn_who_stopped_the_page(bot: Bot) -> None:
    await watch(bot, a_watch(ONE, targets=PAGED, made_by=ANN))
    await bot.requests.stops.stop(BOB, [ONE])
    for channel in (ALERTS, ChannelId(f"D{ANN}")):
        (notice,) = await notices(bot, channel)
        assert (notice.by, notice.by_name) == (BOB, "Bob")
        assert [target.id for watch in notice.watches for target in watch.targets] == [CAT]


async def test_a_maker_who_stops_their_own_page_gets_no_message(bot: Bot) -> None:
    await watch(bot, a_watch(ONE, targets=PAGED, made_by=BOB))
    await bot.requests.stops.stop(BOB, [ONE])
    assert len(await notices(bot, ALERTS)) == 1
    assert await notices(bot, ChannelId(f"D{BOB}")) == []


async def test_the_second_click_changes_nothing_and_says_so(bot: Bot) -> None:
    await watch(bot, a_watch(ONE, targets=PAGED))
    await bot.requests.stops.stop(BOB, [ONE])
    version = await bot.store.watches_version()
    answer = await bot.requests.stops.stop(BOB, [ONE])
    assert answer.stopped == ()
    assert await bot.store.watches_version() == version
    assert len(await notices(bot, ALERTS)) == 1


async def test_stopping_covers_patterns_and_every_channel(bot: Bot) -> None:
    await watch(
        bot,
        a_watch("orders-*", targets=PAGED),
        a_watch("project:shop", channel=OTHER, targets=PAGED),
        a_watch(ONE, channel=OTHER, targets=PAGED),
        a_watch("nothing-*", targets=PAGED),
    )
    answer = await bot.requests.stops.stop(BOB, [ONE])
    assert await paged_by(bot, BOB) == [(ALERTS, "nothing-*")]
    assert answer.others == 1
    assert len(await notices(bot, OTHER)) == 1
    covered = {watch.reference: number for watch, number in zip(answer.stopped, answer.covers, strict=True)}
    assert covered[ONE] == 1
    assert covered["orders-*"] == len(
        [pipeline for pipeline in bot.repository.catalogue if pipeline.name.startswith("orders-")]
    )
    (notice,) = await notices(bot, ALERTS)
    assert notice.covers == (covered["orders-*"],)


async def test_stopping_everywhere_covers_every_watch(bot: Bot) -> None:
    await watch(bot, a_watch(ONE, targets=PAGED), a_watch("orders-*", channel=OTHER, targets=PAGED))
    answer = await bot.requests.stops.stop(BOB, None)
    assert (len(answer.stopped), answer.others) == (2, 0)
    assert await paged_by(bot, BOB) == []


async def test_user_groups_and_broadcasts_stay(bot: Bot) -> None:
    others = (Target(kind=TargetKind.USERGROUP, id=BOB), Target(kind=TargetKind.HERE))
    await watch(bot, a_watch(ONE, targets=(*PAGED, *others)))
    await bot.requests.stops.stop(BOB, [ONE])
    (remaining,) = (await bot.store.watches()).all
    assert remaining.targets == (PAGED[1], *others)


async def test_the_next_failure_pages_everyone_else(bot: Bot) -> None:
    await watch(bot, a_watch(ONE, targets=PAGED))
    await bot.poll(2)
    await bot.requests.stops.stop(BOB, [ONE])
    bot.api.statuses[ONE] = FAILED
    await bot.poll(16)
    assert await bot.cards(BOBS_DMS) == []
    assert await bot.cards(CATS_DMS) == ["orders-1 failure"]


async def test_the_open_card_in_the_direct_messages_closes(bot: Bot) -> None:
    await watch(bot, a_watch(ONE, targets=PAGED))
    bot.api.statuses[ONE] = FAILED
    await bot.poll(2)
    await bot.requests.stops.stop(BOB, [ONE])
    episode = bot.repository.record(ONE).episode
    assert episode is not None
    assert set(episode.cards.values()) == {ALERTS, CATS_DMS}
    (row,) = [row for row in await bot.store.owed(BOBS_DMS) if isinstance(row.body, SyncCard)]
    card = (await bot.store.cards([row.id]))[row.id]
    assert not card.content.episode.open
    assert card.content.continues_in == (ALERTS,)


async def test_stopping_does_not_resume_a_suspended_channel(bot: Bot) -> None:
    await watch(bot, a_watch(ONE, targets=PAGED))
    await bot.store.suspend_now(ALERTS, SuspendReason.ARCHIVED)
    await bot.requests.stops.stop(BOB, [ONE])
    assert (await bot.store.watches()).suspended == {ALERTS: SuspendReason.ARCHIVED}
    assert await paged_by(bot, BOB) == []


async def test_an_unknown_pipeline_changes_nothing(bot: Bot) -> None:
    await watch(bot, a_watch(ONE, targets=PAGED))
    answer = await bot.requests.stops.stop(BOB, [PipelineId("pipe_none")])
    assert answer.stopped == ()
    assert await paged_by(bot, BOB) == [(ALERTS, ONE)]


async def test_the_other_open_cards_lose_the_person_at_once(bot: Bot) -> None:
    await watch(
        bot,
        a_watch("*", targets=PAGED, made_by=BOB),
        a_watch(ONE, channel=BOBS_DMS, targets=PAGED[:1], made_by=BOB),
    )
    bot.api.statuses[ONE] = FAILED
    await bot.poll(2)
    await bot.requests.stops.stop(BOB, [ONE])
    episode = bot.repository.record(ONE).episode
    assert episode
    cards = {card.content.channel: card.content for card in (await bot.store.cards(tuple(episode.cards))).values()}
    assert [target.id for target in cards[ALERTS].targets] == [CAT]
    assert (cards[BOBS_DMS].targets, cards[BOBS_DMS].origins) == ((), ())


async def test_the_persons_own_direct_messages_get_no_notice(bot: Bot) -> None:
    await watch(bot, a_watch(ONE, channel=BOBS_DMS, targets=PAGED[:1], made_by=BOB))
    await bot.requests.stops.stop(BOB, [ONE])
    assert await paged_by(bot, BOB) == []
    assert await notices(bot, BOBS_DMS) == []
