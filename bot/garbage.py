"""Sets Python's garbage collector for a process that has to answer within milliseconds.

A full collection looks at every object, and nothing else runs meanwhile. After 1,000 failures in 20 channels, one took
0.2 s of CPU, and came every few seconds. Most cycles die young, so the collections of young objects find them.
"""

import gc

FULL_EVERY = 100
"""A full collection comes after so many collections of middle-aged objects. Python's default is 10."""


def collect_rarely() -> None:
    """Call once, after the imports: later collections don't look at what is there by then."""
    gc.collect()
    gc.freeze()
    young, middle_aged, _ = gc.get_threshold()
    gc.set_threshold(young, middle_aged, FULL_EVERY)
