"""The pages of an episode: who is called when, and what ends the calls."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.card import SyncCard
from bot.domain.delivery import Message, ReceiverKind
from bot.domain.episode import Acknowledgement
from bot.domain.escalation import PageStatus, Policy, PolicyStep
from bot.domain.notice import CallReason, Notice
from bot.domain.on_call_setup import OPERATOR, DefaultPolicy, SavedPolicy
from bot.domain.owners import Owner
from bot.domain.page_plan import plan_acknowledgement, plan_newly_named, plan_resolved, plan_timer
from bot.domain.pager import PagerEvent
from bot.domain.phase import Phase
from bot.domain.plan import Plan, Record, plan_forgotten, plan_left, plan_reading
from bot.domain.routing import Routing
from bot.domain.setup import Setup, SetupRow
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, Target, TargetKind, UserId
from tests.builders import ALERTS, ANN, ORDERS, a_routing, a_watch, an_observation, at

BOB = UserId("U0BOB")
OPS = ChannelId("C0OPS")
OTHER = ChannelId("C0OTHER")
ANN_DIRECT, BOB_DIRECT = ChannelId("D0ANN"), ChannelId("D0BOB")
PAGE_ANN = Target(kind=TargetKind.USER, id=ANN, direct=ANN_DIRECT, label="Ann")
PAGE_BOB = Target(kind=TargetKind.USER, id=BOB, direct=BOB_DIRECT, label="Bob")
PAGER = Target(kind=TargetKind.PAGER, id="ops")
DATA = Target(kind=TargetKind.POLICY, id="data")
MINUTE = 60
PAGERS = {name: ReceiverKind("pagerduty") for name in ("ops", "night")}
RUNNING, FAILED = Phase.RUNNING, Phase.FAILED


def a_policy(*steps: Sequence[Target], name: str = "data", rounds: int = 0, last: Sequence[Target] = ()) -> SavedPolicy:
    waits = timedelta(minutes=10)
    policy = Policy(
        name=name,
        steps=tuple(PolicyStep(targets=tuple(step), wait=waits) for step in steps),
        rounds=rounds,
        last_resort=tuple(last),
    )
    return SavedPolicy(made_by=ANN, made_at=at(0), policy=policy)


def routing(*targets: Target, setup: Sequence[SetupRow] = (), channels: Sequence[ChannelId] = (ALERTS,)) -> Routing:
    made = a_routing(*(a_watch(channel=channel, targets=targets) for channel in channels))
    return replace(made, setup=Setup(tuple(setup)), pagers=PAGERS, operator=OPS)


def failed(who: Routing) -> Plan:
    """The pipeline fails one second after noon."""
    live = plan_reading(Record(pipeline_id=ORDERS), an_observation(RUNNING, 0), who).record
    return plan_reading(live, an_observation(FAILED, 1, ready=0), who)


def acknowledged(
    record: Record, who: Routing, by: UserId = ANN, *, seconds: int, until: datetime | None = None
) -> Plan:
    plan = plan_acknowledgement(record, who, Acknowledgement(by=by, at=at(seconds), name="Ann", until=until))
    assert plan is not None
    return plan


def served(record: Record, who: Routing) -> Plan:
    """Serves the next timer when it is due."""
    assert record.next_at is not None
    plan = plan_timer(record, who, record.next_at)
    assert plan is not None
    return plan


def calls(plan: Plan) -> list[tuple[str, CallReason, tuple[str, ...]]]:
    """Who is called again, in which conversation and why."""
    return [
        (message.receiver.id, message.body.call.reason, tuple(target.id for target in message.body.targets))
        for message in plan.messages
        if isinstance(message.body, Notice) and message.body.call
    ]


def to_pagers(messages: Sequence[Message]) -> list[tuple[str, str]]:
    bodies = [(message.receiver.name, message.body) for message in messages]
    return [(name, body.action.value) for name, body in bodies if isinstance(body, PagerEvent)]


def conversations(plan: Plan) -> set[str]:
    """Where a card is posted or updated."""
    return {message.receiver.id for message in plan.messages if isinstance(message.body, SyncCard)}


def test_a_watch_calls_its_people_again_until_all_rounds_are_over() -> None:
    who = routing(PAGE_ANN)
    plan = failed(who)
    assert (conversations(plan), calls(plan)) == ({ALERTS, ANN_DIRECT}, [])
    for _ in range(2):
        plan = served(plan.record, who)
        again = [(ALERTS, CallReason.REPEATED, (ANN,)), (ANN_DIRECT, CallReason.REPEATED, (ANN,))]
        assert calls(plan) == again
    plan = served(plan.record, who)
    assert calls(plan) == [(ALERTS, CallReason.NOBODY_ANSWERED, ())]
    assert plan.record.next_at is None


def test_a_policy_calls_its_next_step_and_opens_a_card_for_a_new_person() -> None:
    who = routing(DATA, setup=[a_policy([PAGE_ANN], [PAGE_BOB])])
    plan = failed(who)
    assert conversations(plan) == {ALERTS, ANN_DIRECT}
    assert {card.targets for card in plan.cards if card.channel == ALERTS} == {(PAGE_ANN,)}
    plan = served(plan.record, who)
    assert calls(plan) == [(ALERTS, CallReason.STEP, (BOB,))]
    assert conversations(plan) == {ALERTS, ANN_DIRECT, BOB_DIRECT}


def test_an_edit_of_a_policy_never_moves_a_running_page() -> None:
    plan = failed(routing(DATA, setup=[a_policy([PAGE_ANN], [PAGE_BOB])]))
    plan = served(plan.record, routing(DATA, setup=[a_policy([PAGE_ANN])]))
    assert calls(plan) == [(ALERTS, CallReason.STEP, (BOB,))]


def test_two_channels_share_the_page_of_one_policy() -> None:
    who = routing(DATA, setup=[a_policy([PAGE_ANN], [PAGE_BOB])], channels=[ALERTS, OTHER])
    plan = failed(who)
    episode = plan.record.episode
    assert episode is not None
    assert [page.channels for page in episode.pages] == [(ALERTS, OTHER)]
    assert [message.receiver.id for message in plan.messages].count(ANN_DIRECT) == 1
    plan = served(plan.record, who)
    assert calls(plan) == [(channel, CallReason.STEP, (BOB,)) for channel in (ALERTS, OTHER)]


def test_the_card_of_a_later_step_is_not_late() -> None:
    """The reading may be old by then: the step makes the card, and nothing held it back."""
    who = routing(DATA, setup=[a_policy([PAGE_ANN], [PAGE_BOB])])
    before = failed(who).record
    plan = served(before, who)
    cards = [message for message in plan.messages if isinstance(message.body, SyncCard)]
    assert BOB_DIRECT in {message.receiver.id for message in cards}
    assert {message.made_at for message in cards} == {before.next_at}


def test_one_acknowledgement_stops_every_page_of_the_episode() -> None:
    who = routing(DATA, PAGE_BOB, setup=[a_policy([PAGE_ANN])])
    plan = acknowledged(failed(who).record, who, seconds=60)
    episode = plan.record.episode
    assert episode is not None
    assert [page.status for page in episode.pages] == [PageStatus.ACKNOWLEDGED] * 2
    assert plan.record.next_at is None
    assert plan_timer(plan.record, who, at(3600)) is None


def test_a_missed_promise_calls_again_from_the_first_step() -> None:
    who = routing(PAGE_ANN)
    promised = acknowledged(failed(who).record, who, seconds=60, until=at(20 * MINUTE))
    assert promised.record.next_at == at(20 * MINUTE)
    plan = served(promised.record, who)
    assert calls(plan)[0] == (ALERTS, CallReason.PROMISE_MISSED, (ANN,))
    episode = plan.record.episode
    assert episode is not None
    assert episode.acknowledged is None
    assert episode.timeline[-1].events == (Event.PROMISE_MISSED,)
    (call, *_) = (message.body.call for message in plan.messages if isinstance(message.body, Notice))
    assert call is not None
    assert (call.promised_until, call.promised_by, call.snoozed) == (at(20 * MINUTE), "Ann", False)


def test_a_takeover_moves_the_acknowledgement_and_an_acknowledgement_does_not() -> None:
    who = routing(PAGE_ANN)
    record = acknowledged(failed(who).record, who, seconds=60).record
    later = Acknowledgement(by=BOB, at=at(90), name="Bob")
    assert plan_acknowledgement(record, who, later) is None
    plan = plan_acknowledgement(record, who, later, takes_over=True)
    assert plan is not None
    episode = plan.record.episode
    assert episode is not None
    assert (episode.acknowledged, episode.timeline[-1].instead_of) == (later, "Ann")


def test_a_resolved_failure_calls_nobody_and_cannot_be_acknowledged() -> None:
    who = routing(PAGE_ANN, PAGER)
    plan = plan_resolved(failed(who).record, who, Acknowledgement(by=ANN, at=at(60), name="Ann"))
    assert plan is not None
    assert plan.record.next_at is None
    assert to_pagers(plan.messages) == [("pagerduty:ops", "resolve")]
    assert plan_acknowledgement(plan.record, who, Acknowledgement(by=BOB, at=at(70))) is None
    assert plan_resolved(plan.record, who, Acknowledgement(by=BOB, at=at(70))) is None


def test_a_pager_follows_the_failure_with_one_key() -> None:
    who = routing(PAGER)
    opened = failed(who)
    answered = acknowledged(opened.record, who, seconds=60)
    live = plan_reading(answered.record, an_observation(RUNNING, 120), who)
    plans = [opened, answered, live]
    assert [to_pagers(plan.messages) for plan in plans] == [
        [("pagerduty:ops", action)] for action in ("trigger", "acknowledge", "resolve")
    ]
    keys = {body.key for plan in plans for message in plan.messages if isinstance(body := message.body, PagerEvent)}
    assert len(keys) == 1


def test_a_pager_that_is_not_configured_reaches_nobody_and_the_next_step_comes_at_once() -> None:
    unknown = Target(kind=TargetKind.PAGER, id="gone")
    plan = failed(routing(DATA, setup=[a_policy([unknown], [PAGE_ANN])]))
    assert {card.targets for card in plan.cards if card.channel == ALERTS} == {(PAGE_ANN,)}
    episode = plan.record.episode
    assert episode is not None
    assert [page.unreached for page in episode.pages] == [(0,)]


def test_a_page_that_nobody_answered_goes_to_the_policy_of_the_operator() -> None:
    operator = DefaultPolicy(scope=OPERATOR, policy="run", made_by=ANN, made_at=at(0))
    who = routing(DATA, setup=[a_policy([PAGE_ANN]), a_policy([PAGE_BOB], name="run"), operator])
    plan = served(failed(who).record, who)
    assert calls(plan) == [(ALERTS, CallReason.NOBODY_ANSWERED, ())]
    assert conversations(plan) == {ALERTS, ANN_DIRECT, OPS, BOB_DIRECT}
    assert {card.targets for card in plan.cards if card.channel == OPS} == {(PAGE_BOB,)}


def test_a_policy_that_no_longer_exists_says_at_once_that_nobody_answers() -> None:
    plan = failed(routing(DATA))
    episode = plan.record.episode
    assert episode is not None
    assert [page.status for page in episode.pages] == [PageStatus.EXHAUSTED]


def test_a_channel_without_targets_uses_its_default_policy() -> None:
    default = DefaultPolicy(scope=ALERTS, policy="data", made_by=ANN, made_at=at(0))
    plan = failed(routing(setup=[a_policy([PAGE_ANN]), default]))
    assert conversations(plan) == {ALERTS, ANN_DIRECT}
    assert conversations(failed(routing(setup=[a_policy([PAGE_ANN])]))) == {ALERTS}


def test_a_watch_pages_for_the_events_that_it_names() -> None:
    degraded = a_watch(targets=(PAGE_ANN,))
    plain = a_routing(degraded)
    wider = a_routing(replace(degraded, page_for=frozenset({Event.FAILED, Event.DEGRADED})))
    live = plan_reading(Record(pipeline_id=ORDERS), an_observation(RUNNING, 0), plain).record
    half = an_observation(RUNNING, 1, ready=1, replicas=2)
    assert conversations(plan_reading(live, half, plain)) == {ALERTS}
    plan = plan_reading(live, half, wider)
    assert conversations(plan) == {ALERTS, ANN_DIRECT}
    assert plan.record.next_at is not None


def test_a_recovery_stops_the_timers() -> None:
    who = routing(PAGE_ANN)
    assert plan_reading(failed(who).record, an_observation(RUNNING, 60), who).record.next_at is None


def fails_again(record: Record, who: Routing, seconds: int, *, between: Phase = Phase.DEPLOYING) -> Plan:
    """Half a minute earlier it was in another phase."""
    other = plan_reading(record, an_observation(between, seconds - 30, ready=int(between == RUNNING)), who).record
    return plan_reading(other, an_observation(FAILED, seconds, ready=0), who)


def test_a_new_deployment_that_fails_keeps_the_acknowledgement_for_half_an_hour() -> None:
    who = routing(PAGE_ANN, PAGER)
    record = acknowledged(failed(who).record, who, seconds=60).record
    for minute in (5, 10, 30):
        plan = fails_again(record, who, minute * MINUTE)
        assert (calls(plan), to_pagers(plan.messages), plan.record.next_at) == ([], [], None)
        record = plan.record
    plan = fails_again(record, who, 32 * MINUTE)
    assert calls(plan)[0] == (ALERTS, CallReason.FAILED_AGAIN, (ANN, PAGER.id))
    assert plan.record.episode
    assert plan.record.episode.acknowledged is None


def test_a_new_deployment_that_fails_keeps_the_acknowledgement_while_its_promise_runs() -> None:
    who = routing(PAGE_ANN)
    record = acknowledged(failed(who).record, who, seconds=60, until=at(60 * MINUTE)).record
    plan = fails_again(record, who, 50 * MINUTE)
    assert (calls(plan), plan.record.next_at) == ([], at(60 * MINUTE))
    assert calls(served(plan.record, who))[0] == (ALERTS, CallReason.PROMISE_MISSED, (ANN,))


def test_a_failure_after_a_recovery_is_not_covered_by_the_acknowledgement() -> None:
    who = routing(PAGE_ANN)
    record = acknowledged(failed(who).record, who, seconds=60).record
    plan = fails_again(record, who, 5 * MINUTE, between=RUNNING)
    assert calls(plan)[0] == (ALERTS, CallReason.FAILED_AGAIN, (ANN,))


def test_a_channel_that_stops_watching_takes_its_people_along() -> None:
    who = routing(DATA, setup=[a_policy([PAGE_ANN])], channels=[ALERTS])
    rest = a_routing(a_watch(channel=OTHER))
    plan = plan_left(failed(who).record, rest, {ALERTS}, at(60))
    assert plan is not None
    assert {card.channel for card in plan.cards} == {ALERTS, ANN_DIRECT}
    assert plan.record.next_at is None


def test_a_pager_removed_from_the_settings_meanwhile_hinders_no_end() -> None:
    who = routing(PAGE_ANN, PAGER)
    without = replace(who, pagers={})
    failure = failed(who).record
    answer = plan_acknowledgement(failure, without, Acknowledgement(by=ANN, at=at(9), name="Ann"))
    assert answer is not None
    assert to_pagers(answer.messages) == []
    end = plan_reading(answer.record, an_observation(RUNNING, 2), without)
    assert to_pagers(end.messages) == []
    assert end.record.episode is not None
    assert not end.record.episode.open


def test_a_direct_page_of_a_policy_names_the_watch_behind_it() -> None:
    who = routing(DATA, setup=[a_policy([PAGE_ANN])])
    (card,) = [card for card in failed(who).cards if card.channel == ANN_DIRECT]
    assert [(origin.channel, origin.reference) for origin in card.origins] == [(ALERTS, ORDERS)]


def test_a_degraded_pipeline_calls_again_until_somebody_answers() -> None:
    who = a_routing(replace(a_watch(targets=(PAGE_ANN,)), page_for=frozenset({Event.DEGRADED})))
    live = plan_reading(Record(pipeline_id=ORDERS), an_observation(RUNNING, 0), who).record
    plan = plan_reading(live, an_observation(RUNNING, 1, ready=1, replicas=2), who)
    assert [reason for _, reason, _ in calls(served(plan.record, who))] == [CallReason.REPEATED] * 2


def test_owner_pages_the_person_who_made_the_pipeline() -> None:
    dana = Target(kind=TargetKind.USER, id="U0DANA", direct=ChannelId("D0DANA"), label="Dana")
    who = routing(Target(kind=TargetKind.OWNER), setup=[Owner(owner="user_1", person=dana, made_at=at(0))])
    owned = replace(who, pipeline=replace(who.pipeline, owner="user_1"))
    assert conversations(failed(owned)) == {ALERTS, "D0DANA"}
    assert calls(served(failed(owned).record, owned)) == [
        (ALERTS, CallReason.REPEATED, ("U0DANA",)),
        ("D0DANA", CallReason.REPEATED, ("U0DANA",)),
    ]


def test_after_an_unknown_owner_the_next_step_comes_at_once() -> None:
    nobody = Owner(owner="user_1", made_at=at(0))
    who = routing(DATA, setup=[a_policy([Target(kind=TargetKind.OWNER)], [PAGE_ANN]), nobody])
    owned = replace(who, pipeline=replace(who.pipeline, owner="user_1"))
    plan = failed(owned)
    assert conversations(plan) == {ALERTS, ANN_DIRECT}
    assert plan.record.episode is not None
    assert [page.unreached for page in plan.record.episode.pages] == [(0,)]


def test_a_page_whose_watch_names_nobody_any_more_stays_silent_when_the_failure_comes_back() -> None:
    who, other = routing(PAGE_ANN), routing(DATA, setup=[a_policy([PAGE_BOB])])
    live = plan_reading(failed(who).record, an_observation(RUNNING, 30), other)
    plan = plan_reading(live.record, an_observation(FAILED, 60, ready=0), other)
    assert calls(plan) == []
    assert plan.record.next_at is None


def test_an_exhausted_page_whose_watch_names_nobody_any_more_stays_silent_too() -> None:
    who, other = routing(PAGE_ANN), routing(DATA, setup=[a_policy([PAGE_BOB])])
    record = failed(who).record
    for _ in range(3):
        record = served(record, who).record
    seconds = (record.episode.timeline[-1].at - at(0)).total_seconds() if record.episode else 0
    live = plan_reading(record, an_observation(RUNNING, int(seconds) + 1000), other)
    plan = plan_reading(live.record, an_observation(FAILED, int(seconds) + 1030, ready=0), other)
    assert CallReason.NOBODY_ANSWERED not in [reason for _, reason, _ in calls(plan)]


def failures_named(plan: Plan) -> list[datetime]:
    """Since when each call says that its pipeline has failed."""
    notices = [message.body for message in plan.messages if isinstance(message.body, Notice)]
    return [failure.since for notice in notices for failure in notice.failures]


def test_a_call_is_dated_by_the_latest_failure_of_its_story() -> None:
    who = routing(PAGE_ANN, PAGER)
    live = plan_reading(failed(who).record, an_observation(RUNNING, 30), who)
    again = plan_reading(live.record, an_observation(FAILED, 60, ready=0), who)
    assert set(failures_named(served(again.record, who))) == {at(60)}
    events = [message.body for message in again.messages if isinstance(message.body, PagerEvent)]
    assert [failure.since for event in events for failure in event.failures] == [at(60)]


def test_a_late_page_is_dated_by_the_latest_failure_of_its_story() -> None:
    who = routing(PAGE_ANN)
    live = plan_reading(failed(who).record, an_observation(RUNNING, 30), who)
    again = plan_reading(live.record, an_observation(FAILED, 60, ready=0), who)
    plan = plan_newly_named(again.record, routing(PAGE_ANN, PAGE_BOB), ALERTS)
    assert plan is not None
    assert failures_named(plan) == [at(60)]


def test_a_failure_that_began_before_pages_were_stored_is_paged_when_it_fails_again() -> None:
    who = routing(PAGE_ANN)
    record = failed(who).record
    assert record.episode is not None
    earlier = replace(record, episode=replace(record.episode, pages=()))
    assert earlier.next_at is None
    starting = plan_reading(earlier, an_observation(Phase.DEPLOYING, 30, ready=0), who).record
    plan = plan_reading(starting, an_observation(FAILED, 60, ready=0), who)
    assert calls(plan) == [(ALERTS, CallReason.STEP, (ANN,)), (ANN_DIRECT, CallReason.STEP, (ANN,))]
    assert plan.record.next_at is not None


def test_an_unwatched_failure_ends_at_its_pagers() -> None:
    who = routing(PAGER)
    assert to_pagers(plan_forgotten(failed(who).record, who, at(60)).messages) == [("pagerduty:ops", "resolve")]


def test_a_channel_that_stops_watching_ends_its_page_at_the_pager_and_others_keep_theirs() -> None:
    other = a_watch(channel=OTHER, targets=(Target(kind=TargetKind.PAGER, id="night"),))
    both = replace(a_routing(a_watch(targets=(PAGER,)), other), pagers=PAGERS)
    plan = plan_left(failed(both).record, replace(a_routing(other), pagers=PAGERS), {ALERTS}, at(60))
    assert plan is not None
    assert to_pagers(plan.messages) == [("pagerduty:ops", "resolve")]


def test_a_pager_that_a_watch_names_no_longer_hears_of_the_end_at_once() -> None:
    record = failed(routing(PAGE_ANN, PAGER)).record
    plan = plan_newly_named(record, routing(PAGE_ANN), ALERTS)
    assert plan is not None
    assert to_pagers(plan.messages) == [("pagerduty:ops", "resolve")]
    over = plan_reading(plan.record, an_observation(RUNNING, 60), routing(PAGE_ANN))
    assert to_pagers(over.messages) == []


def test_a_pager_that_another_page_still_names_hears_nothing() -> None:
    other = a_watch(channel=OTHER, targets=(PAGER,))
    both = replace(a_routing(a_watch(targets=(PAGER,)), other), pagers=PAGERS)
    plan = plan_left(failed(both).record, replace(a_routing(other), pagers=PAGERS), {ALERTS}, at(60))
    assert plan is not None
    assert to_pagers(plan.messages) == []


def test_a_pager_learns_which_step_calls_it() -> None:
    who = routing(DATA, setup=[a_policy([PAGER], [PAGER], rounds=1, last=[PAGER])])
    plan, steps = failed(who), []
    for _ in range(5):
        events = [message.body for message in plan.messages if isinstance(message.body, PagerEvent)]
        steps += [(event.step, event.steps, event.last_resort) for event in events]
        plan = served(plan.record, who) if plan.record.next_at else plan
    assert steps == [(1, 2, False), (2, 2, False), (3, 2, False), (4, 2, False), (5, 2, True)]


def test_a_pager_gets_a_link_to_the_channel_and_the_key_of_its_card() -> None:
    who = replace(routing(PAGER), chat_url="https://acme.slack.com/")
    plan = failed(who)
    (event,) = [message.body for message in plan.messages if isinstance(message.body, PagerEvent)]
    (failure,) = event.failures
    assert failure.card_link == f"https://acme.slack.com/archives/{ALERTS}"
    assert failure.card_key in {card.key for card in plan.cards}
