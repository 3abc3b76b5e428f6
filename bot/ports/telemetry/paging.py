"""Records of pages."""

from bot.ports.telemetry import EventRecord, Level, event


@event("page_advanced", Level.INFO)
class PageAdvanced(EventRecord):
    """A timer moved a page on.

    `attempt` counts the beginnings of its escalation, `steps` the steps of this attempt, `unreached` those that reached
    nobody. `policy` is empty if the watches name the targets themselves.
    """

    pipeline: str
    policy: str
    status: str
    attempt: int
    steps: int
    unreached: int
