"""Finds all features, and maps a text to its command and an action id to its button. Pure."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules

from bot.domain.names import Names
from bot.slack import features
from bot.slack.feature import Button, Command, CommandWord, Feature, UsageError
from bot.slack.grammar.command_text import NO_NAMES, CommandText, Vocabulary
from bot.slack.grammar.near_commands import INFORMED, Rest, near_command
from bot.slack.grammar.pasted import as_command
from bot.slack.grammar.plain_questions import asks_about_failures
from bot.slack.grammar.questions import is_question, is_sentence, question_refusal, status_words
from bot.slack.grammar.secret_words import holds_address, names_secret, without_addresses
from bot.slack.grammar.spoken_names import known_span
from bot.slack.grammar.tokens import (
    ParseError,
    Word,
    can_be_typed,
    corrected,
    quoted,
    slice_of,
    too_long,
    typed,
    unlinked,
    words_in,
)
from bot.slack.mrkdwn import escape, outside
from bot.slack.render.help import HelpPage, help_lines

LONGEST_TEXT = 4000
LONGEST_HINT = 250
WITHOUT_WORDS = "status"  # the command for an empty text


def all_features() -> Iterator[Feature]:
    """The FEATURE of each module in `features/`."""
    for module in iter_modules(features.__path__):
        found: object = import_module(f"{features.__name__}.{module.name}").FEATURE
        if not isinstance(found, Feature):
            raise TypeError(f"features/{module.name} has no FEATURE")
        yield found


class Routes:
    """Maps a text to its command, and an action id to its button. `parse` never raises."""

    def __init__(self, available: Iterable[Feature]) -> None:
        available = tuple(available)
        words = sorted((word for feature in available for word in feature.commands), key=lambda word: word.help_order)
        self.words: Mapping[str, CommandWord] = {word.name: word for word in words}
        buttons = (button for feature in available for button in feature.buttons.items())
        self.buttons: Mapping[str, Button] = dict(buttons)
        self.modals = {id_: submit for feature in available for id_, submit in feature.modals.items()}
        self.home = next(feature.home for feature in available if feature.home)
        self.help_pages: Mapping[str, HelpPage] = {word.name: word.help for word in words}
        self.vocabulary = Vocabulary(
            commands=tuple(self.words),
            aliases={alias: word.name for word in words for alias in word.aliases},
            verbatim=frozenset(word.name for word in words if word.verbatim),
        )

    def help_lines(self, topic: str | None, command: str) -> list[str]:
        return help_lines(topic, self.help_pages, command)

    def word(self, text: str) -> CommandWord | None:
        """The command that a text begins with. None if it begins with another word."""
        return self.words.get(self.vocabulary.first(text))

    def parse(self, text: str, names: Names = NO_NAMES) -> Command:
        """Depends on the pipelines' names, because a name may contain spaces and keywords."""
        try:
            if len(text) > LONGEST_TEXT:
                raise too_long(f"{len(text):,} characters", LONGEST_TEXT, self.vocabulary.first(text))
            return self._parse(as_command(unlinked(text), names, self.vocabulary), names)
        except ParseError as refused:
            hint = self._hint(refused, names)
            if names_secret(text):
                hint = "help schedule" if holds_address(hint) else hint
                return UsageError(without_addresses(refused.message), hint)
            return UsageError(refused.message, hint, refused.in_goldrush)

    def _parse(self, text: str, names: Names) -> Command:
        words = words_in(text)
        if not words:
            return self.words[WITHOUT_WORDS].parse(CommandText([], "", names, self.vocabulary))
        first, command_text = words[0], CommandText(words[1:], text, names, self.vocabulary)
        word = self.words.get(self.vocabulary.command(first.text))
        if first.quoted or word is None:
            raise self._unknown(first, command_text, words)
        return word.parse(command_text)

    def _unknown(self, word: Word, command_text: CommandText, words: list[Word]) -> ParseError:
        name = word.text
        whole = typed(slice_of(command_text.text, words))
        asking = [f"status {whole}"] if len(words) > 1 and can_be_typed(whole) else []
        asking += [f"status {quoted(name)}" if can_be_typed(name) else "list"]
        if pipelines := status_words(command_text.words, command_text) if command_text.words else "":
            asking.insert(0, f"status {pipelines}")
        known = known_span(words, 0, command_text.text, command_text.names, begun=False)
        if name.startswith("pipe_") or word.quoted or known:
            status_command = f"status {status_words(words, command_text)}" if known else ""
            return ParseError(f"“{outside(name)}” isn't a command. To see its state:", status_command, *asking)
        if is_question(words) and not (word.lower in INFORMED and len(words) > 1):
            return question_refusal(words, command_text)
        if helpful := near_command(word, self._rest(command_text)):
            return helpful
        own = [*self.vocabulary.commands, *self.vocabulary.aliases]
        if near := difflib.get_close_matches(name.lower(), own, n=1, cutoff=0.6):
            fix = corrected(command_text.text, word.start, name, f"{near[0]} ")
            reason = f"There is no command called *{outside(name)}*. Nothing was changed. Did you mean *{near[0]}*?"
            return ParseError(reason, fix, near[0])
        if is_sentence(words) or asks_about_failures(spoken.text for spoken in words):
            return question_refusal(words, command_text)
        return ParseError(
            f"There is no command called *{outside(name)}*. Nothing was changed. If it's a pipeline, check its state:",
            *asking,
        )

    def _rest(self, command_text: CommandText) -> Rest:
        """The words after an unknown command."""
        shown = status_words(command_text.words, command_text) if command_text.words else ""
        return Rest(command_text.rest, shown or ("" if is_sentence(command_text.words) else command_text.rest))

    def _hint(self, refused: ParseError, names: Names) -> str:
        """The first hint that is a valid command. For an invalid one, tries the hints of its own refusal."""
        for hint in refused.hints:
            if not self._begins(hint):
                continue
            again = self._refused(hint, names)
            if again is None:
                return hint
            better = (
                suggestion
                for suggestion in again.hints
                if self._begins(suggestion) and not self._refused(suggestion, names)
            )
            if found := next(better, None):
                return found
        return "help"

    def _begins(self, hint: str) -> bool:
        first = "".join(hint.split(maxsplit=1)[:1])
        return 0 < len(hint) <= LONGEST_HINT and self.vocabulary.contains(first)

    def _refused(self, hint: str, names: Names) -> ParseError | None:
        try:
            self._parse(unlinked(escape(hint)), names)
        except ParseError as refused:
            return refused
        return None


ROUTES = Routes(all_features())
