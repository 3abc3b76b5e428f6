"""The words that a command may begin with."""

COMMANDS = ("status", "list", "watch", "unwatch", "watches", "runbook", "note", "help")
ALIASES = {
    "subscribe": "watch",
    "unsubscribe": "unwatch",
    "subscriptions": "watches",
}


def is_command(word: str) -> bool:
    return word.lower() in {*COMMANDS, *ALIASES}
