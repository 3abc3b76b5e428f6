"""The text after a command's name, and everything that its meaning depends on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.names import Names
from bot.slack.grammar.tokens import Word, slice_of, typed

NO_NAMES = Names(())


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that a command may begin with."""

    commands: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Other words for a command, each with the command."""
    verbatim: frozenset[str] = frozenset()
    """The commands whose last word the parser keeps as typed."""

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
    """A command's words, and what a parser needs to understand them."""

    words: list[Word]
    """The words after the command's name."""
    text: str
    """The whole command as typed."""
    names: Names
    """The pipelines' names, because a name may contain spaces and keywords."""
    vocabulary: Vocabulary

    @property
    def rest(self) -> str:
        return typed(slice_of(self.text, self.words)) if self.words else ""
