"""Which words of a command make one name: a name with blanks needs no quotes where it is known. Pure.

The longest reading that is a known name comes first, so with `orders` and `orders on call` the words `orders on call`
mean the second. A name that begins with a keyword goes in quotes behind another name.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher

from bot.domain.catalogue import Found, Names, Unknown, is_pattern, looks, resolve, spoken
from bot.slack.grammar.tokens import ARROWS, CONNECTIVES, KEYWORDS, Word, listed, slice_of, stripped

MISSPELLED = 0.75  # as alike as this, several words are one name with a slip of the pen


def known_span(words: Sequence[Word], first: int, text: str, names: Names, *, begun: bool) -> int:
    """How many words from `first` on are exactly a name or id; 0 where none are. `begun`: a name stands before."""
    if begun and words[first].lower in {*KEYWORDS, *CONNECTIVES}:
        return 0
    if begun and words[first].reference:
        return 0
    for count in range(min(names.longest + 1, len(words) - first), 0, -1):
        reading = slice_of(text, list(words[first : first + count]))
        if names.exactly(looks(reading)) or names.formerly(looks(reading)):
            return count
        if count > 1 and _spelled_apart(words[first : first + count], reading, names):
            return count
    return 0


def _spelled_apart(words: Sequence[Word], reading: str, names: Names) -> bool:
    """`orders eu` is `orders-eu`, unless there are both an `orders` and an `eu`."""
    if any(word.quoted or word.reference for word in words) or is_pattern(reading) or words[-1].text in ARROWS:
        return False
    found = names.saying(spoken(reading))
    whole = len(found) == 1 and spoken(found[0].name) == spoken(reading)
    return whole and not all(names.exactly(looks(word.text)) for word in words)


def names_in(words: Sequence[Word], text: str, names: Names) -> list[str]:
    """The names in words that are no name exactly: beginnings, words out of names, lists, or slips of the pen."""
    found: list[str] = []
    place = 0
    while place < len(words):
        count = _loose_span(words, place, text, names)
        if count:
            found.append(slice_of(text, list(words[place : place + count])))
        elif words[place].lower not in CONNECTIVES or not 0 < place < len(words) - 1:
            found += _separate(words[place], names)
        place += count or 1
    if len(found) > 1 and not any(word.quoted for word in words):
        return _one_misspelled(found, slice_of(text, list(words)), names)
    return found


def _loose_span(words: Sequence[Word], first: int, text: str, names: Names) -> int:
    """How many words, two or more, are an unambiguous beginning or part of one name."""
    for count in range(min(names.longest, len(words) - first), 1, -1):
        span = list(words[first : first + count])
        if any(word.quoted for word in span):
            continue
        reading = slice_of(text, span)
        if not is_pattern(reading) and isinstance(resolve(reading, names, suggest=False), Found):
            return count
    return 0


def _separate(word: Word, names: Names) -> list[str]:
    """One name, unless a part of it between separators is one: `orders-eu;payments`."""
    if word.quoted or word.reference or not isinstance(resolve(word.text, names, suggest=False), Unknown):
        return [word.text if word.quoted else stripped(word.text)]
    parts = listed([word])
    any_known = any(isinstance(resolve(part, names, suggest=False), Found) for part in parts)
    return parts if len(parts) > 1 and any_known else [stripped(word.text)]


def _one_misspelled(found: list[str], whole: str, names: Names) -> list[str]:
    if all(not isinstance(resolve(each, names, suggest=False), Unknown) for each in found):
        return found
    near = names.nearest(looks(whole))
    alike = near and SequenceMatcher(None, looks(whole), looks(near[0].name)).ratio()
    return [whole] if alike and alike > MISSPELLED else found
