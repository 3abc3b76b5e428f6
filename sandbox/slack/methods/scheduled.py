"""chat.scheduleMessage, chat.deleteScheduledMessage and chat.scheduledMessages.list."""

from sandbox.slack.methods.access import visible, writable
from sandbox.slack.methods.call import Arguments, Method, page_of
from sandbox.slack.methods.chat import checked_content, checked_thread, with_warnings
from sandbox.slack.wire import JsonObject, SlackError
from sandbox.slack.workspace import Workspace


def schedule(workspace: Workspace, arguments: Arguments) -> JsonObject:
    channel = writable(workspace, arguments.required("channel"))
    arguments.required_number("post_at")
    draft, warnings = checked_content(arguments)
    thread_ts = checked_thread(workspace, channel, arguments)
    message = workspace.schedule(channel, draft, arguments.required_number("post_at"), thread_ts)
    body = {"channel": channel.id, "scheduled_message_id": message.id, "post_at": message.post_at}
    return {**body, "message": {"text": draft.text, "type": "delayed_message"}, **with_warnings(warnings)}


def delete(workspace: Workspace, arguments: Arguments) -> JsonObject:
    channel = visible(workspace, arguments.required("channel"))
    workspace.unschedule(channel, arguments.required("scheduled_message_id"))
    return {}


def listed(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """The app's own messages, of one channel or of all."""
    channel = arguments.text("channel")
    if channel is not None and channel not in workspace.directory.channels:
        raise SlackError("invalid_channel")
    shown, cursor = page_of(workspace.scheduled.pending(channel), arguments, default=100, most=100)
    return {
        "scheduled_messages": [
            {
                "id": message.id,
                "channel_id": message.channel,
                "post_at": message.post_at,
                "date_created": message.created,
                "text": message.draft.text,
            }
            for message in shown
        ],
        "response_metadata": {"next_cursor": cursor},
    }


METHODS = {
    "chat.scheduleMessage": Method(run=schedule, scope="chat:write"),
    "chat.deleteScheduledMessage": Method(run=delete, scope="chat:write"),
    "chat.scheduledMessages.list": Method(run=listed),
}
