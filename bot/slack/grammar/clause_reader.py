"""Reads the clauses of `watch` and `unwatch`: each word by what it is, wherever it was typed. Pure.

A word in the wrong place is a fault, and the corrected command has it in the right one: nothing that was typed is lost.
"""

import difflib
import re
from collections.abc import Sequence
from itertools import takewhile

from bot.domain.catalogue import Names
from bot.slack.grammar.clause_items import SIGN, channel_right, event_right, target_right
from bot.slack.grammar.clauses import (
    ME,
    MEANT,
    SPECIAL_FORM,
    Kind,
    kind_of,
)
from bot.slack.grammar.drafts import Draft, Fault, Item
from bot.slack.grammar.spoken_names import known_span, names_in
from bot.slack.grammar.tokens import (
    ALL,
    ARROWS,
    CONNECTIVES,
    KEYWORDS,
    LIST_CONNECTIVES,
    SEPARATORS,
    Word,
    bare,
    listed,
    quoted_target,
    slice_of,
    typed,
)
from bot.slack.render.mrkdwn import outside

# Words that people use for a keyword, where what follows them shows which.
_LIKE = {
    "page": {"notify", "alert", "tell", "ping", "call", "cc", "mention", "dm", "inform", "warn", "wake", "to", "for"},
    "on": {"when", "if", "for", "upon", "events", "event", "only", "once", "whenever", "at"},
    "in": {
        "to",
        "from",
        "at",
        "into",
        "for",
        "inside",
        "post",
        "send",
        "tell",
        "notify",
        "alert",
        "inform",
        "via",
        *ARROWS,
    },
}
_JOINED = re.compile(r"-{0,2}(on|page|in)[:=](.+)", re.IGNORECASE | re.DOTALL)
_FILLERS = {"events", "event", "it", "is", "gets", "goes", "has", "becomes", "the", "please", "me", "us", "with"}


