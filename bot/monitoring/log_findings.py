"""What the logs of a pipeline's replicas say about its failure. Redacts first; CPU work, so callers use a thread."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.causes import UNKNOWN, cause_of
from bot.domain.diagnosis import LogFault, LogOutcome
from bot.domain.fingerprint import fingerprint
from bot.domain.log_lines import Excerpt, PodLog, is_tail_error, lines_that_matter
from bot.log_redaction import redact_log
from bot.ports.details_reads import LONGEST_TAIL, MOST_CHARACTERS

# Redaction takes about 2.5 ms of CPU for 1,000 characters. Its longest pass, a third of that, holds up the event loop
# even from a thread. So it gets the end of a log alone.
SEARCHED = 16 * 1024  # characters of each replica's log
SEARCHED_WITHOUT_ERROR = 48 * 1024  # of a log whose end names no error
MOST_SEARCHED = 128 * 1024  # of all replicas together
LONGEST_ERROR = 240  # of the destination


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFindings:
    """The redacted logs of one pipeline, and the lines that matter."""

    at: datetime
    """When the read began."""
    outcome: LogOutcome
    problem: str = ""
    """Why the bot could not read the logs, in words for people."""
    unread: LogFault = LogFault.FAILED
    """Only with a problem."""
    pods: tuple[PodLog, ...] = ()
    """The end of each log."""
    excerpt: Excerpt | None = None
    pods_alike: int = 0
    """How many other replicas end with the same error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCause:
    """The cause of a failure, as far as texts name it. Empty: they don't."""

    cause: str = ""
    fingerprint: str = ""


def findings_in(logs: Sequence[PodLog], at: datetime) -> LogFindings:
    """Redacts the logs and chooses the lines that matter."""
    readable = [log for log in logs if not is_tail_error(log.text)]
    if not readable:
        return LogFindings(at=at, outcome=LogOutcome.NOT_YET)
    share = min(SEARCHED, MOST_SEARCHED // len(readable))
    redacted = [_redacted(log, share) for log in readable]
    excerpts = [lines_that_matter(log) for log in redacted]
    if not any(excerpt.error for excerpt in excerpts) and len(readable[0].text) > share:
        wider = _redacted(readable[0], SEARCHED_WITHOUT_ERROR)
        excerpts[0] = lines_that_matter(wider)
    prints = [fingerprint(excerpt.error) or excerpt.error for excerpt in excerpts]
    most = max(Counter(filter(None, prints)).values(), default=0)
    chosen = next((number for number, one in enumerate(prints) if one and prints.count(one) == most), 0)
    shown = min(LONGEST_TAIL, MOST_CHARACTERS // len(redacted))
    return LogFindings(
        at=at,
        outcome=LogOutcome.READ,
        pods=tuple(PodLog(pod=log.pod, text=_end(log.text, shown)) for log in redacted),
        excerpt=excerpts[chosen],
        pods_alike=max(0, most - 1),
    )


def named_cause(excerpt: Excerpt | None, destination_error: str) -> NamedCause:
    """The cause that the log names, or else the destination's own error."""
    error, context = (excerpt.error, "\n".join(excerpt.lines)) if excerpt else ("", "")
    cause = cause_of(error or destination_error, context)
    named = error or destination_error
    return NamedCause(
        cause=cause.slug if named or cause is not UNKNOWN else "",
        fingerprint=(fingerprint(named) or "") if named else "",
    )


def redacted_error(text: str) -> str:
    """The destination's error in one line, without secrets."""
    line = " ".join(redact_log(text[: 4 * LONGEST_ERROR]).split())
    line = "".join(letter if letter.isprintable() else " " for letter in line)
    return line if len(line) <= LONGEST_ERROR else line[: LONGEST_ERROR - 1] + "…"


def _redacted(log: PodLog, characters: int) -> PodLog:
    return PodLog(pod=redacted_error(log.pod), text=redact_log(_end(log.text, characters)))


def _end(text: str, characters: int) -> str:
    """The last lines. Half a line could hold half a secret, without the name that reveals it."""
    if len(text) <= characters:
        return text
    begin = text.find("\n", len(text) - characters)
    if begin != -1 and begin < len(text) - 1:
        return text[begin + 1 :]
    last = text.rstrip("\n").rfind("\n") + 1  # one endless line: its beginning
    return text[last : last + characters]
