"""Reads a policy: `@ann wait 5m then oncall:data wait 10m then channel; repeat 2; last pager:ops`. Pure.

`@ann, after 5m oncall:data` says the same as `@ann wait 5m then oncall:data`.
"""

import difflib
from dataclasses import dataclass, field
from datetime import timedelta

from bot.domain.policy_preview import DEFAULT_WAIT, LONGEST_WAIT, MOST_ROUNDS, SHORTEST_WAIT
from bot.slack.grammar.clause_items import NEEDS_AT_SIGN
from bot.slack.grammar.clauses import EVERYONE_FORM, TargetWord, target_of
from bot.slack.grammar.time_words import lower_words, read_duration
from bot.slack.grammar.tokens import ARROWS, ParseError, Word, bare, corrected, split_list, typed
from bot.slack.mrkdwn import outside, unescape

UNCHANGED = "Nothing was changed."
EXAMPLE = "policy data = @ann wait 5m then @bob wait 10m then channel; repeat 2"
_THEN = frozenset({"then", "next", *ARROWS})
_WAIT = frozenset({"wait", "waits", "for"})
_REPEAT = frozenset({"repeat", "repeats"})
_LAST = frozenset({"last", "finally", "lastly"})
_KEYWORDS = ("then", "wait", "after", "repeat", "last")
_KINDS = frozenset({"oncall", "on-call", "pager"})
_NUMBERS = ("zero", "once", "twice", "three", "four", "five", "six", "seven", "eight", "nine")
_NOBODY = frozenset({"nobody", "none", "noone", "no-one", "empty"})
_FILLERS = frozenset({"times", "time", "and", "then", "page", "pages", "to", "resort", "resort:"})


@dataclass(slots=True)
class StepWords:
    """One step, as typed. `wait` None: nobody typed one."""

    targets: list[TargetWord] = field(default_factory=list)
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWords:
    """A policy, as typed."""

    steps: tuple[tuple[tuple[TargetWord, ...], timedelta], ...]
    """The targets of each step, and its wait."""
    rounds: int = 0
    last_resort: tuple[TargetWord, ...] = ()


