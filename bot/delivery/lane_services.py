"""What the workers of all lanes share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.delivery.carrier import Carrier
from bot.delivery.doubt import Doubt
from bot.domain.backlog import DEFAULT_GROUP_RULE, GroupRule
from bot.domain.delivery import ReceiverKind
from bot.ports.cards import Cards
from bot.ports.clock import Clock
from bot.ports.lanes import Lanes
from bot.ports.leadership import SendingRight
from bot.ports.outbox import Outbox
from bot.ports.pager_incidents import PagerIncidents
from bot.ports.posted_calls import PostedCalls
from bot.ports.rate_limit_store import RateLimitStore


class LaneStore(Lanes, Outbox, Cards, PagerIncidents, PostedCalls, RateLimitStore, Protocol):
    """Lanes, deliveries, cards, incidents of pagers, posted calls, and rate limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneServices:
    """The services that all lane workers of one bot share."""

    store: LaneStore
    carriers: Mapping[ReceiverKind, Carrier]
    clock: Clock
    doubt: Doubt
    sending_right: SendingRight
    """The active sender has it. The others stand by."""
    group_rule: GroupRule = DEFAULT_GROUP_RULE
    """When failures become a group."""
    pages_an_hour: int = 10
    """The limit of direct pages for one person in an hour. A summary replaces later ones."""
