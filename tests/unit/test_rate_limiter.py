"""How fast Slack is spoken to, and what becomes of that while it does not answer."""

from itertools import pairwise

import pytest

from bot.delivery.rate_limiter import LONGEST_PAUSE_SECONDS, RateLimiter
from bot.domain.delivery import Delay, Priority, Receiver, in_slack
from bot.domain.watch import ChannelId
from bot.ports.rate_limits import Method
from bot.slack.outbound.limits import SLACK_LIMITS
from tests.builders import ALERTS as CHANNEL
from tests.builders import TEAM
from tests.fakes import FakeClock

ALERTS, OTHER = in_slack(TEAM, CHANNEL), in_slack(TEAM, ChannelId("C0OTHER"))
POST, HISTORY = Method.POST, Method.HISTORY


def wait(
    limiter: RateLimiter, channel: Receiver = OTHER, method: Method = POST, priority: Priority = Priority.PAGE
) -> float:
    return limiter.wait(channel, method, priority)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def limiter(clock: FakeClock) -> RateLimiter:
    return RateLimiter(clock, SLACK_LIMITS)


def test_one_unanswered_call_delays_no_other(limiter: RateLimiter) -> None:
    limiter.reserve(ALERTS, POST)
    limiter.record_no_answer(POST)
    assert not limiter.away(POST)
    assert wait(limiter) == 0


def test_a_slack_that_is_away_is_tried_by_one_call_at_a_time(limiter: RateLimiter, clock: FakeClock) -> None:
    limiter.record_no_answer(POST)
    limiter.record_no_answer(POST)
    assert limiter.away(POST)
    assert wait(limiter) > 0
    clock.seconds += wait(limiter)
    limiter.reserve(ALERTS, POST)
    assert wait(limiter) == SLACK_LIMITS.call_seconds
    assert wait(limiter, method=HISTORY) == 0


def test_it_is_tried_ever_more_seldom_and_never_too_seldom(limiter: RateLimiter, clock: FakeClock) -> None:
    waits = []
    for _ in range(12):
        limiter.reserve(ALERTS, POST)
        limiter.record_no_answer(POST)
        waits.append(wait(limiter))
        clock.seconds += waits[-1]
    assert all(before <= after for before, after in pairwise(waits))
    assert waits[-1] == LONGEST_PAUSE_SECONDS


def test_an_unfinished_trial_expires(limiter: RateLimiter, clock: FakeClock) -> None:
    limiter.throttle(POST, 30)
    clock.seconds += 30
    limiter.reserve(ALERTS, POST)
    clock.seconds += SLACK_LIMITS.call_seconds
    assert wait(limiter) == 0


def test_an_answer_ends_it_at_once(limiter: RateLimiter, clock: FakeClock) -> None:
    for _ in range(5):
        limiter.record_no_answer(POST)
    limiter.record_answer(POST)
    assert not limiter.away(POST)
    assert wait(limiter) == 0


def test_after_a_429_one_call_goes_first(limiter: RateLimiter, clock: FakeClock) -> None:
    limiter.throttle(POST, 30)
    assert wait(limiter) == 30
    clock.seconds += 30
    assert wait(limiter) == 0
    limiter.reserve(ALERTS, POST)
    assert wait(limiter) == SLACK_LIMITS.call_seconds
    limiter.record_answer(POST)
    assert wait(limiter) == 0


@pytest.mark.parametrize(
    ("priority", "seconds"), [(Priority.PAGE, 0.0), (Priority.FAILURE, 0.0), (Priority.RECOVERY, 1.0)]
)
@pytest.mark.parametrize("method", [POST, HISTORY])
def test_when_a_pause_ends_urgent_messages_have_a_head_start(
    limiter: RateLimiter, clock: FakeClock, method: Method, priority: Priority, seconds: float
) -> None:
    limiter.throttle(method, 30)
    clock.seconds += 30
    assert wait(limiter, method=method, priority=priority) == seconds
    limiter.record_answer(method)
    assert wait(limiter, method=method, priority=priority) == 0


def test_an_answer_does_not_shorten_the_throttle(limiter: RateLimiter) -> None:
    limiter.throttle(POST, 30)
    limiter.record_answer(POST)  # to a call that was under way already
    assert wait(limiter) == 30


@pytest.mark.parametrize(("priority", "seconds"), [(Priority.PAGE, 0), (Priority.FAILURE, 0), (Priority.UPDATE, 1.5)])
def test_the_feed_yields_to_pages_of_its_channel(limiter: RateLimiter, priority: Priority, seconds: float) -> None:
    limiter.claim(ALERTS)
    assert wait(limiter, ALERTS, priority=priority) == seconds
    assert wait(limiter, OTHER, priority=priority) == 0


def test_a_claim_that_is_not_made_again_runs_out(limiter: RateLimiter, clock: FakeClock) -> None:
    limiter.claim(ALERTS)
    clock.seconds += 2
    assert wait(limiter, ALERTS, priority=Priority.UPDATE) == 0


def test_a_channel_hears_one_message_a_second(limiter: RateLimiter, clock: FakeClock) -> None:
    limiter.reserve(ALERTS, POST)
    assert wait(limiter, ALERTS) == SLACK_LIMITS.spacing_seconds
    assert wait(limiter, OTHER) == 0


def test_why_something_was_kept_back_is_known_while_it_matters(limiter: RateLimiter, clock: FakeClock) -> None:
    assert limiter.cause_of_delay(POST, 3600) is None
    limiter.record_no_answer(POST)
    limiter.record_no_answer(POST)
    clock.seconds += 100
    assert limiter.cause_of_delay(POST, 0) is Delay.NOT_REACHED  # it lasts
    limiter.record_answer(POST)
    clock.seconds += 60
    assert limiter.cause_of_delay(POST, 61) is Delay.NOT_REACHED
    assert limiter.cause_of_delay(POST, 59) is None  # a later message is late for another reason
    limiter.throttle(POST, 30)
    assert limiter.cause_of_delay(POST, 1) is Delay.RATE_LIMITED


def test_a_claim_is_barred_after_a_throttle_or_another_message(limiter: RateLimiter, clock: FakeClock) -> None:
    """Between the two the claim is written down, which may take a while."""
    limiter.reserve(ALERTS, POST)
    clock.seconds += 3.0
    assert limiter.blocked_for(ALERTS, POST) == 0
    limiter.record_send(ALERTS, POST)
    clock.seconds += 0.25
    assert limiter.blocked_for(ALERTS, POST) == SLACK_LIMITS.spacing_seconds - 0.25
    assert limiter.blocked_for(OTHER, POST) == limiter.blocked_for(ALERTS, Method.UPDATE) == 0
    limiter.throttle(Method.UPDATE, 7.0)
    assert limiter.blocked_for(ALERTS, Method.UPDATE) == limiter.blocked_for(OTHER, Method.UPDATE) == 7.0
