"""Claims: which lane goes first where several want the same call to Slack."""

import pytest

from bot.delivery.claims import CLAIM_SECONDS, Claims, Rank
from bot.delivery.rate_limiter import RateLimiter
from bot.domain.delivery import Lane, LaneKind, Priority, in_slack
from bot.domain.watch import ChannelId
from bot.ports.rate_limits import Method
from bot.slack.outbound.limits import SLACK_LIMITS
from tests.builders import ALERTS, TEAM, at
from tests.fakes import FakeClock

POST, HISTORY = Method.POST, Method.HISTORY
PAGES, FEED = Lane(LaneKind.PAGES, in_slack(TEAM, ALERTS)), Lane(LaneKind.FEED, in_slack(TEAM, ALERTS))
ELSEWHERE = Lane(LaneKind.PAGES, in_slack(TEAM, ChannelId("C0OTHER")))


def rank(lane: Lane, priority: Priority = Priority.FAILURE, seconds: int = 0) -> Rank:
    return Rank(False, priority, at(seconds), lane.name)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def claims(clock: FakeClock) -> Claims:
    return Claims(clock)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (rank(PAGES, Priority.PAGE, 9), rank(ELSEWHERE, Priority.FAILURE, 0)),
        (rank(PAGES, Priority.FAILURE, 9), rank(FEED, Priority.RECOVERY, 0)),
        (rank(ELSEWHERE, Priority.FAILURE, 0), rank(PAGES, Priority.FAILURE, 9)),
        (rank(ELSEWHERE), rank(PAGES, Priority.FAILURE, 0))
        if ELSEWHERE.name < PAGES.name
        else (rank(PAGES), rank(ELSEWHERE)),
    ],
    ids=["a page before a failure", "a failure before the feed", "the older one", "the lane's name"],
)
def test_claims_follow_the_order_of_priority(claims: Claims, first: Rank, second: Rank) -> None:
    lanes = {lane.name: lane for lane in (PAGES, FEED, ELSEWHERE)}
    claims.make(lanes[second.lane], POST, second)
    claims.make(lanes[first.lane], POST, first)
    assert claims.seconds_until_first(lanes[first.lane], POST, first) == 0
    assert claims.seconds_until_first(lanes[second.lane], POST, second) == CLAIM_SECONDS


def test_a_claim_counts_for_its_method_alone_and_until_it_is_withdrawn(claims: Claims) -> None:
    claims.make(PAGES, POST, rank(PAGES))
    assert claims.seconds_until_first(FEED, HISTORY, rank(FEED, Priority.UPDATE)) == 0
    claims.withdraw(PAGES)
    assert claims.seconds_until_first(FEED, POST, rank(FEED, Priority.UPDATE)) == 0


def test_a_claim_that_is_not_renewed_runs_out(claims: Claims, clock: FakeClock) -> None:
    claims.make(PAGES, POST, rank(PAGES))
    clock.seconds += CLAIM_SECONDS
    assert claims.seconds_until_first(FEED, POST, rank(FEED, Priority.UPDATE)) == 0


def test_a_lane_keeps_the_best_of_its_claims(claims: Claims) -> None:
    for priority in (Priority.FAILURE, Priority.PAGE, Priority.FAILURE):
        claims.make(PAGES, POST, rank(PAGES, priority))
    assert claims.seconds_until_first(ELSEWHERE, POST, rank(ELSEWHERE, Priority.PAGE, -1)) == 0
    assert claims.seconds_until_first(ELSEWHERE, POST, rank(ELSEWHERE, Priority.PAGE, 1)) > 0


@pytest.mark.parametrize("away", [True, False])
def test_while_slack_is_away_the_one_call_is_that_of_the_first_in_rank(clock: FakeClock, *, away: bool) -> None:
    """While it answers, channels go their own ways."""
    limiter = RateLimiter(clock, SLACK_LIMITS)
    for _ in range(2 if away else 1):
        limiter.record_no_answer(POST)
    clock.seconds += 60
    waiting = [PAGES, ELSEWHERE, FEED]
    ranks = {PAGES: rank(PAGES, seconds=5), ELSEWHERE: rank(ELSEWHERE), FEED: rank(FEED, Priority.UPDATE)}
    for lane in waiting:
        limiter.claims.make(lane, POST, ranks[lane])
    free = [lane for lane in waiting if limiter.ranked_wait(lane, POST, ranks[lane]) == 0]
    assert free == [ELSEWHERE] if away else set(free) == set(waiting)
