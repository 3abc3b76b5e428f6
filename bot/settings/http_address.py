"""Checks the addresses of Slack and GoldRush, and whether they need TLS."""

from urllib.parse import urlsplit

from bot.proxy import is_loopback
from bot.redis_address import parse_redis_url
from bot.settings.redis_address import ends_after_bracket, host_is_valid, port_is_valid


def http_fault(url: str) -> str | None:
    """The fault, as the first clause of a sentence; None if the address is valid."""
    if not url.startswith(("https://", "http://")):
        return "it does not begin with https://"
    if not url.isprintable() or " " in url:
        return "it contains spaces or line breaks"
    try:
        parts = urlsplit(url)
    except ValueError:  # hides its text, which quotes the address
        return "the host is not valid"
    if "@" in parts.netloc:
        return "it contains a user name or a password"
    if "?" in url or "#" in url:
        return "it contains a ? or a #"
    if not (host_is_valid(parts.hostname) and ends_after_bracket(parts)):
        return "the host is missing or not valid"
    return None if port_is_valid(parts) else "the port is not a whole number from 1 to 65535"


def without_query(url: str) -> str:
    """The address up to its question mark. What comes after it is valid if it has no spaces."""
    before, mark, query = url.partition("?")
    return before if not mark or (query.isprintable() and " " not in query and "#" not in query) else url


def is_exposed(url: str) -> bool:
    """True if tokens would cross a network unencrypted. `url` is a valid address of HTTP or Redis."""
    if url.startswith(("redis+sentinel://", "redis+cluster://")):
        return not all(is_loopback(node.host) for node in parse_redis_url(url).nodes)
    return url.startswith(("http://", "redis://")) and not is_loopback(urlsplit(url).hostname or "")
