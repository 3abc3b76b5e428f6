"""The workspace's people, user groups and channels."""

from dataclasses import dataclass, field
from enum import StrEnum

from sandbox.slack.wire import JsonObject, Refused

TEAM_ID = "T0SANDBOX"
TEAM_NAME = "Acme Data"
TEAM_DOMAIN = "acme-data"
PARTNER_TEAM_ID = "T0PARTNER"
"""Another company, in a shared channel (Slack Connect)."""
BOT_USER = "U0BOT"
BOT_ID = "B0PIPELINE"
APP_ID = "A0PIPELINE"
SLACKBOT = "USLACKBOT"
CREATED = 1_700_000_000
"""The creation time of everything here. Nothing depends on it."""


class ChannelKind(StrEnum):
    PUBLIC = "public_channel"
    PRIVATE = "private_channel"
    IM = "im"
    MPIM = "mpim"
    """A group direct message: https://docs.slack.dev/reference/objects/conversation-object"""

    @property
    def family(self) -> str:
        """The word that scopes and message events use for this kind: `groups:history`, `message.groups`."""
        return _FAMILIES[self]


_FAMILIES = {
    ChannelKind.PUBLIC: "channels",
    ChannelKind.PRIVATE: "groups",
    ChannelKind.IM: "im",
    ChannelKind.MPIM: "mpim",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    id: str
    name: str
    real_name: str
    tz: str = "Etc/UTC"
    is_bot: bool = False
    display_name: str | None = None
    """None: the same as the handle."""
    team_id: str = TEAM_ID
    """The other company's team, for people in shared channels."""
    is_restricted: bool = False
    """A guest in several channels."""
    is_ultra_restricted: bool = False
    """A guest in one channel: Slack then sets `is_restricted` too."""
    deleted: bool = False
    """Deactivated: https://slack.com/help/articles/204475027"""

    @property
    def email(self) -> str:
        """A deactivated account cannot be found by it."""
        return f"{self.name}@acme-data.example"

    @property
    def guest(self) -> bool:
        return self.is_restricted or self.is_ultra_restricted

    @property
    def external(self) -> bool:
        return self.team_id != TEAM_ID

    def as_json(self) -> JsonObject:
        """https://docs.slack.dev/reference/objects/user-object . A deactivated account has fewer fields."""
        shown = self.name if self.display_name is None else self.display_name
        user: JsonObject = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "profile": {"real_name": self.real_name, "display_name": shown, "team": self.team_id},
        }
        if self.deleted:
            return user
        return user | {
            "real_name": self.real_name,
            "tz": self.tz,
            "is_admin": False,
            "is_owner": False,
            "is_restricted": self.guest,
            "is_ultra_restricted": self.is_ultra_restricted,
        }


@dataclass(slots=True, kw_only=True)
class Usergroup:
    id: str
    handle: str
    name: str
    users: tuple[str, ...]
    disabled: bool = False
    external: bool = False
    """Another company's: https://docs.slack.dev/reference/objects/usergroup-object"""

    def as_json(self) -> JsonObject:
        return {
            "id": self.id,
            "team_id": TEAM_ID,
            "is_usergroup": True,
            "is_external": self.external,
            "handle": self.handle,
            "name": self.name,
            "date_delete": CREATED if self.disabled else 0,
            "user_count": len(self.users),
        }


@dataclass(slots=True, kw_only=True)
class Channel:
    id: str
    name: str
    kind: ChannelKind = ChannelKind.PUBLIC
    members: list[str] = field(default_factory=list)
    archived: bool = False
    read_only: bool = False
    """Only admins may post."""
    last_read: dict[str, str] = field(default_factory=dict)
    """By user: the ts of the last message they have seen."""

    def visible_to(self, user: str) -> bool:
        return self.kind is ChannelKind.PUBLIC or user in self.members

    def as_json(self, viewer: str) -> JsonObject:
        if self.kind is ChannelKind.IM:
            other = next(member for member in self.members if member != viewer)
            return {"id": self.id, "created": CREATED, "is_im": True, "is_archived": False, "user": other}
        group = self.kind is ChannelKind.MPIM
        private = group or self.kind is ChannelKind.PRIVATE
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "created": CREATED,
            "creator": "U0ANN",
            "is_channel": True,
            "is_group": False,
            "is_im": False,
            "is_mpim": group,
            "is_private": private,
            "is_archived": self.archived,
            "is_general": self.id == "C0GENERAL",
            "is_member": viewer in self.members,
            "is_shared": self.id == "C0SHARED",
            "is_ext_shared": self.id == "C0SHARED",
            "context_team_id": TEAM_ID,
        }


