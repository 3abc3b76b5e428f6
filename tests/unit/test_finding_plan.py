"""What the begin and the end of a finding change: cards, pages, threads, and what a repeat leaves alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest

from bot.domain.attention import StateFilter, Trouble, began_at, is_in, trouble
from bot.domain.bounded_run import BoundedRun, RunEnd
from bot.domain.card import SyncCard, ThreadEntry
from bot.domain.episode import EpisodeKind, EpisodeOutcome
from bot.domain.finding_plan import OF_DEPLOYMENTS, OF_LAG, plan_findings
from bot.domain.follow_ups import FollowUps, FollowUpStyle
from bot.domain.notice import Notice, NoticeKind
from bot.domain.past_episodes import past_episodes
from bot.domain.phase import Intent, Phase
from bot.domain.plan import Plan, Record, plan_forgotten, plan_newcomer, plan_reading
from bot.domain.routing import Routing
from bot.domain.setup import Setup
from bot.domain.transition import FINDINGS, Event, PipelineFinding, PipelineState, Transition, is_plainly_healthy
from bot.domain.watch import ChannelId
from bot.slack.features.list import ListCommand
from bot.slack.features.status import OverviewCommand, StatusCommand
from bot.slack.render import phrases
from bot.store.codec import RECORD
from bot.store.history import HEAD, packed, unpacked
from tests.builders import ALERTS, ANN, ORDERS, a_person, a_routing, a_watch, an_observation, at
from tests.routes import parse
from tests.unit.rendering import shown

OTHER, DIRECT = ChannelId("C0OTHER"), ChannelId("D0ANN")
PAGE_ANN = a_person(ANN, direct=DIRECT)
MINUTE = timedelta(minutes=1)
RUNNING, DEPLOYING, STOPPING, PAUSED = Phase.RUNNING, Phase.DEPLOYING, Phase.STOPPING, Phase.PAUSED


def lagging(minutes: int = 6, since: float = 40, threshold: int = 5) -> PipelineFinding:
    return PipelineFinding(
        event=Event.LAGGING,
        since=at(since),
        lag=minutes * MINUTE,
        threshold=threshold * MINUTE,
        blocks=1240,
        chain="Base",
        chain_lag=timedelta(),
    )


STALLED = PipelineFinding(event=Event.STALLED, since=at(40))
STUCK = PipelineFinding(event=Event.STUCK, since=at(2), usual=3 * MINUTE)
DRIFT = PipelineFinding(event=Event.DRIFT, since=at(2), intent=Intent.RUNNING)
OF = {Event.LAGGING: OF_LAG, Event.STALLED: OF_LAG, Event.STUCK: OF_DEPLOYMENTS, Event.DRIFT: OF_DEPLOYMENTS}


BodyT = TypeVar("BodyT", SyncCard, ThreadEntry, Notice)


class Story:
    """A pipeline's record, with each plan since its begin."""

    def __init__(self, routing: Routing, *phases: Phase) -> None:
        self.routing = routing
        self.record = Record(pipeline_id=ORDERS)
        self.plans: list[Plan] = []
        self.transitions: list[Transition] = []
        for read, phase in enumerate(phases, 1):
            self.read(phase, read)

    def read(self, phase: Phase, second: int, ready: int | None = None) -> Plan:
        ready = ready if ready is not None else int(phase == RUNNING)
        return self._take(plan_reading(self.record, an_observation(phase, second, ready=ready), self.routing))

    def find(self, *findings: PipelineFinding, second: float, of: frozenset[Event] = OF_LAG) -> Plan | None:
        plan = plan_findings(self.record, self.routing, findings, at(second), of=of)
        return self._take(plan) if plan else None

    def must_find(self, *findings: PipelineFinding, second: float, of: frozenset[Event] = OF_LAG) -> Plan:
        plan = self.find(*findings, second=second, of=of)
        assert plan
        return plan

    @property
    def kind(self) -> EpisodeKind | None:
        return self.record.episode.kind if self.record.episode else None

    def _take(self, plan: Plan) -> Plan:
        self.record = plan.record
        self.plans.append(plan)
        self.transitions += plan.transitions
        return plan


