from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.card import SyncCard, ThreadEntry
from bot.domain.delivery import Message, Priority
from bot.domain.episode import Acknowledgement, EpisodeKind, EpisodeOutcome, stable_key
from bot.domain.observation import Reading
from bot.domain.page_plan import plan_acknowledgement
from bot.domain.phase import Phase
from bot.domain.plan import (
    Record,
    plan_forgotten,
    plan_left,
    plan_newcomer,
    plan_reading,
    plan_redrawn,
    plan_restored,
)
from bot.domain.routing import Routing
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, Target, TargetKind, UserId
from tests.builders import ALERTS, ANN, ORDERS, TEAM, a_pipeline, a_routing, a_watch, an_observation, at
from tests.unit.test_episode import story
from tests.unit.test_transition import readings

OTHER = ChannelId("C0OTHER")
ANN_DIRECT = ChannelId("D0ANN")
PAGE_ANN = Target(kind=TargetKind.USER, id=ANN, direct=ANN_DIRECT)
RUNNING, FAILED, DEPLOYING = Phase.RUNNING, Phase.FAILED, Phase.DEPLOYING


def failed() -> Record:
    return story(an_observation(RUNNING, 1), an_observation(FAILED, 2, ready=0))[-1].record


def lines(messages: tuple[Message, ...]) -> list[ThreadEntry]:
    return [message.body for message in messages if isinstance(message.body, ThreadEntry)]


def test_a_steady_reading_is_not_written_but_its_age_is_known() -> None:
    first, second = story(an_observation(RUNNING, 1), an_observation(RUNNING, 2))
    assert first.must_be_written  # the baseline: a restarted bot compares with it
    assert not second.must_be_written
    assert second.record.state.observation == an_observation(RUNNING, 2)


def test_a_failure_owes_each_channel_one_card_and_the_paged_person_another() -> None:
    routing = a_routing(a_watch(targets=(PAGE_ANN,)), a_watch("shop-*"), a_watch(channel=OTHER))
    plan = plan_reading(Record(pipeline_id=ORDERS), an_observation(FAILED, 1, ready=0), routing)
    assert [(message.receiver.id, message.priority) for message in plan.messages] == [
        (ALERTS, Priority.FAILURE),
        (OTHER, Priority.FAILURE),
        (ANN_DIRECT, Priority.PAGE),
    ]
    assert {card.channel: card.targets for card in plan.cards} == {ALERTS: (PAGE_ANN,), OTHER: (), ANN_DIRECT: ()}


def test_a_filter_stops_new_messages_but_not_card_updates() -> None:
    routing = a_routing(a_watch(events=frozenset({Event.FAILED})))
    deployed, failure, deploying, live = story(
        an_observation(DEPLOYING, 1),
        an_observation(FAILED, 2, ready=0),
        an_observation(DEPLOYING, 3, ready=0),
        an_observation(RUNNING, 4),
        routing=routing,
    )
    assert not deployed.messages
    assert len(failure.messages) == 1
    assert [type(message.body) for message in (*deploying.messages, *live.messages)] == [SyncCard, SyncCard]


@pytest.mark.parametrize("before", [Phase.PAUSED, DEPLOYING, Phase("HIBERNATING")])
def test_a_transition_between_episodes_is_reported_by_the_new_one(before: Phase) -> None:
    other_watch = a_watch(channel=OTHER)
    routing = a_routing(a_watch(events=frozenset({Event.FAILED, Event.RECOVERED})), other_watch)
    _, first, failure = story(
        an_observation(RUNNING, 1), an_observation(before, 2), an_observation(FAILED, 3, ready=0), routing=routing
    )
    assert {message.receiver.id for message in first.messages} == {OTHER}
    ended, *opened = failure.cards
    assert (ended.channel, ended.episode.outcome) == (OTHER, EpisodeOutcome.SUPERSEDED)  # where it stands it is ended
    assert [(card.channel, card.episode.kind) for card in opened] == [
        (ALERTS, EpisodeKind.FAILURE),
        (OTHER, EpisodeKind.FAILURE),
    ]


def test_a_second_unknown_phase_is_its_own_episode() -> None:
    routing, latecomer = a_routing(a_watch(channel=OTHER)), a_routing(a_watch(channel=OTHER), a_watch())
    first = story(an_observation(RUNNING, 1), an_observation(Phase("ONE"), 2), routing=routing)[-1]
    plan = plan_reading(first.record, an_observation(Phase("TWO"), 3), latecomer)
    assert [(card.channel, card.episode.open) for card in plan.cards] == [(OTHER, False), (OTHER, True), (ALERTS, True)]


