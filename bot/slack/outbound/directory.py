"""Finds users, user groups, channels and direct conversations by name or id."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from enum import Enum
from functools import partial

from bot.domain.permission import UnknownFact
from bot.domain.watch import ChannelId, SuspendReason, TeamId, UserId
from bot.ports.chat import ChatAway
from bot.ports.clock import Clock
from bot.slack.outbound import people
from bot.slack.outbound.calls import SlackClient, call
from bot.slack.outbound.list_items import ListItem, items_in, text_in
from bot.slack.outbound.outcomes import retry_after
from bot.slack.outbound.paged_list import PagedList
from bot.slack.outbound.pagination import read_pages
from bot.slack.outbound.people import Entry, Index, Matches

KEPT_SECONDS = 600.0  # names rarely change, and the lists are Tier 2
NONE_KEPT_SECONDS = 60.0  # after a person grants access or a scope, they soon try again
PAGE = 200
MOST_PAGES_OF_MEMBERSHIPS = 5
_NOBODY = frozenset({"user_not_found", "user_disabled", "user_not_visible", "cannot_dm_bot"})


class Admission(Enum):
    """The bot's place in a channel. It can post only as a MEMBER."""

    MEMBER = "member"
    OUTSIDE = "outside"
    """The bot sees the channel, and may not join it."""
    ARCHIVED = "archived"
    UNSEEN = "unseen"
    """The bot does not see the channel."""


@dataclass(frozen=True, slots=True)
class People:
    """The people and groups with a typed name. `gap` says why the list may be incomplete."""

    matches: Matches
    gap: UnknownFact | None = None


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels with a name. Several if other companies share theirs. `gap` says why some may be missing."""

    ids: tuple[ChannelId, ...]
    gap: UnknownFact | None = None


@dataclass(frozen=True, slots=True)
class _Channel:
    id: ChannelId
    name: str


def _channel(row: ListItem) -> _Channel:
    return _Channel(ChannelId(str(row["id"])), people.normalized(text_in(row, "name")))


@dataclass(frozen=True, slots=True)
class _Direct:
    """A cached direct conversation, until when it counts (monotonic), and Slack's error if it allows none."""

    channel: ChannelId | None
    until: float
    error: str = ""


