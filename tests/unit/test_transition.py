from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.observation import FailedRead, FailedReadKind, Observation, Reading, ReadSequence
from bot.domain.phase import Intent, Phase
from bot.domain.transition import SELECTABLE, Event, PipelineState, Reach, Transition, detect
from tests.builders import ORDERS, a_failed_read, an_observation, at
from tests.fakes import NOON


def events_of(*readings: Reading) -> list[Event]:
    standing, events = PipelineState(), []
    for reading in readings:
        standing, transitions = detect(standing, reading)
        events += [transition.event for transition in transitions]
    return events


RUNNING, FAILED, DEPLOYING, PAUSED, STOPPED = (
    Phase.RUNNING,
    Phase.FAILED,
    Phase.DEPLOYING,
    Phase.PAUSED,
    Phase.STOPPED,
)


@pytest.mark.parametrize(
    ("readings", "events"),
    [
        ([an_observation(RUNNING, 1)], []),
        ([an_observation(FAILED, 1, ready=0)], [Event.FAILED]),
        ([an_observation(RUNNING, 1), an_observation(RUNNING, 2)], []),
        ([an_observation(RUNNING, 1), an_observation(FAILED, 2, ready=0)], [Event.FAILED]),
        (
            [an_observation(FAILED, 1, ready=0), an_observation(RUNNING, 2, ready=0), an_observation(RUNNING, 3)],
            [Event.FAILED, Event.RUNNING, Event.LIVE, Event.RECOVERED],
        ),
        (
            [an_observation(DEPLOYING, 1, ready=0), an_observation(RUNNING, 2, ready=0), an_observation(RUNNING, 3)],
            [Event.RUNNING, Event.LIVE],
        ),
        (
            [an_observation(RUNNING, 1, ready=2, replicas=2), an_observation(RUNNING, 2, ready=1, replicas=2)],
            [Event.DEGRADED],
        ),
        (
            [
                an_observation(RUNNING, 1, ready=2, replicas=2),
                an_observation(RUNNING, 2, ready=1, replicas=2),
                an_observation(RUNNING, 3, ready=0, replicas=2),
                an_observation(RUNNING, 4, ready=2, replicas=2),
            ],
            [Event.DEGRADED, Event.LIVE],
        ),
        ([an_observation(RUNNING, 1), an_observation(RUNNING, 2, uid="uid-2")], [Event.RESTARTED]),
        ([an_observation(RUNNING, 1), an_observation(RUNNING, 2, start_time=at(60))], [Event.RESTARTED]),
        ([an_observation(RUNNING, 1), an_observation(RUNNING, 2, start_time=NOON + timedelta(seconds=0.5))], []),
        ([an_observation(PAUSED, 1), an_observation(PAUSED, 2, start_time=at(60))], []),
        ([an_observation(RUNNING, 1), an_observation(RUNNING, 2, start_time=None, uid=None)], []),
        ([an_observation(RUNNING, 1), an_observation(Phase("HIBERNATING"), 2)], [Event.CHANGED]),
        ([an_observation(Phase("Hibernating"), 1), an_observation(Phase("HIBERNATING"), 2)], []),
        ([a_failed_read(1), a_failed_read(2)], []),
        ([a_failed_read(1), a_failed_read(2), a_failed_read(3), a_failed_read(4)], [Event.UNREACHABLE]),
        (
            [
                an_observation(RUNNING, 1),
                a_failed_read(2),
                a_failed_read(3),
                an_observation(RUNNING, 4),
                a_failed_read(5),
            ],
            [],
        ),
        (
            [
                an_observation(RUNNING, 1),
                a_failed_read(2),
                a_failed_read(3),
                a_failed_read(4),
                an_observation(FAILED, 5, ready=0),
            ],
            [Event.UNREACHABLE, Event.BACK, Event.FAILED],
        ),
        ([a_failed_read(n, FailedReadKind.NOT_FOUND) for n in range(1, 6)], [Event.GONE]),
        (
            [a_failed_read(1, FailedReadKind.NOT_FOUND), a_failed_read(2, FailedReadKind.NOT_FOUND), a_failed_read(3)],
            [Event.UNREACHABLE],
        ),
        (
            [
                *(a_failed_read(n, FailedReadKind.NOT_FOUND) for n in (1, 2, 3)),
                *(a_failed_read(n) for n in (4, 5, 6, 7)),
            ],
            [Event.GONE],
        ),
        (
            [*(a_failed_read(n, FailedReadKind.NOT_FOUND) for n in (1, 2, 3)), an_observation(RUNNING, 4)],
            [Event.GONE, Event.BACK],
        ),
    ],
)
def test_events_of_a_sequence_of_readings(readings: list[Reading], events: list[Event]) -> None:
    assert events_of(*readings) == events


def test_an_older_reading_changes_nothing() -> None:
    standing, _ = detect(PipelineState(), an_observation(RUNNING, 5))
    assert detect(standing, an_observation(FAILED, 4)) == (standing, ())
    assert detect(standing, an_observation(FAILED, 5)) == (standing, ())


