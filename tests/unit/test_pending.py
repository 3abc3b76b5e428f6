"""What one delivery is to say, and whether it is still worth saying."""

from dataclasses import replace

import pytest

from bot.delivery.pending import PendingDelivery, recheck_of
from bot.domain.card import Card, PostedCard, ThreadEntry, TimelineBatch
from bot.domain.delivery import Delivery
from bot.domain.episode import EpisodeOutcome, TimelineEntry
from bot.domain.pager import PagedFailure, PagerAction, PagerEvent
from bot.domain.phase import Phase
from bot.domain.protocol import lookup_start
from bot.domain.transition import Event
from tests.builders import a_card, a_delivery, a_pipeline, an_episode, at

BEGINS = an_episode().timeline[0]
GOES_ON = TimelineEntry(revision=2, at=at(2), events=(Event.DEPLOYING,), phase=Phase.DEPLOYING)
ENDS = TimelineEntry(revision=3, at=at(3), events=(Event.RECOVERED,), phase=Phase.RUNNING, downtime_seconds=2.0)


def a_story_that_ended() -> Card:
    episode = replace(
        an_episode(), revision=3, timeline=(BEGINS, GOES_ON, ENDS), closed_at=at(3), outcome=EpisodeOutcome.RECOVERED
    )
    return a_card(episode)


def entry(line: TimelineEntry, card: PostedCard) -> ThreadEntry:
    return ThreadEntry(card_key=card.content.key, pipeline=a_pipeline(), entry=line, broadcast=line.ends)


@pytest.mark.parametrize("line", [GOES_ON, ENDS])
def test_a_thread_gets_every_entry_of_its_card(line: TimelineEntry) -> None:
    card = PostedCard(content=a_story_that_ended(), revision=3, message_id="1.1", shown_revision=3)
    assert PendingDelivery(a_delivery(body=entry(line, card)), (card,)).worth_sending
    batch = TimelineBatch(thread_key=card.content.key, of_group=False, entries=(entry(line, card),), broadcast=True)
    assert PendingDelivery(a_delivery(body=batch), (card,)).content == batch


def test_an_entry_vanishes_with_its_card() -> None:
    card = PostedCard(content=a_story_that_ended(), revision=3)
    assert not PendingDelivery(a_delivery(body=entry(ENDS, card)), ()).worth_sending


CHANNEL_LINK = "https://acme.slack.com/archives/C0ALERTS"


@pytest.mark.parametrize(
    ("message_id", "link"),
    [("1700000000.000100", f"{CHANNEL_LINK}/p1700000000000100"), (None, CHANNEL_LINK)],
    ids=["posted", "not posted yet"],
)
def test_a_page_links_to_the_card_and_never_waits_for_it(message_id: str | None, link: str) -> None:
    card = PostedCard(content=a_story_that_ended(), revision=3, message_id=message_id)
    failure = PagedFailure(
        key="k", pipeline=a_pipeline(), since=at(1), card_key=card.content.key, card_link=CHANNEL_LINK
    )
    event = PagerEvent(action=PagerAction.TRIGGER, key="k", failures=(failure,))
    pending = PendingDelivery(a_delivery(body=event), (card,))
    assert pending.worth_sending
    assert isinstance(content := pending.content, PagerEvent)
    assert [paged.card_link for paged in content.failures] == [link]
    unknown = PagerEvent(action=PagerAction.TRIGGER, key="k", failures=(replace(failure, card_link=""),))
    assert PendingDelivery(a_delivery(body=unknown), (card,)).content == unknown


def test_a_recheck_starts_before_the_first_attempt() -> None:
    row = a_delivery(made_at=at(0), sent_at=at(1800), count=6)
    assert lookup_start(Delivery(message=recheck_of(PendingDelivery(row, ()), at(1801)))) == lookup_start(row)
