"""People's actions in Slack's client, and the payloads that the app gets.

https://docs.slack.dev/interactivity/implementing-slash-commands and https://docs.slack.dev/reference/interaction-payloads
"""

from dataclasses import dataclass

from sandbox.slack import entries, invitations, markup
from sandbox.slack.delivery import Ack, Kind, Transport
from sandbox.slack.directory import APP_ID, BOT_USER, TEAM_DOMAIN, TEAM_ID, Channel, ChannelKind
from sandbox.slack.manifest import MessagesTab
from sandbox.slack.messages import Draft, Message
from sandbox.slack.state import WorkspaceState
from sandbox.slack.wire import JsonObject, Refused, SlackError

_NAMELESS = {ChannelKind.IM: "directmessage", ChannelKind.PRIVATE: "privategroup"}
"""A command's payload hides the names of private conversations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The element that a person used, and the input or choice."""

    action_id: str
    block_id: str | None = None
    value: str | None = None
    option: str | None = None


def say(workspace: WorkspaceState, user: str, channel_id: str, text: str, thread_ts: str | None) -> Message:
    channel = _may_write(workspace, user, channel_id)
    if thread_ts is not None and workspace.board.root(channel_id, thread_ts) is None:
        raise Refused(f"There is no thread {thread_ts}.")
    marked_up = markup.for_message(text, workspace.directory, user)
    ts = workspace.board.next_ts()
    message = Message(channel=channel.id, ts=ts, user=user, text=marked_up, thread_ts=thread_ts)
    workspace.add(message)
    return message


def edit(workspace: WorkspaceState, user: str, channel_id: str, ts: str, text: str) -> Message:
    """People edit only their own messages."""
    _may_write(workspace, user, channel_id)
    message = workspace.board.find(channel_id, ts)
    if message is None or message.user != user:
        raise Refused(f"{user} has no message {ts} in {channel_id} to edit.")
    workspace.edit(message, Draft(text=markup.for_message(text, workspace.directory, user)), editor=user)
    return message


async def run_command(workspace: WorkspaceState, user: str, channel_id: str, command: str, text: str) -> Ack:
    """Slack itself carries out its own commands, and tells the person about a failure.

    An answer in the ack shows like any other answer. Other companies' people cannot use this workspace's commands.
    """
    channel = _may_write(workspace, user, channel_id)
    if command == invitations.COMMAND:
        invitations.invite(workspace, user, channel, text)
        return Ack(transport=Transport.NONE)
    if command not in workspace.commands or workspace.directory.person(user).external:
        raise Refused(f"{command} is not a valid command.")
    payload = {
        "token": "deprecated-verification-token",
        "team_id": TEAM_ID,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": _NAMELESS.get(channel.kind, channel.name),
        "user_id": user,
        "user_name": workspace.directory.person(user).name,
        "command": command,
        "text": markup.for_command(text.strip(), workspace.directory, user),
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": workspace.response_urls.issue(user, channel.id),
        "trigger_id": workspace.views.issue_trigger(user),
    }
    ack = await workspace.delivery.send(Kind.COMMAND, payload)
    problem = ack.error or _answer(workspace, user, channel, ack)
    if problem:
        workspace.slackbot_says(channel.id, user, f'{command} failed with the error "{problem}"')
    return ack


async def click(workspace: WorkspaceState, user: str, channel_id: str, ts: str, choice: Choice) -> Ack:
    """A person uses an element of a message. The payload lacks the message if it is ephemeral."""
    channel = workspace.directory.channel_seen_by(user, channel_id)
    message = _shown_to(workspace, user, channel_id, ts)
    block, element = find_element(message.all_blocks(), choice)
    ephemeral = message.ephemeral_to is not None
    container: JsonObject = {"type": "message", "message_ts": ts, "channel_id": channel_id, "is_ephemeral": ephemeral}
    if message.thread_ts or message.replies:
        container["thread_ts"] = message.thread_ts or message.ts
    action = action_of(workspace, block, element, choice)
    payload: JsonObject = {
        **interaction(workspace, user, "block_actions"),
        "container": container,
        "channel": {"id": channel_id, "name": _NAMELESS.get(channel.kind, channel.name)},
        "state": {"values": state_after(entries.initial_values(message.all_blocks()), block, element, choice)},
        "response_url": workspace.response_urls.issue(user, channel_id, message),
        "actions": [action],
    }
    if not ephemeral:
        payload["message"] = message.as_json(with_metadata=True)
    return await workspace.delivery.send(Kind.INTERACTIVE, payload)


