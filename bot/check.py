"""Verifies a real configuration step by step; each fault comes with its mend. Posts nothing unless asked to."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import Enum

from redis.exceptions import RedisError
from slack_sdk.web.async_client import AsyncWebClient

from bot.goldrush.client import Client
from bot.ports import ApiError, Unavailable
from bot.settings import Settings, Transport
from bot.slack.calls import Lost, call, web_client
from bot.slack.scopes import OPTIONAL, REQUIRED
from bot.store.connect import EmbeddedStoreError, opened

OLDEST_REDIS = (6, 2)


class Verdict(Enum):
    GOOD = "good"
    WEAK = "weak"  # works, but something is off
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it stands, and what to do where it stands badly."""

    subject: str
    verdict: Verdict
    detail: str
    mend: str = ""


async def check(settings: Settings, post_to: str | None) -> AsyncIterator[Finding]:
    """Findings as they come, in the order in which they are best mended."""
    slack = web_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
    async for finding in _slack(slack, settings):
        yield finding
    yield await _goldrush(settings)
    async for finding in _store(settings):
        yield finding
    if post_to:
        yield await _test_post(slack, post_to)


async def _slack(slack: AsyncWebClient, settings: Settings) -> AsyncIterator[Finding]:
    answer = await call(slack, "auth.test")
    if not answer.ok:
        reach = (
            "check SLACK_API_URL and the network" if answer.lost is Lost.NEVER_SENT else "copy the xoxb-… token anew"
        )
        yield Finding(
            "Slack token", Verdict.BAD, answer.error, f"{reach}: https://api.slack.com/apps > OAuth & Permissions"
        )
        return
    yield Finding("Slack token", Verdict.GOOD, f"{answer.body.get('user')} in {answer.body.get('team')}")
    yield _scopes(answer.headers)
    if settings.transport is Transport.SOCKET and settings.slack_app_token is not None:
        yield await _socket_mode(settings)
    else:
        yield Finding(
            "Slack transport",
            Verdict.GOOD,
            f"HTTP on port {settings.port}; Slack must reach /slack/events there",
        )


def _scopes(headers: Mapping[str, str]) -> Finding:
    granted = next((value for name, value in headers.items() if name.lower() == "x-oauth-scopes"), "")
    if not granted:
        return Finding(
            "Slack scopes", Verdict.WEAK, "the server does not tell them", "compare with app_manifest.yaml by hand"
        )
    scopes = {scope.strip() for scope in granted.split(",")}
    mend = "add them under OAuth & Permissions (or apply app_manifest.yaml again), then reinstall the app"
    if missing := sorted(REQUIRED.keys() - scopes):
        return Finding("Slack scopes", Verdict.BAD, f"missing: {', '.join(missing)}", mend)
    if missing := [scope for scope in OPTIONAL if scope not in scopes]:
        off = "; ".join(f"{scope} ({OPTIONAL[scope]})" for scope in missing)
        return Finding("Slack scopes", Verdict.WEAK, f"off without optional scopes: {off}", mend)
    surplus = sorted(scopes - REQUIRED.keys() - OPTIONAL.keys())
    if surplus:
        return Finding("Slack scopes", Verdict.WEAK, f"more than needed: {', '.join(surplus)}", "take these away")
    return Finding("Slack scopes", Verdict.GOOD, "just those of app_manifest.yaml")


async def _socket_mode(settings: Settings) -> Finding:
    assert settings.slack_app_token is not None  # noqa: S101 (asked by the caller)
    client = web_client(settings.slack_app_token.get_secret_value(), settings.slack_api_url)
    answer = await call(client, "apps.connections.open")
    if answer.ok:
        return Finding("Socket Mode", Verdict.GOOD, "the app token opens a connection")
    mend = (
        "Basic Information > App-Level Tokens: a token with connections:write; and Socket Mode must be switched on"
        if answer.lost is None
        else "check the network"
    )
    return Finding("Socket Mode", Verdict.BAD, answer.error, mend)


async def _goldrush(settings: Settings) -> Finding:
    try:
        async with Client(base_url=settings.goldrush_api_url, service_key=settings.goldrush_service_key) as client:
            page = await client.page(1)
    except Unavailable as exc:
        return Finding("GoldRush", Verdict.BAD, str(exc), "check GOLDRUSH_API_URL and the network")
    except (ApiError, ValueError) as exc:
        return Finding("GoldRush key", Verdict.BAD, str(exc), "set GOLDRUSH_SERVICE_KEY to a ServiceKey of your group")
    if not page.pipelines:
        return Finding(
            "GoldRush key", Verdict.WEAK, "accepted, but it sees no pipelines", "was it made in the right group?"
        )
    return Finding(
        "GoldRush key", Verdict.GOOD, f"sees {len(page.pipelines)} pipelines{' and more' if page.more else ''}"
    )


async def _store(settings: Settings) -> AsyncIterator[Finding]:
    try:
        async with opened(settings.store_url, settings.data_dir) as client:
            facts = await client.info()
    except (RedisError, OSError, EmbeddedStoreError, ValueError) as exc:
        mend = "check REDIS_URL (redis://… or rediss://…), the password, and that the server runs"
        yield Finding("Store", Verdict.BAD, f"{type(exc).__name__}: {exc}", mend)
        return
    where = "Redis by REDIS_URL" if settings.redis_url else f"embedded, in {settings.data_dir}"
    version = str(facts.get("valkey_version") or facts.get("redis_version") or "0")
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if numbers < OLDEST_REDIS:
        yield Finding("Store", Verdict.BAD, f"version {version}", "Redis 6.2 or newer, or Valkey")
        return
    yield Finding("Store", Verdict.GOOD, f"{where}, version {version}")
    if not facts.get("aof_enabled"):
        yield Finding(
            "Store durability", Verdict.WEAK, "no append-only file", "CONFIG SET appendonly yes, appendfsync always"
        )
    if facts.get("maxmemory_policy") not in {"noeviction", None}:
        policy = facts.get("maxmemory_policy")
        yield Finding(
            "Store eviction", Verdict.WEAK, f"{policy} may delete watches", "CONFIG SET maxmemory-policy noeviction"
        )


async def _test_post(slack: AsyncWebClient, channel: str) -> Finding:
    text = "Test message of `pipeline-bot check`: all is well."
    answer = await call(slack, "chat.postMessage", channel=channel, text=text)
    if answer.ok:
        return Finding("Test post", Verdict.GOOD, f"posted to {channel}")
    return Finding("Test post", Verdict.BAD, answer.error, f"/invite the bot to {channel}, and give the channel's id")
