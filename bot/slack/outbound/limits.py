"""Slack's limits for the bot's calls. Source: https://docs.slack.dev/apis/web-api/rate-limits"""

from bot.ports.rate_limits import Method, RateLimits
from bot.slack.outbound.calls import DEADLINE_SECONDS

SLACK_LIMITS = RateLimits(
    per_minute={
        Method.POST: 240,  # "several hundred messages per minute" for the whole workspace
        Method.UPDATE: 50,
        Method.HISTORY: 50,
    },
    # "1 message per second per channel". Slack allows bursts but does not promise them, so we send none.
    spacing_seconds=1.0,
    call_seconds=DEADLINE_SECONDS + 1.0,
)
