"""The version of each JSON row, and the upgrade of older rows.

Version 1 renamed fields and message kinds. Rows before it carry no version.
"""

import json
from collections.abc import Callable
from typing import Any

VERSION = 1
_HEAD = b'{"v":%d,' % VERSION

Row = dict[str, Any]


class NewerRowError(ValueError):
    """A newer version of the bot wrote this row."""


def stamp(row: bytes) -> str:
    """`row`, a JSON object, with the version in front."""
    body = row[1:]
    return (_HEAD + body if body != b"}" else _HEAD[:-1] + body).decode()


def is_current(row: bytes) -> bool:
    """True for nearly all rows, so it must be cheap."""
    return row.startswith(_HEAD)


def upgraded(row: bytes, upgrade: Callable[[Row], Row]) -> Row:
    """The row with the fields of the current version, without its version. `upgrade` takes a row of version 0.

    Raises:
        NewerRowError: update this bot to the version that wrote the row.
        ValueError: the row is damaged.
    """
    loaded = json.loads(row)
    if not isinstance(loaded, dict) or type(loaded.get("v", 0)) is not int:
        raise ValueError("no row of this bot")
    version = loaded.pop("v", 0)
    if version > VERSION:
        raise NewerRowError(f"written by a newer version of the bot (row version {version}, this bot knows {VERSION})")
    try:
        return upgrade(loaded) if version == 0 else loaded
    except (AttributeError, LookupError, TypeError) as exc:
        raise ValueError("no row of version 0") from exc


def _renamed(row: Row, **names: str) -> Row:
    return {names.get(key, key): value for key, value in row.items()}


def unchanged(row: Row) -> Row:
    return row


def record(row: Row) -> Row:
    row = _renamed(row, standing="state")
    if row.get("state"):
        row["state"] = _state(row["state"])
    if row.get("episode"):
        row["episode"] = _episode(row["episode"])
    return row


def card(row: Row) -> Row:
    row = _renamed(row, standing="state")
    return {**row, "state": _state(row.get("state") or {}), "episode": _episode(row["episode"])}


def interaction(row: Row) -> Row:
    return _renamed(row, facts="payload")


def delivery(row: Row) -> Row:
    """A row of version 0 is flat; its receiver is a Slack channel."""
    row = _renamed(
        row,
        follows="after_card",
        after_ts="after_id",
        looks="lookups",
        attempts="count",
        given_by="lease",
        blind_tries="blind_count",
    )
    body = _body(row["body"])
    if body["is"] == "recheck":
        body["after_id"] = row.get("after_id", "")
    message = {key: row[key] for key in _MESSAGE if key in row}
    attempt = {key: value for key, value in row.items() if key not in {*_MESSAGE, "channel", "body"}}
    return {
        "message": {**message, "receiver": {"kind": "slack", "id": row["channel"]}, "body": body},
        "attempt": attempt,
    }


_MESSAGE = ("id", "priority", "made_at", "after_card", "earliest")


def _state(row: Row) -> Row:
    row = _renamed(row, misses="failed_reads", number="sequence")
    if row.get("observation"):
        row["observation"] = _renamed(row["observation"], number="sequence")
    return row


def _episode(row: Row) -> Row:
    return _renamed(row, told="cards", left="generation", lines="timeline")


_KINDS = {
    "SyncCard": "sync_card",
    "ThreadLine": "thread_entry",
    "Lines": "timeline_batch",
    "Notice": "notice",
    "SyncStorm": "sync_group",
    "CatchUp": "digest",
    "HeldPages": "held_pages",
    "Recheck": "recheck",
}


def _body(row: Row) -> Row:
    kind = row["is"]
    row = _renamed(
        row,
        storm_key="group_key",
        of_storm="of_group",
        line="entry",
        lines="entries",
        story="thread_key",
        called="failures",
        thread_ts="parent_id",
    )
    if kind == "Lines":
        row["entries"] = [_renamed(entry, line="entry") for entry in row["entries"]]
    elif kind in {"CatchUp", "HeldPages"}:
        row["entries"] = [_renamed(entry, story="card_key") for entry in row["entries"]]
    elif kind == "Notice":
        row["missed"] = [_renamed(entry, story="card_key") for entry in row.get("missed", ())]
    return {**row, "is": _KINDS[kind]}
