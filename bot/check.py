"""Checks a real configuration step by step. Each fault comes with its fix. Posts only if `--post` names a channel."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from redis.exceptions import RedisError

from bot.domain.watch import TeamId
from bot.goldrush.client import Client
from bot.headers import header
from bot.ports.pipeline_api import ApiError, StrayNotFound, Unavailable
from bot.redis_address import parse_redis_url
from bot.settings import ENV_FILE, Role, Settings, Transport, ignored_names, is_exposed
from bot.slack.outbound.calls import SlackAnswer, SlackClient, call, web_client
from bot.slack.outbound.scopes import OPTIONAL, REQUIRED
from bot.startup import ORG_WIDE, OTHER_TEAM, SlackRefusedError, refuse_another_app
from bot.store.connect import connected, store_url
from bot.store.embedded import EmbeddedStoreError, NoStoreError
from bot.store.private import is_open_to_others
from bot.store.probe import connection_problem, probe
from bot.store.problem import Weight


class Verdict(Enum):
    """BAD: the bot can't run like this. WEAK: it runs, but something is off."""

    GOOD = "good"
    WEAK = "weak"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its subject, its verdict, the details, and what to do if it is not good."""

    subject: str
    verdict: Verdict
    detail: str
    fix: str = ""


async def check(settings: Settings, post_to: str | None) -> AsyncIterator[Finding]:
    """Yields each finding at once, in the order in which to fix them."""
    for finding in _files(settings):
        yield finding
    team = TeamId(settings.team or "check")
    slack = web_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
    if settings.calls_slack:
        auth = await call(slack, "auth.test")
        async for finding in _slack(auth, slack, settings):
            yield finding
        team = TeamId(str(auth.body.get("team_id") or team))
    if settings.reads_goldrush:
        yield await _goldrush(settings)
    async for finding in _store(settings, team):
        yield finding
    if post_to and settings.calls_slack:
        yield await _test_post(slack, post_to)


def _files(settings: Settings) -> Iterator[Finding]:
    for sentence in ignored_names():
        yield Finding("Settings", Verdict.WEAK, sentence)
    if is_open_to_others(ENV_FILE):
        yield Finding("Settings", Verdict.WEAK, "other users of this machine can read .env", "chmod 600 .env")
    if settings.store_url and is_exposed(settings.store_url):
        detail = "REDIS_URL sends data and the password across the network unencrypted"
        yield Finding(
            "Settings",
            Verdict.WEAK,
            detail,
            "use rediss://, rediss+sentinel:// or rediss+cluster:// if your Redis offers TLS",
        )


async def _slack(answer: SlackAnswer, slack: SlackClient, settings: Settings) -> AsyncIterator[Finding]:
    if not answer.ok:
        recopy = "copy the xoxb-… token again: https://api.slack.com/apps > your app > OAuth & Permissions"
        fix = "check SLACK_API_URL, the network and any proxy" if answer.transient else recopy
        yield Finding("Slack token", Verdict.BAD, answer.error, fix)
        return
    if answer.body.get("is_enterprise_install") is True:
        yield Finding("Slack token", Verdict.BAD, "the token belongs to a whole organization", ORG_WIDE)
        return
    yield Finding("Slack token", Verdict.GOOD, f"{answer.body.get('user')} in {answer.body.get('team')}")
    if settings.team and settings.team != answer.body.get("team_id"):
        yield Finding("Workspace", Verdict.BAD, OTHER_TEAM, f"set PIPELINE_BOT_TEAM={answer.body.get('team_id')}")
    yield _scopes(answer.headers)
    if Role.SLACK not in settings.roles:
        return
    if settings.transport is Transport.SOCKET and settings.slack_app_token is not None:
        yield await _socket_mode(slack, str(answer.body.get("bot_id", "")), settings)
    else:
        yield Finding(
            "Slack transport",
            Verdict.GOOD,
            f"HTTP on port {settings.port}. Slack must be able to reach /slack/events there",
        )


def _scopes(headers: Mapping[str, str]) -> Finding:
    granted = header(headers, "x-oauth-scopes")
    if not granted:
        return Finding(
            "Slack scopes", Verdict.WEAK, "Slack doesn't list them", "compare them with app_manifest.yaml by hand"
        )
    scopes = {scope.strip() for scope in granted.split(",")}
    fix = "add them under OAuth & Permissions, or apply app_manifest.yaml again; then reinstall the app"
    if missing := sorted(REQUIRED.keys() - scopes):
        return Finding("Slack scopes", Verdict.BAD, f"missing: {', '.join(missing)}", fix)
    if missing := [scope for scope in OPTIONAL if scope not in scopes]:
        off = "; ".join(f"{scope} ({OPTIONAL[scope]})" for scope in missing)
        return Finding("Slack scopes", Verdict.WEAK, f"missing optional scopes turn these off: {off}", fix)
    surplus = sorted(scopes - REQUIRED.keys() - OPTIONAL.keys())
    if surplus:
        return Finding("Slack scopes", Verdict.WEAK, f"more than the bot needs: {', '.join(surplus)}", "remove them")
    return Finding("Slack scopes", Verdict.GOOD, "exactly those of app_manifest.yaml")


async def _socket_mode(slack: SlackClient, bot_id: str, settings: Settings) -> Finding:
    assert settings.slack_app_token is not None  # noqa: S101 (the caller checks it)
    token = settings.slack_app_token.get_secret_value()
    answer = await call(web_client(token, settings.slack_api_url), "apps.connections.open")
    if answer.ok:
        try:
            await refuse_another_app(slack, bot_id, token)
        except SlackRefusedError as exc:
            return Finding("Socket Mode", Verdict.BAD, str(exc))
        return Finding("Socket Mode", Verdict.GOOD, "the app token opens a connection")
    fix = (
        "create a token with connections:write under Basic Information > App-Level Tokens, and turn on Socket Mode"
        if not answer.transient
        else "check SLACK_API_URL, the network and any proxy"
    )
    return Finding("Socket Mode", Verdict.BAD, answer.error, fix)


async def _goldrush(settings: Settings) -> Finding:
    try:
        async with Client(base_url=settings.goldrush_api_url, service_key=settings.goldrush_service_key) as client:
            page = await client.page(1)
    except ValueError as exc:  # its text names the setting
        return Finding("GoldRush", Verdict.BAD, f"{exc}.")
    except (Unavailable, StrayNotFound) as exc:
        return Finding("GoldRush", Verdict.BAD, str(exc), "check GOLDRUSH_API_URL, the network and any proxy")
    except ApiError as exc:
        return Finding("GoldRush key", Verdict.BAD, str(exc), "set GOLDRUSH_SERVICE_KEY to a ServiceKey of your group")
    if not page.pipelines:
        return Finding(
            "GoldRush key",
            Verdict.WEAK,
            "GoldRush accepts it, but it sees no pipelines",
            "check that you created it in the right group",
        )
    return Finding(
        "GoldRush key", Verdict.GOOD, f"sees {len(page.pipelines)} pipelines{' and more' if page.more else ''}"
    )


async def _store(settings: Settings, team: TeamId) -> AsyncIterator[Finding]:
    """Checks the store with the probe of `run`, so that both refuse the same stores."""
    try:
        async with store_url(settings.store_url, settings.data_dir) as url, connected(url, team) as client:
            kind = parse_redis_url(url).kind
            report = await probe(client, team, kind, shares_reads=settings.shares_reads)
            exposed = settings.store_url is None and is_open_to_others(settings.data_dir)
    except NoStoreError as exc:
        yield Finding("Store", Verdict.BAD, str(exc))
        return
    except EmbeddedStoreError as exc:
        yield Finding("Store", Verdict.BAD, str(exc), "check PIPELINE_BOT_DATA_DIR and the disk")
        return
    except (RedisError, OSError) as exc:
        yield _store_away(exc)
        return
    if not any(problem.weight is Weight.FATAL for problem in report.problems):
        location = "Redis at REDIS_URL" if settings.redis_url else f"embedded, in {settings.data_dir}"
        yield Finding("Store", Verdict.GOOD, f"{location}, version {report.version or 'unknown'}")
    for problem in report.problems:
        verdict = Verdict.WEAK if problem.weight is Weight.WEAK else Verdict.BAD
        yield Finding(problem.subject, verdict, problem.text, problem.fix)
    if exposed:
        detail = f"other users of this machine can read {settings.data_dir}"
        yield Finding("Store files", Verdict.WEAK, detail, f"chmod 700 {settings.data_dir}")


def _store_away(exc: Exception) -> Finding:
    if problem := connection_problem(exc):
        return Finding(problem.subject, Verdict.BAD, problem.text, problem.fix)
    fix = "check the host and port in REDIS_URL, whether the server wants TLS (rediss://…), and that it runs"
    return Finding("Store", Verdict.BAD, f"{type(exc).__name__}: {exc}", fix)


async def _test_post(slack: SlackClient, channel: str) -> Finding:
    text = "Test message from `pipeline-bot check`: I can post here."
    answer = await call(slack, "chat.postMessage", channel=channel, text=text)
    if answer.ok:
        return Finding("Test post", Verdict.GOOD, f"posted to {channel}")
    return Finding("Test post", Verdict.BAD, answer.error, f"/invite the bot to {channel}, and pass the channel's id")
