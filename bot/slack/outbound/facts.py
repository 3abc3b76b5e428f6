"""Asks Slack about people and channels, for the permission check. A missing answer is never taken for a "no"."""

import asyncio
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from bot.domain.permission import Account, Membership, Person, Place, UnknownFact
from bot.domain.wall_clock import zone_named
from bot.domain.watch import ChannelId, TeamId, UserId
from bot.headers import header
from bot.ports.clock import Clock
from bot.slack.outbound.calls import SlackAnswer, SlackClient, call
from bot.slack.outbound.list_items import text_in
from bot.slack.outbound.pagination import read_pages

PAGE = 1000
MOST_PAGES = 200
NAME_KEPT_SECONDS = 600.0
UTC = ZoneInfo("UTC")
NAMING_SECONDS = 2.0  # an acknowledgement must not wait long for a name
_NO_SUCH_PERSON = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
_READS_CHANNELS = frozenset({"channels:read", "groups:read"})


class Facts:
    """Asks Slack each time, and remembers names and zones. So a removed member or a new guest is refused at once."""

    def __init__(self, client: SlackClient, clock: Clock, team: TeamId) -> None:
        self._client = client
        self._clock = clock
        self.team = team
        self._names: dict[UserId, tuple[str, float]] = {}
        self._zones: dict[UserId, ZoneInfo] = {}

    async def person(self, user: UserId, *, team: str = "") -> Person:
        """`team` is the workspace in the payload. If it is another company's, the person is a stranger."""
        answer = await call(self._client, "users.info", user=user)
        row = answer.body.get("user")
        if answer.ok and isinstance(row, dict):
            account = _foreign(row, team, self.team) or account_of(row, self.team)
            name = name_of(row)
            self._names[user] = (name, self._clock.monotonic() + NAME_KEPT_SECONDS)
            if zone := zone_named(text_in(row, "tz")):
                self._zones[user] = zone
            return Person(id=user, account=account, name=name)
        if answer.error in _NO_SUCH_PERSON:
            return Person(id=user, account=Account.UNKNOWN)
        return Person(id=user, account=_unknown_fact(answer))

    async def access(self, channel: ChannelId, user: UserId, *, seeing: bool = False) -> Place:
        """`seeing`: for a person outside the channel, also asks whether the channel is public."""
        membership = await self._membership(channel, user)
        if not seeing or membership is not Membership.OUTSIDE:
            return Place(membership=membership)
        answer = await call(self._client, "conversations.info", channel=channel)
        row = answer.body.get("channel")
        if answer.ok and isinstance(row, dict):
            return Place(membership=membership, public=_is_public(row))
        missing = answer.error in {"channel_not_found", "missing_scope"}
        return Place(membership=membership if missing else UnknownFact.AWAY)

    async def name(self, user: UserId, fallback: str = "") -> str:
        """The name that people see in Slack; `fallback` if it is unreadable now."""
        cached, until = self._names.get(user, ("", 0.0))
        if cached and until > self._clock.monotonic():
            return cached
        try:
            async with asyncio.timeout(NAMING_SECONDS):
                return (await self.person(user)).name or cached or fallback
        except TimeoutError:
            return cached or fallback

    async def zone(self, user: UserId) -> ZoneInfo:
        """The person's time zone in Slack; UTC if it is unreadable now."""
        await self.name(user)
        return self._zones.get(user, UTC)

    async def conversation_name(self, channel: ChannelId) -> str:
        """This channel's name for other channels: "a private channel" if it is private, empty if unreadable."""
        if channel.startswith("D"):
            return "a direct message"
        try:
            async with asyncio.timeout(NAMING_SECONDS):
                answer = await call(self._client, "conversations.info", channel=channel)
        except TimeoutError:
            return ""
        row = answer.body.get("channel")
        if not (answer.ok and isinstance(row, dict)):
            return ""
        return f"#{text_in(row, 'name')}" if _is_public(row) else "a private channel"

    async def _membership(self, channel: ChannelId, user: UserId) -> Membership | UnknownFact:
        """Source: https://docs.slack.dev/reference/methods/conversations.members (Tier 4; `limit` up to 1,000)."""
        found = read_pages(self._client, "conversations.members", {"channel": channel, "limit": PAGE}, most=MOST_PAGES)
        async for answer, last in found:
            if not answer.ok:
                return _outside_or_unread(answer)
            members = answer.body.get("members")
            if isinstance(members, list) and user in members:
                return Membership.INSIDE
            if last:
                return Membership.OUTSIDE
        return UnknownFact.AWAY


def account_of(row: Mapping[str, object], home: TeamId) -> Account:
    """Source: https://docs.slack.dev/reference/objects/user-object . A row without a team is of the home workspace."""
    if row.get("deleted"):
        return Account.DEACTIVATED
    if row.get("is_bot") or row.get("is_workflow_bot") or row.get("id") == "USLACKBOT":
        return Account.BOT
    if row.get("is_stranger") or not {home, ""} & _teams(row):
        return Account.STRANGER
    if row.get("is_restricted") or row.get("is_ultra_restricted"):
        return Account.GUEST
    return Account.FULL_MEMBER


def name_of(row: Mapping[str, object]) -> str:
    """As Slack shows it: display name, else full name, else handle."""
    profile = row.get("profile")
    profile = profile if isinstance(profile, dict) else {}
    full = text_in(profile, "real_name") or text_in(row, "real_name")
    return text_in(profile, "display_name") or full or text_in(row, "name")


def _teams(row: Mapping[str, object]) -> set[str]:
    return {text_in(row, "team_id"), *_workspaces(row)}


def _workspaces(row: Mapping[str, object]) -> set[str]:
    """In an Enterprise Grid organization, a person belongs to several workspaces."""
    enterprise = row.get("enterprise_user")
    teams = enterprise.get("teams") if isinstance(enterprise, dict) else None
    return {str(team) for team in teams or () if team}


def _foreign(row: Mapping[str, object], team: str, home: TeamId) -> Account | None:
    """STRANGER for a person from another workspace, unless it belongs to the same organization."""
    return Account.STRANGER if team not in {"", home} and home not in _workspaces(row) else None


def _unknown_fact(answer: SlackAnswer) -> UnknownFact:
    return UnknownFact.NO_SCOPE if answer.error == "missing_scope" else UnknownFact.AWAY


def _outside_or_unread(answer: SlackAnswer) -> Membership | UnknownFact:
    """Without both scopes, Slack's errors would reveal hidden channels, so the membership then counts as unreadable."""
    if answer.error != "channel_not_found":
        return _unknown_fact(answer)
    scopes = header(answer.headers, "x-oauth-scopes")
    granted = {scope.strip() for scope in scopes.split(",")}
    return Membership.OUTSIDE if not scopes or granted >= _READS_CHANNELS else UnknownFact.NO_SCOPE


def _is_public(row: Mapping[str, object]) -> bool:
    return not any(row.get(name) for name in ("is_private", "is_im", "is_mpim", "is_group"))
