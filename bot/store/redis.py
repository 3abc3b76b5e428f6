"""Every port of the store, over one connection to Redis."""

from bot.domain.history import HistoryLimits
from bot.ports.clock import Clock
from bot.store.aliases import RedisAliases
from bot.store.cards import RedisCards
from bot.store.catalogue import RedisCatalogue
from bot.store.channels import RedisChannels
from bot.store.commits import RedisCommits
from bot.store.configurations import RedisConfigurations
from bot.store.credits import RedisCredits
from bot.store.drills import RedisDrills
from bot.store.heartbeats import RedisHeartbeats
from bot.store.history import RedisHistory
from bot.store.interactions import RedisInteractions
from bot.store.known_errors import RedisErrors
from bot.store.lanes import RedisLanes
from bot.store.leases import RedisLeases
from bot.store.measurements import RedisMeasurements
from bot.store.outbox import RedisOutbox
from bot.store.outbox_size import RedisOutboxSize
from bot.store.pager_incidents import RedisPagerIncidents
from bot.store.posted_calls import RedisPostedCalls
from bot.store.postmortems import RedisPostmortems
from bot.store.rate_limits import RedisRateLimits
from bot.store.receipts import RedisReceipts
from bot.store.records import RedisRecords
from bot.store.scheduled import RedisScheduled
from bot.store.scripts import Scripts
from bot.store.setup import RedisSetup
from bot.store.watches import RedisWatches

DEFAULT_LIMITS = HistoryLimits()


class RedisStore(
    RedisAliases,
    RedisWatches,
    RedisSetup,
    RedisRecords,
    RedisCommits,
    RedisCatalogue,
    RedisConfigurations,
    RedisCredits,
    RedisErrors,
    RedisPostmortems,
    RedisChannels,
    RedisInteractions,
    RedisLeases,
    RedisMeasurements,
    RedisHeartbeats,
    RedisCards,
    RedisOutboxSize,
    RedisLanes,
    RedisOutbox,
    RedisPagerIncidents,
    RedisPostedCalls,
    RedisRateLimits,
    RedisScheduled,
    RedisDrills,
    RedisHistory,
    RedisReceipts,
):
    """All data of one workspace."""

    def __init__(
        self,
        scripts: Scripts,
        clock: Clock,
        history_limits: HistoryLimits = DEFAULT_LIMITS,
        *,
        gather_seconds: float = 0.0,
    ) -> None:
        super().__init__(scripts, clock)
        self.history_limits = history_limits
        self.gather_seconds = gather_seconds
