"""Builds the outside pagers from the settings."""

from bot.domain.delivery import ReceiverKind
from bot.pagers.apprise import APPRISE
from bot.pagers.pagerduty import PAGERDUTY
from bot.pagers.pagers import Pagers
from bot.pagers.workflow import WORKFLOW
from bot.settings import Settings
from bot.settings.pagers import PagerService

KINDS = {
    PagerService.PAGERDUTY: PAGERDUTY,
    PagerService.WORKFLOW: WORKFLOW,
    PagerService.APPRISE: APPRISE,
}


def pager_kinds(settings: Settings) -> dict[str, ReceiverKind]:
    """The kind of each pager, by its name."""
    return {pager.name: KINDS[pager.service] for pager in settings.pager_addresses}


def build_pagers(settings: Settings) -> Pagers:
    """
    Raises:
        ProxyError: a proxy variable is not valid.
    """
    secrets: dict[ReceiverKind, dict[str, str]] = {}
    for pager in settings.pager_addresses:
        secrets.setdefault(KINDS[pager.service], {})[pager.name] = pager.secret
    return Pagers(secrets, settings.pagerduty_events_url)
