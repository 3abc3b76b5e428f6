"""What a Redis must be to be the bot's store, as `run` and `check` find it: against real servers."""

import asyncio
import inspect
import re
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from bot.domain.observation import PipelineId
from bot.ports.store_errors import StoreAway
from bot.redis_address import RedisKind
from bot.store import probe as probe_module
from bot.store.connect import connect
from bot.store.problem import Weight
from sandbox.ports import free_port
from sandbox.redis_faults import RedisActKind, RedisStandIn
from tests.builders import ALERTS, TEAM
from tests.contract.probing import problems, self_signed, starts
from tests.fakes import FakeClock
from tests.journey.valkey import Valkey
from tests.service.test_dispatcher import fail
from tests.stores import WholeStore


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    async with Valkey(tmp_path / "valkey") as running:
        yield running


def as_user(valkey: Valkey, name: str) -> str:
    return valkey.url.replace("://", f"://{name}:hush@")


async def allow(valkey: Valkey, name: str, *rules: str) -> None:
    async with redis.asyncio.Redis.from_url(valkey.url) as client:
        acl = client.execute_command("ACL", "SETUSER", name, "on", ">hush", *rules)  # type: ignore[no-untyped-call]
        await acl


async def test_a_good_store_has_no_problem(valkey: Valkey) -> None:
    assert await problems(valkey.url) == []
    assert await starts(valkey.url) is None
    async with connect(valkey.url) as client:
        assert await client.keys("*") == []  # it leaves nothing behind


async def test_a_user_without_info_can_run_and_is_warned(valkey: Valkey) -> None:
    await allow(valkey, "bob", "~*", "+@all", "-@dangerous")
    (problem,) = await problems(as_user(valkey, "bob"))
    assert problem.weight is Weight.WEAK
    assert "INFO" in problem.text
    with capture_logs() as lines:
        assert await starts(as_user(valkey, "bob")) is None
    assert [line["event"] for line in lines] == ["store_weak"]


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (("~*", "+@all", "-@scripting"), "evalsha"),
        (("~*", "+@all", "-script"), "script"),
        (("~*", "+@all", "-hset"), "HSET"),
        (("~*", "+@all", "-xadd"), "XADD"),
        (("~*", "+@all", "-hscan"), "HSCAN"),
        (("~*", "+@all", "-@write"), "SET"),
        (("~*", "+@all", "-multi"), "multi"),
        (("~*", "+@all", "-rpush"), "RPUSH"),
        (("~*", "+@all", "-blpop"), "blpop"),
        (("~*", "+@all", "-ping"), "ping"),
        (("~other:*", "+@all"), "access a key"),
        (("%R~*", "+@all"), "access a key"),
    ],
)
async def test_a_redis_user_without_the_needed_permissions_is_refused(
    valkey: Valkey, rules: tuple[str, ...], words: str
) -> None:
    await allow(valkey, "eve", *rules)
    found = [problem for problem in await problems(as_user(valkey, "eve")) if problem.weight is Weight.FATAL]
    assert [problem.subject for problem in found] == ["Store permissions"]
    assert words in found[0].text
    assert "ACL SETUSER" in found[0].fix
    assert "Store permissions" in (await starts(as_user(valkey, "eve")) or "")


@pytest.mark.parametrize("shares_reads", [True, False])
async def test_the_advised_rules_are_enough(valkey: Valkey, shares_reads: bool) -> None:
    await allow(valkey, "ann", "~pipeline-bot:*", "+@all", "-@dangerous", "+info")
    assert await problems(as_user(valkey, "ann"), shares_reads=shares_reads) == []
    async with connect(valkey.url) as client:
        assert await client.keys("*") == []


async def test_each_advised_command_is_one_that_redis_understands(valkey: Valkey) -> None:
    """The fixes of `check` and `run`, as an operator would type them."""
    source = Path(inspect.getfile(probe_module)).read_text()
    commands = re.findall(r"`((?:CONFIG|ACL) [^`]+)`", source)
    assert len(commands) == 6
    async with redis.asyncio.Redis.from_url(valkey.url) as client:
        for command in commands:
            await client.execute_command(*command.split())  # type: ignore[no-untyped-call]
        assert (await client.config_get("append*"))["appendfsync"] == "always"


