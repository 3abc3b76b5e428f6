"""The commands `oncall` and `shadow`: who is on call, taking a shift, and learners who get copies."""

from dataclasses import dataclass
from difflib import get_close_matches

from bot.domain.answer import RefusalAnswer
from bot.domain.schedule_answer import OverrideWish
from bot.domain.watch import Target, TargetKind, UserId
from bot.slack.feature import Command, CommandWord, ConfirmableChange, Feature, Reply, Request
from bot.slack.features.schedule import ShowScheduleCommand, editor_of, reply_of
from bot.slack.features.watch.targets import targets_of
from bot.slack.grammar.clauses import TargetWord
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.override_words import UNCHANGED, OverrideWords, read_override
from bot.slack.grammar.tokens import ParseError, slice_of, typed
from bot.slack.mrkdwn import outside
from bot.slack.render.help import HelpPage

_TAKE = "oncall take data until 18:00"
_GIVE = "oncall give data to @bob until 18:00"
_SHADOW = "shadow data @carol for 2 weeks"
_VERBS = ("take", "give", "cancel")
_ME = TargetWord(TargetKind.USER, me=True)

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _ChangingCommand(ConfirmableChange):
    words: OverrideWords

    @property
    def check(self) -> str:
        return f"oncall {self.words.schedule}".strip()

    async def run(self, request: Request) -> Reply:
        asker, services = request.asker, request.services
        if refusal := await services.permissions.to_change(asker, asker.channel):
            return request.refused(refusal)
        schedule = self.words.schedule or services.requests.schedules.only_name()
        if not schedule:
            return request.refused(RefusalAnswer(reason=f"Which schedule do you mean? {UNCHANGED}", command="oncall"))
        return await self.carry_out(schedule, request)

    async def carry_out(self, schedule: str, request: Request) -> Reply:
        """The change itself, after the permission check."""
        raise NotImplementedError


async def _person(word: TargetWord, request: Request) -> Target | RefusalAnswer:
    """One person. A group or a bot can't be on call."""
    found = await targets_of((word,), request.asker, request.services)
    if isinstance(found, RefusalAnswer):
        return found
    (target,) = found or (None,)
    if target is None or target.kind is not TargetKind.USER:
        return RefusalAnswer(reason=f"Only a person can be on call. {UNCHANGED}", command="help oncall")
    return target


@dataclass(frozen=True, slots=True)
class TakeCommand(_ChangingCommand):
    """`oncall take NAME …` and `oncall give NAME to @carol …`."""

    async def carry_out(self, schedule: str, request: Request) -> Reply:
        words, services = self.words, request.services
        person = await _person(words.person or _ME, request)
        instead = await _person(words.instead_of, request) if words.instead_of else None
        if isinstance(person, RefusalAnswer) or isinstance(instead, RefusalAnswer):
            return request.refused(person if isinstance(person, RefusalAnswer) else _as_refusal(instead))
        zone = await services.permissions.facts.zone(request.asker.user)
        now = request.asked_at or services.requests.schedules.now
        start = words.start.resolve(now, zone, begins=True) if words.start else None
        if words.end is None:
            return request.refused(RefusalAnswer(reason=f"Until when? {UNCHANGED}", command=_TAKE))
        wish = OverrideWish(
            schedule=schedule,
            person=person,
            instead_of=instead,
            start=start,
            end=words.end.resolve(start or now, zone),
            why=words.why,
            asked_at=request.asked_at,
        )
        return reply_of(await services.requests.schedules.override(wish, await editor_of(request)), request)


def _as_refusal(answer: Target | RefusalAnswer | None) -> RefusalAnswer:
    return answer if isinstance(answer, RefusalAnswer) else RefusalAnswer(reason=UNCHANGED)


@dataclass(frozen=True, slots=True)
class CancelCommand(_ChangingCommand):
    """`oncall cancel NAME [@person]`: ends overrides, by default one's own."""

    async def carry_out(self, schedule: str, request: Request) -> Reply:
        person = await _person(self.words.person or _ME, request)
        if isinstance(person, RefusalAnswer):
            return request.refused(person)
        schedules = request.services.requests.schedules
        return reply_of(await schedules.cancel(schedule, UserId(person.id), await editor_of(request)), request)


