"""Decodes one page of a Slack list: its items, and the cursor of the next page. Pure."""

from collections.abc import Mapping

from bot.slack.outbound.calls import SlackAnswer

ListItem = Mapping[str, object]


def items_in(answer: SlackAnswer, member: str) -> list[ListItem]:
    rows = answer.body.get(member)
    return [row for row in rows if isinstance(row, dict) and "id" in row] if isinstance(rows, list) else []


def next_cursor(answer: SlackAnswer) -> str | None:
    metadata = answer.body.get("response_metadata")
    cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
    return cursor if isinstance(cursor, str) and cursor else None


def text_in(row: ListItem, name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""