@pytest.mark.parametrize("command", ["xgroup", "xreadgroup", "xautoclaim"])
async def test_only_processes_that_share_reads_need_their_commands(valkey: Valkey, command: str) -> None:
    await allow(valkey, "ann", "~*", "+@all", f"-{command}")
    assert await problems(as_user(valkey, "ann")) == []
    (problem,) = await problems(as_user(valkey, "ann"), shares_reads=True)
    assert (problem.subject, problem.weight) == ("Store permissions", Weight.FATAL)
    assert command in problem.text.lower()


@pytest.mark.parametrize("command", ["xadd", "mset", "mget", "hmget", "incrby", "zadd", "sadd", "hset", "set"])
async def test_a_refused_command_leaves_no_state_without_its_messages(valkey: Valkey, command: str) -> None:
    """A person may take a command away while the bot runs. Redis does not undo what a script did before."""
    await allow(valkey, "ann", "~*", "+@all", f"-{command}")
    async with connect(as_user(valkey, "ann")) as refused, connect(valkey.url) as allowed:
        with pytest.raises(StoreAway):
            await fail(WholeStore(refused, TEAM, FakeClock()))
        store = WholeStore(allowed, TEAM, FakeClock())
        record = await store.record(PipelineId("pipe_0001"))
        assert record.version == 0 or len(await store.owed(ALERTS)) == 1
        if record.version == 0:
            await fail(store)
        assert len(await store.owed(ALERTS)) == 1


@pytest.mark.parametrize(
    ("login", "words"), [("ann:wrong@", "refuses user or password"), ("nobody:hush@", "refuses user or password")]
)
async def test_a_wrong_login_is_refused_without_the_password(valkey: Valkey, login: str, words: str) -> None:
    await allow(valkey, "ann", "~*", "+@all")
    url = valkey.url.replace("://", f"://{login}")
    (problem,) = await problems(url)
    assert (problem.subject, problem.weight) == ("Store login", Weight.FATAL)
    assert words in problem.text
    connection_problem = await starts(url) or ""
    assert words in connection_problem
    assert "wrong" not in connection_problem
    assert "hush" not in connection_problem


async def test_tls_on_a_server_without_it_is_refused(valkey: Valkey) -> None:
    refusal = await starts(valkey.url.replace("redis://", "rediss://:hush@")) or ""
    assert "does not speak TLS on that port" in refusal
    assert "write redis://" in refusal
    assert "hush" not in refusal


async def test_tls_on_a_sentinel_or_a_cluster_without_it_is_refused(valkey: Valkey, tmp_path: Path) -> None:
    config = tmp_path / "sentinel.conf"
    config.write_text("")
    async with Sentinel(tmp_path / "sentinel", str(config)) as sentinel:
        refusal = (
            await starts(sentinel.url.replace("redis://", "rediss+sentinel://:hush@").replace("/0", "/main")) or ""
        )
        assert "does not speak TLS on that port" in refusal
        assert "write redis+sentinel://" in refusal
    refusal = await starts(valkey.url.replace("redis://", "rediss+cluster://:hush@")) or ""
    assert "does not speak TLS on that port" in refusal
    assert "write redis+cluster://" in refusal
    assert "hush" not in refusal


async def test_a_wrong_login_advises_no_other_scheme(valkey: Valkey) -> None:
    (problem,) = await problems(valkey.url.replace("redis://", "redis+cluster://ann:wrong@"))
    assert problem.subject == "Store login"
    assert "redis://" not in problem.fix


async def test_a_password_that_is_missing_is_asked_for(tmp_path: Path) -> None:
    async with Valkey(tmp_path / "locked", "--requirepass", "hush") as valkey:
        (problem,) = await problems(valkey.url)
        assert problem.text == "Redis asks for a password"
        assert await problems(valkey.url.replace("://", "://:hush@")) == []


