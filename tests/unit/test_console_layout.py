"""The buttons of every state of a card or group: at most three in sight, at most five in a menu, and no entry lost."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.card import Card, Group, PageOrigin
from bot.domain.catalogue import Pipeline
from bot.domain.episode import Acknowledgement, Episode, EpisodeKind, EpisodeOutcome
from bot.domain.escalation import Policy, PolicyStep, opened_page
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.setup import SetupKind
from bot.domain.silence import SilenceNote
from bot.domain.transition import PipelineState, Reach
from bot.domain.watch import API_PIPELINE_ID, ChannelId, UserId
from bot.slack.features.group_members import member_blocks
from bot.slack.mrkdwn import time_of_day
from bot.slack.render.blocks import message
from bot.slack.render.console import (
    MEMBER_LABELS,
    MENU_LABELS,
    CardAction,
    GroupAction,
    MemberAction,
    SnoozeTime,
)
from bot.slack.routes import ROUTES
from tests.builders import ALERTS, ANN, a_card, a_delivery, a_person, a_pipeline, an_episode, an_observation, at
from tests.unit.rendering import LOOK, NO_BREAK, shown, valid

BOB = UserId("U0BOB")
DIRECT = ChannelId("D0ANN")
ORIGIN = PageOrigin(by=BOB, name="Bob", channel=ALERTS, reference="*", label="*")


def answered_by(**more: Any) -> Acknowledgement:
    return Acknowledgement(by=BOB, at=at(9), name="Bob", place="#ops", channel=ALERTS, **more)


def a_failure(**changes: Any) -> Card:
    return a_card(replace(an_episode(), **changes))


def a_silence() -> SilenceNote:
    return SilenceNote(
        kind=SetupKind.MUTE, reference="pipe_0001", name="orders", by=ANN, by_name="Ann", at=at(3), until=at(7200)
    )


def gone() -> Card:
    card = a_card(an_episode(EpisodeKind.UNREADABLE))
    return replace(card, state=PipelineState(observation=an_observation(Phase.RUNNING), reach=Reach.GONE))


def with_page(episode: Episode, seconds: float = 300.0) -> Episode:
    policy = Policy(name="data", steps=(PolicyStep(targets=(a_person(BOB, label="bob"),), wait=timedelta(minutes=5)),))
    return replace(episode, pages=(opened_page("p", policy, at(seconds), (ALERTS,)),))


STATES: Mapping[str, Card] = {
    "open": a_failure(),
    "acknowledged": a_failure(acknowledged=answered_by()),
    "promised": a_failure(acknowledged=answered_by(until=at(1200))),
    "snoozed": a_failure(acknowledged=answered_by(until=at(1200), snoozed=True)),
    "resolved": a_failure(resolved=answered_by()),
    "recovered": a_failure(closed_at=at(91), outcome=EpisodeOutcome.RECOVERED),
    "paused": a_failure(closed_at=at(91), outcome=EpisodeOutcome.ON_PURPOSE),
    "unwatched": a_failure(closed_at=at(91), outcome=EpisodeOutcome.UNWATCHED),
    "muted": replace(a_failure(), silence=a_silence()),
    "gone": gone(),
    "paged gone": replace(gone(), episode=with_page(gone().episode)),
    "flapping": a_failure(flapping=True, times=7),
    "deploying": a_card(an_episode(EpisodeKind.DEPLOYMENT, phase=Phase.DEPLOYING)),
    "the API": replace(a_failure(), pipeline=Pipeline(id=API_PIPELINE_ID, name="The API", project="")),
}
ANSWERS = {"Acknowledge", "Take over"}


def elements_of(blocks: Any) -> list[dict[str, Any]]:
    plain = json.loads(json.dumps(list(blocks)).replace(NO_BREAK, " "))
    made = [element for block in plain if block["type"] == "actions" for element in block["elements"]]
    accessories = [block["accessory"] for block in plain if "accessory" in block]
    return [*made, *accessories]


def in_sight(elements: list[dict[str, Any]]) -> list[str]:
    shown = [element for element in elements if element["type"] != "overflow"]
    return [(element.get("text") or element["placeholder"])["text"] for element in shown]


def in_menus(elements: list[dict[str, Any]]) -> list[list[str]]:
    return [
        [option["text"]["text"] for option in element["options"]]
        for element in elements
        if element["type"] == "overflow"
    ]


def check(elements: list[dict[str, Any]]) -> None:
    """The limits, and that somebody answers each button."""
    assert len(in_sight(elements)) <= 3
    menus = in_menus(elements)
    assert len(menus) <= 1
    assert all(len(menu) <= 5 for menu in menus)
    assert {element["action_id"] for element in elements} <= ROUTES.buttons.keys()


def has_logs(card: Card) -> bool:
    is_failure = card.episode.kind is EpisodeKind.FAILURE and card.episode.open
    return is_failure and card.pipeline.id != API_PIPELINE_ID


def here(card: Card, channel: ChannelId) -> Card:
    return replace(card, channel=channel, origins=(ORIGIN,) if channel == DIRECT else ())


@pytest.mark.parametrize("channel", [ALERTS, DIRECT])
@pytest.mark.parametrize("name", STATES)
def test_a_card_shows_three_buttons_at_most(name: str, channel: ChannelId) -> None:
    card = here(STATES[name], channel)
    elements = elements_of(valid(LOOK.content(card, a_delivery(channel=channel), at(0))).blocks)
    check(elements)
    offered = {*in_sight(elements), *(label for menu in in_menus(elements) for label in menu)}
    answerable = card.episode.answerable
    assert bool(offered & ANSWERS) == answerable
    assert ("Snooze" in offered) == answerable
    assert (MENU_LABELS[CardAction.RESOLVE] in offered) == answerable
    assert "Refresh" in offered or card.pipeline.id == API_PIPELINE_ID
    assert ("Logs" in offered) == has_logs(card)
    watched = channel == ALERTS and card.episode.outcome is not EpisodeOutcome.UNWATCHED
    assert ("Unwatch" in offered) == (watched and card.pipeline.id != API_PIPELINE_ID)


@pytest.mark.parametrize("channel", [ALERTS, DIRECT])
@pytest.mark.parametrize("name", STATES)
def test_a_group_shows_three_buttons_at_most_and_offers_all_members(name: str, channel: ChannelId) -> None:
    group = Group(key="s" * 32, channel=channel, cards=members_in(channel, name, "recovered", "recovered"))
    elements = elements_of(valid(LOOK.content(group, a_delivery(channel=channel), at(0))).blocks)
    check(elements)
    offered = {*in_sight(elements), *(label for menu in in_menus(elements) for label in menu)}
    card = STATES[name]
    assert "Show all 3" in offered
    assert ("Acknowledge all" in offered) == card.episode.unanswered
    assert ("Snooze all" in offered) == card.episode.answerable
    assert ("Resolve all: end the paging" in offered) == card.episode.answerable
    assert ("Logs" in offered) == has_logs(group.cards[0])


def members_in(channel: ChannelId, *names: str) -> tuple[Card, ...]:
    return tuple(
        replace(
            here(STATES[name], channel),
            key=f"card-{number}",
            pipeline=a_pipeline(f"orders-{number}", pipeline_id=PipelineId(f"pipe_{number:04}")),
        )
        for number, name in enumerate(names)
    )


@pytest.mark.parametrize("channel", [ALERTS, DIRECT])
@pytest.mark.parametrize("name", STATES)
def test_the_menu_of_a_member_offers_what_its_card_offers(name: str, channel: ChannelId) -> None:
    (card,) = members_in(channel, name)
    blocks = member_blocks([card], "s" * 32, 1, LOOK.render_context)
    elements = elements_of(valid(message(blocks)).blocks)
    check(elements)
    offered = {label for menu in in_menus(elements) for label in menu}
    assert ("Logs of …" in in_sight(elements)) == has_logs(card)
    answerable, watched = card.episode.answerable, card.episode.outcome is not EpisodeOutcome.UNWATCHED
    assert bool(offered & ANSWERS) == answerable
    assert (MEMBER_LABELS[MemberAction.SNOOZE] in offered) == answerable
    assert (MEMBER_LABELS[MemberAction.RESOLVE] in offered) == answerable
    assert (MEMBER_LABELS[MemberAction.MUTE] in offered) == (card.episode.open and channel == ALERTS)
    assert (MEMBER_LABELS[MemberAction.UNWATCH] in offered) == (watched and channel == ALERTS)


@pytest.mark.parametrize("values", [CardAction, GroupAction, MemberAction, SnoozeTime])
def test_the_values_of_menus_never_change(values: Any) -> None:
    """People click buttons of old messages."""
    known = {
        CardAction: {"promise", "refresh", "logs", "mute", "resolve", "unwatch"},
        GroupAction: {"promise", "resolve", "members", "logs"},
        MemberAction: {"acknowledge", "take_over", "snooze", "mute", "resolve", "unwatch", "postmortem"},
        SnoozeTime: {"30m", "1h", "4h", "morning", "pick"},
    }
    assert {entry.value for entry in values} == known[values]


# --- the next call of a group ----------------------------------------------------------------------------------------


def group_text(*cards: Card) -> str:
    group = Group(key="s" * 32, channel=ALERTS, cards=cards)
    return valid(LOOK.content(group, a_delivery(), at(0))).text.replace(NO_BREAK, " ")


def test_a_group_names_the_next_call_once_with_its_earliest_time() -> None:
    first, second, third = members_in(ALERTS, "open", "open", "acknowledged")
    first = replace(first, episode=with_page(first.episode, 600))
    second = replace(second, episode=with_page(second.episode, 300))
    text = group_text(first, second, third)
    assert f"Next call by policy data at {time_of_day(at(300))}: @bob".replace(NO_BREAK, " ") in text
    assert text.count("Next call") == 1


def test_a_muted_or_acknowledged_member_has_no_next_call() -> None:
    muted, answered = members_in(ALERTS, "muted", "acknowledged")
    muted = replace(muted, episode=with_page(muted.episode))
    answered = replace(answered, episode=with_page(answered.episode))
    text = group_text(muted, answered)
    assert "Next call" not in text
    assert "muted by Ann until" in text.lower().replace("ann", "Ann")


def a_copy(**changes: Any) -> Card:
    """The card in the direct messages of a learner, while a page calls Bob."""
    episode = with_page(an_episode())
    learner = replace(a_person(ANN, label="ann"), direct=DIRECT)
    bob = a_person(BOB, label="bob")
    pages = tuple(replace(page, notified=(bob,), shadows=(learner,)) for page in episode.pages)
    return replace(a_card(replace(episode, pages=pages, **changes)), channel=DIRECT, origins=(ORIGIN,))


def test_a_copy_for_a_learner_says_so_and_asks_for_nothing() -> None:
    drawn = shown(a_copy())
    assert "Copy for you as a learner: you need not answer" in drawn.text
    assert set(in_sight(elements_of(drawn.blocks))) == {"Logs", "Refresh"}
    called = replace(a_copy(), channel=ALERTS)
    assert "learner" not in shown(called).text


def test_a_group_of_copies_asks_for_nothing_either() -> None:
    drawn = shown(Group(key="g" * 32, channel=DIRECT, cards=(a_copy(),)))
    assert "Copy for you as a learner: you need not answer" in drawn.text
    assert set(in_sight(elements_of(drawn.blocks))) == {"Show all 1", "Logs"}


def test_copies_offer_no_draft_after_the_end_either() -> None:
    over = a_copy(closed_at=at(60), outcome=EpisodeOutcome.RECOVERED)
    assert set(in_sight(elements_of(shown(over).blocks))) == {"Refresh"}
    group = Group(key="g" * 32, channel=DIRECT, cards=(over,))
    assert set(in_sight(elements_of(shown(group).blocks))) == {"Show all 1"}


def test_a_learner_can_answer_once_a_step_calls_them() -> None:
    card = a_copy()
    pages = tuple(replace(page, notified=(*page.notified, *page.shadows)) for page in card.episode.pages)
    drawn = shown(replace(card, episode=replace(card.episode, pages=pages)))
    assert "learner" not in drawn.text
    assert "Acknowledge" in set(in_sight(elements_of(drawn.blocks)))
