"""Telemetry: frozen records of events, and `emit`, which hands each record to every subscriber.

The other files of this package define the records, one file per part of the bot. A log line has the event's name and
the record's fields. Subscribers live in `bot.telemetry`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, TypeVar, dataclass_transform

R = TypeVar("R", bound="EventRecord")


class Level(StrEnum):
    """How much an event matters to an operator."""

    DEBUG = "debug"
    """Too frequent for a log; the metrics count it."""
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event. A field that is None does not apply; `exception` holds the cause of a crash."""

    event: ClassVar[str]
    level: ClassVar[Level]


Subscriber = Callable[[EventRecord], None]

RECORDS: dict[str, type[EventRecord]] = {}
"""Every kind of record, by its event's name."""
_subscribers: list[Subscriber] = []


@dataclass_transform(frozen_default=True, kw_only_default=True)
def event(name: str, level: Level) -> Callable[[type[R]], type[R]]:
    """Makes a class a frozen record of the event `name`."""

    def record(cls: type[R]) -> type[R]:
        made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        made.event, made.level = name, level
        if RECORDS.setdefault(name, made) is not made:
            raise ValueError(f"two records have the name {name}")
        return made

    return record


def emit(record: EventRecord) -> None:
    """Hands the record to every subscriber, in the order of their subscription."""
    for subscriber in tuple(_subscribers):
        subscriber(record)


def subscribe(subscriber: Subscriber) -> None:
    """Hands every later record to `subscriber`, once even if it subscribes twice."""
    if subscriber not in _subscribers:
        _subscribers.append(subscriber)


@contextmanager
def subscribed(subscriber: Subscriber) -> Iterator[None]:
    """Hands every record to `subscriber` until the block ends."""
    _subscribers.append(subscriber)
    try:
        yield
    finally:
        _subscribers.remove(subscriber)
