"""A draft of a postmortem: what the bot knows of one failure, and the questions that only people can answer. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from bot.domain.card import Card
from bot.domain.catalogue import Pipeline
from bot.domain.causes import UNKNOWN, cause_named
from bot.domain.configuration import BEFORE_A_FAILURE, ConfigurationChange, ConfigurationRow
from bot.domain.diagnosis import Diagnosis
from bot.domain.episode import Episode, EpisodeKind, EpisodeOutcome
from bot.domain.note import Guidance

SLOW_ANSWER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmortem:
    """The message with the draft, in the thread of its card. A row of the outbox has all of it."""

    card_key: str
    pipeline: Pipeline
    episode: Episode
    guidance: Guidance
    changes: tuple[ConfigurationChange, ...] = ()
    """Within 24 hours before the failure, and until its end. Oldest first."""
    by_name: str = ""
    """The person who asked for it, as plain text."""
    canvas: str = ""
    """The address of the canvas with the draft. Empty: the message has the draft itself."""

    @property
    def diagnosis(self) -> Diagnosis | None:
        return self.episode.diagnosis


class OpenQuestion(Enum):
    """What the bot can't know."""

    CAUSE = "cause"
    CHANGE = "change"
    NOBODY = "nobody"
    SLOW_ANSWER = "slow_answer"
    REPEATED = "repeated"
    WHAT_HELPED = "what_helped"
    PREVENTION = "prevention"


def is_due(card: Card) -> bool:
    """True if the card's failure has recovered."""
    return card.episode.kind is EpisodeKind.FAILURE and card.episode.outcome is EpisodeOutcome.RECOVERED


def postmortem_of(card: Card, row: ConfigurationRow | None, guidance: Guidance, by_name: str) -> Postmortem:
    """`row`: the pipeline's changes. `guidance`: the notes of now, since the card's own are older."""
    episode = card.episode
    since, until = episode.opened_at - BEFORE_A_FAILURE, episode.closed_at or episode.opened_at
    changes = tuple(change for change in (row.changes if row else ()) if since <= change.at <= until)
    return Postmortem(
        card_key=card.key,
        pipeline=card.pipeline,
        episode=episode,
        guidance=guidance,
        changes=changes,
        by_name=by_name,
    )


def open_questions(postmortem: Postmortem) -> tuple[OpenQuestion, ...]:
    return tuple(_questions(postmortem))


def _questions(postmortem: Postmortem) -> Iterator[OpenQuestion]:
    episode, diagnosis = postmortem.episode, postmortem.diagnosis
    if diagnosis is None or not diagnosis.cause or cause_named(diagnosis.cause) is UNKNOWN:
        yield OpenQuestion.CAUSE
    if any(change.at <= episode.began_at for change in postmortem.changes):
        yield OpenQuestion.CHANGE
    answered = first_answer_at(episode)
    if answered is None and episode.pages:
        yield OpenQuestion.NOBODY
    elif answered and answered - episode.opened_at > SLOW_ANSWER:
        yield OpenQuestion.SLOW_ANSWER
    if episode.times > 1 or (diagnosis and diagnosis.seen):
        yield OpenQuestion.REPEATED
    if diagnosis and diagnosis.fingerprint and postmortem.guidance.on_error is None:
        yield OpenQuestion.WHAT_HELPED
    yield OpenQuestion.PREVENTION


def first_answer_at(episode: Episode) -> datetime | None:
    """When somebody first acknowledged, snoozed or ended the paging."""
    return next((entry.at for entry in episode.timeline if entry.by is not None), None)