def test_failed_pages_under_any_filter() -> None:
    routing = a_routing(a_watch(events=frozenset({Event.LIVE}), targets=(PAGE_ANN,)))
    plan = story(an_observation(RUNNING, 1), an_observation(FAILED, 2, ready=0), routing=routing)[-1]
    assert {message.receiver.id for message in plan.messages} == {ALERTS, ANN_DIRECT}


def test_the_end_of_a_failure_is_broadcast_and_nothing_else_is() -> None:
    plans = story(an_observation(FAILED, 1), an_observation(DEPLOYING, 2, ready=0), an_observation(RUNNING, 3))
    (deploying,), (recovered,) = lines(plans[1].messages), lines(plans[2].messages)
    assert not deploying.broadcast
    assert recovered.broadcast
    assert recovered.entry.downtime_seconds == 2
    assert {message.priority for message in plans[2].messages} == {Priority.RECOVERY}


def test_fewer_ready_replicas_redraw_the_open_card_without_a_word() -> None:
    plans = story(
        an_observation(RUNNING, 1, ready=3, replicas=3),
        an_observation(RUNNING, 2, ready=2, replicas=3),
        an_observation(RUNNING, 3, ready=1, replicas=3),
    )
    assert [type(message.body) for message in plans[2].messages] == [SyncCard]
    assert plans[2].cards[0].revision > plans[1].cards[0].revision


def test_an_acknowledgement_counts_once_and_is_shown_everywhere() -> None:
    routing = a_routing(a_watch(targets=(PAGE_ANN,)), a_watch(channel=OTHER))
    record = story(an_observation(FAILED, 1), routing=routing)[-1].record
    plan = plan_acknowledgement(record, routing, Acknowledgement(by=ANN, at=at(9)))
    assert plan is not None
    assert {card.channel for card in plan.cards} == {ALERTS, OTHER, ANN_DIRECT}
    assert all(card.episode.acknowledged and card.episode.acknowledged.by == ANN for card in plan.cards)
    channels = {message.receiver.id for message in plan.messages if isinstance(message.body, ThreadEntry)}
    assert channels == {ALERTS, OTHER}  # the direct message's own card says it
    assert plan_acknowledgement(plan.record, routing, Acknowledgement(by=UserId("U0BOB"), at=at(10))) is None


def test_a_paged_person_gets_the_ending() -> None:
    routing = a_routing(a_watch(targets=(PAGE_ANN,)))
    plan = story(an_observation(FAILED, 1), an_observation(RUNNING, 2), routing=routing)[-1]
    channels = {message.receiver.id for message in plan.messages if isinstance(message.body, ThreadEntry)}
    assert channels == {ALERTS, ANN_DIRECT}


def test_a_channel_that_left_keeps_a_true_card_and_hears_no_more() -> None:
    record = story(an_observation(FAILED, 1))[-1].record
    plan = plan_reading(record, an_observation(RUNNING, 2), a_routing(a_watch(channel=OTHER)))
    of_alerts = [type(message.body) for message in plan.messages if message.receiver.id == ALERTS]
    assert of_alerts == [SyncCard]


def test_a_closed_episode_cannot_be_acknowledged() -> None:
    over = story(an_observation(FAILED, 1), an_observation(RUNNING, 2))[-1].record
    assert plan_acknowledgement(over, a_routing(), Acknowledgement(by=ANN, at=at(9))) is None
    assert plan_acknowledgement(Record(pipeline_id=ORDERS), a_routing(), Acknowledgement(by=ANN, at=at(9))) is None


def test_a_channel_that_comes_late_gets_the_open_failure_once() -> None:
    routing = a_routing(a_watch(), a_watch(channel=OTHER, targets=(PAGE_ANN,)))
    plan = plan_newcomer(failed(), routing, OTHER)
    assert plan is not None
    assert {message.receiver.id for message in plan.messages} == {OTHER, ANN_DIRECT}
    assert plan_newcomer(plan.record, routing, OTHER) is None
    assert plan_newcomer(failed(), routing, ALERTS) is None


def test_a_channel_that_comes_late_hears_nothing_of_a_healthy_pipeline() -> None:
    healthy = story(an_observation(RUNNING, 1))[-1].record
    assert plan_newcomer(healthy, a_routing(a_watch(channel=OTHER)), OTHER) is None


def test_redrawing_needs_an_open_card() -> None:
    plan = plan_redrawn(failed(), a_routing())
    assert plan is not None
    assert [type(message.body) for message in plan.messages] == [SyncCard]
    assert plan_redrawn(Record(pipeline_id=ORDERS), a_routing()) is None


