"""Permissions for tests that are not about them."""

from bot.domain.permission import WhoMayWatch
from bot.ports.clock import Clock
from bot.slack.outbound.calls import web_client
from bot.slack.outbound.facts import Facts
from bot.slack.permissions import Permissions
from tests.builders import TEAM

NOWHERE = "http://127.0.0.1:1/api/"


def everyone_may(clock: Clock) -> Permissions:
    """Slack is asked nothing, and could not answer."""
    return Permissions(Facts(web_client("xoxb-sandbox", NOWHERE), clock, TEAM), WhoMayWatch.EVERYONE)
