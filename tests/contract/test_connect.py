"""Where the store is: the embedded server's life, and a Redis by URL."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from redis.exceptions import AuthenticationError

from bot.store.connect import connect, opened
from bot.store.embedded import LONGEST_SOCKET_PATH, EmbeddedStoreError, embedded
from tests.builders import TEAM
from tests.journey.valkey import Valkey


async def test_the_embedded_store_keeps_data_across_a_restart(tmp_path: Path) -> None:
    async with opened(None, tmp_path, TEAM) as client:
        await client.set("watch", "orders-eu")
    async with opened(None, tmp_path, TEAM) as client:
        assert await client.get("watch") == b"orders-eu"


async def test_it_survives_kill_9_and_a_server_left_behind_is_taken_over(tmp_path: Path) -> None:
    async with embedded(tmp_path) as url:
        left_behind = connect(url)
        await left_behind.set("watch", "orders-eu")
        async with embedded(tmp_path) as again:
            assert again == url
        assert await left_behind.get("watch") == b"orders-eu"  # others are connected still: it goes on
        await left_behind.aclose()
    assert not (tmp_path / "valkey.sock").exists()  # the last one out stops it


async def test_every_write_is_on_disk_before_it_is_answered_and_nothing_is_evicted(tmp_path: Path) -> None:
    async with opened(None, tmp_path, TEAM) as client:
        assert (await client.config_get("appendfsync"))["appendfsync"] == "always"
        assert (await client.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"


async def test_a_directory_deeper_than_a_socket_path_may_be_long(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * LONGEST_SOCKET_PATH)
    async with opened(None, deep, TEAM) as client:
        assert await client.ping()


async def test_a_broken_data_file_is_reported_with_the_path_of_the_log(tmp_path: Path) -> None:
    async with opened(None, tmp_path, TEAM) as client:
        await client.set("watch", "orders-eu")
    (tmp_path / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(EmbeddedStoreError, match=r"see .*valkey\.log"):
        async with embedded(tmp_path):
            pass


async def test_a_password_in_the_url_is_used(tmp_path: Path) -> None:
    async with Valkey(tmp_path / "valkey", "--requirepass", "hush") as valkey:
        async with opened(valkey.url.replace("://", "://:hush@"), tmp_path, TEAM) as client:
            assert await client.ping()
        async with opened(valkey.url, tmp_path, TEAM) as client:
            with pytest.raises(AuthenticationError):
                await client.ping()


def modes(directory: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in [directory, *directory.rglob("*")]}


def expected(directory: Path) -> dict[str, int]:
    return {path.name: 0o700 if path.is_dir() else 0o600 for path in [directory, *directory.rglob("*")]}


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o277])
async def test_only_the_owner_can_read_the_files_under_any_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        async with opened(None, tmp_path / "data", TEAM) as client:
            await client.set("watch", "orders-eu")
            running = modes(tmp_path / "data")
            assert running == expected(tmp_path / "data")
    finally:
        os.umask(before)
    assert {"valkey.sock", "valkey.log", "appendonlydir"} < running.keys()


async def test_an_older_versions_open_permissions_are_closed(tmp_path: Path) -> None:
    async with opened(None, tmp_path, TEAM) as client:
        await client.set("watch", "orders-eu")
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (tmp_path / "notes.txt").write_text("somebody else's")
    (tmp_path / "notes.txt").chmod(0o644)
    async with opened(None, tmp_path, TEAM) as client:
        assert await client.get("watch") == b"orders-eu"
        assert modes(tmp_path) == expected(tmp_path) | {"notes.txt": 0o644}


async def test_a_socket_that_needs_a_shorter_path_is_in_a_directory_of_its_own(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * LONGEST_SOCKET_PATH)
    async with embedded(deep) as url:
        directory = Path(url.removeprefix("unix://")).parent
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert directory != deep


def a_file(where: Path) -> Path:
    where.write_text("")
    return where


def a_loop(where: Path) -> Path:
    where.symlink_to(where)
    return where


@pytest.mark.parametrize("make", [a_file, a_loop, lambda where: a_file(where) / "below"], ids=["file", "loop", "below"])
async def test_a_directory_that_cannot_be_used_is_named_by_its_setting(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    with pytest.raises(
        EmbeddedStoreError, match="The bot can't use the directory in PIPELINE_BOT_DATA_DIR: "
    ) as raised:
        async with embedded(make(tmp_path / "hush")):
            pass
    assert "hush" not in str(raised.value)