class Directory:
    """The workspace at the start. A direct message exists once someone opens it."""

    def __init__(self) -> None:
        people = [
            User(id="U0ANN", name="ann", real_name="Ann Araya", tz="America/Costa_Rica"),
            User(id="U0BOB", name="bob", real_name="Bob Berg", tz="Europe/Berlin"),
            User(id="U0CAROL", name="carol", real_name="Carol Chen", tz="Asia/Taipei"),
            User(id=BOT_USER, name="pipeline_bot", real_name="Pipeline Bot", is_bot=True),
            User(id="U0GIL", name="gil", real_name="Gil Guest", is_restricted=True),
            User(id="U0PAT", name="pat", real_name="Pat Partner", team_id=PARTNER_TEAM_ID),
            User(id="U0DEE", name="dee", real_name="Dee Departed", deleted=True),
        ]
        everybody = ["U0ANN", "U0BOB", "U0CAROL"]
        channels = [
            Channel(id="C0GENERAL", name="general", members=list(everybody)),
            Channel(id="C0ALERTS", name="data-alerts", members=[*everybody, BOT_USER]),
            Channel(id="C0TEAM", name="data-team", members=[*everybody, BOT_USER]),
            Channel(id="C0QUIET", name="quiet", members=["U0ANN", "U0BOB"]),
            Channel(id="G0OPS", name="ops-private", kind=ChannelKind.PRIVATE, members=["U0ANN", "U0BOB"]),
            Channel(id="C0SHARED", name="partner-data", members=["U0ANN", "U0BOB", "U0GIL", "U0PAT"]),
        ]
        oncall = Usergroup(id="S0ONCALL", handle="data-oncall", name="Data on call", users=("U0ANN", "U0BOB"))
        self.users = {user.id: user for user in people}
        self.usergroups = {oncall.id: oncall}
        self.paid = True
        """A plan with user groups."""
        self.apps_manage_groups = True
        """The workspace lets everyone manage user groups: https://slack.com/help/articles/212906697"""
        self.channels = {channel.id: channel for channel in channels}

    def person(self, user_id: str) -> User:
        user = self.users.get(user_id)
        if user is None or user.is_bot or user.deleted:
            raise Refused(f"There is no person {user_id}.")
        return user

    def sees(self, user_id: str, channel: Channel) -> bool:
        """Full members see every public channel. Guests and other companies' people see only their own channels."""
        user = self.users.get(user_id)
        confined = user is None or user.guest or user.external
        return user_id in channel.members if confined else channel.visible_to(user_id)

    def channel_seen_by(self, user_id: str, channel_id: str) -> Channel:
        channel = self.channels.get(channel_id)
        if channel is None or not self.sees(user_id, channel):
            raise Refused(f"{user_id} sees no channel {channel_id}.")
        return channel

    @staticmethod
    def im_id(user_id: str) -> str:
        return "D" + user_id.removeprefix("U")

    def open_im(self, user_id: str) -> tuple[Channel, bool]:
        """The user's direct message with the bot, and whether it existed before."""
        channel_id = self.im_id(user_id)
        existing = self.channels.get(channel_id)
        if existing is not None:
            return existing, True
        opened = Channel(id=channel_id, name="directmessage", kind=ChannelKind.IM, members=[user_id, BOT_USER])
        self.channels[channel_id] = opened
        return opened, False

    def open_talk(self, *people: str) -> Channel:
        """A direct message between people. Apps cannot join it."""
        names = "--".join(self.person(person).name for person in people)
        ends = "".join(person.removeprefix("U0") for person in people)
        if len(people) == 2:
            talk = Channel(id=f"D0{ends}", name="directmessage", kind=ChannelKind.IM, members=list(people))
        else:
            talk = Channel(id=f"C0{ends}", name=f"mpdm-{names}-1", kind=ChannelKind.MPIM, members=list(people))
        self.channels[talk.id] = talk
        return talk

    def move(self, channel: Channel, new_id: str) -> None:
        """Gives the channel a new id. Its place in the list stays."""
        old_id, channel.id = channel.id, new_id
        self.channels = {
            (new_id if channel_id == old_id else channel_id): channel for channel_id, channel in self.channels.items()
        }

    def named(self, name: str) -> Channel | None:
        return next((channel for channel in self.channels.values() if channel.name == name), None)
