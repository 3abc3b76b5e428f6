"""Finds people of the workspace, and keeps user groups."""

from collections.abc import Collection
from typing import Protocol

from bot.domain.permission import UnknownFact
from bot.domain.schedule_messages import GroupRefusal
from bot.domain.watch import Target, UserId


class PeopleLookup(Protocol):
    """Looks up people, with their names. UnknownFact: the chat does not say now, or the bot lacks a scope."""

    async def with_email(self, email: str) -> Target | UnknownFact | None:
        """The person with this e-mail; None if it is nobody who can be paged."""
        ...

    async def member(self, user: UserId) -> Target | UnknownFact | None:
        """The person with this id; None if it is nobody who can be paged, such as a deactivated account."""
        ...


class GroupLookup(Protocol):
    """Looks up user groups."""

    async def is_missing(self, group: str) -> bool | UnknownFact:
        """True if the group is disabled, or if there is none with this id."""
        ...


class UserGroups(Protocol):
    """Keeps the members of user groups."""

    async def members(self, group: str) -> frozenset[UserId] | GroupRefusal:
        """The people in this group."""
        ...

    async def set_members(self, group: str, people: Collection[UserId]) -> GroupRefusal | None:
        """Makes these people the group. `people` is never empty: no group can be. None: done."""
        ...
