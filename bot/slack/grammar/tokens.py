"""Cuts typed text into words. Understands quotes, Slack's `<…>` forms and the spelling of names. Pure.

shlex can't do this: here an apostrophe in a name (`bob's`) is no quote, and Slack's `<…>` forms contain spaces.
"""

import re
from dataclasses import dataclass

from bot.domain.catalogue import visible
from bot.domain.note import LONGEST_NOTE, NoteKind
from bot.domain.transition import SELECTABLE
from bot.slack.mrkdwn import unescape

MOST_WORDS = 200
_FOR_MANY = frozenset({"watch", "unwatch", "status"})  # these commands take many names
KEYWORDS = ("on", "page", "in")
ALL = "all"
NONE = "none"
EVERYTHING = frozenset({"everything", "anything", "every", "each"})  # people type these for *all*
SEPARATORS = ",;|/+&、，；／"
ARROWS = ("→", "->", "=>", ">")
CONNECTIVES = frozenset({"and", "or", "und", "oder", *SEPARATORS, "&&", "||"})
LIST_CONNECTIVES = CONNECTIVES | {"et", "ou", "y", "o", "e", "plus"}  # for lists that can't contain a pipeline

_RESOLVED = re.compile(r"<(?P<sign>[@#!])(?:[^|>]*\|(?P<name>[^>]*)|(?P<special>here|channel|everyone))>")
# Slack turns some text into links, even within a word: <http://orders.eu|orders.eu>-live
_LINK = re.compile(r"<([a-z][a-z0-9+.-]*:[^|<>]*)(?:\|([^<>]*))?>", re.IGNORECASE)
_FORM = re.compile(r"<[^>\s][^>]*>")
_LISTED = re.compile(rf"<[^>]*>|[^{re.escape(SEPARATORS)}]+")

# Quotation marks of all keyboards. Any mark of a family closes any other: phones curl one of the two, and Germans,
# Swedes and Danes reverse them. A single mark closes only at the end of a word, because it may be an apostrophe.
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
    rf"{_LEADING}(?:(?:{'|'.join(_QUOTED)}){_AFTER}|(?P<form><[^>\s][^>]*>)|(?P<unquoted>(?:(?!{_STOP})(?:&(?:amp|lt|gt);|\S))+))",
    re.DOTALL,
)
_LIST_MARKS = ",;、，；"
PUNCTUATION = ".!?:()[]…"
"""Characters that people type around the name of a person or channel. No channel's name contains one."""
_ENTITY = re.compile(r"&\w+;$")  # someone typed it, so its semicolon is part of the name


