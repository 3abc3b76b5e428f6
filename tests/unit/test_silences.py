"""Mutes, maintenance windows and quiet hours hold back messages. Nothing that they hold back is lost."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.domain.addressing import addressed
from bot.domain.card import SyncCard, ThreadEntry
from bot.domain.delivery import Message, Priority
from bot.domain.episode import Acknowledgement
from bot.domain.escalation import Policy, PolicyStep
from bot.domain.notice import Notice
from bot.domain.observation import Observation
from bot.domain.on_call_setup import SavedPolicy
from bot.domain.page_plan import plan_acknowledgement, plan_newly_named, plan_timer
from bot.domain.phase import Phase
from bot.domain.plan import Plan, Record, plan_forgotten, plan_newcomer, plan_reading
from bot.domain.receipt import SkipReason
from bot.domain.routing import Routing
from bot.domain.setup import Setup, SetupKind
from bot.domain.silence import EVERY_DAY, WEEKDAYS, WHOLE_CHANNEL, Maintenance, Mute, QuietHours, Silence, WeeklyHours
from bot.domain.silence_plan import plan_silences
from bot.domain.summary import Digest, DigestEntry
from bot.domain.transition import Event
from bot.domain.wall_clock import next_moment
from bot.domain.watch import ChannelId, Target, TargetKind, Watch
from bot.store.codec import CARD, RECORD
from tests.builders import ALERTS, ANN, ORDERS, a_routing, a_watch, an_observation, at
from tests.fakes import NOON

OTHER, FALLBACK, ANN_DIRECT = ChannelId("C0OTHER"), ChannelId("C0OPS"), ChannelId("D0ANN")
PAGE_ANN = Target(kind=TargetKind.USER, id=ANN, direct=ANN_DIRECT)
RUNNING, FAILED, PAUSED = Phase.RUNNING, Phase.FAILED, Phase.PAUSED


def a_mute(
    reference: str = ORDERS, *, until: float = 3600, channel: ChannelId = ALERTS, live_for: timedelta | None = None
) -> Mute:
    return Mute(
        made_in=channel,
        reference=reference,
        made_by=ANN,
        made_by_name="Ann",
        made_at=NOON,
        until=at(until),
        live_for=live_for,
        why="we deploy",
    )


def a_maintenance(start: float, until: float) -> Maintenance:
    return Maintenance(made_in=ALERTS, reference="*", made_by=ANN, made_at=NOON, start=at(start), until=at(until))


def quiet_hours(start: time, end: time, *, zone: str = "UTC", days: tuple[int, ...] = EVERY_DAY) -> QuietHours:
    hours = WeeklyHours(days=days, start=start, end=end, zone=zone)
    return QuietHours(made_in=ALERTS, made_by=ANN, made_at=NOON, hours=hours)


QUIET = quiet_hours(time(12), time(13))


def routing(*silences: Silence, watches: Sequence[Watch] = (a_watch(targets=(PAGE_ANN,)),)) -> Routing:
    return replace(a_routing(*watches), silences=silences)


def read(route: Routing, *readings: Observation, record: Record | None = None) -> Plan:
    plan = Plan(record=record or Record(pipeline_id=ORDERS))
    for reading in readings:
        plan = plan_reading(plan.record, reading, route)
    return plan


def running(second: int) -> Observation:
    return an_observation(RUNNING, second)


def failed(second: int) -> Observation:
    return an_observation(FAILED, second, ready=0)


def degraded(second: int) -> Observation:
    return an_observation(RUNNING, second, ready=1, replicas=2)


def receivers(plan: Plan | None) -> list[str]:
    return [message.receiver.id for message in plan.messages] if plan else []


def digests(plan: Plan | None) -> list[DigestEntry]:
    bodies = [message.body for message in plan.messages if isinstance(message.body, Digest)] if plan else []
    return [entry for body in bodies for entry in body.entries]


def cards(plan: Plan | None) -> list[Message]:
    return [message for message in plan.messages if isinstance(message.body, SyncCard)] if plan else []


# --- while it is silent ----------------------------------------------------------------------------------------------


def test_a_muted_pipeline_posts_nothing_and_pages_nobody_but_its_record_goes_on() -> None:
    plan = read(routing(a_mute()), running(1), failed(2))
    assert plan.messages == ()
    assert [transition.event for transition in plan.transitions] == [Event.FAILED]
    assert plan.record.episode
    assert plan.record.episode.open
    assert plan.record.held[ALERTS].entry == DigestEntry(
        pipeline=routing().pipeline,
        counts={Event.FAILED: 1},
        since=at(2),
        until=at(2),
        last=plan.record.episode.timeline[-1],
    )


def test_another_channel_is_not_muted_and_pages_its_own_people() -> None:
    bob = Target(kind=TargetKind.USER, id="U0BOB", direct=ChannelId("D0BOB"))
    watches = (a_watch(targets=(PAGE_ANN,)), a_watch(channel=OTHER, targets=(bob,)))
    assert receivers(read(routing(a_mute(), watches=watches), running(1), failed(2))) == [OTHER, "D0BOB"]


@pytest.mark.parametrize("reference", [ORDERS, "orders-*", "ORDERS-*", "project:shop", WHOLE_CHANNEL])
def test_a_mute_covers_a_pipeline_a_pattern_or_the_channel(reference: str) -> None:
    assert not a_mute(reference).covers(
        replace(routing().pipeline, name="bills", id=type(ORDERS)("x"), project="")
    ) or (reference == WHOLE_CHANNEL)
    assert a_mute(reference).covers(routing().pipeline)


def test_a_person_paged_by_two_channels_gets_the_card_of_the_one_that_is_not_muted() -> None:
    watches = (a_watch(targets=(PAGE_ANN,)), a_watch(channel=OTHER, targets=(PAGE_ANN,)))
    assert receivers(read(routing(a_mute(), watches=watches), running(1), failed(2))) == [OTHER, ANN_DIRECT]


def test_the_open_card_shows_the_mute_once_and_only_while_it_lasts() -> None:
    before = read(routing(), running(1), failed(2))
    muted = plan_silences(before.record, routing(a_mute()), at(10))
    assert muted
    assert {(card.channel, card.silence and card.silence.by_name) for card in muted.cards} == {
        (ALERTS, "Ann"),
        (ANN_DIRECT, "Ann"),
    }
    assert {message.priority for message in muted.messages} == {Priority.UPDATE}
    assert plan_silences(muted.record, routing(a_mute()), at(20)) is None
    over = plan_silences(muted.record, routing(a_mute()), at(3600))
    assert over
    assert [card.silence for card in over.cards] == [None, None]


def test_the_end_of_a_muted_failure_updates_its_cards_and_posts_nothing() -> None:
    before = read(routing(), running(1), failed(2))
    plan = read(routing(a_mute()), running(3), record=before.record)
    assert [message.priority for message in plan.messages] == [Priority.RECOVERY] * 2
    assert [message for message in plan.messages if isinstance(message.body, ThreadEntry)] == []
    assert plan.record.held[ALERTS].entry


def test_the_fallback_channel_of_a_muted_channel_is_silent_too() -> None:
    redirected = a_watch().redirected_to(FALLBACK)
    assert receivers(read(routing(a_mute(), watches=(redirected,)), running(1), failed(2))) == []
    own = a_watch("shop-*", channel=FALLBACK)
    assert receivers(read(routing(a_mute(), watches=(redirected, own)), running(1), failed(2))) == [FALLBACK]


def test_a_channel_that_begins_to_watch_during_its_mute_gets_no_card() -> None:
    record = read(routing(watches=(a_watch(channel=OTHER),)), running(1), failed(2)).record
    watches = (a_watch(channel=OTHER), a_watch(made_at=at(5), targets=(PAGE_ANN,)))
    assert plan_newcomer(record, routing(a_mute(), watches=watches), ALERTS) is None
    assert plan_newcomer(record, routing(watches=watches), ALERTS)


def test_a_start_after_the_mute_leaves_the_card_to_the_end_of_the_mute() -> None:
    """Otherwise the channel hears of the failure twice: by the card, and by the digest."""
    record = read(routing(a_mute()), running(1), failed(2)).record
    assert plan_newcomer(record, routing(), ALERTS) is None
    assert plan_newly_named(record, routing(), ALERTS) is None
    over = plan_silences(record, routing(), at(60))
    assert receivers(over) == [ALERTS, ANN_DIRECT]


def test_a_person_who_is_named_during_the_mute_is_paged_after_it() -> None:
    record = read(routing(watches=(a_watch(),)), running(1), failed(2)).record
    assert plan_newly_named(record, routing(a_mute()), ALERTS) is None
    assert receivers(plan_newly_named(record, routing(), ALERTS)) == [ALERTS, ALERTS, ANN_DIRECT]


# --- quiet hours and maintenance -------------------------------------------------------------------------------------


def test_quiet_hours_let_a_failure_through_from_its_begin_to_its_end() -> None:
    plan = read(routing(QUIET), running(1), failed(2))
    assert receivers(plan) == [ALERTS, ANN_DIRECT]
    end = read(routing(QUIET), running(3), record=plan.record)
    assert len([message for message in end.messages if isinstance(message.body, ThreadEntry)]) == 2
    assert end.record.held == {}


def test_quiet_hours_hold_back_everything_else_until_their_end() -> None:
    plan = read(routing(QUIET), running(1), degraded(2), running(3), an_observation(PAUSED, 4, ready=0))
    assert plan.record.held[ALERTS].kind is SetupKind.QUIET_HOURS
    assert plan_silences(plan.record, routing(QUIET), at(3599)) is None
    over = plan_silences(plan.record, routing(QUIET), at(3600))
    (entry,) = digests(over)
    assert dict(entry.counts) == {Event.DEGRADED: 1, Event.LIVE: 1, Event.PAUSED: 1}
    assert over
    assert over.record.held == {}


def test_a_maintenance_window_begins_and_ends_by_itself() -> None:
    window = routing(a_maintenance(10, 20))
    assert receivers(read(window, running(1), failed(9))) == [ALERTS, ANN_DIRECT]
    assert receivers(read(window, running(1), failed(10))) == []
    assert receivers(read(window, running(1), failed(20))) == [ALERTS, ANN_DIRECT]


# --- at its end ------------------------------------------------------------------------------------------------------


def test_an_open_failure_gets_its_card_and_page_when_the_mute_ends() -> None:
    plan = read(routing(a_mute()), running(1), failed(2))
    over = plan_silences(plan.record, routing(a_mute()), at(3600))
    assert receivers(over) == [ALERTS, ANN_DIRECT]
    assert [message.priority for message in cards(over)] == [Priority.FAILURE, Priority.PAGE]
    assert digests(over) == []
    assert over
    assert over.record.episode
    assert over.record.episode.paged == {cards(over)[0].id: (PAGE_ANN.identity,)}
    assert plan_silences(over.record, routing(a_mute()), at(3601)) is None


def test_the_digest_says_what_began_and_ended_meanwhile() -> None:
    plan = read(routing(a_mute()), running(1), failed(2), running(3), failed(4), running(5))
    over = plan_silences(plan.record, routing(), at(60))
    assert over
    (message,) = over.messages
    assert isinstance(message.body, Digest)
    assert message.body.silence is SetupKind.MUTE
    (entry,) = message.body.entries
    assert (entry.counts[Event.FAILED], entry.counts[Event.RECOVERED]) == (2, 2)
    assert (entry.since, entry.until) == (at(2), at(5))
    assert (message.priority, message.receiver.id) == (Priority.RECOVERY, ALERTS)


def test_earlier_news_stand_in_the_digest_beside_the_card_of_the_open_failure() -> None:
    plan = read(routing(a_mute()), running(1), degraded(2), running(3), failed(4))
    over = plan_silences(plan.record, routing(), at(60))
    assert receivers(over) == [ALERTS, ANN_DIRECT, ALERTS]
    assert [entry.counts[Event.DEGRADED] for entry in digests(over)] == [1]


def test_a_failure_whose_card_came_before_the_mute_is_named_at_its_end() -> None:
    record = read(routing(), running(1), failed(2)).record
    muted = plan_silences(record, routing(a_mute()), at(10))
    assert muted
    over = plan_silences(muted.record, routing(), at(60))
    (entry,) = digests(over)
    assert (entry.counts, entry.since, entry.last.phase) == ({}, at(2), FAILED)
    assert {message.priority for message in cards(over)} == {Priority.UPDATE}


def test_nothing_is_posted_if_nothing_happened() -> None:
    record = read(routing(a_mute()), running(1)).record
    assert plan_silences(record, routing(), at(60)) is None


def test_a_mute_that_ends_in_quiet_hours_releases_only_the_failure() -> None:
    plan = read(routing(a_mute()), running(1), degraded(2), failed(3))
    over = plan_silences(plan.record, routing(QUIET), at(60))
    assert [message.priority for message in cards(over)] == [Priority.FAILURE, Priority.PAGE]
    assert digests(over) == []
    assert over
    assert plan_silences(over.record, routing(QUIET), at(61)) is None
    morning = plan_silences(over.record, routing(QUIET), at(3600))
    assert [entry.counts[Event.DEGRADED] for entry in digests(morning)] == [1]


def test_only_a_failure_in_quiet_hours_leaves_nothing_for_the_morning() -> None:
    plan = read(routing(a_mute()), running(1), failed(3))
    over = plan_silences(plan.record, routing(QUIET), at(60))
    assert over
    assert over.record.held == {}


def test_a_channel_that_stopped_watching_hears_nothing_at_the_end() -> None:
    plan = read(routing(a_mute()), running(1), failed(2))
    over = plan_silences(plan.record, routing(watches=(a_watch(channel=OTHER),)), at(60))
    assert over
    assert (over.messages, over.record.held) == ((), {})
    assert plan_forgotten(plan.record, routing(), at(60)).record.held == {}


def test_events_that_the_channel_does_not_want_are_not_held() -> None:
    watches = (a_watch(events=frozenset({Event.FAILED})),)
    plan = read(routing(a_mute(), watches=watches), running(1), degraded(2), running(3))
    assert plan.record.held == {}


def test_rows_keep_the_silence() -> None:
    plan = read(routing(a_mute()), running(1), failed(2))
    assert RECORD.decode(RECORD.encode(plan.record)) == plan.record
    before = read(routing(), running(1), failed(2))
    muted = plan_silences(before.record, routing(a_mute()), at(10))
    assert muted
    card = muted.cards[0]
    assert CARD.decode(CARD.encode(card)) == card


# --- clocks ----------------------------------------------------------------------------------------------------------

NEW_YORK, LONDON, SYDNEY = "America/New_York", "Europe/London", "Australia/Sydney"
LORD_HOWE = "Australia/Lord_Howe"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "night", "length"),
    [
        (NEW_YORK, "2026-03-07", 11),  # the clocks skip an hour
        (NEW_YORK, "2026-03-08", 12),
        (NEW_YORK, "2026-10-31", 13),  # an hour comes twice
        (LONDON, "2026-03-28", 11),
        (LONDON, "2026-10-24", 13),
        (SYDNEY, "2026-10-03", 11),
        (SYDNEY, "2026-04-04", 13),
        (LORD_HOWE, "2026-10-03", 11.5),  # half an hour
        (LORD_HOWE, "2026-04-04", 12.5),
    ],
)
def test_quiet_hours_begin_and_end_by_the_clock_where_it_changes(zone: str, night: str, length: float) -> None:
    quiet = quiet_hours(time(20), time(8), zone=zone)
    start = datetime.fromisoformat(f"{night}T20:00").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    end = start + timedelta(hours=length)
    assert end.astimezone(ZoneInfo(zone)).time() == time(8)
    assert quiet.end_at(start) == end
    assert quiet.end_at(end - timedelta(seconds=1)) == end
    assert quiet.end_at(start - timedelta(seconds=1)) is None
    assert quiet.end_at(end) is None
    assert quiet.next_start(start - timedelta(minutes=1)) == start


@pytest.mark.parametrize(
    ("zone", "muted_at", "until"),
    [
        (NEW_YORK, "2026-03-08T03:00", "2026-03-08T13:00"),  # 22:00 EST on the day before
        (NEW_YORK, "2026-11-01T02:00", "2026-11-01T14:00"),
        (LONDON, "2026-03-28T22:00", "2026-03-29T08:00"),
        (LONDON, "2026-10-24T21:00", "2026-10-25T09:00"),
        (SYDNEY, "2026-10-03T12:00", "2026-10-03T22:00"),
        (SYDNEY, "2026-04-04T11:00", "2026-04-04T23:00"),
        (LORD_HOWE, "2026-10-03T11:30", "2026-10-03T22:00"),
        (LORD_HOWE, "2026-04-04T11:00", "2026-04-04T22:30"),
    ],
)
def test_until_nine_is_the_next_nine_on_the_persons_clock(zone: str, muted_at: str, until: str) -> None:
    assert next_moment(utc(muted_at), time(9), ZoneInfo(zone)) == utc(until)


def test_weekdays_leave_the_weekend_loud() -> None:
    quiet = quiet_hours(time(20), time(8), zone=LONDON, days=WEEKDAYS)
    assert quiet.end_at(utc("2026-12-04T21:00")) == utc("2026-12-05T08:00")  # the night of Friday
    assert quiet.end_at(utc("2026-12-05T21:00")) is None
    assert quiet.next_start(utc("2026-12-05T21:00")) == utc("2026-12-07T20:00")
    assert quiet.note(utc("2026-12-05T21:00")).until == utc("2026-12-08T08:00")


@pytest.mark.parametrize(
    ("silence", "reading", "reason", "words"),
    [
        (
            a_mute(),
            failed(2),
            SkipReason.MUTED,
            "by Ann, until 2026-11-23 13:00 UTC because we deploy",
        ),
        (QUIET, degraded(2), SkipReason.QUIET_HOURS, "by someone, 12:00-13:00 in UTC"),
        (a_maintenance(0, 60), failed(2), SkipReason.MAINTENANCE, None),
    ],
)
def test_the_plan_says_what_is_held_back_and_why(
    silence: Silence, reading: Observation, reason: SkipReason, words: str | None
) -> None:
    (skip,) = read(routing(silence), running(1), reading).skips
    assert (skip.conversation, skip.at, skip.reason) == (ALERTS, at(2), reason)
    assert words in {None, skip.words}


def test_the_end_of_a_mute_promises_no_page_where_it_only_redraws_a_card() -> None:
    record = read(routing(), running(1), failed(2)).record
    muted = plan_silences(record, routing(a_mute()), at(10))
    assert muted
    over = plan_silences(muted.record, routing(), at(60))
    assert over
    assert ANN_DIRECT in receivers(over)
    notified = addressed(over)
    assert notified
    assert notified.conversations == (ALERTS,)
    called = plan_timer(over.record, routing(), at(60))
    assert called
    notified = addressed(called)
    assert notified
    assert set(notified.conversations) == {ALERTS, ANN_DIRECT}


def test_a_person_named_during_a_mute_is_paged_when_it_ends_though_the_card_is_older() -> None:
    record = read(routing(watches=(a_watch(),)), running(1), failed(2)).record
    muted = plan_silences(record, routing(a_mute()), at(10))
    assert muted
    over = plan_silences(muted.record, routing(), at(60))
    assert over
    late_page, *_ = [message for message in over.messages if isinstance(message.body, Notice)]
    assert (late_page.receiver.id, late_page.priority) == (ALERTS, Priority.FAILURE)
    assert ANN_DIRECT in receivers(over)
    assert len({message.id for message in over.messages}) == len(over.messages)
    assert len({card.key for card in over.cards}) == len(over.cards)


def test_the_page_of_a_released_failure_starts_at_the_end_of_the_mute() -> None:
    plan = read(routing(a_mute()), running(1), failed(2))
    over = plan_silences(plan.record, routing(a_mute()), at(3600))
    assert over
    assert over.record.next_at
    assert over.record.next_at > at(3600)


def test_a_running_page_waits_for_the_end_of_the_mute() -> None:
    record = read(routing(), running(1), failed(2)).record
    due = record.next_at
    assert due
    muted = plan_silences(record, routing(a_mute(until=86_400)), at(10))
    assert muted
    waiting = plan_timer(muted.record, routing(a_mute(until=86_400)), due)
    assert waiting
    assert (waiting.messages, waiting.cards) == ((), ())
    assert waiting.record.next_at
    assert waiting.record.next_at > due
    over = plan_silences(waiting.record, routing(), waiting.record.next_at)
    assert over
    assert over.record.next_at
    assert receivers(plan_timer(over.record, routing(), over.record.next_at))


def test_a_failure_that_comes_back_during_a_mute_calls_nobody_until_it_ends() -> None:
    record = read(routing(), running(1), failed(2)).record
    acknowledged = plan_acknowledgement(record, routing(), Acknowledgement(by=ANN, at=at(5)))
    assert acknowledged
    plan = read(routing(a_mute()), running(7), failed(10), record=acknowledged.record)
    assert {type(message.body) for message in plan.messages} == {SyncCard}  # updates of the cards there are
    due = plan.record.next_at
    assert due
    over = plan_silences(plan.record, routing(), due)
    assert over
    called = plan_timer(over.record, routing(), due)
    assert called
    notices = [message for message in called.messages if isinstance(message.body, Notice)]
    assert {message.receiver.id for message in notices} == {ALERTS, ANN_DIRECT}


def test_a_page_of_two_channels_calls_only_in_the_one_that_is_not_muted() -> None:
    policy = SavedPolicy(
        policy=Policy(name="data", steps=(PolicyStep(targets=(PAGE_ANN,), wait=timedelta(minutes=5)),), rounds=3),
        made_by=ANN,
        made_at=NOON,
    )
    target = Target(kind=TargetKind.POLICY, id="data")
    both = (a_watch(targets=(target,)), a_watch(channel=OTHER, targets=(target,)))
    loud = replace(routing(watches=both), setup=Setup((policy,)))
    record = read(loud, running(1), failed(2)).record
    assert record.next_at
    quiet = replace(loud, silences=(a_mute(until=86_400),))
    called = plan_timer(record, quiet, record.next_at)
    assert called
    notices = [message for message in called.messages if isinstance(message.body, Notice)]
    assert {message.receiver.id for message in notices} == {OTHER, ANN_DIRECT}
