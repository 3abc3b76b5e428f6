"""Records of Slack: connections, interactions, events and refusals."""

from bot.ports.telemetry import EventRecord, Level, event


@event("slack_away", Level.WARNING)
class SlackUnreachable(EventRecord):
    problem: str
    next_try_seconds: float | None = None
