"""Delivery while Slack or the store is unreliable: doubt, late requests, a stuck feed, the reason for a delay."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import redis.asyncio

from bot.delivery.doubt import Doubt
from bot.domain.body import Content
from bot.domain.card import Card, Group, ThreadEntry, TimelineBatch
from bot.domain.delivery import (
    SLACK,
    Delay,
    Delivery,
    Lookup,
    LookupResult,
    Outcome,
    Posted,
    RefusalKind,
    Refused,
    Unknown,
    Unreadable,
)
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import plan_reading
from bot.domain.protocol import LANDS_WITHIN
from bot.domain.summary import Digest
from bot.domain.transition import Event
from bot.domain.watch import ChannelId
from bot.slack.outbound.limits import SLACK_LIMITS
from tests.builders import ALERTS, TEAM, a_pipeline, a_routing, a_watch, an_observation
from tests.contract.test_store import an_announcement
from tests.fakes import FakeChat, FakeClock
from tests.service.test_dispatcher import acknowledge, announce, fail, idle, sending
from tests.stores import WholeStore

OTHER = ChannelId("C0OTHER")
NO_ANSWER = Unknown("timeout")
LIMITED = Refused(kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=timedelta(seconds=30))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def chat() -> FakeChat:
    return FakeChat()


@pytest.fixture
def store(fake_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(fake_redis, TEAM, clock)


async def read(store: WholeStore, number: int, seconds: int, phase: Phase, ready: int = 1) -> None:
    pipeline = a_pipeline(f"orders-{number}", pipeline_id=PipelineId(f"pipe_{number:04}"))
    routing = a_routing(a_watch(pipeline.id), pipeline=pipeline)
    observation = an_observation(phase, seconds, ready=ready, pipeline_id=pipeline.id)
    plan = plan_reading(await store.record(pipeline.id), observation, routing)
    assert not plan.must_be_written or await store.commit(plan, (await store.watches()).version)


def contents(chat: FakeChat) -> list[str]:
    return [type(content).__name__ for _, content, _ in chat.posts]


# --- doubt -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [True, False])
async def test_in_doubt_every_open_message_is_looked_up_before_it_is_sent(
    store: WholeStore, chat: FakeChat, clock: FakeClock, *, there: bool
) -> None:
    await fail(store)
    (row,) = await store.owed(ALERTS)
    if there:  # Slack has the message, but the store forgot it
        (card,) = (await store.cards([row.id])).values()
        chat.land("7.0", row, card.content)
    doubt = Doubt(clock)
    doubt.begin(clock.now())
    async with sending(store, chat, clock, doubt):
        await clock.pass_time(LANDS_WITHIN.total_seconds() - 1)
        assert (chat.lookups, len(chat.posts)) == (0, 0)  # a forgotten request may still be under way
        await clock.pass_time(10)
    assert chat.lookups >= 1
    assert len(chat.posts) == (0 if there else 1)
    (card,) = (await store.cards([row.id])).values()
    assert card.message_id == ("7.0" if there else chat.there[row.id])
    assert await idle(store)


async def test_in_doubt_an_unreadable_history_delays_a_page_only_briefly_and_is_reported(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    chat.results = [Unreadable("missing_scope")] * 50
    await fail(store)
    doubt = Doubt(clock)
    doubt.begin(clock.now())
    async with sending(store, chat, clock, doubt):
        await clock.pass_time(30)
    ((delivery, _, _),) = chat.posts
    assert delivery.attempt.possible_repeat


@pytest.mark.parametrize("owed_for", [0, 3600])
async def test_in_doubt_an_old_message_is_looked_up_as_patiently_as_a_new_one(
    store: WholeStore, chat: FakeChat, clock: FakeClock, owed_for: float
) -> None:
    await fail(store)
    await clock.pass_time(owed_for)
    (row,) = await store.owed(ALERTS)
    (card,) = (await store.cards([row.id])).values()
    chat.land("7.0", row, card.content)
    chat.results = [Unreadable("fatal_error")]
    doubt = Doubt(clock)
    doubt.begin(clock.now())
    async with sending(store, chat, clock, doubt):
        await clock.pass_time(30)
    assert chat.lookups == 2
    assert chat.posts == []


async def test_in_doubt_a_message_that_may_be_posted_is_not_regrouped(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    for number in range(1, 5):
        await fail(store, number)
    rows = await store.owed(ALERTS)
    cards = await store.cards([row.id for row in rows])
    chat.land("7.0", rows[0], cards[rows[0].id].content)
    doubt = Doubt(clock)
    doubt.begin(clock.now())
    async with sending(store, chat, clock, doubt):
        await clock.pass_time(30)
    assert chat.posts == []
    _, group, message_id = chat.updates[-1]
    assert isinstance(group, Group)
    assert message_id == "7.0"  # found, and only then the others join it
    assert {card.key for card in group.cards} == {row.id for row in rows}


# --- Slack answers nothing -------------------------------------------------------------------------------------------


class Away(FakeChat):
    """Accepts no message while `posts_away`, except the first if it `lands`. Shows no history while `looks_away`."""

    def __init__(self, *, lands: bool = False, none: Outcome = NO_ANSWER) -> None:
        super().__init__()
        self.posts_away = self.looks_away = True
        self._none = none
        self.tries = 0
        self._lands = lands

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:
        self.tries += 1
        if self.posts_away:
            self.answers = [(self._none, self._lands and self.tries == 1)]
        return await super().post(delivery, content, parent_id=parent_id, now=now)

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        results = await super().find(lookups)
        return [Unreadable("timeout", lost=True)] * len(lookups) if self.looks_away else results


@pytest.mark.parametrize("lands", [True, False])
@pytest.mark.parametrize("away", range(180, 270, 30))
async def test_a_page_is_looked_up_first_when_slack_answers_again(
    store: WholeStore, clock: FakeClock, away: int, *, lands: bool
) -> None:
    chat = Away(lands=lands)
    await fail(store)
    async with sending(store, chat, clock):
        await clock.pass_time(away)
        assert chat.tries < away / 60 + 2  # each of the requests might land
        chat.posts_away = chat.looks_away = False
        await clock.pass_time(60)
    ((delivery, _, _),) = chat.posts
    assert not delivery.attempt.possible_repeat
    (stands,) = chat.there.values()
    (card,) = (await store.cards(list(chat.there))).values()
    assert card.message_id == stands


@pytest.mark.parametrize("channels", [1, 5])
async def test_a_page_goes_out_even_if_the_history_hangs_for_ever(
    store: WholeStore, clock: FakeClock, channels: int
) -> None:
    chat = Away()
    places = [ChannelId(f"C0{number}") for number in range(channels)]
    await fail(store, 1, *places)
    async with sending(store, chat, clock):
        await clock.pass_time(5)
        chat.posts_away = False
        await clock.pass_time(115)
    assert {delivery.receiver.id for delivery, _, _ in chat.posts} == set(places)
    assert len(chat.posts) == channels


@pytest.mark.parametrize("lost", [True, False], ids=["no answer", "not reached"])
@pytest.mark.parametrize("away", [*range(15, 120, 15), 600])
async def test_after_an_outage_a_failure_goes_before_the_interrupted_message(
    store: WholeStore, clock: FakeClock, away: int, *, lost: bool
) -> None:
    chat = Away(none=NO_ANSWER if lost else Refused(kind=RefusalKind.NOT_SENT, error="no connection"))
    await announce(store, 2, ALERTS)
    async with sending(store, chat, clock):
        await clock.pass_time(20)
        await fail(store)
        await clock.pass_time(away)
        chat.posts_away = chat.looks_away = False
        await clock.pass_time(120)
    assert contents(chat)[0] == "Card"
    assert len(chat.posts) == 3
    assert await idle(store)


async def test_a_slack_that_posts_without_answering_gets_few_duplicates_and_they_are_deleted(
    store: WholeStore, clock: FakeClock
) -> None:
    class Mute(Away):
        """Posts every message and answers nothing."""

        async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:
            self.tries = 0
            return await super().post(delivery, content, parent_id=parent_id, now=now)

    chat = Mute(lands=True)
    await fail(store)
    async with sending(store, chat, clock):
        await clock.pass_time(18 * 60)
        tries = len(chat.posts)
        assert tries == 6  # at once, then after 1, 2, 4, 4 and 4 minutes
        chat.posts_away = chat.looks_away = False
        await clock.pass_time(120)
    assert len(chat.posts) == tries
    assert len(chat.deleted) == tries - 1
    assert await idle(store)


# --- what lands late -------------------------------------------------------------------------------------------------


async def test_a_late_first_attempt_is_deleted_within_two_minutes(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    chat.answers = [(Unknown("timeout"), False)]
    await fail(store)
    async with sending(store, chat, clock):
        await clock.pass_time(40)
        ((row, content, _),) = chat.posts  # two lookups found nothing, so the bot sent it again
        chat.land("9999.0", row, content)
        await clock.pass_time(80)
    assert chat.deleted == ["9999.0"]
    assert len(chat.posts) == 1
    assert await idle(store)


async def test_a_copy_with_the_end_in_its_thread_stays_and_the_end_is_broadcast(
    store: WholeStore, clock: FakeClock
) -> None:
    chat = Away(lands=True)
    await fail(store)
    async with sending(store, chat, clock):
        await clock.pass_time(5)  # Slack has the message, but the bot does not know
        await read(store, 1, 5, Phase.RUNNING)
        chat.posts_away = False
        await clock.pass_time(90)
        (_, failed, _), (repeat, recovered, _), (_, end, thread) = chat.posts
        assert isinstance(failed, Card)
        assert failed.episode.open
        assert isinstance(recovered, Card)
        assert repeat.attempt.possible_repeat
        assert not recovered.episode.open
        assert isinstance(end, ThreadEntry)
        assert end.broadcast  # only the first copy may be there, and that one came while the failure was open
        assert thread == "2.000000"
        await read(store, 1, 6, Phase.PAUSED)
        await clock.pass_time(5)
        chat.looks_away = False
        await clock.pass_time(120)
    assert chat.deleted == ["1.000000"]
    (_, paused, _) = chat.posts[-1]
    assert isinstance(paused, Card)
    assert await idle(store)


# --- pages and the feed ----------------------------------------------------------------------------------------------


async def test_a_page_does_not_wait_for_a_feed_that_is_stuck(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await announce(store, 1, ALERTS)
    chat.answers = [(Unknown("timeout"), False)]
    async with sending(store, chat, clock):
        await clock.pass_time(1)
        assert chat.posts == []  # the feed's message has an unknown outcome
        await fail(store)
        await clock.pass_time(2)
        assert contents(chat) == ["Card"]


async def test_many_waiting_episodes_are_one_digest_behind_the_failures(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    for number in range(1, 26):
        await read(store, number, 1, Phase.RUNNING)
        await read(store, number, 2, Phase.DEPLOYING, ready=0)
        await read(store, number, 3, Phase.RUNNING)
    await fail(store, 30)
    async with sending(store, chat, clock):
        await clock.pass_time(10)
    assert contents(chat) == ["Card", "Digest"]
    (failed, _, _), (_, caught_up, _) = chat.posts
    assert failed.lane.kind == "pages"
    assert isinstance(caught_up, Digest)
    assert {entry.pipeline.name for entry in caught_up.entries} == {f"orders-{number}" for number in range(1, 26)}
    assert all(entry.counts[Event.DEPLOYING] == entry.counts[Event.LIVE] == 1 for entry in caught_up.entries)
    assert await idle(store)


async def test_many_waiting_replies_of_one_thread_are_one_message(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await read(store, 1, 1, Phase.FAILED, ready=0)
    async with sending(store, chat, clock):
        await clock.pass_time(2)
    for seconds in range(2, 9):
        await read(store, 1, seconds, Phase.DEPLOYING if seconds % 2 else Phase.STOPPING, ready=0)
    async with sending(store, chat, clock):
        await clock.pass_time(5)
    assert contents(chat) == ["Card", "TimelineBatch"]
    (card, _, _), (_, lines, thread) = chat.posts
    assert isinstance(lines, TimelineBatch)
    assert thread == chat.there[card.id]
    assert [entry.entry.at.second for entry in lines.entries] == list(range(2, 9))


async def test_the_next_episode_of_a_pipeline_waits_for_the_previous_one(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    chat.answers = [(LIMITED, False)]
    await read(store, 1, 1, Phase.FAILED, ready=0)
    async with sending(store, chat, clock):
        await clock.pass_time(1)
        await read(store, 1, 2, Phase.RUNNING)
        await read(store, 1, 3, Phase.PAUSED)
        await clock.pass_time(90)
    contents = [content for _, content, _ in chat.posts]
    cards = [content.episode.kind.value for content in contents if isinstance(content, Card)]
    assert cards == ["failure", "pause"]
    assert await idle(store)


async def test_the_next_episode_waits_for_the_last_reply(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
    await read(store, 1, 1, Phase.FAILED, ready=0)
    async with sending(store, chat, clock):
        await clock.pass_time(2)
        chat.answers = [(Posted("1.000000"), True), (NO_ANSWER, False)]
        chat.results = [Unreadable("internal_error")] * 3
        await read(store, 1, 2, Phase.RUNNING)
        await clock.pass_time(3)
        await read(store, 1, 3, Phase.PAUSED)
        await clock.pass_time(150)
    assert contents(chat) == ["Card", "ThreadEntry", "Card"]


# --- why it is late --------------------------------------------------------------------------------------------------


async def posted_after(answer: Refused | Unknown, store: WholeStore, chat: FakeChat, clock: FakeClock) -> Delivery:
    chat.answers = [(answer, False)]
    await fail(store)
    async with sending(store, chat, clock):
        await clock.pass_time(60)
    ((delivery, _, _),) = chat.posts
    return delivery


@pytest.mark.parametrize(
    ("answer", "delay"),
    [
        (LIMITED, Delay.RATE_LIMITED),
        (Unknown("timeout"), Delay.NO_ANSWER),
        (Refused(kind=RefusalKind.NOT_SENT, error="no connection"), Delay.NOT_REACHED),
        (Refused(kind=RefusalKind.WORKSPACE, error="invalid_auth"), Delay.REFUSED),
    ],
)
async def test_a_late_message_knows_its_reason(
    answer: Refused | Unknown, delay: Delay, store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    assert (await posted_after(answer, store, chat, clock)).attempt.delay is delay


async def test_a_delivery_older_than_the_bot_is_late_because_none_was_running(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await fail(store)
    await clock.pass_time(600)
    async with sending(store, chat, clock):
        await clock.pass_time(3)
    ((delivery, _, _),) = chat.posts
    assert delivery.attempt.delay is Delay.AWAY


async def test_a_throttled_post_binds_a_restarted_bot(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
    chat.answers = [(replace(LIMITED, retry_after=timedelta(seconds=120)), False)]
    await fail(store)
    async with sending(store, chat, clock):
        await clock.pass_time(1)
    await fail(store, 2, OTHER)
    async with sending(store, chat, clock):
        await clock.pass_time(100)
        assert chat.posts == []
        await clock.pass_time(60)
    assert len(chat.posts) == 2


async def test_a_throttled_history_binds_a_restarted_bot(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
    chat.answers = [(Unknown("timeout"), True)]
    chat.results = [Unreadable("ratelimited", timedelta(seconds=120))]
    await fail(store)
    async with sending(store, chat, clock):
        await clock.pass_time(10)
    assert chat.lookups == 1
    async with sending(store, chat, clock):
        await clock.pass_time(30)
        assert chat.lookups == 1


async def test_an_expired_retry_after_delays_no_lookup(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
    await store.save_throttle(SLACK, "post", clock.now() + timedelta(seconds=30))
    await clock.pass_time(600)
    async with sending(store, chat, clock):
        await clock.pass_time(1)
        await store.add_watches([a_watch()], replace(an_announcement(), made_at=clock.now()))
        await clock.pass_time(5)
    assert [row.attempt.delay for row, _, _ in chat.posts] == [None]


async def test_the_card_shows_an_acknowledgement_while_its_reply_waits(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await fail(store)
    async with sending(store, chat, clock):
        await clock.pass_time(2)
    await acknowledge(store)
    chat.answers = [(LIMITED, False)]
    async with sending(store, chat, clock):
        await clock.pass_time(90)
    assert [type(content) for _, content, _ in chat.posts] == [Card, ThreadEntry]
    ((_, shown, _),) = chat.updates
    assert isinstance(shown, Card)
    assert shown.episode.acknowledged


# --- what nobody foresaw ---------------------------------------------------------------------------------------------


async def test_a_refusal_for_an_unknown_reason_delays_nothing_else(store: WholeStore, clock: FakeClock) -> None:
    await announce(store, 1, ALERTS)
    (poison,) = await store.owed(ALERTS)

    class Refusing(FakeChat):
        async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:
            if delivery.id == poison.id:
                return Refused(kind=RefusalKind.OTHER, error="error_of_next_year")
            return await super().post(delivery, content, parent_id=parent_id, now=now)

    chat = Refusing()
    async with sending(store, chat, clock):
        await clock.pass_time(20)
        for number in range(1, 6):
            watch = a_watch(f"pipe_{number}")
            assert await store.add_watches([watch], an_announcement(f"{ALERTS} {number}", ALERTS))
        await clock.pass_time(40)
    assert len(chat.posts) == 5
    (remaining,) = await store.owed(ALERTS)
    assert remaining.attempt.plain


async def test_a_lookup_that_never_ends_is_given_up(store: WholeStore, clock: FakeClock) -> None:
    class Hanging(FakeChat):
        async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
            self.lookups += 1
            await asyncio.Event().wait()
            raise AssertionError("it never comes")

    chat = Hanging()
    chat.answers = [(Unknown("reset"), False)]
    await fail(store)
    async with sending(store, chat, clock, limits=replace(SLACK_LIMITS, call_seconds=0.01)):
        while chat.lookups < 2:
            await clock.pass_time(0.5)
            await asyncio.sleep(0.002)  # the limit of a lookup is real time


async def test_a_message_whose_lookups_take_too_long_is_sent_as_a_possible_repeat(
    store: WholeStore, clock: FakeClock
) -> None:
    class Slow(FakeChat):
        async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
            self.lookups += 1
            await clock.sleep(SLACK_LIMITS.call_seconds)
            raise TimeoutError

    chat = Slow()
    chat.answers = [(Unknown("reset"), False)]
    await fail(store)
    async with sending(store, chat, clock):
        while not chat.posts:
            await clock.pass_time(0.5)
    assert chat.lookups
    ((delivery, _, _),) = chat.posts
    assert delivery.attempt.possible_repeat
