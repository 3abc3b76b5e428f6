"""What one delivery is to say, and whether it is still worth saying."""

from dataclasses import replace

import pytest

from bot.delivery.pending import PendingDelivery, recheck_of
from bot.domain.card import Card, PostedCard, ThreadEntry, TimelineBatch
from bot.domain.delivery import Delivery, Found
from bot.domain.episode import Outcome, TimelineEntry
from bot.domain.phase import Phase
from bot.domain.protocol import oldest
from bot.domain.transition import Event
from bot.slack.outbound.metadata import lookup_result, metadata_in, metadata_of
from tests.builders import a_card, a_delivery, a_pipeline, an_episode, at

BEGINS = an_episode().timeline[0]
GOES_ON = TimelineEntry(revision=2, at=at(2), events=(Event.DEPLOYING,), phase=Phase.DEPLOYING)
ENDS = TimelineEntry(revision=3, at=at(3), events=(Event.RECOVERED,), phase=Phase.RUNNING, downtime_seconds=2.0)


def a_story_that_ended() -> Card:
    episode = replace(
        an_episode(), revision=3, timeline=(BEGINS, GOES_ON, ENDS), closed_at=at(3), outcome=Outcome.RECOVERED
    )
    return a_card(episode)


def posted(*, came_at: int) -> PostedCard:
    return PostedCard(content=a_story_that_ended(), revision=3, message_id="1.1", shown_revision=3, came_at=came_at)


def entry_of(line: TimelineEntry, card: PostedCard) -> ThreadEntry:
    return ThreadEntry(card_key=card.content.key, pipeline=a_pipeline(), entry=line, broadcast=line.ends)


@pytest.mark.parametrize(
    ("came_at", "line", "worth_it"),
    [(1, ENDS, True), (2, ENDS, True), (3, ENDS, False), (3, GOES_ON, True), (0, ENDS, True)],
)
def test_an_ending_on_its_card_is_not_repeated(came_at: int, line: TimelineEntry, worth_it: bool) -> None:
    card = posted(came_at=came_at)
    assert PendingDelivery(a_delivery(body=entry_of(line, card)), (card,)).worth_sending is worth_it


def test_an_ending_on_its_card_leaves_the_batch() -> None:
    card = posted(came_at=3)
    lines = TimelineBatch(
        thread_key=card.content.key,
        of_group=False,
        entries=(entry_of(GOES_ON, card), entry_of(ENDS, card)),
        broadcast=True,
    )
    content = PendingDelivery(a_delivery(body=lines), (card,)).content
    assert isinstance(content, TimelineBatch)
    assert [entry.entry for entry in content.entries] == [GOES_ON]
    assert not content.broadcast


@pytest.mark.parametrize("came_at", [0, 1, 3])
def test_with_which_revision_a_card_came_is_read_back_from_its_message(came_at: int) -> None:
    card = replace(posted(came_at=came_at), message_id=None, shown_revision=0)
    pending = PendingDelivery(a_delivery(card.content.key), (card,))
    message = {"user": "U0BOT", "ts": "9.9", "metadata": metadata_of(pending.delivery, pending.content)}
    found = lookup_result(metadata_in({"messages": [message]}, "U0BOT"), pending.lookup)
    assert found == Found(("9.9",), came_at={card.content.key: came_at or 3})


def test_a_recheck_starts_before_the_first_attempt() -> None:
    row = a_delivery(made_at=at(0), sent_at=at(1800), count=6)
    assert oldest(Delivery(message=recheck_of(PendingDelivery(row, ()), at(1801)))) == oldest(row)