def bodies(plan: Plan, kind: type[BodyT]) -> list[tuple[str, BodyT]]:
    return [(message.receiver.id, message.body) for message in plan.messages if isinstance(message.body, kind)]


def events_of(plan: Plan) -> Sequence[Event]:
    return [transition.event for transition in plan.transitions]


def text_in(plan: Plan, channel: ChannelId = ALERTS) -> str:
    (card,) = (card for card in plan.cards[-1:] if card.channel == channel)
    return shown(card).text


# --- cards -----------------------------------------------------------------------------------------------------------


def test_a_lag_opens_a_card_once_and_its_end_closes_that_card() -> None:
    story = Story(a_routing(), RUNNING)
    begun = story.must_find(lagging(), second=60)
    assert events_of(begun) == [Event.LAGGING]
    assert "orders-eu is lagging: 6 min behind (1,240 blocks)" in text_in(begun)
    assert "Base itself is on time at GoldRush" in text_in(begun)
    assert story.find(lagging(), second=360) is None
    ended = story.must_find(second=660)
    assert events_of(ended) == [Event.CAUGHT_UP]
    assert "orders-eu caught up after 10 min" in text_in(ended)
    assert story.record.episode
    assert story.record.episode.outcome is EpisodeOutcome.CLEARED
    assert [receiver for receiver, _ in bodies(ended, ThreadEntry)] == [ALERTS]
    assert story.find(second=960) is None


def test_a_new_measurement_changes_the_card_and_posts_nothing() -> None:
    story = Story(a_routing(), RUNNING)
    story.must_find(lagging(), second=60)
    later = story.must_find(lagging(minutes=12), second=360)
    assert later.transitions == ()
    assert [type(message.body) for message in later.messages] == [SyncCard]
    assert "12 min behind" in text_in(later)
    assert story.record.state.findings[0].since == at(40)


def test_a_pipeline_that_lags_and_has_stalled_has_one_card_until_both_are_over() -> None:
    story = Story(a_routing(), RUNNING)
    story.must_find(lagging(), second=60)
    both = story.must_find(lagging(), STALLED, second=360)
    assert events_of(both) == [Event.STALLED]
    assert "It reads no new blocks, although it is running." in text_in(both)
    assert "Check that its destination keeps up." in text_in(both)
    moving = story.must_find(lagging(), second=660)
    assert events_of(moving) == [Event.MOVING]
    assert story.record.episode
    assert story.record.episode.open
    story.must_find(second=960)
    assert not story.record.episode.open
    (past,) = past_episodes(story.transitions)
    assert (past.kind, past.opened_at, past.closed_at) == (EpisodeKind.LAG, at(40), at(960))


def test_a_stall_has_its_own_words() -> None:
    story = Story(a_routing(), RUNNING)
    assert "orders-eu has stalled" in text_in(story.must_find(STALLED, second=60))
    assert "orders-eu is moving again after" in text_in(story.must_find(second=660))


@pytest.mark.parametrize(("phase", "kind"), [(DEPLOYING, EpisodeKind.DEPLOYMENT), (STOPPING, EpisodeKind.PAUSE)])
def test_a_stuck_pipeline_says_so_on_the_card_that_it_has(phase: Phase, kind: EpisodeKind) -> None:
    story = Story(a_routing(), RUNNING, phase)
    before = story.record.episode
    stuck = story.must_find(STUCK, second=700, of=OF_DEPLOYMENTS)
    assert before
    assert story.record.episode
    assert (story.record.episode.kind, story.record.episode.identity) == (kind, before.identity)
    assert f"orders-eu is stuck while {phase.lower()}" in text_in(stuck)
    assert "Usually 3 min" in text_in(stuck)
    again = "stop it again" if phase is STOPPING else "deploy it again"
    assert f"shows what its worker does. If that says nothing, {again}" in text_in(stuck)
    (entry,) = (body for _, body in bodies(stuck, ThreadEntry))
    assert f"stuck while {phase.lower()} (usually 3 min)" in shown(entry).text


