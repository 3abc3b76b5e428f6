"""Every input boundary and its share of the inputs. Sockets get fewer, because they cost more than functions."""

from collections.abc import Callable, Coroutine

from tests.fuzz import command_text, goldrush_bodies, goldrush_wire, http_door, socket_mode
from tests.fuzz.tally import Tally

Fuzz = Callable[[int, int, Tally], Coroutine[object, object, None]]

BOUNDARIES: dict[str, Fuzz] = {
    "command text": command_text.fuzz,
    "GoldRush bodies": goldrush_bodies.fuzz,
    "GoldRush answers": goldrush_wire.fuzz,
    "HTTP requests": http_door.fuzz,
    "Socket Mode": socket_mode.fuzz,
}
_PERCENT = {"command text": 30, "GoldRush bodies": 30, "GoldRush answers": 5, "HTTP requests": 15, "Socket Mode": 20}


def shares(inputs: int) -> dict[str, int]:
    """Gives each boundary at least one input. The first boundary gets the rounding remainder."""
    counts = {boundary: max(1, inputs * percent // 100) for boundary, percent in _PERCENT.items()}
    first = next(iter(counts))
    return {**counts, first: counts[first] + max(0, inputs - sum(counts.values()))}
