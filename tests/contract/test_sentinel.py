"""A primary behind Sentinel: failovers in the middle of writes, and every wrong address."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.ports.store_errors import StoreAway
from bot.store.connect import connected
from bot.store.problem import Weight
from sandbox.ports import HOST, free_port
from tests.builders import TEAM
from tests.contract.probing import problems, starts
from tests.fakes import FakeClock
from tests.redis_groups import SERVICE, Processes, SentinelGroup, ServerProcess, any_server
from tests.stores import WholeStore
from tests.writing import Writing

pytestmark = pytest.mark.servers


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(any_server(), tmp_path / "servers") as running:
        yield running


@pytest.fixture
async def group(processes: Processes) -> SentinelGroup:
    group = SentinelGroup(processes, replicas=2, server_options=("min-replicas-to-write 1",))
    group.until_watched()
    return group


async def test_writes_go_on_after_a_planned_failover_and_no_loss_is_silent(group: SentinelGroup) -> None:
    before = group.primary()
    async with connected(group.url, TEAM) as client, Writing(WholeStore(client, TEAM, FakeClock())) as writing:
        await writing.more(20)
        await asyncio.to_thread(group.fail_over)
        await writing.until_recovered()
        await writing.more(20)
        server = (await client.info("server"))["tcp_port"]
    assert server != before.port


async def test_writes_go_on_after_the_primary_was_killed(group: SentinelGroup) -> None:
    before = group.primary()
    async with connected(group.url, TEAM) as client, Writing(WholeStore(client, TEAM, FakeClock())) as writing:
        await writing.more(20)
        before.kill()
        await writing.until_recovered()
        await writing.more(20)
        assert (await client.info("server"))["tcp_port"] != before.port


async def test_idle_connections_to_the_old_primary_are_left_too(group: SentinelGroup) -> None:
    async with connected(group.url, TEAM) as client:
        await asyncio.gather(*(client.set(f"warm-{number}", number) for number in range(5)))
        before = group.primary()
        await asyncio.to_thread(group.fail_over)
        await asyncio.to_thread(group.until_agreed)
        await client.set("one", 1)  # its connection looks up the new primary
        answers = await asyncio.gather(*(client.info("server") for _ in range(5)))
    assert {answer["tcp_port"] for answer in answers} == {group.primary().port} != {before.port}


async def test_other_sentinels_are_asked_if_one_is_away(sentinel_url: str) -> None:
    url = sentinel_url.replace("://", f"://{HOST}:{free_port()},")
    for _ in range(3):  # each begins with another Sentinel
        assert await problems(url) == []
    assert await starts(url) is None


async def test_while_no_sentinel_answers_the_bot_waits() -> None:
    url = f"redis+sentinel://{HOST}:{free_port()},{HOST}:{free_port()}/{SERVICE}"
    assert await problems(url) == []
    assert await starts(url) is None


async def test_while_no_primary_answers_the_bot_waits_and_says_why(processes: Processes) -> None:
    group = SentinelGroup(processes, replicas=0, sentinels=1)
    group.primary().kill()
    await asyncio.to_thread(group.until_down)
    (problem,) = await problems(group.url)
    assert (problem.weight, problem.text) == (Weight.WAITS, "Sentinel sees no primary that answers")
    assert await starts(group.url) is None
    async with connected(group.url, TEAM) as client:
        with pytest.raises(StoreAway, match="Sentinel sees no primary"):
            await WholeStore(client, TEAM, FakeClock()).watches()


async def test_a_service_that_sentinel_does_not_know_is_refused(sentinel_url: str) -> None:
    url = sentinel_url.replace(SERVICE, "mymaster")
    (problem,) = await problems(url)
    assert problem.weight is Weight.FATAL
    assert "does not know the service" in problem.text
    assert "SENTINEL MASTERS" in (await starts(url) or "")


def port_of(url: str) -> str:
    return url.rpartition(":")[2].partition("/")[0]


async def test_each_wrong_scheme_is_refused_with_the_one_to_write(
    sentinel_url: str, cluster_url: str, processes: Processes
) -> None:
    server = f"{HOST}:{processes.start().port}"
    sentinel, cluster = f"{HOST}:{port_of(sentinel_url)}", f"{HOST}:{port_of(cluster_url)}"
    advice = {
        f"redis://{sentinel}": "write redis+sentinel://",
        f"redis://{cluster}": "write redis+cluster://",
        f"redis+sentinel://{server}/{SERVICE}": "write redis:// or redis+cluster://",
        f"redis+sentinel://{cluster}/{SERVICE}": "write redis:// or redis+cluster://",
        f"redis+cluster://{server}": "write redis:// instead",
        f"redis+cluster://{sentinel}": "write redis+sentinel://",
    }
    for url, words in advice.items():
        (problem,) = await problems(url)
        assert (problem.weight, words in problem.fix) == (Weight.FATAL, True), url
        assert words in (await starts(url) or "")


@pytest.fixture
def locked(processes: Processes) -> SentinelGroup:
    """The servers have the password `hush`, the Sentinels `quiet`."""
    return SentinelGroup(
        processes,
        replicas=0,
        sentinels=1,
        server_options=("requirepass hush",),
        sentinel_options=(f"sentinel auth-pass {SERVICE} hush", "requirepass quiet"),
        password="hush",
        sentinel_password="quiet",
    )


@pytest.mark.parametrize(
    ("login", "sentinel_login", "words"),
    [
        ("", "", "Sentinel refuses user or password"),
        (":hush@", "?sentinel_password=wrong", "Sentinel refuses user or password"),
        (":wrong@", "?sentinel_password=quiet", "Redis refuses user or password"),
        ("", "?sentinel_password=quiet", "Redis asks for a password"),
    ],
)
async def test_a_wrong_login_names_who_refuses_it_and_no_password(
    locked: SentinelGroup, login: str, sentinel_login: str, words: str
) -> None:
    url = locked.url.replace("://", f"://{login}") + sentinel_login
    (problem,) = await problems(url)
    assert (problem.subject, problem.text, problem.weight) == ("Store login", words, Weight.FATAL)
    refusal = await starts(url) or ""
    assert words in refusal
    assert not any(secret in refusal for secret in ("hush", "quiet", "wrong"))


async def test_sentinels_and_servers_have_logins_of_their_own(locked: SentinelGroup) -> None:
    good = locked.url.replace("://", "://:hush@") + "?sentinel_password=quiet&db=1"
    assert await problems(good) == []
    (sentinel,) = locked.sentinels
    await allow(sentinel, "+@connection", "+sentinel|masters")
    as_bot = locked.url.replace("://", "://:hush@") + "?sentinel_username=bot&sentinel_password=low"
    assert await problems(as_bot) == []
    await allow(sentinel, "-sentinel|masters")
    (problem,) = await problems(as_bot)
    assert (problem.subject, problem.weight) == ("Store permissions", Weight.FATAL)
    assert "+sentinel|masters" in problem.fix


async def allow(server: ServerProcess, *rules: str) -> None:
    server.told("ACL", "SETUSER", "bot", "on", ">low", *rules)
