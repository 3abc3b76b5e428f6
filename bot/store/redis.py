"""Every port of the store, over one connection to Redis."""

from bot.store.cards import RedisCards
from bot.store.channels import RedisChannels
from bot.store.heartbeats import RedisHeartbeats
from bot.store.interactions import RedisInteractions
from bot.store.lanes import RedisLanes
from bot.store.leases import RedisLeases
from bot.store.outbox import RedisOutbox
from bot.store.rate_limits import RedisRateLimits
from bot.store.records import RedisRecords
from bot.store.renames import RedisRenames
from bot.store.watches import RedisWatches


class RedisStore(
    RedisRenames,
    RedisWatches,
    RedisRecords,
    RedisChannels,
    RedisInteractions,
    RedisLeases,
    RedisHeartbeats,
    RedisCards,
    RedisLanes,
    RedisOutbox,
    RedisRateLimits,
):
    """One workspace's data."""
