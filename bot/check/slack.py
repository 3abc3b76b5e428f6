"""Checks the Slack side: token, scopes, how Slack reaches the bot, and the channels that the settings name."""

from collections.abc import AsyncIterator, Mapping

from bot.check.finding import Finding, Verdict
from bot.domain.delivery import Refused
from bot.domain.watch import SuspendReason
from bot.headers import header
from bot.ports.telemetry.slack import CallOutcome
from bot.settings import Role, Settings, Transport
from bot.slack.outbound.calls import SlackAnswer, SlackClient, call, web_client
from bot.slack.outbound.outcomes import outcome_of, retry_after
from bot.slack.outbound.scopes import OPTIONAL, REQUIRED
from bot.startup import ORG_WIDE, OTHER_TEAM, SLACK_ADDRESS, SlackRefusedError, refuse_another_app

INVITE = "/invite @Pipeline Bot"
"""With the name that app_manifest.yaml gives the bot."""
_OBSTACLES: Mapping[SuspendReason, tuple[str, str]] = {
    SuspendReason.NOT_FOUND: (
        "the bot can't see {channel}: no such channel, or a private one without the bot",
        f"copy the id from the channel's details in Slack, and `{INVITE}` there; a private one needs groups:read",
    ),
    SuspendReason.NOT_IN_CHANNEL: ("the bot is not in {channel}", f"type `{INVITE}` in it"),
    SuspendReason.ARCHIVED: ("{channel} is archived", "unarchive it, or choose another channel"),
    SuspendReason.RESTRICTED: (
        "{channel} does not let the bot post",
        "let everyone post there, or add the bot to those who may",
    ),
}


NO_OPERATOR = "not set, so nothing in Slack warns you if the bot falls silent"


async def slack_findings(answer: SlackAnswer, slack: SlackClient, settings: Settings) -> AsyncIterator[Finding]:
    """`answer`: Slack's answer to auth.test."""
    if not answer.ok:
        recopy = "copy the xoxb-… token again: https://api.slack.com/apps > your app > OAuth & Permissions"
        yield _failed("Slack address" if answer.is_foreign else "Slack token", answer, recopy)
        return
    if answer.body.get("is_enterprise_install") is True:
        yield Finding("Slack token", Verdict.BAD, "the token belongs to a whole organization", ORG_WIDE)
        return
    team = answer.body.get("team_id")
    yield Finding("Slack token", Verdict.GOOD, f"{answer.body.get('user')} in {answer.body.get('team')} ({team})")
    if settings.team and settings.team != team:
        yield Finding("Workspace", Verdict.BAD, OTHER_TEAM, f"set PIPELINE_BOT_TEAM={team}")
    yield _scopes(answer.headers)
    for subject, channel in (("Operator channel", settings.operator), ("Fallback channel", settings.fallback)):
        if channel:
            yield await _channel(slack, subject, channel)
    if settings.operator is None and Role.SENDER in settings.roles:
        yield Finding("Operator channel", Verdict.WEAK, NO_OPERATOR, "set OPERATOR_CHANNEL to a channel's id")
    if Role.SLACK not in settings.roles:
        return
    if settings.transport is Transport.SOCKET and settings.slack_app_token is not None:
        token = settings.slack_app_token.get_secret_value()
        yield await _socket_mode(slack, str(answer.body.get("bot_id", "")), token, settings)
    else:
        yield Finding(
            "Slack transport",
            Verdict.GOOD,
            f"HTTP on port {settings.port}. Slack must be able to reach /slack/events there",
        )


async def post_finding(slack: SlackClient, channel: str) -> Finding:
    """Posts a message that says so."""
    text = "Test message from `pipeline-bot check`: I can post here."
    answer = await call(slack, "chat.postMessage", channel=channel, text=text)
    if answer.ok:
        return Finding("Test post", Verdict.GOOD, f"posted to {channel}")
    outcome = outcome_of(answer.status, answer.body, answer.headers)
    fix = "pass the id of a channel that the bot is in"
    if isinstance(outcome, Refused) and outcome.suspend:
        fix = _OBSTACLES[outcome.suspend][1]
    return _failed("Test post", answer, fix)


def _failed(subject: str, answer: SlackAnswer, fix: str) -> Finding:
    """A call that failed. `fix`: what helps if Slack refused it for good. A rate limit is no fault of a setting."""
    verdict = Verdict.WEAK if answer.outcome is CallOutcome.RATE_LIMITED else Verdict.BAD
    return Finding(subject, verdict, answer.error, _fix(answer, fix))


def _fix(answer: SlackAnswer, otherwise: str) -> str:
    """What helps after a failed call. `otherwise`: if Slack refused it for good."""
    if answer.outcome is CallOutcome.RATE_LIMITED:
        seconds = max(60, round(retry_after(answer.headers).total_seconds()))
        return f"nothing is wrong with the setting: Slack got too many requests. Check again in {seconds} s"
    if answer.lost is not None:
        return "check SLACK_API_URL, the network and any proxy"
    if answer.transient:
        return "Slack has a problem of its own: look at https://slack-status.com, and check again later"
    return SLACK_ADDRESS if answer.is_foreign else otherwise


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


async def _channel(slack: SlackClient, subject: str, channel: str) -> Finding:
    """Whether the bot can post there, as far as Slack tells without a post."""
    answer = await call(slack, "conversations.info", channel=channel)
    found = answer.body.get("channel")
    if answer.ok and isinstance(found, dict):
        name = f"#{found.get('name') or channel}"
        if (obstacle := _obstacle(found)) is None:
            return Finding(subject, Verdict.GOOD, f"the bot is in {name}")
        return _closed(subject, obstacle, name)
    if answer.error == "channel_not_found":
        return _closed(subject, SuspendReason.NOT_FOUND, channel)
    fix = "add channels:read and groups:read to the app, or see whether `check --post CHANNEL_ID` can post there"
    return Finding(subject, Verdict.WEAK, f"can't be checked ({answer.error})", _fix(answer, fix))


def _obstacle(found: Mapping[str, object]) -> SuspendReason | None:
    if found.get("is_archived"):
        return SuspendReason.ARCHIVED
    return None if found.get("is_member") else SuspendReason.NOT_IN_CHANNEL


def _closed(subject: str, obstacle: SuspendReason, channel: str) -> Finding:
    detail, fix = _OBSTACLES[obstacle]
    return Finding(subject, Verdict.BAD, detail.format(channel=channel), fix)


async def _socket_mode(slack: SlackClient, bot_id: str, token: str, settings: Settings) -> Finding:
    answer = await call(web_client(token, settings.slack_api_url), "apps.connections.open")
    if answer.ok:
        try:
            await refuse_another_app(slack, bot_id, token)
        except SlackRefusedError as exc:
            return Finding("Socket Mode", Verdict.BAD, str(exc))
        return Finding("Socket Mode", Verdict.GOOD, "the app token opens a connection")
    fix = "create a token with connections:write under Basic Information > App-Level Tokens, and turn on Socket Mode"
    return _failed("Socket Mode", answer, fix)
