"""The carriers of a bot in a test: Slack alone, unless the test adds a kind. And an uncontested right to send."""

from collections.abc import Mapping

from bot.delivery.carrier import Carrier, Suspender
from bot.delivery.rate_limiter import RateLimiter
from bot.domain.delivery import SLACK, ReceiverKind
from bot.ports.chat import Chat
from bot.ports.clock import Clock
from bot.ports.lease_store import Lease
from bot.ports.rate_limits import RateLimits
from bot.slack.outbound.limits import SLACK_LIMITS


def by_slack(
    chat: Chat, clock: Clock, suspender: Suspender, limits: RateLimits = SLACK_LIMITS
) -> Mapping[ReceiverKind, Carrier]:
    return {SLACK: Carrier(chat=chat, limiter=RateLimiter(clock, limits), suspender=suspender)}


class OnlySender:
    """The right to send in a test whose bots compete for lanes only. Implements `SendingRight`."""

    is_leader = True
    lease: Lease | None = None

    async def acquire(self) -> bool:
        return False

    async def release(self) -> None:
        return None
