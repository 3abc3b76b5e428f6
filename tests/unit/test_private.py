"""The directory of the embedded store is closed to others, and so is each that is made on the way to it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.store.private import make_private


@pytest.fixture(autouse=True)
def _no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_each_directory_that_it_makes_is_for_its_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "var" / "bot" / "data"
    make_private(directory)
    make_private(directory)
    assert [path.stat().st_mode & 0o777 for path in (directory, *directory.parents[:2])] == [0o700] * 3


def test_a_parent_that_was_there_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private(tmp_path / "data")
    assert tmp_path.stat().st_mode & 0o777 == 0o755
