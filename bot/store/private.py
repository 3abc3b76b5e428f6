"""The embedded store's files are for their owner alone: they name channels, people and what fails."""

import os
from contextlib import suppress
from pathlib import Path

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
UMASK = 0o077  # what the server itself makes
_OURS = ("valkey.log", "valkey.sock", "dump.rdb", "appendonlydir", "appendonlydir/*")
"""Another's files in a directory that is shared keep their modes."""


def make_private(directory: Path) -> None:
    """Makes the directory, and closes what an older version left open to others.

    Raises:
        OSError: it cannot be made.
    """
    for missing in reversed([each for each in (directory, *directory.parents) if not each.exists()]):
        missing.mkdir(mode=DIRECTORY_MODE, exist_ok=True)  # a parent open to others would let them swap what is below
    directory.mkdir(exist_ok=True)
    _close(directory)
    for pattern in _OURS:
        for path in directory.glob(pattern):
            _close(path)


def _close(path: Path) -> None:
    """What belongs to another user, as a mounted volume may, stays as it is; `check` tells."""
    with suppress(OSError):
        if not path.is_symlink():
            path.chmod(DIRECTORY_MODE if path.is_dir() else FILE_MODE)


def is_open_to_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def is_ours(path: Path) -> bool:
    """Whether nobody else can put something in its place."""
    status = path.lstat()
    return path.is_dir() and not path.is_symlink() and status.st_uid == os.geteuid() and not status.st_mode & 0o077
