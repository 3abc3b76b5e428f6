"""Readings that changed nothing: every answer is as if each had been put into the record at once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.observation import Observation, PipelineId, ReadSequence
from bot.domain.phase import Phase
from bot.domain.plan import Record
from bot.domain.transition import PipelineState
from bot.state.known_records import KnownRecords

ONE = PipelineId("pipe_1")
FIRST, SECOND, THIRD = (ReadSequence(1, number) for number in (1, 2, 3))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)


def read(sequence: ReadSequence, phase: Phase = Phase.RUNNING) -> Record:
    observation = Observation(pipeline_id=ONE, sequence=sequence, observed_at=NOW, phase=phase)
    return Record(pipeline_id=ONE, state=PipelineState(observation=observation, sequence=sequence), version=4)


def noted() -> KnownRecords:
    records = KnownRecords()
    records.put(read(FIRST))
    records.note_steady(ONE, LATER, SECOND)
    return records


def eager() -> Record:
    record = read(FIRST)
    assert record.state.observation
    observation = replace(record.state.observation, observed_at=LATER, sequence=SECOND)
    return replace(record, state=replace(record.state, observation=observation, sequence=SECOND))


def test_the_record_has_the_latest_reading() -> None:
    records = noted()
    assert (records.sequence(ONE), records.read_at(ONE), records.last_read_at(ONE)) == (SECOND, LATER, LATER)
    assert records.of(ONE) == eager()
    assert (records.sequence(ONE), records.read_at(ONE)) == (SECOND, LATER)


def test_all_records_have_their_latest_readings() -> None:
    assert dict(noted().all) == {ONE: eager()}


def test_the_state_but_time_knows_all_else() -> None:
    assert noted().state_but_time(ONE) == read(FIRST).state


def test_a_later_record_replaces_the_reading() -> None:
    records = noted()
    records.put(read(THIRD, Phase.FAILED))
    assert (records.of(ONE), records.sequence(ONE)) == (read(THIRD, Phase.FAILED), THIRD)


def test_records_from_the_store_replace_all_readings() -> None:
    records = noted()
    records.replace_all([read(THIRD)])
    assert records.of(ONE) == read(THIRD)


def test_a_pipeline_without_a_record_has_no_reading() -> None:
    records = KnownRecords()
    assert records.read_at(ONE) is records.last_read_at(ONE) is None
    assert records.of(ONE).state == records.state_but_time(ONE) == PipelineState()


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.STOPPED])
def test_a_reading_at_rest_does_not_count(phase: Phase) -> None:
    records = KnownRecords()
    records.put(read(FIRST, phase))
    records.note_steady(ONE, LATER, SECOND)
    assert records.read_at(ONE) is None
