"""Turns values into rows for Redis, and rows into values. A row that this version can't read raises here, not later.

The names of the fields in these dataclasses are the names in the rows: a new name needs an upgrade in `versions`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import Any, Generic, TypeVar

import msgspec
from pydantic import TypeAdapter

from bot.domain.backup import ScheduledRow
from bot.domain.body import Body, Recheck
from bot.domain.card import Card, Pointer, SyncCard, SyncGroup, ThreadEntry, TimelineBatch
from bot.domain.catalogue import AccountLimit, BlockRange, Pipeline
from bot.domain.delivery import Attempt, Delivery, Message, Priority, Receiver, ReceiverKind
from bot.domain.drill import Drill
from bot.domain.note import Note
from bot.domain.notice import Notice
from bot.domain.observation import PipelineId
from bot.domain.pager import PagerEvent
from bot.domain.pager_lane import Incident
from bot.domain.phase import Intent
from bot.domain.plan import Record
from bot.domain.postmortem import Postmortem
from bot.domain.schedule_messages import ScheduleReport, ShadowChange, ShiftChange, ShiftHandover
from bot.domain.subscription import Undo
from bot.domain.summary import Digest, HeldPages
from bot.domain.watch import TeamId, Watch
from bot.ports.interaction_store import Interaction
from bot.store import versions

T = TypeVar("T")


class Codec(Generic[T]):
    """Encodes and decodes one kind of row. `upgrade` turns a row of version 0 into one of version 1.

    msgspec takes a third of pydantic's time. A start decodes a row or two for each pipeline, and a burst of failures
    encodes a few for each channel.
    """

    def __init__(self, kind: type[T], upgrade: Callable[[versions.Row], versions.Row]) -> None:
        self._kind = kind
        self._upgrade = upgrade
        self._decoder = msgspec.json.Decoder(kind)

    def encode(self, value: T) -> str:
        return versions.stamp(msgspec.json.encode(value))

    def decode(self, row: bytes | str) -> T:
        """
        Raises:
            ValueError: the row is damaged, or a newer version wrote it.
        """
        raw = row.encode() if isinstance(row, str) else row
        if versions.is_current(raw):
            return self._decoder.decode(raw)
        return msgspec.convert(versions.upgraded(raw, self._upgrade), self._kind, str_keys=True)


RECORD = Codec(Record, versions.record)
WATCH = Codec(Watch, versions.unchanged)
UNDO = Codec(Undo, versions.unchanged)
NOTE = Codec(Note, versions.unchanged)
CARD = Codec(Card, versions.card)
DRILL = Codec(Drill, versions.unchanged)
SCHEDULED = Codec(ScheduledRow, versions.unchanged)
INCIDENT = Codec(Incident, versions.unchanged)
_INTERACTION: TypeAdapter[Interaction] = TypeAdapter(Interaction)
_CATALOGUE: TypeAdapter[tuple[Pipeline, ...]] = TypeAdapter(tuple[Pipeline, ...])
_PIPELINE: TypeAdapter[Pipeline] = TypeAdapter(Pipeline)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PipelineRow:
    """The fields of `Pipeline`, without the id."""

    name: str
    project: str = ""
    intent: Intent | None = None
    bounded: bool = False
    destination: str = ""
    destination_type: str = ""
    owner: str = ""
    blocks: BlockRange | None = None
    chain: str = ""
    account_limit: AccountLimit | None = None


_PIPELINE_ROW = Codec(_PipelineRow, versions.unchanged)

SMALL_ROW = 2048  # bytes
_KINDS: dict[str, type[Any]] = {
    "sync_card": SyncCard,
    "thread_entry": ThreadEntry,
    "timeline_batch": TimelineBatch,
    "notice": Notice,
    "sync_group": SyncGroup,
    "pointer": Pointer,
    "digest": Digest,
    "held_pages": HeldPages,
    "pager_event": PagerEvent,
    "shift_handover": ShiftHandover,
    "shift_change": ShiftChange,
    "shadow_change": ShadowChange,
    "schedule_report": ScheduleReport,
    "postmortem": Postmortem,
    "recheck": Recheck,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReceiverRow:
    kind: ReceiverKind
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _MessageRow:
    """The fields of `Message`, without the receiver's team. `body`: its kind and fields, not decoded yet."""

    id: str
    receiver: _ReceiverRow
    priority: Priority
    body: msgspec.Raw
    made_at: datetime
    after_card: str = ""
    earliest: datetime | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _DeliveryRow:
    message: _MessageRow
    attempt: Attempt


