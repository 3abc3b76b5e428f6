"""A posted call is edited once, when nobody is needed for any of its failures any more."""

from dataclasses import replace

from bot.delivery.pending import PendingDelivery
from bot.domain.card import PostedCard
from bot.domain.delivery import Delivery, Message, Priority
from bot.domain.ended_calls import ending_of, is_over
from bot.domain.episode import Acknowledgement, Episode, EpisodeOutcome
from bot.domain.notice import Notice
from bot.slack.outbound.metadata import metadata_to_attach
from bot.slack.render.notices import render_notice
from bot.slack.render.render_context import RenderContext
from tests.builders import ANN, a_card, a_delivery, an_episode, at
from tests.unit.test_call_merging import PAGE_ANN, a_call

ANSWER = Acknowledgement(by=ANN, at=at(420), name="Ann")
OPEN = an_episode()
ACKNOWLEDGED = replace(OPEN, acknowledged=ANSWER)


def card(key: str, episode: Episode) -> PostedCard:
    return PostedCard(content=replace(a_card(episode), key=key), revision=1, message_id="1.0")


def ending(*keys: str) -> Message:
    call = a_call("call", keys[0], PAGE_ANN)
    assert isinstance(call.body, Notice)
    failures = [body.failures[0] for key in keys if isinstance(body := a_call("call", key, PAGE_ANN).body, Notice)]
    call = a_delivery("call", replace(call.body, failures=tuple(failures)))
    found = ending_of(call, "7.5", at(400))
    assert found
    return found


def text(edit: Message, *cards: PostedCard) -> str:
    pending = PendingDelivery(Delivery(message=edit), cards)
    content = pending.content
    assert isinstance(content, Notice)
    return render_notice(content, pending.delivery, RenderContext(platform_url="", command="/pipeline")).text


def test_an_edit_posts_nothing_and_keeps_the_key_of_the_call() -> None:
    edit = ending("one")
    pending = PendingDelivery(Delivery(message=edit), (card("one", ACKNOWLEDGED),))
    assert (pending.updates, pending.message_id, pending.worth_sending) == (True, "7.5", True)
    assert edit.priority is Priority.UPDATE
    assert metadata_to_attach(pending.delivery, pending.content)["event_payload"] == {"key": "call"}


def test_a_call_is_over_once_each_failure_has_an_answer_or_an_end() -> None:
    edit = ending("one", "two")
    answered, waiting = card("one", ACKNOWLEDGED), card("two", OPEN)
    recovered = card("two", replace(OPEN, closed_at=at(500), outcome=EpisodeOutcome.RECOVERED))
    assert not is_over(edit, {"one": answered, "two": waiting})
    assert is_over(edit, {"one": answered, "two": recovered})
    assert is_over(edit, {"one": answered})  # the store forgot the other one


def test_the_edit_says_who_answered_and_mentions_nobody() -> None:
    shown = text(ending("one"), card("one", ACKNOWLEDGED))
    assert "orders-eu: Ann acknowledged at" in shown
    assert "This call is over." in shown
    assert "<@" not in shown


def test_the_edit_names_each_end() -> None:
    ends = {
        "Ann snoozed it at": replace(OPEN, acknowledged=replace(ANSWER, until=at(900), snoozed=True)),
        "Ann ended the paging at": replace(OPEN, resolved=ANSWER),
        "recovered at": replace(OPEN, closed_at=at(500), outcome=EpisodeOutcome.RECOVERED),
        "stopped needing you at": replace(OPEN, closed_at=at(500), outcome=EpisodeOutcome.UNWATCHED),
        "see its card": OPEN,
    }
    for words, episode in ends.items():
        assert words in text(ending("one"), card("one", episode))


def test_only_a_repeated_call_is_ended() -> None:
    assert ending_of(a_delivery("one"), "7.5", at(0)) is None