def _may_write(workspace: WorkspaceState, user: str, channel_id: str) -> Channel:
    workspace.directory.person(user)
    channel = workspace.directory.channel_seen_by(user, channel_id)
    if channel.archived:
        raise Refused(f"#{channel.name} is archived.")
    if user not in channel.members:
        raise Refused(f"{user} is not in #{channel.name}: Slack offers to join it, and has no message box.")
    if BOT_USER in channel.members and channel.kind is ChannelKind.IM:
        _need_writable_tab(workspace)
    return channel


def _need_writable_tab(workspace: WorkspaceState) -> None:
    """A read-only Messages tab has no message box, so commands cannot be typed there either."""
    if workspace.messages_tab is not MessagesTab.WRITABLE:
        raise Refused("Sending messages to this app has been turned off.")


def _answer(workspace: WorkspaceState, user: str, channel: Channel, ack: Ack) -> str | None:
    """Shows the answer in the ack. Returns the error's name if Slack would refuse it."""
    if not ack.payload:
        return None
    try:
        workspace.response_urls.answer(user, channel.id, ack.payload)
    except SlackError as error:
        return error.error
    return None


def interaction(workspace: WorkspaceState, user: str, kind: str) -> JsonObject:
    person = workspace.directory.person(user)
    return {
        "type": kind,
        "user": {"id": user, "username": person.name, "name": person.name, "team_id": person.team_id},
        "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
        "api_app_id": APP_ID,
        "token": "deprecated-verification-token",
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": workspace.views.issue_trigger(user),
    }


def _shown_to(workspace: WorkspaceState, user: str, channel_id: str, ts: str) -> Message:
    message = workspace.board.find(channel_id, ts) or workspace.board.ephemeral(channel_id, ts)
    if message is None or message.ephemeral_to not in (None, user):
        raise Refused(f"{user} sees no message {ts} in {channel_id}.")
    if message.user != BOT_USER:
        raise Refused("That is not a message of the app's.")
    return message


def find_element(blocks: list[JsonObject], choice: Choice) -> tuple[JsonObject, JsonObject]:
    """An action_id is unique only in its block. The block_id or a button's value tells two apart."""
    for block, element in entries.elements(blocks):
        if element["action_id"] != choice.action_id:
            continue
        if choice.block_id is not None and block["block_id"] != choice.block_id:
            continue
        if element["type"] == "button" and choice.value is not None and element.get("value") != choice.value:
            continue
        return block, element
    raise Refused(f"There is no element {choice.action_id!r} to use.")


def action_of(workspace: WorkspaceState, block: JsonObject, element: JsonObject, choice: Choice) -> JsonObject:
    kind = element["type"]
    action: JsonObject = {
        "type": kind,
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": workspace.board.next_ts(),
    }
    if kind == "button":
        return action | {name: element[name] for name in ("text", "value", "style", "url") if name in element}
    if kind == "overflow":
        return action | {"selected_option": entries.option_of(element, choice.option or "")}
    return action | entries.entered(element, _given(element, choice))


def _given(element: JsonObject, choice: Choice) -> object:
    given = choice.option if choice.option is not None else choice.value
    if (entries.state_field(element) or "").endswith("s"):
        return given.split(",") if given else []
    return given


def state_after(values: JsonObject, block: JsonObject, element: JsonObject, choice: Choice) -> JsonObject:
    if entries.state_field(element) is None:
        return values
    of_block = values.get(block["block_id"], {})
    now = entries.entered(element, _given(element, choice))
    return {**values, block["block_id"]: {**of_block, element["action_id"]: now}}
