"""Builds what takes people's answers at PagerDuty: its webhook, or questions to its REST API."""

from bot.domain.delivery import Receiver
from bot.jobs import PeriodicJob
from bot.pagers.incident_poller import POLL_SECONDS, IncidentPoller
from bot.pagers.incident_reader import IncidentReader
from bot.pagers.listener import WebhookListener
from bot.pagers.pagerduty import PAGERDUTY
from bot.requests.pager_answers import IncidentAnswers
from bot.workspace.base import Base


def build_answers(base: Base) -> IncidentAnswers:
    return IncidentAnswers(
        repository=base.repository, store=base.store, clock=base.clock, receivers=_of_pagerduty(base)
    )


def build_webhook(base: Base) -> WebhookListener | None:
    """None if PagerDuty sends none."""
    secret = base.settings.webhook_secret
    return WebhookListener(secret, build_answers(base)) if secret and _of_pagerduty(base) else None


def poll_jobs(base: Base) -> list[PeriodicJob]:
    """None without a token for PagerDuty's REST API."""
    token = base.settings.pagerduty_api_token
    if token is None or not _of_pagerduty(base):
        return []
    reader = IncidentReader(base.settings.pagerduty_api_url, token.get_secret_value())
    base.pagers.close_with(reader)
    poller = IncidentPoller(reader, base.store, build_answers(base), _of_pagerduty(base))
    return [PeriodicJob("pagerduty", base.leadership.only_as_leader(poller.poll), POLL_SECONDS, hangs_after=300.0)]


def _of_pagerduty(base: Base) -> list[Receiver]:
    names = [name for name in base.pagers.names if base.pagers.kind(name) == PAGERDUTY]
    return [Receiver(base.identity.team, PAGERDUTY, name) for name in names]
