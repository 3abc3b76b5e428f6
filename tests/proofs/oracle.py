"""Judges what stands in Slack by what truly happened at GoldRush, knowing nothing of the bot's code.

It knows the words of the messages, as a reader does, and its invariants are a reader's: every change is told once (I1,
I3), in order (I2), nothing is told that did not happen (I4), and what a card shows at last is true.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

FAILED, RUNNING, PAUSED = "FAILED", "RUNNING", "PAUSED"
_ANNOUNCEMENT = re.compile(r" (?:added|changed|removed) (?:a watch|\d+ watches):")
GROUP = re.compile(r"(?:All )?\d+ (?:more |of \d+ )?pipelines?\b")
"""How the message of a group of failures begins."""
COUNTED = re.compile(r"(failed|recovered|live|paused|running)(?: (\d+)×)?")
COUNTED_AS = {"failed": FAILED, "recovered": RUNNING, "paused": PAUSED}


@dataclass(frozen=True, slots=True)
class Happened:
    """A pipeline, by its name, came into a phase."""

    pipeline: str
    phase: str


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it stands, with its thread; `posted` is how it read when it came, where that is known."""

    ts: str
    text: str
    replies: tuple["Said", ...] = ()
    posted: str = ""


@dataclass(slots=True)
class Verdict:
    """One sentence for each fault of its kind."""

    lost: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    wrong_final: list[str] = field(default_factory=list)
    told: int = 0
    possible_repeats: int = 0

    @property
    def faults(self) -> list[str]:
        return [*self.lost, *self.repeated, *self.out_of_order, *self.invented, *self.wrong_final]


@dataclass(frozen=True, slots=True)
class _Telling:
    ts: str
    phase: str
    repeat_admitted: bool


def judge(
    happened: Iterable[Happened], channels: Mapping[str, Sequence[Said]], verdict: Verdict | None = None
) -> Verdict:
    """`happened`: every change, in order, after the first state of each pipeline, which is RUNNING. A `verdict` that is
    given is added to."""
    truth: dict[str, list[str]] = {}
    for change in happened:
        truth.setdefault(change.pipeline, []).append(change.phase)
    verdict = verdict or Verdict()
    for channel, messages in channels.items():
        for pipeline, phases in truth.items():
            _judge_one(f"{pipeline} in {channel}", phases, _tellings(pipeline, messages), verdict)
            _judge_final(f"{pipeline} in {channel}", phases[-1], pipeline, messages, verdict)
        _judge_announcements(channel, messages, verdict)
    return verdict


def _judge_announcements(channel: str, messages: Sequence[Said], verdict: Verdict) -> None:
    """What a channel watches is changed by a person, and nobody does the same twice in these worlds."""
    texts = Counter(message.text for message in messages if announces(message.text))
    verdict.repeated += [f"{channel}: {text!r} said {times}×" for text, times in texts.items() if times > 1]


def _judge_one(where: str, phases: list[str], tellings: list[_Telling], verdict: Verdict) -> None:
    admitted = [each for each in tellings if each.repeat_admitted]
    told = [each.phase for each in tellings]
    verdict.told += len(told)
    verdict.possible_repeats += len(admitted)
    if _in_order(phases, tellings):
        return
    for phase in sorted(set(phases) | set(told)):
        wanted, had = phases.count(phase), told.count(phase)
        excused = sum(each.phase == phase for each in admitted)
        if had < wanted:
            verdict.lost.append(f"{where}: {phase} {wanted}×, told {had}×")
        elif wanted == 0:
            verdict.invented.append(f"{where}: {phase} never happened, told {had}×")
        elif had - excused > wanted:
            verdict.repeated.append(f"{where}: {phase} {wanted}×, told {had}×")
    if sorted(told) == sorted(phases):
        verdict.out_of_order.append(f"{where}: happened {phases}, told {told}")


def _in_order(phases: list[str], tellings: list[_Telling]) -> bool:
    """What one message tells of at once has no order of its own. A page waits for no other story: it may be early."""
    if sum(telling.phase == FAILED for telling in tellings) != phases.count(FAILED):
        return False
    expected, at = [phase for phase in phases if phase != FAILED], 0
    for _, group in groupby((each for each in tellings if each.phase != FAILED), key=lambda telling: telling.ts):
        told = sorted(telling.phase for telling in group)
        if told != sorted(expected[at : at + len(told)]):
            return False
        at += len(told)
    return at == len(expected)


