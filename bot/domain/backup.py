"""Scheduled messages: Slack posts them at their time, unless the bot deletes them before. Pure.

They speak when the bot cannot. `reconcile` compares the messages that should be scheduled with those that are.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.catalogue import Pipeline
from bot.domain.episode import EpisodeKind
from bot.domain.watch import ChannelId, Target

SILENCE = "silence"
"""The key of the dead man's switch."""
ORPHAN = "orphan"
"""The key of a message that Slack has and the bot does not know: nothing wants it."""
UNDELETABLE = timedelta(seconds=65)
"""Slack deletes nothing within 60 s of its time. Five more for the call."""
SHORTEST_WAIT = timedelta(seconds=15)
"""A message that is due sooner is not scheduled: Slack refuses a time in the past."""
WARNING_AFTER = timedelta(minutes=10)
"""How far ahead the dead man's switch posts its message."""
POSTPONE_BELOW = timedelta(minutes=6)
"""The bot postpones the dead man's switch when it is nearer than this: every 4 minutes, in two calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceWarning:
    """The dead man's switch: the bot has given no sign of life."""

    since: datetime
    """When the bot last confirmed that it reads and delivers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateStep:
    """One step of one page, or its end: the people to notify in place of the bot."""

    pipeline: Pipeline
    kind: EpisodeKind
    end_of_run: str = ""
    """How the run ended that made it a failure. Empty for another problem."""
    since: datetime
    """When the problem began, or was first read."""
    due_at: datetime
    targets: tuple[Target, ...] = ()
    """Empty: nobody has answered any step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationBackup:
    """The steps of pages that the bot could not deliver, in one channel."""

    steps: tuple[LateStep, ...]


BackupContent = SilenceWarning | EscalationBackup


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRow:
    """A message that Slack will post, or has posted, and that the bot scheduled or found."""

    id: str
    """Slack's id of it."""
    key: str
    """What the message is for. Two messages with one key replace each other."""
    channel: ChannelId
    post_at: datetime
    made_at: datetime
    fingerprint: str = ""
    """Two messages with one key and different fingerprints say different things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedMessage:
    """A message that should be scheduled. One that is posted from `not_before` to `post_at` serves as well."""

    key: str
    channel: ChannelId
    post_at: datetime
    not_before: datetime
    content: BackupContent
    fingerprint: str = ""

    def is_served_by(self, row: ScheduledRow) -> bool:
        same = (row.key, row.channel, row.fingerprint) == (self.key, self.channel, self.fingerprint)
        return same and self.not_before <= row.post_at <= self.post_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What one part of the bot wants scheduled."""

    messages: Sequence[WantedMessage] = ()
    held: Collection[str] = field(default_factory=frozenset)
    """Messages with these keys stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What to do. A message is deleted only after its successor is stored, so never in the same step."""

    schedule: tuple[WantedMessage, ...] = ()
    delete: tuple[ScheduledRow, ...] = ()
    over: tuple[ScheduledRow, ...] = ()
    """Slack has posted these."""


def reconcile(wanted: Wanted, rows: Sequence[ScheduledRow], now: datetime) -> Reconciliation:
    """Compares levels, not changes, so a step that a crash cut off is simply done again."""
    pending = [row for row in rows if row.post_at > now]
    serving_ids, schedule, waiting = set[str](), list[WantedMessage](), set(wanted.held)
    for message in wanted.messages:
        serving = [row for row in pending if message.is_served_by(row)]
        if serving:
            serving_ids.add(max(serving, key=lambda row: (row.post_at, row.id)).id)
        elif message.post_at - now >= SHORTEST_WAIT:
            schedule.append(message)
            waiting.add(message.key)
    superseded = [row for row in pending if row.id not in serving_ids and row.key not in waiting]
    return Reconciliation(
        schedule=tuple(sorted(schedule, key=lambda message: (message.key != SILENCE, message.post_at))),
        delete=tuple(row for row in superseded if row.post_at - now >= UNDELETABLE),
        over=tuple(row for row in rows if row.post_at <= now),
    )


def silence_warning(channel: ChannelId, now: datetime) -> WantedMessage:
    """The dead man's switch of a bot that reads and delivers now."""
    return WantedMessage(
        key=SILENCE,
        channel=channel,
        post_at=now + WARNING_AFTER,
        not_before=now + POSTPONE_BELOW,
        content=SilenceWarning(since=now),
    )
