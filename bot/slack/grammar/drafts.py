"""A command with clauses, as understood so far: its names, the items of each clause, and its faults. Pure."""

from dataclasses import dataclass, field

from bot.slack.grammar.clauses import ChannelWord, Kind, channel_of
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.tokens import ALL, Refused, fixed, quoted


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a clause. `right`: how it is typed correctly, empty where nobody can know."""

    text: str
    right: str
    start: int
    reference: bool = False
    closed: bool = True
    """No word behind it can belong to it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`fix`: the position to search from, the wrong word and its replacement. `otherwise`: an example."""

    message: str
    fix: tuple[int, str, str] | None = None
    otherwise: str = ""


@dataclass(slots=True)
class Draft:
    """`all`: that word stands first. The names in order; the items behind each keyword, right or wrong; the faults."""

    all: bool = False
    names: list[str] = field(default_factory=list)
    clauses: dict[str, list[Item]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def items(self, kind: Kind) -> list[Item]:
        return self.clauses.get(kind.value, [])

    @property
    def sure(self) -> bool:
        return all(item.right for items in self.clauses.values() for item in items)

    def command(self, name: str) -> str:
        """The whole command, each word in its place; empty where one of them cannot be understood."""
        if not self.sure or not (self.names or self.all):
            return ""
        parts = [name, *([ALL] if self.all else (quoted(each) for each in self.names))]
        for keyword, items in self.clauses.items():
            rights = list(dict.fromkeys(item.right for item in items))
            if rights:
                parts += [keyword, (",".join if keyword == Kind.EVENT else " ".join)(rights)]
        return " ".join(parts)


def refuse_faults(draft: Draft, name: str, command_text: CommandText, otherwise: str) -> None:
    if not draft.faults:
        return
    fault = draft.faults[0]
    simply = fixed(command_text.text, *fault.fix) if fault.fix and len(draft.faults) == 1 else ""
    raise Refused(fault.message, simply, draft.command(name), fault.otherwise, otherwise)


def channel_in(draft: Draft, example: str) -> ChannelWord | None:
    if Kind.CHANNEL.value not in draft.clauses:
        return None
    items = draft.items(Kind.CHANNEL)
    if len(items) != 1:
        raise Refused("Name one channel after *in*. Nothing was changed.", example)
    if items[0].right == "here":
        return None
    return channel_of(items[0].text, reference=items[0].reference)
