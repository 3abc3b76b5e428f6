"""Faults between Slack and the bot: payloads that come twice, late, out of order, or not at all."""

from dataclasses import dataclass
from enum import StrEnum


class DeliveryFaultKind(StrEnum):
    TWICE = "twice"
    """Each payload comes twice: the same envelope through the sockets, or the same request by HTTP."""
    AGAIN = "again"
    """Each payload comes again after `seconds`, even if acknowledged, in a new envelope with the same ids."""
    OUT_OF_ORDER = "out_of_order"
    """Each payload waits up to `seconds` until the next one has overtaken it."""
    REFRESH_MID_ACK = "refresh_mid_ack"
    """The socket that carried a payload is closed (`refresh_requested`) before its acknowledgement is read."""
    DEAF = "deaf"
    """The open sockets lose everything and don't answer a ping. New ones work."""
    ONE_DEAF = "one_deaf"
    """Like DEAF, but only the oldest socket."""


DEAFENING = frozenset({DeliveryFaultKind.DEAF, DeliveryFaultKind.ONE_DEAF})

DEFAULT_SECONDS = {DeliveryFaultKind.AGAIN: 60.0, DeliveryFaultKind.OUT_OF_ORDER: 2.0}


@dataclass(slots=True, kw_only=True)
class DeliveryFault:
    kind: DeliveryFaultKind
    seconds: float | None = None
    times: int | None = None
    """The number of payloads it still affects; None means all."""

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