def test_a_later_epoch_is_newer_at_any_count() -> None:
    standing, _ = detect(PipelineState(), an_observation(RUNNING, 500))
    restarted = replace(an_observation(FAILED, 1), sequence=ReadSequence(2, 1))
    assert [transition.event for transition in detect(standing, restarted)[1]] == [Event.FAILED]


def test_a_pause_ends_a_failure_without_a_recovery() -> None:
    events = events_of(an_observation(FAILED, 1), an_observation(PAUSED, 2), an_observation(RUNNING, 3))
    assert Event.RECOVERED not in events


@pytest.mark.parametrize(("intent", "recovers"), [(Intent.RUNNING, True), (None, True), (Intent.PAUSED, False)])
def test_only_a_wanted_stop_ends_a_failure(intent: Intent | None, *, recovers: bool) -> None:
    events = events_of(an_observation(FAILED, 1), an_observation(STOPPED, 2, intent=intent), an_observation(RUNNING, 3))
    assert (Event.RECOVERED in events) is recovers


@pytest.mark.parametrize(
    ("ready", "replicas", "live", "degraded"),
    [
        (2, 2, True, False),
        (1, 2, False, True),
        (0, 2, False, True),
        (3, 2, False, False),
        (None, 2, False, False),
        (2, None, False, False),
        (None, None, False, False),
        (None, 0, False, False),
        (0, 0, False, True),
    ],
)
def test_live_means_all_wanted_replicas_are_ready(
    ready: int | None, replicas: int | None, *, live: bool, degraded: bool
) -> None:
    observation = an_observation(RUNNING, ready=ready, replicas=replicas)
    assert (observation.live, observation.degraded) == (live, degraded)


def of_two(read: int, ready: int | None = 2, **more: Any) -> Observation:
    return an_observation(RUNNING, read, ready=ready, replicas=2, **more)


@pytest.mark.parametrize(
    ("readings", "events"),
    [
        ([an_observation(FAILED, 1, ready=0), of_two(2, None), of_two(3, None)], [Event.FAILED, Event.RUNNING]),
        (
            [an_observation(FAILED, 1, ready=0), of_two(2, None), of_two(3)],
            [Event.FAILED, Event.RUNNING, Event.LIVE, Event.RECOVERED],
        ),
        ([an_observation(FAILED, 1, ready=0), of_two(2, 3)], [Event.FAILED, Event.RUNNING]),
        (
            [an_observation(FAILED, 1), an_observation(RUNNING, 2, ready=None, replicas=None)],
            [Event.FAILED, Event.RUNNING],
        ),
        ([an_observation(FAILED, 1), an_observation(RUNNING, 2, ready=0, replicas=0)], [Event.FAILED, Event.RUNNING]),
        ([of_two(1), of_two(2, None), of_two(3)], []),
        ([of_two(1), of_two(2, 3), of_two(3)], []),
        ([of_two(1), of_two(2, None), of_two(3, 1)], [Event.DEGRADED]),
        ([of_two(1), of_two(2, 1), of_two(3, None), of_two(4)], [Event.DEGRADED, Event.LIVE]),
        ([of_two(1, None), of_two(2)], []),
        ([of_two(1, None), of_two(2, 1)], []),
        (
            [an_observation(DEPLOYING, 1, ready=0), of_two(2, None), of_two(3)],
            [Event.RUNNING, Event.LIVE],
        ),
    ],
)
def test_missing_counts_are_neither_live_nor_degraded(readings: list[Reading], events: list[Event]) -> None:
    assert events_of(*readings) == events


@pytest.mark.parametrize(
    ("readings", "events"),
    [
        ([of_two(1), of_two(2, uid=None), of_two(3, uid="uid-2")], [Event.RESTARTED]),
        ([of_two(1), of_two(2, uid=None), of_two(3, uid="uid-1")], []),
        ([of_two(1), a_failed_read(2), of_two(3, uid=None), of_two(4, uid="uid-2")], [Event.RESTARTED]),
        ([of_two(1), of_two(2, start_time=None), of_two(3, start_time=at(60))], [Event.RESTARTED]),
        (
            [of_two(1), of_two(2, uid=None, start_time=at(60)), of_two(3, uid="uid-2", start_time=at(60))],
            [Event.RESTARTED],
        ),
        (
            [of_two(1), of_two(2, uid="uid-2", start_time=None), of_two(3, uid="uid-2", start_time=at(60))],
            [Event.RESTARTED],
        ),
        (
            [of_two(1), an_observation(RUNNING, 2, ready=2, replicas=None, uid=None), of_two(3, uid="uid-2")],
            [Event.RESTARTED],
        ),
        ([of_two(1, uid=None, start_time=None), of_two(2, uid="uid-2", start_time=at(60))], []),
        (
            [
                of_two(1),
                an_observation(PAUSED, 2, uid=None, start_time=None),
                of_two(3, uid=None, start_time=None),
                of_two(4, uid="uid-2"),
            ],
            [Event.PAUSED, Event.RUNNING, Event.LIVE],
        ),
        ([of_two(n, uid=None, start_time=None) for n in range(1, 5)], []),
    ],
)
def test_a_restart_is_seen_across_readings_that_do_not_name_the_worker(
    readings: list[Reading], events: list[Event]
) -> None:
    assert events_of(*readings) == events