class PolicyReader:
    """Reads the words after `policy NAME =`. `text` is the whole command, for the corrected one."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._steps = [StepWords()]
        self._rounds = 0
        self._last: list[TargetWord] | None = None
        self._words: list[Word] = []
        self._lower: list[str] = []

    def read(self, words: list[Word]) -> PolicyWords:
        """
        Raises:
            ParseError: the words make no policy.
        """
        self._words, self._lower = words, lower_words(words)
        position = 0
        while position < len(words):
            position += self._read(position)
        steps = [step for step in self._steps if step.targets]
        if not steps:
            raise ParseError(f"Who should this policy page? {UNCHANGED}", EXAMPLE, "help policy")
        if self._last is not None and not self._last:
            raise ParseError(f"Name someone to page after *last*. {UNCHANGED}", "help policy")
        return PolicyWords(
            steps=tuple((tuple(dict.fromkeys(step.targets)), step.wait or DEFAULT_WAIT) for step in steps),
            rounds=self._rounds,
            last_resort=tuple(dict.fromkeys(self._last or ())),
        )

    def _read(self, position: int) -> int:
        """Reads one or more words from `position` on, and returns their number."""
        word, lower = self._words[position], self._lower[position]
        if lower in _THEN:
            self._begin_step()
        elif lower in _WAIT:
            return 1 + self._read_wait(position + 1, self._steps[-1] if self._steps[-1].targets else None)
        elif lower == "after":
            return 1 + self._read_after(position + 1)
        elif lower in _REPEAT:
            return 1 + self._read_rounds(position + 1)
        elif lower in _LAST:
            self._last = []
        elif lower in _FILLERS:
            pass
        else:
            self._put(word)
        return 1

    def _begin_step(self) -> None:
        if self._last is None and self._steps[-1].targets:
            self._steps.append(StepWords())

    def _read_after(self, position: int) -> int:
        """`@ann after 5m @bob` begins a step; in `@ann then @bob after 5m`, nothing follows: Bob's step comes then."""
        found = read_duration(self._lower[position:])
        following = self._words[position + found.words : position + found.words + 1] if found else []
        if following and _targets(following[0]):
            used = self._read_wait(position, self._steps[-1] if self._steps[-1].targets else None)
            self._begin_step()
            return used
        complete = [step for step in self._steps if step.targets]
        return self._read_wait(position, complete[-2] if len(complete) > 1 else None)

    def _read_wait(self, position: int, step: StepWords | None) -> int:
        found = read_duration(self._lower[position:])
        if found is None and step is not None:
            following = self._words[position : position + 1]
            shown = f", not “{outside(typed(following[0].text))}”" if following else ""
            fix = f"{unescape(typed(self._text))} 5m"
            if following:
                fix = corrected(self._text, following[0].start, following[0].text, "5m")
            raise ParseError(f"Type a duration after *wait*{shown}. {UNCHANGED}", fix, EXAMPLE)
        if found is None or step is None:
            raise ParseError(f"Type how long a step waits, after the people that it pages. {UNCHANGED}", EXAMPLE)
        if not SHORTEST_WAIT <= found.value <= LONGEST_WAIT:
            nearest = "1m" if found.value < SHORTEST_WAIT else "1d"
            wrong = self._words[position]
            raise ParseError(
                f"A step waits for 1 minute to 1 day. {UNCHANGED}",
                corrected(self._text, wrong.start, wrong.text, nearest) if found.words == 1 else "",
                "help policy",
            )
        step.wait = found.value
        return found.words

    def _read_rounds(self, position: int) -> int:
        number = "".join(self._lower[position : position + 1]).rstrip("x").removeprefix("x")
        if number.isascii() and number.isdigit() and int(number[:4]) <= MOST_ROUNDS:
            self._rounds = int(number)
            return 1
        words = {word: value for value, word in enumerate(_NUMBERS)} | {"one": 1, "two": 2}
        if number in words:
            self._rounds = words[number]
            return 1
        wrong = self._words[position] if position < len(self._words) else None
        fix = corrected(self._text, wrong.start, wrong.text, str(MOST_ROUNDS)) if wrong and number.isdigit() else ""
        raise ParseError(f"Type a number from 0 to {MOST_ROUNDS} after *repeat*. {UNCHANGED}", fix, "help policy")

    def _put(self, word: Word) -> None:
        found = _targets(word)
        if not found:
            self._refuse_keyword(word)
            self._refuse(word)
        if self._last is not None:
            self._last += found
        else:
            if self._steps[-1].wait:  # in `@ann wait 5m @bob`, Bob comes after the wait
                self._begin_step()
            self._steps[-1].targets += found

    def _refuse_keyword(self, word: Word) -> None:
        """A misspelled or missing keyword, such as `wiat 5m`, `@ann 5m` or `oncall data`."""
        shown, position = outside(typed(word.text)), self._words.index(word)
        following = self._words[position + 1] if position + 1 < len(self._words) else None
        if word.lower in _NOBODY:
            raise ParseError(f"A policy pages somebody, so “{shown}” can't be a step. {UNCHANGED}", EXAMPLE)
        if found := read_duration(self._lower[position:]):
            wait = " ".join(typed(part.text) for part in self._words[position : position + found.words])
            fix = corrected(self._text, word.start, word.text, f"wait {word.text}")
            raise ParseError(f"Put *wait* before “{outside(wait)}”. {UNCHANGED}", fix, EXAMPLE)
        if word.lower in {"policy", "policies"}:
            raise ParseError(f"A policy can't contain another policy. {UNCHANGED}", EXAMPLE)
        if word.lower in _KINDS and following and not _targets(following):
            kind, name = word.lower.replace("-", ""), following.text
            joined = corrected(self._text, word.start, f"{word.text} {name}", f"{kind}:{name}")
            raise ParseError(f"Write “{shown} {outside(typed(name))}” with a colon. {UNCHANGED}", joined, "help policy")
        if near := difflib.get_close_matches(word.lower, _KEYWORDS, n=1, cutoff=0.7):
            fix = corrected(self._text, word.start, word.text, near[0])
            raise ParseError(f"I don't know the word “{shown}”. {UNCHANGED} Did you mean *{near[0]}*?", fix, EXAMPLE)

    def _refuse(self, word: Word) -> None:
        shown, name = outside(typed(word.text)), bare(word.text)
        if EVERYONE_FORM.fullmatch(word.text):
            fix = corrected(self._text, word.start, word.text, "channel")
            raise ParseError(f"I can't page everyone. {UNCHANGED} *channel* pages everyone in the channel:", fix)
        fix = corrected(self._text, word.start, word.text, f"@{name}") if name else ""
        raise ParseError(
            f"I can't page “{shown}”: {NEEDS_AT_SIGN}, a schedule with `oncall:`. {UNCHANGED}", fix, "help policy"
        )


def _targets(word: Word) -> list[TargetWord]:
    """The targets in one word. Empty if it has another part too."""
    if word.quoted:
        found = target_of(word.text, picked=word.picked)
        return [found] if found else []
    parts = [target_of(part, picked=word.picked) for part in split_list([word])]
    return [part for part in parts if part] if all(parts) else []
