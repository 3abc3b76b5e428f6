"""The roles that one process may play, and the settings that each role needs."""

from collections.abc import Collection
from enum import StrEnum

ALL = "all"


class Role(StrEnum):
    """What a process does. A workspace needs each role at least once."""

    SLACK = "slack"
    """Receives from Slack, and answers people."""
    SCHEDULER = "scheduler"
    """Decides what to read, and records the results. One process at a time is active."""
    READER = "reader"
    """Reads GoldRush for the scheduler."""
    SENDER = "sender"
    """Sends messages."""


ROLES_FORM = "all, or one or more of slack, scheduler, reader and sender, with commas between them"
ROLES_PATTERN = r"^(all|(slack|scheduler|reader|sender)( *, *(slack|scheduler|reader|sender))*)$"

NEED_BOT_TOKEN = frozenset({Role.SLACK, Role.SCHEDULER, Role.SENDER})
NEED_SERVICE_KEY = frozenset({Role.SLACK, Role.SCHEDULER, Role.READER})


def roles_in(text: str) -> frozenset[Role]:
    """The roles that a valid value of PIPELINE_BOT_ROLE names."""
    if text == ALL:
        return frozenset(Role)
    return frozenset(Role(name.strip()) for name in text.split(","))


def named(roles: Collection[Role]) -> str:
    """The roles as people write them, in one order."""
    return ALL if len(roles) == len(Role) else ",".join(role for role in Role if role in roles)
