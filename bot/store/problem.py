"""What is wrong with a store, for the operator."""

from dataclasses import dataclass
from enum import Enum


class Weight(Enum):
    """How much a problem matters."""

    FATAL = "fatal"  # the bot cannot run until somebody fixes it
    WAITS = "waits"  # it may pass by itself, so the bot waits
    WEAK = "weak"  # the bot runs, but may lose data


@dataclass(frozen=True, slots=True)
class Problem:
    """An obstacle in a Redis, for the operator."""

    subject: str
    """What was checked, such as `Store durability`."""
    weight: Weight
    text: str
    fix: str
    """What the operator can do."""
