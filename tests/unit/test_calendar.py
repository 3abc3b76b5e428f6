"""Addresses of calendars, the people of their events, and the last good copy."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.calendar import (
    CalendarAddress,
    CalendarCopy,
    CalendarEvent,
    CalendarProblem,
    SavedCalendar,
    calendar_address,
    shifts_of,
)
from bot.domain.on_call import OnCallReason, Schedule, on_call
from bot.domain.on_call_setup import SavedSchedule, on_call_in
from bot.domain.rotation import Shift
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupChange, SetupEdit
from bot.domain.watch import ChannelId, Target, TargetKind, UserId

ANN, BOB = UserId("U0ANN"), UserId("U0BOB")
BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECRET = "https://calendar.example.com/private-hunter2/basic.ics?token=abc"


def event(title: str = "", *attendees: str, organizer: str = "", start: float = 0, end: float = 8) -> CalendarEvent:
    return CalendarEvent(
        start=BEGIN + start * HOUR, end=BEGIN + end * HOUR, title=title, attendees=attendees, organizer=organizer
    )


@pytest.mark.parametrize(
    "typed",
    [
        SECRET,
        f"  {SECRET} ",
        f"<{SECRET}>",
        f"<{SECRET}|calendar.example.com>",
        SECRET.replace("https://", "webcal://"),
        SECRET.replace("https://", "WEBCAL://"),
    ],
)
def test_an_address_as_slack_and_people_write_it(typed: str) -> None:
    assert calendar_address(typed) == CalendarAddress(SECRET)


def test_slack_escapes_an_ampersand_in_an_address() -> None:
    """And only that: a form sends `&copy=1` as it is, which means no sign."""
    assert calendar_address("https://x.example/a?b=1&copy=2") == CalendarAddress("https://x.example/a?b=1&copy=2")
    assert calendar_address("https://x.example/a?b=1&amp;c=2") == CalendarAddress("https://x.example/a?b=1&c=2")


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("http://calendar.example.com/secret", "https://"),
        ("ftp://calendar.example.com/secret", "https://"),
        ("secret", "https://"),
        ("https://", "https://"),
        ("https://[secret", "can't read"),
        ("https://x.example:secret/", "can't read"),
        ("https://x.example/sec ret", "percent-encoded"),
        ("https://x.example/sec\nret", "percent-encoded"),
        ("https://x.example/secret" + "x" * 2000, "limit"),
    ],
)
def test_a_refusal_never_quotes_the_address(typed: str, problem: str) -> None:
    answer = calendar_address(typed)
    assert isinstance(answer, str)
    assert problem in answer
    assert "secret" not in answer


def test_only_the_host_of_an_address_is_shown() -> None:
    address = CalendarAddress(SECRET)
    assert (str(address), address.host) == ("calendar.example.com", "calendar.example.com")
    for text in (repr(address), f"{address}", address.fingerprint):
        assert "hunter2" not in text
        assert "token" not in text


@pytest.mark.parametrize(
    ("made", "mentioned", "emails"),
    [
        (event("<@U0ANN>", "bob@x.example"), (ANN,), ()),
        (event("&lt;@U0ANN|ann&gt; and <@U0BOB>"), (ANN, BOB), ()),
        (event("On call: Ann@x.example", "bob@x.example"), (), ("ann@x.example",)),
        (event("On call", "ann@x.example", "bob@x.example"), (), ("ann@x.example", "bob@x.example")),
        (event("On call", organizer="ann@x.example"), (), ("ann@x.example",)),
        (event("On call", "bob@x.example", organizer="ann@x.example"), (), ("bob@x.example",)),
        (event("Ann"), (), ()),
    ],
)
def test_the_people_of_an_event(made: CalendarEvent, mentioned: tuple[str, ...], emails: tuple[str, ...]) -> None:
    assert (made.mentioned, made.emails) == (mentioned, emails)


@pytest.mark.parametrize(
    ("title", "priority"), [("Ann", 0), ("[L1] Ann", 1), ("Ann [l3]", 3), ("[L0] Ann", 0), ("[L12] Ann", 0)]
)
def test_the_priority_of_an_event(title: str, priority: int) -> None:
    assert event(title).priority == priority


def test_an_event_whose_people_are_unknown_counts_as_if_it_did_not_exist() -> None:
    unknown = event("[L2]", "dee@x.example", start=4, end=6)
    people = {"U0ANN": Target(kind=TargetKind.USER, id=ANN), "dee@x.example": None}
    assert shifts_of((unknown, event("<@U0ANN>")), people) == (
        (Shift(people=(ANN,), start=BEGIN, end=BEGIN + 8 * HOUR),),
        (unknown.start,),
    )


def test_events_of_the_same_people_without_a_gap_are_one_shift() -> None:
    """Each answer about who is next would walk over all of them."""
    events = [
        *(event("<@U0ANN>", start=hour, end=hour + 1) for hour in range(500)),
        event("<@U0ANN>", start=100, end=200),
        event("<@U0BOB>", start=500, end=501),
        event("[L1] <@U0BOB>", start=501, end=502),
        event("[L1] <@U0BOB>", start=503, end=504),
    ]
    shifts, nameless = shifts_of(events, {user: Target(kind=TargetKind.USER, id=user) for user in (ANN, BOB)})
    assert nameless == ()
    assert [((shift.start - BEGIN) / HOUR, (shift.end - BEGIN) / HOUR, shift.people) for shift in shifts] == [
        (0, 500, (ANN,)),
        (500, 501, (BOB,)),
        (501, 502, (BOB,)),
        (503, 504, (BOB,)),
    ]


COPY = CalendarCopy(
    schedule="data",
    fingerprint=CalendarAddress(SECRET).fingerprint,
    made_at=BEGIN,
    shifts=(Shift(people=(ANN,), start=BEGIN, end=BEGIN + 100 * HOUR),),
    read_at=BEGIN,
)


def test_a_copy_older_than_a_day_says_that_nobody_is_on_call() -> None:
    def answer(hours: float) -> tuple[tuple[UserId, ...], OnCallReason]:
        at = BEGIN + hours * HOUR
        found = on_call(Schedule(name="data", source=COPY.calendar_at(at)), (), at)
        return found.people, found.reason

    assert answer(24) == ((ANN,), OnCallReason.CALENDAR)
    assert answer(24.01) == ((), OnCallReason.NOBODY)
    assert replace(COPY, read_at=None).is_stale(BEGIN)


def test_a_failed_read_keeps_the_copy_and_remembers_since_when() -> None:
    once = COPY.failed(CalendarProblem.NOT_FOUND, BEGIN + HOUR)
    twice = once.failed(CalendarProblem.EMPTY, BEGIN + 2 * HOUR)
    assert (twice.shifts, twice.read_at) == (COPY.shifts, COPY.read_at)
    assert (twice.problem, twice.failing_since) == (CalendarProblem.EMPTY, BEGIN + HOUR)


def test_the_next_read_is_due_after_15_minutes_also_if_the_last_one_failed() -> None:
    failed = COPY.failed(CalendarProblem.EMPTY, BEGIN + HOUR)
    assert [failed.is_due(BEGIN + HOUR + minutes * HOUR / 60) for minutes in (0, 14, 15)] == [False, False, True]


def saved(address: str = SECRET) -> SavedSchedule:
    calendar = SavedCalendar(address=CalendarAddress(address), zone="Europe/Berlin")
    return SavedSchedule(name="Data", calendar=calendar, made_by=ANN, made_at=BEGIN)


def people(*rows: SavedSchedule | CalendarCopy) -> tuple[UserId, ...]:
    answer = on_call_in(Setup(rows), "DATA", BEGIN + HOUR)
    assert answer is not None
    return answer.people


def test_a_schedule_asks_the_copy_of_its_own_calendar() -> None:
    assert people(saved(), COPY) == (ANN,)
    assert people(saved()) == ()
    assert people(saved(SECRET + "&other"), COPY) == ()


def test_a_schedules_summary_and_its_audit_entry_show_the_host_alone() -> None:
    change = SetupChange(version=1, by=ANN, at=BEGIN, edits=(SetupEdit(after=saved()), SetupEdit(after=COPY)))
    (entry,) = change.audit
    assert entry.after == "calendar at calendar.example.com in Europe/Berlin"
    assert "hunter2" not in repr(saved())


def test_the_audit_entry_of_a_schedule_names_its_channel_and_group() -> None:
    linked = replace(saved(), posts_in=ChannelId("C0TEAM"), group=Target(kind=TargetKind.USERGROUP, id="S1", label="x"))
    change = SetupChange(version=1, by=ANN, at=BEGIN, edits=(SetupEdit(before=saved(), after=linked),))
    (entry,) = change.audit
    assert entry.after == f"{entry.before}; channel C0TEAM; group @x"
