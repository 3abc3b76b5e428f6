"""Sets Python's garbage collector for a process that has to answer within milliseconds, also with a large fleet.

Nothing else runs during a collection. After 1,000 failures in 20 channels, a full one took 0.2 s of CPU, and came every
few seconds. Most cycles die young, so the collections of young objects find them.
"""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG_OBJECTS = 20_000
"""New objects before a collection: more than the reads under way need, whose objects die without it.

Python's default of 700 cost the polling a tenth of its CPU.
"""
YOUNG_COLLECTIONS = 1
"""Collections of new objects before one that also searches their survivors: up to 60,000 objects take 5 ms of CPU.
Python's default of 10 would make it 220,000 objects, and 30 ms."""
SURVIVOR_COLLECTIONS = 100
"""Collections of survivors before a full one. Python skips a full one while few objects are new since the last."""


def collect_rarely() -> None:
    """Call once, after the imports. Later collections leave out the objects that exist now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_COLLECTIONS, SURVIVOR_COLLECTIONS)


@contextmanager
def without_collections() -> Iterator[None]:
    """For code that creates an object or more for each pipeline, all of which stay.

    The collector would search the growing heap every time that it has grown by a quarter: for 100,000 pipelines that
    takes a fifth of the start.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def keep_for_good() -> None:
    """Takes all objects that exist now out of later collections. With 100,000 pipelines, each full collection would
    otherwise hold up the event loop for a third of a second.

    An object without references is freed nevertheless, unless it belongs to a cycle.
    """
    gc.freeze()


def return_freed_memory() -> None:
    """Returns memory that holds no object to the system. glibc keeps it, such as the earlier tables of a grown dict.

    Does nothing with another C library.
    """
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
