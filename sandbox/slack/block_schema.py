"""The few forms that Block Kit's rules take, put together like building bricks.

A check looks at one value and writes down what is wrong with it, with Slack's words and a JSON pointer to the place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Spot:
    """One value, where it stands, and the list of complaints it shares with all its neighbours."""

    value: Any
    pointer: str
    complaints: list[str] = field(default_factory=list)

    def complain(self, what: str) -> None:
        self.complaints.append(f"{what} [json-pointer:{self.pointer}]")

    def at(self, key: str | int) -> "Spot":
        return Spot(self.value[key], f"{self.pointer}/{key}", self.complaints)


Check = Callable[[Spot], None]


def anything(_: Spot) -> None:
    pass


def flag(spot: Spot) -> None:
    if not isinstance(spot.value, bool):
        spot.complain("must be a boolean")


def number(spot: Spot) -> None:
    if isinstance(spot.value, bool) or not isinstance(spot.value, int):
        spot.complain("must be an integer")


def string(most: int, *, least: int = 1) -> Check:
    def check(spot: Spot) -> None:
        if not isinstance(spot.value, str):
            spot.complain("must be a string")
        elif len(spot.value) < least:
            spot.complain(f"must be more than {least - 1} characters")
        elif len(spot.value) > most:
            spot.complain(f"must be less than {most + 1} characters")

    return check


def one_of(*allowed: str) -> Check:
    def check(spot: Spot) -> None:
        if spot.value not in allowed:
            spot.complain("must be a valid enum value")

    return check


def listed(item: Check, *, most: int, least: int = 1) -> Check:
    def check(spot: Spot) -> None:
        if not isinstance(spot.value, list):
            spot.complain("must provide an array")
            return
        if len(spot.value) > most:
            spot.complain(f"no more than {most} items allowed")
        if len(spot.value) < least:
            spot.complain(f"no fewer than {least} items allowed")
        for place in range(len(spot.value)):
            item(spot.at(place))

    return check


def shape(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these fields and no others."""
    known = {**required, **(optional or {})}

    def check(spot: Spot) -> None:
        if not isinstance(spot.value, dict):
            spot.complain("must provide an object")
            return
        for name in required:
            if spot.value.get(name) is None:
                spot.complain(f"missing required field: {name}")
        for name, value in spot.value.items():
            if name not in known:
                spot.complain(f"invalid additional property: {name}")
            elif value is not None:
                known[name](spot.at(name))

    return check


def by_type(forms: Mapping[str, Check]) -> Check:
    """What it must look like depends on its `type`."""

    def check(spot: Spot) -> None:
        if not isinstance(spot.value, dict):
            spot.complain("must provide an object")
        elif "type" not in spot.value:
            spot.complain("missing required field: type")
        elif not isinstance(spot.value["type"], str) or spot.value["type"] not in forms:
            spot.at("type").complain(f"unsupported type: {spot.value['type']}")
        else:
            forms[spot.value["type"]](spot)

    return check


def exactly_one(first: str, second: str, then: Check) -> Check:
    def check(spot: Spot) -> None:
        then(spot)
        if isinstance(spot.value, dict) and (first in spot.value) == (second in spot.value):
            spot.complain(f"must provide either {first} or {second}")

    return check


def plain_text(most: int) -> Check:
    form = shape({"type": anything, "text": string(most)}, {"emoji": flag})
    return by_type({"plain_text": form})


def mrkdwn_or_plain(most: int) -> Check:
    """`emoji` belongs to plain text only, `verbatim` to mrkdwn only."""
    return by_type(
        {
            "plain_text": shape({"type": anything, "text": string(most)}, {"emoji": flag}),
            "mrkdwn": shape({"type": anything, "text": string(most)}, {"verbatim": flag}),
        }
    )
