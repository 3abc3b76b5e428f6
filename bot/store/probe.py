"""Checks whether a Redis can be the bot's store: tries the commands that the bot needs, and names every obstacle."""

import ssl
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import cast

import redis.asyncio
from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    ResponseError,
)

from bot.domain.watch import TeamId
from bot.redis_address import RedisKind
from bot.store.keys import Keys
from bot.store.lookup import LookupFailedError
from bot.store.problem import Problem, Weight
from bot.store.refusals import temporary_refusal

OLDEST = (6, 2)
_CERTIFICATE = (
    "for a private certificate authority, add ?ssl_ca_certs=/path/to/ca.pem to REDIS_URL; "
    "?ssl_cert_reqs=none accepts any certificate"
)
_LOGIN = "check user and password in REDIS_URL (USER:PASSWORD@host, or :PASSWORD@host, after ://), percent-encoded"
_ALLOW = "give this user the bot's permissions: `ACL SETUSER NAME ~pipeline-bot:* +@all -@dangerous`"
_MODES = ("redis_mode", "server_mode")  # as Redis and Valkey call it


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a probe. `version` is empty if the server does not report it."""

    version: str
    problems: tuple[Problem, ...]
    unchecked: str = ""
    """What the probe could not find out, and why; not worth a warning."""


async def probe(client: redis.asyncio.Redis, team: TeamId, kind: RedisKind, *, shares_reads: bool = False) -> Report:
    """Checks kind, version, permissions and durability of the Redis server that takes the writes.

    `shares_reads`: this process and others share the reads, which takes more commands.

    Raises:
        RedisError, OSError: Redis does not answer; `connection_problem` says whether waiting helps.
    """
    facts_or_none = await _facts(client)
    facts = facts_or_none or {}
    version = str(facts.get("valkey_version") or facts.get("redis_version") or "")
    if wrong_kind := [*_kind_problems(facts, kind), *_version_problems(version)]:
        return Report(version, tuple(wrong_kind))
    problems = [] if facts_or_none is not None else [_NO_INFO]
    problems += await _refused(client, Keys(team), shares_reads=shares_reads)
    fsync = await _fsync(client) if facts.get("aof_enabled") else "always"
    if fsync not in {"always", None}:
        problems.append(_fsync_problem(fsync))
    return Report(version, (*problems, *_durability_problems(facts)), _NO_CONFIG if fsync is None else "")


_NO_INFO = Problem(
    "Store facts",
    Weight.WEAK,
    "this user may not run INFO, so the bot can't check version, durability and eviction; after a failover it notices "
    "a loss only by its own count of writes",
    "allow it: `ACL SETUSER NAME +info`",
)


_NO_CONFIG = "this user may not run CONFIG GET, so appendfsync is not checked; set it to always"


_CLUSTER = Problem(
    "Store",
    Weight.FATAL,
    "this server belongs to a Redis Cluster",
    "write redis+cluster://HOST:PORT in REDIS_URL",
)


_CLUSTER_DOWN = Problem(
    "Store",
    Weight.WAITS,
    "the cluster is down",
    "start its nodes, and assign all slots: redis-cli --cluster check HOST:PORT",
)


async def _facts(client: redis.asyncio.Redis) -> Mapping[str, object] | None:
    """None if this user, or this host, may not run INFO."""
    try:
        return cast("Mapping[str, object]", await client.info())
    except NoPermissionError:
        return None
    except ResponseError as exc:
        if "unknown" in str(exc).lower():
            return None
        raise


async def _fsync(client: redis.asyncio.Redis) -> str | None:
    """When the server writes its append-only file to the disk. None if this user, or this host, hides that.

    The advised permissions hide it: CONFIG is dangerous.
    """
    try:
        return (await client.config_get("appendfsync")).get("appendfsync")
    except ResponseError:
        return None


def _fsync_problem(fsync: str) -> Problem:
    text = f"with appendfsync {fsync}, a crash of the server's machine loses confirmed writes"
    fix = "type `CONFIG SET appendfsync always`, and change the server's file too"
    return Problem("Store durability", Weight.WEAK, text, fix)


def _kind_problems(facts: Mapping[str, object], kind: RedisKind) -> Iterator[Problem]:
    kinds = {str(facts.get(name)) for name in _MODES}
    if "sentinel" in kinds:
        fix = "write redis+sentinel://HOST:PORT/SERVICE in REDIS_URL"
        yield Problem("Store", Weight.FATAL, "this is a Redis Sentinel", fix)
    if kind is not RedisKind.CLUSTER and ("cluster" in kinds or str(facts.get("cluster_enabled")) == "1"):
        yield _CLUSTER


def _version_problems(version: str) -> Iterator[Problem]:
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if numbers and numbers < OLDEST:
        yield Problem("Store", Weight.FATAL, f"version {version} is too old", "use Redis 6.2 or newer, or Valkey")


def _durability_problems(facts: Mapping[str, object]) -> Iterator[Problem]:
    if facts and not facts.get("aof_enabled"):
        fix = "type `CONFIG SET appendonly yes` and `CONFIG SET appendfsync always`, and change the server's file too"
        yield Problem("Store durability", Weight.WEAK, "without an append-only file, a restart may lose data", fix)
    fix = "type `CONFIG SET maxmemory-policy noeviction`, and change the server's file too"
    if (policy := facts.get("maxmemory_policy")) not in {"noeviction", None}:
        yield Problem("Store eviction", Weight.WEAK, f"maxmemory-policy {policy} may delete watches", fix)
    if evicted := facts.get("evicted_keys"):
        text = f"Redis has evicted {evicted} keys since its start; some may have been the bot's"
        yield Problem("Store eviction", Weight.WEAK, text, fix)


async def _refused(client: redis.asyncio.Redis, keys: Keys, *, shares_reads: bool) -> list[Problem]:
    """Tries every command that the bot needs, on keys of its own."""
    names = [keys[f"probe:{number}"] for number in range(7)]
    script = client.register_script(files("bot.store").joinpath("probe.lua").read_text())
    try:
        async with client.pipeline(transaction=True) as pipe:
            pipe.get(names[3])
            pipe.zrange(names[1], 0, -1)
            await pipe.execute()
        await cast("Awaitable[object]", client.ping())
        refused = cast("list[bytes]", await script(keys=names, args=["readers" if shares_reads else ""]))
        if not refused:
            await cast("Awaitable[object]", client.blpop([names[6]], timeout=0.01))  # no script may wait
    except ResponseError as exc:
        if "EXEC without MULTI" in str(exc):  # redis-py goes on after the server refused MULTI
            return [Problem("Store permissions", Weight.FATAL, "Redis refuses these commands: multi", _ALLOW)]
        raise
    return list(_distinct(text.decode(errors="replace") for text in refused))


def _distinct(refused: Iterator[str]) -> Iterator[Problem]:
    texts = list(refused)
    if temporary := next(filter(None, map(temporary_refusal, texts)), None):
        yield temporary
    elif texts:
        forbidden = sorted({text.partition(":")[0] for text in texts})
        yield Problem(
            "Store permissions", Weight.FATAL, f"Redis refuses these commands: {', '.join(forbidden)}", _ALLOW
        )


def connection_problem(exc: Exception) -> Problem | None:
    """The fault that causes this error; None if nothing but waiting helps."""
    causes = tuple(_chain(exc))
    if failed := next((cause for cause in causes if isinstance(cause, LookupFailedError)), None):
        return failed.problem
    text = " ".join(str(cause) for cause in causes)
    if problem := _tls_refusal(causes, text):
        return problem
    if "protected mode" in text:
        return Problem(
            "Store login", Weight.FATAL, "Redis is in protected mode", "set a password there, and in REDIS_URL"
        )
    if isinstance(exc, AuthenticationError):
        text_of_refusal = (
            "Redis asks for a password"
            if "required" in text or "HELLO must be called" in text
            else "Redis refuses user or password"
        )
        return Problem("Store login", Weight.FATAL, text_of_refusal, _LOGIN)
    if isinstance(exc, NoPermissionError):
        return Problem("Store permissions", Weight.FATAL, str(exc), _ALLOW)
    if any(isinstance(cause, MovedError) for cause in causes):
        return _CLUSTER
    if any(isinstance(cause, ClusterDownError) and not isinstance(cause, MasterDownError) for cause in causes):
        return _CLUSTER_DOWN
    if "DB index" in text:
        fix = "end REDIS_URL with /0, or with the number of another database on this server"
        return Problem("Store", Weight.FATAL, "the database of REDIS_URL does not exist", fix)
    return temporary_refusal(text)


def _tls_refusal(causes: tuple[BaseException, ...], text: str) -> Problem | None:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = cause.verify_message.partition(",")[0]
            message = f"the certificate of Redis is not trusted ({why})"
            return Problem("Store certificate", Weight.FATAL, message, _CERTIFICATE)
        if isinstance(cause, ssl.SSLError):
            fix = "check the options after the ? in REDIS_URL, and that this port of Redis speaks TLS"
            return Problem("Store certificate", Weight.FATAL, f"TLS failed ({cause.reason or 'no cipher'})", fix)
        if isinstance(cause, FileNotFoundError) and "connecting to /" not in text:
            fix = "check the paths after the ? in REDIS_URL: ssl_ca_certs, ssl_certfile, ssl_keyfile"
            return Problem("Store certificate", Weight.FATAL, "a certificate or key file is missing", fix)
    return None


def _chain(failure: BaseException | None) -> Iterator[BaseException]:
    while failure is not None:
        yield failure
        failure = failure.__cause__ or failure.__context__