async def test_a_database_that_there_is_not(valkey: Valkey) -> None:
    (problem,) = await problems(valkey.url.replace("/0", "/99"))
    assert "the database of REDIS_URL does not exist" in problem.text


async def test_the_plain_address_of_a_cluster_node_is_refused_with_the_scheme_to_write(tmp_path: Path) -> None:
    async with Valkey(tmp_path / "cluster", "--cluster-enabled", "yes", "--cluster-port", str(free_port())) as valkey:
        (problem,) = await problems(valkey.url)
        assert problem.weight is Weight.FATAL
        assert "belongs to a Redis Cluster" in problem.text
        assert "redis+cluster://" in (await starts(valkey.url) or "")


async def test_the_plain_address_of_a_sentinel_is_refused_with_the_scheme_to_write(tmp_path: Path) -> None:
    config = tmp_path / "sentinel.conf"
    config.write_text("")
    async with Sentinel(tmp_path / "sentinel", str(config)) as sentinel:
        (problem,) = await problems(sentinel.url)
    assert problem.weight is Weight.FATAL
    assert "Sentinel" in problem.text
    assert "redis+sentinel://" in problem.fix


class Sentinel(Valkey):
    """Takes a configuration file, as a sentinel must have one, and none of the options of a store."""

    def _arguments(self) -> list[str]:
        return [*self._options, "--sentinel", "--port", str(self._port), "--dir", str(self._data_dir)]


async def test_a_replica_is_named_and_waited_for() -> None:
    async with RedisStandIn.start() as stand_in:
        old = stand_in._server.port
        await stand_in.act(RedisActKind.DEMOTED)
        (problem,) = await problems(f"redis://127.0.0.1:{old}/0")
        assert (problem.text, problem.weight) == ("this server is a read-only replica", Weight.WAITS)
        assert await starts(f"redis://127.0.0.1:{old}/0") is None


@pytest.mark.parametrize(
    ("refusal", "subject", "words"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", "Store memory", "out of memory"),
        ("MISCONF Errors writing to the AOF file: No space left on device", "Store disk", "can't write to its disk"),
        ("NOREPLICAS Not enough good replicas to write.", "Store replicas", "fewer replicas"),
        ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "Store", "its primary"),
        ("LOADING Redis is loading the dataset in memory", "Store", "loading its data"),
        ("BUSY Redis is busy running a script. You can only call SCRIPT KILL.", "Store", "script"),
        ("ERR max number of clients reached", "Store connections", "no free connection"),
    ],
)
async def test_a_server_that_refuses_everything_for_now_is_named_and_waited_for(
    refusal: str, subject: str, words: str
) -> None:
    async with refusing(refusal) as url:
        (problem,) = await problems(url)
        assert (problem.subject, problem.weight) == (subject, Weight.WAITS)
        assert words in problem.text
        with capture_logs() as lines:
            assert await starts(url) is None
        assert {line["problem"] for line in lines} == {problem.text}


async def test_protected_mode_needs_a_person() -> None:
    async with refusing("DENIED Redis is running in protected mode because protected mode is enabled") as url:
        assert "protected mode" in (await starts(url) or "")


