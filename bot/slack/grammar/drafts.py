"""A command with clauses, as read so far: its names, the items of each clause, and its mistakes. Pure."""

from dataclasses import dataclass, field

from bot.slack.grammar.clauses import ChannelWord, ClauseKind, channel_of
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.tokens import ALL, ParseError, corrected, quoted


@dataclass(frozen=True, slots=True)
class ClauseItem:
    """One item of a clause, such as one event or one person to page."""

    text: str
    corrected: str
    """The correct form. Empty if the bot can't guess it."""
    start: int
    """The item's position in the typed text."""
    picked: bool = False
    """True if Slack wrote the item, because the person picked it from a list."""
    closed: bool = True
    """True if the next word can't belong to this item."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a command."""

    message: str
    fix: tuple[int, str, str] | None = None
    """The position to search from, the wrong word, and its replacement."""
    example: str = ""
    """A correct command of the same kind."""


@dataclass(slots=True)
class Draft:
    """The parts of a `watch` or `unwatch` that were read so far."""

    all: bool = False
    """True if the command begins with the word *all*."""
    names: list[str] = field(default_factory=list)
    """The pipelines and patterns."""
    clauses: dict[str, list[ClauseItem]] = field(default_factory=dict)
    """The items of each clause by its keyword, correct or not."""
    mistakes: list[Mistake] = field(default_factory=list)

    def items(self, kind: ClauseKind) -> list[ClauseItem]:
        return self.clauses.get(kind.value, [])

    @property
    def correctable(self) -> bool:
        return all(item.corrected for items in self.clauses.values() for item in items)

    def command(self, name: str) -> str:
        """The whole command with each word in its place. Empty if the bot can't correct one of them."""
        if not self.correctable or not (self.names or self.all):
            return ""
        parts = [name, *([ALL] if self.all else (quoted(pipeline) for pipeline in self.names))]
        for keyword, items in self.clauses.items():
            rights = list(dict.fromkeys(item.corrected for item in items))
            if rights:
                parts += [
                    keyword,
                    (",".join if keyword in {ClauseKind.EVENT, ClauseKind.PAGE_FOR} else " ".join)(rights),
                ]
        return " ".join(parts)


def refuse_mistakes(draft: Draft, name: str, command_text: CommandText, fallback: str) -> None:
    """Refuses a command with mistakes: names the first one, and suggests the corrected command.

    Raises:
        ParseError
    """
    if not draft.mistakes:
        return
    mistake = draft.mistakes[0]
    one_fix = corrected(command_text.text, *mistake.fix) if mistake.fix and len(draft.mistakes) == 1 else ""
    raise ParseError(mistake.message, one_fix, draft.command(name), mistake.example, fallback)


def channel_in(draft: Draft, example: str) -> ChannelWord | None:
    if ClauseKind.CHANNEL.value not in draft.clauses:
        return None
    items = draft.items(ClauseKind.CHANNEL)
    if len(items) != 1:
        raise ParseError("Name one channel after *in*. Nothing was changed.", example)
    if items[0].corrected == "here":
        return None
    return channel_of(items[0].text, picked=items[0].picked)
