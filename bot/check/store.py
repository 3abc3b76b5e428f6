"""Checks the store with the probe of `run`, so that both refuse the same stores."""

from collections.abc import AsyncIterator

from redis.exceptions import RedisError

from bot.check.finding import Finding, Verdict
from bot.check.scheduler import scheduler_finding
from bot.domain.watch import TeamId
from bot.ports.store_errors import StoreAway
from bot.redis_address import parse_redis_url
from bot.settings import Settings
from bot.store.connect import connected, store_url
from bot.store.embedded import EmbeddedStoreError, NoStoreError
from bot.store.private import is_open_to_others
from bot.store.probe import connection_problem, probe
from bot.store.problem import Weight
from bot.store.tls_mismatch import tls_mismatch
from bot.store.volatile import volatile_store


async def store_findings(settings: Settings, team: TeamId) -> AsyncIterator[Finding]:
    try:
        async with store_url(settings.store_url, settings.data_dir) as url, connected(url, team) as client:
            kind = parse_redis_url(url).kind
            report = await probe(client, team, kind, shares_reads=settings.shares_reads)
            volatile = volatile_store(settings.data_dir) if settings.store_url is None else None
            exposed = settings.store_url is None and is_open_to_others(settings.data_dir)
            is_usable = not any(problem.weight is Weight.FATAL for problem in report.problems)
            scheduler = await scheduler_finding(settings, team, client) if is_usable else None
    except NoStoreError as exc:
        yield Finding("Store", Verdict.BAD, str(exc))
        return
    except EmbeddedStoreError as exc:
        yield Finding("Store", Verdict.BAD, str(exc), "check PIPELINE_BOT_DATA_DIR and the disk")
        return
    except (RedisError, OSError, StoreAway) as exc:
        yield await _store_away(exc, settings.store_url or "")
        return
    if is_usable:
        location = "Redis at REDIS_URL" if settings.redis_url else f"embedded, in {settings.data_dir}"
        note = f"; {report.unchecked}" if report.unchecked else ""
        yield Finding("Store", Verdict.GOOD, f"{location}, version {report.version or 'unknown'}{note}")
    for problem in (*report.problems, *([volatile] if volatile else [])):
        verdict = Verdict.WEAK if problem.weight is Weight.WEAK else Verdict.BAD
        yield Finding(problem.subject, verdict, problem.text, problem.fix)
    if scheduler:
        yield scheduler
    if exposed:
        detail = f"other users of this machine can read {settings.data_dir}"
        yield Finding("Store files", Verdict.WEAK, detail, f"chmod 700 {settings.data_dir}")


async def _store_away(exc: Exception, url: str) -> Finding:
    if problem := connection_problem(exc) or await tls_mismatch(url):
        return Finding(problem.subject, Verdict.BAD, problem.text, problem.fix)
    if url.startswith("unix://"):
        fix = "check the path in REDIS_URL, that the server listens there (`unixsocket`), and that this user may use it"
    else:
        fix = "check the host and port in REDIS_URL, and that the server runs"
    return Finding("Store", Verdict.BAD, f"{type(exc).__name__}: {exc}", fix)
