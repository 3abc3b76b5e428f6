"""Redis loses one key, by eviction or by hand. The bot survives and reports it. Every key has its test."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from bot.domain.alias import IdChange
from bot.domain.card import Card, Group
from bot.domain.configuration import Configuration
from bot.domain.delivery import SLACK
from bot.domain.note import Note, NoteKind
from bot.domain.notice import NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.seen_before import Occurrence
from bot.domain.watch import ChannelId, SuspendReason
from bot.ports.interaction_store import Interaction
from bot.store.losses import PERMANENT
from tests.builders import ALERTS, ANN, TEAM, a_message, a_setup_change, a_watch, at, saved_policy
from tests.fakes import FakeChat
from tests.service.test_heartbeat import Whole, whole
from tests.service.test_poller import FAILED, LIVE, OPERATOR, OTHER
from tests.unit.test_docs import names_of_keys

FIRST = PipelineId("pipe_0001")
PREFIX = f"pipeline-bot:{{{TEAM}}}:"
AGAIN_OR_LATE = {
    "alive",
    "buckets",
    "calls",
    "canvas",
    "chains",
    "clock",
    "configurations",
    "credits",
    "drills",
    "hello",
    "history",
    "identity",
    "incidents",
    "interaction",
    "known_errors",
    "leader_calls",
    "leader_replies",
    "lease",
    "measurements",
    "page_log",
    "pager_answer",
    "pipeline_changes",
    "postmortem",
    "probe",
    "read_results",
    "reads",
    "receipts",
    "recent",
    "record_changes",
    "scheduled",
    "schema",
    "thread",
    "undo",
    "watch_changes",
}
"""Short-lived keys, whose loss is normal. Without one, a click may act twice, another bot takes a lane or leads, a new
group begins, or a channel gets a second greeting. A person's page count or a pipeline's history may start again, an
*Undo* may have expired, reads may be made again, the next start checks for keys to rename, or the time begins at Redis'
clock. Every process announces itself again after 5 s. An answer is late if a call to the leader or its reply is lost.
Without a log of changes, every bot reads all rows once. A call may keep its button, and a start may wait for Slack.
The next sender may begin with a burst. A drill may end without a verdict, Slack may
post a scheduled message that nobody needs, a
pager's resolution may be missing,
and a command in a thread may need the pipeline's name. The first listing afterwards shows no
changed configuration, and an error may look new. A second
click may draft another postmortem."""
FORGOTTEN = {"writes"}
"""A missing count looks like a rollback of the whole store, and the bot recovers from it as from a rollback."""


async def furnish(world: Whole) -> None:
    """Makes the bot write every kind of key."""
    bot = world.bot
    await bot.watch("orders-*")
    bot.api.configurations[FIRST] = Configuration(hashes={"topic": "a"})
    await bot.store.add_watches([a_watch("orders-*", channel=OTHER)], a_message("announced", channel=OTHER))
    await bot.catalogue.refresh()
    await bot.poll(20)
    for number in (1, 2, 3):  # one after the other, so that their cards do not become a group
        bot.api.statuses[PipelineId(f"pipe_000{number}")] = FAILED
        await bot.poll(8)
    await bot.store.resume(OTHER)
    await bot.store.suspend_now(OTHER, SuspendReason.NOT_IN_CHANNEL)
    await bot.store.enqueue([a_message("owed", channel=OTHER)])
    await bot.store.suspend_now(ChannelId("C0WAKES"), SuspendReason.NOT_IN_CHANNEL)
    await bot.store.resume(ChannelId("C0WAKES"), on_trial=True)
    await bot.store.change_ids([IdChange(ChannelId("C0OLD"), ChannelId("C0NEW"), "1.0")])
    await bot.store.save_throttle(SLACK, "update", at(0) + timedelta(minutes=9))
    await bot.store.add_interaction(Interaction(team=TEAM, id="click 1", kind="click", at=bot.clock.now(), payload={}))
    for key in bot.repository.open_cards:  # the state after one message for all of them
        progress = json.loads(await bot.store._redis.get(bot.store._keys.posted(key)) or "")
        await bot.store._redis.set(bot.store._keys.posted(key), json.dumps({**progress, "group": "group-1"}))
    await bot.store._redis.set(bot.store._keys.group("group-1"), " ".join(bot.repository.open_cards))
    await bot.store.change_setup(a_setup_change((await bot.store.watches()).version, saved_policy()))
    await bot.store.set_note(Note(kind=NoteKind.NOTE, reference="orders-*", text="call Bob", by=ANN, at=at(0)))
    await bot.store.add_occurrence("0" * 16, Occurrence(pipeline_id=FIRST, name="orders-1", began_at=at(0)))
    await bot.poll(6)


async def key_of(client: redis.asyncio.Redis, name: str) -> str | None:
    """Returns the first key of this kind, or None."""
    keys = sorted(str(key, "utf-8") if isinstance(key, bytes) else key for key in await client.keys(f"{PREFIX}{name}*"))
    exact = [key for key in keys if key.removeprefix(PREFIX).split(":")[0] == name]
    return next((key for key in exact if OTHER in key), exact[0] if exact else None)


def reports(lines: Sequence[Mapping[str, Any]]) -> set[str]:
    """Returns the key names that the bot reported as lost."""
    reported: set[str] = set()
    for line in lines:
        if line["event"] == "store_incomplete":
            reported |= set(line["keys"])
        if line["event"] == "store_rolled_back":
            reported |= {*FORGOTTEN, "watches_version"}
    return reported


async def goes_on(world: Whole) -> None:
    """Asserts that the bot still reads, stores and reports."""
    bot, last = world.bot, PipelineId("pipe_0004")
    bot.api.statuses[last] = FAILED
    await bot.watch(last)
    await bot.poll(40)
    shown = [content for _, content, _ in (*world.chat.posts, *world.chat.updates)]
    cards = [card for content in shown for card in (content.cards if isinstance(content, Group) else [content])]
    assert any(isinstance(card, Card) and card.pipeline.id == last for card in cards)
    assert bot.repository.record(PipelineId("pipe_0004")).state.phase is Phase.FAILED


EVERY = sorted({name.split(":")[0] for name in names_of_keys()} - {"probe"})


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", EVERY)
async def test_a_lost_key_is_reported_while_the_bot_runs(fake_redis: redis.asyncio.Redis, name: str) -> None:
    with capture_logs() as lines:
        async with whole(fake_redis, 4, operator=OPERATOR) as world:
            await furnish(world)
            assert reports(lines) == set()
            key = await key_of(fake_redis, name)
            assert key or name in AGAIN_OR_LATE
            await fake_redis.delete(key or "none")
            await world.bot.poll(30)
            assert name in reports(lines) | AGAIN_OR_LATE
            if name in PERMANENT:
                if name in {"watches", "notes", "setup"}:
                    assert world.notices(NoticeKind.ROLLED_BACK)
                    assert world.notices(NoticeKind.INCOMPLETE) == []
                else:
                    (notice,) = world.notices(NoticeKind.INCOMPLETE)
                    assert name in notice.keys
            reported = len(reports(lines))
            await world.bot.poll(10)
            assert len(reports(lines)) == reported  # reported only once
            await goes_on(world)
    assert [line for line in lines if line["event"].endswith("_crashed")] == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", EVERY)
async def test_a_lost_key_is_reported_after_a_restart(fake_redis: redis.asyncio.Redis, name: str) -> None:
    async with whole(fake_redis, 4, operator=OPERATOR) as world:
        await furnish(world)
    key = await key_of(fake_redis, name)
    if key is not None:
        await fake_redis.delete(key)
    with capture_logs() as lines:
        async with whole(fake_redis, operator=OPERATOR, before=world.bot) as second:
            await second.bot.poll(30)
            assert name in reports(lines) | AGAIN_OR_LATE | FORGOTTEN
            await goes_on(second)
    assert [line for line in lines if line["event"].endswith("_crashed")] == []


async def test_nothing_is_reported_without_a_loss(fake_redis: redis.asyncio.Redis) -> None:
    """Covers the end of the last watch, the last delivery, and the resume of a channel."""
    with capture_logs() as lines:
        async with whole(fake_redis, 4, operator=OPERATOR) as world:
            await furnish(world)
            await world.bot.store.resume(OTHER)
            for pipeline_id in list(world.bot.api.statuses):
                world.bot.api.statuses[pipeline_id] = LIVE
            await world.bot.poll(60)
            watches = world.bot.repository.watches.all
            await world.bot.store.remove_watches([watch.id for watch in watches], a_message("over"))
            await world.bot.poll(60)
        async with whole(fake_redis, operator=OPERATOR, before=world.bot) as second:
            await second.bot.poll(30)
    assert reports(lines) == set()


async def test_a_first_start_reports_nothing(fake_redis: redis.asyncio.Redis) -> None:
    with capture_logs() as lines:
        async with whole(fake_redis, 4, operator=OPERATOR) as world:
            await world.bot.poll(30)
    assert reports(lines) == set()


async def test_a_lost_card_is_redrawn_in_place(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, 4, operator=OPERATOR, chat=FakeChat()) as world:
        await world.bot.watch(FIRST)
        await world.bot.catalogue.refresh()
        await world.bot.poll(20)
        world.bot.api.statuses[FIRST] = FAILED
        await world.bot.poll(20)
        posts = len(world.posted())
        (key,) = tuple(world.bot.repository.open_cards)
        await fake_redis.delete(f"{PREFIX}card:{key}")
        await world.bot.poll(40)
        assert len(world.posted()) == posts  # the bot found it in Slack by its key and did not post it again
        world.bot.api.statuses[FIRST] = LIVE
        await world.bot.poll(40)
        cards = await world.bot.store.cards([key])
        assert not cards[key].content.episode.open
        assert cards[key].message_id == world.chat.there[key]
        assert await world.bot.store.owed(ALERTS) == ()
