"""The garbage collector's settings. Each process has only one, so the test puts them back."""

import ctypes
import gc

import pytest

from bot.garbage import (
    SURVIVOR_COLLECTIONS,
    YOUNG_COLLECTIONS,
    YOUNG_OBJECTS,
    collect_rarely,
    return_freed_memory,
)


def test_later_collections_are_rare_and_skip_what_is_there() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    try:
        collect_rarely()
        assert gc.get_freeze_count() > frozen
        assert gc.get_threshold() == (YOUNG_OBJECTS, YOUNG_COLLECTIONS, SURVIVOR_COLLECTIONS)
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def test_returning_freed_memory_needs_no_particular_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    return_freed_memory()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    return_freed_memory()
