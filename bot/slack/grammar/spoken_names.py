"""Finds the words that form one name. A known name with spaces needs no quotes. Pure.

The longest known name wins: with the pipelines `orders` and `orders on call`, the words `orders on call` mean the
second. After another name, a name that begins with a keyword needs quotes.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher

from bot.domain.catalogue import comparable, is_pattern, name_words
from bot.domain.names import Names, ResolvedReference, UnknownReference, resolve
from bot.slack.grammar.tokens import ARROWS, CONNECTIVES, KEYWORDS, Word, slice_of, split_list, stripped

MISSPELLED = 0.75  # from this similarity on, several words are one misspelled name


def known_span(words: Sequence[Word], first: int, text: str, names: Names, *, begun: bool) -> int:
    """How many words from `first` on are exactly a name or id; 0 if none are. `begun`: a name comes before."""
    if begun and words[first].lower in {*KEYWORDS, *CONNECTIVES}:
        return 0
    if begun and words[first].picked:
        return 0
    for count in range(min(names.longest + 1, len(words) - first), 0, -1):
        reading = slice_of(text, list(words[first : first + count]))
        if names.with_name(comparable(reading)) or names.with_former_name(comparable(reading)):
            return count
        if count > 1 and _spelled_apart(words[first : first + count], reading, names):
            return count
    return 0


def _spelled_apart(words: Sequence[Word], reading: str, names: Names) -> bool:
    """True if spaces replace other separators: `orders eu` means `orders-eu`, unless `orders` and `eu` both exist."""
    if any(word.quoted or word.picked for word in words) or is_pattern(reading) or words[-1].text in ARROWS:
        return False
    found = names.with_words(name_words(reading))
    whole = len(found) == 1 and name_words(found[0].name) == name_words(reading)
    return whole and not all(names.with_name(comparable(word.text)) for word in words)


def names_in(words: Sequence[Word], text: str, names: Names) -> list[str]:
    """The names in words that match none exactly: beginnings or parts of names, lists, or misspelled names."""
    read_names: list[str] = []
    position = 0
    while position < len(words):
        count = _loose_span(words, position, text, names)
        if count:
            read_names.append(slice_of(text, list(words[position : position + count])))
        elif words[position].lower not in CONNECTIVES or not 0 < position < len(words) - 1:
            read_names += _split_names(words[position], names)
        position += count or 1
    if len(read_names) > 1 and not any(word.quoted for word in words):
        return _one_misspelled(read_names, slice_of(text, list(words)), names)
    return read_names


def _loose_span(words: Sequence[Word], first: int, text: str, names: Names) -> int:
    """How many words form an unambiguous beginning or part of one name: two or more, otherwise 0."""
    for count in range(min(names.longest, len(words) - first), 1, -1):
        span = list(words[first : first + count])
        if any(word.quoted for word in span):
            continue
        reading = slice_of(text, span)
        if not is_pattern(reading) and isinstance(resolve(reading, names, suggest=False), ResolvedReference):
            return count
    return 0


def _split_names(word: Word, names: Names) -> list[str]:
    """Splits a word at its separators if one of its parts is a known name: `orders-eu;payments`."""
    if word.quoted or word.picked or not isinstance(resolve(word.text, names, suggest=False), UnknownReference):
        return [word.text if word.quoted else stripped(word.text)]
    parts = split_list([word])
    any_known = any(isinstance(resolve(part, names, suggest=False), ResolvedReference) for part in parts)
    return parts if len(parts) > 1 and any_known else [stripped(word.text)]


def _one_misspelled(read_names: list[str], whole: str, names: Names) -> list[str]:
    """One name if the words together come close to a pipeline's. Otherwise the names as read."""
    if all(not isinstance(resolve(name, names, suggest=False), UnknownReference) for name in read_names):
        return read_names
    near = names.nearest(comparable(whole))
    alike = near and SequenceMatcher(None, comparable(whole), comparable(near[0].name)).ratio()
    return [whole] if alike and alike > MISSPELLED else read_names
