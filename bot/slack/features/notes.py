"""The commands `runbook` and `note`: `NAME` alone shows it, `NAME none` removes it, anything else sets it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.domain.answer import NoteAnswer, NoteChange, NoteUnresolved, RefusalAnswer
from bot.domain.catalogue import comparable, is_pattern
from bot.domain.names import AmbiguousReference, UnknownReference, resolve
from bot.domain.note import FIND_PROBLEM, LONGEST_ADDRESS, LONGEST_NOTE, Note, NoteKind, address_problem
from bot.slack.feature import Command, CommandWord, Feature, Reply, Request
from bot.slack.features.error_notes import ErrorNoteCommand
from bot.slack.grammar.answer_words import ERROR
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.spoken_names import known_span
from bot.slack.grammar.tokens import NONE, PUNCTUATION, ParseError, Word, can_be_typed, quoted, slice_of, typed
from bot.slack.mrkdwn import code, date, outside
from bot.slack.render.blocks import Block, sections
from bot.slack.render.help import HelpPage
from bot.slack.render.note_words import note_text
from bot.slack.render.phrases import person, pipelines
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import CANDIDATES, command_for
from bot.slack.render.thread_words import MENTION

NAMES_SHOWN = 10
LONGEST_COMMAND = 2 * LONGEST_ADDRESS
_EXAMPLES = {NoteKind.RUNBOOK: "https://wiki.example.com/orders", NoteKind.NOTE: '"Restart the sink first"'}

_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}", re.IGNORECASE)

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NoteCommand(Command):
    """A parsed `runbook` or `note`."""

    kind: NoteKind
    reference: str
    """The pipeline or pattern, as typed."""
    text: str | None = None
    """The new runbook or note. Empty to remove it. None to show it."""

    @property
    def changes(self) -> bool:
        return self.text is not None

    @property
    def check(self) -> str:
        return f"{self.kind} {quoted(self.reference)}"

    async def run(self, request: Request) -> Reply:
        services, asker = request.services, request.asker
        if self.text is None:
            shown = await services.requests.notes.show(asker.channel, self.kind, self.reference)
            return _reply(shown, request)
        if refusal := await services.permissions.to_change(asker, asker.channel):
            return request.refused(refusal)
        name = await services.permissions.name(asker)
        changed = await services.requests.notes.change(
            asker.channel, self.kind, self.reference, self.text, by=asker.user, by_name=name
        )
        return _reply(changed, request)


def _parser(kind: NoteKind) -> Callable[[CommandText], Command]:
    return lambda command_text: parse_note(kind, command_text)


def _parse_note_or_error_note(command_text: CommandText) -> Command:
    """The router puts `error:KEY` before a note that names no pipeline in a thread."""
    words = command_text.words
    if not words or words[0].quoted or not words[0].text.startswith(ERROR):
        return parse_note(NoteKind.NOTE, command_text)
    try:
        parsed = parse_note(NoteKind.NOTE, command_text)
    except ParseError as refused:
        raise ParseError(refused.message, "help note") from refused
    return ErrorNoteCommand(words[0].text.removeprefix(ERROR), parsed.text)


def parse_note(kind: NoteKind, command_text: CommandText) -> NoteCommand:
    """Reads the last word as the runbook or note, and the words before it as one name, quoted or not.

    Raises:
        ParseError: the words make no command.
    """
    words, names = command_text.words, command_text.names
    if not words:
        raise ParseError(
            f"Which pipeline is the {kind} for? Nothing was changed.", f"{kind} orders-eu {_EXAMPLES[kind]}"
        )
    *name, last = words
    behind = slice_of(command_text.text, words[1:]) if name else ""
    if kind is NoteKind.NOTE and name and name[0].quoted and names.with_name(comparable(behind)):
        fix = f'{kind} {typed(behind)} "{name[0].text}"'
        raise ParseError("The pipeline comes before the note. Nothing was changed.", fix)
    if name and last.means(NONE):
        return NoteCommand(kind, _name(name), "")
    if not name or not _is_text(kind, last, is_name=bool(names.with_name(comparable(_name(words))))):
        _refuse_plain_text(kind, command_text)
        return NoteCommand(kind, _name(words))
    if corrected := _with_scheme(kind, name, last):
        raise ParseError("The address must begin with https:// or http://. Nothing was changed.", corrected)
    text = typed(last.text) if kind is NoteKind.NOTE else last.text  # cards show `@here`, not Slack's `<!here>`
    if wrong := FIND_PROBLEM[kind](text):
        example = f"{_command_start(kind, name)} {_EXAMPLES[kind]}"
        raise ParseError(f"I can't save that {kind}: {wrong}. Nothing was changed.", example)
    return NoteCommand(kind, _name(name), text)


def _refuse_plain_text(kind: NoteKind, command_text: CommandText) -> None:
    """Refuses text without quotes after a known pipeline. Accepts words that may all be a name.

    Raises:
        ParseError: with the corrected command.
    """
    words, names = command_text.words, command_text.names
    span = known_span(words, 0, command_text.text, names, begun=False) or int(is_pattern(words[0].text))
    whole_is_a_name = not isinstance(resolve(_name(words), names, suggest=False), UnknownReference)
    if not 0 < span < len(words) or (whole_is_a_name and not is_pattern(_name(words))):
        return
    if kind is NoteKind.RUNBOOK:
        text = outside(typed(slice_of(command_text.text, words[span:])))
        example = f"{_command_start(kind, words[:span])} {_EXAMPLES[kind]}"
        raise ParseError(f"“{text}” isn't an address. Nothing was changed.", example)
    text = typed(" ".join(word.text for word in words[span:]))
    if wrong := FIND_PROBLEM[kind](text):
        raise ParseError(f"I can't save that {kind}: {wrong}. Nothing was changed.", f"help {kind}")
    in_quotes = f'{_command_start(kind, words[:span])} "{text}"'
    raise ParseError("Put the note in quotes. Nothing was changed.", in_quotes, f"help {kind}")


def _name(words: list[Word]) -> str:
    return " ".join(word.text.strip(",") if not word.quoted else word.text for word in words)


def _is_text(kind: NoteKind, word: Word, *, is_name: bool) -> bool:
    """True if the word is a quoted note, or an address: with a colon or a slash, or in the form of a host.

    `is_name`: all words together are a pipeline's name.
    """
    if kind is NoteKind.NOTE:
        return word.quoted
    return "/" in word.text or ":" in word.text or (not word.quoted and not is_name and _is_host(word.text))


def _is_host(text: str) -> bool:
    return bool(_HOST.fullmatch(text.rstrip(PUNCTUATION)))


def _with_scheme(kind: NoteKind, name: list[Word], last: Word) -> str:
    """The command with `https://` before its address. Empty if that doesn't make it valid."""
    if kind is not NoteKind.RUNBOOK or "://" in last.text or "@" in last.text:
        return ""
    address = last.text.rstrip(PUNCTUATION) if _is_host(last.text) else last.text
    with_scheme = f"https://{address}"
    fits = "." in address.partition("/")[0] and not address_problem(with_scheme)
    return f"{_command_start(kind, name)} {with_scheme}" if fits else ""


