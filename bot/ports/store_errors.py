"""The errors of every port that the store implements. Each of their methods may raise `StoreAway`.

StoreAway                 Redis cannot be reached right now; nothing was written
├── StoreRolledBack       Redis lost a confirmed write; the store refuses writes until the bot has recovered
└── StoreNewer            a newer version of the bot wrote there; update this bot
"""


class StoreAway(Exception):
    pass


class StoreRolledBack(StoreAway):
    pass


class StoreNewer(StoreAway):
    """`str()` gives a sentence for the operator."""
