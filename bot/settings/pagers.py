"""The setting PAGERS: each pager's name and address. A fault names the pager, never its address."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from bot.proxy import is_loopback

PAGERS_FORM = (
    "pairs of NAME=ADDRESS with blanks between them, such as `ops=pagerduty://ROUTING_KEY night=ntfys://TOPIC`. "
    "A name has 1 to 40 lowercase letters, digits, hyphens and underscores"
)
PAGER_SECRETS = ("PAGERS", "PAGERDUTY_API_TOKEN", "PAGERDUTY_WEBHOOK_SECRET")
MOST_PAGERS = 50
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_ROUTING_KEY = re.compile(r"[A-Za-z0-9]{32}")
_TRIGGER_HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
_SHORTEST_PART = 6  # a shorter part of an address is no secret, or could be a part of any word


class PagerService(StrEnum):
    """How the bot reaches a pager."""

    PAGERDUTY = "pagerduty"
    WORKFLOW = "workflow"
    APPRISE = "apprise"


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerAddress:
    """One pager that people may page by its name."""

    name: str
    service: PagerService
    secret: str = field(repr=False)
    """PagerDuty's routing key; for the others, the whole address."""


def pagers_in(value: str) -> tuple[PagerAddress, ...]:
    """The pagers of a setting without faults."""
    return tuple(_pager(name, address) for name, address in _pairs(value))


def pagers_fault(value: str) -> str | None:
    """All faults, as the first clause of a sentence; None if there is none."""
    pairs = list(_pairs(value))
    names = [name for name, _ in pairs if _NAME.fullmatch(name)]
    faults = [fault for number, pair in enumerate(pairs, 1) if (fault := _fault(number, *pair))]
    faults += [
        f"the name {name} stands there twice" for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if len(pairs) > MOST_PAGERS:
        faults.append(f"it has more than {MOST_PAGERS} pagers")
    return "; ".join(faults) or None


def secrets_in(value: str) -> Iterator[str]:
    """Each address, and each part of one that may be a key, in every spelling."""
    for _, address in _pairs(value):
        rest = address.partition("://")[2]
        parts = [address, rest, *re.split(r"[/?#&=@:,]", rest)]
        parts = [spelling for part in parts for spelling in (part, unquote(part))]
        yield from (part for part in parts if len(part) >= _SHORTEST_PART)


def _pairs(value: str) -> Iterator[tuple[str, str]]:
    for pair in value.split():
        name, _, address = pair.partition("=")
        yield name, address


def _pager(name: str, address: str) -> PagerAddress:
    service = _service(address)
    key = urlsplit(address).netloc if service is PagerService.PAGERDUTY else address
    return PagerAddress(name=name, service=service, secret=key)


def _service(address: str) -> PagerService:
    scheme = address.partition("://")[0].lower()
    if scheme == "pagerduty":
        return PagerService.PAGERDUTY
    return PagerService.WORKFLOW if scheme in {"http", "https"} else PagerService.APPRISE


def _fault(number: int, name: str, address: str) -> str | None:
    """Quotes a name only with an address behind it: what stands alone may be a key."""
    if "://" not in address or not name:
        return f"pager {number} is not NAME=ADDRESS"
    if not _NAME.fullmatch(name):
        return f"the name of pager {number} is too long, or has other characters"
    match _service(address):
        case PagerService.PAGERDUTY:
            return _pagerduty_fault(name, address)
        case PagerService.WORKFLOW:
            return _workflow_fault(name, address)
        case PagerService.APPRISE:
            return _apprise_fault(name, address)


def _pagerduty_fault(name: str, address: str) -> str | None:
    key, _, path = address.partition("://")[2].partition("/")
    if path or not _ROUTING_KEY.fullmatch(key):
        return (
            f"{name} needs the 32 characters of an Events API v2 integration key behind pagerduty:// and nothing else"
        )
    return None


def _workflow_fault(name: str, address: str) -> str | None:
    try:
        parts = urlsplit(address)
        host, path = parts.hostname or "", parts.path
    except ValueError:  # hides its text, which quotes the address
        return f"{name} has an address that is not valid"
    is_secure = parts.scheme == "https" and host in _TRIGGER_HOSTS
    if not (is_secure or is_loopback(host)) or not path.startswith("/triggers/") or "@" in parts.netloc:
        return (
            f"{name} begins with {parts.scheme}://, so it needs the trigger URL of a Slack workflow "
            "(https://hooks.slack.com/triggers/…). For another web hook, write jsons:// in place of https://"
        )
    return None


def _apprise_fault(name: str, address: str) -> str | None:
    from bot.pager_library import apprise_takes  # noqa: PLC0415 (takes memory, and most bots have no such pager)

    if apprise_takes(address):
        return None
    return f"{name} has an address that Apprise can't use. https://appriseit.com lists the forms"
