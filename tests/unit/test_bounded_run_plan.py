"""What the end of a bounded run tells, whom it pages, and what ends the failure of one that stopped short."""

from dataclasses import replace

import pytest

from bot.domain.attention import StateFilter, Trouble, is_in, trouble
from bot.domain.bounded_run import BoundedRun, RunEnd
from bot.domain.bounded_run_plan import plan_progress, plan_run_ended
from bot.domain.card import SyncCard, ThreadEntry
from bot.domain.catalogue import BlockRange
from bot.domain.delivery import Priority
from bot.domain.episode import EpisodeKind, EpisodeOutcome
from bot.domain.observation import Observation
from bot.domain.past_episodes import past_episodes
from bot.domain.phase import Intent, Phase
from bot.domain.plan import Plan, Record, plan_reading
from bot.domain.routing import Routing
from bot.domain.transition import Event, Transition
from bot.domain.watch import ChannelId
from tests.builders import ALERTS, ORDERS, a_person, a_routing, a_watch, an_observation, at

QUIET, DIRECT = ChannelId("C0QUIET"), ChannelId("D0ANN")
BLOCKS = BlockRange(start=1_000, stop=5_000)
FINISHED = BoundedRun(at=at(21), height=5_000, stop=5_000, start=1_000, end=RunEnd.FINISHED)
SHORT = BoundedRun(at=at(21), height=1_200, stop=5_000, start=1_000, end=RunEnd.SHORT)
UNDER_WAY = BoundedRun(at=at(10), height=3_000, stop=5_000, start=1_000, seconds_left=60.0)


def routing(*events: Event, intent: Intent | None = Intent.RUNNING, confirm: int = 1) -> Routing:
    watch = a_watch(ORDERS, targets=(a_person("U0ANN", direct=DIRECT),))
    made = a_routing(
        replace(watch, confirm=confirm),
        replace(a_watch(ORDERS, channel=QUIET), events=frozenset(events) or frozenset({Event.LIVE})),
    )
    return replace(made, pipeline=replace(made.pipeline, intent=intent, bounded=True, blocks=BLOCKS))


def seen(phase: Phase, second: int, intent: Intent = Intent.RUNNING) -> Observation:
    rests = phase in {Phase.STOPPED, Phase.PAUSED}
    return replace(
        an_observation(phase, second, intent=intent, ready=0 if rests else 1, replicas=0 if rests else 1), bounded=True
    )


def after(*readings: Observation, by: Routing | None = None, record: Record | None = None) -> Record:
    record = record or Record(pipeline_id=ORDERS)
    for reading in readings:
        record = plan_reading(record, reading, by or routing()).record
    return record


STOPPED = after(seen(Phase.RUNNING, 0), seen(Phase.STOPPED, 20))
"""Nobody has heard of the stop yet."""
ANNOUNCED = after(seen(Phase.STOPPED, 70), record=STOPPED)
"""The channels have heard of the stop, and not how the run ended."""


def judged(record: Record, run: BoundedRun, by: Routing | None = None, second: float = 22) -> Plan:
    since = record.state.since
    assert since
    plan = plan_run_ended(record, by or routing(), run, since, at(second))
    assert plan
    return plan


def events(plan: Plan) -> list[Event]:
    return [transition.event for transition in plan.transitions]


def cards_of(plan: Plan) -> set[ChannelId]:
    return {card.channel for card in plan.cards}


