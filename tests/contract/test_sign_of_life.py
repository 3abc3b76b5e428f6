"""What the probe `/readyz` says about Redis: against real servers."""

from pathlib import Path

from bot.store.connect import connect
from bot.store.sign_of_life import store_problem
from tests.builders import TEAM
from tests.journey.valkey import Valkey


async def test_a_store_that_takes_writes_gives_a_sign_of_life(tmp_path: Path) -> None:
    async with Valkey(tmp_path / "good") as valkey, connect(valkey.url) as client:
        assert await store_problem(client, TEAM) is None
        assert await client.keys("*") == []  # it leaves nothing behind


async def test_a_full_store_gives_no_sign_of_life(tmp_path: Path) -> None:
    async with Valkey(tmp_path / "full") as valkey, connect(valkey.url) as client:
        await client.config_set("maxmemory", "1")
        assert await store_problem(client, TEAM) == "Redis is out of memory and refuses writes"


async def test_a_store_with_too_few_replicas_gives_no_sign_of_life(tmp_path: Path) -> None:
    async with Valkey(tmp_path / "alone", "--min-replicas-to-write", "1") as valkey, connect(valkey.url) as client:
        problem = await store_problem(client, TEAM)
        assert problem == "Redis has fewer replicas than its min-replicas-to-write, so it refuses writes"
