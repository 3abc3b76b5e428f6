"""Names of policies and schedules. People type them in commands, so they are one word. Pure."""

import re

from bot.domain.setup import LONGEST_NAME

_NAME = re.compile(r"[^\W_][\w.-]*")
_RESERVED_WORDS = """
    add all because cancel channel default defaults delete every for from help here in instead last list me new
    none nobody now of on oncall operator owner page pager policy remove repeat rotate save schedule shadow show
    take then until wait workspace
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())


def name_problem(name: str) -> str:
    """Why this can't be the name of a policy or schedule, as a clause; empty if it can."""
    if len(name) > LONGEST_NAME:
        return f"it has {len(name):,} characters, and the limit is {LONGEST_NAME:,}"
    if not _NAME.fullmatch(name):
        return "use one word of letters, digits and hyphens"
    if name.casefold() in _RESERVED:
        return "that word has a meaning of its own in commands"
    return ""
