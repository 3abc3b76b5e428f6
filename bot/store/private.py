"""Keeps the embedded store's files private to their owner: they name channels, people and failures."""

import os
from contextlib import suppress
from pathlib import Path

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
UMASK = 0o077  # for the files that the server makes
_OURS = ("valkey.log", "valkey.sock", "dump.rdb", "appendonlydir", "appendonlydir/*")
"""In a shared directory, other files keep their modes."""


def make_private(directory: Path) -> None:
    """Makes the directory, and closes files that an older version left open to others.

    Raises:
        OSError: it cannot be made.
    """
    for missing in reversed([path for path in (directory, *directory.parents) if not path.exists()]):
        missing.mkdir(mode=DIRECTORY_MODE, exist_ok=True)  # others could swap the contents of an open parent
    directory.mkdir(exist_ok=True)
    _close(directory)
    for pattern in _OURS:
        for path in directory.glob(pattern):
            _close(path)


def _close(path: Path) -> None:
    """Skips files of another user, as in a mounted volume; `check` reports them."""
    with suppress(OSError):
        if not path.is_symlink():
            path.chmod(DIRECTORY_MODE if path.is_dir() else FILE_MODE)


def is_open_to_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def is_ours(path: Path) -> bool:
    """True if the directory belongs to this user and no other user can enter it."""
    status = path.lstat()
    return path.is_dir() and not path.is_symlink() and status.st_uid == os.geteuid() and not status.st_mode & 0o077
