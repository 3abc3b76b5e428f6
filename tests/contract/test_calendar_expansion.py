"""The events of a calendar, worked out by a process of their own."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events

from bot.calendars.reader import expand
from bot.domain.calendar import CalendarEvent, CalendarProblem, CalendarUnreadable, shifts_of
from bot.domain.on_call import Calendar
from bot.domain.wall_clock import moment_on
from bot.domain.watch import Target, TargetKind
from tests.contract.calendars import calendar_text

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NINE = time(9)
NOVEMBER = datetime(2026, 11, 1, 12, tzinfo=UTC)


async def read(
    *events: str, around: datetime = NOVEMBER, days: float = 14, zone: str = "UTC", header: str = ""
) -> list[CalendarEvent]:
    text = calendar_text(*events, header=header)
    found = await expand(text, around - days * DAY, around + days * DAY, zone)
    assert found.complete
    return sorted(found.events, key=lambda event: event.start)


def weekly(zone: str, start: str, end: str, title: str = "<@U0ANN>") -> str:
    return f"DTSTART;TZID={zone}:{start}\nDTEND;TZID={zone}:{end}\nRRULE:FREQ=WEEKLY\nSUMMARY:{title}"


# The Monday 09:00 from which a week has a change of the clocks, and the hours until the next Monday 09:00.
WEEKS = [
    ("America/New_York", date(2026, 3, 2), 167),
    ("America/New_York", date(2026, 10, 26), 169),
    ("Europe/London", date(2026, 3, 23), 167),
    ("Europe/London", date(2026, 10, 19), 169),
    ("Australia/Sydney", date(2026, 3, 30), 169),
    ("Australia/Sydney", date(2026, 9, 28), 167),
    ("Australia/Lord_Howe", date(2026, 3, 30), 168.5),
    ("Australia/Lord_Howe", date(2026, 9, 28), 167.5),
]


@pytest.mark.parametrize(("zone", "monday", "hours"), WEEKS)
async def test_a_weekly_event_hands_over_by_the_wall_clock(zone: str, monday: date, hours: float) -> None:
    """The event is from a week without a change. Its repetition in this week is longer or shorter."""
    first = monday - 4 * 7 * DAY
    lines = weekly(zone, f"{first:%Y%m%d}T090000", f"{first + 7 * DAY:%Y%m%d}T090000")
    start = moment_on(monday, NINE, ZoneInfo(zone))
    events = await read(lines, around=start + DAY, days=2)
    (event,) = (event for event in events if event.start == start)
    assert event.end - event.start == hours * HOUR


@pytest.mark.parametrize(("zone", "monday", "hours"), WEEKS)
async def test_a_shift_across_a_change_of_the_clocks_covers_its_last_hour(
    zone: str, monday: date, hours: float
) -> None:
    """In autumn, the library alone finds nobody in that hour."""
    end = moment_on(monday + 7 * DAY, NINE, ZoneInfo(zone))
    lines = weekly(zone, f"{monday:%Y%m%d}T090000", f"{monday + 7 * DAY:%Y%m%d}T090000")
    once = lines.replace("RRULE:FREQ=WEEKLY\n", "")
    last_hour = end - timedelta(minutes=10)
    query = recurring_ical_events.of(icalendar.Calendar.from_ical(calendar_text(once)))
    assert bool(query.between(last_hour, last_hour + timedelta(seconds=1))) == (hours <= 168)
    shifts, _ = shifts_of(await read(once, around=end), {"U0ANN": Target(kind=TargetKind.USER, id="U0ANN")})
    calendar = Calendar(shifts=shifts)
    for moment, people in ((last_hour, ("U0ANN",)), (end - timedelta(seconds=1), ("U0ANN",)), (end, None)):
        shift = calendar.shift_at(moment)
        assert (shift.people if shift else None) == people


# The day of a change of the clocks, and how far they go forward. Negative: back.
CHANGES = [
    ("America/New_York", date(2026, 3, 8), HOUR),
    ("America/New_York", date(2026, 11, 1), -HOUR),
    ("Europe/London", date(2026, 3, 29), HOUR),
    ("Europe/London", date(2026, 10, 25), -HOUR),
    ("Australia/Sydney", date(2026, 4, 5), -HOUR),
    ("Australia/Sydney", date(2026, 10, 4), HOUR),
    ("Australia/Lord_Howe", date(2026, 4, 5), -HOUR / 2),
    ("Australia/Lord_Howe", date(2026, 10, 4), HOUR / 2),
]
each_change = pytest.mark.parametrize(("zone", "day", "shift"), CHANGES)
EVENING = time(20)

# RFC 5545, 3.3.6: days and weeks go by the calendar. Hours are hours that pass.
DURATIONS = {
    "PT12H": (0, 12),
    "PT24H": (0, 24),
    "PT30H": (0, 30),
    "P1D": (1, 0),
    "P1DT6H": (1, 6),
    "P1W": (7, 0),
}
"""How many days and hours each one has."""


def once_and_weekly(day: date) -> list[tuple[date, str]]:
    """The day on which an event begins, and its rule: one only on this day, one each week for four weeks."""
    return [(day, ""), (day - 4 * 7 * DAY, "\nRRULE:FREQ=WEEKLY")]


async def ends_of(events: list[str], start: datetime, zone: str = "UTC") -> list[tuple[str, datetime]]:
    """The title and the end of each event that starts at this moment."""
    found = await read(*events, around=start, days=1, zone=zone)
    return sorted((event.title, event.end) for event in found if event.start == start)


@each_change
@pytest.mark.parametrize("floating", [False, True], ids=["its own zone", "the schedule's zone"])
async def test_a_duration_over_a_change_of_the_clocks(zone: str, day: date, shift: timedelta, floating: bool) -> None:
    evening = day - DAY
    start = moment_on(evening, EVENING, ZoneInfo(zone))
    named = "" if floating else f";TZID={zone}"
    events, expected = [], []
    for length, (days, hours) in DURATIONS.items():
        for first, rule in once_and_weekly(evening):
            events.append(f"DTSTART{named}:{first:%Y%m%d}T200000\nDURATION:{length}{rule}\nSUMMARY:{length}")
        end = moment_on(evening + days * DAY, EVENING, ZoneInfo(zone)) + hours * HOUR
        assert end - start == days * DAY + hours * HOUR - (shift if days else timedelta(0))
        expected += 2 * [(length, end)]
    assert await ends_of(events, start, zone) == sorted(expected)


@each_change
async def test_an_end_over_a_change_of_the_clocks(zone: str, day: date, shift: timedelta) -> None:
    """In the zone of the start, the clocks decide: so daily shifts leave no gap.

    In another zone, each repetition lasts as long as the event (RFC 5545, 3.8.5.3).
    """
    evening, here = day - DAY, ZoneInfo(zone)
    start = moment_on(evening, EVENING, here)

    events, expected = [], []
    for other in (zone, "UTC", "Asia/Kathmandu", "Europe/Lisbon"):
        for first, rule in once_and_weekly(evening):
            morning = moment_on(first, EVENING, here) + 12 * HOUR
            end = moment_on(first + DAY, time(8), here) if other == zone else morning
            events.append(
                f"DTSTART;TZID={zone}:{first:%Y%m%d}T200000\n"
                f"DTEND;TZID={other}:{end.astimezone(ZoneInfo(other)):%Y%m%dT%H%M%S}{rule}\nSUMMARY:{other}"
            )
        expected += 2 * [(other, start + 12 * HOUR - (shift if other == zone else timedelta(0)))]
    assert await ends_of(events, start) == sorted(expected)


@each_change
async def test_an_hour_that_begins_in_the_skipped_or_repeated_time_is_an_hour(
    zone: str, day: date, shift: timedelta
) -> None:
    del shift
    times = (time(1, 15), time(1, 45), time(2, 15), time(2, 45))
    lines = [f"DTSTART;TZID={zone}:{day:%Y%m%d}T{clock_time:%H%M}00\nDURATION:PT1H" for clock_time in times]
    events = await read(*lines, around=moment_on(day, EVENING, ZoneInfo(zone)), days=1)
    assert [event.end - event.start for event in events] == 4 * [HOUR]


async def test_a_moved_repetition_has_its_own_duration() -> None:
    text = calendar_text("DTSTART;TZID=America/New_York:20261003T200000\nDURATION:PT4H\nRRULE:FREQ=WEEKLY").replace(
        b"END:VCALENDAR",
        b"BEGIN:VEVENT\r\nUID:0\r\nRECURRENCE-ID;TZID=America/New_York:20261031T200000\r\nSEQUENCE:1\r\n"
        b"DTSTART;TZID=America/New_York:20261031T210000\r\nDURATION:PT12H\r\nEND:VEVENT\r\nEND:VCALENDAR",
    )
    found = await expand(text, NOVEMBER - DAY, NOVEMBER + DAY, "UTC")
    (event,) = found.events
    assert (event.start, event.end - event.start) == (datetime(2026, 11, 1, 1, tzinfo=UTC), 12 * HOUR)


async def test_a_repetition_with_a_period_of_its_own_ends_with_it() -> None:
    (event,) = await read(
        "DTSTART;TZID=America/New_York:20260103T200000\nDURATION:PT4H\n"
        "RDATE;VALUE=PERIOD;TZID=America/New_York:20261107T200000/20261108T080000",
        around=NOVEMBER + 7 * DAY,
        days=2,
    )
    assert event.end - event.start == 12 * HOUR


async def test_times_without_a_zone_are_in_the_schedules_zone() -> None:
    floating, all_day = await read(
        "DTSTART:20261101T100000\nDTEND:20261101T110000",
        "DTSTART;VALUE=DATE:20261102",
        zone="America/New_York",
    )
    assert (floating.start, floating.end - floating.start) == (datetime(2026, 11, 1, 15, tzinfo=UTC), HOUR)
    assert (all_day.start, all_day.end - all_day.start) == (datetime(2026, 11, 2, 5, tzinfo=UTC), DAY)


async def test_the_calendars_own_zone_wins() -> None:
    header = "X-WR-TIMEZONE:Europe/Berlin\n"
    floating, all_day = await read(
        "DTSTART:20261101T100000\nDTEND:20261101T110000", "DTSTART;VALUE=DATE:20261102", header=header
    )
    assert floating.start == datetime(2026, 11, 1, 9, tzinfo=UTC)
    assert all_day.start == datetime(2026, 11, 1, 23, tzinfo=UTC)


@pytest.mark.parametrize("name", ["W. Europe Standard Time", "GMT+01:00", "Europe", "/etc/passwd"])
async def test_a_calendars_unknown_zone_leaves_its_events(name: str) -> None:
    """Times without a zone are in the schedule's zone then."""
    lines = "DTSTART:20261101T090000\nDTEND:20261101T170000\nSUMMARY:<@U0ANN>"
    (event,) = await read(lines, zone="Europe/Berlin", header=f"X-WR-TIMEZONE:{name}\n")
    assert event.start == datetime(2026, 11, 1, 8, tzinfo=UTC)


