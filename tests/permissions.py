"""Permissions and services for tests that are not about them."""

from bot.domain.permission import WhoMayWatch
from bot.ports.clock import Clock
from bot.requests.services import RequestServices
from bot.slack.feature import Services
from bot.slack.outbound.calls import web_client
from bot.slack.outbound.directory import Directory
from bot.slack.outbound.facts import Facts
from bot.slack.outbound.modals import Modals
from bot.slack.permissions import Permissions
from bot.slack.render.render_context import RenderContext
from tests.builders import TEAM

NOWHERE = "http://127.0.0.1:1/api/"


def everyone_may(clock: Clock) -> Permissions:
    """Allows everyone without calling Slack, which could not answer here."""
    return Permissions(Facts(web_client("xoxb-sandbox", NOWHERE), clock, TEAM), WhoMayWatch.EVERYONE)


def services_of(requests: RequestServices, clock: Clock) -> Services:
    """Builds services in which everyone may do everything, without calling Slack."""
    return Services(
        requests=requests,
        directory=Directory(web_client("xoxb-sandbox", NOWHERE), clock, TEAM),
        permissions=everyone_may(clock),
        modals=Modals(web_client("xoxb-sandbox", NOWHERE)),
        render_context=RenderContext(command="/pipeline", platform_url="https://goldrush.dev/platform/"),
    )
