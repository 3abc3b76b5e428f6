"""Reads a page of a Slack list: its rows, and the cursor of the next page. Pure."""

from collections.abc import Mapping

from bot.slack.outbound.calls import Answer

Row = Mapping[str, object]


def rows_in(answer: Answer, member: str) -> list[Row]:
    rows = answer.body.get(member)
    return [row for row in rows if isinstance(row, dict) and "id" in row] if isinstance(rows, list) else []


def next_cursor(answer: Answer) -> str | None:
    metadata = answer.body.get("response_metadata")
    cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
    return cursor if isinstance(cursor, str) and cursor else None


def text_in(row: Row, name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""
