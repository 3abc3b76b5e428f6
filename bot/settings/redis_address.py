"""Finds the fault in a REDIS_URL. Quotes none of it, since a password may be anywhere in it."""

import re
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

SCHEMES = ("redis", "rediss", "unix")
ENCODE = "percent-encode the password: # is %23, / is %2F, ? is %3F, @ is %40, % is %25, a space is %20"
ONE_SERVER = "Redis Sentinel and Redis Cluster are not supported yet. Give the address of one server"

# The options after the ? of an address: https://redis.readthedocs.io/en/stable/connections.html
OPTIONS = frozenset({
    "client_name", "db", "health_check_interval", "max_connections", "password", "protocol", "retry_on_timeout",
    "socket_connect_timeout", "socket_keepalive", "socket_read_size", "socket_timeout", "ssl_ca_certs", "ssl_ca_data",
    "ssl_ca_path", "ssl_ciphers", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname", "ssl_keyfile",
    "ssl_keyfile_password", "username",
})  # fmt: skip
_NUMBERS = {"db", "health_check_interval", "max_connections", "socket_connect_timeout", "socket_timeout"}
_CERT_REQS = {"none", "optional", "required"}


def redis_fault(url: str) -> str | None:
    """The fault, as the first clause of a sentence; None if the address is valid."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        return _scheme_fault(scheme if separator else "")
    if _needs_encoding(url):
        return ENCODE
    try:
        parts = urlsplit(url)
    except ValueError:  # hides its text, which quotes the address
        return ENCODE if "@" in rest else "the host is not valid (put an IPv6 address in square brackets)"
    return _credentials_fault(parts) or _place_fault(parts) or _options_fault(parts.query)


def _scheme_fault(scheme: str) -> str | None:
    scheme = scheme.lower()
    if "sentinel" in scheme or "cluster" in scheme:
        return ONE_SERVER
    if scheme in {"valkey", "valkeys"}:
        return f"write redis{'s' if scheme == 'valkeys' else ''}:// instead of {scheme}://"
    if scheme in SCHEMES:
        return "write the part before :// in lowercase"
    if scheme in {"redis+unix", "redis+socket", "redis-socket"}:
        return f"write unix:// instead of {scheme}://"
    return "it does not begin with redis://, rediss:// or unix://"


def _needs_encoding(url: str) -> bool:
    """True if a character ends the password early, or means something else inside it."""
    authority, _, behind = url.partition("://")[2].partition("/")
    return (
        "#" in url
        or bool(re.search(r"\s|\\|%(?![0-9a-fA-F]{2})", url))
        or not _decodes(url)
        or (not url.startswith("unix:") and ("@" in behind or "@" in authority.partition("?")[2]))
    )


def _decodes(url: str) -> bool:
    try:
        unquote(url, errors="strict")
    except UnicodeDecodeError:
        return False
    return url.isprintable()


def _credentials_fault(parts: SplitResult) -> str | None:
    if parts.username and parts.password is None:
        return "put a colon before a password without a user (redis://:PASSWORD@host)"
    return None


def _place_fault(parts: SplitResult) -> str | None:
    if parts.scheme == "unix":
        return None if len(parts.path) > 1 else "it names no socket (unix:///path/to/valkey.sock)"
    if "," in parts.netloc.rpartition("@")[2]:
        return ONE_SERVER
    return _host_fault(parts) or _database_fault(parts.path)


def _host_fault(parts: SplitResult) -> str | None:
    host = parts.netloc.rpartition("@")[2]
    if host.count(":") > 1 and not host.startswith("["):
        return "put an IPv6 address in square brackets"
    if not (host_is_valid(parts.hostname) and ends_after_bracket(parts)):
        return "the host is missing or not valid"
    return None if port_is_valid(parts) else "the port is not a whole number from 1 to 65535"


def _database_fault(path: str) -> str | None:
    if re.fullmatch(r"(/[0-9]{0,5})?", path):
        return None
    return "only a database number may follow the host (/0)"


def _options_fault(query: str) -> str | None:
    try:
        options = parse_qs(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    except ValueError:
        return "the text after the question mark is not NAME=VALUE&NAME=VALUE"
    if options.keys() - OPTIONS:
        return "an option after the question mark is unknown. Common ones are db, ssl_cert_reqs, ssl_ca_certs"
    for name, values in options.items():
        if name in _NUMBERS and not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", values[0]):
            return f"{name} is not a number"
    if not set(options.get("ssl_cert_reqs", [])) <= _CERT_REQS:
        return "ssl_cert_reqs must be none, optional or required"
    return None


def passwords_in(url: str) -> tuple[str, ...]:
    """The password of a valid address, encoded as in the address and decoded as the bot sends it."""
    parts = urlsplit(url)
    found = [parts.password or "", *parse_qs(parts.query).get("password", [])]
    return tuple(dict.fromkeys(form for password in found if password for form in (password, unquote(password))))


def host_is_valid(host: str | None) -> bool:
    """True if the system can try to resolve this host name."""
    if not host or not re.fullmatch(r"[^\s/?#@%,;\"'<>|\\^`{}()$!*]+", host):
        return False
    try:
        host.encode("ascii" if ":" in host else "idna")
    except UnicodeError:
        return False
    return True


def ends_after_bracket(parts: SplitResult) -> bool:
    """False for `[::1].example`: urlsplit reads the host `::1`, other libraries may read the rest."""
    return not re.search(r"\][^:]", parts.netloc)


def port_is_valid(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:  # hides its text, which quotes the address
        return False
