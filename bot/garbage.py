"""Sets Python's garbage collector for a process that has to answer within milliseconds.

A full collection looks at every object, and nothing else runs meanwhile. After 1,000 failures in 20 channels, one took
0.2 s of CPU, and came every few seconds. Most cycles die young, so the collections of young objects find them.
"""

import gc

YOUNG_OBJECTS = 20_000
"""A collection comes after so many new objects: more than the reads under way need, whose objects die without it.

A full one comes after a hundred times as many. Python's default of 700 cost the polling a tenth of its CPU.
"""


def collect_rarely() -> None:
    """Call once, after the imports: later collections don't look at what is there by then."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
