"""Converts typed text as Slack's client does before it reaches an app.

`&`, `<` and `>` become entities, and names become IDs: https://docs.slack.dev/messaging/formatting-message-text .
A command gets the name too (`should_escape`): https://docs.slack.dev/interactivity/implementing-slash-commands .
Slack also links bare domains; the sandbox does not.
"""

import re
from collections.abc import Callable

from sandbox.slack.directory import ChannelKind, Directory

_TYPED = re.compile(r"(?P<link>https?://[^\s|]+)|(?<![\w@#])(?P<sign>[@#])(?P<name>[\w-]+(?:\.[\w-]+)*)")
_TYPED_ID = re.compile(r"&lt;@(?P<id>[UW]\w+)&gt;")
_BROADCASTS = frozenset({"here", "channel", "everyone"})


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def for_command(text: str, directory: Directory, user: str) -> str:
    """The text of a slash command whose `should_escape` is on: IDs with their labels."""
    return _TYPED.sub(_named(directory, user, with_label=True), escape(text))


def for_message(text: str, directory: Directory, user: str) -> str:
    """The text of a message, as an event carries it: bare IDs. The client also understands a typed `<@U…>`."""
    named = _TYPED.sub(_named(directory, user, with_label=False), _by_full_name(escape(text), directory))
    return _TYPED_ID.sub(lambda typed: f"<@{typed['id']}>" if typed["id"] in directory.users else typed[0], named)


def _by_full_name(text: str, directory: Directory) -> str:
    """The client completes `@Pipeline Bot` to the person or app of that name."""
    by_name = {
        escape(name).casefold(): user.id
        for user in directory.users.values()
        if not user.deleted
        for name in (user.real_name, user.display_name)
        if name and " " in name
    }
    longest_first = sorted(by_name, key=len, reverse=True)
    names = "|".join(re.escape(name) for name in longest_first)
    typed = re.compile(rf"(?<![\w@#])@({names})(?!\w)", re.IGNORECASE)
    return typed.sub(lambda match: f"<@{by_name[match[1].casefold()]}>", text)


def _named(directory: Directory, user: str, *, with_label: bool) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        if match["link"]:
            return f"<{match['link']}>"
        name = match["name"]
        found = _at(name, directory) if match["sign"] == "@" else _hash(name, directory, user)
        if found is None:
            return match[0]
        reference, label = found
        return f"<{reference}|{label}>" if with_label and label else f"<{reference}>"

    return replace


def _at(name: str, directory: Directory) -> tuple[str, str] | None:
    if name in _BROADCASTS:
        return f"!{name}", ""
    for user in directory.users.values():
        if user.name == name and not user.deleted:
            return f"@{user.id}", user.name
    for group in directory.usergroups.values():
        if group.handle == name and not group.disabled:
            return f"!subteam^{group.id}", f"@{group.handle}"
    return None


def _hash(name: str, directory: Directory, user: str) -> tuple[str, str] | None:
    """None for a channel that this person does not see, so it stays plain text."""
    channel = directory.named(name)
    if channel is None or channel.kind in {ChannelKind.IM, ChannelKind.MPIM} or not directory.sees(user, channel):
        return None
    return f"#{channel.id}", channel.name
