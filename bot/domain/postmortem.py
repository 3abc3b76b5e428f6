"""A draft of a postmortem: what the bot knows of one failure, and the questions that only people can answer. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from bot.domain.card import Card
from bot.domain.catalogue import Pipeline
from bot.domain.causes import UNKNOWN, cause_named
from bot.domain.configuration import BEFORE_A_FAILURE, ConfigurationChange, ConfigurationRow
from bot.domain.diagnosis import Diagnosis
from bot.domain.episode import ENTRIES_KEPT, Episode, EpisodeKind, EpisodeOutcome
from bot.domain.note import Guidance
from bot.domain.observation import PipelineId
from bot.domain.receipt import MessageForm, Receipt, ReceiptRow
from bot.domain.shared_cause import shared_cause
from bot.domain.watch import Target, TargetKind

SLOW_ANSWER = timedelta(minutes=10)
MOST_MEMBERS = 20
ONE_CALL = timedelta(minutes=1)  # a card with a mention and the direct messages beside it


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMember:
    """One failure of a group, in the draft about all of them."""

    name: str
    opened_at: datetime
    closed_at: datetime | None
    outcome: EpisodeOutcome | None
    changes: tuple[ConfigurationChange, ...] = ()
    """As `Postmortem.changes`."""
    is_compared: bool = False
    """`changes` has all until its failure (`Diagnosis.compared_since`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMade:
    """A page that arrived, and the people and pagers that it called."""

    at: datetime
    targets: tuple[Target, ...]


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
    members: tuple[GroupMember, ...] = ()
    """Of a group: its first failures, at most `MOST_MEMBERS`. Then `episode` is `joint_episode`."""
    total: int = 1
    """How many failures the draft is about."""
    alike: int = 1
    """How many of them have the error of `diagnosis`."""
    calls: tuple[CallMade, ...] = ()
    """Oldest first. Empty too if the bot kept no receipts."""

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


def is_group_due(cards: Sequence[Card]) -> bool:
    """True if no failure of the group goes on, and one has recovered."""
    return any(map(is_due, cards)) and not any(card.episode.open for card in cards)


def postmortem_of(
    card: Card,
    row: ConfigurationRow | None,
    guidance: Guidance,
    by_name: str,
    receipts: Iterable[ReceiptRow] = (),
) -> Postmortem:
    """`row`: the pipeline's changes. `guidance`: the notes of now, since the card's own are older."""
    episode = card.episode
    changes = _changes_around(episode, row)
    return Postmortem(
        card_key=card.key,
        pipeline=card.pipeline,
        episode=episode,
        guidance=guidance,
        changes=changes,
        by_name=by_name,
        calls=calls_of(episode, receipts),
    )


def calls_of(episode: Episode, rows: Iterable[ReceiptRow]) -> tuple[CallMade, ...]:
    """The calls within a failure, by the receipts of the messages that brought them. Oldest first.

    A pager's receipts don't say whether they were for a page or for its end, so only the first one counts.
    """
    known = dict.fromkeys(target for page in episode.pages for target in page.notified)
    named = {(target.label or target.identity): target for target in known}
    of_pager = {target.id: target for target in known if target.kind is TargetKind.PAGER}
    calls: list[CallMade] = []
    for row in sorted((row for row in rows if isinstance(row, Receipt)), key=lambda row: row.at):
        if row.refused or not episode.opened_at <= row.at <= (episode.closed_at or row.at):
            continue
        if row.form is MessageForm.PAGER:
            pager = of_pager.pop(row.conversation.partition(":")[2], None)
            targets = [pager] if pager else []
        else:
            targets = [named[name] for name in row.paged if name in named]
        if calls and row.at - calls[-1].at < ONE_CALL:
            together = tuple(dict.fromkeys([*calls[-1].targets, *targets]))
            calls[-1] = replace(calls[-1], targets=together)
        elif targets:
            calls.append(CallMade(at=row.at, targets=tuple(targets)))
    return tuple(calls[:ENTRIES_KEPT])


def _changes_around(episode: Episode, row: ConfigurationRow | None) -> tuple[ConfigurationChange, ...]:
    since, until = episode.opened_at - BEFORE_A_FAILURE, episode.closed_at or episode.opened_at
    return tuple(change for change in (row.changes if row else ()) if since <= change.at <= until)


def first_failures(cards: Iterable[Card]) -> list[Card]:
    """Each pipeline's latest failure in the group, in the order in which they failed."""
    latest = {card.pipeline.id: card for card in sorted(cards, key=lambda card: card.episode.opened_at)}
    return sorted(latest.values(), key=lambda card: (card.episode.opened_at, card.pipeline.name.lower()))


def leading_failure(cards: Sequence[Card]) -> Card:
    """The first failure with the error that most of them share, or else the first one."""
    shared = shared_cause([card.episode for card in cards])
    alike = (card for card in cards if shared and card.episode.diagnosis == shared.diagnosis)
    return next(alike, cards[0])


def group_postmortem_of(
    cards: Sequence[Card],
    rows: Mapping[PipelineId, ConfigurationRow | None],
    guidance: Guidance,
    by_name: str,
    receipts: Iterable[ReceiptRow] = (),
) -> Postmortem:
    """`cards`: as by `first_failures`. `rows` and `receipts`: of the first `MOST_MEMBERS` pipelines."""
    members = tuple(
        GroupMember(
            name=card.pipeline.name,
            opened_at=card.episode.opened_at,
            closed_at=card.episode.closed_at,
            outcome=card.episode.outcome,
            changes=_changes_around(card.episode, rows.get(card.pipeline.id)),
            is_compared=bool((found := card.episode.latest_diagnosis) and found.compared_since),
        )
        for card in cards[:MOST_MEMBERS]
    )
    shared = shared_cause([card.episode for card in cards])
    leading = leading_failure(cards)
    episode = joint_episode([card.episode for card in cards], shared.diagnosis if shared else None)
    return Postmortem(
        card_key=leading.key,
        pipeline=leading.pipeline,
        episode=episode,
        guidance=guidance,
        changes=tuple(change for member in members for change in member.changes),
        by_name=by_name,
        members=members,
        total=len(cards),
        alike=shared.alike if shared else 0,
        calls=calls_of(episode, receipts),
    )


def joint_episode(episodes: Sequence[Episode], diagnosis: Diagnosis | None) -> Episode:
    """The failures of a group as one: from the first failure to the last end, with what people did.

    An action that a person takes for many failures within a minute counts once. One page lists all targets of
    the pages.
    """
    entries = sorted((entry for episode in episodes for entry in episode.timeline if entry.by), key=lambda one: one.at)
    actions = {(entry.by, entry.events, entry.at.replace(second=0, microsecond=0)): entry for entry in entries}
    answers = [episode.acknowledged for episode in episodes if episode.acknowledged]
    ends = [episode.resolved for episode in episodes if episode.resolved]
    pages = [page for episode in episodes for page in episode.pages]
    notified = tuple(dict.fromkeys(target for page in pages for target in page.notified))
    return replace(
        episodes[0],
        opened_at=min(episode.opened_at for episode in episodes),
        closed_at=max(episode.closed_at or episode.opened_at for episode in episodes),
        timeline=tuple(actions.values())[:ENTRIES_KEPT],
        acknowledged=min(answers, key=lambda answer: answer.at, default=None),
        resolved=min(ends, key=lambda answer: answer.at, default=None),
        first_seen=any(episode.first_seen for episode in episodes),
        pages=tuple(replace(page, notified=notified) for page in pages[:1]),
        times=max(episode.times for episode in episodes),
        latest_began_at=None,
        cards={},
        paged={},
        diagnosis=diagnosis,
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