_NEEDS_QUOTES = re.compile(
    rf"\s|^[{_LIST_MARKS}@#-]|[{_LIST_MARKS}:=.!?…]$|^[{_SINGLE}«»‹›「『《]|[{_LIST_MARKS}][{_OPENERS}]|^(?:on|page|in)[:=]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the typed text, or several words in quotes."""

    text: str
    quoted: bool = False
    start: int = 0
    """Where the word begins in the typed text."""
    end: int = 0
    """Where the word ends in the typed text."""
    picked: bool = False
    """True if Slack wrote this `<…>` form, because the person picked somebody from a list.

    If someone types the same characters, they arrive as entities. Then they are plain text and name nobody.
    """

    def means(self, keyword: str) -> bool:
        return not self.quoted and self.text.lower() == keyword

    @property
    def lower(self) -> str:
        """For comparison with keywords. Empty if the word is quoted, or if Slack wrote it."""
        return "" if self.quoted or self.picked else self.text.lower().strip(_LIST_MARKS) or self.text


class ParseError(Exception):
    """The parser refuses a text.

    `hints`: commands to type instead, the best first. `in_goldrush`: people can do this in GoldRush.
    """

    def __init__(self, message: str, *hints: str, in_goldrush: bool = False) -> None:
        super().__init__(message)
        self.in_goldrush = in_goldrush
        self.message = message
        self.hints = hints


def unlinked(text: str) -> str:
    """Turns Slack's links back into the typed text, and removes invisible characters."""
    return visible(_LINK.sub(_shown, text))


def _shown(link: re.Match[str]) -> str:
    return str(link[2] or link[1].removeprefix("mailto:").removeprefix("tel:"))


def words_in(text: str) -> list[Word]:
    if sum(text.count(mark) for mark in _DOUBLE) % 2:
        closed = _closed(text)
        alone = f"status {closed}" if closed.startswith('"') else ""
        raise ParseError("A closing quotation mark is missing. Nothing was changed.", closed, alone, "help")
    words = [_word(found) for found in _WORD.finditer(text)]
    if len(words) > MOST_WORDS:
        raise too_long(f"{len(words)} words", MOST_WORDS, words[0].lower)
    words = [word for word in words if (word.text if word.quoted else word.text.strip(_LIST_MARKS))]
    ends = {position for word in words if word.picked for position in (word.start, word.end)}
    return [word for word in words if not (_is_punctuation(word) and ends & {word.start, word.end})]


def too_long(size: str, most: int, first: str) -> ParseError:
    """`size`: the text's length in words for people. `first`: the command that it begins with."""
    if first == NoteKind.NOTE:
        return ParseError(
            f"That's {size}, and a note has up to {LONGEST_NOTE} characters. Nothing was changed. For many pipelines, "
            "use a pattern.",
            "help note",
        )
    reason = f"That's {size}, and I read up to {most:,}. Nothing was changed. For many pipelines, use a pattern."
    return ParseError(reason, f"{first} orders-*" if first in _FOR_MANY else "help")


def _closed(text: str) -> str:
    """The text with its open quotation mark closed, before the clauses of a watch. A mark within a word goes."""
    text_as_typed = unescape(typed(text))
    position = max(text_as_typed.rfind(mark) for mark in _DOUBLE)
    before, following = text_as_typed[:position], text_as_typed[position + 1 :].strip()
    if not following or (before and before[-1] not in f"{SEPARATORS} "):
        return f"{before}{text_as_typed[position + 1 :]}".strip()
    clause = re.search(r"\s(?:on|page|in)\s", following) if "watch" in before else None
    end = clause.start() if clause else len(following)
    return f'{before}"{following[:end]}"{following[end:]}'


def _is_punctuation(word: Word) -> bool:
    return not word.quoted and not word.picked and not word.text.strip(PUNCTUATION)


def _word(match: re.Match[str]) -> Word:
    start, end = match.start(), match.end()
    if match["unquoted"] is not None:
        return Word(unescape(match["unquoted"]), start=start, end=end)
    if match["form"] is not None:
        return Word(match["form"], start=start, end=end, picked=True)
    inner: str = next(match[name] for name in "dgacwbs" if match[name] is not None)
    if _FORM.fullmatch(inner.strip()):
        return Word(inner.strip(), quoted=True, start=start, end=end, picked=True)
    return Word(unescape(typed(inner)).strip(), quoted=True, start=start, end=end)


def slice_of(text: str, words: list[Word]) -> str:
    """The text from the first to the last of these words, as typed."""
    return stripped(unescape(text[words[0].start : words[-1].end]))


def stripped(text: str) -> str:
    """Removes list marks around the text. Keeps a semicolon that may end an entity."""
    bare_text = text.lstrip(f"{_LIST_MARKS} ")
    return bare_text if _ENTITY.search(bare_text) else bare_text.rstrip(f"{_LIST_MARKS} ")


def quoted(name: str) -> str:
    """A name in the form that people have to type."""
    special = {*KEYWORDS, ALL, NONE, *EVERYTHING, "here", "channel", *SELECTABLE, *CONNECTIVES}
    bare_name = not _NEEDS_QUOTES.search(name)
    return name if bare_name and name.lower() not in special else f'"{name}"'


def quoted_target(name: str) -> str:
    """A person, group or channel with its sign, in the form that people have to type."""
    return f'"{name}"' if re.search(r"\s|[.!?…]$", name) else name


def can_be_typed(name: str) -> bool:
    """False for a name with a quotation mark: a command can't contain one, so people type the pipeline's id."""
    return bool(visible(name).strip()) and not any(mark in name for mark in _DOUBLE)


def split_list(words: list[Word]) -> list[str]:
    """The people, groups or channels that a clause lists, separated by spaces or separators."""
    parts = [part for word in words for part in ([word.text] if word.quoted else _LISTED.findall(word.text))]
    return [part for part in parts if part.lower() not in LIST_CONNECTIVES]


def corrected(text: str, start: int, wrong: str, right: str) -> str:
    """The typed text with its wrong word corrected. Empty if the text lacks that word."""
    before, after = unescape(typed(text[:start])), unescape(typed(text[start:]))
    wanted = rf"(?<![^\s,{_DOUBLE}]){re.escape(typed(wrong))}(?![^\s,{_DOUBLE}])"
    put_right, times = re.subn(wanted, lambda _: right, after, count=1)
    return visible(before + put_right).strip(", ") if times else ""


def with_other_name(text: str, wrong: str, right: str) -> str:
    """The typed text with one name replaced, quoted or not. Empty if the text lacks that name."""
    command, _, rest = unescape(typed(unlinked(text))).partition(" ")
    replaced, times = re.subn(_as_typed(wrong), lambda _: right, rest, count=1)
    return f"{command} {replaced}" if times else ""


def with_other_setup(text: str, wrong: str, right: str) -> str:
    """The typed text with the name of one policy or schedule replaced, as in `policy:data`. Empty if it lacks that."""
    command, _, rest = unescape(typed(unlinked(text))).partition(" ")
    for before in (r"(?<=:)", r"(?<![\w.:-])"):
        name = re.compile(rf"{before}{re.escape(wrong)}(?![\w.-])", re.IGNORECASE)
        replaced, times = name.subn(lambda _: right, rest, count=1)
        if times:
            return f"{command} {replaced}"
    return ""


def without_name(text: str, wrong: str) -> str:
    """The typed text without one name and its separator. Empty if the text lacks that name."""
    command, _, rest = unescape(typed(unlinked(text))).partition(" ")
    name, between = _as_typed(wrong), rf"\s*(?:[{re.escape(SEPARATORS)}]+|\b(?:and|or|und|oder)\b)\s*"
    shortened, times = re.subn(f"{between}{name}|{name}{between}|{name}", " ", rest, count=1)
    return visible(f"{command} {shortened}").strip() if times else ""


def _as_typed(name: str) -> str:
    marks, separators = f"[{_DOUBLE}{_SINGLE}«»‹›「」『』《》]*", re.escape(SEPARATORS)
    return rf"(?<![^\s{separators}]){marks}{re.escape(name)}{marks}(?=[\s{separators}]|$)"


def typed(text: str) -> str:
    """Replaces Slack's `<…>` forms by what people type."""
    return _RESOLVED.sub(_form_as_typed, text)


def _form_as_typed(found: re.Match[str]) -> str:
    return f"{found['sign'].replace('!', '@')}{(found['name'] or found['special'] or '').lstrip('@')}"


def bare(text: str) -> str:
    """The name in a target or channel without its sign. Empty if it contains none."""
    name = typed(text).strip("<>@#!")
    return name if re.fullmatch(rf"[^\s,<>{_DOUBLE}]*", name) else ""
