"""What helped against an error, as somebody noted it: found again by the error's fingerprint. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from bot.domain.episode import Episode, EpisodeKind
from bot.domain.log_lines import without_time_and_level
from bot.domain.setup import Setup, SetupKind, SetupRow

MOST_ERROR_NOTES = 500
LONGEST_ERROR = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedError:
    """An error that people can note something for."""

    fingerprint: str
    line: str
    """The line that says it, as the card shows it: redacted text from outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorNote(SetupRow):
    """The note for one error."""

    kind: ClassVar = SetupKind.ERROR_NOTE
    fingerprint: str
    line: str
    """As in `NotedError`."""
    text: str

    @property
    def id(self) -> str:
        return self.fingerprint

    @property
    def label(self) -> str:
        return self.line

    @property
    def summary(self) -> str:
        return self.text


def noted_error(episode: Episode) -> NotedError | None:
    """The error of a failure. None: the bot found none, or none that it would recognise."""
    diagnosis = episode.diagnosis
    if diagnosis is None or episode.kind is not EpisodeKind.FAILURE or not diagnosis.fingerprint:
        return None
    line = diagnosis.excerpt.error if diagnosis.excerpt else ""
    if not line and diagnosis.health:
        line = diagnosis.health.last_error
    return NotedError(fingerprint=diagnosis.fingerprint, line=without_time_and_level(line)[:LONGEST_ERROR])


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedErrors:
    """The errors of the failures in a thread."""

    different: int
    """How many errors there are."""
    main: NotedError | None = None
    """The only error, or that of more than half of those failures whose error is known."""
    alike: int = 0
    """How many failures have the main error."""


def noted_errors(episodes: Iterable[Episode]) -> NotedErrors:
    errors = [error for episode in episodes if (error := noted_error(episode))]
    number_of = Counter(error.fingerprint for error in errors)
    for fingerprint, alike in number_of.most_common(1):
        if alike * 2 > len(errors):
            main = next(error for error in errors if error.fingerprint == fingerprint)
            return NotedErrors(different=len(number_of), main=main, alike=alike)
    return NotedErrors(different=len(number_of))


def note_on_error(setup: Setup, episode: Episode) -> ErrorNote | None:
    """What somebody noted for the error of this failure."""
    error = noted_error(episode)
    return setup.get(ErrorNote, error.fingerprint) if error else None
