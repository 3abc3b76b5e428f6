"""Reports a page that a service did not take."""

from bot.domain.delivery import AttemptState, Delivery, Outcome, RefusalKind, Refused, Unknown
from bot.ports.telemetry import emit
from bot.ports.telemetry.delivery import PagerRefused


def reported(delivery: Delivery, outcome: Outcome) -> Outcome:
    if isinstance(outcome, Unknown):
        emit(PagerRefused(delivery=delivery.id, channel=delivery.receiver.name, problem=outcome.detail))
    if isinstance(outcome, Refused) and outcome.kind is not RefusalKind.RATE_LIMITED:
        emit(PagerRefused(delivery=delivery.id, channel=delivery.receiver.name, problem=outcome.error))
    return outcome


def may_repeat(delivery: Delivery) -> bool:
    """True if an earlier attempt may have arrived. `delivery` is the row as written before this attempt."""
    return delivery.attempt.state is AttemptState.SENDING and delivery.attempt.count > 1
