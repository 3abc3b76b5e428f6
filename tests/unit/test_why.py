"""How transitions and receipts join: what each moment shows."""

from dataclasses import replace

from bot.domain.observation import PipelineId
from bot.domain.receipt import Addressed, MessageForm, Receipt, ReceiptRow, Skip, SkipReason
from bot.domain.transition import Event, Transition
from bot.domain.why import Explained, explained
from tests.builders import ALERTS, ORDERS, at

QUIET = "C0QUIET"


def change(seconds: float, event: Event = Event.FAILED) -> Transition:
    return Transition(event=event, pipeline_id=ORDERS, at=at(seconds), phase=None)


def receipt(
    since: float, until: float, accepted: float, form: MessageForm = MessageForm.CARD, conversation: str = ALERTS
) -> Receipt:
    return Receipt(
        pipeline_id=PipelineId(ORDERS),
        conversation=conversation,
        form=form,
        since=at(since),
        until=at(until),
        at=at(accepted),
        seconds=accepted - until,
        attempts=1,
    )


def forms(moment: Explained) -> list[tuple[str, MessageForm]]:
    return [(row.conversation, row.form) for row in moment.receipts]


def addressed(seconds: float, *conversations: str, left_out: str = "") -> Addressed:
    skip = Skip(conversation=left_out, revision=1, at=at(seconds), reason=SkipReason.FILTERED)
    return Addressed(at=at(seconds), conversations=conversations, skips=(skip,) if left_out else ())


def test_the_latest_change_comes_first_and_each_has_its_own_messages() -> None:
    rows: list[ReceiptRow] = [
        addressed(1, ALERTS),
        addressed(5, ALERTS),
        receipt(1, 1, 2),
        receipt(5, 5, 6, MessageForm.UPDATE),
        receipt(5, 5, 7, MessageForm.THREAD),
    ]
    recovered, failed = explained([change(1), change(5, Event.RECOVERED)], rows)
    assert (recovered.at, forms(recovered)) == (at(5), [(ALERTS, MessageForm.THREAD)])
    assert (failed.at, forms(failed)) == (at(1), [(ALERTS, MessageForm.CARD)])


def test_one_late_card_brings_the_news_of_several_changes() -> None:
    rows: list[ReceiptRow] = [addressed(1, ALERTS), addressed(5, ALERTS), receipt(1, 5, 60)]
    assert [forms(moment) for moment in explained([change(1), change(5)], rows)] == [[(ALERTS, MessageForm.CARD)]] * 2


def test_a_conversation_without_a_confirmed_message_is_waiting() -> None:
    (moment,) = explained([change(1)], [addressed(1, ALERTS, QUIET), receipt(1, 1, 2)])
    assert moment.waiting == (QUIET,)


def test_a_filtered_channel_whose_card_shows_the_change_keeps_both() -> None:
    rows: list[ReceiptRow] = [addressed(1, left_out=QUIET), receipt(1, 1, 2, MessageForm.UPDATE, QUIET)]
    (moment,) = explained([change(1)], rows)
    assert forms(moment) == [(QUIET, MessageForm.UPDATE)]
    assert [skip.conversation for skip in moment.skips] == [QUIET]


def test_a_digest_does_not_claim_a_change_that_the_channel_never_wanted() -> None:
    rows: list[ReceiptRow] = [addressed(1, ALERTS), addressed(3, left_out=ALERTS), addressed(5, ALERTS)]
    rows_and_digest: list[ReceiptRow] = [*rows, receipt(1, 5, 60, MessageForm.DIGEST)]
    moments = explained([change(1), change(3), change(5)], rows_and_digest)
    assert [bool(moment.receipts) for moment in moments] == [True, False, True]


def test_a_later_step_of_a_page_is_a_moment_of_its_own() -> None:
    rows: list[ReceiptRow] = [
        addressed(1, ALERTS),
        receipt(1, 1, 2),
        addressed(301, ALERTS),
        receipt(300, 300, 304, MessageForm.PAGE),
    ]
    page, failed = explained([change(1)], rows)
    assert (page.at, page.transitions, forms(page)) == (at(301), (), [(ALERTS, MessageForm.PAGE)])
    assert forms(failed) == [(ALERTS, MessageForm.CARD)]


def test_a_page_beside_a_message_adds_the_paged_people() -> None:
    page = replace(receipt(1, 1, 3, MessageForm.PAGE), paged=("ann",))
    (moment,) = explained([change(1)], [addressed(1, ALERTS), receipt(1, 1, 2, MessageForm.GROUP), page])
    assert forms(moment) == [(ALERTS, MessageForm.GROUP)]
    assert moment.receipts[0].paged == ("ann",)


def test_a_failure_that_joined_a_group_shows_the_changed_card_and_the_later_page() -> None:
    """A read of the log comes in between."""
    page = replace(receipt(1, 1, 29, MessageForm.PAGE), paged=("ann",))
    rows: list[ReceiptRow] = [addressed(1, ALERTS), receipt(1, 1, 3, MessageForm.JOINED), addressed(8, ALERTS), page]
    _, failed = explained([change(1)], rows)
    assert forms(failed) == [(ALERTS, MessageForm.JOINED), (ALERTS, MessageForm.PAGE)]
    assert [row.paged for row in failed.receipts] == [(), ("ann",)]


def test_a_change_from_before_the_receipts_says_so() -> None:
    (moment,) = explained([change(1)], [])
    assert not moment.recorded
    (quiet,) = explained([change(1)], [addressed(1)])
    assert quiet.recorded
