"""A data directory that a container or a restart takes away."""

from pathlib import Path

import pytest

from bot.store.volatile import volatile_store

CONTAINER = """\
100 50 0:40 / / rw,relatime - overlay overlay rw,lowerdir=/l
101 100 0:41 / /proc rw - proc proc rw
102 100 0:42 / /memory rw - tmpfs shm rw
103 100 8:1 /volumes/bot /data rw - ext4 /dev/sda1 rw
104 100 8:1 /volumes/odd /with\\040blank rw - ext4 /dev/sda1 rw
"""
MACHINE = "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n23 22 0:20 / /scratch rw - tmpfs tmpfs rw\n"


@pytest.mark.parametrize(
    ("mounts", "directory", "place"),
    [
        (CONTAINER, "/srv/.data", "in the container itself"),
        (CONTAINER, "/", "in the container itself"),
        (CONTAINER, "/memory/bot", "in memory"),
        (CONTAINER, "/data", None),
        (CONTAINER, "/data/deeper", None),
        (CONTAINER, "/database", "in the container itself"),
        (CONTAINER, "/with blank/x", None),
        (MACHINE, "/var/lib/pipeline-bot", None),
        (MACHINE, "/scratch/.data", "in memory"),
        ("nonsense\n", "/data", None),
        ("", "/data", None),
    ],
)
def test_a_directory_that_goes_is_recognized(tmp_path: Path, mounts: str, directory: str, place: str | None) -> None:
    listed = tmp_path / "mountinfo"
    listed.write_text(mounts)
    problem = volatile_store(Path(directory), listed)
    assert (problem is None) is (place is None)
    assert problem is None or f"PIPELINE_BOT_DATA_DIR lies {place}," in problem.text


def test_a_system_that_does_not_tell_is_not_blamed(tmp_path: Path) -> None:
    assert volatile_store(tmp_path, tmp_path / "absent") is None
