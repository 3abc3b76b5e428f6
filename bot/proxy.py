"""Chooses a request's proxy from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in either case.

slack_sdk ignores NO_PROXY, and httpx fails on an IPv6 network in it. So this module chooses for both.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

_SCHEMES = {"https": "https", "wss": "https", "http": "http", "ws": "http"}


class ProxyError(ValueError):
    """A proxy variable is not valid. The text names the variable, never its value."""


class Variable(NamedTuple):
    """An environment variable that is not empty."""

    name: str
    """As spelled in the environment."""
    value: str


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxy settings of one environment."""

    by_scheme: Mapping[str, Variable] = field(default_factory=dict)
    """The variables that are set, by `https`, `http` and `all`."""
    exceptions: tuple[str, ...] = ()
    """The entries of NO_PROXY."""

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> "Proxies":
        environment = os.environ if environment is None else environment
        variables = {scheme: _variable(environment, f"{scheme}_proxy") for scheme in ("https", "http", "all")}
        exceptions = _variable(environment, "no_proxy")
        return cls(
            {scheme: variable for scheme, variable in variables.items() if variable},
            tuple(re.split(r"[\s,;]+", exceptions.value.strip())) if exceptions else (),
        )

    def for_url(self, url: str) -> str | None:
        """The proxy's address. None: connect directly. A loopback host never gets a proxy, whatever the variables say.

        Raises:
            ProxyError
        """
        parts = urlsplit(url)
        variable = self.by_scheme.get(_SCHEMES.get(parts.scheme, "")) or self.by_scheme.get("all")
        if variable is None or self._is_exempt(parts):
            return None
        return _checked(variable)

    def _is_exempt(self, parts: SplitResult) -> bool:
        host = (parts.hostname or "").rstrip(".")
        port = parts.port or (443 if _SCHEMES.get(parts.scheme) == "https" else 80)
        return is_loopback(host) or any(_covers(entry, host, port) for entry in self.exceptions)


def proxy_for(url: str) -> str | None:
    """Chooses by the environment of this process.

    Raises:
        ProxyError
    """
    return Proxies.of_environment().for_url(url)


def is_loopback(host: str) -> bool:
    host = host.lower().rstrip(".")
    address = _address(host)
    return address.is_loopback if address else host == "localhost" or host.endswith(".localhost")


def _variable(environment: Mapping[str, str], name: str) -> Variable | None:
    """The lowercase name wins, as in curl. HTTP_PROXY does not count under CGI, where a request sets it."""
    for spelled in (name, name.upper()):
        if spelled in environment:
            value = environment[spelled].strip()
            refused = spelled == "HTTP_PROXY" and "REQUEST_METHOD" in environment
            return Variable(spelled, value) if value and not refused else None
    return None


def _checked(variable: Variable) -> str:
    """The proxy's address, with a scheme.

    Raises:
        ProxyError
    """
    url = variable.value if "://" in variable.value else f"http://{variable.value}"
    scheme = url.partition("://")[0].lower()
    if scheme not in {"http", "https"}:
        problem = "SOCKS proxies are not supported" if scheme.startswith("socks") else "it is not a proxy address"
        raise ProxyError(
            f"{variable.name} is not valid: {problem}. It must begin with http:// or https://, or be empty."
        )
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        valid = bool(host) and parts.port != 0 and url.isprintable() and " " not in url
        valid = valid and parts.path in ("", "/") and not parts.query and not parts.fragment
        host.encode("ascii" if ":" in host else "idna")  # raises ValueError for a host that DNS or IPv6 can't have
    except ValueError:  # hides its text, which may quote a password
        valid = False
    if not valid:
        raise ProxyError(
            f"{variable.name} is not valid: it is not a proxy address. It must be http://host:port or empty. "
            "Percent-encode a password in it."
        )
    return url


def _covers(entry: str, host: str, port: int) -> bool:
    """`entry` is a host (which covers its subdomains), an address or a network, with or without a port; or `*`."""
    entry = re.sub(r"^[a-z]+://", "", entry.lower()).rstrip("/.")
    if entry == "*":
        return True
    if (network := _network(entry)) and (address := _address(host)):
        return address in network
    name, entry_port = _split_port(entry)
    if entry_port not in (None, port) or not name:
        return False
    if address := _address(host):
        return address == _address(name)
    name = name.removeprefix("*").lstrip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _split_port(entry: str) -> tuple[str, int | None]:
    match = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*):([0-9]{1,5})", entry)
    name, port = (match[1], int(match[2])) if match else (entry, None)
    return name.strip("[]"), port


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    if "/" not in entry:
        return None
    try:
        return ipaddress.ip_network(entry.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return None
