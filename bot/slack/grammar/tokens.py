"""The text that someone typed, cut into words: quotes, Slack's own forms, and the spelling of a name. Pure.

Not shlex: an apostrophe in a name (`bob's`) is no quote here, and Slack's `<…>` forms hold blanks.
"""

import re
from dataclasses import dataclass

from bot.domain.catalogue import visible
from bot.domain.transition import SELECTABLE
from bot.slack.render.mrkdwn import unescape

MOST_WORDS = 200
KEYWORDS = ("on", "page", "in")
ALL = "all"
NONE = "none"
EVERYTHING = frozenset({"everything", "anything", "every", "each"})  # people type these for *all*
SEPARATORS = ",;|/+&、，；／"
ARROWS = ("→", "->", "=>", ">")
CONNECTIVES = frozenset({"and", "or", "und", "oder", *SEPARATORS, "&&", "||"})
LIST_CONNECTIVES = CONNECTIVES | {"et", "ou", "y", "o", "e", "plus"}  # where no name of a pipeline can stand

_RESOLVED = re.compile(r"<(?P<sign>[@#!])[^|>]*\|(?P<name>[^>]*)>")
# What Slack makes a link of by itself, in the middle of a word too: <http://orders.eu|orders.eu>-live
_LINK = re.compile(r"<([a-z][a-z0-9+.-]*:[^|<>]*)(?:\|([^<>]*))?>", re.IGNORECASE)
_FORM = re.compile(r"<[^>\s][^>]*>")
_LISTED = re.compile(rf"<[^>]*>|[^{re.escape(SEPARATORS)}]+")

# Quotation marks of all keyboards. In a family each mark closes each other: phones curl one of two, and Germans, Swedes
# and Danes turn them round. A single mark closes only at the end of a word: it may be an apostrophe.
_DOUBLE = '"“”„‟″＂〝〞〟'
_SINGLE = "'‘’‚‛`´′"
_QUOTED = (
    *(rf"[{marks}](?P<{group}>[^{marks}]*)[{marks}]" for group, marks in (("d", _DOUBLE), ("g", "«»"), ("a", "‹›"))),
    *(rf"{a}(?P<{n}>[^{a}{z}]*){z}" for n, a, z in (("c", "「", "」"), ("w", "『", "』"), ("b", "《", "》"))),
    rf"[{_SINGLE}]{{1,3}}(?P<s>[^{_SINGLE}\s](?:.*?[^{_SINGLE}\s])??)[{_SINGLE}]{{1,3}}",
)
_LEADING = f"(?:[,;、，；]*|(?:[{re.escape(SEPARATORS)}]|&amp;){{1,5}}(?=<[@#!]))"
_AFTER = r"(?=[\s,;|/+&、，；／]|$)"
_OPENERS = f"{_DOUBLE}«»‹›「『《{_SINGLE}<"
_STOP = rf"[,;、，；][{_OPENERS}]|(?<=\S)(?:[{re.escape(SEPARATORS)}]|&amp;){{0,5}}<[@#!]"
_WORD = re.compile(
    rf"{_LEADING}(?:(?:{'|'.join(_QUOTED)}){_AFTER}|(?P<form><[^>\s][^>]*>)|(?P<plain>(?:(?!{_STOP})(?:&(?:amp|lt|gt);|\S))+))",
    re.DOTALL,
)
_LIST_MARKS = ",;、，；"
PUNCTUATION = ".!?:()[]…"
"""What people write around the name of a person or channel. No channel's name holds any of it."""
_ENTITY = re.compile(r"&\w+;$")  # typed by hand, so its end is part of a name