class UnknownKindError(ValueError):
    """Only a newer version of the bot can send this message."""


class _BodyKind(msgspec.Struct):
    name: str = msgspec.field(name="is")


_DELIVERY_ROW = msgspec.json.Decoder(_DeliveryRow)
_BODY_KIND = msgspec.json.Decoder(_BodyKind)
_BODIES = {name: msgspec.json.Decoder(kind) for name, kind in _KINDS.items()}


def encode_pipeline_row(pipeline: Pipeline) -> str:
    """Leaves out the id, which is the row's key, and what is as usual."""
    return versions.stamp(_PIPELINE.dump_json(pipeline, exclude={"id"}, exclude_defaults=True))


def decode_pipeline_row(pipeline_id: PipelineId, raw: bytes) -> Pipeline:
    row = _PIPELINE_ROW.decode(raw)
    return Pipeline(
        id=pipeline_id,
        name=row.name,
        project=intern(row.project),  # many pipelines have one project, destination or owner: they share its text
        intent=row.intent,
        bounded=row.bounded,
        destination=intern(row.destination),
        destination_type=intern(row.destination_type),
        owner=intern(row.owner),
        blocks=row.blocks,
        chain=intern(row.chain),
        account_limit=row.account_limit,
    )


def decode_catalogue(raw: bytes) -> tuple[Pipeline, ...]:
    """The whole catalogue in one row, as before schema 3."""
    if raw.startswith(b"["):  # version 0
        return _CATALOGUE.validate_json(raw)
    return _CATALOGUE.validate_python(versions.upgraded(raw, versions.unchanged)["pipelines"])


def encode_interaction(interaction: Interaction) -> str:
    """Leaves out the team, which is part of every key."""
    return versions.stamp(_INTERACTION.dump_json(interaction, exclude={"team"}))


def decode_interaction(raw: bytes, team: TeamId) -> Interaction:
    return _INTERACTION.validate_python({**versions.upgraded(raw, versions.interaction), "team": team})


def encode_delivery(delivery: Delivery) -> str:
    """Leaves out the team, which is part of every key."""
    row = msgspec.to_builtins(delivery)
    message = row["message"]
    del message["receiver"]["team"]
    message["body"] = {"is": _NAMES[type(delivery.body)], **message["body"]}
    return versions.stamp(msgspec.json.encode(row))


def encode_message(message: Message) -> str:
    """The row of a message before the first attempt to send it."""
    return encode_delivery(Delivery(message=message))


def decode_delivery(raw: bytes, team: TeamId) -> Delivery:
    """Caches small rows only: a batch or digest changes with each message that joins, so caching it is useless."""
    return _cached_delivery(raw, team) if len(raw) <= SMALL_ROW else _decoded(raw, team)


@lru_cache(maxsize=10_000)  # the bot reads a lane before every message; most rows are unchanged
def _cached_delivery(raw: bytes, team: TeamId) -> Delivery:
    return _decoded(raw, team)


def _decoded(raw: bytes, team: TeamId) -> Delivery:
    if not versions.is_current(raw):
        raw = msgspec.json.encode(versions.upgraded(raw, versions.delivery))
    row = _DELIVERY_ROW.decode(raw)
    message = row.message
    body_decoder = _BODIES.get(_BODY_KIND.decode(message.body).name)
    if body_decoder is None:
        raise UnknownKindError("a message of a kind that this version does not know")
    body: Body = body_decoder.decode(message.body)
    return Delivery(
        message=Message(
            id=message.id,
            receiver=Receiver(team, message.receiver.kind, message.receiver.id),
            priority=message.priority,
            body=body,
            made_at=message.made_at,
            after_card=message.after_card,
            earliest=message.earliest,
            not_before=message.not_before,
        ),
        attempt=row.attempt,
    )
