from bot.domain.addressing import addressed
from bot.domain.episode import Acknowledgement
from bot.domain.notice import Notice, NoticeKind, OpenFailure
from bot.domain.page_plan import plan_acknowledgement
from bot.domain.phase import Phase
from bot.domain.plan import Plan, Record, plan_reading, plan_redrawn
from bot.domain.receipt import Addressed, Skip, SkipReason
from bot.domain.transition import Event
from bot.domain.watch import ChannelId
from tests.builders import ALERTS, ANN, ORDERS, a_message, a_person, a_pipeline, a_routing, a_watch, an_observation, at

OTHER, ANN_DIRECT = ChannelId("C0OTHER"), ChannelId("D0ANN")
FAILED = Phase.FAILED


def failed() -> Plan:
    routing = a_routing(
        a_watch(targets=(a_person(direct=ANN_DIRECT),)), a_watch(channel=OTHER, events=frozenset({Event.PAUSED}))
    )
    return plan_reading(Record(pipeline_id=ORDERS), an_observation(FAILED, 1, ready=0), routing)


def test_a_step_names_the_conversations_that_it_notifies_and_those_that_it_leaves_out() -> None:
    skip = Skip(conversation=OTHER, revision=1, at=at(1), reason=SkipReason.FILTERED)
    assert addressed(failed()) == Addressed(at=at(1), conversations=(ALERTS, ANN_DIRECT), skips=(skip,))


def test_a_card_that_is_only_redrawn_is_no_notification() -> None:
    plan = plan_redrawn(failed().record, a_routing(a_watch()))
    assert plan
    assert plan.messages
    assert addressed(plan) is None


def test_a_conversation_whose_message_was_left_out_is_not_notified_by_the_change_of_its_card() -> None:
    routing = a_routing(a_watch(events=frozenset({Event.FAILED})))
    record = plan_reading(Record(pipeline_id=ORDERS), an_observation(FAILED, 1, ready=0), routing).record
    recovered = plan_reading(record, an_observation(Phase.RUNNING, 2), routing)
    assert recovered.messages
    receipt = addressed(recovered)
    assert receipt
    assert receipt.conversations == ()


def test_an_acknowledgement_has_a_receipt_at_its_own_time() -> None:
    plan = plan_acknowledgement(failed().record, a_routing(a_watch()), Acknowledgement(by=ANN, at=at(5)))
    assert plan
    receipt = addressed(plan)
    assert receipt
    assert (receipt.at, receipt.conversations) == (at(5), (ALERTS, ANN_DIRECT))


def test_a_page_apart_from_a_transition_counts_from_its_message() -> None:
    failure = OpenFailure(pipeline=a_pipeline(), card_key="key", since=at(1))
    page = a_message("page", body=Notice(kind=NoticeKind.LATE_PAGE, at=at(9), failures=(failure,)))
    receipt = addressed(Plan(record=Record(pipeline_id=ORDERS), messages=(page,)))
    assert receipt == Addressed(at=page.made_at, conversations=(page.receiver.name,))
