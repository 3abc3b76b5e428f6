"""Keeps Python's garbage collector from looking at a large fleet again and again."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
    """Takes all objects that exist now out of later collections. Each of them would hold up the event loop otherwise:
    for a third of a second with 100,000 pipelines.

    An object without references is freed nevertheless, unless it belongs to a cycle.
    """
    gc.freeze()
