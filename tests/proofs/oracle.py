"""Compares the messages in Slack with the true changes at GoldRush. It shares no code with the bot.

It reads the messages as a person does. The bot reports every change once (I1, I3), in order (I2), and reports nothing
that did not happen (I4). The last card about a pipeline shows its true state.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

FAILED, RUNNING, PAUSED = "FAILED", "RUNNING", "PAUSED"
FINISHED = "FINISHED"
"""A bounded run stopped at its last block. If it stopped before that, it FAILED."""
_ANNOUNCEMENT = re.compile(r" (?:added|changed|removed) (?:a watch|\d+ watches):")
GROUP = re.compile(r"(?:All )?\d+ (?:more |of \d+ )?pipelines?\b")
"""The first words of a group message."""
CALL = re.compile(r"\bstill needs? you\b|\bneeds? you again\b|\bThis call is over\b")
"""In a message that calls people again for a failure."""
POINTER = "part of the group above"
"""In what remains of a card that grew into a group with others, and in the page for failures that join one."""
COUNTED = re.compile(r"(failed|recovered|live|paused|running|finished)(?: (\d+)×)?")
UNJUDGED = re.compile(r"\bpossibly finished\b|\bwas stopped for\b")
"""In the card of a stop that was announced alone. Its thread, or another card, says how the run ended."""
FLAPPING = "lapping: "
"""In the entry that says that a pipeline flaps: `is flapping: failed 3 times in 2 min`, or `Flapping: …`."""
COUNTED_AS = {"failed": FAILED, "recovered": RUNNING, "paused": PAUSED, "finished": FINISHED}


@dataclass(frozen=True, slots=True)
class Change:
    """The pipeline of this name entered a phase."""

    pipeline: str
    phase: str


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """A message with its current text and its thread. `posted` is its original text, if known.

    `broadcast`: the channel shows this reply too.
    """

    ts: str
    text: str
    replies: tuple["SlackMessage", ...] = ()
    posted: str = ""
    broadcast: bool = False


@dataclass(slots=True)
class Verdict:
    """One sentence per fault, by kind."""

    lost: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    wrong_final: list[str] = field(default_factory=list)
    reported: int = 0
    possible_repeats: int = 0

    @property
    def faults(self) -> list[str]:
        return [*self.lost, *self.repeated, *self.out_of_order, *self.invented, *self.wrong_final]


@dataclass(frozen=True, slots=True)
class _Report:
    ts: str
    phase: str
    repeat_admitted: bool


def judge(
    happened: Iterable[Change], channels: Mapping[str, Sequence[SlackMessage]], verdict: Verdict | None = None
) -> Verdict:
    """Judges each channel; adds to `verdict` if one is given.

    `happened` lists every change in order. Each pipeline starts as RUNNING.
    """
    truth: dict[str, list[str]] = {}
    for change in happened:
        truth.setdefault(change.pipeline, []).append(change.phase)
    verdict = verdict or Verdict()
    for channel, messages in channels.items():
        for pipeline, phases in truth.items():
            _judge_one(f"{pipeline} in {channel}", phases, _reports_of(pipeline, messages), verdict)
            _judge_final(f"{pipeline} in {channel}", phases[-1], pipeline, messages, verdict)
        _judge_announcements(channel, messages, verdict)
    return verdict


def _judge_announcements(channel: str, messages: Sequence[SlackMessage], verdict: Verdict) -> None:
    """Each announcement appears once, because nobody makes the same change twice in these worlds."""
    texts = Counter(message.text for message in messages if announces(message.text))
    verdict.repeated += [f"{channel}: {text!r} appears {times}×" for text, times in texts.items() if times > 1]


def _judge_one(where: str, phases: list[str], reports: list[_Report], verdict: Verdict) -> None:
    admitted = [report for report in reports if report.repeat_admitted]
    reported = [report.phase for report in reports]
    verdict.reported += len(reported)
    verdict.possible_repeats += len(admitted)
    if _in_order(phases, reports):
        return
    for phase in sorted(set(phases) | set(reported)):
        wanted, had = phases.count(phase), reported.count(phase)
        excused = sum(report.phase == phase for report in admitted)
        if had < wanted:
            verdict.lost.append(f"{where}: {phase} {wanted}×, reported {had}×")
        elif wanted == 0:
            verdict.invented.append(f"{where}: {phase} never happened, reported {had}×")
        elif had - excused > wanted:
            verdict.repeated.append(f"{where}: {phase} {wanted}×, reported {had}×")
    if sorted(reported) == sorted(phases):
        verdict.out_of_order.append(f"{where}: happened {phases}, reported {reported}")


def _in_order(phases: list[str], reports: list[_Report]) -> bool:
    """Changes within one message have no order. A failure may be early, because pages wait for no other episode."""
    if sum(report.phase == FAILED for report in reports) != phases.count(FAILED):
        return False
    expected, at = [phase for phase in phases if phase != FAILED], 0
    for _, group in groupby((report for report in reports if report.phase != FAILED), key=lambda report: report.ts):
        reported = sorted(report.phase for report in group)
        if reported != sorted(expected[at : at + len(reported)]):
            return False
        at += len(reported)
    return at == len(expected)


def _judge_final(where: str, phase: str, pipeline: str, messages: Sequence[SlackMessage], verdict: Verdict) -> None:
    """The last message about a pipeline shows its current state, because the bot updates cards in place."""
    about = [message for message in messages if _mentions(message.text, pipeline) and _is_story(message.text)]
    if not about:
        return
    row = _row_of(pipeline, max(about, key=lambda message: message.ts).text)
    if phase != (shown := _shown_in(row)):
        verdict.wrong_final.append(f"{where}: is {phase}, shown as {shown} by {row!r}")


def _shown_in(row: str) -> str | None:
    """Returns the last state in a row or card: `failed, then paused` means paused."""
    if then := re.search(r"\b(?:then|now|last seen) (failed|paused|running|finished)\b", row, re.IGNORECASE):
        return then[1].upper()
    return RUNNING if re.search(r"\b(recovered|live)\b", row) else _named_in(row)


def _reports_of(pipeline: str, messages: Sequence[SlackMessage]) -> list[_Report]:
    """Returns the changes that each message reported when it was posted. Later edits report nothing new.

    The card of a flapping pipeline is the exception: people read on it how often it failed.
    """
    found = []
    for message in messages:
        if not _is_story(message.text):
            continue
        replies = _replies_about(pipeline, message)
        root = _reports_of_root(message, pipeline) if _mentions(message.text, pipeline) else []
        if any(FLAPPING in row for _, row in replies):
            found += _reports_of_flapping(message, pipeline, replies)
            continue
        phases = [
            _report_in(reply, phase)
            for reply, row in replies
            if (phase := _phase_in(row)) and (not _stands_alone(pipeline, message) or _announced(reply, phase, message))
        ]
        if phases and phases[0].phase == FAILED and "failed again" in message.posted:
            root = []  # a digest reported the earlier failures, so this card and its thread begin with a later one
        found += [*root, *phases]
    return sorted(found, key=lambda report: report.ts)


def _replies_about(pipeline: str, message: SlackMessage) -> list[tuple[SlackMessage, str]]:
    """Returns the rows about the pipeline in the thread of a failure, each with its message.

    Of the thread of a stop that was announced alone: the row about its end. Another card reports a stop before the end.
    """
    alone = _stands_alone(pipeline, message)
    if UNJUDGED.search(message.posted):
        return [(reply, reply.text) for reply in message.replies if alone and _phase_in(reply.text) == FINISHED]
    return [
        (reply, row)
        for reply in (message.replies if _is_failure(message.text) else ())
        if not CALL.search(reply.text)
        for row in _rows(reply.text)
        if alone or _mentions(row, pipeline)
    ]


def _stands_alone(pipeline: str, message: SlackMessage) -> bool:
    """True if the message is a card of this one pipeline."""
    return _mentions(message.text, pipeline) and not GROUP.match(message.text) and "Catching up" not in message.text


def _reports_of_flapping(
    card: SlackMessage, pipeline: str, replies: Sequence[tuple[SlackMessage, str]]
) -> list[_Report]:
    """Returns a report of each failure that the card counts, and of each recovery in between.

    The first reply about flapping stands for the changes that have none. Without a broadcast it reports none of them.
    """
    row = _row_of(pipeline, card.text)
    times = _times_failed(row)
    still_failed = _shown_in(row) == FAILED
    alone = _stands_alone(pipeline, card)
    if alone and not all(_announced(reply, FAILED, card) for reply, text in replies if FLAPPING in text):
        return [_report_in(card, FAILED)]
    first = next(reply for reply, text in replies if FLAPPING in text or _phase_in(text) == RUNNING)
    paused = [_report_in(reply, PAUSED) for reply, text in replies if _phase_in(text) == PAUSED]
    twice = [reply for reply, text in replies if _is_copy(reply, text, replies)]
    failed = [_Report(card.ts, FAILED, repeat_admitted=False)] * (times + len(twice))
    return [*failed, *[_Report(first.ts, RUNNING, repeat_admitted=False)] * (times - still_failed), *paused]


def _is_copy(reply: SlackMessage, row: str, replies: Sequence[tuple[SlackMessage, str]]) -> bool:
    """True for a second line about one begin or end of flapping. Each line has another number of failures."""
    is_unique = FLAPPING in row or "settled" in row or "stays failed" in row
    earlier = any(text == row and other.ts < reply.ts for other, text in replies)
    return is_unique and earlier and "Possible repeat" not in reply.text


def _times_failed(row: str) -> int:
    if counted := re.search(r"failed (\d+) times", row):
        return int(counted[1])
    return 2 if "failed twice" in row else 1


def _announced(news: SlackMessage, phase: str, card: SlackMessage) -> bool:
    """The channel saw the news: by a broadcast, or because the card showed it when it was posted.

    Later edits of a card notify nobody, and few people follow its thread. Pauses need no broadcast.
    """
    if phase in {PAUSED, FINISHED} or news.broadcast:
        return True
    again = r"\b(failed (again|\d+ times|twice)|stopped at block .*, \d+\w+ time|flapping)\b"
    shown = r"\b(recovered|live)\b" if phase == RUNNING else again
    return re.search(shown, card.posted) is not None


def _reports_of_root(message: SlackMessage, pipeline: str) -> list[_Report]:
    if "Catching up" in message.text:
        row = _row_of(pipeline, message.text).partition("·")[0]
        counts = {COUNTED_AS[word]: int(times or 1) for word, times in COUNTED.findall(row) if word in COUNTED_AS}
        return [_report_in(message, phase) for phase, times in counts.items() for _ in range(times)]
    if UNJUDGED.search(message.posted):
        return []
    if _is_failure(message.text):
        return [_report_in(message, FAILED)]  # its thread reports the end, even if the card came late and shows it too
    phase = _phase_in(message.text)
    return [_report_in(message, phase)] if phase else []


def _report_in(message: SlackMessage, phase: str) -> _Report:
    return _Report(message.ts, phase, "Possible repeat" in message.text)


def _phase_in(text: str) -> str | None:
    if "Acknowledged" in text:
        return None
    if re.search(r"\b(recovered|live)\b", text):
        return RUNNING
    return _named_in(text)


def _named_in(text: str) -> str | None:
    if ended := re.findall(r"\b(stopped|finished) at block [\d,]+", text):
        return {"stopped": FAILED, "finished": FINISHED}[ended[-1]]
    named = {word.upper() for word in re.findall(r"\b(?:failed|paused|running)\b", text, re.IGNORECASE)}
    return next((phase for phase in (FAILED, PAUSED, RUNNING) if phase in named), None)


def _is_failure(text: str) -> bool:
    """True if the message is a failure card or group. In other threads, replies report no new change."""
    return "recovered after" in text or _named_in(text) == FAILED or GROUP.match(text) is not None


def announces(text: str) -> bool:
    """True if the text announces a change of a channel's watches."""
    return _ANNOUNCEMENT.search(text) is not None


def _is_story(text: str) -> bool:
    """True unless the text announces a watch or is about the bot, its store or the API."""
    about_the_bot = ("I couldn't watch any pipelines", "My database", "I can't post", "a mute:")
    about_its_sight = ("can be read again", "can't be read")
    head = text.partition("\n")[0]
    if POINTER in text or CALL.search(text):
        return False  # the group reports it, or the card that people are called for
    about_the_bot_itself = announces(text) or any(words in text for words in about_the_bot)
    return not about_the_bot_itself and not any(words in head for words in about_its_sight)


def _mentions(text: str, pipeline: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(pipeline)}(?![\w-])", text) is not None


def _rows(text: str) -> list[str]:
    return [row for row in text.split("\n") if row.strip() and not row.startswith("Late by ")]


def _row_of(pipeline: str, text: str) -> str:
    """Returns this pipeline's row of a shared message, or the whole text of its own message."""
    if GROUP.match(text) or "Catching up" in text:
        return next((row for row in _rows(text) if _mentions(row, pipeline)), "")
    return text
