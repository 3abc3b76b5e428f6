"""The episodes that the history gives, next to those that the bot had at the time."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from bot.domain.episode import Acknowledgement, EpisodeKind, EpisodeOutcome
from bot.domain.observation import FailedReadKind, Reading
from bot.domain.page_plan import plan_acknowledgement
from bot.domain.past_episodes import FailureFigures, PastEpisode, failure_figures, past_episodes
from bot.domain.phase import Phase
from bot.domain.plan import Record, plan_forgotten, plan_reading
from bot.domain.transition import Actor, Event, Transition
from bot.store.history import HEAD, packed, unpacked
from tests.builders import ANN, ORDERS, a_failed_read, a_routing, a_watch, an_observation, at
from tests.unit.test_transition import readings

FAILURE, DEPLOYMENT = EpisodeKind.FAILURE, EpisodeKind.DEPLOYMENT

ROUTING = a_routing(a_watch())


def changes(*events: tuple[float, Event]) -> list[Transition]:
    return [Transition(event=event, pipeline_id=ORDERS, at=at(seconds), phase=None) for seconds, event in events]


def acknowledged(seconds: float) -> Transition:
    actor = Actor(id=ANN, name="Ann")
    return Transition(event=Event.ACKNOWLEDGED, pipeline_id=ORDERS, at=at(seconds), phase=None, actor=actor)


def outline(episode: PastEpisode) -> tuple[EpisodeKind, float, float | None, EpisodeOutcome | None]:
    lasted = episode.lasted.total_seconds() if episode.lasted is not None else None
    return episode.kind, (episode.opened_at - at(0)).total_seconds(), lasted, episode.outcome


@pytest.mark.parametrize(
    ("transitions", "expected"),
    [
        ([], []),
        ([(1, Event.FAILED)], [(FAILURE, 1, None, None)]),
        ([(1, Event.FAILED), (5, Event.RECOVERED)], [(FAILURE, 1, 4, EpisodeOutcome.RECOVERED)]),
        (
            [(1, Event.FAILED), (2, Event.DEPLOYING), (4, Event.RUNNING), (9, Event.LIVE), (9, Event.RECOVERED)],
            [(FAILURE, 1, 8, EpisodeOutcome.RECOVERED)],
        ),
        ([(1, Event.FAILED), (4, Event.PAUSED)], [(FAILURE, 1, 3, EpisodeOutcome.ON_PURPOSE)]),
        (
            [(1, Event.DEPLOYING), (4, Event.FAILED)],
            [(DEPLOYMENT, 1, 3, EpisodeOutcome.SUPERSEDED), (FAILURE, 4, None, None)],
        ),
        ([(1, Event.RESTARTED)], [(EpisodeKind.MOMENT, 1, 0, EpisodeOutcome.DONE)]),
        ([(1, Event.BACK)], []),
        (  # a stop that the owner wanted: the next run is live, and nothing recovers
            [(1, Event.FAILED), (3, Event.STOPPED), (8, Event.LIVE)],
            [(FAILURE, 1, 2, EpisodeOutcome.ON_PURPOSE), (DEPLOYMENT, 8, 0, EpisodeOutcome.LIVE)],
        ),
        (  # nobody watched in between: what happened then is unknown
            [(1, Event.FAILED), (3, Event.UNWATCHED), (8, Event.FAILED), (9, Event.RECOVERED)],
            [(FAILURE, 1, 2, EpisodeOutcome.UNWATCHED), (FAILURE, 8, 1, EpisodeOutcome.RECOVERED)],
        ),
        ([(1, Event.UNWATCHED)], []),
    ],
)
def test_episodes_by_their_transitions(transitions: list[tuple[float, Event]], expected: list[object]) -> None:
    assert [outline(episode) for episode in past_episodes(changes(*transitions))] == expected


def test_an_acknowledgement_belongs_to_the_open_episode_and_the_first_one_counts() -> None:
    past = [*changes((1, Event.FAILED)), acknowledged(3), acknowledged(5), *changes((9, Event.RECOVERED))]
    (episode,) = past_episodes(past)
    assert (episode.acknowledged_at, episode.acknowledged_by) == (at(3), "Ann")
    assert past_episodes([acknowledged(3)]) == ()


def test_means_count_failures_only() -> None:
    past = [
        *changes((0, Event.DEPLOYING), (50, Event.LIVE), (100, Event.FAILED)),
        acknowledged(110),
        *changes((160, Event.RECOVERED), (200, Event.FAILED), (220, Event.RECOVERED), (300, Event.FAILED)),
        acknowledged(330),
        *changes((400, Event.PAUSED)),
    ]
    episodes = past_episodes(past)
    assert failure_figures(episodes) == FailureFigures(
        failures=3,
        acknowledged=2,
        to_acknowledge=timedelta(seconds=20),
        recovered=2,
        to_recover=timedelta(seconds=40),
        open=0,
    )
    lone = failure_figures(past_episodes(changes((1, Event.FAILED))))
    assert (lone.acknowledged, lone.to_acknowledge, lone.to_recover, lone.open) == (0, None, None, 1)


def test_a_failure_that_a_person_resolved_was_answered() -> None:
    actor = Actor(id=ANN, name="Ann")
    resolved = Transition(event=Event.RESOLVED, pipeline_id=ORDERS, at=at(4), phase=None, actor=actor)
    (episode,) = past_episodes([*changes((1, Event.FAILED)), resolved])
    assert (episode.acknowledged_at, episode.acknowledged_by, episode.resolved) == (at(4), "Ann", True)


def test_a_failure_that_nobody_watches_any_more_goes_on_in_no_history() -> None:
    failed = plan_reading(Record(pipeline_id=ORDERS), an_observation(Phase.FAILED, 1), a_routing(a_watch()))
    unwatched = plan_forgotten(failed.record, a_routing(), at(4))
    live = plan_reading(unwatched.record, an_observation(Phase.RUNNING, 9), a_routing(a_watch()))
    again = plan_reading(live.record, an_observation(Phase.FAILED, 20), a_routing(a_watch()))
    plans = [failed, unwatched, live, again]
    episodes = past_episodes(transition for plan in plans for transition in plan.transitions)
    assert [outline(episode) for episode in episodes] == [
        (FAILURE, 1, 3, EpisodeOutcome.UNWATCHED),
        (FAILURE, 20, None, None),
    ]
    assert plan_forgotten(live.record, a_routing(), at(10)).transitions == ()  # nothing was open


@pytest.mark.parametrize(
    ("uid", "expected"),
    [
        ("the same worker", [(FAILURE, 1, 29, EpisodeOutcome.RECOVERED)]),
        ("another one", [(FAILURE, 1, 3, EpisodeOutcome.UNWATCHED), (FAILURE, 9, 21, EpisodeOutcome.RECOVERED)]),
    ],
)
def test_a_failure_that_is_watched_again_counts_once(uid: str, expected: list[object]) -> None:
    first = an_observation(Phase.FAILED, 1, uid="the same worker", start_time=None)
    failed = plan_reading(Record(pipeline_id=ORDERS), first, ROUTING)
    acknowledged = plan_acknowledgement(failed.record, ROUTING, Acknowledgement(by=ANN, at=at(3), name="Ann"))
    assert acknowledged is not None
    left = plan_forgotten(acknowledged.record, a_routing(), at(4))
    unreadable = plan_reading(left.record, a_failed_read(8, FailedReadKind.NOT_FOUND), ROUTING)
    again = plan_reading(unreadable.record, an_observation(Phase.FAILED, 9, uid=uid, start_time=None), ROUTING)
    live = plan_reading(again.record, an_observation(Phase.RUNNING, 30, uid=uid, start_time=None), ROUTING)
    plans = [failed, acknowledged, left, unreadable, again, live]
    row = HEAD + "".join(packed(plan.transitions, plan.stretch) for plan in plans)
    failures = [it for it in past_episodes(unpacked(ORDERS, row).transitions) if it.kind is FAILURE]
    assert [outline(episode) for episode in failures] == expected
    assert failures[0].acknowledged_by == "Ann"


def test_a_failure_whose_first_part_is_no_longer_kept_begins_as_early() -> None:
    again = replace(changes((9, Event.FAILED))[0], began_at=at(1))
    assert [outline(episode) for episode in past_episodes([again])] == [(FAILURE, 1, None, None)]


@given(readings)
def test_the_history_gives_the_same_failures_as_the_bot_had(observed: list[Reading]) -> None:
    record, transitions, seen = Record(pipeline_id=ORDERS), list[Transition](), dict[str, tuple[object, ...]]()
    for reading in observed:
        plan = plan_reading(record, reading, a_routing(a_watch()))
        record, transitions = plan.record, [*transitions, *plan.transitions]
        for card in plan.cards:
            if card.episode.kind is FAILURE:
                seen[card.episode.identity] = (card.episode.opened_at, card.episode.closed_at)
    derived = [(it.opened_at, it.closed_at) for it in past_episodes(transitions) if it.kind is FAILURE]
    ended = [times for times in seen.values() if times[1]]
    assert [times for times in derived if times[1]] == ended


def test_the_history_tells_how_a_bounded_run_ended() -> None:
    stopped_short = "stopped at block 1,200 of 5,000"
    short = replace(changes((2, Event.FAILED))[0], reason=stopped_short)
    finished, failed = past_episodes([*changes((1, Event.STOPPED), (2, Event.FINISHED)), *changes((9, Event.FAILED))])
    assert (finished.kind, finished.finished) == (EpisodeKind.PAUSE, True)
    assert failed.end_of_run == ""
    assert [episode.end_of_run for episode in past_episodes([short])] == [stopped_short]
