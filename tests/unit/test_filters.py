from bot.domain.episode import Acknowledgement
from bot.domain.observation import Reading
from bot.domain.page_plan import plan_acknowledgement
from bot.domain.phase import Phase
from bot.domain.plan import Plan, Record, plan_reading
from bot.domain.receipt import Skip, SkipReason
from bot.domain.routing import Routing
from bot.domain.transition import Event
from bot.domain.watch import ChannelId
from tests.builders import ALERTS, ANN, ORDERS, a_person, a_routing, a_watch, an_observation, at

OTHER = ChannelId("C0OTHER")
RUNNING, FAILED = Phase.RUNNING, Phase.FAILED


def plans(routing: Routing, *readings: Reading) -> list[Plan]:
    """The plan for each reading in turn."""
    record, made = Record(pipeline_id=ORDERS), []
    for reading in readings:
        made.append(plan_reading(record, reading, routing))
        record = made[-1].record
    return made


def left_out(plan: Plan) -> list[tuple[str, SkipReason]]:
    return [(skip.conversation, skip.reason) for skip in plan.skips]


def test_a_channel_whose_watch_leaves_the_event_out_is_skipped_with_the_reason() -> None:
    routing = a_routing(a_watch(), a_watch(channel=OTHER, events=frozenset({Event.PAUSED})))
    (_, failed) = plans(routing, an_observation(RUNNING, 1), an_observation(FAILED, 2, ready=0))
    assert failed.skips == (Skip(conversation=OTHER, revision=1, at=at(2), reason=SkipReason.FILTERED),)
    assert {message.receiver.id for message in failed.messages} == {ALERTS}


def test_a_card_that_is_only_redrawn_counts_as_skipped() -> None:
    """The channel sees the recovery on its card, but gets no message."""
    routing = a_routing(a_watch(events=frozenset({Event.FAILED})))
    (_, failed, recovered) = plans(
        routing, an_observation(RUNNING, 1), an_observation(FAILED, 2, ready=0), an_observation(RUNNING, 3)
    )
    assert failed.skips == ()
    assert left_out(recovered) == [(ALERTS, SkipReason.FILTERED)]


def test_a_channel_that_pages_gets_a_failure_through_any_filter() -> None:
    routing = a_routing(a_watch(events=frozenset({Event.PAUSED}), targets=(a_person(),)))
    (_, failed) = plans(routing, an_observation(RUNNING, 1), an_observation(FAILED, 2, ready=0))
    assert failed.skips == ()
    assert failed.messages


def test_an_acknowledgement_and_a_steady_reading_skip_no_channel() -> None:
    routing = a_routing(a_watch(events=frozenset({Event.FAILED})))
    failed, steady = plans(routing, an_observation(FAILED, 1, ready=0), an_observation(FAILED, 2, ready=0))
    assert steady.skips == ()
    acknowledged = plan_acknowledgement(failed.record, routing, Acknowledgement(by=ANN, at=at(3)))
    assert acknowledged
    assert acknowledged.skips == ()


def test_a_channel_that_takes_no_messages_is_skipped_for_its_fallback() -> None:
    routing = a_routing(a_watch().redirected_to(OTHER))
    (failed,) = plans(routing, an_observation(FAILED, 1, ready=0))
    assert left_out(failed) == [(ALERTS, SkipReason.SUSPENDED)]
    assert {message.receiver.id for message in failed.messages} == {OTHER}


def test_an_acknowledgement_opens_no_card_in_a_channel_that_wants_other_events() -> None:
    routing = a_routing(a_watch(), a_watch(channel=OTHER, events=frozenset({Event.PAUSED})))
    (failed,) = plans(routing, an_observation(FAILED, 1, ready=0))
    acknowledged = plan_acknowledgement(failed.record, routing, Acknowledgement(by=ANN, at=at(3)))
    assert acknowledged
    assert {message.receiver.id for message in acknowledged.messages} == {ALERTS}
