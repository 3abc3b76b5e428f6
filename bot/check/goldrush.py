"""Checks that GoldRush can be reached, accepts the ServiceKey, and shows pipelines."""

from bot.check.finding import Finding, Verdict
from bot.goldrush.client import Client
from bot.ports.pipeline_api import ApiError, Forbidden, Throttled, Unauthorized
from bot.settings import Settings


async def goldrush_finding(settings: Settings) -> Finding:
    try:
        async with Client(base_url=settings.goldrush_api_url, service_key=settings.goldrush_service_key) as client:
            page = await client.page(1)
    except ValueError as exc:  # its text names the setting
        return Finding("GoldRush", Verdict.BAD, f"{exc}.")
    except (Unauthorized, Forbidden) as exc:
        return Finding("GoldRush key", Verdict.BAD, str(exc), "set GOLDRUSH_SERVICE_KEY to a ServiceKey of your group")
    except Throttled as exc:
        fix = "check again in a minute; if it stays, lower PIPELINE_BOT_REQUESTS_PER_SECOND or the use of this key"
        return Finding("GoldRush", Verdict.WEAK, str(exc), fix)
    except ApiError as exc:
        return Finding("GoldRush", Verdict.BAD, str(exc), "check GOLDRUSH_API_URL, the network and any proxy")
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
