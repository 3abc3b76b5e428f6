"""The errors of every port that the store implements. Each of their methods may raise `StoreAway`.

StoreAway                 Redis can't be reached; a write may or may not have happened, and trying again is safe
├── StoreRolledBack       Redis lost a confirmed write; the store refuses writes until the bot has recovered
├── StoreNewer            a newer version of the bot wrote there; update this bot
└── LeadershipLost        the leader's lease is lost, and its plan was for a reading; the next leader reads again

After the last three, nothing was written.
"""


class StoreAway(Exception):
    pass


class StoreRolledBack(StoreAway):
    pass


class StoreNewer(StoreAway):
    """`str()` gives a sentence for the operator."""


class LeadershipLost(StoreAway):
    pass