def test_after_all_watches_ended_the_next_reading_starts_fresh() -> None:
    record = failed()
    forgotten = plan_forgotten(record, a_routing(), at(60)).record
    again = plan_reading(forgotten, an_observation(FAILED, 90), a_routing())
    assert [transition.event for transition in again.transitions] == [Event.FAILED]
    assert record.episode is not None
    assert record.episode.key(TEAM, ALERTS) not in {card.key for card in again.cards}


def test_open_cards_get_a_last_update_when_unwatched() -> None:
    plan = story(
        an_observation(RUNNING, 1), an_observation(FAILED, 2), routing=a_routing(a_watch(targets=(PAGE_ANN,)))
    )[-1]
    last = plan_forgotten(plan.record, Routing(TEAM, a_pipeline(), ()), at(600))
    assert {card.channel: card.key for card in last.cards} == {card.channel: card.key for card in plan.cards}
    assert {card.episode.outcome for card in last.cards} == {EpisodeOutcome.UNWATCHED}
    assert all(card.revision > plan.cards[0].revision and not card.episode.open for card in last.cards)
    assert [(message.id, message.made_at) for message in last.messages] == [(card.key, at(600)) for card in last.cards]
    assert all(card.state.phase == FAILED for card in last.cards)  # it says how it was last seen


def test_a_conversation_that_stops_watching_gets_a_last_card() -> None:
    everybody = a_routing(a_watch(targets=(PAGE_ANN,)), a_watch(channel=OTHER))
    record = story(an_observation(RUNNING, 1), an_observation(FAILED, 2, ready=0), routing=everybody)[-1].record
    rest = a_routing(a_watch(channel=OTHER))
    plan = plan_left(record, rest, {ALERTS, ANN_DIRECT}, at(60))
    assert plan is not None
    assert {(card.channel, card.episode.outcome) for card in plan.cards} == {
        (ALERTS, EpisodeOutcome.UNWATCHED),
        (ANN_DIRECT, EpisodeOutcome.UNWATCHED),
    }
    assert [type(message.body) for message in plan.messages] == [SyncCard, SyncCard]
    later = plan_reading(plan.record, an_observation(DEPLOYING, 90, ready=0), rest)
    assert {card.channel for card in later.cards} == {OTHER}
    again = plan_newcomer(
        plan.record, everybody, ALERTS
    )  # its card has said that it tells nothing more: it gets another
    assert again is not None
    assert {card.channel for card in again.cards} == {ALERTS, ANN_DIRECT}
    assert {card.key for card in again.cards}.isdisjoint({card.key for card in plan.cards})
    assert all(card.episode.open for card in again.cards)


def test_a_channel_with_another_watch_keeps_its_card() -> None:
    everybody = a_routing(a_watch(targets=(PAGE_ANN,)), a_watch(channel=OTHER, targets=(PAGE_ANN,)))
    record = story(an_observation(RUNNING, 1), an_observation(FAILED, 2, ready=0), routing=everybody)[-1].record
    rest = a_routing(a_watch(channel=OTHER, targets=(PAGE_ANN,)))
    plan = plan_left(record, rest, {ALERTS, ANN_DIRECT}, at(60))
    assert plan is not None
    assert {card.channel for card in plan.cards} == {ALERTS}
    assert plan_left(record, everybody, {ALERTS, ANN_DIRECT}, at(60)) is None


def test_a_closed_or_unsent_episode_is_dropped_silently() -> None:
    over = story(an_observation(FAILED, 1), an_observation(RUNNING, 2))[-1].record
    for record in (over, Record(pipeline_id=ORDERS)):
        plan = plan_forgotten(record, Routing(TEAM, a_pipeline(), ()), at(60))
        assert (plan.cards, plan.messages, plan.record.episode) == ((), (), None)


# --- a store that forgot ---------------------------------------------------------------------------------------------


def test_a_lost_record_is_restored_over_the_stored_version() -> None:
    record = failed()
    plan = plan_restored(replace(record, version=7), Record(pipeline_id=ORDERS, version=2), a_routing())
    assert plan.must_be_written
    assert plan.record == replace(record, version=2)
    assert plan.transitions == ()
    healthy = story(an_observation(RUNNING, 1))[-1].record
    again = plan_restored(replace(healthy, version=7), Record(pipeline_id=ORDERS), a_routing())
    assert again.record == replace(healthy, version=0)
    assert (again.cards, again.messages) == ((), ())


