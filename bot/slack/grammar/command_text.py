"""What a person typed behind a command's name, with all that its reading depends on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.catalogue import Names
from bot.slack.grammar.tokens import Word, slice_of, typed

NO_NAMES = Names(())


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that a command may begin with. `verbatim`: commands whose last word is kept as typed."""

    commands: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    verbatim: frozenset[str] = frozenset()

    def holds(self, word: str) -> bool:
        return word.lower() in {*self.commands, *self.aliases}

    def command(self, word: str) -> str:
        """The command that an alias stands for; any other word in lower case."""
        return self.aliases.get(word.lower(), word.lower())

    def first(self, text: str) -> str:
        """The command that a text begins with, if it is one."""
        return self.command("".join(text.split(maxsplit=1)[:1]))


@dataclass(frozen=True, slots=True)
class CommandText:
    """The words behind a command's name."""

    words: list[Word]
    text: str
    names: Names
    vocabulary: Vocabulary

    @property
    def rest(self) -> str:
        return typed(slice_of(self.text, self.words)) if self.words else ""
