"""`/invite @name [#channel]`, which Slack itself carries out. The app only gets the event of the new member.

https://slack.com/help/articles/201980108
"""

import re

from sandbox.slack import channel_events
from sandbox.slack.directory import Channel, ChannelKind, Directory, User
from sandbox.slack.state import WorkspaceState
from sandbox.slack.wire import Refused

COMMAND = "/invite"
_ELSEWHERE = re.compile(r"\s+#(\S+)$")


def invite(workspace: WorkspaceState, user: str, here: Channel, text: str) -> None:
    """
    Raises:
        Refused: Slack invited no one; the text says why.
    """
    inviter = workspace.directory.person(user)
    if inviter.guest or inviter.external:
        raise Refused("Only full members of this workspace can invite somebody. Nobody was invited.")
    invited, channel = _read(workspace.directory, user, here, text.strip())
    if channel.kind is ChannelKind.IM:
        raise Refused("Nobody can be invited to a direct message. Type /invite in a channel.")
    if user not in channel.members:
        raise Refused(f"You're not in #{channel.name}, so you can't invite anybody there. Join it first.")
    if invited.id in channel.members:
        raise Refused(f"{invited.real_name} is already in #{channel.name}.")
    channel_events.join(workspace, channel, invited.id, inviter=user)
    workspace.slackbot_says(here.id, user, f"You added {invited.real_name} to #{channel.name}.")


def _read(directory: Directory, user: str, here: Channel, text: str) -> tuple[User, Channel]:
    channel = here
    if elsewhere := _ELSEWHERE.search(text):
        named = directory.named(elsewhere[1])
        if named is None or not directory.sees(user, named):
            raise Refused(f"There is no channel #{elsewhere[1]}. Nobody was invited.")
        channel, text = named, text[: elsewhere.start()]
    if not text:
        raise Refused(f"Name someone to invite: {COMMAND} @Pipeline Bot")
    return _named(directory, text.removeprefix("@").strip()), channel


def _named(directory: Directory, name: str) -> User:
    """By handle, or by the name that people see, as the client completes it."""
    present = [user for user in directory.users.values() if not user.deleted]
    found = [user for user in present if name.casefold() in _names(user)]
    if not name or len(found) != 1:
        raise Refused(f"“{name}” is nobody here. Nobody was invited. Try {COMMAND} @Pipeline Bot")
    return found[0]


def _names(user: User) -> set[str]:
    return {name.casefold() for name in (user.name, user.real_name, user.display_name) if name}
