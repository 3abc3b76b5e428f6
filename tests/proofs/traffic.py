"""The oracle's other half: judges the bot's calls to Slack and GoldRush by their own logs. Seconds on one clock.

I5: the bot sends one message at a time, and never before Slack allows it. I6: it never reads more than its budget.
I7: while nothing fails, no reading is older than promised. I8: after the last fault, the bot sends the rest in time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

LANES = 2  # pages never wait for the feed, so each lane of a channel may have one message under way
ALMOST = 1e-6
WINDOW = 10.0  # seconds over which reads are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call to Slack by one life of one bot.

    `until` is the time of its answer or of the bot's death. `wait` is the Retry-After of a 429. `log_delay` is the
    longest time by which a stalled log may have recorded the call late.
    """

    life: int
    method: str
    channel: str
    at: float
    until: float
    wait: float = 0.0
    log_delay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """The bot's promises: requests a second (`budget`) and the age of its `oldest` reading.

    At `calm_from` the last change comes and all faults end. The bot sends everything within `drained_within` seconds
    of it. If calm never comes, I8 is not judged.

    `spacing` is Slack's "1 message per second per channel" (https://docs.slack.dev/apis/web-api/rate-limits).
    `jitter` bounds the delay between an event and its log entry. `late` lists the spans in which readings may be
    late; if it is None, they may be late until `calm_from`. `ended` holds the end of each finished life; without it,
    Retry-After across a restart is not judged.
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
    """The end of the log, if known. No reading may be too old at that time either."""


def judge_traffic(
    calls: Iterable[Call],
    reads: Mapping[str, Sequence[float]],
    began: Sequence[float],
    accepted_at: Sequence[float],
    promise: Promise,
) -> list[str]:
    """Returns one sentence per broken promise.

    `reads` holds the read times of each pipeline, `began` the start of each life by number, and `accepted_at` the
    times at which Slack accepted a message.
    """
    by_life: dict[tuple[int, str, str], list[Call]] = {}
    for call in calls:
        by_life.setdefault((call.life, call.method, call.channel), []).append(call)
    return [
        *(fault for calls in by_life.values() for fault in _one_at_a_time(calls, promise)),
        *_waits_obeyed([call for calls in by_life.values() for call in calls], promise.jitter),
        *_waits_obeyed_after_restart([call for calls in by_life.values() for call in calls], began, promise),
        *_within_budget(sorted(at for read in reads.values() for at in read), began, promise.budget),
        *(fault for pipeline, read in reads.items() for fault in _fresh(pipeline, read, promise)),
        *_drained(accepted_at, promise),
    ]


def _one_at_a_time(calls: Sequence[Call], promise: Promise) -> Iterable[str]:
    """I5, for one life in one channel. Log lag may excuse one gap, but never the span of many messages."""
    posts = sorted((call for call in calls if call.method == "post"), key=lambda call: call.at)
    for number, last in enumerate(posts):
        for before in range(number):
            took, least = (
                last.at - posts[before].at + posts[before].log_delay,
                (number - before) * promise.spacing - promise.jitter,
            )
            if took < least:
                yield f"{number - before + 1} messages within {took:.2f} s in {last.channel}, at {last.at:.1f}"
                break
    for post in posts:
        under_way = sum(other.at <= post.at < other.until for other in posts)
        if under_way > LANES:
            yield f"{under_way} messages under way at once in {post.channel}, at {post.at:.1f}"


def _waits_obeyed(calls: Sequence[Call], jitter: float) -> Iterable[str]:
    """I5: the bot waits out a Retry-After. Calls already under way when the 429 came are excused."""
    for throttled in calls:
        if throttled.wait:
            for call in calls:
                same = (call.life, call.method) == (throttled.life, throttled.method)
                if (
                    same
                    and throttled.until + jitter < call.at - call.log_delay
                    and call.at < throttled.until + throttled.wait - ALMOST
                ):
                    yield (
                        f"{call.method} at {call.at:.1f} although Slack asked for {throttled.wait:.0f} s"
                        f" at {throttled.until:.1f}"
                    )


def _waits_obeyed_after_restart(calls: Sequence[Call], began: Sequence[float], promise: Promise) -> Iterable[str]:
    """I5, across a restart: each later life obeys a Retry-After that an earlier one received.

    A life that was already running is not judged, because a bot loads stored throttles only at startup. A 429 just
    before a crash is not judged either, because the bot may not have stored it.
    """
    if promise.ended is None:
        return
    for throttled in calls:
        known = throttled.until + promise.jitter
        if not throttled.wait or promise.ended.get(throttled.life, inf) <= known:
            continue
        for call in calls:
            later = call.method == throttled.method and began[call.life] > known
            if later and call.at < throttled.until + throttled.wait - ALMOST:
                yield (
                    f"{call.method} at {call.at:.1f} by life {call.life} although Slack asked for"
                    f" {throttled.wait:.0f} s in life {throttled.life} at {throttled.until:.1f}"
                )


def _within_budget(reads: Sequence[float], began: Sequence[float], budget: float) -> Iterable[str]:
    """I6, in every window. Returns the first breach. Each life starts with one second's budget in hand."""
    first = 0
    for last, at in enumerate(reads):
        while reads[first] <= at - WINDOW:
            first += 1
        lives = 1 + sum(at - WINDOW <= start <= at for start in began)
        if last - first + 1 > budget * WINDOW + budget * lives + 1:
            return [f"{last - first + 1} reads in the {WINDOW:.0f} s before {at:.1f}"]
    return []


def _fresh(pipeline: str, reads: Sequence[float], promise: Promise) -> Iterable[str]:
    """I7: outside the spans of `late`, no reading is older than promised."""
    if not any(at >= promise.calm_from for at in reads) and promise.calm_from < inf:
        yield f"{pipeline} was not read after the last fault"
    judged = sorted(reads) if promise.late is not None else [at for at in sorted(reads) if at >= promise.calm_from]
    ends = [] if promise.until is None else [promise.until]
    for before, after in pairwise([*judged, *ends]):
        if after - before > promise.oldest:
            excused = _overlap(promise.late or (), before, after)
            if after - before - excused > promise.oldest:
                yield f"{pipeline} was not read for {after - before:.1f} s, {excused:.1f} s excused, at {after:.1f}"


def _overlap(spans: Iterable[tuple[float, float]], since: float, until: float) -> float:
    """Counts the seconds from `since` to `until` that lie in any of the spans."""
    seconds = 0.0
    for begin, end in sorted(spans):
        since = max(since, begin)
        if (stretch := min(end, until) - since) > 0:
            seconds, since = seconds + stretch, since + stretch
    return seconds


def _drained(accepted_at: Sequence[float], promise: Promise) -> Iterable[str]:
    """I8: the bot sends everything within the promised time after the last fault."""
    late = [at for at in accepted_at if at > promise.calm_from + promise.drained_within]
    if late:
        yield f"the bot still posted {late[-1] - promise.calm_from:.0f} s after the last fault"
