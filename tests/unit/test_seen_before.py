"""Earlier failures with the same error: which count, and how they ended."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.episode import EpisodeKind, EpisodeOutcome
from bot.domain.observation import PipelineId
from bot.domain.past_episodes import PastEpisode
from bot.domain.seen_before import (
    KEPT_FOR_DAYS,
    MOST_OCCURRENCES,
    ErrorHistory,
    Occurrence,
    SeenBefore,
    seen_before,
    with_occurrence,
)
from bot.domain.seen_outcome import with_outcome
from tests.builders import at

HOUR = timedelta(hours=1)
ORDERS, USERS = PipelineId("pipe_orders"), PipelineId("pipe_users")


def failure(hours: float, pipeline_id: PipelineId = ORDERS) -> Occurrence:
    return Occurrence(pipeline_id=pipeline_id, name=pipeline_id.removeprefix("pipe_"), began_at=at(0) + hours * HOUR)


def history(*failures: Occurrence) -> ErrorHistory | None:
    known: ErrorHistory | None = None
    for one in failures:
        known = with_occurrence(known, one)
    return known


def test_a_new_error_was_not_seen_before() -> None:
    assert seen_before(None, failure(0)) is None
    assert seen_before(history(failure(0)), failure(0)) is None


def test_the_latest_earlier_failure_counts() -> None:
    seen = seen_before(history(failure(-50), failure(-24, USERS), failure(0)), failure(0))
    assert seen == SeenBefore(pipeline_id=USERS, name="users", at=at(0) - 24 * HOUR, occurrences=2)


def test_the_same_pipeline_is_not_named() -> None:
    seen = seen_before(history(failure(-24), failure(0)), failure(0))
    assert seen is not None
    assert (seen.pipeline_id, seen.name) == (ORDERS, "")


def test_failures_of_one_outage_are_one_occurrence() -> None:
    known = history(failure(-24), failure(-23.5, USERS), failure(0), failure(0.1, USERS), failure(0.2))
    assert known is not None
    assert [one.began_at for one in known.occurrences] == [at(0) - 24 * HOUR, at(0)]
    seen = seen_before(known, failure(0.2))
    assert seen is not None
    assert (seen.at, seen.occurrences) == (at(0) - 24 * HOUR, 1)


def test_the_newest_failure_may_come_first() -> None:
    known = history(failure(0.2), failure(0), failure(-24))
    assert known is not None
    assert [one.began_at for one in known.occurrences] == [at(0) - 24 * HOUR, at(0) + 0.2 * HOUR]


def test_the_same_failure_again_changes_nothing() -> None:
    known = history(failure(0))
    assert with_occurrence(known, failure(0)) is known


def test_old_failures_go() -> None:
    known = history(failure(-24 * 91), failure(0))
    assert known is not None
    assert len(known.occurrences) == 1
    assert seen_before(history(failure(0)), failure(90 * 24 + 1)) is None


@given(st.lists(st.floats(-3000, 3000)))
def test_a_history_is_bounded_and_in_order(hours: list[float]) -> None:
    known = history(*map(failure, hours))
    times = [one.began_at for one in known.occurrences] if known else []
    assert len(times) <= MOST_OCCURRENCES
    assert times == sorted(times)
    assert all(later - earlier >= HOUR for earlier, later in pairwise(times))
    assert not times or times[-1] - times[0] < KEPT_FOR_DAYS


SEEN = SeenBefore(pipeline_id=ORDERS, name="orders", at=at(0))


def past(opened: float, closed: float | None, outcome: EpisodeOutcome | None = EpisodeOutcome.RECOVERED) -> PastEpisode:
    ended: datetime | None = at(closed) if closed is not None else None
    return PastEpisode(
        kind=EpisodeKind.FAILURE, opened_at=at(opened), closed_at=ended, outcome=outcome if ended else None
    )


@pytest.mark.parametrize(
    ("episodes", "recovered_after"),
    [
        ([past(0, 1500)], 1500),
        ([past(-60, 1500)], 1500),  # it came back within one episode
        ([past(-900, -800), past(0, 1500), past(2000, 2100)], 1500),
        ([past(0, None)], None),
        ([past(0, 1500, EpisodeOutcome.ON_PURPOSE)], None),
        ([past(-900, -800)], None),  # the history has lost it
        ([replace(past(0, 1500), kind=EpisodeKind.DEGRADED)], None),
        ([], None),
    ],
)
def test_the_outcome_follows_from_the_history(episodes: list[PastEpisode], recovered_after: float | None) -> None:
    expected = None if recovered_after is None else timedelta(seconds=recovered_after)
    assert with_outcome(SEEN, episodes).recovered_after == expected


def test_the_history_names_who_acknowledged() -> None:
    episode = replace(past(0, 1500), acknowledged_by="Ann", acknowledged_at=at(60))
    assert with_outcome(SEEN, [episode]).acknowledged_by == "Ann"
