"""Sets Python's garbage collector for a process that has to answer within milliseconds.

Nothing else runs during a collection. After 1,000 failures in 20 channels, a full one took 0.2 s of CPU, and came every
few seconds. Most cycles die young, so the collections of young objects find them.
"""

import gc

YOUNG_OBJECTS = 20_000
"""A collection comes after so many new objects: more than the reads under way need, whose objects die without it.

Python's default of 700 cost the polling a tenth of its CPU.
"""
YOUNG_COLLECTIONS = 1
"""With more than so many of them in between, one looks at their survivors again: up to 60,000 objects take 5 ms of CPU.
Python's default of 10 would make it 220,000 objects, and 30 ms."""
SURVIVOR_COLLECTIONS = 100
"""With more than so many of those in between, a full one comes, if enough objects are new since the last."""


def collect_rarely() -> None:
    """Call once, after the imports: later collections don't look at what is there by then."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_COLLECTIONS, SURVIVOR_COLLECTIONS)
