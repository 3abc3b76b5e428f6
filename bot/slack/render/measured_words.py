"""The state around a failure in words: what moved before it, and how the destination is. Pure.

A fact stands here only if it says something: no zeros, and nothing that did not move.
"""

from datetime import datetime, timedelta

from bot.domain.diagnosis import Diagnosis
from bot.domain.measurement import Measurement
from bot.slack.mrkdwn import duration, time_of_day
from bot.slack.render.phrases import moment

OLD_PROBE = timedelta(minutes=10)
SAME_PROBE = timedelta(minutes=1)  # an earlier one tells since when; this one, only that it is so
LONG_DELAY = 60.0  # seconds
MANY_PENDING = 100
SHORTEST_PERIOD = timedelta(minutes=4)  # a measurement of just before the failure shows no trend
MOVED = 2.0  # a rate that changed by less is the same to a reader
_HOUR = timedelta(hours=1)


def measured_lines(diagnosis: Diagnosis) -> list[str]:
    """`pending 12 → 48,000 in the last hour`, `delay 41 min`, `destination healthy, probed at 14:03:08`."""
    now, earlier = diagnosis.measured, diagnosis.earlier
    if now and earlier and now.at - earlier.at < SHORTEST_PERIOD:
        earlier = None
    lines = [_pending(now, earlier), _delay(now, earlier), _rate(now, earlier), _errors(now, earlier)] if now else []
    return [line for line in (*lines, health_words(diagnosis)) if line]


def _pending(now: Measurement, earlier: Measurement | None) -> str:
    pending, before = now.pending_records, earlier.pending_records if earlier else None
    if pending is None or pending < MANY_PENDING:
        return ""
    if earlier is None or before is None or not _moved(before, pending):
        return f"{pending:,} records pending"
    return f"pending {before:,} → {pending:,} {_period(earlier, now)}"


def _delay(now: Measurement, earlier: Measurement | None) -> str:
    delay = _seconds(now)
    before = _seconds(earlier) if earlier else None
    if delay is None or delay < LONG_DELAY:
        return ""
    if earlier is None or before is None or not _moved(before, delay):
        return f"delay {duration(delay)}"
    return f"delay {duration(before)} → {duration(delay)} {_period(earlier, now)}"


def _seconds(measurement: Measurement) -> float | None:
    milliseconds = measurement.processing_delay_ms
    return milliseconds / 1000 if milliseconds is not None and milliseconds >= 0 else None


def _rate(now: Measurement, earlier: Measurement | None) -> str:
    rate, before = now.records_per_second, earlier.records_per_second if earlier else None
    if earlier is None or not rate or before is None or max(rate, before) < 1 or not _moved(before, rate):
        return ""  # a worker that failed reads nothing: 0 says no more than FAILED
    return f"rate {_shown_rate(before)} → {_shown_rate(rate)} records/s {_period(earlier, now)}"


def _shown_rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 or rate == 0 else f"{rate:.1f}"


def _moved(before: float, now: float) -> bool:
    low, high = sorted((max(before, 0.0), max(now, 0.0)))
    return high >= MOVED * low and high > low


def _errors(now: Measurement, earlier: Measurement | None) -> str:
    """GoldRush counts since the worker's start, so only the same worker's counts compare."""
    errors = now.normalization_errors
    before = earlier.normalization_errors if earlier and earlier.uid == now.uid else None
    if not errors or before == errors:
        return ""
    if earlier is None or before is None or before > errors:
        return f"normalization errors: {errors:,}"
    return f"normalization errors {before:,} → {errors:,} {_period(earlier, now)}"


def _period(earlier: Measurement, now: Measurement) -> str:
    length = now.at - earlier.at
    near = abs(length - _HOUR) <= timedelta(minutes=5)
    return "in the last hour" if near else f"in the last {duration(length.total_seconds())}"


def health_words(diagnosis: Diagnosis, *, brief: bool = False) -> str:
    """The latest probe of the destination, with its age if it is old. Empty if GoldRush did not say.

    `brief`: without the time of a probe that is not old.
    """
    health = diagnosis.health
    if health is None or health.healthy is None:
        return ""
    state = "healthy" if health.healthy else "*unhealthy*"
    if health.checked_at is None:
        return f"destination {state}; GoldRush doesn't say when it probed it"
    if is_old(health.checked_at, diagnosis.at):
        age = duration((diagnosis.at - health.checked_at).total_seconds())
        return f"destination {state} at its last probe, but that was {age} before"
    since = diagnosis.unhealthy_since
    lasts = since is not None and health.checked_at - since >= SAME_PROBE
    lasting = f" since {moment(since, first_seen=True)}" if since and lasts and not health.healthy else ""
    probed = "" if brief else f", probed at {time_of_day(health.checked_at)}"
    return f"destination {state}{lasting}{probed}"


def is_old(checked_at: datetime, at: datetime) -> bool:
    return at - checked_at > OLD_PROBE