def test_a_standing_that_an_older_version_wrote_is_compared_by_its_observation() -> None:
    old = PipelineState(observation=of_two(1), since=at(1), sequence=ReadSequence(1, 1))
    assert [transition.event for transition in detect(old, of_two(2, uid="uid-2"))[1]] == [Event.RESTARTED]
    assert [transition.event for transition in detect(old, of_two(2, 1))[1]] == [Event.DEGRADED]


def test_every_phase_is_an_event_that_can_be_chosen() -> None:
    assert {phase.lower() for phase in Phase} <= {event.value for event in SELECTABLE}


# --- properties ------------------------------------------------------------------------------------------------------

phases = st.sampled_from([*Phase, Phase("HIBERNATING")])
observations = st.builds(
    lambda read, phase, ready, replicas, uid: an_observation(phase, read, ready=ready, replicas=replicas, uid=uid),
    st.integers(1, 30),
    phases,
    st.sampled_from([None, 0, 1, 2]),
    st.sampled_from([None, 0, 1, 2]),
    st.sampled_from([None, "uid-1", "uid-2"]),
)
failed_reads = st.builds(a_failed_read, st.integers(1, 30), st.sampled_from(FailedReadKind))
readings = st.lists(st.one_of(observations, failed_reads), max_size=40)


def run(sequence: list[Reading]) -> tuple[list[PipelineState], list[Transition]]:
    standings, events = [PipelineState()], list[Transition]()
    for reading in sequence:
        standing, transitions = detect(standings[-1], reading)
        standings.append(standing)
        events += transitions
    return standings, events


@given(readings)
@example([an_observation(RUNNING, 1, ready=None), an_observation(RUNNING, 2)])
@example([an_observation(RUNNING, 1, ready=None), *(a_failed_read(n) for n in (2, 3, 4)), an_observation(RUNNING, 5)])
@example([an_observation(RUNNING, 1, ready=None), an_observation(RUNNING, 2, ready=None, uid="uid-2"), of_two(3)])
def test_transitions_replayed_end_in_the_last_state(sequence: list[Reading]) -> None:
    """With repeats, gaps and reorderings: the baseline and what was told after it are all that a reader needs.

    The first report of readiness belongs to the baseline: it says how it has been, not that it became so.
    """
    standings, _ = run(sequence)
    first = next((state for state in standings if state.observation), None)
    if first is None or first.observation is None:
        return
    phase, live, reach = first.observation.phase, first.live, Reach.REACHABLE
    seen_first = False
    for before, reading in zip(standings, sequence, strict=False):
        after, transitions = detect(before, reading)
        if not seen_first:
            seen_first = after.observation is not None
            continue
        for transition in transitions:
            assert transition.phase is not None
            phase, live, reach = transition.phase, transition.live, transition.reach
        if before.live is None:
            live = after.live
    last = standings[-1]
    assert last.observation is not None
    assert reach is last.reach
    assert phase == last.observation.phase
    assert live == last.live


@given(readings)
def test_the_same_state_seen_twice_yields_nothing(sequence: list[Reading]) -> None:
    standing = run(sequence)[0][-1]
    last = standing.observation
    if last is None or standing.reach is not Reach.REACHABLE:
        return
    again = replace(last, sequence=ReadSequence(9, 1), observed_at=at(999))
    assert detect(standing, again)[1] == ()


@given(readings, st.data())
def test_no_reading_is_reported_twice(sequence: list[Reading], data: st.DataObject) -> None:
    """Delivered again at any later place, a reading changes nothing."""
    if not sequence:
        return
    repeated = data.draw(st.integers(0, len(sequence) - 1))
    later = data.draw(st.integers(repeated + 1, len(sequence)))
    assert run(sequence)[1] == run([*sequence[:later], sequence[repeated], *sequence[later:]])[1]


@given(readings)
def test_the_stored_reading_never_goes_back(sequence: list[Reading]) -> None:
    numbers = [standing.sequence for standing in run(sequence)[0]]
    assert numbers == sorted(numbers)


@given(st.text(max_size=30))
def test_any_phase_is_kept_as_it_came(name: str) -> None:
    phase = Phase(name)
    assert phase == Phase(name.upper())
    assert phase.known == (name.upper() in Phase.__members__)
    if not phase.known:
        assert str(phase) == name


def test_the_builders_make_the_named_readings() -> None:
    assert isinstance(a_failed_read(), FailedRead)
    assert isinstance(an_observation(), Observation)
    assert an_observation().pipeline_id == ORDERS


def test_the_start_of_a_phase_is_known_from_the_second_on() -> None:
    standing, states = PipelineState(), []
    for reading in (an_observation(FAILED, 1), an_observation(FAILED, 2), a_failed_read(3), an_observation(RUNNING, 4)):
        standing, _ = detect(standing, reading)
        states.append((standing.since, standing.first_seen))
    assert states == [(at(1), True), (at(1), True), (at(1), True), (at(4), False)]
