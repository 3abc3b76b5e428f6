"""What was typed, cut into words: quotes, Slack's own forms, and how a word is typed. Pure.

Not shlex: an apostrophe in a name (`bob's`) is no quote here, and Slack's `<…>` forms hold blanks.
"""

import re
from dataclasses import dataclass

from bot.domain.catalogue import visible
from bot.slack.text import unescape

MOST_WORDS = 200
KEYWORDS = ("on", "page", "in")
ALL = "all"
_RESOLVED = re.compile(r"<(?P<sign>[@#!])[^|>]*\|(?P<name>[^>]*)>")
# What Slack makes a link of by itself, in the middle of a word too: <http://orders.eu|orders.eu>-live
_LINK = re.compile(r"<([a-z][a-z0-9+.-]*:[^|<>]*)(?:\|([^<>]*))?>", re.IGNORECASE)
_FORM = re.compile(r"<[^>\s][^>]*>")
# A quoted stretch, one of Slack's own <…> forms, or a run of anything else but white space.
_OPENING = '"“”'
_WORD = re.compile(r',*["“”](?P<quoted>[^"“”]*)["“”](?=\s|,|$)|,*(?P<form><[^>\s][^>]*>)|(?P<plain>(?:(?!,["“”<])\S)+)')


@dataclass(frozen=True, slots=True)
class Word:
    """`start`: where in what was typed.

    `reference`: Slack itself wrote this `<…>` form, because the person picked somebody. The same characters typed by
    hand arrive as entities: they are plain text, which names nobody.
    """

    text: str
    quoted: bool = False
    start: int = 0
    reference: bool = False

    def means(self, keyword: str) -> bool:
        return not self.quoted and self.text.lower() == keyword


class Refused(Exception):
    """`mend`: from where on to look, a word of what was typed, and what to put in its place."""

    def __init__(self, message: str, hint: str, mend: tuple[int, str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.mend = mend


def unlinked(text: str) -> str:
    """With what Slack made a link of as it was typed, and without what cannot be seen."""
    return visible(_LINK.sub(_shown, text))


def _shown(link: re.Match[str]) -> str:
    return str(link[2] or link[1].removeprefix("mailto:").removeprefix("tel:"))


def words_in(text: str) -> list[Word]:
    if sum(text.count(mark) for mark in _OPENING) % 2:
        raise Refused("A quotation mark is opened and never closed.", 'status "Base Swaps to Postgres"')
    words = [_word(found) for found in _WORD.finditer(text)]
    if len(words) > MOST_WORDS:
        raise Refused(f"That is {len(words)} words; I read up to {MOST_WORDS}. Use a pattern.", "watch orders-*")
    return [word for word in words if word.text]


def _word(found: re.Match[str]) -> Word:
    """Slack sends & < > as entities. They are undone after its own forms were told apart, and once."""
    inside = found["quoted"]
    raw = (found["form"] or found["plain"]) if inside is None else inside.strip()
    reference = _FORM.fullmatch(raw) is not None
    return Word(
        raw if reference else unescape(raw),
        quoted=inside is not None,
        start=found.start(),
        reference=reference,
    )


def quoted(name: str) -> str:
    """A name as it is to be typed."""
    return f'"{name}"' if re.search(r"\s|^,|,$", name) or name.lower() in {*KEYWORDS, ALL} else name


def can_be_typed(name: str) -> bool:
    """There is no way to write a quotation mark: such a pipeline is called by its id."""
    return bool(visible(name).strip()) and not any(mark in name for mark in _OPENING)


def listed(words: list[Word]) -> list[str]:
    """Whom or what a clause lists, with commas or blanks between."""
    return [each for word in words for each in _each_in(word)]


def _each_in(word: Word) -> list[str]:
    whole = word.quoted or word.reference
    return [word.text] if whole else [each for each in word.text.split(",") if each]


def mended(text: str, start: int, wrong: str, right: str) -> str:
    """What was typed with its one wrong word put right, as it would be typed; empty where that word is not found."""
    before, after = unescape(_typed(text[:start])), unescape(_typed(text[start:]))
    wanted = rf"(?<![^\s,{_OPENING}]){re.escape(_typed(wrong))}(?![^\s,{_OPENING}])"
    put_right, times = re.subn(wanted, lambda _: right, after, count=1)
    return visible(before + put_right).strip(", ") if times else ""


def _typed(text: str) -> str:
    """Slack's own forms as people type them."""
    return _RESOLVED.sub(lambda found: f"{found['sign'].replace('!', '@')}{found['name'].lstrip('@')}", text)


def bare(text: str) -> str:
    """The name in a target or channel that was typed with the wrong sign; empty where it holds none."""
    name = _typed(text).strip("<>@#!")
    return name if re.fullmatch(rf"[^\s,<>{_OPENING}]*", name) else ""
