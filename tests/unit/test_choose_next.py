"""While Slack is away, a page on its way keeps the call from less urgent messages. A stuck page does not."""

import random
from typing import Any

import pytest

from bot.delivery.choose_next import NextAction, choose_next, without_alike
from bot.delivery.faults import Faults
from bot.delivery.pending import PendingDelivery
from bot.delivery.rate_limiter import RateLimiter
from bot.domain.card import PostedCard
from bot.domain.delivery import AttemptState, Priority, in_slack
from bot.domain.notice import Notice, NoticeKind
from bot.domain.settlement import Ownership
from bot.domain.watch import ChannelId
from bot.ports.rate_limits import Method
from bot.slack.outbound.limits import SLACK_LIMITS
from tests.builders import TEAM, a_card, a_delivery, at
from tests.fakes import FakeClock

POST, HISTORY = Method.POST, Method.HISTORY
OTHER = in_slack(TEAM, ChannelId("C0ANOTHER"))
NOTICE = PendingDelivery(
    a_delivery(
        "notice",
        Notice(kind=NoticeKind.WATCHING, at=at(0)),
        channel=ChannelId("C0OTHER"),
        priority=Priority.UPDATE,
    ),
    (),
)
TRIED: dict[str, Any] = {"state": AttemptState.SENDING, "count": 1, "lease": "ours", "sent_at": at(0)}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def limiter(clock: FakeClock) -> RateLimiter:
    """Slack was away for the first minute. A post may be tried now."""
    limiter = RateLimiter(clock, SLACK_LIMITS)
    limiter.throttle(POST, 30)
    clock.seconds += 60
    return limiter


def choose(pending: PendingDelivery, clock: FakeClock, limiter: RateLimiter) -> NextAction:
    return choose_next(pending.delivery.lane, [pending], clock.now(), Ownership(at(-60), "ours"), limiter)


def a_page(**attempt: Any) -> PendingDelivery:
    return PendingDelivery(a_delivery(**attempt), (PostedCard(content=a_card(), revision=1),))


@pytest.mark.parametrize(
    "attempt",
    [
        {},
        {"count": 1, "not_before": at(63)},
        {**TRIED},
        {**TRIED, "lookups": 1, "not_before": at(63)},
    ],
    ids=["to send", "to send again soon", "to look up", "to look up again soon"],
)
def test_a_notice_waits_for_a_page_on_its_way(clock: FakeClock, limiter: RateLimiter, attempt: dict[str, Any]) -> None:
    assert choose(NOTICE, clock, limiter).send is NOTICE
    choose(a_page(**attempt), clock, limiter)
    assert choose(NOTICE, clock, limiter).seconds > 0


@pytest.mark.parametrize(
    "attempt", [{**TRIED, "not_before": at(64)}, {**TRIED, "sent_at": at(56)}], ids=["to look up later", "in flight"]
)
def test_a_notice_waits_for_no_page_that_cannot_go_soon(
    clock: FakeClock, limiter: RateLimiter, attempt: dict[str, Any]
) -> None:
    choose(a_page(**attempt), clock, limiter)
    assert choose(NOTICE, clock, limiter).send is NOTICE


def test_a_notice_waits_for_no_page_whose_lookup_is_not_answered(clock: FakeClock, limiter: RateLimiter) -> None:
    for method in (POST, HISTORY):
        for _ in range(6):
            limiter.record_no_answer(method)
        clock.seconds += 8
    choose(a_page(**TRIED), clock, limiter)
    assert choose(NOTICE, clock, limiter).send is NOTICE


@pytest.mark.parametrize("seed", range(200))
def test_an_untried_delivery_behind_its_like_decides_nothing(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    clock = FakeClock()
    ready = [_some_delivery(chance, number) for number in range(chance.randint(1, 12))]
    posts, updates = chance.choice([0, 0, 70, 100]), chance.choice([0, 0, 70, 100])
    ownership = Ownership(at(-60), "ours")

    def decided(*, whole: bool) -> tuple[NextAction, bool]:
        limiter = RateLimiter(clock, SLACK_LIMITS)
        for method, calls in ((POST, posts), (Method.UPDATE, updates)):
            for _ in range(calls):
                limiter.reserve(OTHER, method)
        leading = ready if whole else without_alike(ready, limiter.faults)
        action = choose_next(ready[0].delivery.lane, leading, clock.now(), ownership, limiter)
        return action, limiter.wait(ready[0].delivery.receiver, POST, Priority.UPDATE) > 0

    assert decided(whole=False) == decided(whole=True)


def test_a_long_queue_is_decided_by_its_first_delivery() -> None:
    card = PostedCard(content=a_card(), revision=1)
    ready = [PendingDelivery(a_delivery(f"page-{number}"), (card,)) for number in range(30)]
    tried = PendingDelivery(a_delivery("tried", **TRIED), (card,))
    assert without_alike([*ready, tried], Faults()) == (ready[0], tried)


def _some_delivery(chance: random.Random, number: int) -> PendingDelivery:
    attempt: dict[str, Any] = chance.choice(
        [
            {},
            {},
            {},
            {**TRIED},
            {**TRIED, "sent_at": at(-60)},
            {"count": 1, "not_before": at(chance.randint(-3, 3))},
            {"possible_repeat": True, "checked_at": at(-5)},
        ]
    )
    card = PostedCard(content=a_card(), revision=1, message_id=chance.choice([None, "1.0"]))
    priority = chance.choice([Priority.PAGE, Priority.FAILURE])
    return PendingDelivery(a_delivery(f"row-{number}", priority=priority, **attempt), (card,))