class Reader:
    """Reads the words behind `watch` or `unwatch` into a draft. `keywords`: those that the command takes."""

    def __init__(self, text: str, names: Names, keywords: Sequence[str] = KEYWORDS) -> None:
        self._text = text
        self._names = names
        self._keywords = keywords
        self._draft = Draft()
        self._slot: Kind | None = None
        self._late = False
        """A clause stands first, so the names come behind it."""
        self._loose: list[Word] = []
        self._bare: list[Word] = []

    def read(self, words: list[Word]) -> Draft:
        words = [each for word in words for each in _apart(word)]
        place = 0
        if "page" not in self._keywords and words and words[0].means(ALL) and not self._names.exactly(ALL):
            self._draft.all, place = True, 1
        while place < len(words):
            place += self._read(words, place)
        self._settle()
        return self._draft

    def _read(self, words: list[Word], place: int) -> int:
        """Takes in what begins at `place`; how many words that is."""
        word, begun = words[place], bool(self._draft.names or self._loose or self._draft.all)
        name_is_due = self._late and kind_of(word) is None
        if (self._slot is None or name_is_due) and (
            span := known_span(words, place, self._text, self._names, begun=begun)
        ):
            self._settle()
            known = names_in(words[place : place + span], self._text, self._names)
            self._draft.names += known if span == 1 else [slice_of(self._text, words[place : place + span])]
            return span
        if begun and (keyword := self._keyword(word)):
            self._begin(keyword)
        elif kind := self._leads(words, place, begun=begun):
            self._fault("The name of the pipeline comes first. Nothing was changed.")
            self._begin(kind.value)
            self._late = True
        elif begun and word.lower in (LIST_CONNECTIVES if self._slot else CONNECTIVES) and place + 1 < len(words):
            self._loose += [word] if self._slot is None and self._loose else []
            self._settle_bare()
        elif begun and (kind := self._like_keyword(words, place)):
            near = "" if kind.value in self._keywords else "watch "
            unknown = f"I don't know the word “{outside(word.text)}” here. Nothing was changed."
            self._fault(f"{unknown} Did you mean *{near}{kind.value}*?")
            self._begin(kind.value)
        elif begun and word.lower in _FILLERS and self._slot is Kind.EVENT:
            pass
        else:
            self._put(word, begun=begun)
        return 1

    def _leads(self, words: list[Word], place: int, *, begun: bool) -> Kind | None:
        """The clause that stands before any name: `on failed orders-eu`."""
        keyword = None if begun or self._slot else self._keyword(words[place])
        behind = words[place + 1] if place + 1 < len(words) else None
        return Kind(keyword) if keyword and behind and kind_of(behind) is Kind(keyword) else None

    def _keyword(self, word: Word) -> str | None:
        lower = word.lower.rstrip(":=").lstrip("-–—")
        return next((each for each in KEYWORDS if lower == each and (each in self._keywords or self._slot)), None)

    def _begin(self, keyword: str) -> None:
        self._settle()
        self._slot = Kind(keyword)
        if self._draft.clauses.get(keyword):
            self._fault(f"“{keyword}” appears twice. Nothing was changed.")
        self._draft.clauses.setdefault(keyword, [])

    def _like_keyword(self, words: list[Word], place: int) -> Kind | None:
        """The keyword that someone means by another word, as what follows it shows: `notify @ann`, `onn failed`."""
        word = words[place].lower.rstrip(":=")
        after = words[place + 1 :]
        rest = [each for each in after if each.lower not in _FILLERS] or [each for each in after if each.means(ME)]
        kind = (kind_of(rest[0]) or (Kind.EVENT if rest[0].lower in MEANT else None)) if rest else None
        if not word or kind_of(words[place]):
            return None
        if kind is None:
            misspelled = self._slot is None and rest and difflib.get_close_matches(word, ["page"], cutoff=0.75)
            return Kind.TARGET if misspelled and "page" in self._keywords else None
        near = self._slot is None and difflib.get_close_matches(word, [kind.value], cutoff=0.6)
        return kind if near or word in _LIKE[kind.value] else None

    def _put(self, word: Word, *, begun: bool) -> None:
        kind = kind_of(word)
        if self._slot is None:
            if kind is None or word.quoted or not (begun or word.reference or word.text[:1] in "@#"):
                self._loose.append(word)
                return
            self._settle()
            self._misplaced(word, kind)
            self._enter(kind, word)
        elif kind is not None and kind is not self._slot and not self._fits_anyway(word):
            self._settle()
            self._misplaced(word, kind)
            self._enter(kind, word)
        elif kind is None and self._slot is Kind.TARGET and not word.quoted:
            self._bare.append(word)
        else:
            self._settle_bare()
            self._enter(self._slot, word)

    def _fits_anyway(self, word: Word) -> bool:
        """`in here` is the channel where it was typed."""
        return self._slot is Kind.CHANNEL and word.lower == "here"

    def _misplaced(self, word: Word, kind: Kind) -> None:
        shown = outside(typed(word.text))
        what = {Kind.EVENT: "an event", Kind.TARGET: "someone to page", Kind.CHANNEL: "a channel"}[kind]
        self._fault(f"“{shown}” is {what}: put *{kind.value}* before it. Nothing was changed.")

    def _fault(self, message: str, fix: tuple[int, str, str] | None = None, otherwise: str = "") -> None:
        self._draft.faults.append(Fault(message, fix, otherwise))

    def _settle(self) -> None:
        """Joins neighbouring words into one clause."""
        while len(self._loose) > 1 and self._loose[-1].lower in CONNECTIVES:
            self._loose.pop()
        if self._loose:
            self._draft.names += names_in(self._loose, self._text, self._names)
            self._loose = []
        self._settle_bare()

    def _settle_bare(self) -> None:
        """Words without @ behind *page*: the rest of a name with blanks, or a name without its sign."""
        words, self._bare = self._bare, []
        if not words:
            return
        items = self._draft.clauses.setdefault(Kind.TARGET.value, [])
        last = items[-1] if items else None
        joined = " ".join(word.text for word in takewhile(lambda word: bare(word.text) == word.text, words))
        if last and not last.closed and joined:
            name = f"{last.text} {joined}"
            items[-1] = Item(name, quoted_target(name), last.start)
            self._fault(
                f"I can't page “{outside(words[0].text)}”: put a name with spaces in quotes. Nothing was changed.",
                (last.start, name, quoted_target(name)),
            )
        elif len(words) > 1 and joined.count(" ") == len(words) - 1 and any(word.text[:1].isupper() for word in words):
            items.append(Item(joined, quoted_target(f"@{joined}"), words[0].start))
            self._fault(f"I can't page “{outside(joined)}”: {SIGN}. Nothing was changed.")
        else:
            for word in words:
                self._enter(Kind.TARGET, word)

    def _enter(self, kind: Kind, word: Word) -> None:
        items = self._draft.clauses.setdefault(kind.value, [])
        match kind:
            case Kind.EVENT:
                for name in _event_names(word):
                    items.append(Item(name, event_right(name, word, self._draft.faults), word.start))
            case Kind.TARGET:
                for each in listed([word]):
                    closed = word.quoted or word.reference or self._ends(word) or not each.startswith("@")
                    closed = closed or bool(SPECIAL_FORM.fullmatch(each))
                    items.append(
                        Item(
                            each,
                            target_right(each, word, self._draft.faults),
                            word.start,
                            reference=word.reference,
                            closed=closed,
                        )
                    )
            case Kind.CHANNEL:
                for each in listed([word]):
                    items.append(
                        Item(each, channel_right(each, word, self._draft.faults), word.start, reference=word.reference)
                    )

    def _ends(self, word: Word) -> bool:
        """A separator stands behind it."""
        return self._text[word.end - 1 : word.end] in SEPARATORS or self._text[word.end : word.end + 1] in tuple(
            SEPARATORS
        )


def _apart(word: Word) -> list[Word]:
    """`on:failed` is two words."""
    found = None if word.quoted or word.reference else _JOINED.fullmatch(word.text)
    if not found:
        return [word]
    between = min(word.start + found.start(2), word.end)
    return [Word(found[1], start=word.start, end=between), Word(found[2], start=between, end=word.end)]


def _event_names(word: Word) -> list[str]:
    names = re.split(rf"[\s{re.escape(SEPARATORS)}]+", word.text)
    return [name.rstrip(".:") for name in names if name.rstrip(".:") and name.lower() not in LIST_CONNECTIVES]