async def test_a_day_of_25_hours_is_one_event_of_25_hours() -> None:
    (sunday,) = await read("DTSTART;VALUE=DATE:20261101\nDTEND;VALUE=DATE:20261102", zone="America/New_York")
    assert sunday.end - sunday.start == 25 * HOUR


async def test_people_titles_and_events_that_do_not_count() -> None:
    time = "DTSTART:20261101T100000Z\nDTEND:20261101T110000Z"
    (event,) = await read(
        f"{time}\nSUMMARY:[L1] On call\nORGANIZER;CN=Lee:mailto:Lee@x.example\n"
        "ATTENDEE;PARTSTAT=ACCEPTED;CN=Ann:MAILTO:Ann@x.example\nATTENDEE;PARTSTAT=DECLINED:mailto:bob@x.example\n"
        "ATTENDEE;CUTYPE=ROOM:mailto:room@x.example\nATTENDEE:urn:uuid:1",
        f"{time}\nSUMMARY:off\nSTATUS:CANCELLED",
        "DTSTART:20261101T100000Z\nSUMMARY:a moment",
    )
    assert (event.title, event.attendees, event.organizer) == ("[L1] On call", ("ann@x.example",), "lee@x.example")


async def test_a_moved_repetition_is_at_its_new_time_only() -> None:
    """Ann and Bob swap their weeks: the repetition of one UID moves over another one."""
    text = calendar_text(weekly("UTC", "20261005T090000", "20261005T170000")).replace(
        b"END:VCALENDAR",
        b"BEGIN:VEVENT\r\nUID:0\r\nRECURRENCE-ID:20261102T090000Z\r\nSEQUENCE:1\r\nDTSTART:20261104T090000Z\r\n"
        b"DTEND:20261104T170000Z\r\nSUMMARY:<@U0BOB>\r\nEND:VEVENT\r\nEND:VCALENDAR",
    )
    found = await expand(text, NOVEMBER, NOVEMBER + 7 * DAY, "UTC")
    starts = [(event.start.day, event.title) for event in found.events]
    assert starts == [(4, "<@U0BOB>")]


