"""The roles that one process may play, and the settings that each role needs."""

import re
from collections.abc import Collection
from difflib import get_close_matches
from enum import StrEnum

ALL = "all"


class Role(StrEnum):
    """What a process does. A workspace needs each role at least once."""

    SLACK = "slack"
    """Receives from Slack, and answers people. The scheduler reads for it."""
    SCHEDULER = "scheduler"
    """Decides what to read, and records the results. One process at a time is active."""
    READER = "reader"
    """Reads GoldRush for the scheduler."""
    SENDER = "sender"
    """Sends messages."""


ROLES_FORM = "all, or one or more of slack, scheduler, reader and sender, with commas between them"
ROLES_PATTERN = r"^(all|(slack|scheduler|reader|sender)( *, *(slack|scheduler|reader|sender))*)$"

_NAMES = (*Role, ALL)

NEED_BOT_TOKEN = frozenset({Role.SLACK, Role.SCHEDULER, Role.SENDER})
NEED_SERVICE_KEY = frozenset({Role.SCHEDULER, Role.READER})


def roles_in(text: str) -> frozenset[Role]:
    """The roles that a valid value of PIPELINE_BOT_ROLE names."""
    if text == ALL:
        return frozenset(Role)
    return frozenset(Role(name.strip()) for name in text.split(","))


def role_fault(text: str) -> str | None:
    """The fault, as the first clause of a sentence that quotes none of `text`; None if it names roles."""
    if re.match(ROLES_PATTERN, text):
        return None
    word = unknown_role(text)
    if word is None and not re.search(r"\w", text):
        return "it names no role"
    if word is None:
        return "write all by itself" if ALL in text else "put one comma between two roles"
    near = nearest_role(word)
    return "a word in it names no role" + (f" (did you mean {near}?)" if near else "")


def unknown_role(text: str) -> str | None:
    """The first word that names no role."""
    return next((word for word in re.split(r"[\s,]+", text) if word and word not in _NAMES), None)


def nearest_role(word: str) -> str | None:
    """The role that a misspelled word most likely means."""
    return next(iter(get_close_matches(word.lower(), _NAMES, 1, 0.6)), None)


def named(roles: Collection[Role]) -> str:
    """The roles as people write them, in one order."""
    return ALL if len(roles) == len(Role) else ",".join(role for role in Role if role in roles)