@dataclass(frozen=True, slots=True)
class ShadowCommand(_ChangingCommand):
    """`shadow NAME @carol until …` and `shadow NAME @carol none`."""

    async def carry_out(self, schedule: str, request: Request) -> Reply:
        words, services = self.words, request.services
        person = await _person(words.person or _ME, request)
        if isinstance(person, RefusalAnswer):
            return request.refused(person)
        editor, schedules = await editor_of(request), services.requests.schedules
        if words.ends_now:
            return reply_of(await schedules.end_shadow(schedule, UserId(person.id), editor), request)
        if words.end is None:
            return request.refused(RefusalAnswer(reason=f"Until when? {UNCHANGED}", command=_SHADOW))
        zone = await services.permissions.facts.zone(request.asker.user)
        now = request.asked_at or schedules.now
        start = words.start.resolve(now, zone, begins=True) if words.start else None
        end = words.end.resolve(start or now, zone)
        return reply_of(await schedules.shadow(schedule, person, end, editor, start=start), request)


def _parse_on_call(command_text: CommandText) -> Command:
    words = command_text.words
    if not words:
        return ShowScheduleCommand()
    first, *rest = words
    if first.lower in {"take", "cover"}:
        return _timed(TakeCommand(read_override(rest, command_text.text, _TAKE)), command_text, _TAKE)
    if first.lower == "give":
        given = TakeCommand(read_override(rest, command_text.text, _GIVE))
        if given.words.person is None:
            raise ParseError(f"Who takes the shift? {UNCHANGED}", _GIVE, "help oncall")
        return _timed(given, command_text, _GIVE)
    if first.lower in {"cancel", "remove", "end"}:
        return CancelCommand(read_override(rest, command_text.text, "oncall cancel data"))
    if rest:
        verb = get_close_matches(first.lower, _VERBS, n=1, cutoff=0.6)
        fix = f"oncall {verb[0]} {typed(slice_of(command_text.text, rest))}" if verb else ""
        people = " ".join(typed(word.text) for word in rest)
        end = "" if {"until", "till", "for"} & {word.lower for word in rest} else " until 18:00"
        give = f"oncall give {first.text} to {people}{end}" if people.startswith("@") else ""
        unknown = (
            f"I don't know the word “{outside(first.text)}” here." if verb else "Name one schedule, or type what to do."
        )
        raise ParseError(f"{unknown} {UNCHANGED}", fix, give, "oncall", "help oncall")
    return ShowScheduleCommand(first.text.strip(",;:?").removeprefix("oncall:"))


def _timed(command: TakeCommand, command_text: CommandText, example: str) -> TakeCommand:
    if command.words.end is None:
        whole = f"oncall {command_text.rest} until 18:00"
        raise ParseError(f"Until when? {UNCHANGED}", whole, example)
    return command


def _parse_shadow(command_text: CommandText) -> Command:
    words = [word for word in command_text.words if not (word.means("remove") and word is command_text.words[0])]
    found = read_override(words, command_text.text, _SHADOW)
    if len(words) < len(command_text.words):
        found = OverrideWords(schedule=found.schedule, person=found.person, ends_now=True)
    if found.person is None:
        raise ParseError(f"Who should get copies? {UNCHANGED}", _SHADOW, "help shadow")
    if found.end is None and not found.ends_now:
        raise ParseError(f"Until when? {UNCHANGED}", f"shadow {command_text.rest} for 2 weeks", _SHADOW)
    return ShadowCommand(found)


_ON_CALL_HELP = HelpPage(
    overview=("`{c} oncall` — who is on call, until when, and who is next",),
    topic=(
        "*`{c} oncall [SCHEDULE]`* — who is on call, until when, who is next, and why.",
        "`{c} oncall take data until 18:00` takes the shift. Also `for @bob`, `from fri 18:00`, `for 4h`, `because …`.",
        "`{c} oncall give data to @bob until mon 09:00` gives it to Bob. `{c} oncall cancel data` ends what you took.",
        "Times count in your time zone. `on-call` works too.",
    ),
)
_SHADOW_HELP = HelpPage(
    overview=("`{c} shadow data @carol for 2 weeks` — copies of pages for a learner",),
    topic=(
        "*`{c} shadow SCHEDULE @person until … | for … | none`* — copies of the pages to the person on call.",
        "A learner never counts as paged.",
    ),
)

FEATURE = Feature(
    commands=(
        CommandWord(
            name="oncall",
            parse=_parse_on_call,
            aliases=("on-call",),
            changes=True,
            help_order=14,
            help=_ON_CALL_HELP,
        ),
        CommandWord(name="shadow", parse=_parse_shadow, changes=True, help_order=15, help=_SHADOW_HELP),
    )
)