@pytest.mark.parametrize("phase", [DEPLOYING, STOPPING])
@pytest.mark.parametrize("style", [None, *FollowUpStyle])
def test_the_channel_hears_once_of_a_stuck_pipeline(style: FollowUpStyle | None, phase: Phase) -> None:
    story = Story(replace(a_routing(), setup=_with_style(style)), RUNNING, phase)
    plan = story.must_find(STUCK, second=700, of=OF_DEPLOYMENTS)
    (entry,) = (body for _, body in bodies(plan, ThreadEntry))
    assert entry.broadcast is (style is not FollowUpStyle.THREAD)
    assert entry.in_channel is (style is FollowUpStyle.CHANNEL)
    name = "*orders-eu* is " if entry.broadcast else ""
    assert f":warning: {name}*stuck* while {phase.lower()}" in f"{shown(entry).blocks}"
    assert story.find(STUCK, second=760, of=OF_DEPLOYMENTS) is None


def _with_style(style: FollowUpStyle | None) -> Setup:
    return Setup((FollowUps(made_in=ALERTS, style=style, made_by=ANN, made_at=at(0)),) if style else ())


def test_a_page_for_stuck_tells_the_channel_instead_of_a_second_line() -> None:
    watch = replace(a_watch(targets=(PAGE_ANN,)), page_for=frozenset({Event.STUCK}))
    unpaged = a_watch(channel=OTHER)
    story = Story(a_routing(watch, unpaged), RUNNING, DEPLOYING)
    plan = story.must_find(STUCK, second=700, of=OF_DEPLOYMENTS)
    assert [(receiver, call.broadcast) for receiver, call in bodies(plan, Notice)] == [(ALERTS, True)]
    assert {receiver: entry.broadcast for receiver, entry in bodies(plan, ThreadEntry)} == {ALERTS: False, OTHER: True}


def test_the_channel_hears_of_a_problem_that_the_open_card_did_not_announce() -> None:
    degraded = Story(a_routing(), RUNNING)
    degraded.read(RUNNING, 10, ready=0)
    assert [entry.broadcast for _, entry in bodies(degraded.must_find(lagging(), second=60), ThreadEntry)] == [True]
    failed = Story(a_routing(), RUNNING, Phase.FAILED, DEPLOYING)
    plan = failed.must_find(STUCK, second=700, of=OF_DEPLOYMENTS)
    assert [entry.broadcast for _, entry in bodies(plan, ThreadEntry)] == [True]


def test_a_lagging_pipeline_that_stalls_tells_the_channel_nothing_new() -> None:
    story = Story(a_routing(), RUNNING)
    story.must_find(lagging(), second=60)
    plan = story.must_find(lagging(), STALLED, second=360)
    assert [entry.broadcast for _, entry in bodies(plan, ThreadEntry)] == [False]


def test_a_pipeline_that_was_deploying_at_the_first_reading_gets_a_card_when_it_is_stuck() -> None:
    story = Story(a_routing(), DEPLOYING)
    assert story.record.episode is None
    story.must_find(STUCK, second=700, of=OF_DEPLOYMENTS)
    assert story.record.episode
    assert story.record.episode.kind is EpisodeKind.DEPLOYMENT


def test_another_phase_ends_stuck_without_an_event_of_its_own() -> None:
    story = Story(a_routing(), RUNNING, DEPLOYING)
    story.must_find(STUCK, second=700, of=OF_DEPLOYMENTS)
    live = story.read(RUNNING, 720)
    assert events_of(live) == [Event.RUNNING, Event.LIVE]
    assert story.record.state.findings == ()
    assert "orders-eu is live after" in text_in(live)


def test_a_drift_has_a_card_of_its_own_and_the_pause_says_so() -> None:
    story = Story(a_routing(), RUNNING, PAUSED)
    plan = story.must_find(DRIFT, second=310, of=OF_DEPLOYMENTS)
    before, drift = (shown(card).text for card in plan.cards)
    assert "orders-eu was paused for" in before
    assert "then drifted" in before
    assert "orders-eu has drifted: it is paused and should be running" in drift
    assert "Resume it in GoldRush. If the stop was meant, pause it there: that ends this." in drift
    aligned = story.must_find(second=900, of=OF_DEPLOYMENTS)
    assert events_of(aligned) == [Event.ALIGNED]
    assert "orders-eu no longer drifts after 15 min: it is paused, as its owner wants" in text_in(aligned)


