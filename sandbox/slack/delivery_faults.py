"""What can go wrong between Slack and the bot: payloads that come twice, later again, out of order, or not at all."""

from dataclasses import dataclass
from enum import StrEnum


class DeliveryFaultKind(StrEnum):
    TWICE = "twice"
    """Each payload comes twice at once: the same envelope down the sockets, the same request by HTTP."""
    AGAIN = "again"
    """Each payload comes once more `seconds` later, acknowledged or not: in a new envelope, with the same ids."""
    OUT_OF_ORDER = "out_of_order"
    """Each payload waits for the next to overtake it, `seconds` at most."""
    REFRESH_MID_ACK = "refresh_mid_ack"
    """The socket that carried a payload is closed (`refresh_requested`) before its acknowledgement is read."""
    DEAF = "deaf"
    """The sockets that stand open swallow everything and answer nothing, not even a ping; new ones work."""
    ONE_DEAF = "one_deaf"
    """The same, of the oldest socket alone."""


DEAFENING = frozenset({DeliveryFaultKind.DEAF, DeliveryFaultKind.ONE_DEAF})

DEFAULT_SECONDS = {DeliveryFaultKind.AGAIN: 60.0, DeliveryFaultKind.OUT_OF_ORDER: 2.0}


@dataclass(slots=True, kw_only=True)
class DeliveryFault:
    kind: DeliveryFaultKind
    seconds: float | None = None
    times: int | None = None
    """How many payloads it still strikes; None for all."""

    @property
    def wait(self) -> float:
        return DEFAULT_SECONDS.get(self.kind, 0.0) if self.seconds is None else self.seconds


class DeliveryFaults:
    """At most one of each kind."""

    def __init__(self) -> None:
        self._by_kind: dict[DeliveryFaultKind, DeliveryFault] = {}

    def set(self, delivery_fault: DeliveryFault) -> None:
        self._by_kind[delivery_fault.kind] = delivery_fault

    def end(self, kind: DeliveryFaultKind) -> None:
        self._by_kind.pop(kind, None)

    def clear(self) -> None:
        self._by_kind.clear()

    def take(self, kind: DeliveryFaultKind) -> DeliveryFault | None:
        delivery_fault = self._by_kind.get(kind)
        if delivery_fault is not None and delivery_fault.times is not None:
            delivery_fault.times -= 1
            if delivery_fault.times <= 0:
                del self._by_kind[kind]
        return delivery_fault

    def active(self) -> list[DeliveryFault]:
        return list(self._by_kind.values())