_NEEDS_QUOTES = re.compile(
    rf"\s|^[{_LIST_MARKS}@#-]|[{_LIST_MARKS}:=.!?…]$|^[{_SINGLE}«»‹›「『《]|[{_LIST_MARKS}][{_OPENERS}]|^(?:on|page|in)[:=]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Word:
    """`start` and `end`: where in the text it stands.

    `reference`: Slack itself wrote this `<…>` form, because the person picked somebody. The same characters typed by
    hand arrive as entities: they are plain text, which names nobody.
    """

    text: str
    quoted: bool = False
    start: int = 0
    end: int = 0
    reference: bool = False

    def means(self, keyword: str) -> bool:
        return not self.quoted and self.text.lower() == keyword

    @property
    def lower(self) -> str:
        """To be compared with a word of ours; empty where it was quoted, or where Slack wrote it."""
        return "" if self.quoted or self.reference else self.text.lower().strip(_LIST_MARKS) or self.text


class Refused(Exception):
    """`hints`: commands to type instead, the best first. `in_goldrush`: that is where it can be done."""

    def __init__(self, message: str, *hints: str, in_goldrush: bool = False) -> None:
        super().__init__(message)
        self.in_goldrush = in_goldrush
        self.message = message
        self.hints = hints


def unlinked(text: str) -> str:
    """With what Slack made a link of as it was typed, and without what cannot be seen."""
    return visible(_LINK.sub(_shown, text))


def _shown(link: re.Match[str]) -> str:
    return str(link[2] or link[1].removeprefix("mailto:").removeprefix("tel:"))


def words_in(text: str) -> list[Word]:
    if sum(text.count(mark) for mark in _DOUBLE) % 2:
        raise Refused("A closing quotation mark is missing.", 'status "Base Swaps to Postgres"')
    words = [_word(found) for found in _WORD.finditer(text)]
    if len(words) > MOST_WORDS:
        raise Refused(f"That's {len(words)} words, and I read up to {MOST_WORDS}. Use a pattern.", "watch orders-*")
    words = [word for word in words if (word.text if word.quoted else word.text.strip(_LIST_MARKS))]
    beside = {place for word in words if word.reference for place in (word.start, word.end)}
    return [word for word in words if not (_is_punctuation(word) and beside & {word.start, word.end})]


def _is_punctuation(word: Word) -> bool:
    return not word.quoted and not word.reference and not word.text.strip(PUNCTUATION)


def _word(found: re.Match[str]) -> Word:
    start, end = found.start(), found.end()
    if found["plain"] is not None:
        return Word(unescape(found["plain"]), start=start, end=end)
    if found["form"] is not None:
        return Word(found["form"], start=start, end=end, reference=True)
    inner: str = next(found[name] for name in "dgacwbs" if found[name] is not None)
    if _FORM.fullmatch(inner.strip()):
        return Word(inner.strip(), quoted=True, start=start, end=end, reference=True)
    return Word(unescape(typed(inner)).strip(), quoted=True, start=start, end=end)


def slice_of(text: str, words: list[Word]) -> str:
    """The text from the first of these words to the last, as typed."""
    return stripped(unescape(text[words[0].start : words[-1].end]))


def stripped(text: str) -> str:
    """Without the marks of a list around it; the end of what may be an entity stays."""
    bare_text = text.lstrip(f"{_LIST_MARKS} ")
    return bare_text if _ENTITY.search(bare_text) else bare_text.rstrip(f"{_LIST_MARKS} ")


def quoted(name: str) -> str:
    """A name as it is to be typed."""
    special = {*KEYWORDS, ALL, NONE, *EVERYTHING, "here", "channel", *SELECTABLE, *CONNECTIVES}
    bare_name = not _NEEDS_QUOTES.search(name)
    return name if bare_name and name.lower() not in special else f'"{name}"'


def quoted_target(name: str) -> str:
    """A person, group or channel, with its sign, as it is to be typed."""
    return f'"{name}"' if re.search(r"\s|[.!?…]$", name) else name


def can_be_typed(name: str) -> bool:
    """There is no way to write a quotation mark: such a pipeline is called by its id."""
    return bool(visible(name).strip()) and not any(mark in name for mark in _DOUBLE)


def listed(words: list[Word]) -> list[str]:
    """The people, groups or channels that a clause lists, with blanks or separators between."""
    found = [each for word in words for each in ([word.text] if word.quoted else _LISTED.findall(word.text))]
    return [each for each in found if each.lower() not in LIST_CONNECTIVES]


def fixed(text: str, start: int, wrong: str, right: str) -> str:
    """The text with its one wrong word put right, as it would be typed; empty where that word is not found."""
    before, after = unescape(typed(text[:start])), unescape(typed(text[start:]))
    wanted = rf"(?<![^\s,{_DOUBLE}]){re.escape(typed(wrong))}(?![^\s,{_DOUBLE}])"
    put_right, times = re.subn(wanted, lambda _: right, after, count=1)
    return visible(before + put_right).strip(", ") if times else ""


def renamed(text: str, wrong: str, right: str) -> str:
    """The text with one name, with or without quotes, replaced, as it would be typed; empty where it is not found."""
    command, _, rest = unescape(typed(unlinked(text))).partition(" ")
    replaced, times = re.subn(_as_typed(wrong), lambda _: right, rest, count=1)
    return f"{command} {replaced}" if times else ""


def without(text: str, wrong: str) -> str:
    """The text without one name and what separates it from others, as it would be typed; empty if it is not found."""
    command, _, rest = unescape(typed(unlinked(text))).partition(" ")
    name, between = _as_typed(wrong), rf"\s*(?:[{re.escape(SEPARATORS)}]+|\b(?:and|or|und|oder)\b)\s*"
    left, times = re.subn(f"{between}{name}|{name}{between}|{name}", " ", rest, count=1)
    return visible(f"{command} {left}").strip() if times else ""


def _as_typed(name: str) -> str:
    marks, separators = f"[{_DOUBLE}{_SINGLE}«»‹›「」『』《》]*", re.escape(SEPARATORS)
    return rf"(?<![^\s{separators}]){marks}{re.escape(name)}{marks}(?=[\s{separators}]|$)"


def typed(text: str) -> str:
    """Slack's own forms as people type them."""
    return _RESOLVED.sub(lambda found: f"{found['sign'].replace('!', '@')}{found['name'].lstrip('@')}", text)


def bare(text: str) -> str:
    """The name in a target or channel that was typed with the wrong sign; empty where it holds none."""
    name = typed(text).strip("<>@#!")
    return name if re.fullmatch(rf"[^\s,<>{_DOUBLE}]*", name) else ""