class TestFinished:
    def test_the_card_of_the_stop_is_the_news(self) -> None:
        plan = judged(STOPPED, FINISHED)
        assert events(plan) == [Event.FINISHED, Event.STOPPED]
        assert plan.transitions[0].reason == "finished at block 5,000"
        assert plan.record.episode
        assert plan.record.episode.kind is EpisodeKind.PAUSE
        assert plan.record.episode.opened_at == at(20)
        assert [(message.receiver.id, type(message.body)) for message in plan.messages] == [(ALERTS, SyncCard)]

    def test_a_late_judgement_goes_below_the_card_of_the_stop(self) -> None:
        plan = judged(ANNOUNCED, FINISHED, second=80)
        assert events(plan) == [Event.FINISHED]
        assert plan.transitions[0].reason == "finished at block 5,000"
        assert plan.record.episode
        assert plan.record.episode.identity == (ANNOUNCED.episode and ANNOUNCED.episode.identity)
        (entry,) = [message for message in plan.messages if isinstance(message.body, ThreadEntry)]
        assert entry.receiver.id == ALERTS

    @pytest.mark.parametrize(("wanted", "hears"), [(Event.STOPPED, True), (Event.FINISHED, True), (Event.LIVE, False)])
    def test_channels_that_get_stops_get_the_news(self, wanted: Event, hears: bool) -> None:
        by = routing(wanted)
        record = after(seen(Phase.RUNNING, 0), seen(Phase.STOPPED, 20), by=by)
        assert (QUIET in cards_of(judged(record, FINISHED, by))) is hears

    def test_pages_nobody(self) -> None:
        plan = judged(STOPPED, FINISHED)
        assert {message.priority for message in plan.messages} == {Priority.UPDATE}
        assert DIRECT not in cards_of(plan)

    def test_the_news_comes_once(self) -> None:
        record = judged(STOPPED, FINISHED).record
        assert plan_run_ended(record, routing(), FINISHED, at(20), at(30)) is None
        later = after(seen(Phase.STOPPED, 40), record=record)
        assert plan_run_ended(later, routing(), FINISHED, at(20), at(50)) is None

    @pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.DEPLOYING, Phase.PAUSED])
    def test_a_pipeline_that_has_moved_on_makes_no_news(self, phase: Phase) -> None:
        record = after(seen(phase, 30), record=STOPPED)
        assert plan_run_ended(record, routing(), FINISHED, at(20), at(31)) is None

    def test_another_stop_is_judged_again(self) -> None:
        record = after(seen(Phase.RUNNING, 40), seen(Phase.STOPPED, 60), record=judged(STOPPED, FINISHED).record)
        assert plan_run_ended(record, routing(), FINISHED, at(20), at(61)) is None
        assert events(judged(record, FINISHED)) == [Event.FINISHED, Event.STOPPED]

    def test_a_first_reading_is_no_news(self) -> None:
        record = after(seen(Phase.STOPPED, 20))
        plan = judged(record, FINISHED)
        assert events(plan) == []
        assert plan.messages == ()
        assert plan.record.state.run == FINISHED

    def test_by_a_person_who_paused_it_too(self) -> None:
        by = routing(intent=Intent.PAUSED)
        stopped = after(seen(Phase.RUNNING, 0), seen(Phase.STOPPED, 20, Intent.PAUSED), by=by)
        assert events(judged(stopped, FINISHED, by)) == [Event.FINISHED]


