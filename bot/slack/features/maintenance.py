"""The commands `maintenance` and `quiet`: planned silences, once or each week."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.answer import RefusalAnswer
from bot.domain.setup import SetupKind
from bot.domain.silence import WeeklyHours
from bot.domain.silence_answer import MaintenanceWish
from bot.slack.feature import Command, CommandWord, ConfirmableChange, Feature, Reply, Request
from bot.slack.features.mute import ListSilences, author_of, silence_reply
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.silence_times import Hours, Once, read_hours, read_window
from bot.slack.grammar.silences import SilenceText, moment_in, read_references, read_silence
from bot.slack.grammar.tokens import NONE, ParseError
from bot.slack.mrkdwn import outside
from bot.slack.render.help import HelpPage
from bot.slack.render.silence_words import typed_reference

_WINDOW = "maintenance orders-* sat 22:00-02:00 weekly"
_OF_ONE = "maintenance orders-eu sat 22:00-02:00 weekly"
_QUIET = "quiet 20:00-08:00 weekdays"
OFF = frozenset({"off", NONE, "never", "end", "stop", "remove"})

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MaintenanceCommand(ConfirmableChange):
    """A parsed `maintenance`. `window` None: removes the windows."""

    references: tuple[str, ...]
    window: Hours | Once | None = None
    zone: str = ""
    why: str = ""

    @property
    def check(self) -> str:
        return "mute"

    @property
    def pipelines(self) -> Sequence[str]:
        return self.references

    async def run(self, request: Request) -> Reply:
        author = await author_of(request, self.zone)
        if isinstance(author, RefusalAnswer):
            return request.refused(author)
        mutes = request.services.requests.mutes
        if self.window is None:
            answer = await mutes.end_maintenance(author, self.references, names=request.names)
        else:
            wish = self._wish(self.window, author.zone.key)
            answer = await mutes.plan_maintenance(author, self.references, wish, names=request.names)
        return silence_reply(answer, "maintenance", request)

    def _wish(self, window: Hours | Once, zone: str) -> MaintenanceWish:
        if isinstance(window, Once):
            return MaintenanceWish(start=window.start, end=window.end, why=self.why)
        return MaintenanceWish(hours=_weekly(window, zone), why=self.why)


@dataclass(frozen=True, slots=True)
class QuietCommand(ConfirmableChange):
    """A parsed `quiet`. `hours` None: ends the quiet hours."""

    hours: Hours | None = None
    zone: str = ""

    @property
    def check(self) -> str:
        return "mute"

    async def run(self, request: Request) -> Reply:
        author = await author_of(request, self.zone)
        if isinstance(author, RefusalAnswer):
            return request.refused(author)
        mutes = request.services.requests.mutes
        if self.hours is None:
            return silence_reply(await mutes.end_quiet_hours(author), "quiet", request)
        answer = await mutes.set_quiet_hours(author, _weekly(self.hours, author.zone.key))
        return silence_reply(answer, "quiet", request)


def _weekly(hours: Hours, zone: str) -> WeeklyHours:
    return WeeklyHours(days=hours.days, start=hours.start, end=hours.end, zone=zone)


def _parse_maintenance(command_text: CommandText) -> Command:
    words = command_text.words
    if not words:
        return ListSilences((SetupKind.MAINTENANCE,))
    if len(words) > 1 and words[-1].lower in OFF:
        return MaintenanceCommand(read_references(command_text, words[:-1]))
    parts: SilenceText[Hours | Once] = read_silence(command_text, read_window, _WINDOW)
    if not parts.references:
        raise ParseError("Which pipeline is the maintenance for? Nothing was changed.", _OF_ONE, "help maintenance")
    if parts.time is None:
        wrong = f"I can't read the time in “{outside(parts.unread)}”." if parts.unread else "When is the maintenance?"
        window = _WINDOW.partition("orders-* ")[2]
        names, start = moment_in(parts.references)
        named = " ".join(map(typed_reference, names or parts.references))
        if names and start and not parts.unread:
            raise ParseError(
                "How long is the maintenance? Nothing was changed. For example:", f"maintenance {named} {start} for 4h"
            )
        raise ParseError(f"{wrong} Nothing was changed. For example:", f"maintenance {named} {window}", _WINDOW)
    return MaintenanceCommand(parts.references, parts.time, parts.zone, parts.why)


def _parse_quiet(command_text: CommandText) -> Command:
    words = command_text.words
    if not words:
        return ListSilences((SetupKind.QUIET_HOURS,))
    if len(words) == 1 and words[0].lower in OFF:
        return QuietCommand()
    parts = read_silence(command_text, read_hours, _QUIET)
    if parts.time is None or parts.references:
        raise ParseError(
            f"I can't read “{outside(command_text.rest)}” as quiet hours. Nothing was changed. "
            "Type from when to when, and the days:",
            _QUIET,
            "help quiet",
        )
    return QuietCommand(parts.time, parts.zone)


_MAINTENANCE_HELP = HelpPage(
    overview=("`{c} maintenance orders-* sat 22:00-02:00 weekly` — a planned mute",),
    topic=(
        "*`{c} maintenance PIPELINE … | channel WINDOW [in ZONE] [because …]`* — plan a mute, once or weekly.",
        "Weekly: `sat 22:00-02:00 weekly`, `weekdays 01:00-02:00`, `daily 01:00-02:00`.",
        "Once: `2026-12-05 22:00 for 4h`, `tomorrow 22:00-23:30`, `sat 22:00 until sun 06:00`.",
        "Without `in Europe/Berlin`, your time zone counts. `{c} maintenance orders-* none` removes the windows.",
    ),
)
_QUIET_HELP = HelpPage(
    overview=("`{c} quiet 20:00-08:00 weekdays` — only failures then",),
    topic=(
        "*`{c} quiet 20:00-08:00 [weekdays | sat,sun] [in ZONE] | off`* — this channel's quiet hours.",
        "In these hours I post only failures, from their begin to their end, and page as ever.",
        "At their end, one message says what else happened, open problems first.",
        "Without `in Europe/Berlin`, your time zone counts.",
    ),
)

FEATURE = Feature(
    commands=(
        CommandWord(
            name="maintenance",
            parse=_parse_maintenance,
            takes_names=True,
            changes=True,
            help_order=15,
            help=_MAINTENANCE_HELP,
        ),
        CommandWord(name="quiet", parse=_parse_quiet, changes=True, help_order=16, help=_QUIET_HELP),
    )
)
