"""Recognizes a data directory that a container loses together with itself."""

from pathlib import Path, PurePosixPath

from bot.store.problem import Problem, Weight

MOUNTS = Path("/proc/self/mountinfo")
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_OF_A_CONTAINER = frozenset({"overlay", "aufs"})


def volatile_store(directory: Path, mounts: Path = MOUNTS) -> Problem | None:
    """The problem if the directory lies in memory, or in a container and not in a volume. None elsewhere, and where the
    system does not tell."""
    try:
        kind = _kind_of(directory.resolve(), mounts.read_text())
    except (OSError, RuntimeError):
        return None
    if kind not in _IN_MEMORY | _OF_A_CONTAINER:
        return None
    place = "in memory" if kind in _IN_MEMORY else "in the container itself"
    text = f"PIPELINE_BOT_DATA_DIR lies {place}, so watches and unsent messages are lost at the next restart or deploy"
    return Problem("Store files", Weight.WEAK, text, "set REDIS_URL, or mount a volume at PIPELINE_BOT_DATA_DIR")


def _kind_of(directory: Path, mounts: str) -> str:
    """The type of the directory's file system. Format of the lines: proc_pid_mountinfo(5)."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        mount, _, rest = line.partition(" - ")
        fields = mount.split()
        point = PurePosixPath(fields[4].encode().decode("unicode_escape")) if len(fields) > 4 else None
        if point is not None and directory.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), rest.split(" ")[0]
    return kind
