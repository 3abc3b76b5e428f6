"""Judges the calls of pages in the simulation. It shares no code with the bot.

Every due call goes out. None comes after an acknowledgement, and none comes twice. The pager's incidents end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

EXHAUSTED = "Nobody answered"
WAIT_SECONDS = 300.0  # from one call to the next
FORGOTTEN_SECONDS = 15.0  # a rollback may undo an answer of this age
CROSSES_SECONDS = 75.0  # a call may be on its way when somebody answers: a stalled process posts it this late
LATE_SECONDS = 500.0  # an outage of Slack, and then a dead bot and its queue
HELD_SECONDS = 900.0  # beyond the hourly limit, a person gets a repeated direct call so long after the last page
EARLY_SECONDS = 255.0  # a repeated call joins one that is due up to four minutes before, and waits for its message


@dataclass(frozen=True, slots=True)
class PageCall:
    """A message that asks people to act on failures that nobody answered."""

    key: str
    place: str
    """A channel, a person's direct messages, or a pager."""
    made_at: float
    at: float
    text: str
    pipelines: tuple[str, ...]
    may_repeat: bool = False
    """It admits to be a possible repeat, or the service drops repeats."""

    @property
    def is_of_group(self) -> bool:
        return len(self.pipelines) > 1


@dataclass(frozen=True, slots=True)
class PageAnswer:
    pipeline: str
    at: float
    certain: bool
    """False: nobody knows if the store took it."""


@dataclass(slots=True)
class PageHistory:
    """All that happened to pages in one world."""

    changes: list[tuple[float, str, bool]] = field(default_factory=list)
    """When which pipeline changed, and if it failed."""
    answers: list[PageAnswer] = field(default_factory=list)
    calls: list[PageCall] = field(default_factory=list)
    rollbacks: list[float] = field(default_factory=list)
    places: tuple[str, ...] = ()
    """Each of them gets every call."""
    incidents: set[str] = field(default_factory=set)
    """The keys of the pager's open incidents. A repeat opens no second one."""
    flapping: set[str] = field(default_factory=set)
    """Their pages wait while they flap."""


def judge_pages(history: PageHistory) -> list[str]:
    faults = [f"the incident {key} stayed open" for key in sorted(history.incidents)]
    faults += _repeated(history)
    for pipeline in sorted({pipeline for _, pipeline, _ in history.changes}):
        calls = [call for call in history.calls if pipeline in call.pipelines]
        failures = list(_failures(history, pipeline))
        faults += _after_an_answer(history, pipeline, calls)
        faults += _early(pipeline, calls, [since for since, _ in failures])
        if pipeline not in history.flapping:
            answers = [answer.at for answer in history.answers if answer.pipeline == pipeline]
            faults += _missing(pipeline, answers, calls, failures, history.places)
    return faults


def _failures(history: PageHistory, pipeline: str) -> Iterator[tuple[float, float]]:
    own = [(at, failed) for at, name, failed in history.changes if name == pipeline]
    for (at, failed), (until, _) in pairwise(own):
        if failed:
            yield at, until


def _repeated(history: PageHistory) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for call in history.calls:
        if (call.place, call.key) in seen and not call.may_repeat:
            yield f"{call.place} got the call {call.text!r} twice"
        seen.add((call.place, call.key))


def _after_an_answer(history: PageHistory, pipeline: str, calls: Sequence[PageCall]) -> Iterator[str]:
    """Slack shows no call of an acknowledged failure. A pager may get one that the bot made before the answer.

    The pages of its groups go on for the other failures.
    """
    began = [at for at, name, failed in history.changes if name == pipeline and failed]
    for answer in history.answers:
        if answer.pipeline != pipeline or not answer.certain or _is_forgotten(history, answer):
            continue
        again = min((at for at in began if at > answer.at), default=float("inf"))
        for call in calls:
            if call.is_of_group and call.may_repeat:
                continue
            sent = call.made_at if call.may_repeat else call.at
            if answer.at + CROSSES_SECONDS < sent and call.at < again:
                yield f"{pipeline}: {call.place} was called {call.at - answer.at:.0f} s after an acknowledgement"


def _is_forgotten(history: PageHistory, answer: PageAnswer) -> bool:
    return any(0 <= at - answer.at < FORGOTTEN_SECONDS for at in history.rollbacks)


def _early(pipeline: str, calls: Sequence[PageCall], began: Sequence[float]) -> Iterator[str]:
    """A step that is served twice calls before the wait is over. A group call is as old as its first page."""
    distinct = {(call.place, call.key): call for call in calls if not call.is_of_group}
    for one, other in pairwise(sorted(distinct.values(), key=lambda call: (call.place, call.made_at))):
        if one.place != other.place:
            continue
        again = any(one.made_at - WAIT_SECONDS < at <= other.made_at for at in began)
        if not again and other.made_at - one.made_at < WAIT_SECONDS - EARLY_SECONDS:
            yield f"{pipeline}: {one.place} was called twice within {other.made_at - one.made_at:.0f} s"


def _missing(
    pipeline: str,
    answers: Sequence[float],
    calls: Sequence[PageCall],
    failures: Sequence[tuple[float, float]],
    places: Sequence[str],
) -> Iterator[str]:
    """Each wait ends with a call until somebody answers, or until the last call said that nobody does."""
    for since, until in failures:
        exhausted = [call.at for call in calls if EXHAUSTED in call.text]
        end = min([at for at in (*answers, *exhausted) if since < at < until], default=until)
        for place in places:
            times = [call.at for call in calls if call.place == place and since < call.at <= end]
            longest = max(later - at for at, later in pairwise([since, *times, end]))
            if longest > (HELD_SECONDS if place.startswith("D") else WAIT_SECONDS) + LATE_SECONDS:
                yield f"{pipeline}: {place} got no call for {longest:.0f} s"
