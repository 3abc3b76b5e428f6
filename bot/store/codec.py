"""Bytes to values and back. A row that this version cannot read is an error here, not a surprise later."""

import json
from typing import Any

from pydantic import TypeAdapter

from bot.domain.card import Body, Card, Notice, StormLines, SyncCard, SyncStorm, ThreadLine
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delivery
from bot.domain.plan import Record
from bot.domain.watch import Watch

RECORD: TypeAdapter[Record] = TypeAdapter(Record)
WATCH: TypeAdapter[Watch] = TypeAdapter(Watch)
CARD: TypeAdapter[Card] = TypeAdapter(Card)
CATALOGUE: TypeAdapter[tuple[Pipeline, ...]] = TypeAdapter(tuple[Pipeline, ...])

_DELIVERY: TypeAdapter[Delivery] = TypeAdapter(Delivery)
_KINDS = (SyncCard, ThreadLine, Notice, SyncStorm, StormLines)
_BODIES: dict[str, TypeAdapter[Any]] = {kind.__name__: TypeAdapter(kind) for kind in _KINDS}


def encode_delivery(delivery: Delivery) -> str:
    row = _DELIVERY.dump_python(delivery, mode="json")
    row["body"] = {"is": type(delivery.body).__name__, **row["body"]}
    return json.dumps(row)


def decode_delivery(raw: bytes) -> Delivery:
    row = json.loads(raw)
    body: Body = _BODIES[row["body"].pop("is")].validate_python(row["body"])
    return _DELIVERY.validate_python({**row, "body": body})
