"""PagerDuty's Events API v2: pages, acknowledges and resolves under one deduplication key, so a repeat does no harm.

Source: https://developer.pagerduty.com/docs/events-api-v2-overview
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.domain.body import Content
from bot.domain.delivery import Delivery, Lookup, LookupResult, Outcome, Receiver, ReceiverKind, Unreadable
from bot.domain.pager import PagerAction, PagerEvent
from bot.domain.transition import FINDINGS, Event
from bot.pagers.outcomes import page_outcome, page_refusal
from bot.pagers.reports import reported
from bot.pagers.texts import page_text, problem_of, title_of
from bot.pagers.web import DEADLINE_SECONDS, WebClient
from bot.ports.rate_limits import Method, RateLimits

PAGERDUTY = ReceiverKind("pagerduty")
PAGERDUTY_LIMITS = RateLimits(
    # PagerDuty names no limit and answers 429; its older limit was 120 events a minute for each key.
    per_minute={Method.POST: 120, Method.UPDATE: 120, Method.HISTORY: 120},
    spacing_seconds=0.5,
    call_seconds=DEADLINE_SECONDS + 1.0,
)
LONGEST_SUMMARY = 1024
_MILD = frozenset({Event.DEGRADED, *FINDINGS})


class PagerDutyChat:
    """Implements `Chat` for PagerDuty. `keys`: the routing key of each pager, by its name."""

    def __init__(self, client: WebClient, url: str, keys: Mapping[str, str]) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._keys = keys

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:  # noqa: ARG002 (the port's)
        key = self._keys.get(delivery.receiver.id)
        if key is None or not isinstance(content, PagerEvent):
            return reported(delivery, page_refusal(delivery, "PAGERS has no such pager", now))
        answer = await self._client.post(self._url, {"routing_key": key, **event_json(content)})
        return reported(delivery, page_outcome(answer, delivery, now))

    async def update(self, delivery: Delivery, content: Content, *, message_id: str, now: datetime) -> Outcome:  # noqa: ARG002
        return await self.post(delivery, content, parent_id=None, now=now)

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        return [Unreadable("PagerDuty needs no lookup: it drops repeats")] * len(lookups)

    async def delete(self, receiver: Receiver, message_id: str) -> bool:  # noqa: ARG002
        return False


def event_json(event: PagerEvent) -> dict[str, object]:
    """The event as PagerDuty documents it, without the routing key."""
    body: dict[str, object] = {"event_action": event.action.value, "dedup_key": event.key}
    if event.action is not PagerAction.TRIGGER:
        return body
    failures, first = event.failures, event.failures[0] if event.failures else None
    mild = bool(failures) and all(failure.event in _MILD for failure in failures)
    payload: dict[str, object] = {
        "summary": title_of(event)[:LONGEST_SUMMARY],
        "severity": "warning" if mild else "critical",
        "source": f"{first.pipeline.id}" if first and len(failures) == 1 else "pipeline-bot",
        "custom_details": {"details": page_text(event).body, "problem": problem_of(event)},
    }
    if first:
        payload |= {"timestamp": first.since.isoformat(), "class": first.event.value}
    if first and len(failures) == 1 and first.pipeline.project:
        payload["group"] = first.pipeline.project
    body |= {"client": "pipeline-bot", "payload": payload}
    link = next((failure.card_link for failure in failures if failure.card_link), "")
    if link:
        body |= {"client_url": link, "links": [{"href": link, "text": "Card in Slack"}]}
    return body