def _command_start(kind: NoteKind, name: list[Word]) -> str:
    return f"{kind} {quoted(_name(name))}"


# --- render ----------------------------------------------------------------------------------------------------------


def _reply(answer: NoteAnswer | NoteUnresolved | RefusalAnswer, request: Request) -> Reply:
    if isinstance(answer, RefusalAnswer):
        return request.refused(answer)
    return Reply(blocks=note_answer_blocks(answer, request.services.render_context))


def note_answer_blocks(answer: NoteAnswer | NoteUnresolved, render_context: RenderContext) -> list[Block]:
    return (
        note_blocks(answer, render_context)
        if isinstance(answer, NoteAnswer)
        else note_unresolved_blocks(answer, render_context)
    )


def note_blocks(answer: NoteAnswer, render_context: RenderContext) -> list[Block]:
    name = code(answer.label) if answer.pattern else f"*{outside(answer.label)}*"
    lines = [f"{_SIGNS[answer.kind]} {_outcome_words(answer, name)}"]
    if answer.applies and answer.change is not NoteChange.SET:
        lines.append(_author_words(answer.applies))
    if answer.before and answer.change in {NoteChange.SET, NoteChange.REMOVED}:
        lines.append(_before_words(answer.before, answer))
    if answer.pattern:
        lines.append(_covered_words(answer.covers))
    if answer.failed and answer.change in {NoteChange.SET, NoteChange.REMOVED}:
        cards = "The open failure card is" if answer.failed == 1 else f"The {answer.failed:,} open failure cards are"
        lines.append(f"{cards} updated.")
    if how := _next_step(answer, render_context):
        lines.append(how)
    return sections(lines)


_SIGNS = {NoteKind.RUNBOOK: ":book:", NoteKind.NOTE: ":memo:"}


def _outcome_words(answer: NoteAnswer, name: str) -> str:
    kind, applies = answer.kind.value, answer.applies
    shown = note_text(applies) if applies else ""
    match answer.change:
        case NoteChange.SET:
            return f"{name}: failure cards now show the {kind} {shown}"
        case NoteChange.UNCHANGED:
            return f"{name} already has this {kind}: {shown}"
        case NoteChange.REMOVED if applies:
            return f"{name}: the {kind} was removed. The {kind} of {code(applies.reference)} applies now: {shown}"
        case NoteChange.REMOVED:
            return f"{name}: the {kind} was removed."
        case NoteChange.ABSENT if applies:
            return f"{name} has no {kind} of its own. Nothing was changed. {code(applies.reference)} has one: {shown}"
        case NoteChange.ABSENT:
            return f"{name} has no {kind}. Nothing was changed."
        case NoteChange.SHOWN if applies:
            return f"{name}: the {kind} is {shown}"
        case _:
            return f"{name} has no {kind}."


