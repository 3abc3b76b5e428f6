"""Reads the clauses of `watch` and `unwatch`. Each word is recognised by its form, wherever it stands. Pure.

A word in the wrong place is a mistake. The corrected command moves it to the right place, so no typed word is lost.
"""

import difflib
import re
from collections.abc import Sequence
from itertools import takewhile

from bot.domain.names import Names
from bot.slack.grammar.clause_items import (
    NEEDS_AT_SIGN,
    correct_channel,
    correct_event,
    correct_target,
    resembles_event,
)
from bot.slack.grammar.clauses import (
    EVENT_SYNONYMS,
    ME,
    SPECIAL_FORM,
    ClauseKind,
    kind_of,
)
from bot.slack.grammar.drafts import ClauseItem, Draft, Mistake
from bot.slack.grammar.lagging_words import joined, names_a_lag
from bot.slack.grammar.spoken_names import known_span, names_in
from bot.slack.grammar.tokens import (
    ALL,
    ARROWS,
    CONNECTIVES,
    KEYWORDS,
    LIST_CONNECTIVES,
    PUNCTUATION,
    SEPARATORS,
    Word,
    bare,
    quoted_target,
    slice_of,
    split_list,
    typed,
)
from bot.slack.mrkdwn import outside

# Words that people type for a keyword. The next word shows which keyword they mean.
_KEYWORD_SYNONYMS = {
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
_DESCRIPTIONS = {
    ClauseKind.EVENT: "an event",
    ClauseKind.TARGET: "someone to page",
    ClauseKind.CHANNEL: "a channel",
    ClauseKind.PAGE_FOR: "an event",
}
_FILLERS = {"events", "event", "it", "is", "gets", "goes", "has", "becomes", "the", "please", "me", "us", "with"}
_POLITE = {"please", "pls", "plz", "thanks", "thx"}


class ClauseReader:
    """Reads the words after `watch` or `unwatch` into a draft. `keywords` are the keywords that the command takes."""

    def __init__(self, text: str, names: Names, keywords: Sequence[str] = KEYWORDS) -> None:
        self._text = text
        self._names = names
        self._keywords = keywords
        self._draft = Draft()
        self._clause: ClauseKind | None = None
        self._names_follow = False
        """True if the text begins with a clause, so the names come after it."""
        self._name_words: list[Word] = []
        self._unsigned: list[Word] = []
        self._polite = False

    def read(self, words: list[Word]) -> Draft:
        words = joined([part for word in words for part in _split_joined(word)])
        position = 0
        if "page" not in self._keywords and words and words[0].means(ALL) and not self._names.with_name(ALL):
            self._draft.all, position = True, 1
        while position < len(words):
            position += self._read(words, position)
        self._finish_words()
        if self._only_polite():
            self._draft.clauses[ClauseKind.TARGET.value].append(ClauseItem("", "", 0))
        return self._draft

    def _only_polite(self) -> bool:
        """`page please` names nobody, so no command can be suggested."""
        return self._polite and not self._draft.items(ClauseKind.TARGET)

    def _read(self, words: list[Word], position: int) -> int:
        """Reads one or more words from `position` on, and returns their number."""
        word, begun = words[position], bool(self._draft.names or self._name_words or self._draft.all)
        name_is_due = self._names_follow and kind_of(word) is None
        if (self._clause is None or name_is_due) and (
            span := known_span(words, position, self._text, self._names, begun=begun)
        ):
            self._finish_words()
            known = names_in(words[position : position + span], self._text, self._names)
            self._draft.names += known if span == 1 else [slice_of(self._text, words[position : position + span])]
            return span
        if begun and (keyword := self._keyword_in(word)):
            self._begin_clause(keyword)
        elif kind := self._leading_clause(words, position, begun=begun):
            self._add_mistake("The name of the pipeline comes first. Nothing was changed.")
            self._begin_clause(kind.value)
            self._names_follow = True
        elif begun and word.lower in (LIST_CONNECTIVES if self._clause else CONNECTIVES) and position + 1 < len(words):
            self._name_words += [word] if self._clause is None and self._name_words else []
            self._finish_unsigned()
        elif self._begins_paging_events(words, position):
            self._begin_clause(ClauseKind.PAGE_FOR.value)
        elif begun and (kind := self._meant_keyword(words, position)):
            near = "" if kind.value in self._keywords else "watch "
            unknown = f"I don't know the word “{outside(word.text)}” here. Nothing was changed."
            self._add_mistake(f"{unknown} Did you mean *{near}{kind.value}*?")
            self._begin_clause(kind.value)
        elif begun and word.lower in _FILLERS and self._clause is ClauseKind.EVENT:
            pass
        else:
            self._put(word, begun=begun)
        return 1

    def _leading_clause(self, words: list[Word], position: int, *, begun: bool) -> ClauseKind | None:
        """The clause before the first name, as in `on failed orders-eu`."""
        keyword = None if begun or self._clause else self._keyword_in(words[position])
        following = words[position + 1] if position + 1 < len(words) else None
        return ClauseKind(keyword) if keyword and following and kind_of(following) is ClauseKind(keyword) else None

    def _keyword_in(self, word: Word) -> str | None:
        lower = word.lower.rstrip(":=").lstrip("-–—")
        return next(
            (keyword for keyword in KEYWORDS if lower == keyword and (keyword in self._keywords or self._clause)), None
        )

    def _begin_clause(self, keyword: str) -> None:
        self._finish_words()
        self._clause = ClauseKind(keyword)
        if self._draft.clauses.get(keyword):
            self._add_mistake(f"“{keyword}” appears twice. Nothing was changed.")
        self._draft.clauses.setdefault(keyword, [])

    def _meant_keyword(self, words: list[Word], position: int) -> ClauseKind | None:
        """The keyword that another word stands for: `notify @ann`, `onn failed`. The next word shows which."""
        word = words[position].lower.rstrip(":=")
        after = words[position + 1 :]
        rest = [next_word for next_word in after if next_word.lower not in _FILLERS] or [
            next_word for next_word in after if next_word.means(ME)
        ]
        kind = (kind_of(rest[0]) or (ClauseKind.EVENT if rest[0].lower in EVENT_SYNONYMS else None)) if rest else None
        if not word or kind_of(words[position]):
            return None
        if kind is None:
            misspelled = self._clause is None and rest and difflib.get_close_matches(word, ["page"], cutoff=0.75)
            return ClauseKind.TARGET if misspelled and "page" in self._keywords else None
        near = self._clause is None and difflib.get_close_matches(word, [kind.value], cutoff=0.6)
        return kind if near or word in _KEYWORD_SYNONYMS[kind.value] else None

    def _begins_paging_events(self, words: list[Word], position: int) -> bool:
        """True for the *for* in `page @ann for failed,degraded`."""
        following = words[position + 1] if position + 1 < len(words) else None
        paging = self._clause is ClauseKind.TARGET and bool(self._draft.items(ClauseKind.TARGET) or self._unsigned)
        return paging and following is not None and words[position].means("for") and _is_event(following)

    def _put(self, word: Word, *, begun: bool) -> None:
        kind = kind_of(word)
        if kind is ClauseKind.EVENT and self._clause is ClauseKind.PAGE_FOR:
            kind = self._clause
        if self._clause is None:
            if kind is None or word.quoted or not (begun or word.picked or word.text[:1] in "@#"):
                self._name_words.append(word)
                return
            self._finish_words()
            self._add_misplaced(word, kind)
            self._enter(kind, word)
        elif kind is not None and kind is not self._clause and not self._is_allowed_here(word):
            self._finish_words()
            self._add_misplaced(word, kind)
            self._enter(kind, word)
        elif kind is None and self._clause is ClauseKind.TARGET and not word.quoted:
            if word.lower.rstrip(PUNCTUATION) in _POLITE:
                self._add_mistake(f"I can't page “{outside(word.text)}”. Nothing was changed.")
                self._polite = True
            else:
                self._unsigned.append(word)
        else:
            self._finish_unsigned()
            self._enter(self._clause, word)

    def _is_allowed_here(self, word: Word) -> bool:
        """`in here` means the channel where someone typed the command."""
        return self._clause is ClauseKind.CHANNEL and word.lower == "here"

    def _add_misplaced(self, word: Word, kind: ClauseKind) -> None:
        shown = outside(typed(word.text))
        self._add_mistake(f"“{shown}” is {_DESCRIPTIONS[kind]}: put *{kind.value}* before it. Nothing was changed.")

    def _add_mistake(self, message: str, fix: tuple[int, str, str] | None = None) -> None:
        self._draft.mistakes.append(Mistake(message, fix))

    def _finish_words(self) -> None:
        """Turns the collected words into names and items."""
        while len(self._name_words) > 1 and self._name_words[-1].lower in CONNECTIVES:
            self._name_words.pop()
        if self._name_words:
            self._draft.names += names_in(self._name_words, self._text, self._names)
            self._name_words = []
        self._finish_unsigned()

    def _finish_unsigned(self) -> None:
        """Reads the words without @ after *page*: the rest of a name with spaces, or a name that lacks its sign."""
        words, self._unsigned = self._unsigned, []
        if not words:
            return
        items = self._draft.clauses.setdefault(ClauseKind.TARGET.value, [])
        last = items[-1] if items else None
        joined = " ".join(word.text for word in takewhile(lambda word: bare(word.text) == word.text, words))
        if last and not last.closed and joined:
            name = f"{last.text} {joined}"
            items[-1] = ClauseItem(name, quoted_target(name), last.start)
            self._add_mistake(
                f"I can't page “{outside(words[0].text)}”: put a name with spaces in quotes. Nothing was changed.",
                (last.start, name, quoted_target(name)),
            )
        elif len(words) > 1 and joined.count(" ") == len(words) - 1 and any(word.text[:1].isupper() for word in words):
            items.append(ClauseItem(joined, quoted_target(f"@{joined}"), words[0].start))
            self._add_mistake(f"I can't page “{outside(joined)}”: {NEEDS_AT_SIGN}. Nothing was changed.")
        else:
            for word in words:
                self._enter(ClauseKind.TARGET, word)

    def _enter(self, kind: ClauseKind, word: Word) -> None:
        items = self._draft.clauses.setdefault(kind.value, [])
        match kind:
            case ClauseKind.EVENT | ClauseKind.PAGE_FOR:
                for name in _event_names(word):
                    items.append(ClauseItem(name, correct_event(name, word, self._draft.mistakes), word.start))
            case ClauseKind.TARGET:
                for text in split_list([word]):
                    closed = word.quoted or word.picked or self._ends_item(word) or not text.startswith("@")
                    closed = closed or bool(SPECIAL_FORM.fullmatch(text))
                    items.append(
                        ClauseItem(
                            text,
                            correct_target(text, word, self._draft.mistakes),
                            word.start,
                            picked=word.picked,
                            closed=closed,
                        )
                    )
            case ClauseKind.CHANNEL:
                for text in split_list([word]):
                    items.append(
                        ClauseItem(
                            text,
                            correct_channel(text, word, self._draft.mistakes),
                            word.start,
                            picked=word.picked,
                        )
                    )

    def _ends_item(self, word: Word) -> bool:
        """True if a separator follows the word."""
        return self._text[word.end - 1 : word.end] in SEPARATORS or self._text[word.end : word.end + 1] in tuple(
            SEPARATORS
        )


def _split_joined(word: Word) -> list[Word]:
    """Splits `on:failed` into two words."""
    match = None if word.quoted or word.picked else _JOINED.fullmatch(word.text)
    if not match:
        return [word]
    between = min(word.start + match.start(2), word.end)
    return [Word(match[1], start=word.start, end=between), Word(match[2], start=between, end=word.end)]


def _is_event(word: Word) -> bool:
    """True as well for a misspelled one, with or without a lag, and for a list with one of them."""
    return kind_of(word) is ClauseKind.EVENT or any(map(resembles_event, split_list([word])))


def _event_names(word: Word) -> list[str]:
    spaces = "" if any(map(names_a_lag, split_list([word]))) else r"\s"  # a lag may have some
    names = (name.strip() for name in re.split(rf"[{spaces}{re.escape(SEPARATORS)}]+", word.text))
    plain = (name.rstrip(".") if names_a_lag(name) else name.rstrip(".:") for name in names)
    return [name for name in plain if name and name.lower() not in LIST_CONNECTIVES]