class TestStoppedShort:
    def test_is_a_failure_that_pages(self) -> None:
        plan = judged(STOPPED, SHORT)
        assert events(plan) == [Event.FAILED, Event.STOPPED]
        assert plan.transitions[0].reason == "stopped at block 1,200 of 5,000 (5 %)"
        assert plan.record.episode
        assert plan.record.episode.kind is EpisodeKind.FAILURE
        assert plan.record.episode.answerable
        assert plan.record.next_at
        assert plan.record.episode.began_at == plan.record.state.failed_since == at(20)
        assert [(card.channel, card.episode.kind) for card in plan.cards] == [
            (ALERTS, EpisodeKind.FAILURE),
            (DIRECT, EpisodeKind.FAILURE),
        ]
        priorities = {message.receiver.id: message.priority for message in plan.messages if message.id != ""}
        assert priorities[DIRECT] is Priority.PAGE

    def test_a_late_judgement_ends_the_card_of_the_stop_and_pages_with_another(self) -> None:
        plan = judged(ANNOUNCED, SHORT, second=80)
        assert events(plan) == [Event.FAILED]
        failure = [card for card in plan.cards if card.episode.kind is EpisodeKind.FAILURE]
        assert {card.channel for card in failure} == {ALERTS, DIRECT}
        stop = next(card for card in plan.cards if card.episode.kind is EpisodeKind.PAUSE)
        assert stop.episode.outcome is EpisodeOutcome.SUPERSEDED

    def test_counts_as_failed_wherever_people_look(self) -> None:
        state = judged(STOPPED, SHORT).record.state
        assert state.has_stopped_short
        assert trouble(state, at(30)) is Trouble.FAILED
        assert is_in(state, [StateFilter.FAILED])
        assert is_in(state, [StateFilter.STOPPED])
        assert trouble(STOPPED.state, at(30)) is None

    def test_the_news_comes_once(self) -> None:
        record = after(seen(Phase.STOPPED, 40), record=judged(STOPPED, SHORT).record)
        assert record.state.has_stopped_short
        assert plan_run_ended(record, routing(), replace(SHORT, at=at(50)), at(20), at(50)) is None

    @pytest.mark.parametrize("intent", [Intent.PAUSED, None])
    def test_is_no_failure_unless_the_owner_wants_it_to_run(self, intent: Intent | None) -> None:
        assert plan_run_ended(STOPPED, routing(intent=intent), SHORT, at(20), at(22)) is None

    def test_a_first_reading_reports_it_as_any_failure(self) -> None:
        plan = judged(after(seen(Phase.STOPPED, 20)), SHORT)
        assert events(plan) == [Event.FAILED]
        assert plan.record.episode
        assert plan.record.episode.first_seen

    def test_its_height_confirms_it(self) -> None:
        by = routing(confirm=3)
        record = after(seen(Phase.RUNNING, 0), seen(Phase.STOPPED, 20), by=by)
        assert ALERTS in cards_of(judged(record, SHORT, by))

    def test_a_failure_that_stopped_stays_one_failure(self) -> None:
        failed = after(seen(Phase.RUNNING, 0), seen(Phase.FAILED, 10), seen(Phase.STOPPED, 20))
        plan = judged(failed, SHORT)
        assert events(plan) == []
        assert plan.record.episode
        assert plan.record.episode.times == 1
        assert plan.record.state.failed_since == at(10)
        assert all(card.state.run == SHORT for card in plan.cards)
        assert cards_of(plan) >= {ALERTS, DIRECT}


class TestEndOfTheFailure:
    failing = judged(STOPPED, SHORT).record

    def ended(self, record: Record) -> EpisodeOutcome | None:
        assert record.episode
        return record.episode.outcome

    def test_live_again(self) -> None:
        started = after(seen(Phase.DEPLOYING, 40), record=self.failing)
        assert started.state.run is None
        assert self.ended(started) is None
        live = after(seen(Phase.RUNNING, 50), record=started)
        assert self.ended(live) is EpisodeOutcome.RECOVERED
        assert live.state.failed_since is None

    def test_a_later_reading_finds_it_finished(self) -> None:
        plan = judged(self.failing, FINISHED, second=60)
        assert events(plan) == [Event.FINISHED]
        assert self.ended(plan.record) is EpisodeOutcome.ON_PURPOSE
        assert plan.record.state.failed_since is None
        assert plan.record.next_at is None

    def test_finished_is_final(self) -> None:
        finished = judged(self.failing, FINISHED, second=60).record
        assert plan_run_ended(finished, routing(), replace(SHORT, at=at(70)), at(20), at(70)) is None

    @pytest.mark.parametrize("phase", [Phase.STOPPED, Phase.PAUSED])
    def test_a_person_pauses_it(self, phase: Phase) -> None:
        record = after(seen(phase, 40, Intent.PAUSED), record=self.failing)
        assert self.ended(record) is EpisodeOutcome.ON_PURPOSE
        assert record.state.failed_since is None
        assert not record.state.has_stopped_short

    def test_a_steady_stop_does_not(self) -> None:
        record = after(seen(Phase.STOPPED, 40), seen(Phase.STOPPED, 60), record=self.failing)
        assert self.ended(record) is None

    def test_the_history_knows_both_ends(self) -> None:
        def moment(event: Event, second: int) -> Transition:
            return Transition(event=event, pipeline_id=ORDERS, at=at(second), phase=Phase.STOPPED)

        began = moment(Event.FAILED, 0)
        (finished,) = past_episodes([began, moment(Event.FINISHED, 60)])
        assert finished.outcome is EpisodeOutcome.ON_PURPOSE


