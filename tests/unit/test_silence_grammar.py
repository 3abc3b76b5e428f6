"""The commands `mute`, `unmute`, `maintenance` and `quiet`, as people type them."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.domain.catalogue import Pipeline
from bot.domain.names import Names
from bot.domain.observation import PipelineId
from bot.domain.setup import SetupKind
from bot.domain.silence import EVERY_DAY, LONGEST_WHY, WEEKDAYS
from bot.domain.wall_clock import NamedMoment
from bot.slack.feature import UsageError
from bot.slack.features.maintenance import MaintenanceCommand, QuietCommand
from bot.slack.features.mute import ListSilences, MuteCommand, UnmuteCommand
from bot.slack.grammar.silence_times import Hours, MuteTime, Once
from bot.slack.routes import ROUTES
from tests.fakes import NOON

KNOWN = Names(
    Pipeline(id=PipelineId(f"pipe_{number}"), name=name)
    for number, name in enumerate(("orders-eu", "wait for sink", "nightly", "sync every 5 min", "channel"))
)
HOURS_2 = MuteTime(NamedMoment(after=timedelta(hours=2)))
NINE = MuteTime(NamedMoment(clock_time=time(9)))


def parse(text: str) -> object:
    return ROUTES.parse(text, KNOWN)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("mute orders-eu for 2h", MuteCommand(("orders-eu",), HOURS_2)),
        ("mute orders-eu 2h", MuteCommand(("orders-eu",), HOURS_2)),
        ("mute orders-eu for 2 hours", MuteCommand(("orders-eu",), HOURS_2)),
        ("MUTE Orders-EU FOR 2H", MuteCommand(("Orders-EU",), HOURS_2)),
        ("mute orders-eu until 09:00", MuteCommand(("orders-eu",), NINE)),
        ("mute orders-eu until 9am", MuteCommand(("orders-eu",), NINE)),
        ("mute orders-eu until 09:00 in europe/berlin", MuteCommand(("orders-eu",), NINE, "Europe/Berlin")),
        ("mute orders-eu until live 30m", MuteCommand(("orders-eu",), MuteTime(live_for=timedelta(minutes=30)))),
        ("mute orders-eu until live for 1h", MuteCommand(("orders-eu",), MuteTime(live_for=timedelta(hours=1)))),
        ("mute orders-eu until live", MuteCommand(("orders-eu",), MuteTime(live_for=timedelta(minutes=30)))),
        ("mute orders-eu", MuteCommand(("orders-eu",))),
        ("mute orders-eu because we deploy", MuteCommand(("orders-eu",), why="we deploy")),
        ('mute orders-eu for 2h because "we deploy"', MuteCommand(("orders-eu",), HOURS_2, why="we deploy")),
        ("mute orders-eu for 2h because of until 09:00", MuteCommand(("orders-eu",), HOURS_2, why="of until 09:00")),
        ("mute orders-eu for 2h because <!here> &lt;b&gt;", MuteCommand(("orders-eu",), HOURS_2, why="@here <b>")),
        ("mute orders-* for 2h", MuteCommand(("orders-*",), HOURS_2)),
        ("mute orders-eu and nightly for 2h", MuteCommand(("orders-eu", "nightly"), HOURS_2)),
        ("mute channel for 2h", MuteCommand(("*",), HOURS_2)),
        ("mute this channel for 2h", MuteCommand(("*",), HOURS_2)),
        ('mute "channel" for 2h', MuteCommand(("channel",), HOURS_2)),
        ("mute wait for sink for 2h", MuteCommand(("wait for sink",), HOURS_2)),
        ("mute sync every 5 min for 2h", MuteCommand(("sync every 5 min",), HOURS_2)),
        ("mute sync every 5 min", MuteCommand(("sync every 5 min",))),
        ("unmute orders-eu", UnmuteCommand(("orders-eu",))),
        ("unmute all", UnmuteCommand(None)),
        ("unmute channel", UnmuteCommand(("*",))),
        ("mute", ListSilences((SetupKind.MUTE, SetupKind.MAINTENANCE, SetupKind.QUIET_HOURS))),
        ("unmute", ListSilences((SetupKind.MUTE,))),
    ],
)
def test_mute(text: str, command: object) -> None:
    assert parse(text) == command


SATURDAY_NIGHT = Hours((5,), time(22), time(2))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("maintenance orders-eu sat 22:00-02:00 weekly", MaintenanceCommand(("orders-eu",), SATURDAY_NIGHT)),
        ("maintenance orders-eu every sat 22:00 - 02:00", MaintenanceCommand(("orders-eu",), SATURDAY_NIGHT)),
        (
            "maintenance orders-eu weekly on saturday from 10pm to 2am",
            MaintenanceCommand(("orders-eu",), SATURDAY_NIGHT),
        ),
        (
            "maintenance orders-eu sat 22:00-02:00 weekly in Europe/Berlin because disks",
            MaintenanceCommand(("orders-eu",), SATURDAY_NIGHT, "Europe/Berlin", "disks"),
        ),
        (
            "maintenance orders-eu in Europe/Berlin sat 22:00-02:00 weekly",
            MaintenanceCommand(("orders-eu",), SATURDAY_NIGHT, "Europe/Berlin"),
        ),
        ("maintenance nightly daily 1am-2am", MaintenanceCommand(("nightly",), Hours(EVERY_DAY, time(1), time(2)))),
        (
            "maintenance orders-eu mon-fri 22:00–23:00 weekly",
            MaintenanceCommand(("orders-eu",), Hours(WEEKDAYS, time(22), time(23))),
        ),
        (
            "maintenance orders-eu sat, sun 22:00-23:00",
            MaintenanceCommand(("orders-eu",), Hours((5, 6), time(22), time(23))),
        ),
        (
            "maintenance orders-eu 2026-12-05 22:00 for 4h",
            MaintenanceCommand(
                ("orders-eu",),
                Once(
                    NamedMoment(day=date(2026, 12, 5), clock_time=time(22)),
                    NamedMoment(after=timedelta(hours=4)),
                ),
            ),
        ),
        (
            "maintenance channel tomorrow 22:00-23:30",
            MaintenanceCommand(
                ("*",), Once(NamedMoment(days_ahead=1, clock_time=time(22)), NamedMoment(clock_time=time(23, 30)))
            ),
        ),
        (
            "maintenance orders-eu sat 22:00 until sun 06:00",
            MaintenanceCommand(
                ("orders-eu",),
                Once(NamedMoment(weekday=5, clock_time=time(22)), NamedMoment(weekday=6, clock_time=time(6))),
            ),
        ),
        (
            "maintenance orders-eu sat 22:00-02:00",
            MaintenanceCommand(
                ("orders-eu",), Once(NamedMoment(weekday=5, clock_time=time(22)), NamedMoment(clock_time=time(2)))
            ),
        ),
        ("maintenance orders-eu none", MaintenanceCommand(("orders-eu",))),
        ("maintenance", ListSilences((SetupKind.MAINTENANCE,))),
        ("quiet 20:00-08:00", QuietCommand(Hours(EVERY_DAY, time(20), time(8)))),
        ("quiet 20:00-08:00 weekdays", QuietCommand(Hours(WEEKDAYS, time(20), time(8)))),
        ("quiet weekdays 8pm-8am in Asia/Tokyo", QuietCommand(Hours(WEEKDAYS, time(20), time(8)), "Asia/Tokyo")),
        ("quiet off", QuietCommand()),
        ("quiet", ListSilences((SetupKind.QUIET_HOURS,))),
    ],
)
def test_maintenance_and_quiet_hours(text: str, command: object) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("silence orders-eu", "Did you mean *mute*?", "mute orders-eu"),
        ("mutes", "Did you mean *mute*?", "mute"),
        ("mute for 2h", "Which pipeline should I mute?", "mute orders-eu for 2h"),
        ("mute orders-eu forever", "A mute needs an end", "mute orders-eu for 2h"),
        ("mute orders-eu for ever", "A mute needs an end", "mute orders-eu for 2h"),
        ("mute nightly until whenever", "“until whenever”", "mute nightly for 2h"),
        ("mute orders-eu for 2h because", "Give a reason", "mute orders-eu for 2h because we deploy"),
        (f"mute orders-eu for 2h because {'x' * (LONGEST_WHY + 1)}", "201 characters", "mute orders-eu for 2h"),
        ("mute orders-eu for 2h in #ops", "in the channel itself", "mute orders-eu for 2h"),
        ("mute orders-eu until 09:00 in Berlin", "time zone “Berlin”", "mute orders-eu until 09:00 in Europe/Berlin"),
        ("maintenance orders-eu", "When is the maintenance?", "maintenance orders-eu sat 22:00-02:00 weekly"),
        ("maintenance sat 22:00-02:00 weekly", "Which pipeline", "maintenance orders-eu sat 22:00-02:00 weekly"),
        (
            "maintenance orders-* satruday 22:00-02:00 weekly",
            "Did you mean *saturday*?",
            "maintenance orders-* saturday 22:00-02:00 weekly",
        ),
        (
            "maintenance orders-eu 22:00-02:00 on wendesday weekly",
            "Did you mean *wednesday*?",
            "maintenance orders-eu 22:00-02:00 on wednesday weekly",
        ),
        (
            "maintenance orders-eu every firday 22:00-02:00",
            "*friday*",
            "maintenance orders-eu every friday 22:00-02:00",
        ),
        ("maintenance orders-eu weekens 22:00-02:00", "*weekend*", "maintenance orders-eu weekend 22:00-02:00"),
        ("mute orders-eu until mnoday 09:00", "Did you mean *monday*?", "mute orders-eu until monday 09:00"),
        ("quiet 20:00-08:00 munday", "Did you mean *monday*?", "quiet 20:00-08:00 monday"),
        ("quiet nights", "as quiet hours", "quiet 20:00-08:00 weekdays"),
        ("quiet 20:00-20:00", "as quiet hours", "quiet 20:00-08:00 weekdays"),
        ("quiet orders-eu 20:00-08:00", "as quiet hours", "quiet 20:00-08:00 weekdays"),
    ],
)
def test_a_mistake_is_named_with_a_command_that_works(text: str, says: str, hint: str) -> None:
    error = parse(text)
    assert isinstance(error, UsageError)
    assert says in error.message
    assert "Nothing was changed" in error.message or "Did you mean" in error.message
    assert error.hint == hint
    assert not isinstance(parse(hint), UsageError)


@pytest.mark.parametrize("days", ["weekday", "weekends", "sat", "mon-fri", "fridays", "every thurs", "nightly"])
def test_a_word_for_days_is_no_misspelled_one(days: str) -> None:
    assert isinstance(parse(f"quiet 20:00-08:00 {days}"), QuietCommand)
    assert parse(f"maintenance orders-eu weekly {days} 22:00-02:00") == parse(
        f"maintenance orders-eu {days} 22:00-02:00 weekly"
    )


def test_a_window_that_crosses_midnight_ends_on_the_next_day() -> None:
    command = parse("maintenance orders-eu 2026-12-05 22:00-02:00")
    assert isinstance(command, MaintenanceCommand)
    assert isinstance(command.window, Once)
    berlin = ZoneInfo("Europe/Berlin")
    start = command.window.start.resolve(NOON, berlin)
    assert command.window.end.resolve(start, berlin) == datetime(2026, 12, 6, 2, tzinfo=berlin)
