"""Checks that GoldRush can be reached, accepts the ServiceKey, and shows pipelines."""

from bot.check.finding import Finding, Verdict
from bot.domain.cadence import EvenPolling
from bot.goldrush.client import Client
from bot.ports.pipeline_api import ApiError, Forbidden, ListingPage, Throttled, Unauthorized
from bot.settings import Settings
from bot.slack.render.phrases import pipelines, slow_polling

SETTING = "PIPELINE_BOT_REQUESTS_PER_SECOND"


async def goldrush_finding(settings: Settings) -> Finding:
    try:
        async with Client(base_url=settings.goldrush_api_url, service_key=settings.goldrush_service_key) as client:
            page = await client.page(1)
    except ValueError as exc:  # its text names the setting
        return Finding("GoldRush", Verdict.BAD, f"{exc}.")
    except (Unauthorized, Forbidden) as exc:
        fix = "set GOLDRUSH_SERVICE_KEY to a ServiceKey of your group"
        return _bad("GoldRush key", exc, "GOLDRUSH_SERVICE_KEY", fix)
    except Throttled as exc:
        fix = "check again in a minute; if it stays, lower PIPELINE_BOT_REQUESTS_PER_SECOND or the use of this key"
        return Finding("GoldRush", Verdict.WEAK, str(exc), fix)
    except ApiError as exc:
        return _bad("GoldRush", exc, "GOLDRUSH_API_URL", "check GOLDRUSH_API_URL, the network and any proxy")
    if not page.pipelines:
        return Finding(
            "GoldRush key",
            Verdict.WEAK,
            "GoldRush accepts it, but it sees no pipelines",
            "check that you created it in the right group",
        )
    return Finding("GoldRush key", Verdict.GOOD, _seen(page, settings))


def _seen(page: ListingPage, settings: Settings) -> str:
    """How many pipelines the key sees, and how often the budget reads them if they are too many."""
    number = max(len(page.pipelines), page.total or 0)
    if page.more and number == len(page.pipelines):
        return f"sees {number:,} pipelines and more"
    polling = EvenPolling(number, settings.requests_per_second)
    slow = f". If all are watched: {slow_polling(polling, SETTING)}" if polling.is_slow else ""
    return f"sees {pipelines(number)}{slow}"


def _bad(subject: str, exc: ApiError, setting: str, fix: str) -> Finding:
    """Leaves out the fix if the text of the error already says what to do with the setting."""
    return Finding(subject, Verdict.BAD, str(exc), "" if setting in str(exc) else fix)
