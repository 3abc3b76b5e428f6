"""What the failures of a group have in common, as far as their logs were read. Pure."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bot.domain.causes import UNKNOWN, Cause, cause_named
from bot.domain.diagnosis import Diagnosis
from bot.domain.episode import Episode

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCause:
    """The cause of more than half of the failures, and of two at least."""

    cause: Cause
    """`UNKNOWN` if the same error, of which the bot does not know the cause, stands in each of the logs."""
    diagnosis: Diagnosis
    """Of the first failure with this cause: its error stands for those of the others."""
    alike: int
    """How many failures have the cause."""
    total: int
    unread: int
    """How many failures have no error that the bot could read, or not yet: they may have the cause too."""

    @property
    def of_all(self) -> bool:
        return self.alike == self.total


def shared_cause(episodes: Sequence[Episode]) -> SharedCause | None:
    """The cause that most of these failures share; None if there is none. An unread log speaks for no cause."""
    found = [diagnosis for episode in episodes if (diagnosis := episode.latest_diagnosis) and diagnosis.cause]
    known = [diagnosis for diagnosis in found if cause_named(diagnosis.cause) is not UNKNOWN]
    slug = _most_common(diagnosis.cause for diagnosis in known)
    alike = [diagnosis for diagnosis in known if diagnosis.cause == slug]
    if not _is_most(alike, episodes):
        error = _most_common(diagnosis.fingerprint for diagnosis in found if diagnosis.fingerprint)
        alike = [diagnosis for diagnosis in found if error and diagnosis.fingerprint == error]
    if not _is_most(alike, episodes):
        return None
    return SharedCause(
        cause=cause_named(alike[0].cause),
        diagnosis=alike[0],
        alike=len(alike),
        total=len(episodes),
        unread=len(episodes) - len(found),
    )


def _is_most(alike: Sequence[Diagnosis], episodes: Sequence[Episode]) -> bool:
    return len(alike) >= 2 and len(alike) * 2 > len(episodes)


def _most_common(values: Iterable[T]) -> T | None:
    return next((value for value, _ in Counter(values).most_common(1)), None)