def test_a_change_of_phase_ends_a_drift_and_the_next_card_says_the_rest() -> None:
    story = Story(a_routing(), RUNNING, PAUSED)
    story.must_find(DRIFT, second=310, of=OF_DEPLOYMENTS)
    deploying = story.read(DEPLOYING, 400)
    assert [card.episode.kind for card in deploying.cards] == [EpisodeKind.DRIFT, EpisodeKind.DEPLOYMENT]
    assert "orders-eu drifted for" in shown(deploying.cards[0]).text
    assert story.record.state.findings == ()


def test_a_change_to_the_wanted_phase_ends_a_drift_as_its_owner_wants() -> None:
    story = Story(a_routing(), RUNNING, Phase.STOPPED)
    story.must_find(DRIFT, second=310, of=OF_DEPLOYMENTS)
    running = story.read(RUNNING, 400)
    text = shown(running.cards[0]).text
    assert "orders-eu no longer drifts after" in text
    assert "it is running, as its owner wants" in text


@pytest.mark.parametrize(("finding", "phase"), [(STUCK, DEPLOYING), (DRIFT, PAUSED), (DRIFT, RUNNING)])
def test_a_list_marks_what_needs_a_look(finding: PipelineFinding, phase: Phase) -> None:
    state = replace(Story(a_routing(), phase).record.state, findings=(finding,))
    assert phrases.state_symbol(state) == ":warning:"


@pytest.mark.parametrize("finding", [lagging(), STALLED])
def test_a_failure_supersedes_a_finding(finding: PipelineFinding) -> None:
    story = Story(a_routing(), RUNNING)
    story.must_find(finding, second=60)
    failed = story.read(Phase.FAILED, 100)
    assert [card.episode.kind for card in failed.cards] == [EpisodeKind.LAG, EpisodeKind.FAILURE]
    assert "then failed" in shown(failed.cards[0]).text
    assert story.record.state.findings == ()


def test_a_degraded_pipeline_tells_of_its_lag_below_its_card_and_afterwards_on_one_of_its_own() -> None:
    story = Story(a_routing(), RUNNING)
    story.read(RUNNING, 10, ready=0)
    story.must_find(lagging(), second=60)
    assert story.kind == EpisodeKind.DEGRADED
    story.read(RUNNING, 90)
    still = story.must_find(lagging(), second=360)
    assert events_of(still) == [Event.LAGGING]
    assert [card.episode.kind for card in still.cards] == [EpisodeKind.LAG]


def test_a_problem_that_comes_back_soon_continues_its_card() -> None:
    story = Story(a_routing(), RUNNING)
    story.must_find(lagging(), second=60)
    story.must_find(second=90)
    again = story.must_find(lagging(since=100), second=120)
    assert story.record.episode
    assert story.record.episode.times == 2
    assert "2nd time in" in text_in(again)


# --- what is left alone ----------------------------------------------------------------------------------------------


def test_a_judgement_of_deployments_keeps_the_lag() -> None:
    story = Story(a_routing(), RUNNING)
    story.must_find(lagging(), second=60)
    assert story.find(second=70, of=OF_DEPLOYMENTS) is None
    drift = replace(DRIFT, intent=Intent.PAUSED)
    story.must_find(drift, second=400, of=OF_DEPLOYMENTS)
    assert {finding.event for finding in story.record.state.findings} == {Event.LAGGING, Event.DRIFT}


@pytest.mark.parametrize("finding", [lagging(), STALLED, STUCK])
def test_a_judgement_that_came_too_late_counts_no_more(finding: PipelineFinding) -> None:
    story = Story(a_routing(), RUNNING, PAUSED)
    assert story.find(finding, second=60, of=OF[finding.event]) is None


def test_a_pipeline_that_cannot_be_read_keeps_its_findings() -> None:
    story = Story(a_routing())
    assert story.find(lagging(), second=60) is None


