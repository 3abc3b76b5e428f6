"""The oracle's other half: how Slack and GoldRush were spoken to, by their own logs. Seconds on one clock.

Invariants I5 to I8: one message at a time and never before Slack allows it; no more reads than the budget; no reading
older than promised while nothing fails; and once nothing fails any more, all is said and done in time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

LANES = 2  # pages never wait for the feed: one message of each may be under way in a channel
ALMOST = 1e-6
WINDOW = 10.0  # seconds over which reads are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call to Slack by one life of one bot; `until`: when it had its answer, or died. `wait`: the Retry-After of a
    429. `lay`: for so long it may have waited for the log, which stood still."""

    life: int
    method: str
    channel: str
    at: float
    until: float
    wait: float = 0.0
    lay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What was promised: requests a second, and how old a reading may be. `calm_from`: nothing fails any more; all is
    said `drained_within` so many seconds after the last change, which comes then. Where it is never calm, I8 is void.

    `spacing` is Slack's "1 message per second per channel" (https://docs.slack.dev/apis/web-api/rate-limits). `jitter`:
    so much may lie between when a thing was done and when the log says that it was. `late`: when readings may be late,
    from and until, since there was nobody to read or nothing to be read; where it is not known, until it is calm.
    `ended`: when each life did that has; only where it is known it is judged what the next one had to know of it.
    """

    budget: float
    oldest: float
    drained_within: float
    calm_from: float = inf
    spacing: float = 1.0
    jitter: float = ALMOST
    late: Sequence[tuple[float, float]] | None = None
    ended: Mapping[int, float] | None = None
    until: float | None = None
    """The end of the log, where that is known: by then as well no reading was too old."""


def judge_traffic(
    calls: Iterable[Call],
    reads: Mapping[str, Sequence[float]],
    began: Sequence[float],
    wrote: Sequence[float],
    promise: Promise,
) -> list[str]:
    """`reads`: when each pipeline was read; `began`: when each life began, by its number; `wrote`: when Slack took
    something."""
    by_life: dict[tuple[int, str, str], list[Call]] = {}
    for call in calls:
        by_life.setdefault((call.life, call.method, call.channel), []).append(call)
    return [
        *(fault for each in by_life.values() for fault in _one_at_a_time(each, promise)),
        *_heeded([call for each in by_life.values() for call in each], promise.jitter),
        *_heeded_anew([call for each in by_life.values() for call in each], began, promise),
        *_within_budget(sorted(at for each in reads.values() for at in each), began, promise.budget),
        *(fault for pipeline, each in reads.items() for fault in _fresh(pipeline, each, promise)),
        *_drained(wrote, promise),
    ]


def _one_at_a_time(calls: Sequence[Call], promise: Promise) -> Iterable[str]:
    """I5, by one life in one channel. However late the log, of many messages the last cannot come too early."""
    posts = sorted((call for call in calls if call.method == "post"), key=lambda call: call.at)
    for number, last in enumerate(posts):
        for before in range(number):
            took, least = (
                last.at - posts[before].at + posts[before].lay,
                (number - before) * promise.spacing - promise.jitter,
            )
            if took < least:
                yield f"{number - before + 1} messages within {took:.2f} s in {last.channel}, at {last.at:.1f}"
                break
    for post in posts:
        under_way = sum(other.at <= post.at < other.until for other in posts)
        if under_way > LANES:
            yield f"{under_way} messages under way at once in {post.channel}, at {post.at:.1f}"


def _heeded(calls: Sequence[Call], jitter: float) -> Iterable[str]:
    """I5: not before Slack allows it. What was under way when the 429 came could not know."""
    for told in calls:
        if told.wait:
            for call in calls:
                same = (call.life, call.method) == (told.life, told.method)
                if same and told.until + jitter < call.at - call.lay and call.at < told.until + told.wait - ALMOST:
                    yield f"{call.method} at {call.at:.1f} though Slack had said {told.wait:.0f} s at {told.until:.1f}"


def _heeded_anew(calls: Sequence[Call], began: Sequence[float], promise: Promise) -> Iterable[str]:
    """I5, across a restart: what Slack said to one life each later one obeys. Not judged are a life that was there
    already, since it asks only when it begins what others were told; and the 429 of a life that ended so soon after it
    that it may not have come to write it down. Nothing here that Redis forgets is judged as a restart."""
    if promise.ended is None:
        return
    for told in calls:
        known = told.until + promise.jitter
        if not told.wait or promise.ended.get(told.life, inf) <= known:
            continue
        for call in calls:
            later = call.method == told.method and began[call.life] > known
            if later and call.at < told.until + told.wait - ALMOST:
                yield (
                    f"{call.method} at {call.at:.1f} by life {call.life} though Slack had said {told.wait:.0f} s"
                    f" to life {told.life} at {told.until:.1f}"
                )


def _within_budget(reads: Sequence[float], began: Sequence[float], budget: float) -> Iterable[str]:
    """I6, in every window; the first breach is told. A life begins with a second's worth in hand."""
    first = 0
    for last, at in enumerate(reads):
        while reads[first] <= at - WINDOW:
            first += 1
        lives = 1 + sum(at - WINDOW <= each <= at for each in began)
        if last - first + 1 > budget * WINDOW + budget * lives + 1:
            return [f"{last - first + 1} reads in the {WINDOW:.0f} s before {at:.1f}"]
    return []


def _fresh(pipeline: str, reads: Sequence[float], promise: Promise) -> Iterable[str]:
    """I7: but for when readings may be late, none is older than promised."""
    if not any(at >= promise.calm_from for at in reads) and promise.calm_from < inf:
        yield f"{pipeline} was not read once nothing failed any more"
    judged = sorted(reads) if promise.late is not None else [at for at in sorted(reads) if at >= promise.calm_from]
    ends = [] if promise.until is None else [promise.until]
    for before, after in pairwise([*judged, *ends]):
        if after - before - _overlap(promise.late or (), before, after) > promise.oldest:
            yield f"{pipeline} was not read for {after - before:.1f} s, at {after:.1f}"


def _overlap(spans: Iterable[tuple[float, float]], since: float, until: float) -> float:
    """Seconds of this time that lie in any of the spans."""
    seconds = 0.0
    for begin, end in sorted(spans):
        since = max(since, begin)
        if (stretch := min(end, until) - since) > 0:
            seconds, since = seconds + stretch, since + stretch
    return seconds


def _drained(wrote: Sequence[float], promise: Promise) -> Iterable[str]:
    """I8."""
    late = [at for at in wrote if at > promise.calm_from + promise.drained_within]
    if late:
        yield f"Slack was still told something {late[-1] - promise.calm_from:.0f} s after nothing failed any more"
