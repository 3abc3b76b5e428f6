"""How many reads of GoldRush may run at once: enough for the budget, but no more than the descriptors allow."""

from dataclasses import dataclass
from math import ceil

from bot.http.connection_limit import FEWEST_CONNECTIONS, RESERVED_DESCRIPTORS
from bot.settings import Role, Settings, Transport

FEWEST_SLOTS = 4
PEOPLE_CONNECTIONS = 4  # to GoldRush, reserved for people's commands
DETAILS_CONNECTIONS = 9  # for logs, metrics and destination health: three of each
OTHER_CONNECTIONS = PEOPLE_CONNECTIONS + DETAILS_CONNECTIONS


@dataclass(frozen=True, slots=True)
class DescriptorShortage:
    """The descriptor limit allows fewer reads at once than the budget may need."""

    problem: str
    fix: str


def read_slots(settings: Settings, descriptors: int) -> int:
    """How many reads this process starts at once, or hands to readers."""
    wanted = _wanted(settings)
    if settings.has_remote_readers:  # their sockets are the readers'
        return wanted
    inbound = FEWEST_CONNECTIONS if _serves_http(settings) else 0
    return max(FEWEST_SLOTS, min(wanted, descriptors - RESERVED_DESCRIPTORS - OTHER_CONNECTIONS - inbound))


def goldrush_connections(settings: Settings, descriptors: int) -> int:
    """How many connections to GoldRush this process may open."""
    if not settings.reads_goldrush:
        return 0
    slots = FEWEST_SLOTS if settings.has_remote_readers else read_slots(settings, descriptors)
    return slots + OTHER_CONNECTIONS


def descriptor_shortage(settings: Settings, descriptors: int) -> DescriptorShortage | None:
    """None if the process may open enough descriptors for all its reads."""
    wanted, slots = _wanted(settings), read_slots(settings, descriptors)
    if not settings.reads_goldrush or slots == wanted:
        return None
    inbound = settings.http_connections if _serves_http(settings) else 0
    needed = wanted + OTHER_CONNECTIONS + RESERVED_DESCRIPTORS + inbound
    return DescriptorShortage(
        problem=f"this process may open {descriptors} files and sockets (`ulimit -n`), so it makes at most {slots} "
        f"reads at once, not {wanted}. While GoldRush is slow, it spends less than PIPELINE_BOT_REQUESTS_PER_SECOND",
        fix=f"raise the limit to at least {needed} (systemd: LimitNOFILE), or lower "
        "PIPELINE_BOT_REQUESTS_PER_SECOND or PIPELINE_BOT_READ_TIMEOUT_SECONDS",
    )


def _wanted(settings: Settings) -> int:
    """Enough to spend the whole budget even if every read takes until its deadline."""
    return max(FEWEST_SLOTS, ceil(settings.requests_per_second * settings.read_timeout_seconds))


def _serves_http(settings: Settings) -> bool:
    return Role.SLACK in settings.roles and settings.transport is Transport.HTTP
