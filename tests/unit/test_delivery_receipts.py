"""The receipts for a finished delivery: which news of which pipelines it brought, and how."""

from dataclasses import replace

import pytest

from bot.delivery.pending import PendingDelivery
from bot.delivery.receipts import receipts_of
from bot.domain.body import Recheck
from bot.domain.card import PostedCard, SyncGroup, TimelineBatch
from bot.domain.delivery import Receiver, ReceiverKind
from bot.domain.episode import Acknowledgement
from bot.domain.notice import Notice, NoticeKind, OpenFailure
from bot.domain.observation import PipelineId
from bot.domain.pager import PagedFailure, PagerAction, PagerEvent
from bot.domain.receipt import MessageForm, Receipt
from bot.domain.settlement import Done, Drop, Gone
from bot.domain.summary import Digest, DigestEntry, HeldPages
from bot.domain.transition import Event
from tests.builders import ALERTS, ANN, ORDERS, TEAM, a_card, a_delivery, a_person, a_pipeline, an_episode, at
from tests.unit.test_pending import BEGINS, ENDS, GOES_ON, a_story_that_ended, entry

BILLING = PipelineId("pipe_0002")
DONE = Done("1.1")


def a_posted_card(shown_revision: int) -> PostedCard:
    return PostedCard(content=a_story_that_ended(), revision=3, message_id="1.1", shown_revision=shown_revision)


def of_billing(card: PostedCard) -> PostedCard:
    return replace(card, content=replace(card.content, pipeline=a_pipeline("billing", pipeline_id=BILLING)))


def test_a_new_card_brings_all_news_and_names_the_paged_people() -> None:
    card = PostedCard(content=replace(a_card(an_episode()), targets=(a_person(label="Ann"),)), revision=1)
    pending = PendingDelivery(a_delivery(made_at=at(1), count=2), (card,))
    assert receipts_of(DONE, pending, at(4)) == (
        Receipt(
            pipeline_id=ORDERS,
            conversation=ALERTS,
            form=MessageForm.CARD,
            since=BEGINS.at,
            until=BEGINS.at,
            at=at(4),
            seconds=3.0,
            attempts=2,
            paged=("Ann",),
        ),
    )


def test_an_updated_card_brings_only_the_entries_that_it_did_not_show() -> None:
    (receipt,) = receipts_of(DONE, PendingDelivery(a_delivery(), (a_posted_card(2),)), at(4))
    assert (receipt.form, receipt.since, receipt.until) == (MessageForm.UPDATE, ENDS.at, ENDS.at)


def test_a_redrawn_card_brings_no_news() -> None:
    assert receipts_of(DONE, PendingDelivery(a_delivery(), (a_posted_card(3),)), at(4)) == ()


def test_a_card_drawn_again_after_a_lookup_shows_the_news_since() -> None:
    (receipt,) = receipts_of(DONE, PendingDelivery(a_delivery(), (a_posted_card(0),)), at(4))
    assert (receipt.form, receipt.since, receipt.until) == (MessageForm.UPDATE, ENDS.at, ENDS.at)


def test_a_group_has_a_receipt_for_each_pipeline() -> None:
    cards = (PostedCard(content=a_card(), revision=1), of_billing(PostedCard(content=a_card(), revision=1)))
    receipts = receipts_of(DONE, PendingDelivery(a_delivery(body=SyncGroup("group")), cards), at(4))
    assert [(receipt.pipeline_id, receipt.form) for receipt in receipts] == [
        (ORDERS, MessageForm.GROUP),
        (BILLING, MessageForm.GROUP),
    ]


def test_a_failure_that_joins_a_posted_group_changes_the_group_s_card() -> None:
    cards = (a_posted_card(3), replace(of_billing(a_posted_card(0)), shown_revision=-1))
    (receipt,) = receipts_of(DONE, PendingDelivery(a_delivery(body=SyncGroup("group")), cards), at(4))
    assert (receipt.pipeline_id, receipt.form) == (BILLING, MessageForm.JOINED)


