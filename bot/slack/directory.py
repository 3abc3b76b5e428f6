"""Who and what people mean in Slack: users, user groups, channels, and the conversations of direct messages."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.watch import ChannelId, ParkReason, UserId
from bot.ports import ChatAway, Clock
from bot.slack.calls import Answer, call
from bot.slack.outcomes import retry_after

KEPT_SECONDS = 600.0  # names change seldom; the lists are Tier 2
NONE_KEPT_SECONDS = 60.0  # whoever lets the bot write, or gives it the scope, tries it soon after
PAGE = 200
MOST_PAGES = 50
MOST_PAGES_OF_MEMBERSHIPS = 5


Row = Mapping[str, object]
NamesOf = Callable[[Row], list[str]]


class Admission(Enum):
    """What the bot may do in a channel."""

    MEMBER = "member"
    OUTSIDE = "outside"
    ARCHIVED = "archived"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class _Kept:
    names: Mapping[str, str]
    until: float


@dataclass(frozen=True, slots=True)
class _Direct:
    channel: ChannelId | None
    until: float


class Directory:
    """Looks things up with least scopes: what a missing scope hides is answered with None, and the caller says so."""

    def __init__(self, client: AsyncWebClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._direct: dict[UserId, _Direct] = {}
        self._asking: defaultdict[UserId, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Held while Slack is asked how this person is reached: whoever asks meanwhile hears the same answer."""
        self._open_held_until = float("-inf")

    async def user(self, name: str) -> str | None:
        """The id of the person called `@name`: handle, display name or full name, in any case."""
        return (await self._names("users.list", "members", _user_names)).get(name.lower())

    async def usergroup(self, name: str) -> str | None:
        return (await self._names("usergroups.list", "usergroups", _group_names)).get(name.lower())

    async def channel(self, name: str) -> ChannelId | None:
        """Public channels, and private ones that the bot is in."""
        found = (await self._names("conversations.list", "channels", _channel_names)).get(name.lower())
        return ChannelId(found) if found else None

    async def admission(self, channel: ChannelId) -> Admission:
        """Whether the bot may post there; a public channel is joined where Slack lets it."""
        answer = await call(self._client, "conversations.info", channel=channel)
        if answer.error == "missing_scope" or answer.lost is not None:
            return Admission.MEMBER  # cannot be known now: the first message will tell, and parks the watch if not
        found = answer.body.get("channel")
        if not answer.ok or not isinstance(found, dict):
            return Admission.UNSEEN
        if found.get("is_archived"):
            return Admission.ARCHIVED
        if found.get("is_member") or found.get("is_im"):
            return Admission.MEMBER
        joined = await call(self._client, "conversations.join", channel=channel)
        return Admission.MEMBER if joined.ok else Admission.OUTSIDE

    async def obstacle(self, channel: ChannelId) -> ParkReason | None:
        """Why the bot cannot post there, as far as can be known without posting.

        Raises:
            ChatAway: it cannot be known now.
        """
        answer = await call(self._client, "conversations.info", channel=channel)
        if answer.transient:
            raise ChatAway(f"Slack does not say how {channel} is: {answer.error}")
        found = answer.body.get("channel")
        if answer.error == "channel_not_found":
            return ParkReason.NOT_FOUND
        if not answer.ok or not isinstance(found, dict):
            return None  # a scope or the token is missing, which says nothing of the channel
        if found.get("is_archived"):
            return ParkReason.ARCHIVED
        if found.get("is_member") or found.get("is_im"):
            return None
        return ParkReason.NOT_IN_CHANNEL

    async def refusal(self) -> str | None:
        """Why Slack does not accept the bot's token, in Slack's word; None where it does.

        Raises:
            ChatAway: it cannot be known now.
        """
        answer = await call(self._client, "auth.test")
        if answer.transient:
            raise ChatAway(f"Slack does not say whether it accepts the token: {answer.error}")
        return None if answer.ok else answer.error

    async def memberships(self) -> tuple[ChannelId, ...]:
        """The channels that the bot is in, of more than 1,000 the first; none where a scope or the token is missing.

        Raises:
            ChatAway: it cannot be known now.
        """
        there: list[ChannelId] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES_OF_MEMBERSHIPS):
            answer = await call(
                self._client,
                "users.conversations",
                types="public_channel,private_channel",
                exclude_archived=True,
                limit=PAGE,
                cursor=cursor,
            )
            if answer.transient:
                raise ChatAway(f"Slack does not say in which channels I am: {answer.error}")
            there += [ChannelId(str(row["id"])) for row in _rows(answer, "channels")]
            cursor = _next_cursor(answer)
            if not cursor:
                break
        return tuple(there)

    async def direct(self, user: UserId) -> ChannelId | None:
        """The conversation of this person's direct messages with the bot; None where Slack allows none.

        Raises:
            ChatAway: it cannot be known now.
        """
        async with self._asking[user]:
            kept = self._direct.get(user)
            if kept is None or kept.until <= self._clock.monotonic():
                kept = self._direct[user] = await self._opened(user)
            return kept.channel

    async def _opened(self, user: UserId) -> _Direct:
        """Slack's word on it; while it wants the method to be left alone, it is not asked."""
        if self._clock.monotonic() < self._open_held_until:
            raise ChatAway(f"Slack is not asked how {user} is reached: it wants to be left alone")
        answer = await call(self._client, "conversations.open", users=user)
        now, channel = self._clock.monotonic(), answer.body.get("channel")
        if answer.status == 429 or answer.error == "ratelimited":
            self._open_held_until = now + retry_after(answer.headers).total_seconds()
        if answer.transient:
            raise ChatAway(f"Slack does not say how {user} is reached: {answer.error}")
        if not answer.ok:
            return _Direct(None, now + NONE_KEPT_SECONDS)
        if not (isinstance(channel, dict) and isinstance(channel.get("id"), str)):
            raise ChatAway(f"Slack gave no conversation with {user}")
        return _Direct(ChannelId(channel["id"]), float("inf"))

    async def _names(self, method: str, member: str, names_of: NamesOf) -> Mapping[str, str]:
        kept = self._kept.get(method)
        if kept and kept.until > self._clock.monotonic():
            return kept.names
        names: dict[str, str] = {}
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            extra = {"exclude_archived": True} if method == "conversations.list" else {}
            answer = await call(self._client, method, limit=PAGE, cursor=cursor, **extra)
            if not answer.ok:
                return kept.names if kept else names
            for row in _rows(answer, member):
                names |= {name.lower(): str(row["id"]) for name in names_of(row) if name}
            cursor = _next_cursor(answer)
            if not cursor:
                break
        self._kept[method] = _Kept(names, self._clock.monotonic() + KEPT_SECONDS)
        return names


def _rows(answer: Answer, member: str) -> list[Row]:
    rows = answer.body.get(member)
    return [row for row in rows if isinstance(row, dict) and "id" in row] if isinstance(rows, list) else []


def _next_cursor(answer: Answer) -> str | None:
    metadata = answer.body.get("response_metadata")
    cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
    return cursor if isinstance(cursor, str) and cursor else None


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _user_names(row: Row) -> list[str]:
    if row.get("deleted"):
        return []
    profile = row.get("profile")
    shown = _text(profile, "display_name") if isinstance(profile, dict) else ""
    return [_text(row, "name"), _text(row, "real_name"), shown]


def _group_names(row: Row) -> list[str]:
    return [_text(row, "handle"), _text(row, "name")]


def _channel_names(row: Row) -> list[str]:
    return [_text(row, "name")]