# --- who hears of it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("finding", [lagging(), STALLED, STUCK, DRIFT], ids=lambda finding: finding.event)
def test_a_finding_pages_only_those_who_asked_for_it(finding: PipelineFinding) -> None:
    phase = {Event.STUCK: DEPLOYING, Event.DRIFT: PAUSED}.get(finding.event, RUNNING)
    for_failures = a_watch(channel=OTHER, targets=(a_person("U0BOB", direct=ChannelId("D0BOB")),))
    watch = replace(a_watch(targets=(PAGE_ANN,)), page_for=frozenset({finding.event}))
    story = Story(a_routing(watch, for_failures), RUNNING, *([phase] if phase != RUNNING else []))
    plan = story.must_find(finding, second=700, of=OF[finding.event])
    assert DIRECT in {message.receiver.id for message in plan.messages}
    assert "D0BOB" not in {message.receiver.id for message in plan.messages}
    assert story.record.episode
    assert story.record.episode.unanswered
    assert story.record.next_at
    calls = [shown(body).text for _, body in bodies(plan, Notice)]
    assert [call.partition(".")[0] for call in calls] == (
        ["orders-eu is stuck and needs you"] if finding.event is Event.STUCK else []
    )


def test_the_delay_of_a_chain_pages_nobody_until_the_pipeline_lags_by_itself() -> None:
    watch = replace(a_watch(targets=(PAGE_ANN,)), page_for=frozenset({Event.LAGGING}))
    story = Story(a_routing(watch), RUNNING)
    of_chain = (replace(lagging(41), chain_lag=41 * MINUTE), replace(lagging(61, threshold=30), chain_lag=61 * MINUTE))
    assert [calls_of(story, finding, 100 * turn) for turn, finding in enumerate(of_chain, 1)] == [0, 0]
    assert calls_of(story, lagging(20, threshold=30), 300) == 1


def calls_of(story: Story, finding: PipelineFinding, second: float) -> int:
    """How many pages are open after this finding."""
    story.must_find(finding, second=second)
    return len(story.record.episode.pages) if story.record.episode else 0


def test_a_person_who_asked_for_stalled_is_not_called_for_a_lag() -> None:
    watch = replace(a_watch(targets=(PAGE_ANN,)), page_for=frozenset({Event.STALLED}))
    story = Story(a_routing(watch), RUNNING)
    assert DIRECT not in {message.receiver.id for message in story.must_find(lagging(), second=60).messages}
    plan = story.must_find(lagging(), STALLED, second=360)
    assert DIRECT in {message.receiver.id for message in plan.messages}
    assert [body.kind for _, body in bodies(plan, Notice)] == [NoticeKind.CALL_AGAIN]


def test_the_page_of_a_stuck_deployment_ends_when_it_moves() -> None:
    watch = replace(a_watch(targets=(PAGE_ANN,)), page_for=frozenset({Event.STUCK}))
    story = Story(a_routing(watch), RUNNING, DEPLOYING)
    story.must_find(STUCK, second=700, of=OF_DEPLOYMENTS)
    story.read(RUNNING, 720, ready=0)
    assert story.record.episode
    assert story.record.episode.open
    assert not story.record.episode.answerable
    assert story.record.next_at is None


def test_a_channel_hears_of_a_lag_from_its_own_threshold_on() -> None:
    an_hour = replace(a_watch(channel=OTHER, events=frozenset({Event.LAGGING})), lag_from=60 * MINUTE)
    routing = a_routing(a_watch(), an_hour)
    story = Story(routing, RUNNING)
    begun = story.must_find(lagging(), second=60)
    assert {message.receiver.id for message in begun.messages} == {ALERTS}
    an_hour_behind = story.must_find(lagging(minutes=61, threshold=60), second=3660)
    assert events_of(an_hour_behind) == [Event.LAGGING]
    assert {receiver for receiver, _ in bodies(an_hour_behind, SyncCard)} == {ALERTS, OTHER}
    less = story.must_find(lagging(minutes=10), second=3900)
    assert less.transitions == ()
    ended = story.must_find(second=4200)
    assert {receiver for receiver, _ in bodies(ended, ThreadEntry)} == {ALERTS, OTHER}


