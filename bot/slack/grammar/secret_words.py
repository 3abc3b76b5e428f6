"""Keeps the address of a calendar out of refusals: everybody who has it can read the calendar. Pure."""

import re

_ADDRESS = re.compile(r"(?:https?|webcals?)://\S*", re.IGNORECASE)
_ABOUT_CALENDARS = re.compile(r"calendar|webcal|\bical|\bics\b|\bschedul", re.IGNORECASE)


def names_secret(text: str) -> bool:
    """True if a command seems to name the address of a calendar, also if it is misspelled."""
    return bool(_ADDRESS.search(text)) and bool(_ABOUT_CALENDARS.search(text))


def without_addresses(text: str) -> str:
    """The text with a mark in place of each address."""
    return _ADDRESS.sub("…", text)


def holds_address(text: str) -> bool:
    return bool(_ADDRESS.search(text))
