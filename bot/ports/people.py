"""Finds people of the workspace, and keeps user groups."""

from collections.abc import Collection
from enum import StrEnum
from typing import Protocol

from bot.domain.permission import UnknownFact
from bot.domain.watch import Target, UserId


class PeopleLookup(Protocol):
    """Looks up people, with their names. UnknownFact: the chat does not say now, or the bot lacks a scope."""

    async def with_email(self, email: str) -> Target | UnknownFact | None:
        """The person with this e-mail; None if it is nobody who can be paged."""
        ...

    async def member(self, user: UserId) -> Target | UnknownFact | None:
        """The person with this id; None if it is nobody who can be paged, such as a deactivated account."""
        ...


class GroupRefusal(StrEnum):
    """Why the chat did not change the members of a user group. All but AWAY need a person."""

    AWAY = "away"
    NO_SCOPE = "no scope"
    FORBIDDEN = "forbidden"
    """In this workspace, apps and members may not manage user groups."""
    UNPAID = "unpaid"
    """The plan has no user groups."""
    MISSING = "missing"
    """The group does not exist, or is disabled."""
    STRANGERS = "strangers"
    """A person can't be in a group, for example because the account is deactivated."""
    OTHER = "other"


class UserGroups(Protocol):
    """Keeps the members of user groups."""

    async def members(self, group: str) -> frozenset[UserId] | GroupRefusal:
        """The people in this group."""
        ...

    async def set_members(self, group: str, people: Collection[UserId]) -> GroupRefusal | None:
        """Makes these people the group. `people` is never empty: no group can be. None: done."""
        ...
