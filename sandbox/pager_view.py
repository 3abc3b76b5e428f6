"""The outside pagers as the page draws them."""

from typing import Any, Protocol

from sandbox.pager_sink import PagerSink
from sandbox.pagerduty import PagerDuty


class PagersOwner(Protocol):
    """The part of the sandbox that has the outside pagers."""

    @property
    def pagerduty(self) -> PagerDuty: ...

    @property
    def pager_sink(self) -> PagerSink: ...


def shown(sandbox: PagersOwner) -> dict[str, Any]:
    """PagerDuty's incidents, and the messages to Apprise's services and to workflows. Latest first."""
    return {
        "incidents": [
            {
                "id": incident.id,
                "key": incident.key,
                "title": incident.title,
                "status": incident.status,
                "acknowledged_by": incident.acknowledged_by,
            }
            for incident in reversed(sandbox.pagerduty.incidents)
        ],
        "messages": [
            {"number": number, "path": message["path"], "title": message["body"].get("title", "")}
            for number, message in reversed(list(enumerate(sandbox.pager_sink.taken)))
        ],
    }
