"""Checks the outside pagers without paging anybody.

PagerDuty ignores the end of an incident that it does not know, but refuses it with a wrong key.
"""

from collections.abc import AsyncIterator

from bot.check.finding import Finding, Verdict
from bot.pagers.incident_reader import IncidentReader
from bot.pagers.web import NoAnswer, WebAnswer, WebClient
from bot.settings import Role, Settings, Transport
from bot.settings.pagers import PagerService

PROBE_KEY = "pipeline-bot-check"
NOT_PROBED = {
    PagerService.WORKFLOW: "its trigger URL has the right form; `/pipeline drill` tests it",
    PagerService.APPRISE: "Apprise takes its address; `/pipeline drill` tests it",
}


async def pager_findings(settings: Settings) -> AsyncIterator[Finding]:
    if not settings.pager_addresses or Role.SENDER not in settings.roles:
        return
    if finding := _webhook_finding(settings):
        yield finding
    client = WebClient(settings.pagerduty_events_url)
    try:
        for pager in settings.pager_addresses:
            if pager.service is not PagerService.PAGERDUTY:
                yield Finding(f"Pager {pager.name}", Verdict.GOOD, NOT_PROBED[pager.service])
                continue
            probe = {"routing_key": pager.secret, "event_action": "resolve", "dedup_key": PROBE_KEY}
            answer = await client.post(settings.pagerduty_events_url.rstrip("/"), probe)
            fix = "copy the integration key of an Events API v2 integration of your PagerDuty service into PAGERS"
            yield _finding(f"Pager {pager.name}", answer, 202, "PagerDuty accepts its routing key", fix)
    finally:
        await client.close()
    if settings.pagerduty_api_token:
        reader = IncidentReader(settings.pagerduty_api_url, settings.pagerduty_api_token.get_secret_value())
        try:
            fix = "create a read-only REST API key in PagerDuty, and set PAGERDUTY_API_TOKEN to it"
            yield _finding("PagerDuty API", await reader.probe(), 200, "PagerDuty accepts PAGERDUTY_API_TOKEN", fix)
        finally:
            await reader.close()


def _webhook_finding(settings: Settings) -> Finding | None:
    """In Socket Mode, a webhook needs a port of its own."""
    in_socket_mode = settings.transport is Transport.SOCKET and Role.SLACK in settings.roles
    if not in_socket_mode or bool(settings.webhook_secret) == (settings.webhook_port is not None):
        return None
    detail = "in Socket Mode, PAGERDUTY_WEBHOOK_SECRET and PIPELINE_BOT_WEBHOOK_PORT need each other"
    return Finding("PagerDuty webhook", Verdict.WEAK, detail, "set both, or none")


def _finding(subject: str, answer: WebAnswer | NoAnswer, good: int, detail: str, fix: str) -> Finding:
    if isinstance(answer, NoAnswer):
        return Finding(subject, Verdict.WEAK, answer.problem, "check the network and any proxy")
    if answer.status == good:
        return Finding(subject, Verdict.GOOD, detail)
    if answer.status == 429 or answer.status >= 500:
        return Finding(subject, Verdict.WEAK, f"PagerDuty answered {answer.status}", "check again later")
    return Finding(subject, Verdict.BAD, f"PagerDuty answered {answer.status}", fix)
