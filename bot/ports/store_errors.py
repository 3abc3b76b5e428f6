"""The errors of every port that the store implements. Each of their methods may raise `StoreAway`.

StoreAway                 Redis cannot be reached right now; nothing was written
└── StoreRolledBack       Redis lost a confirmed write; the store refuses writes until the bot has recovered
"""


class StoreAway(Exception):
    pass


class StoreRolledBack(StoreAway):
    pass