def _author_words(note: Note) -> str:
    pattern = f" for {code(note.reference)}" if note.pattern else ""
    by = f" by {outside(note.by_name)}" if note.by_name else ""
    return f"Set{pattern}{by} at {date(note.at)}."


def _before_words(before: Note, answer: NoteAnswer) -> str:
    """Names the person whose note this was, unless the same person has changed it."""
    if before.by == answer.by:
        return f"Before: {note_text(before)}"
    did = "removed" if answer.change is NoteChange.REMOVED else "replaced"
    return f"You {did} the {answer.kind} of {person(before.by_name)}: {note_text(before)}"


def _covered_words(names: Sequence[str]) -> str:
    if not names:
        return "No pipeline matches yet. It applies to new ones that match."
    shown = ", ".join(f"*{outside(name)}*" for name in names[:NAMES_SHOWN])
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return f"It applies to {pipelines(len(names))} now: {shown}{more}."


def _next_step(answer: NoteAnswer, render_context: RenderContext) -> str:
    name = quoted(answer.label) if can_be_typed(answer.label) else "NAME"
    typed = f"{render_context.command} {answer.kind} {name}"
    if answer.change is NoteChange.SHOWN and answer.applies is None:
        example = "https://…" if answer.kind is NoteKind.RUNBOOK else '"…"'
        return f"{code(f'{typed} {example}', 150)} sets one."
    if answer.before and answer.change in {NoteChange.SET, NoteChange.REMOVED}:
        text = answer.before.text if answer.kind is NoteKind.RUNBOOK else f'"{answer.before.text}"'
        return f"{code(f'{typed} {text}', LONGEST_COMMAND)} puts the earlier one back."
    if answer.change is NoteChange.SET:
        return f"{code(f'{typed} {NONE}', 150)} removes it."
    return ""


def note_unresolved_blocks(answer: NoteUnresolved, render_context: RenderContext) -> list[Block]:
    reference = answer.reference
    name = outside(typed(reference.reference))
    text = f" {_typed_text(answer)}" if answer.text else ""
    if isinstance(reference, AmbiguousReference):
        lines = [
            f":point_right: “{name}” could mean {pipelines(len(reference.candidates))}. Nothing was changed. Which one?"
        ]
        chosen = reference.candidates[:CANDIDATES]
    else:
        near = (
            "Did you mean one of these?"
            if reference.nearest
            else f"`{render_context.command} list` shows all pipelines."
        )
        lines = [f":grey_question: I couldn't find a pipeline called *{name}*. Nothing was changed. {near}"]
        chosen = reference.nearest
    for pipeline in chosen:
        command = command_for(
            answer.kind.value, pipeline, render_context, by_id=isinstance(reference, AmbiguousReference)
        ).strip("`")
        lines.append(f"• *{outside(pipeline.name)}* · `{command}{text}`")
    if answer.kind is NoteKind.NOTE and not answer.text:
        note = typed(reference.reference).replace('"', "’") if " " in reference.reference else "…"
        to_set = code(f'{render_context.command} note NAME "{note}"', 2 * LONGEST_NOTE)
        lines.append(f"To set a note, put it in quotes after the pipeline: {to_set}")
    return sections(lines)


def _typed_text(answer: NoteUnresolved) -> str:
    typed = answer.text if answer.kind is NoteKind.RUNBOOK else f'"{answer.text}"'
    return code(typed, 2 * LONGEST_NOTE).strip("`")


_RUNBOOK_HELP = HelpPage(
    overview=("`{c} runbook orders-eu https://wiki.example.com/orders` — a link for its failure cards",),
    topic=(
        "*`{c} runbook PIPELINE [https://… | none]`* — set, remove or show the link on failure cards.",
        "PIPELINE: a name, an id, or a pattern. If several apply, the most specific one counts.",
        "`{c} runbook orders-eu none` removes it.",
    ),
)
_NOTE_HELP = HelpPage(
    overview=('`{c} note orders-* "Restart the sink first"` — a sentence for the failure cards of a pattern',),
    topic=(
        '*`{c} note PIPELINE ["…" | none]`* — set, remove or show the sentence on failure cards.',
        f"Up to {LONGEST_NOTE} characters, in quotes. For PIPELINE, see `{{c}} help runbook`.",
        "`{c} note orders-eu none` removes it.",
        f'In the thread of a failure, `{MENTION} note "…"` notes what helped against its error, on any pipeline.',
    ),
)

FEATURE = Feature(
    commands=(
        CommandWord(
            name="runbook",
            parse=_parser(NoteKind.RUNBOOK),
            verbatim=True,
            in_thread=True,
            help_order=6,
            help=_RUNBOOK_HELP,
        ),
        CommandWord(
            name="note",
            parse=_parse_note_or_error_note,
            takes_error=True,
            verbatim=True,
            in_thread=True,
            takes_sentence=True,
            help_order=7,
            help=_NOTE_HELP,
        ),
    )
)
