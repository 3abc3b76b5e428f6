"""chat.*: https://docs.slack.dev/reference/methods/chat.postMessage and its neighbours."""

from dataclasses import replace

from sandbox.slack.directory import BOT_USER, TEAM_DOMAIN, Channel
from sandbox.slack.drafts import read_draft, refuse_too_much, valid_metadata
from sandbox.slack.messages import Draft, Message
from sandbox.slack.methods.access import joined, visible, writable
from sandbox.slack.methods.call import Arguments, Method
from sandbox.slack.wire import JsonObject, SlackError
from sandbox.slack.workspace import Workspace

LONGEST_UPDATE = 4_000
"""chat.update refuses longer text. chat.postMessage cuts it."""


def post_message(workspace: Workspace, arguments: Arguments) -> JsonObject:
    channel = writable(workspace, arguments.required("channel"))
    draft, warnings = checked_content(arguments)
    thread_ts = checked_thread(workspace, channel, arguments)
    broadcast = thread_ts is not None and arguments.flag("reply_broadcast")
    message = workspace.post("chat.postMessage", channel, draft, thread_ts=thread_ts, broadcast=broadcast)
    shown = message.as_json(with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown, **with_warnings(warnings)}


def update(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """Keeps the blocks only if no text comes, and drops the metadata unless it comes again.

    Slack's page says that metadata stays, but bots have seen otherwise. So a bot should send it every time.
    """
    channel = joined(workspace, arguments.required("channel"))
    message = _own(workspace, channel, arguments.required("ts"), "cant_update_message")
    if channel.archived:
        raise SlackError("is_inactive")
    if len(arguments.text("text") or "") > LONGEST_UPDATE:
        raise SlackError("msg_too_long")
    values = dict(arguments.values)
    if not arguments.text("text") and not arguments.text("markdown_text"):
        values = {"blocks": message.blocks, "attachments": message.attachments} | values
    draft, warnings = checked_content(Arguments(values))
    workspace.rewrite("chat.update", message, draft)
    shown = message.as_json(with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown, **with_warnings(warnings)}


def delete(workspace: Workspace, arguments: Arguments) -> JsonObject:
    channel = joined(workspace, arguments.required("channel"))
    message = _own(workspace, channel, arguments.required("ts"), "cant_delete_message")
    workspace.erase("chat.delete", message)
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """A message to one member. Slack does not keep it, so the bot cannot update it."""
    channel = writable(workspace, arguments.required("channel"))
    user = arguments.required("user")
    if user not in workspace.directory.users:
        raise SlackError("user_not_found")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    draft, warnings = checked_content(arguments)
    thread_ts = checked_thread(workspace, channel, arguments)
    message = workspace.post("chat.postEphemeral", channel, draft, thread_ts=thread_ts, ephemeral_to=user)
    return {"message_ts": message.ts, **with_warnings(warnings)}


def get_permalink(workspace: Workspace, arguments: Arguments) -> JsonObject:
    channel = visible(workspace, arguments.required("channel"))
    message = workspace.board.find(channel.id, arguments.required("message_ts"))
    if message is None:
        raise SlackError("message_not_found")
    link = f"https://{TEAM_DOMAIN}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    thread = f"?thread_ts={message.thread_ts}&cid={channel.id}" if message.thread_ts else ""
    return {"channel": channel.id, "permalink": link + thread}


def checked_content(arguments: Arguments) -> tuple[Draft, list[str]]:
    """The draft, and Slack's warnings."""
    draft = read_draft(arguments.values)
    refuse_too_much(draft.blocks)
    warnings = [] if draft.text else ["missing_text_in_message"]
    if draft.metadata is not None and not valid_metadata(draft.metadata):
        draft = replace(draft, metadata=None)
        warnings.append("invalid_metadata_schema")
    return draft, warnings


def with_warnings(warnings: list[str]) -> JsonObject:
    if not warnings:
        return {}
    return {"warning": ",".join(warnings), "response_metadata": {"warnings": warnings}}


def checked_thread(workspace: Workspace, channel: Channel, arguments: Arguments) -> str | None:
    """The root's ts, even if given a reply's ts. Refuses an unknown one."""
    thread_ts = arguments.text("thread_ts")
    if thread_ts is None:
        return None
    head = workspace.board.head(channel.id, thread_ts)
    if head is None:
        raise SlackError("thread_not_found")
    return head


def _own(workspace: Workspace, channel: Channel, ts: str, refusal: str) -> Message:
    message = workspace.board.find(channel.id, ts)
    if message is None:
        raise SlackError("message_not_found")
    if message.user != BOT_USER:
        raise SlackError(refusal)
    return message


METHODS = {
    "chat.postMessage": Method(run=post_message, scope="chat:write"),
    "chat.update": Method(run=update, scope="chat:write"),
    "chat.delete": Method(run=delete, scope="chat:write"),
    "chat.postEphemeral": Method(run=post_ephemeral, scope="chat:write"),
    "chat.getPermalink": Method(run=get_permalink),
}
