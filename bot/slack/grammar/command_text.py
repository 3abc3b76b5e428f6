"""The text after a command's name, and everything that its meaning depends on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.catalogue import Names
from bot.slack.grammar.tokens import Word, slice_of, typed

NO_NAMES = Names(())


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that a command may begin with. `verbatim` commands keep their last word as typed."""

    commands: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    verbatim: frozenset[str] = frozenset()

    def contains(self, word: str) -> bool:
        return word.lower() in {*self.commands, *self.aliases}

    def command(self, word: str) -> str:
        """The command that an alias stands for; any other word in lower case."""
        return self.aliases.get(word.lower(), word.lower())

    def first(self, text: str) -> str:
        """The command that a text begins with. If it begins with none, its first word in lower case."""
        return self.command("".join(text.split(maxsplit=1)[:1]))


@dataclass(frozen=True, slots=True)
class CommandText:
    """The words after a command's name. `text` is the whole command as typed."""

    words: list[Word]
    text: str
    names: Names
    vocabulary: Vocabulary

    @property
    def rest(self) -> str:
        return typed(slice_of(self.text, self.words)) if self.words else ""
