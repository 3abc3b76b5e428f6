"""Sentinel and Cluster over TLS alone: the lookups and the store's own connections verify the certificate."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.store.problem import Weight
from sandbox.ports import HOST, free_port
from tests.contract.probing import problems, self_signed, starts
from tests.redis_groups import DEBIAN_REDIS, DURABLE, SERVICE, SLOTS, Processes, until

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
    pytest.mark.skipif(not DEBIAN_REDIS.exists(), reason="needs Debian's package redis-server, which speaks TLS"),
]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(DEBIAN_REDIS, tmp_path / "servers") as running:
        yield running


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_signed(tmp_path)


def tls(port: int, certificate: Path) -> tuple[str, ...]:
    files = (f"tls-{name}-file {certificate}" for name in ("cert", "key", "ca-cert"))
    return (f"tls-port {port}", *files, "tls-auth-clients no", "tls-replication yes", "tls-cluster yes")


def cluster(processes: Processes, certificate: Path) -> str:
    port = free_port()
    mode = ("cluster-enabled yes", f"cluster-port {free_port()}")
    node = processes.start(*DURABLE, *mode, *tls(port, certificate))
    node.told("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
    until(lambda: "cluster_state:ok" in str(node.ask("CLUSTER", "INFO")), "the cluster is up")
    return f"rediss+cluster://{HOST}:{port}"


def sentinel(processes: Processes, certificate: Path) -> str:
    server, port = free_port(), free_port()
    processes.start(*DURABLE, *tls(server, certificate))
    watched = f"sentinel monitor {SERVICE} {HOST} {server} 1"
    processes.start(watched, *tls(port, certificate), sentinel=True)
    return f"rediss+sentinel://{HOST}:{port}/{SERVICE}"


@pytest.mark.parametrize("started", [cluster, sentinel])
async def test_a_trusted_certificate_is_enough(
    processes: Processes, certificate: Path, started: Callable[[Processes, Path], str]
) -> None:
    url = started(processes, certificate)
    assert await problems(f"{url}?ssl_ca_certs={certificate}") == []
    assert await problems(f"{url}?ssl_cert_reqs=none") == []
    (problem,) = await problems(url)
    assert (problem.subject, problem.weight) == ("Store certificate", Weight.FATAL)
    assert "ssl_ca_certs" in (await starts(url) or "")