@asynccontextmanager
async def refusing(refusal: str) -> AsyncIterator[str]:
    """The address of a server that answers each command with this error."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while await reader.read(4096):
                writer.write(f"-{refusal}\r\n".encode())
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"


async def test_too_few_replicas_are_no_matter_of_permissions(tmp_path: Path) -> None:
    async with Valkey(tmp_path / "alone", "--min-replicas-to-write", "1") as valkey:
        (problem,) = await problems(valkey.url)
        assert (problem.subject, problem.weight) == ("Store replicas", Weight.WAITS)


@pytest.mark.parametrize("server", ["valkey", "redis"])
async def test_a_store_that_is_full_is_named_and_waited_for(tmp_path: Path, server: str) -> None:
    """Redis refuses MULTI then, and Valkey the writes of the script."""
    if server == "redis" and shutil.which("redis-server") is None:
        pytest.skip("Redis is not installed")
    kind = Redis if server == "redis" else Valkey
    async with kind(tmp_path / "full") as valkey, redis.asyncio.Redis.from_url(valkey.url) as client:
        await client.config_set("maxmemory", "1")
        (problem,) = await problems(valkey.url)
        assert (problem.subject, problem.weight) == ("Store memory", Weight.WAITS)
        assert await starts(valkey.url) is None
        with pytest.raises(StoreAway, match="out of memory"):
            await fail(WholeStore(client, TEAM, FakeClock()))


class Redis(Valkey):
    _program = "redis-server"


async def test_a_configuration_that_may_lose_data_is_warned_about(tmp_path: Path) -> None:
    options = ("--appendonly", "no", "--maxmemory-policy", "allkeys-lru")
    async with Valkey(tmp_path / "cache", *options) as valkey:
        found = await problems(valkey.url)
        assert [problem.subject for problem in found] == ["Store durability", "Store eviction"]
        assert {problem.weight for problem in found} == {Weight.WEAK}


async def test_confirmed_writes_that_are_not_on_the_disk_are_warned_about(tmp_path: Path) -> None:
    async with Valkey(tmp_path / "lazy", "--appendfsync", "everysec") as valkey:
        (problem,) = await problems(valkey.url)
        assert (problem.subject, problem.weight) == ("Store durability", Weight.WEAK)
        assert "appendfsync everysec" in problem.text
        assert "`CONFIG SET appendfsync always`" in problem.fix
        await allow(valkey, "ann", "~*", "+@all", "-config")
        async with connect(as_user(valkey, "ann")) as client:
            report = await probe_module.probe(client, TEAM, RedisKind.SERVER)
        assert report.problems == ()
        assert "CONFIG GET" in report.unchecked


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
class TestTls:
    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        return self_signed(tmp_path)

    @pytest.fixture
    async def port(self, valkey: Valkey, certificate: Path) -> AsyncIterator[int]:
        """TLS in front of a real server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        async with forwarding(int(valkey.url.rpartition(":")[2].partition("/")[0]), context) as port:
            yield port

    @pytest.mark.parametrize("scheme", ["redis", "redis+sentinel", "redis+cluster"])
    async def test_a_plain_address_of_a_server_with_tls_is_refused(self, port: int, scheme: str) -> None:
        path = "/main" if scheme == "redis+sentinel" else ""
        refusal = await starts(f"{scheme}://127.0.0.1:{port}{path}") or ""
        assert "speaks TLS on that port" in refusal
        assert f"write {scheme.replace('redis', 'rediss')}://" in refusal

    async def test_a_self_signed_certificate_is_named_and_not_the_password(self, port: int) -> None:
        (problem,) = await problems(f"rediss://:hush@127.0.0.1:{port}/0")
        assert (problem.subject, problem.weight) == ("Store certificate", Weight.FATAL)
        assert "self-signed certificate" in problem.text
        assert "ssl_cert_reqs" in problem.fix
        assert "ssl_ca_certs" in problem.fix
        assert "password" not in problem.text + problem.fix
        assert "ssl_cert_reqs" in (await starts(f"rediss://127.0.0.1:{port}/0") or "")

    async def test_a_certificate_can_be_trusted_or_unchecked(self, port: int, certificate: Path) -> None:
        assert await problems(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificate}") == []
        assert await problems(f"rediss://127.0.0.1:{port}/0?ssl_cert_reqs=none") == []

    @pytest.mark.parametrize("login", ["", ":hush@"])
    async def test_an_address_without_tls_of_a_tls_port_is_refused(self, port: int, login: str) -> None:
        refusal = await starts(f"redis://{login}127.0.0.1:{port}/0") or ""
        assert "speaks TLS on that port" in refusal
        assert "write rediss://" in refusal
        assert "hush" not in refusal

    async def test_files_that_are_not_there_are_named(self, port: int) -> None:
        (problem,) = await problems(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs=/nowhere.pem")
        assert "ssl_ca_certs" in problem.fix


@asynccontextmanager
async def forwarding(upstream_port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4096):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", upstream_port)
        await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
