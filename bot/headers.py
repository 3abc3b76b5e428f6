"""Case-insensitive lookup of an HTTP header."""

from collections.abc import Mapping


def header(headers: Mapping[str, str], name: str) -> str:
    """Empty if the header is absent."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), "")
