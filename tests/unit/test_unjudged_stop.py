"""The stop of a bounded run is announced once, with how the run ended. It waits for that, and holds up no page."""

from dataclasses import replace

import pytest

from bot.domain.card import SyncCard
from bot.domain.episode import EpisodeKind
from bot.domain.phase import Intent, Phase
from bot.domain.plan import Plan, Record, plan_forgotten, plan_reading
from bot.domain.routing import Routing
from bot.domain.transition import Event
from bot.domain.watch import ChannelId
from bot.store.codec import RECORD
from tests.builders import ALERTS, ORDERS, a_failed_read, a_person, a_routing, a_watch, at
from tests.unit.test_bounded_run_plan import (
    DIRECT,
    FINISHED,
    QUIET,
    SHORT,
    after,
    cards_of,
    events,
    judged,
    routing,
    seen,
)

RUNS = seen(Phase.RUNNING, 0)
DEGRADED = replace(seen(Phase.RUNNING, 10), ready=0)


def reading(record: Record, phase: Phase, second: int, by: Routing | None = None, intent: Intent | None = None) -> Plan:
    """By a process that has just loaded the record."""
    by = by or routing()
    loaded = RECORD.decode(RECORD.encode(record))
    return plan_reading(loaded, seen(phase, second, intent or by.pipeline.intent or Intent.RUNNING), by)


def test_the_stop_alone_is_not_announced() -> None:
    plan = reading(after(RUNS), Phase.STOPPED, 20)
    assert (events(plan), plan.messages, plan.cards) == ([], (), ())
    assert plan.must_be_written
    assert plan.record.state.phase is Phase.STOPPED


@pytest.mark.parametrize(("second", "is_announced"), [(40, False), (64, False), (65, True), (5_000, True)])
def test_without_a_judgement_the_next_reading_announces_it(second: int, is_announced: bool) -> None:
    plan = reading(after(RUNS, seen(Phase.STOPPED, 20)), Phase.STOPPED, second)
    assert events(plan) == [Event.STOPPED] * is_announced
    assert cards_of(plan) == ({ALERTS} if is_announced else set())
    assert [transition.at for transition in plan.transitions] == [at(20)] * is_announced
    assert events(reading(plan.record, Phase.STOPPED, 10_000)) == [Event.STOPPED] * (not is_announced)


@pytest.mark.parametrize(
    ("phase", "news"),
    [
        (Phase.RUNNING, [Event.STOPPED, Event.RUNNING, Event.LIVE]),
        (Phase.DEPLOYING, [Event.STOPPED, Event.DEPLOYING]),
        (Phase.FAILED, [Event.STOPPED, Event.FAILED]),
        (Phase.PAUSED, [Event.STOPPED, Event.PAUSED]),
    ],
)
def test_the_next_change_announces_both_in_order(phase: Phase, news: list[Event]) -> None:
    plan = reading(after(RUNS, seen(Phase.STOPPED, 20)), phase, 30)
    assert events(plan) == news
    assert plan.record.unjudged_stop == ()


def test_an_outage_announces_it() -> None:
    record = after(RUNS, seen(Phase.STOPPED, 20))
    for second in (21, 22):
        record = plan_reading(record, a_failed_read(second), routing()).record
    assert events(plan_reading(record, a_failed_read(23), routing())) == [Event.STOPPED, Event.UNREACHABLE]


@pytest.mark.parametrize(("run", "news"), [(SHORT, Event.FAILED), (FINISHED, Event.FINISHED)])
def test_stopping_waits_too(run: object, news: Event) -> None:
    stopping = reading(after(RUNS), Phase.STOPPING, 18)
    assert (events(stopping), stopping.messages) == ([], ())
    stopped = reading(stopping.record, Phase.STOPPED, 20)
    assert (events(stopped), stopped.messages) == ([], ())
    plan = judged(stopped.record, SHORT if run is SHORT else FINISHED)
    assert events(plan) == [news, Event.STOPPING, Event.STOPPED]
    cards = [message for message in plan.messages if message.receiver.id == ALERTS]
    assert [type(message.body) for message in cards] == [SyncCard]
    assert plan.record.episode
    assert plan.record.episode.end_of_run == ("stopped at block 1,200 of 5,000 (5 %)" if run is SHORT else "")


def test_a_pipeline_that_keeps_stopping_does_not_wait() -> None:
    stopping = reading(after(RUNS), Phase.STOPPING, 20)
    plan = reading(stopping.record, Phase.STOPPING, 65)
    assert events(plan) == [Event.STOPPING]
    assert cards_of(plan) == {ALERTS}


PAGES = replace(a_watch(ORDERS, targets=(a_person("U0BOB"),)), page_for=frozenset({Event.FAILED, Event.DEGRADED}))


@pytest.mark.parametrize(
    ("record", "by"),
    [
        pytest.param(after(RUNS), replace(routing(), pipeline=a_routing().pipeline), id="no end block"),
        pytest.param(after(RUNS), routing(intent=Intent.PAUSED), id="its owner paused it"),
        pytest.param(after(RUNS, seen(Phase.FAILED, 10)), routing(), id="a failure goes on"),
        pytest.param(
            after(RUNS, DEGRADED, by=replace(a_routing(PAGES), pipeline=routing().pipeline)),
            replace(a_routing(PAGES), pipeline=routing().pipeline),
            id="somebody is paged",
        ),
    ],
)
def test_does_not_wait(record: Record, by: Routing) -> None:
    assert events(reading(record, Phase.STOPPED, 20, by))[-1:] == [Event.STOPPED]


def test_an_owner_who_paused_it_ends_the_wait() -> None:
    record = after(RUNS, seen(Phase.STOPPED, 20))
    assert events(reading(record, Phase.STOPPED, 22, routing(intent=Intent.PAUSED))) == [Event.STOPPED]


def test_an_open_card_of_something_else_shows_no_half_of_the_news() -> None:
    record = after(RUNS, DEGRADED)
    stopped = reading(record, Phase.STOPPED, 20)
    assert (stopped.messages, stopped.cards) == ((), ())
    plan = judged(stopped.record, SHORT)
    assert {card.episode.kind for card in plan.cards if card.episode.open} == {EpisodeKind.FAILURE}
    assert {card.episode.kind for card in plan.cards if not card.episode.open} == {EpisodeKind.DEGRADED}


def test_an_unwatched_pipeline_keeps_its_stop_in_the_history() -> None:
    record = after(RUNS, seen(Phase.STOPPED, 20))
    plan = plan_forgotten(record, routing(), at(30))
    assert events(plan) == [Event.STOPPED]
    assert plan.record.unjudged_stop == ()


def test_a_channel_that_asked_for_stops_gets_the_card_of_the_failure() -> None:
    by = routing(Event.STOPPED)
    plan = judged(after(RUNS, seen(Phase.STOPPED, 20), by=by), SHORT, by)
    assert [(card.channel, card.episode.kind) for card in plan.cards if card.channel == QUIET] == [
        (QUIET, EpisodeKind.FAILURE)
    ]
    assert {message.receiver.id for message in plan.messages} == {ALERTS, QUIET, ChannelId(DIRECT)}
    (quiet,) = (card for card in plan.cards if card.channel == QUIET)
    assert quiet.targets == ()