async def test_an_event_that_breaks_the_format_leaves_the_others() -> None:
    text = calendar_text(
        "DTSTART:20261101T100000Z\nDTEND:20261101T110000Z\nSUMMARY:good",
        "DTSTART:20261101T100000Z\nDTEND:20261101T110000Z\nRRULE:FREQ=SOMETIMES\nSUMMARY:bad",
    )
    found = await expand(text, NOVEMBER - DAY, NOVEMBER + DAY, "UTC")
    assert "good" in [event.title for event in found.events]
    assert not found.complete


GOOD = "DTSTART:20261101T100000Z\nDTEND:20261101T110000Z\nSUMMARY:good"


async def test_an_event_that_python_cannot_hold_leaves_the_others() -> None:
    """Its last year is 9999. Nor does an event without a start, or with two of them, break the calendar."""
    bad = [
        "DTSTART;VALUE=DATE:99991231",
        "DTSTART:00010101T000000Z\nDTEND:99991231T000000Z",
        "DTSTART:20261101T100000\nDTEND:99991231T235959",
        "DTSTART;TZID=America/New_York:20261101T100000\nDTEND;TZID=America/New_York:99991231T235959",
        "DTSTART:20261101T100000Z\nDURATION:P3000000D",
        "DTSTART:20261101T100000Z\nDTSTART:20261101T110000Z\nDTEND:20261101T120000Z",
        "DTEND:20261101T120000Z",
        "DTSTART:00000101T000000Z\nDTEND:20261101T120000Z",
        "DTSTART:20261101T100000Z\nDTEND:00000101T000000Z",
    ]
    for lines in bad:
        found = await expand(calendar_text(lines, GOOD), NOVEMBER - 14 * DAY, NOVEMBER + 14 * DAY, "UTC")
        assert [event.title for event in found.events] == ["good"]
        assert not found.complete


