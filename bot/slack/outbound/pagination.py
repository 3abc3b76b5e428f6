"""Reads Slack's long lists page by page.

Source: https://docs.slack.dev/apis/web-api/pagination
"""

from collections.abc import AsyncIterator, Mapping

from bot.slack.outbound.calls import SlackAnswer, SlackClient, call
from bot.slack.outbound.list_items import next_cursor


async def read_pages(
    client: SlackClient,
    method: str,
    arguments: Mapping[str, object],
    *,
    most: int | None = None,
    cursor: str | None = None,
) -> AsyncIterator[tuple[SlackAnswer, bool]]:
    """Each answer, and whether it is the last page. Ends after a refusal, the last page, or `most` pages."""
    count = 0
    while most is None or count < most:
        answer = await call(client, method, cursor=cursor, **arguments)
        cursor = next_cursor(answer)
        count += 1
        yield answer, answer.ok and cursor is None
        if not answer.ok or cursor is None:
            return