def test_the_page_of_a_group_counts_from_each_failure_that_still_needs_somebody() -> None:
    cards = [PostedCard(content=replace(a_card(), key=key), revision=1) for key in ("orders", "billing")]
    answered = replace(cards[1].content.episode, acknowledged=Acknowledgement(by=ANN, at=at(9)))
    cards[1] = of_billing(replace(cards[1], content=replace(cards[1].content, episode=answered)))
    failures = [OpenFailure.of(c.content.episode, c.content.pipeline, c.content.key) for c in cards]
    page = Notice(kind=NoticeKind.GROUP_PAGE, at=at(2), targets=(a_person(label="Ann"),), failures=tuple(failures))
    row = a_delivery(body=page, made_at=at(30))
    (receipt,) = receipts_of(DONE, PendingDelivery(row, tuple(cards)), at(31))
    assert (receipt.pipeline_id, receipt.form, receipt.paged) == (ORDERS, MessageForm.PAGE, ("Ann",))
    assert at(31).timestamp() - receipt.seconds == failures[0].since.timestamp()


def test_a_batch_of_entries_spans_from_the_first_to_the_last() -> None:
    card = a_posted_card(3)
    batch = TimelineBatch(thread_key="key", of_group=False, entries=(entry(GOES_ON, card), entry(ENDS, card)))
    (receipt,) = receipts_of(DONE, PendingDelivery(a_delivery(body=batch), (card,)), at(4))
    assert (receipt.form, receipt.since, receipt.until) == (MessageForm.THREAD, GOES_ON.at, ENDS.at)


@pytest.mark.parametrize("broadcast", [True, False])
def test_a_receipt_tells_a_line_of_the_channel_from_an_entry_of_a_thread(broadcast: bool) -> None:
    card = a_posted_card(3)
    row = a_delivery(body=replace(entry(ENDS, card), broadcast=broadcast))
    (receipt,) = receipts_of(DONE, PendingDelivery(row, (card,)), at(4))
    assert (receipt.form, receipt.broadcast) == (MessageForm.THREAD, broadcast)


def test_a_digest_and_a_summary_have_receipts_for_their_pipelines() -> None:
    digested = DigestEntry(pipeline=a_pipeline(), counts={Event.FAILED: 2}, since=at(1), until=at(3), last=ENDS)
    digest = PendingDelivery(a_delivery(body=Digest(key="digest", entries=(digested,))), ())
    held = PendingDelivery(a_delivery(body=HeldPages(key="held", limit=5, entries=(digested,))), ())
    forms = [receipt.form for pending in (digest, held) for receipt in receipts_of(DONE, pending, at(4))]
    assert forms == [MessageForm.DIGEST, MessageForm.SUMMARY]


def test_a_late_page_names_the_people_for_each_failure() -> None:
    failure = OpenFailure(pipeline=a_pipeline(), card_key="key", since=at(1))
    page = Notice(kind=NoticeKind.LATE_PAGE, at=at(2), targets=(a_person(label="Ann"),), failures=(failure,))
    (receipt,) = receipts_of(DONE, PendingDelivery(a_delivery(body=page, made_at=at(2)), (a_posted_card(0),)), at(4))
    assert (receipt.form, receipt.since, receipt.paged) == (MessageForm.PAGE, at(2), ("Ann",))


def test_a_pager_s_message_counts_for_each_failure() -> None:
    failure = PagedFailure(key="key", pipeline=a_pipeline(), since=at(1))
    event = PagerEvent(action=PagerAction.TRIGGER, key="key", failures=(failure,))
    row = a_delivery(body=event, made_at=at(1), receiver=Receiver(TEAM, ReceiverKind("pagerduty"), "ops"))
    (receipt,) = receipts_of(DONE, PendingDelivery(row, ()), at(4))
    assert (receipt.conversation, receipt.form) == ("pagerduty:ops", MessageForm.PAGER)


def test_a_refused_message_says_why() -> None:
    card = PostedCard(content=a_card(), revision=1)
    (receipt,) = receipts_of(Drop("msg_too_long"), PendingDelivery(a_delivery(), (card,)), at(4))
    assert receipt.refused == "msg_too_long"


def test_a_message_that_was_not_needed_has_no_receipt() -> None:
    nothing_new = PendingDelivery(a_delivery(), (a_posted_card(3),))
    recheck = PendingDelivery(a_delivery(body=Recheck(of="key")), ())
    assert receipts_of(Drop("there is nothing new to show"), nothing_new, at(4)) == ()
    assert receipts_of(Gone("message_not_found"), PendingDelivery(a_delivery(), (a_posted_card(2),)), at(4)) == ()
    assert receipts_of(DONE, recheck, at(4)) == ()
