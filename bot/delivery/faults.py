"""Tells a message that cannot be sent from a service that is away: one must not hold up the messages of all lanes."""

from dataclasses import dataclass, field

from bot.domain.delivery import Delivery, Outcome, Unknown

AT_FAULT_AFTER = 3  # unanswered attempts in a row, each after an answered lookup


@dataclass(slots=True)
class Faults:
    """Counts each message's attempts that got no answer although the lookup before them did.

    So the service works, but perhaps not with this message. A restart forgets that.
    """

    _attempts: dict[str, int] = field(default_factory=dict)
    """By the delivery's id."""

    def record(self, sending: Delivery, outcome: Outcome) -> None:
        """`sending`: the row as written before the call."""
        looked_up = sending.attempt.uncertain and not sending.attempt.possible_repeat
        if isinstance(outcome, Unknown) and looked_up:
            self._attempts[sending.id] = self._attempts.get(sending.id, 0) + 1
        else:
            self.forget(sending)

    def forget(self, delivery: Delivery) -> None:
        self._attempts.pop(delivery.id, None)

    def __contains__(self, delivery: Delivery) -> bool:
        return self._attempts.get(delivery.id, 0) >= AT_FAULT_AFTER