class TestProgress:
    def test_is_kept_without_any_message(self) -> None:
        live = after(seen(Phase.RUNNING, 0))
        plan = plan_progress(live, routing(), UNDER_WAY)
        assert plan
        assert plan.record.state.run == UNDER_WAY
        assert (len(plan.messages), len(plan.cards), len(plan.transitions)) == (0, 0, 0)

    def test_shows_on_an_open_card_and_opens_none(self) -> None:
        deploying = after(seen(Phase.STOPPED, 0), seen(Phase.DEPLOYING, 1), replace(seen(Phase.RUNNING, 2), ready=0))
        plan = plan_progress(deploying, routing(), UNDER_WAY)
        assert plan
        assert cards_of(plan) == {ALERTS}
        assert {message.priority for message in plan.messages} == {Priority.UPDATE}
        assert not any(isinstance(message.body, ThreadEntry) for message in plan.messages)

    def test_updates_the_card_of_a_live_deployment_and_opens_none(self) -> None:
        live = after(seen(Phase.STOPPED, 0), seen(Phase.DEPLOYING, 1), seen(Phase.RUNNING, 2), by=routing(Event.PAUSED))
        assert live.episode
        assert not live.episode.open
        late = routing(Event.LIVE)
        plan = plan_progress(live, late, UNDER_WAY)
        assert plan
        assert cards_of(plan) == {ALERTS}
        assert [message.priority for message in plan.messages] == [Priority.UPDATE]
        assert plan.record.episode
        assert not plan.record.episode.open
        same = plan_progress(plan.record, late, replace(UNDER_WAY, at=at(11), height=3_001))
        assert same
        assert (same.messages, same.cards) == ((), ())
        further = plan_progress(plan.record, late, replace(UNDER_WAY, at=at(11), height=3_040))
        assert further
        assert cards_of(further) == {ALERTS}

    def test_a_channel_that_stopped_watching_gets_no_progress(self) -> None:
        live = after(seen(Phase.STOPPED, 0), seen(Phase.DEPLOYING, 1), seen(Phase.RUNNING, 2))
        plan = plan_progress(live, replace(routing(), audiences=[]), UNDER_WAY)
        assert plan
        assert cards_of(plan) == set()

    def test_only_of_a_run_that_goes_on(self) -> None:
        assert plan_progress(STOPPED, routing(), UNDER_WAY) is None

    def test_an_older_measurement_changes_nothing(self) -> None:
        plan = plan_progress(after(seen(Phase.RUNNING, 0)), routing(), UNDER_WAY)
        assert plan
        assert plan_progress(plan.record, routing(), replace(UNDER_WAY, at=at(9))) is None

    def test_stays_until_the_next_deployment(self) -> None:
        plan = plan_progress(after(seen(Phase.RUNNING, 0)), routing(), UNDER_WAY)
        assert plan
        stopped = after(seen(Phase.RUNNING, 12), seen(Phase.STOPPED, 20), record=plan.record)
        assert stopped.state.run == UNDER_WAY
        assert after(seen(Phase.RUNNING, 30), record=stopped).state.run is None
