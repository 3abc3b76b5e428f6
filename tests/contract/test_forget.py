"""`forget` deletes what is kept of one workspace: over a real Valkey and fakeredis, with others beside it."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import redis.asyncio

from bot import forgetting
from bot.domain.delivery import in_slack
from bot.domain.watch import TeamId
from bot.forgetting import NotForgottenError, forget_team, team_id
from bot.store.forget import BATCH, forget, workspace_data
from bot.store.readable import MARK
from tests.builders import ALERTS, TEAM, a_message, a_watch, at
from tests.fakes import FakeClock
from tests.stores import WholeStore

OTHER = TeamId("T0OTHER")  # its keys lie on the same server as TEAM's, also in a cluster of three masters


async def furnished(client: redis.asyncio.Redis, team: TeamId) -> WholeStore:
    store = WholeStore(client, team, FakeClock())
    await store.add_watches([a_watch()], replace(a_message(), receiver=in_slack(team, ALERTS)))
    return store


async def test_it_deletes_every_key_of_the_workspace_and_no_other(any_redis: redis.asyncio.Redis) -> None:
    await furnished(any_redis, TEAM)
    await furnished(any_redis, OTHER)
    await any_redis.set(f"pipeline-bot:{TEAM}:not-ours", 1)
    await any_redis.set(f"other:{{{TEAM}}}:watches", 1)
    for number in range(2 * BATCH + 1):
        await any_redis.set(f"pipeline-bot:{{{TEAM}}}:card:{number}", 1)
    others = {name async for name in any_redis.scan_iter() if f"{{{TEAM}}}".encode() not in name}
    found = await workspace_data(any_redis, TEAM)
    assert (found.watches, found.deliveries) == (1, 1)
    assert await forget(any_redis, TEAM) == found.keys
    assert (await workspace_data(any_redis, TEAM)).keys == 0
    remaining = {name async for name in any_redis.scan_iter()}
    assert remaining == others | {f"other:{{{TEAM}}}:watches".encode()}


async def test_the_mark_of_an_emptied_key_counts_as_nothing(any_redis: redis.asyncio.Redis) -> None:
    store = WholeStore(any_redis, TEAM, FakeClock())
    await store.record_heartbeat(at(0), "run-1")
    await store.lost_keys((), ())
    assert await any_redis.hexists(f"pipeline-bot:{{{TEAM}}}:watches", MARK.decode())
    found = await workspace_data(any_redis, TEAM)
    assert (found.watches, found.pipelines, found.notes, found.deliveries) == (0, 0, 0, 0)
    await store.add_watches([a_watch()], a_message())
    assert (await workspace_data(any_redis, TEAM)).watches == 1


class Terminal:
    def __init__(self, answer: str = "") -> None:
        self.answer = answer
        self.questions: list[str] = []
        self.lines: list[str] = []

    def ask(self, text: str) -> str:
        self.questions.append(text)
        return self.answer


async def typed(terminal: Terminal, url: str, *, yes: bool = False, force: bool = False) -> None:
    await forget_team(
        TEAM,
        url=url,
        data_dir=Path("nowhere"),
        force=force,
        ask=None if yes else terminal.ask,
        say=terminal.lines.append,
    )


async def the_time_stands_still(client: redis.asyncio.Redis, now: datetime) -> None:
    """As after a failover to a server whose clock is years behind."""
    latest = int(now.timestamp() * 1e6)
    await client.hset(f"pipeline-bot:{{{TEAM}}}:clock", mapping={"latest": latest, "clock": 2**53})


def url_of(client: redis.asyncio.Redis) -> str:
    return f"unix://{client.connection_pool.connection_kwargs['path']}"


async def test_forget_asks_for_the_id_and_reports_the_deleted_keys(valkey: redis.asyncio.Redis) -> None:
    client, valkey_url = valkey, url_of(valkey)
    await furnished(client, TEAM)
    wrong = Terminal("yes")
    with pytest.raises(NotForgottenError, match="nothing was deleted"):
        await typed(wrong, valkey_url)
    assert (await workspace_data(client, TEAM)).watches == 1
    right = Terminal(TEAM)
    await typed(right, valkey_url)
    assert "1 watch, 0 pipelines, 0 runbooks and notes, 0 settings, 1 message not sent yet." in right.lines[0]
    assert right.lines[1].startswith("Deleted ")
    assert right.questions == [f"Type {TEAM} to delete all of it for good"]
    assert (await workspace_data(client, TEAM)).keys == 0
    again = Terminal()
    await typed(again, valkey_url)
    assert again.lines == [f"There is no data for {TEAM}."]
    assert again.questions == []


@pytest.mark.parametrize(("age", "runs"), [(-5, True), (0, True), (59, True), (61, False)])
async def test_it_refuses_while_a_bot_runs_unless_it_is_forced(
    valkey: redis.asyncio.Redis, *, age: int, runs: bool
) -> None:
    client, valkey_url = valkey, url_of(valkey)
    store = await furnished(client, TEAM)
    await store.record_heartbeat(at(100 - age), "run-1")
    await the_time_stands_still(client, at(100))
    if runs:
        with pytest.raises(NotForgottenError, match=r"A bot seems to be running .* Nothing was deleted"):
            await typed(Terminal(), valkey_url, yes=True)
        assert (await workspace_data(client, TEAM)).watches == 1
    await typed(Terminal(), valkey_url, yes=True, force=runs)
    assert (await workspace_data(client, TEAM)).keys == 0


async def test_without_a_data_directory_none_is_made(tmp_path: Path) -> None:
    terminal = Terminal()
    await forget_team(TEAM, url=None, data_dir=tmp_path / "none", force=False, ask=None, say=terminal.lines.append)
    assert "there is no data" in terminal.lines[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "t0test", "*", "T0*", "T0TEST}", "C0ALERTS", "T"])
def test_forget_refuses_an_invalid_workspace_id(text: str) -> None:
    with pytest.raises(NotForgottenError, match="nothing was deleted"):
        team_id(text)
    assert forgetting.team_id("T0TEST") == TEAM
