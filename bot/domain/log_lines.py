"""Chooses the lines of a worker's log that matter: the last error with its context. Pure.

GoldRush gives each replica's log as one text (stdout and stderr), not structured, and it may be a tail error instead:
https://goldrush.dev/docs/api-reference/pipeline-api/get-pipeline-logs.md
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_LINES = 10
LONGEST_LINE = 240
CONTEXT_BEFORE = 3
LINES_SEARCHED = 2000  # from the end of each replica's log

_TAIL_ERROR = re.compile(
    r"container not found|unable to upgrade connection|is waiting to start|ContainerCreating|PodInitializing"
    r"|previous terminated container .{0,100} not found|pods? .{0,200} not found|no logs? (?:found|available)"
    r"|failed to (?:get|create|open|stream|find) (?:pod|container)? ?logs?|error dialing backend"
    r"|container .{0,200} (?:not running|not started|has not been created)|unable to retrieve container logs",
    re.IGNORECASE,
)
_ENDED_THE_WORKER = re.compile(
    r"\b(?:FATAL|PANIC|CRITICAL|EMERG(?:ENCY)?|SEVERE)\b|\blevel=(?:fatal|panic|critical)\b"
    r"|\"(?:level|severity|lvl)\"\s*:\s*\"(?:fatal|panic|critical|emergency)\""
    r"|^panic: |\bpanicked at\b|^fatal error: |\bOOMKilled\b|\bout of memory\b|^Exception in thread ",
    re.IGNORECASE,
)
_ERROR = re.compile(
    r"\bERR(?:OR)?\b|\blevel=err(?:or)?\b|\"(?:level|severity|lvl)\"\s*:\s*\"err(?:or)?\"|\bE\d{4} "
    r"|\b\w*(?:Exception|Error)\b:? |\bDB::Exception\b|\bfailed\b|\brefused\b|\btimed? ?out\b|\bviolat\w+\b",
    re.IGNORECASE,
)
_LOUD_ERROR = re.compile(
    r"\bERR(?:OR)?\b|\blevel=err(?:or)?\b|\"(?:level|severity|lvl)\"\s*:\s*\"err(?:or)?\"|\bE\d{4} "
    r"|^[\w.]*(?:Exception|Error): |\bDB::Exception\b"
)
_QUIET = re.compile(
    r"\blevel=(?:debug|info|trace)\b|\"(?:level|severity|lvl)\"\s*:\s*\"(?:debug|info|trace)\""
    r"|\b(?:DEBUG|INFO|TRACE)\b",
)
# Lines that belong to the error above them, such as the frames of a stack trace.
_FRAME = re.compile(
    r"^\s+(?:at |\.\.\. \d+ more|File \"|\d+: |\w)|^\tat |^Caused by: |^goroutine \d+|^\s*$|^\t"
    r"|^(?:DETAIL|HINT|CONTEXT|STATEMENT|LINE \d+|QUERY): |^[\w/.*()]+\.\w+\(.{0,200}\)$"
)
_CAUSED_BY = re.compile(r"^Caused by: |^(?:DETAIL|HINT): ")
# Says that the worker ends, and not why: "worker exits code=1".
_FAREWELL = re.compile(
    r"(?:^|[\]:\"=]|\b(?:FATAL|CRITICAL|PANIC|ERROR|worker|process|pipeline|task|program|main|container|replica)\b)\W*"
    r"(?:(?:is|has|was) )?(?:exit|shut(?:s|ting)? down|terminat|stopp|abort)(?:s|es|ed|ing)?\b",
    re.IGNORECASE,
)
_NO_REASON = re.compile(r"\W*(?:now|with|exit|status|code|\w+=\S+|\d+)?\W*", re.IGNORECASE)
_RETRIED = re.compile(r"\bretr(?:y|ying|ied)\b|\battempt\b(?! to)|\bbackoff\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PodLog:
    """One replica's log, redacted, oldest line first."""

    pod: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """The lines that matter of one replica."""

    pod: str
    lines: tuple[str, ...]
    """At most `MOST_LINES` of at most `LONGEST_LINE` characters."""
    error: str
    """The one line that says what failed. Empty: none does, and `lines` are the last ones."""
    hidden: int = 0
    """How many lines between the first and the last are left out."""


def is_tail_error(text: str) -> bool:
    """True if the text is no log: the replica is not scheduled yet, has just crashed, or was replaced."""
    lines = [line for line in text.split("\n", 5) if line.strip()]
    return not lines or (len(lines) <= 3 and any(_TAIL_ERROR.search(line[:400]) for line in lines))


def readable_lines(log: PodLog) -> tuple[str, ...]:
    """The last lines of a log, oldest first, each cut to `LONGEST_LINE`, without empty ones."""
    lines = (_readable(line) for line in log.text.split("\n")[-LINES_SEARCHED:])
    return _cut([line for line in lines if line.strip()])


