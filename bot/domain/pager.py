"""The content of a message for an outside pager: PagerDuty, an Apprise address or a Slack workflow.

The fields are stored in Redis, so a new name needs an upgrade of older rows.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.catalogue import Pipeline
from bot.domain.transition import Event


class PagerAction(StrEnum):
    """What the pager should do. The values are part of stored rows, and the words of PagerDuty's Events API."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


class PagingEnd(StrEnum):
    """Why paging ends. The values are part of stored rows."""

    RECOVERED = "recovered"
    RESOLVED = "resolved"  # by a person
    CLOSED = "closed"  # for another reason, for example because the pipeline is gone
    RENEWED = "renewed"
    """The page starts again after an acknowledgement, so the trigger behind this message must notify again.

    Services without incidents skip the message.
    """


class PagerStatus(StrEnum):
    """What a person did to an incident."""

    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerChange:
    """A person acknowledged or resolved an incident at a pager."""

    key: str
    """The incident's deduplication key."""
    status: PagerStatus
    by_name: str
    event_id: str = ""
    """Unique for the event. Empty if the bot asked for the incident."""
    at: datetime | None = None
    """When it happened, by the pager's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagedFailure:
    """One problem that people are paged for."""

    key: str
    """The deduplication key: stable for one episode, at most 255 characters."""
    pipeline: Pipeline
    event: Event = Event.FAILED
    """What happened."""
    end_of_run: str = ""
    """How the run ended that made it a failure: `stopped at block 1,200 of 5,000`. Empty for another problem."""
    since: datetime
    """When it began, or was first read."""
    first_seen: bool = False
    """It began at an unknown time before `since`."""
    card_key: str = ""
    """The key of the card in a channel that this page is shown in."""
    card_link: str = ""
    """The address of the card in Slack; of its channel before the card is posted. Empty: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerEvent:
    """A page, an acknowledgement or an end, for one pager.

    One failure, or several that waited in the lane together: then `key` is the group's key. A page about the bot itself
    has no failures, but a headline.
    """

    action: PagerAction
    key: str
    """The deduplication key: the failure's, or the group's."""
    failures: tuple[PagedFailure, ...] = ()
    headline: str = ""
    """Plain text, for a page about the bot itself."""
    policy: str = ""
    """The name of the escalation policy; empty if the page has none."""
    step: int = 1
    """Which step of the escalation pages now, from 1 on. Counts on in later rounds, and for the last resort."""
    steps: int = 0
    """How many steps a round has. 0: not known, in a row of an older version."""
    last_resort: bool = False
    """All rounds are over, and this is the policy's last resort."""
    by_name: str = ""
    """The person who acknowledged or resolved, as plain text."""
    origin: str = ""
    """The name of the pager at which the person answered: that one needs no message about it."""
    end: PagingEnd = PagingEnd.RECOVERED
    """Only for RESOLVE."""
    drill: bool = False
    """It is a test, and the text says so."""
    counted: bool = False
    """The lane's worker has counted it for the pager's incidents. Nobody else sets it."""
