"""Checks a real configuration step by step. Each fault comes with its fix. Posts only if `--post` names a channel."""

from collections.abc import AsyncIterator, Iterator

from bot.check.finding import Finding, Verdict
from bot.check.goldrush import goldrush_findings
from bot.check.pagers import pager_findings
from bot.check.slack import post_finding, slack_findings
from bot.check.store import store_findings
from bot.check.watchdog import watchdog_finding
from bot.domain.watch import TeamId
from bot.http.connection_limit import descriptor_limit
from bot.read_slots import descriptor_shortage
from bot.settings import ENV_FILE, Role, Settings, ignored_names, is_exposed
from bot.slack.outbound.calls import call, web_client
from bot.store.private import is_open_to_others

__all__ = ["Finding", "Verdict", "check"]


async def check(settings: Settings, post_to: str | None) -> AsyncIterator[Finding]:
    """Yields each finding at once, in the order in which to fix them."""
    for finding in _files(settings):
        yield finding
    if shortage := descriptor_shortage(settings, descriptor_limit()):
        yield Finding("Descriptors", Verdict.WEAK, shortage.problem, shortage.fix)
    team = TeamId(settings.team or "check")
    slack = web_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
    if settings.calls_slack:
        auth = await call(slack, "auth.test")
        async for finding in slack_findings(auth, slack, settings):
            yield finding
        team = TeamId(str(auth.body.get("team_id") or team))
    goldrush = (goldrush_findings(settings),) if settings.reads_goldrush else ()
    for findings in (*goldrush, store_findings(settings, team), pager_findings(settings)):
        async for finding in findings:
            yield finding
    if settings.watchdog_url and Role.SENDER in settings.roles:
        yield await watchdog_finding(settings.watchdog_url, ping=post_to is not None)
    if post_to and settings.calls_slack:
        yield await post_finding(slack, post_to)


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