class Directory:
    """Looks up people, groups, channels and direct conversations in Slack.

    Works without some scopes too. A result then says in `gap` what may be missing.
    """

    def __init__(self, client: SlackClient, clock: Clock, home: TeamId) -> None:
        self._client = client
        self._clock = clock
        self._direct: dict[UserId, _Direct] = {}
        self._opening_locks: defaultdict[UserId, asyncio.Lock] = defaultdict(asyncio.Lock)
        """One lock for each person, so that concurrent callers share one request to Slack."""
        self._open_held_until = float("-inf")
        self._indexed: tuple[Entry, ...] = ()
        self._index = Index()
        person = partial(people.person_in, home=home)
        self._users = PagedList(client, clock, "users.list", "members", person)
        self._groups = PagedList(client, clock, "usergroups.list", "usergroups", people.group_in)
        public = {"exclude_archived": True, "types": "public_channel"}
        both = public | {"types": "public_channel,private_channel"}
        self._channels = PagedList(
            client, clock, "conversations.list", "channels", _channel, arguments=both, narrower=public
        )

    async def named(self, name: str) -> People:
        """The person or group that `@name` means. If none or several match, reads the lists afresh."""
        found = await self._named(name, KEPT_SECONDS)
        return found if len(found.matches.entries) == 1 else await self._named(name, NONE_KEPT_SECONDS)

    async def _named(self, name: str, older_than: float) -> People:
        """If groups are unreadable now, a person's name may also be a group's, so no match is sure."""
        groups = await self._groups.rows(older_than=older_than)
        users = await self._users.rows(older_than=older_than)
        matches = people.matches_for(name, self._index_of(users.rows), Index(groups.rows))
        if groups.gap is UnknownFact.AWAY:
            return People(Matches(matches.entries), UnknownFact.AWAY)
        return People(matches, users.gap or groups.gap)

    def _index_of(self, users: tuple[Entry, ...]) -> Index:
        """Builds the index of a list once, until the list is read again."""
        if users is not self._indexed:
            self._indexed, self._index = users, Index(users)
        return self._index

    async def group(self, group: str) -> Entry | UnknownFact | None:
        """The user group with this id, unless it is disabled."""
        rows = await self._groups.rows(older_than=NONE_KEPT_SECONDS)
        found = next((entry for entry in rows.rows if entry.id == group), None)
        return found or rows.gap

    async def is_missing(self, group: str) -> bool | UnknownFact:
        """True if the group is disabled, or if there is none with this id."""
        found = await self.group(group)
        return found if isinstance(found, UnknownFact) else found is None

    async def channels(self, name: str) -> Channels:
        """Public channels, and private ones that the bot is in."""
        found = await self._channels_named(name, KEPT_SECONDS)
        return found if found.ids else await self._channels_named(name, NONE_KEPT_SECONDS)

    async def _channels_named(self, name: str, older_than: float) -> Channels:
        read = await self._channels.rows(older_than=older_than)
        wanted = people.normalized(name)
        aliases = await self._client.channel_ids.aliases()
        ids = (aliases.stable(channel.id) for channel in read.rows if channel.name == wanted)
        return Channels(tuple(ids), read.gap)

    async def continue_reading(self) -> None:
        """Continues lists that Slack did not return at once."""
        for paged_list in (self._users, self._groups, self._channels):
            await paged_list.continue_reading()

    async def admission(self, channel: ChannelId) -> Admission:
        """What the bot may do in the channel. Joins a public channel if Slack allows it."""
        answer = await call(self._client, "conversations.info", channel=channel)
        if answer.error == "missing_scope" or answer.lost is not None:
            return Admission.MEMBER  # unknown now; if the first message fails, the bot suspends the channel
        found = answer.body.get("channel")
        if not answer.ok or not isinstance(found, dict):
            return Admission.UNSEEN
        if found.get("is_archived"):
            return Admission.ARCHIVED
        if found.get("is_member") or found.get("is_im"):
            return Admission.MEMBER
        joined = await call(self._client, "conversations.join", channel=channel)
        return Admission.MEMBER if joined.ok else Admission.OUTSIDE

    async def posting_obstacle(self, channel: ChannelId) -> SuspendReason | None:
        """Why the bot can't post there. None if no obstacle is known without posting.

        Raises:
            ChatAway: Slack gave no answer.
        """
        answer = await call(self._client, "conversations.info", channel=channel)
        if answer.transient:
            raise ChatAway(f"Slack didn't describe {channel}: {answer.error}")
        found = answer.body.get("channel")
        if answer.error == "channel_not_found":
            return SuspendReason.NOT_FOUND
        if not answer.ok or not isinstance(found, dict):
            return None  # a missing scope or token says nothing about the channel
        if found.get("is_archived"):
            return SuspendReason.ARCHIVED
        if found.get("is_member") or found.get("is_im"):
            return None
        return SuspendReason.NOT_IN_CHANNEL

    async def token_refusal(self) -> str | None:
        """Slack's error code for a refused token. None if Slack accepts the token.

        Raises:
            ChatAway: Slack gave no answer.
        """
        answer = await call(self._client, "auth.test")
        if answer.transient:
            raise ChatAway(f"Slack didn't check the token: {answer.error}")
        return None if answer.ok else answer.error

    async def memberships(self) -> tuple[ChannelId, ...]:
        """The channels that the bot is in, at most 1,000. Empty without the token or a scope.

        Raises:
            ChatAway: Slack gave no answer.
        """
        channels: list[ChannelId] = []
        arguments = {"types": "public_channel,private_channel", "exclude_archived": True, "limit": PAGE}
        async for answer, _ in read_pages(
            self._client, "users.conversations", arguments, most=MOST_PAGES_OF_MEMBERSHIPS
        ):
            if answer.transient:
                raise ChatAway(f"Slack didn't list my channels: {answer.error}")
            channels += [ChannelId(str(row["id"])) for row in items_in(answer, "channels")]
        aliases = await self._client.channel_ids.aliases()
        return tuple(map(aliases.stable, channels))

    async def direct(self, user: UserId) -> ChannelId | None:
        """The direct conversation of this person and the bot. None if Slack allows none.

        Raises:
            ChatAway: Slack gave no answer.
        """
        async with self._opening_locks[user]:
            cached = self._direct.get(user)
            if cached is None or cached.until <= self._clock.monotonic():
                cached = self._direct[user] = await self._opened(user)
            return cached.channel

    def is_nobody(self, user: UserId) -> bool:
        """True if Slack refused a direct conversation, because nobody can be reached under this id."""
        cached = self._direct.get(user)
        return cached is not None and cached.error in _NOBODY

    async def _opened(self, user: UserId) -> _Direct:
        """Opens the conversation. Makes no call while Slack's rate limit for the method applies."""
        if self._clock.monotonic() < self._open_held_until:
            raise ChatAway(f"Slack is not asked how {user} is reached: it wants to be left alone")
        answer = await call(self._client, "conversations.open", users=user)
        now, channel = self._clock.monotonic(), answer.body.get("channel")
        if answer.status == 429 or answer.error == "ratelimited":
            self._open_held_until = now + retry_after(answer.headers).total_seconds()
        if answer.transient:
            raise ChatAway(f"Slack didn't say how to reach {user}: {answer.error}")
        if not answer.ok:
            return _Direct(None, now + NONE_KEPT_SECONDS, answer.error)
        if not (isinstance(channel, dict) and isinstance(channel.get("id"), str)):
            raise ChatAway(f"Slack gave no conversation with {user}")
        return _Direct(ChannelId(channel["id"]), float("inf"))
