"""Slack workflows that start from a web request: the trigger URL takes flat strings, and nothing can be looked up.

Source: https://slack.com/help/articles/360041352714-Build-a-workflow--Create-a-workflow-that-starts-outside-of-Slack
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.domain.body import Content
from bot.domain.delivery import Delivery, Lookup, LookupResult, Outcome, Receiver, ReceiverKind, Unreadable
from bot.domain.pager import PagerEvent, PagingEnd
from bot.pagers.outcomes import page_outcome, page_refusal, posted
from bot.pagers.reports import may_repeat, reported
from bot.pagers.texts import page_text
from bot.pagers.web import DEADLINE_SECONDS, WebClient
from bot.ports.rate_limits import Method, RateLimits

WORKFLOW = ReceiverKind("workflow")
WORKFLOW_LIMITS = RateLimits(
    per_minute={Method.POST: 60, Method.UPDATE: 60, Method.HISTORY: 60},
    spacing_seconds=1.0,
    call_seconds=DEADLINE_SECONDS + 1,
)


class WorkflowChat:
    """Implements `Chat` for trigger URLs. `urls`: the URL of each pager, by its name."""

    def __init__(self, client: WebClient, urls: Mapping[str, str]) -> None:
        self._client = client
        self._urls = urls

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:  # noqa: ARG002 (the port's)
        url = self._urls.get(delivery.receiver.id)
        if url is None or not isinstance(content, PagerEvent):
            return reported(delivery, page_refusal(delivery, "PAGERS has no such pager", now))
        if content.end is PagingEnd.RENEWED:
            return posted(now)
        answer = await self._client.post(url, variables(content, may_repeat=may_repeat(delivery)))
        return reported(delivery, page_outcome(answer, delivery, now))

    async def update(self, delivery: Delivery, content: Content, *, message_id: str, now: datetime) -> Outcome:  # noqa: ARG002
        return await self.post(delivery, content, parent_id=None, now=now)

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        return [Unreadable("a workflow can't be looked up")] * len(lookups)

    async def delete(self, receiver: Receiver, message_id: str) -> bool:  # noqa: ARG002
        return False


def variables(event: PagerEvent, *, may_repeat: bool) -> dict[str, object]:
    """The workflow's variables; docs/settings.md lists them. Each is a text, because Slack takes no others."""
    text = page_text(event, may_repeat=may_repeat)
    failures = event.failures
    return {
        "action": event.action.value,
        "key": event.key,
        "title": text.title,
        "details": text.body,
        "pipelines": ", ".join(failure.pipeline.name for failure in failures)[:1000],
        "by": event.by_name,
        "link": next((failure.card_link for failure in failures if failure.card_link), ""),
        "test": "yes" if event.drill else "no",
    }
