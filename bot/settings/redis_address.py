"""Finds the fault in a REDIS_URL. Quotes none of it, since a password may be anywhere in it."""

import re
from difflib import get_close_matches
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from bot.redis_address import CLUSTER_SCHEMES, SCHEMES, SENTINEL_LOGIN, SENTINEL_SCHEMES, UrlParts, split_url

REDIS_FORM = (
    "redis://:PASSWORD@host:6379/0, rediss://… for TLS, redis+sentinel://host:26379,host:26379/SERVICE, "
    "redis+cluster://host:6379, or unix:///path/to/socket"
)
ENCODE = "percent-encode the password: # is %23, / is %2F, ? is %3F, @ is %40, % is %25, a space is %20"
SEVERAL_HOSTS = "several hosts need redis+sentinel:// or redis+cluster://"
NO_COLON = "put a colon before a password without a user (redis://:PASSWORD@host)"
_SOCKET = "write unix:// before the absolute path of a socket (unix:///path/to/socket)"
_SENTINEL = "for Redis Sentinel write redis+sentinel://HOST:26379,HOST:26379/SERVICE"
_CLUSTER = "for Redis Cluster write redis+cluster://HOST:6379"

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
    if url.startswith(("/", "unix:/")) and not separator:
        return _SOCKET
    if not separator or scheme not in (*SCHEMES, *SENTINEL_SCHEMES, *CLUSTER_SCHEMES):
        return _scheme_fault(scheme if separator else "")
    if _needs_encoding(url):
        return ENCODE
    if scheme not in SCHEMES:
        return _group_fault(split_url(url))
    try:
        parts = urlsplit(url)
    except ValueError:  # hides its text, which quotes the address
        return ENCODE if "@" in rest else "the host is not valid (put an IPv6 address in square brackets)"
    return _credentials_fault(parts) or _place_fault(parts) or _options_fault(parts.query)


def _scheme_fault(scheme: str) -> str | None:
    scheme = scheme.lower()
    if scheme in {"valkey", "valkeys"}:
        return f"write redis{'s' if scheme == 'valkeys' else ''}:// instead of {scheme}://"
    if scheme in (*SCHEMES, *SENTINEL_SCHEMES, *CLUSTER_SCHEMES):
        return "write the part before :// in lowercase"
    if "sentinel" in scheme:
        return _SENTINEL
    if "cluster" in scheme:
        return _CLUSTER
    if scheme in {"redis+unix", "redis+socket", "redis-socket"}:
        return f"write unix:// instead of {scheme}://"
    near = get_close_matches(scheme, (*SCHEMES, *SENTINEL_SCHEMES, *CLUSTER_SCHEMES), 1, 0.75)
    if near:
        return f"it begins with no known scheme (did you mean {near[0]}://?)"
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


def _group_fault(parts: UrlParts) -> str | None:
    """The fault in an address of Sentinels, or of the nodes of a cluster."""
    if parts.login and ":" not in parts.login:
        return NO_COLON
    for host in parts.hosts:
        try:
            fault = _host_fault(urlsplit(f"redis://{host}"))
        except ValueError:  # hides its text, which quotes the address
            fault = "the host is not valid (put an IPv6 address in square brackets)"
        if fault:
            return fault
    return _sentinel_fault(parts) if parts.scheme in SENTINEL_SCHEMES else _cluster_fault(parts)


def _sentinel_fault(parts: UrlParts) -> str | None:
    if not parts.path:
        return "the service is missing: the name by which Sentinel knows the primary (…/SERVICE)"
    if not re.fullmatch(r"[A-Za-z0-9._-]+", parts.path):
        return "only the service may follow the hosts; the database is an option (…/SERVICE?db=0)"
    return _options_fault(parts.query, OPTIONS.union(SENTINEL_LOGIN))


def _cluster_fault(parts: UrlParts) -> str | None:
    databases = {parts.path or "0", *parse_qs(parts.query).get("db", [])}
    return "a cluster has no database but 0" if databases != {"0"} else _options_fault(parts.query)


def _credentials_fault(parts: SplitResult) -> str | None:
    if parts.username and parts.password is None:
        return NO_COLON
    return None


def _place_fault(parts: SplitResult) -> str | None:
    if parts.scheme == "unix":
        if parts.netloc.rpartition("@")[2]:
            return _SOCKET  # unix://path would mean a host called path
        return None if len(parts.path) > 1 else "it names no socket (unix:///path/to/valkey.sock)"
    if "," in parts.netloc.rpartition("@")[2]:
        return SEVERAL_HOSTS
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


def _options_fault(query: str, known: frozenset[str] = OPTIONS) -> str | None:
    try:
        options = parse_qs(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    except ValueError:
        return "the text after the question mark is not NAME=VALUE&NAME=VALUE"
    if "+" in query:
        return "write + as %2B after the question mark, where it means a space"
    for unknown in sorted(options.keys() - known):
        near = get_close_matches(unknown.lower(), known, 1)  # a known name, so it quotes no password
        hint = f"Did you mean {near[0]}?" if near else "Common ones are db, ssl_cert_reqs, ssl_ca_certs"
        return f"an option after the question mark is unknown. {hint}"
    for name, values in options.items():
        if name in _NUMBERS and not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", values[0]):
            return f"{name} is not a number"
    if not set(options.get("ssl_cert_reqs", [])) <= _CERT_REQS:
        return "ssl_cert_reqs must be none, optional or required"
    return None


def passwords_in(url: str) -> tuple[str, ...]:
    """The passwords of a valid address, encoded as in the address and decoded as the bot sends them."""
    parts = split_url(url)
    options = parse_qs(parts.query)
    found = [parts.login.partition(":")[2], *options.get("password", []), *options.get("sentinel_password", [])]
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
