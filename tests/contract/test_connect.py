"""Where the store is: the embedded server's life, and a Redis by URL."""

from pathlib import Path

import pytest
from redis.exceptions import AuthenticationError

from bot.store.connect import LONGEST_SOCKET_PATH, EmbeddedStoreError, connect, embedded, opened
from tests.journey.valkey import Valkey


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    async with opened(None, tmp_path) as client:
        await client.set("watch", "orders-eu")
    async with opened(None, tmp_path) as client:
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
    async with opened(None, tmp_path) as client:
        assert (await client.config_get("appendfsync"))["appendfsync"] == "always"
        assert (await client.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"


async def test_a_directory_deeper_than_a_socket_path_may_be_long(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * LONGEST_SOCKET_PATH)
    async with opened(None, deep) as client:
        assert await client.ping()


async def test_a_broken_data_file_is_told_with_the_place_of_the_log(tmp_path: Path) -> None:
    async with opened(None, tmp_path) as client:
        await client.set("watch", "orders-eu")
    (tmp_path / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(EmbeddedStoreError, match=r"see .*valkey\.log"):
        async with embedded(tmp_path):
            pass


async def test_a_password_in_the_url_is_used(tmp_path: Path) -> None:
    async with Valkey(tmp_path / "valkey", "--requirepass", "hush") as valkey:
        async with opened(valkey.url.replace("://", "://:hush@"), tmp_path) as client:
            assert await client.ping()
        async with opened(valkey.url, tmp_path) as client:
            with pytest.raises(AuthenticationError):
                await client.ping()
