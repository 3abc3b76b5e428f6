"""What a page says of itself, its button, the summary, and the cap on targets."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.answer import StopPagingAnswer
from bot.domain.card import Card, Group, PageOrigin
from bot.domain.episode import EpisodeKind, EpisodeOutcome, TimelineEntry
from bot.domain.note import Guidance, Note, NoteKind
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Record, plan_reading
from bot.domain.summary import DigestEntry, HeldPages
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, Target, TargetKind, UserId
from bot.slack.features.watch.targets import too_many, too_many_words
from bot.slack.grammar.clauses import TargetWord
from bot.slack.render.saved_question import SavedQuestion
from tests.builders import ALERTS, ANN, a_card, a_person, a_pipeline, a_routing, a_watch, an_episode, an_observation, at
from tests.unit.rendering import LOOK, buttons, says, shown

DIRECT = ChannelId("D0BOB")
ORIGIN = PageOrigin(by=ANN, name="Ann Araya", channel=ALERTS)
BOB = a_person("U0BOB", direct=DIRECT)


def a_page(*origins: PageOrigin, channel: ChannelId = DIRECT) -> Card:
    return replace(a_card(channel=channel), origins=origins)


def cards_of(*targets: Target, made_by_name: str = "Ann Araya") -> dict[ChannelId, Card]:
    watch = replace(a_watch(targets=targets), made_by_name=made_by_name)
    plan = plan_reading(Record(pipeline_id=a_pipeline().id), an_observation(Phase.FAILED, ready=0), a_routing(watch))
    return {card.channel: card for card in plan.cards}


def test_each_page_shows_its_maker_and_channel() -> None:
    cards = cards_of(BOB)
    assert cards[DIRECT].origins == cards[ALERTS].origins == (replace(ORIGIN, reference=a_pipeline().id),)


def test_a_card_without_targets_names_nobody() -> None:
    assert cards_of()[ALERTS].origins == ()


@pytest.mark.parametrize("kind", [kind for kind in EpisodeKind if kind is not EpisodeKind.FAILURE])
def test_only_failures_page(kind: EpisodeKind) -> None:
    routing = a_routing(a_watch(targets=(BOB,)))
    failed = plan_reading(Record(pipeline_id=a_pipeline().id), an_observation(Phase.FAILED, ready=0), routing).record
    plan = plan_reading(failed, an_observation(Phase.PAUSED, 2, ready=0), routing)
    assert [card.origins for card in plan.cards if card.episode.kind is kind] in ([], [()])


def test_the_direct_message_names_maker_and_channel_without_a_ping() -> None:
    text = shown(a_page(ORIGIN)).text
    assert "Paging set up by Ann Araya in <#C0ALERTS>" in text
    assert f"<@{ANN}>" not in text


def test_the_channel_says_who() -> None:
    assert "Paging set up by Ann Araya in this channel" in shown(a_page(ORIGIN, channel=ALERTS)).text


def test_a_direct_message_says_you() -> None:
    own = replace(ORIGIN, channel=DIRECT)
    assert "You set up this page here" in shown(a_page(own)).text
    assert "Paging set up by Ann Araya in <#C0ALERTS>; you here" in shown(a_page(ORIGIN, own)).text


def test_a_maker_name_is_plain_text() -> None:
    nasty = replace(ORIGIN, name="<!channel> & *x*")
    assert "<!channel>" not in "".join(says(shown(a_page(nasty))))


def test_many_origins_are_counted() -> None:
    origins = [PageOrigin(by=UserId(f"U{n}"), name=f"Person {n}", channel=ALERTS) for n in range(8)]
    text = shown(a_page(*origins)).text
    assert "Person 4" in text
    assert "3 more" in text
    assert "Person 5" not in text


def test_only_a_direct_page_has_the_button() -> None:
    button = buttons(shown(a_page(ORIGIN)))["Stop paging me"]
    assert (button.action, button.facts["pipeline"], button.asks_first) == ("stop_paging", a_pipeline().id, True)
    assert "Stop paging me" not in buttons(shown(a_page(ORIGIN, channel=ALERTS)))
    assert "Stop paging me" not in buttons(shown(a_page(replace(ORIGIN, channel=DIRECT))))


def test_a_failure_that_is_over_has_none() -> None:
    over = replace(a_page(ORIGIN), episode=replace(an_episode(), closed_at=at(60)))
    assert "Stop paging me" not in buttons(shown(over))


def test_many_failures_in_one_direct_message_have_one() -> None:
    cards = tuple(
        replace(a_page(ORIGIN), key=f"{n}" * 32, pipeline=a_pipeline(f"p-{n}", pipeline_id=PipelineId(f"pipe_{n}")))
        for n in range(3)
    )
    message = shown(Group(key="s" * 32, channel=DIRECT, cards=cards))
    assert message.text.count("Paging set up by Ann Araya") == 1
    assert buttons(message)["Stop paging me"].facts["group"] == "s" * 32


def a_summary(pipelines: int, limit: int = 10) -> HeldPages:
    line = TimelineEntry(revision=1, at=at(1), events=(Event.FAILED,), phase=Phase.FAILED)
    entries = [
        DigestEntry(
            pipeline=a_pipeline(f"orders-{n:02}", pipeline_id=PipelineId(f"pipe_{n:02}")),
            counts=Counter({Event.FAILED: 3}),
            since=at(0),
            until=at(1),
            last=line,
        )
        for n in range(pipelines)
    ]
    return HeldPages(key="h" * 32, limit=limit, entries=tuple(entries))


def test_the_summary_lists_held_pages_and_its_next_time() -> None:
    message = shown(a_summary(2))
    assert "I held back direct messages about 2 pipelines" in message.text
    assert "at most 10 pages an hour" in message.text
    assert "orders-00 failed 3×" in message.text
    assert "next summary comes at" in message.text
    assert buttons(message)["Stop paging me"].facts["pipelines"] == "pipe_00 pipe_01"


def test_a_long_summary_counts_the_rest() -> None:
    text = shown(a_summary(200)).text
    assert "… and 170 more" in text


def test_stop_paging_names_makers_and_offers_all_pipelines() -> None:
    watch = replace(a_watch(targets=(BOB,)), made_by_name="Ann Araya")
    answer = StopPagingAnswer(by=UserId("U0BOB"), pipelines=(a_pipeline(),), stopped=(watch,), others=2, at=at(0))
    message = LOOK.answer(answer, SavedQuestion())
    assert "I no longer page you when orders-eu fails" in message.text
    assert "Ann Araya in <#C0ALERTS>" in message.text
    assert "2 other watches still page you" in message.text
    assert buttons(message)["Stop all pages"].action == "stop_all_paging"


def test_stop_paging_names_each_watch_and_its_pipelines() -> None:
    every = a_watch("*", targets=(BOB,))
    orders = a_watch("orders-*", channel=ChannelId("C0TEAM"), targets=(BOB, a_person("U0CAT", label="Cat")))
    one = replace(a_watch("pipe_0001", targets=(BOB,)), label="orders-eu")
    stopped = (every, orders, one)
    answer = StopPagingAnswer(
        by=UserId("U0BOB"), pipelines=(a_pipeline(),), stopped=stopped, covers=(9, 1, 1), others=0, at=at(0)
    )
    expected = (
        "`*` in <#C0ALERTS> (9 pipelines). It pages nobody now.",
        "`orders-*` in <#C0TEAM> (1 pipeline). It still pages",
        "orders-eu in <#C0ALERTS>. It pages nobody now.",
    )
    text = LOOK.answer(answer, SavedQuestion()).text
    assert all(f"You're off {words}" in text for words in expected)
    unpaged = tuple(replace(watch, targets=tuple(t for t in watch.targets if t != BOB)) for watch in stopped)
    kind = NoticeKind.PAGING_STOPPED
    for channel in (None, ALERTS):
        notice = Notice(
            kind=kind, at=at(0), by=UserId("U0BOB"), by_name="Bob", watches=unpaged, covers=(9, 1, 1), channel=channel
        )
        assert all(f"• {words}" in shown(notice).text for words in expected)


def asked_first(*origins: PageOrigin) -> str:
    blocks: Any = shown(a_page(*origins)).blocks
    elements = [element for block in blocks for element in block.get("elements", [])]
    (stop,) = [element for element in elements if element.get("action_id") == "stop_paging"]
    return str(stop["confirm"]["text"]["text"])


def test_the_dialog_names_each_watch_that_is_left() -> None:
    team = replace(ORIGIN, channel=ChannelId("C0TEAM"), reference="orders-*")
    text = asked_first(replace(ORIGIN, reference="*"), team, replace(ORIGIN, reference="pipe_1", label="<orders> & eu"))
    assert "`*` in <#C0ALERTS>; `orders-*` in <#C0TEAM>; " in text
    assert "<orders>" not in text
    assert "for everything they cover" in text


def test_the_dialog_names_the_persons_own_watch_too() -> None:
    text = asked_first(replace(ORIGIN, reference="*"), replace(ORIGIN, channel=DIRECT, reference="orders-*"))
    assert "`*` in <#C0ALERTS>; `orders-*` in your direct messages" in text


def test_the_dialog_fits_any_watch_names() -> None:
    origins = [replace(ORIGIN, channel=ChannelId(f"C0123456{n:04}"), reference="<&" * 90 + "*") for n in range(30)]
    text = asked_first(*origins)
    assert "27\u00a0more" in text
    assert len(text) <= 300


def test_an_earlier_versions_dialog_names_no_watch() -> None:
    assert "for everything they cover" in asked_first(ORIGIN)


def test_a_person_who_left_gets_no_unwatched_notice() -> None:
    episode = replace(an_episode(), outcome=EpisodeOutcome.UNWATCHED, closed_at=at(99))
    runbook = Note(kind=NoteKind.RUNBOOK, reference="*", text="https://wiki.example.com/orders", by=ANN, at=at(0))
    guidance = Guidance(runbook=runbook)
    card = replace(a_page(), episode=episode, continues_in=(ALERTS,), guidance=guidance)
    text = shown(card).text
    assert "You're no longer paged for orders-eu. Updates continue in <#C0ALERTS>." in text
    assert "no longer watched" not in text
    assert "https://wiki.example.com/orders" in text
    cards = tuple(replace(card, key=f"{n}" * 32) for n in range(3))
    text = shown(Group(key="s" * 32, channel=DIRECT, cards=cards)).text  # the same pipeline failed three times
    assert "You're no longer paged for this pipeline. Updates continue in <#C0ALERTS>." in text
    assert "no longer watched" not in text
    cards = tuple(
        replace(one, pipeline=replace(one.pipeline, id=PipelineId(f"pipe_{n}"))) for n, one in enumerate(cards)
    )
    text = shown(Group(key="s" * 32, channel=DIRECT, cards=cards)).text
    assert "You're no longer paged for these 3 pipelines. Updates continue in <#C0ALERTS>." in text


def test_the_answer_to_a_second_click_says_that_nothing_changed() -> None:
    message = LOOK.answer(
        StopPagingAnswer(by=UserId("U0BOB"), pipelines=(a_pipeline(),), stopped=(), others=0, at=at(0)), SavedQuestion()
    )
    assert "No watch pages you when orders-eu fails. Nothing was changed." in message.text
    assert buttons(message) == {}


def test_the_stop_paging_notice_pings_nobody() -> None:
    kind, by = NoticeKind.PAGING_STOPPED, UserId("U0BOB")
    notice = Notice(kind=kind, at=at(0), by=by, by_name="Bob", watches=(a_watch(),), channel=ALERTS)
    text = shown(notice).text
    assert "Bob is no longer paged by your watches in <#C0ALERTS>" in text
    assert "<@" not in text


def people(number: int) -> tuple[Target, ...]:
    return tuple(a_person(f"U{n:05}") for n in range(number))


@pytest.mark.parametrize(("number", "refused"), [(0, False), (20, False), (21, True), (40, True)])
def test_a_watch_pages_so_many_targets_at_most(number: int, *, refused: bool) -> None:
    refusal = too_many(people(number), 20)
    assert (refusal is not None) == refused
    if refusal:
        assert f"you named {number}. Nothing was changed." in refusal.reason


def test_the_same_person_counts_once_and_each_kind_counts() -> None:
    assert too_many((*people(20), *people(20)), 20) is None
    assert too_many((*people(20), Target(kind=TargetKind.HERE)), 20)
    assert too_many((*people(20), Target(kind=TargetKind.USERGROUP, id="S1")), 20)


def test_slack_is_not_asked_for_more_people_than_may_be_paged() -> None:
    words = [TargetWord(TargetKind.USER, id=f"U{n}") for n in range(21)]
    assert too_many_words(words, 20)
    assert too_many_words(words[:20] * 3, 20) is None
    names = [TargetWord(TargetKind.USER, name=f"name {n}") for n in range(40)]
    assert too_many_words(names, 20) is None  # they may all mean one person