TIME = "DTSTART:20200101T000000Z\nDTEND:20200101T010000Z"


@pytest.mark.parametrize(
    "lines",
    [
        f"{TIME}\nRRULE:FREQ=SECONDLY",
        f"{TIME}\nRRULE:FREQ=MONTHLY;INTERVAL=0;BYMONTHDAY=31;BYMONTH=2",  # dateutil#1441
        f"{TIME}\nRRULE:FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",  # never comes
        f"{TIME}\nRRULE:FREQ=DAILY;COUNT=999999999;BYHOUR=0,1,2,3;BYMINUTE=1,2,3,4,5;BYSECOND=1,2,3,4",
    ],
)
async def test_a_recurrence_bomb_ends_with_its_process(lines: str) -> None:
    """Whichever limit or check ends it, the bot goes on."""
    with pytest.raises(CalendarUnreadable) as caught:
        await expand(calendar_text(lines), NOVEMBER - 14 * DAY, NOVEMBER + 14 * DAY, "UTC", cpu_seconds=1)
    assert caught.value.problem in {CalendarProblem.TOO_MUCH, CalendarProblem.BROKEN}


@pytest.mark.parametrize("text", [b"BEGIN:VCALENDAR", b"BEGIN:VEVENT\r\nEND:VEVENT"])
async def test_half_a_calendar_is_broken(text: bytes) -> None:
    with pytest.raises(CalendarUnreadable) as caught:
        await expand(text, NOVEMBER - DAY, NOVEMBER + DAY, "UTC")
    assert caught.value.problem is CalendarProblem.BROKEN


async def test_a_cancelled_read_leaves_no_process() -> None:
    """The deadline is over before the process answers."""
    with pytest.raises(CalendarUnreadable) as caught:
        await expand(calendar_text(TIME), NOVEMBER - DAY, NOVEMBER + DAY, "UTC", seconds=0)
    assert caught.value.problem is CalendarProblem.TOO_MUCH
