"""The addresses of Slack and GoldRush: whether one is valid, and whether it may be spoken to without TLS."""

from urllib.parse import urlsplit

from bot.proxy import is_loopback
from bot.settings.redis_address import ends_after_bracket, host_is_valid, port_is_valid


def http_fault(url: str) -> str | None:
    """The fault, as a clause that begins a sentence."""
    if not url.startswith(("https://", "http://")):
        return "it does not begin with https://"
    if not url.isprintable() or " " in url:
        return "it holds spaces or line breaks"
    try:
        parts = urlsplit(url)
    except ValueError:  # its text quotes the address
        return "the host is not valid"
    if "@" in parts.netloc:
        return "it holds a user name or a password"
    if "?" in url or "#" in url:
        return "it holds a ? or a #"
    if not (host_is_valid(parts.hostname) and ends_after_bracket(parts)):
        return "the host is missing or not valid"
    return None if port_is_valid(parts) else "the port is not a whole number from 1 to 65535"


def is_exposed(url: str) -> bool:
    """Whether tokens would cross a network unencrypted. `url` is one of HTTP or of Redis that has no fault."""
    return url.startswith(("http://", "redis://")) and not is_loopback(urlsplit(url).hostname or "")
