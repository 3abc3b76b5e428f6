"""How fast Slack is spoken to, and what becomes of that while it does not answer."""

from itertools import pairwise

import pytest

from bot.delivery.rate_limiter import CALL_SECONDS, LONGEST_HOLD_SECONDS, POST_SPACING_SECONDS, Method, RateLimiter
from bot.domain.delivery import Delay, Priority
from bot.domain.watch import ChannelId
from tests.builders import ALERTS
from tests.fakes import FakeClock

OTHER = ChannelId("C0OTHER")
POST, HISTORY = Method.POST, Method.HISTORY


def wait(
    pace: RateLimiter, channel: ChannelId = OTHER, method: Method = POST, priority: Priority = Priority.PAGE
) -> float:
    return pace.wait(channel, method, priority)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def pace(clock: FakeClock) -> RateLimiter:
    return RateLimiter(clock)


def test_one_call_in_vain_holds_nobody_back(pace: RateLimiter) -> None:
    pace.took(ALERTS, POST)
    pace.lost(POST)
    assert not pace.away(POST)
    assert wait(pace) == 0


def test_a_slack_that_is_away_is_tried_by_one_call_at_a_time(pace: RateLimiter, clock: FakeClock) -> None:
    pace.lost(POST)
    pace.lost(POST)
    assert pace.away(POST)
    assert wait(pace) > 0
    clock.seconds += wait(pace)
    pace.took(ALERTS, POST)
    assert wait(pace) == CALL_SECONDS
    assert wait(pace, method=HISTORY) == 0


def test_it_is_tried_ever_more_seldom_and_never_too_seldom(pace: RateLimiter, clock: FakeClock) -> None:
    waits = []
    for _ in range(12):
        pace.took(ALERTS, POST)
        pace.lost(POST)
        waits.append(wait(pace))
        clock.seconds += waits[-1]
    assert all(before <= after for before, after in pairwise(waits))
    assert waits[-1] == LONGEST_HOLD_SECONDS


def test_a_trial_that_nobody_hears_of_again_does_not_hold_the_others_for_ever(
    pace: RateLimiter, clock: FakeClock
) -> None:
    pace.hold(POST, 30)
    clock.seconds += 30
    pace.took(ALERTS, POST)
    clock.seconds += CALL_SECONDS
    assert wait(pace) == 0


def test_an_answer_ends_it_at_once(pace: RateLimiter, clock: FakeClock) -> None:
    for _ in range(5):
        pace.lost(POST)
    pace.answered(POST)
    assert not pace.away(POST)
    assert wait(pace) == 0


def test_after_a_429_one_call_goes_first(pace: RateLimiter, clock: FakeClock) -> None:
    pace.hold(POST, 30)
    assert wait(pace) == 30
    clock.seconds += 30
    assert wait(pace) == 0
    pace.took(ALERTS, POST)
    assert wait(pace) == CALL_SECONDS
    pace.answered(POST)
    assert wait(pace) == 0


def test_an_answer_does_not_shorten_what_slack_asked(pace: RateLimiter) -> None:
    pace.hold(POST, 30)
    pace.answered(POST)  # to a call that was under way already
    assert wait(pace) == 30


@pytest.mark.parametrize(("priority", "seconds"), [(Priority.PAGE, 0), (Priority.FAILURE, 0), (Priority.UPDATE, 1.5)])
def test_the_feed_gives_way_to_what_is_urgent_in_its_channel(
    pace: RateLimiter, priority: Priority, seconds: float
) -> None:
    pace.claim(ALERTS)
    assert wait(pace, ALERTS, priority=priority) == seconds
    assert wait(pace, OTHER, priority=priority) == 0


def test_a_claim_that_is_not_made_again_runs_out(pace: RateLimiter, clock: FakeClock) -> None:
    pace.claim(ALERTS)
    clock.seconds += 2
    assert wait(pace, ALERTS, priority=Priority.UPDATE) == 0


def test_a_channel_hears_one_message_a_second(pace: RateLimiter, clock: FakeClock) -> None:
    pace.took(ALERTS, POST)
    assert wait(pace, ALERTS) == POST_SPACING_SECONDS
    assert wait(pace, OTHER) == 0


def test_why_something_was_kept_back_is_known_while_it_matters(pace: RateLimiter, clock: FakeClock) -> None:
    assert pace.kept_back(POST, 3600) is None
    pace.lost(POST)
    pace.lost(POST)
    clock.seconds += 100
    assert pace.kept_back(POST, 0) is Delay.NOT_REACHED  # it lasts
    pace.answered(POST)
    clock.seconds += 60
    assert pace.kept_back(POST, 61) is Delay.NOT_REACHED
    assert pace.kept_back(POST, 59) is None  # what was made after it is late for another reason
    pace.hold(POST, 30)
    assert pace.kept_back(POST, 1) is Delay.RATE_LIMITED


def test_what_was_taken_up_is_barred_where_slack_or_another_message_came_first(
    pace: RateLimiter, clock: FakeClock
) -> None:
    """Between the two the claim is written down, which may take a while."""
    pace.took(ALERTS, POST)
    clock.seconds += 3.0
    assert pace.barred(ALERTS, POST) == 0
    pace.sends(ALERTS, POST)
    clock.seconds += 0.25
    assert pace.barred(ALERTS, POST) == POST_SPACING_SECONDS - 0.25
    assert pace.barred(OTHER, POST) == pace.barred(ALERTS, Method.UPDATE) == 0
    pace.hold(Method.UPDATE, 7.0)
    assert pace.barred(ALERTS, Method.UPDATE) == pace.barred(OTHER, Method.UPDATE) == 7.0
