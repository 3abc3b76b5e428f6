"""Bytes to values and back. A row that this version cannot read is an error here, not a surprise later."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter

from bot.domain.card import (
    Body,
    Card,
    CatchUp,
    HeldPages,
    Lines,
    Notice,
    PostedCard,
    Recheck,
    SyncCard,
    SyncStorm,
    ThreadLine,
)
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delivery
from bot.domain.note import Note
from bot.domain.plan import Record
from bot.domain.subscription import Undo
from bot.domain.watch import Watch
from bot.ports import Gesture

RECORD: TypeAdapter[Record] = TypeAdapter(Record)
WATCH: TypeAdapter[Watch] = TypeAdapter(Watch)
UNDO: TypeAdapter[Undo] = TypeAdapter(Undo)
NOTE: TypeAdapter[Note] = TypeAdapter(Note)
CARD: TypeAdapter[Card] = TypeAdapter(Card)
GESTURE: TypeAdapter[Gesture] = TypeAdapter(Gesture)
CATALOGUE: TypeAdapter[tuple[Pipeline, ...]] = TypeAdapter(tuple[Pipeline, ...])

SMALL_ROW = 2048  # bytes
_DELIVERY: TypeAdapter[Delivery] = TypeAdapter(Delivery)
_KINDS = (SyncCard, ThreadLine, Lines, Notice, SyncStorm, CatchUp, HeldPages, Recheck)
_BODIES: dict[str, TypeAdapter[Any]] = {kind.__name__: TypeAdapter(kind) for kind in _KINDS}


def encode_delivery(delivery: Delivery) -> str:
    row = _DELIVERY.dump_python(delivery, mode="json")
    row["body"] = {"is": type(delivery.body).__name__, **row["body"]}
    return json.dumps(row)


def decode_delivery(raw: bytes) -> Delivery:
    """A large row is one that takes in others: it is seldom read twice as it is, and would only be kept."""
    return _remembered(raw) if len(raw) <= SMALL_ROW else _decoded(raw)


@lru_cache(maxsize=32_768)  # every change reads all rows again, and nearly all are unchanged
def decode_watch(raw: bytes) -> tuple[tuple[float, str], Watch]:
    """With its place among all: when it was made, then its id. To compare thousands of times with zones is slow."""
    watch = WATCH.validate_json(raw)
    return (watch.made_at.timestamp(), watch.id), watch


@lru_cache(maxsize=10_000)  # a lane is read anew before every message: most rows are what they were
def _remembered(raw: bytes) -> Delivery:
    return _decoded(raw)


def _decoded(raw: bytes) -> Delivery:
    row = json.loads(raw)
    body: Body = _BODIES[row["body"].pop("is")].validate_python(row["body"])
    return _DELIVERY.validate_python({**row, "body": body})


def decode_posted_card(row: Mapping[bytes, bytes]) -> PostedCard:
    return PostedCard(
        content=CARD.validate_json(row[b"content"]),
        revision=int(row[b"revision"]),
        ts=row[b"ts"].decode() if b"ts" in row else None,
        delivered_revision=int(row.get(b"delivered", b"0")),
        removed=b"removed" in row and b"ts" not in row,
        storm=row[b"storm"].decode() if b"storm" in row else None,
        came_at=int(row.get(b"came_at", b"0")),
        held=int(row.get(b"held", b"0")),
    )
