"""Notices that Slack refuses the bot token, and that it accepts the token again."""

from bot.ports.clock import Clock
from bot.ports.telemetry import emit
from bot.ports.telemetry.slack import SlackTokenAccepted, SlackTokenRefused
from bot.slack.outbound.directory import Directory

CHECK_SECONDS = 60.0
LOG_AGAIN_SECONDS = 900.0  # between two log entries about a refused token, because the bot can't post about it
REINSTALL = (
    "reinstall the app at https://api.slack.com/apps and set SLACK_BOT_TOKEN; "
    "the bot keeps its messages and sends them then"
)


class TokenMonitor:
    """Each process that receives or sends checks the token by itself: probes and metrics show its own problems."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._refused_at: float | None = None

    async def check(self) -> bool:
        """True if Slack accepts the token. Otherwise the bot can't post, so it logs the refusal every 15 minutes.

        Raises:
            ChatAway: Slack gave no answer.
        """
        refusal, now = await self._directory.token_refusal(), self._clock.monotonic()
        if refusal is None:
            if self._refused_at is not None:
                emit(SlackTokenAccepted())
            self._refused_at = None
        elif self._refused_at is None or now - self._refused_at >= LOG_AGAIN_SECONDS:
            self._refused_at = now
            emit(SlackTokenRefused(error=refusal, fix=REINSTALL))
        return refusal is None
