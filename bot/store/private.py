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
    """Makes the directory. Takes away other users' access to files that an older version left open to them.

    Raises:
        OSError: it cannot be made.
    """
    for missing in reversed([path for path in (directory, *directory.parents) if not path.exists()]):
        missing.mkdir(mode=DIRECTORY_MODE, exist_ok=True)  # in an open parent, other users could swap its contents
    directory.mkdir(exist_ok=True)
    _take_from_others(directory)
    for pattern in _OURS:
        for path in directory.glob(pattern):
            _take_from_others(path)


def _take_from_others(path: Path) -> None:
    """Leaves only the owner's access. Skips files of another user, as in a mounted volume; `check` reports them."""
    with suppress(OSError):
        if not path.is_symlink():
            path.chmod(DIRECTORY_MODE if path.is_dir() else FILE_MODE)


def is_open_to_others(path: Path) -> bool:
    """True if other users may read, write or enter it."""
    try:
        return bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def is_ours(path: Path) -> bool:
    """True if the directory belongs to this user and no other user can enter it."""
    status = path.lstat()
    return path.is_dir() and not path.is_symlink() and status.st_uid == os.geteuid() and not status.st_mode & 0o077
