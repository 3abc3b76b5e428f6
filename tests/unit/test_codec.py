"""Every value survives its row, and a damaged row is an error, never another value."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.audit import AuditEntry
from bot.domain.calendar import CalendarCopy, PendingCalendar
from bot.domain.card import Card
from bot.domain.catalogue import Pipeline
from bot.domain.follow_ups import FollowUps
from bot.domain.note import Note
from bot.domain.on_call_setup import DefaultPolicy, SavedOverride, SavedPolicy, SavedSchedule, SavedShadow
from bot.domain.owners import Owner
from bot.domain.phase import Phase
from bot.domain.plan import Record
from bot.domain.schedule_state import ScheduleState
from bot.domain.setup import SetupRow
from bot.domain.subscription import Undo
from bot.domain.watch import Watch
from bot.store.codec import CARD, NOTE, RECORD, UNDO, WATCH, Codec, decode_pipeline_row, encode_pipeline_row
from bot.store.setup_rows import AUDIT_ENTRY, decode_setup_row, encode_setup_row

SETUP: tuple[type[SetupRow], ...] = (
    SavedPolicy,
    SavedSchedule,
    SavedOverride,
    SavedShadow,
    DefaultPolicy,
    CalendarCopy,
    PendingCalendar,
    ScheduleState,
    FollowUps,
    Owner,
)
CODECS: dict[type, Codec[Any]] = {
    Record: RECORD,
    Watch: WATCH,
    Undo: UNDO,
    Note: NOTE,
    Card: CARD,
    AuditEntry: AUDIT_ENTRY,
}
PHASES = st.sampled_from(Phase) | st.sampled_from(["Draining", "running", "ÜBERGANG"]).map(Phase)

st.register_type_strategy(
    datetime,
    st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 (hypothesis adds the zone)
)
st.register_type_strategy(Phase, PHASES)
st.register_type_strategy(Mapping, lambda kind: st.dictionaries(*map(st.from_type, get_args(kind))))
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(int, st.integers(-(2**53), 2**53))


@given(st.sampled_from(list(CODECS)).flatmap(st.from_type))
def test_every_value_survives_its_row(value: object) -> None:
    codec = CODECS[type(value)]
    assert codec.decode(codec.encode(value)) == value


@given(st.one_of(*map(st.from_type, SETUP)))
def test_every_setting_survives_its_row(row: SetupRow) -> None:
    assert decode_setup_row(row.key.encode(), encode_setup_row(row).encode()) == row


@given(st.from_type(Pipeline))
def test_every_pipeline_survives_its_row(pipeline: Pipeline) -> None:
    assert decode_pipeline_row(pipeline.id, encode_pipeline_row(pipeline).encode()) == pipeline


def cut(row: str) -> str:
    return row[:-1]


def replaced(old: str, new: str) -> Callable[[str], str]:
    def damaged(row: str) -> str:
        assert old in row
        return row.replace(old, new)

    return damaged


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        replaced('"C0ALERTS"', "7"),
        replaced('"C0ALERTS"', "null"),
        replaced('"channel"', '"chanel"'),
        replaced("2026-11-23T12:00:00Z", "yesterday"),
        replaced('"events":null', '"events":["exploded"]'),
        replaced('"targets":[]', '"targets":{}'),
        replaced("Ann", "\\ud800"),
    ],
)
def test_a_damaged_row_is_an_error(damage: Callable[[str], str]) -> None:
    row = (
        '{"v":1,"channel":"C0ALERTS","reference":"pipe_0001","events":null,"targets":[],"made_by":"U0ANN",'
        '"made_at":"2026-11-23T12:00:00Z","label":"orders-eu","made_by_name":"Ann","stands_in_for":null}'
    )
    assert WATCH.decode(row).label == "orders-eu"
    with pytest.raises(ValueError):  # noqa: PT011 (each library has its own subclass)
        WATCH.decode(damage(row))


def test_unknown_fields_are_left_out() -> None:
    row = '{"v":1,"pipeline_id":"pipe_0001","later":{"x":[1,2]},"version":3}'
    assert RECORD.decode(row) == Record(pipeline_id=RECORD.decode(row).pipeline_id, version=3)
