"""Readings that changed nothing: every answer is as if each had been put into the record at once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.observation import Observation, PipelineId, ReadSequence
from bot.domain.phase import Phase
from bot.domain.plan import Record
from bot.domain.transition import PipelineState
from bot.state import known_records
from bot.state.known_records import KnownRecords

ONE, TWO, PAUSED = (PipelineId(f"pipe_{number}") for number in (1, 2, 3))
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


def test_a_pipeline_that_an_earlier_leader_read_counts_as_read() -> None:
    records = KnownRecords()
    for pipeline_id, record in ((ONE, read(FIRST)), (TWO, read(FIRST)), (PAUSED, read(FIRST, Phase.PAUSED))):
        records.put(replace(record, pipeline_id=pipeline_id))
    records.count_as_read(LATER, {TWO})
    assert [records.last_read_at(pipeline_id) for pipeline_id in (ONE, TWO, PAUSED)] == [LATER, NOW, NOW]
    states = (records.of(pipeline_id).state for pipeline_id in (ONE, TWO, PAUSED))
    assert [state.observation and state.observation.observed_at for state in states] == [LATER, NOW, NOW]
    assert records.last_read_at(ONE) == LATER


def test_a_later_reading_counts_more_than_the_earlier_leader() -> None:
    records = noted()
    records.count_as_read(LATER - timedelta(seconds=1), set())
    assert records.last_read_at(ONE) == LATER
    records.count_as_read(LATER + timedelta(seconds=1), set())
    assert records.last_read_at(ONE) == LATER + timedelta(seconds=1)
    (record,) = records.all.values()
    assert record.state.observation
    assert record.state.observation.observed_at == LATER + timedelta(seconds=1)
    assert (record.state.sequence, records.latest_epoch) == (SECOND, 1)


def test_records_from_the_store_count_as_read_when_the_store_says() -> None:
    records = noted()
    records.count_as_read(LATER, set())
    records.replace_all([read(FIRST)])
    assert records.last_read_at(ONE) == NOW


def test_steady_readings_of_a_large_fleet_join_their_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_records, "MOST_STEADY", 1)
    records = noted()
    records.put(replace(read(FIRST), pipeline_id=TWO))
    records.note_steady(TWO, LATER, THIRD)
    assert records.state_but_time(ONE).sequence == SECOND
    assert [records.sequence(pipeline_id) for pipeline_id in (ONE, TWO)] == [SECOND, THIRD]