def test_a_channel_that_never_heard_of_the_lag_does_not_hear_of_its_end() -> None:
    an_hour = replace(a_watch(channel=OTHER, events=frozenset({Event.LAGGING})), lag_from=60 * MINUTE)
    story = Story(a_routing(a_watch(), an_hour), RUNNING)
    story.must_find(lagging(), second=60)
    assert {message.receiver.id for message in story.must_find(second=660).messages} == {ALERTS}


def test_a_channel_that_begins_to_watch_gets_the_card_of_a_finding() -> None:
    story = Story(a_routing(), RUNNING)
    story.must_find(lagging(), second=60)
    plan = plan_newcomer(story.record, a_routing(a_watch(), a_watch(channel=OTHER)), OTHER)
    assert plan
    assert [card.channel for card in plan.cards] == [OTHER]


@pytest.mark.parametrize(
    ("finding", "state_filter", "kind"),
    [
        (lagging(), StateFilter.LAGGING, Trouble.LAGGING),
        (STALLED, StateFilter.STALLED, Trouble.STALLED),
        (STUCK, StateFilter.STUCK, Trouble.STUCK),
        (DRIFT, StateFilter.DRIFT, Trouble.DRIFT),
    ],
)
def test_status_shows_a_finding_as_trouble_and_finds_it(
    finding: PipelineFinding, state_filter: StateFilter, kind: Trouble
) -> None:
    state = PipelineState(observation=an_observation(RUNNING), since=at(1), live=True)
    held = replace(state, findings=(finding,))
    assert (trouble(held, at(60)), trouble(state, at(60))) == (kind, None)
    assert began_at(kind, held) == finding.since
    assert is_in(held, {state_filter})
    assert not is_in(state, {state_filter})
    assert not is_plainly_healthy(held)
    parsed = parse(f"status {state_filter}")
    assert isinstance(parsed, StatusCommand | OverviewCommand)


@pytest.mark.parametrize("word", ["drift", "finished"])
@pytest.mark.parametrize("command", ["status", "list"])
def test_an_event_that_lasts_is_also_a_state(command: str, word: str) -> None:
    parsed = parse(f"{command} {word}")
    assert isinstance(parsed, StatusCommand | ListCommand)
    assert parsed.states == {StateFilter(word)}


def test_a_finished_run_is_found_as_finished() -> None:
    run = BoundedRun(at=at(2), height=9, stop=9, end=RunEnd.FINISHED)
    state = PipelineState(observation=an_observation(Phase.STOPPED), since=at(1), run=run)
    assert is_in(state, {StateFilter("finished")})
    assert not is_in(replace(state, run=replace(run, end=None)), {StateFilter("finished")})


# --- rows ------------------------------------------------------------------------------------------------------------


def test_findings_survive_a_restart() -> None:
    story = Story(a_routing(), RUNNING)
    story.must_find(lagging(), STALLED, second=60)
    restarted = replace(RECORD.decode(RECORD.encode(story.record)), version=story.record.version)
    assert restarted.state.findings == story.record.state.findings
    assert plan_findings(restarted, story.routing, story.record.state.findings, at(90), of=OF_LAG) is None


def test_the_history_knows_when_a_finding_began() -> None:
    story = Story(a_routing(), RUNNING)
    plan = story.must_find(lagging(), second=60)
    (transition,) = unpacked(ORDERS, HEAD + packed(plan.transitions)).transitions
    assert transition.finding == PipelineFinding(event=Event.LAGGING, since=at(40))


def test_the_last_unwatch_ends_the_findings() -> None:
    story = Story(a_routing(), RUNNING)
    story.must_find(lagging(), second=60)
    assert plan_forgotten(story.record, story.routing, at(70)).record.state.findings == ()


def test_each_finding_is_judged_by_somebody() -> None:
    assert OF_LAG | OF_DEPLOYMENTS == FINDINGS
    assert not OF_LAG & OF_DEPLOYMENTS