def lines_that_matter(log: PodLog) -> Excerpt:
    """The last error that ended the work, with what came before it and its details."""
    lines = [_readable(line) for line in log.text.split("\n")[-LINES_SEARCHED:]]
    while lines and not lines[-1].strip():
        lines.pop()
    at = _last_error(lines)
    if at is None:
        return Excerpt(pod=log.pod, lines=_cut(lines[-MOST_LINES:]), error="")
    first = max(0, at - CONTEXT_BEFORE)
    end = at + 1
    while end < len(lines) and _FRAME.match(lines[end]):
        end += 1
    chosen = [*range(first, at + 1), *_details(lines, at + 1, end)][:MOST_LINES]
    left = [number for number in range(end, len(lines)) if lines[number].strip()]
    chosen += left[: MOST_LINES - len(chosen)]
    chosen = [number for number in chosen if lines[number].strip()]
    hidden = chosen[-1] - chosen[0] + 1 - len(chosen)
    return Excerpt(
        pod=log.pod,
        lines=_cut([lines[number] for number in chosen]),
        error=_cut([_headline(lines, at, end)])[0],
        hidden=hidden,
    )


def _last_error(lines: Sequence[str]) -> int | None:
    """The line where the last error begins. What ended the worker counts more than an error that it retried."""
    ranks: dict[int, int] = {}
    for number, line in enumerate(lines):
        if rank := _rank(line):
            ranks[number] = rank
    if not ranks:
        return None
    best = max(ranks.values())
    last = max(number for number, rank in ranks.items() if rank == best)
    while last - 1 in ranks and ranks[last - 1] == best and _same(lines[last - 1], lines[last]):
        last -= 1
    return last


def _rank(line: str) -> int:
    """3: ended the worker. 2: an error. 1: sounds like one, or was retried. 0: no error."""
    start = line[:600]
    if _FRAME.match(start) and not _CAUSED_BY.match(start):
        return 0
    if _ENDED_THE_WORKER.search(start):
        return 1 if _is_farewell(start) else 3
    if _QUIET.search(start) and not _LOUD_ERROR.search(start):
        return 0
    if _LOUD_ERROR.search(start):
        return 1 if _RETRIED.search(start) else 2
    return 1 if _ERROR.search(start) else 0


def _is_farewell(line: str) -> bool:
    farewell = _FAREWELL.search(line)
    return farewell is not None and all(_NO_REASON.fullmatch(word) for word in line[farewell.end() :].split())


def _details(lines: Sequence[str], start: int, end: int) -> list[int]:
    """Of a stack trace: the first frames, and each cause with its first frame."""
    numbers = list(range(start, end))
    room = MOST_LINES - CONTEXT_BEFORE - 1
    if len(numbers) <= room:
        return numbers
    causes = [number for number in numbers if _CAUSED_BY.match(lines[number])][-room + 2 :]
    return sorted({*numbers[: room - len(causes)], *causes})


def _headline(lines: Sequence[str], at: int, end: int) -> str:
    """The error itself. A last "Caused by" says more than the exception around it."""
    causes = [line for line in lines[at + 1 : end] if line.startswith("Caused by: ")]
    headline = causes[-1].removeprefix("Caused by: ") if causes else lines[at]
    if headline.startswith("Traceback (most recent call last)") and end < len(lines):
        headline = lines[end]
    elif headline.rstrip().endswith(":") and at + 1 < len(lines):  # Rust writes the message below the place
        headline = lines[at + 1]
    return headline.strip()


def _same(one: str, other: str) -> bool:
    """True for two lines that tell of the same error, such as one that each attempt repeats."""
    return _words(one) == _words(other)


def _words(line: str) -> str:
    return re.sub(r"[\d.:TZ+-]+", "#", line[:400])


_MESSAGE = ("msg", "message", "error", "err", "exception", "reason")
_LEVELS = ("level", "severity", "lvl")


def _readable(line: str) -> str:
    """A JSON line as time, level, message and error; other lines as they are, without colours."""
    line = _COLOUR.sub("", line).rstrip()
    if not line.startswith("{") or len(line) > 8192:
        return line
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        return line
    words = [str(parsed[name]).upper() for name in _LEVELS if isinstance(parsed.get(name), str)][:1]
    words += [str(parsed[name]) for name in _MESSAGE if isinstance(parsed.get(name), str)]
    return " ".join(words) if len(words) > 1 else line


_COLOUR = re.compile(r"\x1b\[[0-9;]{0,20}m")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _cut(lines: Sequence[str]) -> tuple[str, ...]:
    cleaned = (_CONTROLS.sub(" ", line.replace("\t", "  ")) for line in lines)
    return tuple(line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…" for line in cleaned)


_TIME_AND_LEVEL = re.compile(
    r"""
      ^ (?: \[? \d{4}-\d\d-\d\d [T ] [\d:.,]{5,20} (?:Z|[+-]\d\d:?\d\d)? \]? \s*
        | (?:level|lvl|severity)=\w{1,10} \s+ | (?:ts|time)=\S{1,40} \s+
        | \[? \b(?:FATAL|ERROR|ERR|CRITICAL|WARN|WARNING)\b \]? :? \s+ ){1,6}
    """,
    re.VERBOSE,
)


def without_time_and_level(error: str) -> str:
    """The error line for a card, which says the time and the level already."""
    return _TIME_AND_LEVEL.sub("", error)
