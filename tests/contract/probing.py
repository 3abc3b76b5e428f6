"""What `check` and `run` find in a store."""

import asyncio
import subprocess
from pathlib import Path

from redis.exceptions import RedisError

from bot.domain.watch import TeamId
from bot.redis_address import parse_redis_url
from bot.startup import StoppedError, StoreRefusedError, until_store_fits
from bot.store.connect import connect
from bot.store.probe import connection_problem, probe
from bot.store.problem import Problem
from bot.store.tls_mismatch import tls_mismatch

TEAM = TeamId("T1")


async def problems(url: str, *, shares_reads: bool = False) -> list[Problem]:
    """What `check` would tell."""
    async with connect(url, TEAM) as client:
        try:
            report = await probe(client, TEAM, parse_redis_url(url).kind, shares_reads=shares_reads)
            return list(report.problems)
        except (RedisError, OSError) as exc:
            problem = connection_problem(exc) or await tls_mismatch(url)
            return [problem] if problem else []


async def starts(url: str) -> str | None:
    """What `run` says where it refuses; None where it starts, or waits."""
    stopped = asyncio.Event()
    stopped.set()  # it waits no longer
    async with connect(url, TEAM) as client:
        try:
            await until_store_fits(client, TEAM, stopped, url)
        except StoreRefusedError as exc:
            return str(exc)
        except StoppedError:
            return None
    return None


def self_signed(directory: Path) -> Path:
    """A certificate for this machine, with its key in the same file. Needs openssl."""
    pem, key = directory / "cert.pem", directory / "key.pem"
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    made = ("-keyout", str(key), "-out", str(pem), "-days", "2", "-nodes", "-newkey", "rsa:2048")
    subprocess.run(["openssl", "req", "-x509", *made, *names], check=True, capture_output=True)
    pem.write_text(pem.read_text() + key.read_text())
    return pem