def test_a_lost_delivery_is_restored_under_its_lookup_key() -> None:
    routing = a_routing(a_watch(targets=(PAGE_ANN,)), a_watch(channel=OTHER))
    plans = story(
        an_observation(RUNNING, 1), an_observation(FAILED, 2, ready=0), an_observation(DEPLOYING, 3), routing=routing
    )
    sent, last = [message for plan in plans for message in plan.messages], plans[-1].record
    plan = plan_restored(last, Record(pipeline_id=ORDERS), routing)
    assert {message.id for message in plan.messages} == {message.id for message in sent}
    assert {card.channel for card in plan.cards} == {ALERTS, OTHER, ANN_DIRECT}
    urgent = {message.receiver.id: message.priority for message in plan.messages if isinstance(message.body, SyncCard)}
    assert urgent == {ALERTS: Priority.FAILURE, OTHER: Priority.FAILURE, ANN_DIRECT: Priority.PAGE}


def test_a_restore_sends_only_changes_after_the_stored_revision() -> None:
    plans = story(an_observation(FAILED, 1), an_observation(DEPLOYING, 2, ready=0), an_observation(RUNNING, 3))
    plan = plan_restored(plans[-1].record, plans[1].record, a_routing())
    assert {message.id for message in plan.messages} == {message.id for message in plans[-1].messages}
    assert [entry.entry.events for entry in lines(plan.messages)] == [(Event.RUNNING, Event.LIVE, Event.RECOVERED)]
    assert {message.priority for message in plan.messages} == {Priority.RECOVERY}


@pytest.mark.parametrize("forgot", [0, 1, 2, 3])
def test_a_restore_never_repeats_the_cards_first_lines(forgot: int) -> None:
    routing = a_routing(a_watch(events=frozenset({Event.RUNNING, Event.RECOVERED})))
    plans = story(
        an_observation(RUNNING, 1),
        an_observation(FAILED, 2, ready=0),
        an_observation(RUNNING, 3, ready=0),
        an_observation(RUNNING, 4),
        routing=routing,
    )
    assert [len(earlier.messages) for earlier in plans] == [0, 0, 1, 2]  # the card comes with RUNNING
    plan = plan_restored(plans[-1].record, plans[forgot].record, routing)
    expected = [] if forgot == 3 else [(Event.LIVE, Event.RECOVERED)]
    assert [entry.entry.events for entry in lines(plan.messages)] == expected


filters = st.one_of(st.none(), st.frozensets(st.sampled_from(Event), min_size=1))


@given(readings, filters, st.data())
def test_a_restore_sends_every_lost_message_and_no_other(
    sequence: list[Reading], events: frozenset[Event] | None, data: st.DataObject
) -> None:
    routing = a_routing(a_watch(events=events))
    record, records, owed = Record(pipeline_id=ORDERS), [Record(pipeline_id=ORDERS)], [set[str]()]
    for reading in sequence:
        plan = plan_reading(record, reading, routing)
        record = plan.record
        records.append(record)
        owed.append({message.id for message in plan.messages})
    rollback = data.draw(st.integers(0, len(sequence)))
    restored = plan_restored(record, records[rollback], routing)
    again = {message.id for message in restored.messages}
    assert again <= set[str]().union(*owed)
    if record.episode:
        of_the_last = {record.episode.key(TEAM, ALERTS)}
        of_the_last |= {stable_key(*of_the_last, str(line.revision)) for line in record.episode.timeline}
        assert of_the_last & set[str]().union(*owed[rollback + 1 :]) <= again


@given(readings)
def test_no_delivery_is_made_twice_and_every_card_is_the_latest(sequence: list[Reading]) -> None:
    record, made, revisions = Record(pipeline_id=ORDERS), set[str](), dict[str, int]()
    for reading in sequence:
        plan = plan_reading(record, reading, a_routing())
        for card in plan.cards:
            assert card.revision > revisions.get(card.key, 0)
            revisions[card.key] = card.revision
        for delivery in plan.messages:
            assert isinstance(delivery.body, SyncCard) or delivery.id not in made
            made.add(delivery.id)
        assert {message.id for message in plan.messages if isinstance(message.body, SyncCard)} == {
            card.key for card in plan.cards
        }
        record = plan.record


@given(readings)
def test_every_watched_transition_reaches_the_channel(sequence: list[Reading]) -> None:
    """Either it opens a card, or it is a line in the thread of one."""
    record = Record(pipeline_id=ORDERS)
    for reading in sequence:
        plan = plan_reading(record, reading, a_routing())
        reported = {event for card in plan.cards for line in card.episode.timeline for event in line.events}
        unreported = {transition.event for transition in plan.transitions} - reported - {Event.BACK, Event.RECOVERED}
        assert not unreported
        record = replace(plan.record, version=record.version + 1)
