"""Checks that GoldRush can be reached, accepts the ServiceKey, and shows pipelines and the account's usage."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from bot.check.finding import Finding, Verdict
from bot.domain.cadence import EvenPolling
from bot.goldrush.client import Client
from bot.monitoring.measuring_times import measuring_period, most_measured
from bot.ports.pipeline_api import ApiError, Forbidden, ListingPage, Throttled, Unauthorized
from bot.settings import Role, Settings
from bot.slack.mrkdwn import duration
from bot.slack.render.phrases import pipelines, slow_polling

SETTING = "PIPELINE_BOT_REQUESTS_PER_SECOND"
ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)  # the check reads no heights and no pace
USAGE = "GoldRush credits"


async def goldrush_findings(settings: Settings) -> AsyncIterator[Finding]:
    reached = await _service_key_finding(settings)
    yield reached
    if reached.verdict is not Verdict.BAD and Role.SCHEDULER in settings.roles:
        yield await _usage_finding(settings)
    if settings.reads_chains:
        yield await _api_key_finding(settings)


async def _service_key_finding(settings: Settings) -> Finding:
    try:
        async with Client(base_url=settings.goldrush_api_url, service_key=settings.goldrush_service_key) as client:
            page = await client.page(1)
    except ValueError as exc:  # its text names the setting
        return Finding("GoldRush", Verdict.BAD, f"{exc}.")
    except (Unauthorized, Forbidden) as exc:
        fix = "set GOLDRUSH_SERVICE_KEY to a ServiceKey of your group"
        if isinstance(exc, Forbidden) and _begins_as_api_key(settings):
            fix = f"this looks like an API key: {fix}, and GOLDRUSH_API_KEY to this one"
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


async def _usage_finding(settings: Settings) -> Finding:
    """Nothing but `credits` and its notices needs the usage, so a failure is a warning."""
    try:
        async with Client(base_url=settings.goldrush_api_url, service_key=settings.goldrush_service_key) as client:
            usage = await client.usage(ANY_TIME)
    except Forbidden as exc:
        fix = "use a ServiceKey that may read the account's usage; without it only `credits` has no figures"
        return Finding(USAGE, Verdict.WEAK, str(exc), fix)
    except ApiError as exc:
        return Finding(USAGE, Verdict.WEAK, str(exc), "check again later; only `credits` and its notices need it")
    used = f"{usage.consumed or 0:,.0f}" + (f" of {usage.maximum:,.0f}" if usage.maximum else "")
    return Finding(USAGE, Verdict.GOOD, f"{used} used")


def _seen(page: ListingPage, settings: Settings) -> str:
    """How many pipelines the key sees, and how often the budget reads them if they are too many."""
    number = max(len(page.pipelines), page.total or 0)
    if page.more and number == len(page.pipelines):
        return f"sees {number:,} pipelines and more"
    polling = EvenPolling(number, settings.requests_per_second)
    slow = f". If all are watched: {slow_polling(polling, SETTING)}" if polling.is_slow else ""
    return f"sees {pipelines(number)}{slow}{_measured(number, settings) if polling.is_slow else ''}"


def _measured(number: int, settings: Settings) -> str:
    """How often the budget measures each running pipeline, if that is less often than wanted."""
    wanted, rate = settings.measure_seconds, settings.requests_per_second
    most = most_measured(wanted, rate)
    if number > most:
        return f" {most:,} running ones are measured, each every {duration(measuring_period(wanted, most, rate))}."
    period = measuring_period(wanted, number, rate)
    return f" Each running one is measured every {duration(period)}." if period > wanted else ""


def _begins_as_api_key(settings: Settings) -> bool:
    return settings.goldrush_service_key.get_secret_value().lower().startswith("cqt_")


async def _api_key_finding(settings: Settings) -> Finding:
    """Costs a credit of the API key."""
    subject = "GoldRush API key"
    try:
        async with Client(base_url=settings.goldrush_api_url, service_key=settings.api_key) as client:
            chains = await client.chains(ANY_TIME)
    except (Unauthorized, Forbidden) as exc:
        return Finding(subject, Verdict.BAD, str(exc))
    except (ApiError, ValueError) as exc:
        return Finding(subject, Verdict.WEAK, f"I can't tell how far the chains are: {exc}", "check again in a minute")
    return Finding(subject, Verdict.GOOD, f"tells how far GoldRush has synced {len(chains)} chains")


def _bad(subject: str, exc: ApiError, setting: str, fix: str) -> Finding:
    """Leaves out the fix if the text of the error already says what to do with the setting."""
    return Finding(subject, Verdict.BAD, str(exc), "" if setting in str(exc) else fix)
