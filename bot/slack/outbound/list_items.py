"""Decodes one answer of a paginated Slack method: its rows, and the cursor of the next page. Pure.

Source: https://docs.slack.dev/apis/web-api/pagination
"""

from collections.abc import Mapping

from bot.slack.outbound.calls import SlackAnswer

ListItem = Mapping[str, object]


def items_in(answer: SlackAnswer, field: str) -> list[ListItem]:
    """The rows in this field of the answer. Skips rows without an `id`, because no caller can name or use them."""
    rows = answer.body.get(field)
    return [row for row in rows if isinstance(row, dict) and "id" in row] if isinstance(rows, list) else []


def next_cursor(answer: SlackAnswer) -> str | None:
    """None on the last page."""
    metadata = answer.body.get("response_metadata")
    cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
    return cursor if isinstance(cursor, str) and cursor else None


def text_in(row: ListItem, field: str) -> str:
    """Empty if the row lacks the field, or if it is no text."""
    text = row.get(field)
    return text if isinstance(text, str) else ""
