"""Decides who may do what, for every command and every button. Pure.

Anyone may ask about pipelines, and acknowledge a card in their conversation. To change a channel's watches, a person
must be in the channel and a full member of the home workspace. A channel's members may see its watches. If the
channel is public, every full member of the workspace may.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.watch import UserId


class WhoMayWatch(StrEnum):
    """Which members of a channel may change its watches."""

    MEMBERS = "members"
    """Full members of the home workspace: no guests, and no people from another company."""
    EVERYONE = "everyone"


class Broadcast(StrEnum):
    """Who may page `here` and `channel`."""

    MEMBERS = "members"
    """Everyone who may change the channel's watches."""
    NOBODY = "nobody"


class Account(StrEnum):
    """A person's relation to the home workspace."""

    FULL_MEMBER = "full member"
    GUEST = "guest"
    STRANGER = "stranger"
    """From another company, met in a shared channel (Slack Connect)."""
    DEACTIVATED = "deactivated"
    BOT = "bot"
    UNKNOWN = "unknown"
    """Slack does not know this person, or hides them from the bot."""


class UnknownFact(StrEnum):
    """Why the bot does not know a fact. It never counts as a yes."""

    AWAY = "away"
    """Slack does not answer now: the same request may succeed later."""
    NO_SCOPE = "no scope"


class Membership(StrEnum):
    """Whether a person is in a channel."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    """Not in the channel, no such channel, or the bot cannot see it. Answers never say which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The person who asks. `name` is the name shown in Slack; empty if the bot can't read it."""

    id: UserId
    account: Account | UnknownFact
    name: str = ""

    @property
    def is_full_member(self) -> bool:
        return self.account is Account.FULL_MEMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A channel and one person's place in it. `public` is filled in only if the caller asked for it."""

    membership: Membership | UnknownFact
    public: bool = False


class Denial(StrEnum):
    """Why a person may not do something."""

    NO_SUCH_CHANNEL = "no such channel"
    NOT_FULL_MEMBER = "not a full member"
    PERSON_AWAY = "Slack does not say who this is"
    PERSON_NO_SCOPE = "the bot may not read who this is"
    PLACE_AWAY = "Slack does not say who is in the channel"
    PLACE_NO_SCOPE = "the bot may not read who is in the channel"


def unfit_to_change(person: Person, who_may_watch: WhoMayWatch) -> Denial | None:
    """Why this person may not change watches in any channel; None if they may."""
    if who_may_watch is WhoMayWatch.EVERYONE or person.is_full_member:
        return None
    return _unread_person(person) or Denial.NOT_FULL_MEMBER


def unable_to_see(person: Person, place: Place) -> Denial | None:
    """Members see their channel's watches. Full members see those of public channels too."""
    if place.membership is Membership.INSIDE:
        return None
    unread = _unread_person(person) or (outside_of(place) if isinstance(place.membership, UnknownFact) else None)
    if unread:
        return unread
    return None if place.public and person.is_full_member else Denial.NO_SUCH_CHANNEL


def _unread_person(person: Person) -> Denial | None:
    if not isinstance(person.account, UnknownFact):
        return None
    return Denial.PERSON_AWAY if person.account is UnknownFact.AWAY else Denial.PERSON_NO_SCOPE


def outside_of(place: Place) -> Denial | None:
    """Why this person does not count as a member of the channel; None if they do."""
    match place.membership:
        case Membership.INSIDE:
            return None
        case Membership.OUTSIDE:
            return Denial.NO_SUCH_CHANNEL
        case UnknownFact.AWAY:
            return Denial.PLACE_AWAY
        case UnknownFact.NO_SCOPE:
            return Denial.PLACE_NO_SCOPE
