"""conversations.*: https://docs.slack.dev/reference/methods/conversations.history and its neighbours."""

from collections.abc import Callable

from sandbox.slack import channel_events
from sandbox.slack.directory import BOT_USER, Channel, ChannelKind
from sandbox.slack.messages import Message
from sandbox.slack.methods.access import joined, need_family_scope, visible
from sandbox.slack.methods.call import Arguments, Method, page_limit, page_of
from sandbox.slack.wire import JsonObject, SlackError, decode_cursor, encode_cursor
from sandbox.slack.workspace import Workspace


def history(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """Newest first: roots, and replies also sent to the channel.

    The cursor names a message, not a position, so new messages don't shift the pages.
    """
    channel = _readable(workspace, arguments)
    newest_first = [message for message in workspace.board.timeline(channel.id) if _window(arguments)(message)][::-1]
    if after := arguments.text("cursor"):
        last_seen = decode_cursor(after)
        newest_first = [message for message in newest_first if message.ts < last_seen]
    limit = page_limit(arguments, default=100, most=workspace.limits.history_page)
    page = newest_first[:limit]
    cursor = encode_cursor(page[-1].ts) if len(newest_first) > limit else ""
    return {
        "messages": _shown(workspace, page, arguments),
        "has_more": bool(cursor),
        "pin_count": 0,
        "channel_actions_ts": None,
        "channel_actions_count": 0,
        **_next(cursor),
    }


def replies(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """Oldest first. The first page always has the root."""
    channel = _readable(workspace, arguments)
    ts = arguments.required("ts")
    found = workspace.board.find(channel.id, ts)
    root = workspace.board.root(channel.id, found.thread_ts or ts if found else ts)
    if root is None:
        raise SlackError("thread_not_found")
    oldest_first = [message for message in root.replies if _window(arguments)(message)]
    page, cursor = page_of([root, *oldest_first], arguments, default=1000, most=workspace.limits.history_page)
    return {"messages": _shown(workspace, page, arguments), "has_more": bool(cursor), **_next(cursor)}


def info(workspace: Workspace, arguments: Arguments) -> JsonObject:
    channel = visible(workspace, arguments.required("channel"))
    need_family_scope(workspace, channel.kind, "read")
    body = channel.as_json(BOT_USER)
    if arguments.flag("include_num_members"):
        body["num_members"] = len(channel.members)
    return {"channel": body}


def list_channels(workspace: Workspace, arguments: Arguments) -> JsonObject:
    channels = _of_types(workspace, arguments)
    return _channel_page(channels, arguments)


def of_user(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """users.conversations: the user's channels that the bot sees."""
    user = arguments.text("user") or BOT_USER
    if user not in workspace.directory.users:
        raise SlackError("user_not_found")
    channels = [channel for channel in _of_types(workspace, arguments) if user in channel.members]
    return _channel_page(channels, arguments)


def open_channel(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """The direct message with one person. The sandbox offers none with several people."""
    users = arguments.names("users", default="")
    if not users:
        channel = visible(workspace, arguments.required("channel"))
        return {"no_op": True, "already_open": True, "channel": {"id": channel.id}}
    if len(users) > 1:
        raise SlackError("too_many_users")
    user = workspace.directory.users.get(users[0])
    if user is None:
        raise SlackError("user_not_found")
    if user.deleted:
        raise SlackError("user_disabled")
    if user.is_bot:
        raise SlackError("cannot_dm_bot")
    if user.external:
        raise SlackError("user_not_visible")
    channel, already = workspace.directory.open_im(users[0])
    body = channel.as_json(BOT_USER) if arguments.flag("return_im") else {"id": channel.id}
    return {"no_op": already, "already_open": already, "channel": body}


def join(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """Joins a public channel. A person must invite the bot into a private one."""
    channel = visible(workspace, arguments.required("channel"))
    if channel.kind is not ChannelKind.PUBLIC:
        raise SlackError("method_not_supported_for_channel_type")
    if channel.archived:
        raise SlackError("is_archived")
    already = BOT_USER in channel.members
    channel_events.join(workspace, channel, BOT_USER)
    warning = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    return {"channel": channel.as_json(BOT_USER), **(warning if already else {})}


def members(workspace: Workspace, arguments: Arguments) -> JsonObject:
    channel = visible(workspace, arguments.required("channel"))
    need_family_scope(workspace, channel.kind, "read")
    page, cursor = page_of(channel.members, arguments, default=100, most=1000)
    return {"members": page, "response_metadata": {"next_cursor": cursor}}


def _readable(workspace: Workspace, arguments: Arguments) -> Channel:
    channel = visible(workspace, arguments.required("channel"))
    need_family_scope(workspace, channel.kind, "history")
    return joined(workspace, channel.id)


def _window(arguments: Arguments) -> Callable[[Message], bool]:
    """Between `oldest` and `latest`, which count only if `inclusive`."""
    oldest, latest = _moment(arguments, "oldest"), _moment(arguments, "latest")
    inclusive = arguments.flag("inclusive")

    def inside(message: Message) -> bool:
        ts = float(message.ts)
        if inclusive and ts in (oldest, latest):
            return True
        return (oldest is None or ts > oldest) and (latest is None or ts < latest)

    return inside


def _moment(arguments: Arguments, name: str) -> float | None:
    value = arguments.values.get(name)
    if value is None or value == "":
        return None
    try:
        return float(str(value))
    except ValueError:
        raise SlackError(f"invalid_ts_{name}") from None


def _shown(workspace: Workspace, messages: list[Message], arguments: Arguments) -> list[JsonObject]:
    """Includes metadata only if asked for, and only with its scope."""
    with_metadata = arguments.flag("include_all_metadata") and "metadata.message:read" in workspace.scopes
    return [message.as_json(with_metadata=with_metadata) for message in messages]


def _next(cursor: str) -> JsonObject:
    return {"response_metadata": {"next_cursor": cursor}} if cursor else {}


def _of_types(workspace: Workspace, arguments: Arguments) -> list[Channel]:
    kinds = []
    for name in arguments.names("types", default="public_channel"):
        if name == "mpim":
            continue
        if name not in set(ChannelKind):
            raise SlackError("invalid_types")
        kinds.append(ChannelKind(name))
        need_family_scope(workspace, ChannelKind(name), "read")
    without_archived = arguments.flag("exclude_archived")
    return [
        channel
        for channel in workspace.directory.channels.values()
        if channel.kind in kinds and channel.visible_to(BOT_USER) and not (channel.archived and without_archived)
    ]


def _channel_page(channels: list[Channel], arguments: Arguments) -> JsonObject:
    page, cursor = page_of(channels, arguments, default=100, most=1000)
    return {
        "channels": [channel.as_json(BOT_USER) for channel in page],
        "response_metadata": {"next_cursor": cursor},
    }


METHODS = {
    "conversations.history": Method(run=history),
    "conversations.replies": Method(run=replies),
    "conversations.info": Method(run=info),
    "conversations.list": Method(run=list_channels),
    "users.conversations": Method(run=of_user),
    "conversations.open": Method(run=open_channel, scope="im:write"),
    "conversations.join": Method(run=join, scope="channels:join"),
    "conversations.members": Method(run=members),
}
