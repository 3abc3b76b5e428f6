"""Which message is at fault itself: one that gets no answer again and again, although its lookups do."""

import pytest

from bot.delivery.faults import AT_FAULT_AFTER, Faults
from bot.domain.delivery import Delivery, Outcome, Posted, RefusalKind, Refused, Unknown
from tests.builders import a_delivery

NO_ANSWER = Unknown("timeout")
LOOKED_UP = a_delivery(uncertain=True)
IN_VAIN = [(LOOKED_UP, NO_ANSWER)] * AT_FAULT_AFTER


@pytest.mark.parametrize(
    ("attempts", "at_fault"),
    [
        (IN_VAIN, True),
        (IN_VAIN[1:], False),
        ([(a_delivery(), NO_ANSWER)] * 9, False),
        ([(a_delivery(uncertain=True, possible_repeat=True), NO_ANSWER)] * 9, False),
        ([(LOOKED_UP, Refused(kind=RefusalKind.NOT_SENT, error="no connection"))] * 9, False),
        ([(LOOKED_UP, Refused(kind=RefusalKind.RATE_LIMITED, error="ratelimited"))] * 9, False),
        ([*IN_VAIN, (a_delivery(uncertain=True, possible_repeat=True), NO_ANSWER)], False),
        ([*IN_VAIN, (LOOKED_UP, Posted("1.0"))], False),
    ],
    ids=[
        "no answer, but answered lookups",
        "not often enough",
        "never looked up",
        "lookups without an answer too",
        "no connection",
        "throttled",
        "then a lookup without an answer",
        "then posted",
    ],
)
def test_a_message_is_at_fault_if_only_its_posts_get_no_answer(
    attempts: list[tuple[Delivery, Outcome]], at_fault: bool
) -> None:
    faults = Faults()
    for sending, outcome in attempts:
        faults.record(sending, outcome)
    assert (LOOKED_UP in faults) is at_fault


def test_the_fault_ends_with_the_delivery() -> None:
    faults = Faults()
    for sending, outcome in IN_VAIN:
        faults.record(sending, outcome)
    faults.forget(LOOKED_UP)
    assert LOOKED_UP not in faults