def _judge_final(where: str, phase: str, pipeline: str, messages: Sequence[Said], verdict: Verdict) -> None:
    """The last message about a pipeline is to show how it is: a card is kept up to date where it stands."""
    about = [message for message in messages if _mentions(message.text, pipeline) and _is_story(message.text)]
    if not about:
        return
    row = _row_of(pipeline, max(about, key=lambda message: message.ts).text)
    if phase != (shown := _shown_in(row)):
        verdict.wrong_final.append(f"{where}: is {phase}, shown as {shown} by {row!r}")


def _shown_in(row: str) -> str | None:
    """The state at the end of a row or card: `failed, then paused` is paused, and `was down for 3 min` runs again."""
    if then := re.search(r"\b(?:then|now|last seen) (failed|paused|running)\b", row, re.IGNORECASE):
        return then[1].upper()
    return RUNNING if re.search(r"\b(recovered|live|down for)\b", row) else _named_in(row)


def _tellings(pipeline: str, messages: Sequence[Said]) -> list[_Telling]:
    """What each new message told of this pipeline when it came; later edits of a card are no news."""
    found = []
    for message in messages:
        if not _is_story(message.text):
            continue
        root = _mentions(message.text, pipeline)
        if root:
            found += _told_by_root(message, pipeline)
        for reply in message.replies if _is_failure(message.text) else ():
            alone = root and not GROUP.match(message.text) and "Catching up" not in message.text
            rows = [row for row in _rows(reply.text) if alone or _mentions(row, pipeline)]
            found += [_telling(reply, phase) for row in rows if (phase := _phase_in(row))]
    return sorted(found, key=lambda telling: telling.ts)


def _told_by_root(message: Said, pipeline: str) -> list[_Telling]:
    if "Catching up" in message.text:
        row = _row_of(pipeline, message.text).partition("·")[0]
        counts = {COUNTED_AS[word]: int(times or 1) for word, times in COUNTED.findall(row) if word in COUNTED_AS}
        return [_telling(message, phase) for phase, times in counts.items() for _ in range(times)]
    if _is_failure(message.text):
        over = re.search(r"\b(recovered|live)\b", _row_of(pipeline, message.posted).partition("\n")[0])
        return [_telling(message, phase) for phase in ((FAILED, RUNNING) if over else (FAILED,))]
    phase = _phase_in(message.text)
    return [_telling(message, phase)] if phase else []


def _telling(message: Said, phase: str) -> _Telling:
    return _Telling(message.ts, phase, "Possible repeat" in message.text)


def _phase_in(text: str) -> str | None:
    if "Acknowledged" in text:
        return None
    if re.search(r"\b(recovered|live)\b", text):
        return RUNNING
    return _named_in(text)


def _named_in(text: str) -> str | None:
    named = {word.upper() for word in re.findall(r"\b(?:failed|paused|running)\b", text, re.IGNORECASE)}
    return next((phase for phase in (FAILED, PAUSED, RUNNING) if phase in named), None)


def _is_failure(text: str) -> bool:
    """In other threads a line only ends a story whose sequel has a card of its own."""
    over = "down for" in text or "recovered after" in text
    return over or _named_in(text) == FAILED or GROUP.match(text) is not None


def announces(text: str) -> bool:
    """Somebody changed what a channel watches."""
    return _ANNOUNCEMENT.search(text) is not None


def _is_story(text: str) -> bool:
    """Not an announcement of what is watched, nor a word about the bot itself or whether it can see."""
    about_the_bot = ("I couldn't watch any pipelines", "My database", "I can't post")
    about_its_sight = ("can be read again", "can't be read")
    head = text.partition("\n")[0]
    about_the_bot_itself = announces(text) or any(words in text for words in about_the_bot)
    return not about_the_bot_itself and not any(words in head for words in about_its_sight)


def _mentions(text: str, pipeline: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(pipeline)}(?![\w-])", text) is not None


def _rows(text: str) -> list[str]:
    return [row for row in text.split("\n") if row.strip() and not row.startswith("Late by ")]


def _row_of(pipeline: str, text: str) -> str:
    """Where several pipelines share a message, the row that speaks of this one."""
    if GROUP.match(text) or "Catching up" in text:
        return next((row for row in _rows(text) if _mentions(row, pipeline)), "")
    return text
