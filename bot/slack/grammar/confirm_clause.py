"""The clause `confirm N` of `watch`: how many readings in a row must show a problem. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from bot.domain.episode import MOST_CONFIRMED
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.tokens import PUNCTUATION, ParseError, Word

CONFIRM = "confirm"


class Confirmation(NamedTuple):
    """The words without the clause, and the number in it. None: nobody typed the clause."""

    words: list[Word]
    readings: int | None = None


def without_confirmation(command_text: CommandText) -> Confirmation:
    """Takes the clause out of the words. A pipeline may have a name with this word.

    Raises:
        ParseError: the clause has no such number.
    """
    words = command_text.words
    place = next((number for number, word in enumerate(words) if number and word.means(CONFIRM)), None)
    if place is None or command_text.names.with_name(CONFIRM):
        return Confirmation(words)
    number = words[place + 1].text.rstrip(PUNCTUATION) if place + 1 < len(words) else ""
    if number.isdecimal() and 1 <= int(number) <= MOST_CONFIRMED:
        return Confirmation([*words[:place], *words[place + 2 :]], int(number))
    raise ParseError(
        f"Type a number from 1 to {MOST_CONFIRMED} after *confirm*. Nothing was changed.",
        _with_two(words, place, number),
        "watch orders-eu confirm 2",
    )


def with_clause(hints: Sequence[str], readings: int | None) -> tuple[str, ...]:
    """The suggested commands, with the clause that was typed."""
    if readings is None:
        return tuple(hints)
    clause = f" {CONFIRM} {readings}"
    return tuple(hint if clause in hint or not hint.startswith("watch ") else hint + clause for hint in hints)


def _with_two(words: Sequence[Word], place: int, number: str) -> str:
    """The command with the number 2 in place of a wrong one. Empty if a word needs its quotes."""
    is_number = bool(number) and number.lower() not in {"on", "page", "in"} and number[:1] not in "@#<"
    rest = words[place + 2 :] if is_number else words[place + 1 :]
    others = [*words[:place], *rest]
    if any(word.quoted or word.picked for word in others):
        return ""
    return " ".join(["watch", *(word.text for word in others), CONFIRM, "2"])
