"""What a reader reads of an episode: its card and its thread."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.answer import PipelineView, StatusAnswer
from bot.domain.card import Card, Group, ThreadEntry, TimelineBatch
from bot.domain.delivery import Delay, Delivery
from bot.domain.episode import Acknowledgement, Episode, EpisodeKind, EpisodeOutcome, TimelineEntry
from bot.domain.observation import FailedReadKind, PipelineId, Reading
from bot.domain.page_plan import plan_acknowledgement
from bot.domain.phase import Intent, Phase
from bot.domain.plan import Plan, Record, plan_newcomer, plan_reading, plan_redrawn
from bot.domain.transition import Event, PipelineState, Reach
from bot.domain.watch import API_PIPELINE_ID, ChannelId, Target, TargetKind, UserId
from bot.slack.mrkdwn import from_to, time_of_day
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import RenderedMessage
from bot.slack.render.saved_question import SavedQuestion
from tests.builders import (
    ALERTS,
    ANN,
    ORDERS,
    a_card,
    a_delivery,
    a_failed_read,
    a_person,
    a_pipeline,
    a_routing,
    a_usergroup,
    a_watch,
    an_episode,
    an_observation,
    at,
)
from tests.unit.rendering import LOOK, Rendering, buttons, says, shown, tells_all, valid
from tests.unit.test_episode import story

RUNNING, FAILED, DEPLOYING = Phase.RUNNING, Phase.FAILED, Phase.DEPLOYING
PAUSED, STOPPING, STOPPED = Phase.PAUSED, Phase.STOPPING, Phase.STOPPED
HIBERNATING = Phase("Hibernating")
PAGED = (a_person(), a_usergroup(), Target(kind=TargetKind.HERE))


def blind(first: int, kind: FailedReadKind = FailedReadKind.FAULT) -> list[Reading]:
    return [a_failed_read(read, kind) for read in (first, first + 1, first + 2)]


def cards(*readings: Reading) -> list[RenderedMessage]:
    """Every drawing of every card, in order."""
    return [tells_all(valid(shown(card))) for plan in story(*readings) for card in plan.cards]


def lines(*readings: Reading) -> list[str]:
    messages = [delivery for plan in story(*readings) for delivery in plan.messages]
    return [tells_all(valid(shown(message.body))).text for message in messages if isinstance(message.body, ThreadEntry)]


def test_no_line_of_a_card_ends_in_a_bare_dash() -> None:
    for ready in (None, 0, 1, 3):
        for replicas in (None, 0, 2):
            for before in (FAILED, RUNNING, DEPLOYING):
                observation = an_observation(RUNNING, 2, ready=ready, replicas=replicas)
                for card in cards(an_observation(before, 1), observation):
                    assert not [line for line in card.text.split("\n") if line.rstrip().endswith(("—", "·", ","))]


def test_a_failure_that_may_not_be_over_is_never_shown_in_green() -> None:
    for ready, replicas in ((None, 2), (2, None), (None, None), (3, 2), (0, 0), (1, 2)):
        _, running = cards(an_observation(FAILED, 1), an_observation(RUNNING, 2, ready=ready, replicas=replicas))
        assert "large_green_circle" not in str(running.blocks), (ready, replicas)


# --- the card --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("readings", "says_now"),
    [
        (
            [an_observation(FAILED, 1, ready=0)],
            ["orders-eu failed", "0 of 1 ready", "already failed when I first read it"],
        ),
        ([an_observation(RUNNING, 1), an_observation(FAILED, 2, ready=0)], ["orders-eu failed", "12:00:02 UTC"]),
        ([an_observation(FAILED, 1), an_observation(DEPLOYING, 2)], ["failed, now deploying", "Failed at"]),
        ([an_observation(FAILED, 1), an_observation(RUNNING, 2, ready=0)], ["failed, now running, degraded"]),
        (
            [an_observation(FAILED, 1), an_observation(RUNNING, 2, ready=None, replicas=2)],
            [
                "failed, now running, readiness not reported",
                "2 replicas wanted",
                "GoldRush doesn't report how many replicas are ready, so I can't tell whether it has recovered.",
            ],
        ),
        (
            [an_observation(FAILED, 1), an_observation(RUNNING, 2, ready=3, replicas=2)],
            ["failed, now running, more replicas ready than wanted", "3 of 2 ready"],
        ),
        (
            [an_observation(RUNNING, 1), an_observation(RUNNING, 2, ready=0, replicas=0)],
            ["is degraded: 0 replicas wanted"],
        ),
        (
            [an_observation(RUNNING, 1), an_observation(RUNNING, 2, ready=0), an_observation(RUNNING, 3, ready=None)],
            ["was degraded, now its readiness is not reported: 1 replica wanted"],
        ),
        (
            [an_observation(DEPLOYING, 1), an_observation(RUNNING, 2, ready=None, replicas=None)],
            ["is running, readiness not reported"],
        ),
        (
            [an_observation(FAILED, 1), an_observation(RUNNING, 254)],
            [
                "orders-eu recovered after at least 4 min · <!date^1795435201^{time}|",
                "or earlier – <!date^1795435454^",
            ],
        ),
        ([an_observation(FAILED, 1), an_observation(PAUSED, 9)], ["failed, then paused · until <!date^1795435209^"]),
        (
            [an_observation(FAILED, 1), an_observation(STOPPED, 9, intent=Intent.PAUSED)],
            ["failed, then stopped · until <!date^1795435209^"],
        ),
        ([an_observation(FAILED, 1), *blind(2)], ["failed", "Now: can't be read, last seen FAILED"]),
        (
            [an_observation(FAILED, 1), *blind(2, FailedReadKind.NOT_FOUND)],
            ["failed", "Now: no longer visible: deleted, or access changed"],
        ),
        (
            [an_observation(FAILED, 1), *blind(2), an_observation(RUNNING, 61)],
            ["orders-eu recovered after at least 1 min · <!date"],
        ),
        (
            [an_observation(RUNNING, 1, ready=3, replicas=3), an_observation(RUNNING, 2, ready=1, replicas=3)],
            ["is degraded: 1 of 3 ready"],
        ),
        (
            [
                an_observation(RUNNING, 1, ready=3, replicas=3),
                an_observation(RUNNING, 2, ready=1, replicas=3),
                an_observation(RUNNING, 62, ready=3, replicas=3),
            ],
            ["has all replicas ready again after 1 min · <!date^1795435202^{time}|"],
        ),
        (
            [
                an_observation(RUNNING, 1, ready=3, replicas=3),
                an_observation(RUNNING, 2, ready=1, replicas=3),
                *blind(3),
            ],
            ["is degraded: 1 of 3 ready", "Now: can't be read, last seen RUNNING"],
        ),
        ([an_observation(RUNNING, 1), an_observation(DEPLOYING, 2)], ["is deploying", "Began at"]),
        ([an_observation(RUNNING, 1), an_observation(DEPLOYING, 2), *blind(3)], ["Now: can't be read"]),
        (
            [an_observation(RUNNING, 1), an_observation(DEPLOYING, 2), *blind(3, FailedReadKind.NOT_FOUND)],
            ["Now: no longer visible: deleted, or access changed"],
        ),
        (
            [an_observation(RUNNING, 1), an_observation(DEPLOYING, 2), an_observation(RUNNING, 3, ready=0)],
            ["is running, not live yet"],
        ),
        (
            [an_observation(RUNNING, 1), an_observation(DEPLOYING, 2), an_observation(RUNNING, 92)],
            ["is live after 1 min 30 s · <!date^1795435202^{time}|"],
        ),
        (
            [an_observation(RUNNING, 1), an_observation(PAUSED, 2)],
            ["is paused", "Nobody asked for this: it should be running"],
        ),
        ([an_observation(RUNNING, 1), an_observation(STOPPING, 2)], ["is stopping"]),
        (
            [an_observation(RUNNING, 1), an_observation(PAUSED, 2), *blind(3)],
            ["orders-eu can't be read, last seen PAUSED"],
        ),
        (
            [an_observation(RUNNING, 1), an_observation(PAUSED, 2), *blind(3, FailedReadKind.NOT_FOUND)],
            ["orders-eu is no longer visible: deleted, or access changed"],
        ),
        (
            [an_observation(RUNNING, 1), an_observation(RUNNING, 2, uid="uid-2")],
            ["restarted, now running: 1 of 1 ready"],
        ),
        ([an_observation(RUNNING, 1), *blind(2)], ["can't be read, last seen RUNNING", "no answer within 5 s"]),
        (blind(1), ["can't be read, never read yet"]),
        (
            [an_observation(RUNNING, 1), *blind(2, FailedReadKind.NOT_FOUND)],
            ["is no longer visible: deleted, or access changed", "lists it again"],
        ),
        ([an_observation(RUNNING, 1), *blind(2), an_observation(RUNNING, 64)], ["can be read again after 1 min"]),
        (
            [an_observation(RUNNING, 1), an_observation(HIBERNATING, 2)],
            ["reports Hibernating", "GoldRush doesn't document this phase"],
        ),
    ],
)
def test_the_latest_card_shows_the_state(readings: list[Reading], says_now: list[str]) -> None:
    text = cards(*readings)[-1].text
    for words in says_now:
        assert words in text, text


@pytest.mark.parametrize(
    "end", [an_observation(RUNNING, 254), an_observation(PAUSED, 254), *blind(254)[:1], an_observation(DEPLOYING, 254)]
)
def test_a_failure_older_than_the_first_reading_says_so_to_the_end(end: Reading) -> None:
    known, unknown = ([an_observation(RUNNING, 0), an_observation(FAILED, 1), end], [an_observation(FAILED, 1), end])
    assert "already failed when I first read it" in cards(*unknown)[-1].text
    assert "already" not in cards(*known)[-1].text


def test_a_state_at_the_first_reading_claims_no_start_or_length() -> None:
    failed, _, back = cards(an_observation(FAILED, 1), an_observation(DEPLOYING, 30), an_observation(RUNNING, 61))
    assert re.search(r"^Since <!date[^>]*> or earlier", failed.text, re.MULTILINE)
    over = r"recovered after at least 1 min · <!date[^>]*> or earlier – <!date[^>]*>$"
    assert re.search(over, back.text, re.MULTILINE)
    assert "recovered after at least 1 min" in lines(an_observation(FAILED, 1), an_observation(RUNNING, 61))[-1]


def test_a_deployment_that_was_under_way_when_it_was_first_read_began_earlier() -> None:
    readings = [an_observation(DEPLOYING, 1), an_observation(RUNNING, 9, ready=0), an_observation(RUNNING, 39)]
    text = cards(*readings)[-1].text
    assert "is live after at least 30 s" in text
    assert re.search(r"· until <!date[^>]*>$", text, re.MULTILINE)
    assert "at least" not in "".join(lines(an_observation(RUNNING, 0), *readings))


def test_the_card_of_a_failure_that_is_over_says_so_in_one_line() -> None:
    readings = [an_observation(RUNNING, 0), an_observation(FAILED, 1), an_observation(RUNNING, 254)]
    head, facts, *_ = cards(*readings)[-1].text.split("\n")
    assert re.fullmatch(r"orders-eu recovered after 4 min · <!date[^>]*> – <!date[^>]*>", head)
    assert facts.startswith("shop · ")


@pytest.mark.parametrize(("until", "moments"), [(2, 1), (60, 1), (61, 2), (3000, 2)])
def test_an_episode_under_a_minute_shows_one_timestamp(until: int, moments: int) -> None:
    """Also where the two minutes differ: 12:00:50 and 12:01:10 are twenty seconds apart."""
    began = an_observation(RUNNING, 0)
    for thread_of in ([FAILED, RUNNING], [DEPLOYING, RUNNING], [PAUSED, RUNNING], [HIBERNATING, RUNNING]):
        first, last = thread_of
        card = next(
            card
            for card in reversed(cards(began, an_observation(first, 1), an_observation(last, until)))
            if " · <!date" in card.text and "is live · " not in card.text
        )
        assert card.text.split("\n")[0].count("<!date") == moments


@pytest.mark.parametrize("until", [31, 91])
def test_the_card_of_a_recovered_failure_first_shows_when_it_failed(until: int) -> None:
    readings = [an_observation(RUNNING, 0), an_observation(FAILED, 1), an_observation(RUNNING, until)]
    moments = [re.findall(r"<!date\^(\d+)", cards(*part)[-1].text)[0] for part in (readings, readings[:2])]
    assert moments[0] == moments[1]


def test_card_and_entry_report_a_recovery_in_the_same_words() -> None:
    readings = [an_observation(RUNNING, 0), an_observation(FAILED, 1), an_observation(RUNNING, 254)]
    assert lines(*readings)[-1] == "orders-eu recovered after 4 min"
    assert cards(*readings)[-1].text.startswith("orders-eu recovered after 4 min · ")
    assert cards(*readings)[-1].text.count("recovered") == 1


@pytest.mark.parametrize(
    ("readings", "precision"),
    [
        ([an_observation(RUNNING, 0), an_observation(FAILED, 1), an_observation(RUNNING, 2)], "1 s"),
        ([an_observation(RUNNING, 0), an_observation(FAILED, 5), an_observation(RUNNING, 605)], "10 min"),
        ([an_observation(RUNNING, 0), an_observation(FAILED, 15), an_observation(RUNNING, 80)], "2 min"),
        ([an_observation(FAILED, 15), an_observation(RUNNING, 20)], ""),  # since when, nobody knows
        ([an_observation(RUNNING, 0), an_observation(FAILED, 15)], ""),
        ([an_observation(RUNNING, 0), an_observation(FAILED, 15), an_observation(PAUSED, 20)], ""),
    ],
)
def test_a_downtime_says_how_exact_it_is(readings: list[Reading], precision: str) -> None:
    text = cards(*readings)[-1].text
    assert f" · downtime give or take {precision} ·" in text if precision else "give or take" not in text


@pytest.mark.parametrize(
    ("readings", "longest"),
    [
        ([an_observation(RUNNING, 0), an_observation(FAILED, 15), an_observation(RUNNING, 20)], "20 s"),
        ([an_observation(RUNNING, 0), an_observation(FAILED, 49), an_observation(RUNNING, 60)], "1 min"),
        ([an_observation(RUNNING, 0), *blind(5), an_observation(FAILED, 30), an_observation(RUNNING, 40)], "40 s"),
    ],
)
def test_an_uncertainty_beyond_the_downtime_becomes_its_limit(readings: list[Reading], longest: str) -> None:
    text = cards(*readings)[-1].text
    assert f" · downtime at most {longest} ·" in text
    assert "give or take" not in text


@pytest.mark.parametrize(
    ("before", "says_at_the_end"),
    [
        ([an_observation(DEPLOYING, 2)], "was deploying, then failed · "),
        ([an_observation(DEPLOYING, 2), *blind(3)], "was deploying, then failed · "),
        ([an_observation(RUNNING, 2, ready=0)], "was degraded for 1 min, then failed · "),
        ([an_observation(PAUSED, 2)], "was paused for 1 min, then failed · "),
        ([an_observation(STOPPING, 1), an_observation(STOPPED, 2)], "was stopped for 1 min 1 s, then failed · "),
        ([an_observation(PAUSED, 2), *blind(3)], "was paused for 1 min, then failed · "),
        ([an_observation(HIBERNATING, 2)], "reported Hibernating for 1 min, then failed · "),
    ],
)
def test_an_interrupted_episode_names_its_successor(before: list[Reading], says_at_the_end: str) -> None:
    *_, cut_off, failure = cards(an_observation(RUNNING, 0), *before, an_observation(FAILED, 62, ready=0))
    assert says_at_the_end in cut_off.text
    assert "orders-eu failed" in failure.text


def test_every_kind_of_episode_has_a_card_at_every_outcome() -> None:
    entries = (TimelineEntry(revision=1, at=at(1), events=(Event.FAILED,), phase=FAILED),)
    for kind in EpisodeKind:
        for outcome in [None, *EpisodeOutcome]:
            for reach in Reach:
                for timeline in ((), entries):
                    episode = replace(
                        an_episode(kind), timeline=timeline, outcome=outcome, closed_at=at(99) if outcome else None
                    )
                    card = replace(a_card(episode), state=PipelineState(reach=reach))
                    assert "orders-eu" in tells_all(valid(shown(card))).text


@pytest.mark.parametrize("kind", EpisodeKind)
def test_an_unwatched_card_shows_the_last_state_and_no_updates(kind: EpisodeKind) -> None:
    episode = replace(an_episode(kind), outcome=EpisodeOutcome.UNWATCHED, closed_at=at(99))
    message = tells_all(valid(shown(a_card(episode))))
    assert message.text.startswith("orders-eu is no longer watched here. This channel gets no further updates on this")
    assert re.search(r"Began at <!date\^[^>]*>, last seen FAILED", message.text)
    assert "until" not in message.text
    assert set(buttons(message)) == {"Refresh"}


def test_an_unwatched_card_says_when_the_pipeline_was_unreadable() -> None:
    episode = replace(an_episode(EpisodeKind.UNREADABLE), outcome=EpisodeOutcome.UNWATCHED, closed_at=at(99))
    unread = replace(a_card(episode), state=PipelineState(reach=Reach.UNREACHABLE))
    assert ">, can't be read" in tells_all(valid(shown(unread))).text


def test_the_outage_of_the_api_has_no_buttons_and_claims_nothing() -> None:
    episode = replace(
        an_episode(EpisodeKind.UNREADABLE),
        timeline=(TimelineEntry(revision=1, at=at(1), events=(Event.UNREACHABLE,), reason="401: the key was revoked"),),
    )
    pipeline = a_pipeline("GoldRush's API", pipeline_id=API_PIPELINE_ID, project="")
    message = valid(shown(replace(a_card(episode, pipeline=pipeline), state=PipelineState(reach=Reach.UNREACHABLE))))
    assert "can't be read" in message.text
    assert "401: the key was revoked" in message.text
    assert "Until this is over, I can't tell whether pipelines are healthy." in message.text

    assert buttons(message) == {}
    over = replace(episode, closed_at=at(61), outcome=EpisodeOutcome.READABLE)
    assert (
        "can be read again after 1 min" in shown(replace(a_card(over, pipeline=pipeline), state=PipelineState())).text
    )


def test_the_outage_of_the_api_says_when_it_is_read_again() -> None:
    line = TimelineEntry(revision=1, at=at(1), events=(Event.UNREACHABLE,), reason="429: slow down.", until=at(600))
    episode = replace(an_episode(EpisodeKind.UNREADABLE), timeline=(line,))
    pipeline = a_pipeline("GoldRush API", pipeline_id=API_PIPELINE_ID, project="")
    text = valid(shown(replace(a_card(episode, pipeline=pipeline), state=PipelineState(reach=Reach.UNREACHABLE)))).text
    assert "429: slow down." in text
    assert f"I'll try again at <!date^{int(at(600).timestamp())}^" in text
    assert "Until then I can't tell whether pipelines are healthy." in text


def test_a_card_with_a_failed_refresh_leads_with_that() -> None:
    record = story(an_observation(RUNNING, 1, ready=2, replicas=2), an_observation(RUNNING, 2, ready=1, replicas=2))[-1]
    plan = plan_redrawn(record.record, a_routing(), unread_at=at(99))
    assert plan is not None
    first = tells_all(valid(shown(plan.cards[0]))).text.split("\n")[0]
    assert first.startswith("Couldn't be read at ")
    assert "Last seen at" in first
    again = plan_redrawn(plan.record, a_routing())
    assert again is not None
    assert "Couldn't be read" not in shown(again.cards[0]).text


# --- whom it calls ---------------------------------------------------------------------------------------------------


def test_an_open_failure_mentions_its_page_targets() -> None:
    message = valid(shown(replace(a_card(), targets=PAGED)))
    assert "<@U0ANN> <!subteam^S0ONCALL> <!here> please take a look and acknowledge." in message.text
    assert any("<@U0ANN> <!subteam^S0ONCALL> <!here>" in text for text in says(message))


@pytest.mark.parametrize(
    "episode",
    [
        replace(an_episode(), acknowledged=Acknowledgement(by=UserId("U0BOB"), at=at(9))),
        replace(an_episode(), closed_at=at(9), outcome=EpisodeOutcome.RECOVERED),
        *(an_episode(kind) for kind in EpisodeKind if kind is not EpisodeKind.FAILURE),
    ],
)
def test_only_an_open_unacknowledged_failure_mentions_anyone(episode: Episode) -> None:
    message = valid(shown(replace(a_card(episode), targets=PAGED)))
    for text in [message.text, *says(message)]:
        assert not any(mention in text for mention in ("<@U0ANN>", "<!subteam", "<!here>"))


def test_an_acknowledgement_shows_person_and_time() -> None:
    record = story(an_observation(FAILED, 1))[-1].record
    plan = plan_acknowledgement(
        record,
        a_routing(a_watch(targets=PAGED)),
        Acknowledgement(by=UserId("U0BOB"), at=at(9), name="Bob", place="a private channel"),
    )
    assert plan is not None
    text = tells_all(valid(shown(plan.cards[0]))).text
    assert "Acknowledged by Bob in a private channel at <!date^1795435209^" in text
    assert "please take a look" not in text


@pytest.mark.parametrize("place", ["#data-alerts", "a private channel"])
def test_an_acknowledgement_does_not_name_the_channel_that_shows_it(place: str) -> None:
    record = story(an_observation(FAILED, 1))[-1].record
    there = a_routing(a_watch(), a_watch(channel=ChannelId("C0OTHER")))
    plan = plan_acknowledgement(
        record, there, Acknowledgement(by=ANN, at=at(9), name="Ann", place=place, channel=ALERTS)
    )
    assert plan is not None
    entry = plan.record.episode.timeline[-1] if plan.record.episode else None
    assert entry is not None
    line = ThreadEntry(card_key="k", pipeline=a_pipeline(), entry=entry)
    together = TimelineBatch(thread_key="k", of_group=True, entries=(line,))
    by_channel = {card.channel: card for card in plan.cards}
    for channel, words in ((ALERTS, "by Ann"), (ChannelId("C0OTHER"), f"by Ann in {place}")):
        card = by_channel.get(channel) or replace(by_channel[ALERTS], channel=channel)
        assert f"Acknowledged {words} at" in shown(card).text
        assert shown(line, channel=channel).text == f"Acknowledged {words}"
        assert shown(together, channel=channel).text == f"orders-eu acknowledged {words}"
        rows = "\n".join(says(shown(Group(key="s", channel=channel, cards=(card, card)))))
        assert f":eyes: {words.removeprefix('by ')} · <https" in rows


@pytest.mark.parametrize("number", [1, 20, 300, 1000])
def test_the_first_of_many_page_targets_are_mentioned(number: int) -> None:
    crowd = tuple(a_person(f"U1{place:04}") for place in range(number))
    card = replace(a_card(), targets=crowd)
    for message in (shown(card), shown(Group(key="s", channel=ALERTS, cards=(card, card, card)))):
        called = [target for target in crowd if f"<@{target.id}>" in valid(message).text]
        assert called == list(crowd[: len(called)])
        assert len(called) >= min(number, 100)


# --- buttons ---------------------------------------------------------------------------------------------------------


def all_text(message: RenderedMessage) -> str:
    return "\n".join(says(message))


def menu_entries(message: RenderedMessage) -> dict[str, list[str]]:
    """The labels in each menu of a message, by its action id."""
    blocks: Any = message.blocks
    elements = [element for block in blocks if block["type"] == "actions" for element in block["elements"]]
    menus = [element for element in elements if element["type"] in {"overflow", "static_select"}]
    return {menu["action_id"]: [option["text"]["text"] for option in menu["options"]] for menu in menus}


def test_an_open_failure_shows_three_buttons_and_a_menu() -> None:
    card = a_card()
    message = valid(shown(card))
    made = buttons(message)
    assert {label: button.action for label, button in made.items()} == {
        "Acknowledge": action_ids.ACKNOWLEDGE,
        "Logs": action_ids.LOGS,
    }
    for button in made.values():
        assert button.facts == {"pipeline": ORDERS, "card": card.key}
    menus = menu_entries(message)
    assert len(menus[action_ids.SNOOZE]) == 5
    assert menus[action_ids.CARD_MENU] == [
        "I'm looking, back in 20\xa0min",
        "Resolve: end the paging",
        "Mute …",
        "Unwatch",
        "Refresh",
    ]


def test_a_resolved_failure_can_no_longer_be_answered() -> None:
    resolved = replace(an_episode(), resolved=Acknowledgement(by=ANN, at=at(9), name="Ann"))
    message = valid(shown(a_card(resolved)))
    assert set(buttons(message)) == {"Logs", "Refresh", "Unwatch"}
    assert "Paging ended by Ann" in all_text(message)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Acknowledgement(by=ANN, at=at(9), name="Ann", until=at(1209)), "Acknowledged by Ann at"),
        (Acknowledgement(by=ANN, at=at(9), name="Ann", until=at(1209), snoozed=True), ":zzz: Snoozed by Ann until"),
    ],
)
def test_a_card_says_until_when_a_person_has_the_failure(answer: Acknowledgement, words: str) -> None:
    text = all_text(valid(shown(a_card(replace(an_episode(), acknowledged=answer)))))
    assert words in text
    assert f"<!date^{int(at(1209).timestamp())}^" in text


@pytest.mark.parametrize(
    ("card", "labels"),
    [
        (a_card(replace(an_episode(), acknowledged=Acknowledgement(by=ANN, at=at(9)))), {"Take over", "Logs"}),
        (
            a_card(replace(an_episode(), closed_at=at(9), outcome=EpisodeOutcome.RECOVERED)),
            {"Refresh", "Draft postmortem", "Unwatch"},
        ),
        (a_card(an_episode(EpisodeKind.DEPLOYMENT)), {"Refresh", "Unwatch"}),
        (a_card(channel=ChannelId("D0ANN")), {"Acknowledge", "Logs"}),
        (a_card(replace(an_episode(), closed_at=at(9)), channel=ChannelId("D0ANN")), {"Refresh"}),
    ],
)
def test_only_useful_buttons_are_shown(card: Card, labels: set[str]) -> None:
    assert set(buttons(valid(shown(card)))) == labels


def test_each_revision_has_a_block_id_of_its_own() -> None:
    def ids(revision: int) -> set[object]:
        return {block.get("block_id") for block in shown(a_card(an_episode(revision=revision))).blocks} - {None}

    assert ids(1)
    assert not ids(1) & ids(2)


# --- what stands below -----------------------------------------------------------------------------------------------


def test_the_card_says_which_pipeline_and_when_it_was_read() -> None:
    text = shown(a_card()).text
    for words in (
        "shop",
        "pipe_0001",
        "read at <!date^1795435201^{time_secs}|",
        "pipeline=pipe_0001|Open in GoldRush>",
    ):
        assert words in text
    never = shown(replace(a_card(), state=PipelineState(), pipeline=a_pipeline(project=""))).text
    assert "never read" in never


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("https://goldrush.dev/platform/", "<https://goldrush.dev/platform/|Open GoldRush Platform>"),
        ("https://g.dev/p/{pipeline_id}/", "<https://g.dev/p/pipe_0001/|Open in GoldRush>"),
        ("https://g.dev/{pipeline_id}?p={pipeline_id}", "<https://g.dev/pipe_0001?p=pipe_0001|Open in GoldRush>"),
    ],
)
def test_a_link_names_its_page(address: str, link: str) -> None:
    look = Rendering(command="/pipeline", platform_url=address)
    assert link in look.content(a_card(), a_delivery(), at(0)).text
    view = PipelineView(pipeline=a_pipeline(), state=a_card().state)
    assert link in look.answer(StatusAnswer(views=(view,), at=at(1)), SavedQuestion()).text


def test_an_id_that_is_no_address_stays_inside_its_link() -> None:
    message = valid(shown(a_card(pipeline=a_pipeline(pipeline_id=PipelineId("x|a> <!channel> &b")))))
    assert "pipeline=x%7Ca%3E%20%3C%21channel%3E%20%26b|Open" in message.text


@pytest.mark.parametrize(
    ("phase", "intent", "words"),
    [
        (FAILED, Intent.RUNNING, ""),
        (FAILED, Intent.PAUSED, "should be paused"),
        (RUNNING, Intent.PAUSED, "should be paused"),
        (DEPLOYING, Intent.RUNNING, ""),
        (PAUSED, Intent.RUNNING, "should be running"),
        (STOPPED, Intent.PAUSED, ""),
        (STOPPING, Intent.RUNNING, "should be running"),
        (FAILED, None, ""),
    ],
)
def test_a_card_shows_the_intent_when_it_differs_from_the_phase(
    phase: Phase, intent: Intent | None, words: str
) -> None:
    standing = PipelineState(observation=an_observation(phase), since=at(1))
    card = replace(a_card(), pipeline=replace(a_pipeline(), intent=intent), state=standing)
    text = shown(card).text
    assert words in text
    assert ("should be" in text) == bool(words)


def test_a_bounded_pipeline_that_stopped_is_possibly_finished() -> None:
    def card(bounded: bool) -> RenderedMessage:
        standing = PipelineState(observation=replace(an_observation(STOPPED), bounded=bounded))
        return shown(replace(a_card(an_episode(EpisodeKind.PAUSE, phase=STOPPED)), state=standing))

    assert "is stopped, possibly finished" in card(bounded=True).text
    assert "finished" not in card(bounded=False).text


def test_a_late_message_shows_its_delay() -> None:
    assert "late" not in shown(a_card(), late=29).text
    text = tells_all(valid(shown(a_card(), late=252))).text
    assert "Late by 4 min: read at <!date^1795435200^" in text
    assert "posted at <!date^1795435452^" in text


@pytest.mark.parametrize("delay", [None, *Delay])
def test_a_late_message_shows_its_reason(delay: Delay | None) -> None:
    text = tells_all(valid(shown(a_card(), late=60, delay=delay))).text
    why = phrases.DELAYS[delay] if delay else "other messages went first"
    assert text.endswith(f", because {why}.")
    assert "because" not in shown(a_card(), late=29, delay=delay).text


def test_distant_readings_show_a_time_range() -> None:
    text = tells_all(valid(shown(a_card(), late=60, earliest=at(-900)))).text
    assert "happened after <!date^1795434300^" in text
    assert "happened" not in shown(a_card(), late=60, earliest=at(-29)).text


def drawn(plan: Plan | None, seconds: float) -> str:
    assert plan is not None
    return LOOK.content(plan.cards[0], Delivery(message=plan.messages[0]), at(seconds)).text


def test_a_card_that_is_drawn_again_is_not_late() -> None:
    record = story(an_observation(FAILED, 1, ready=0, replicas=2))[-1].record
    fewer = plan_reading(record, an_observation(FAILED, 600, ready=1, replicas=2), a_routing())
    assert "late" not in drawn(fewer, 601)  # nothing new to tell, only other figures
    assert "late" not in drawn(plan_redrawn(fewer.record, a_routing()), 602)  # somebody clicked on Refresh
    routing = a_routing(a_watch(), a_watch(channel=ChannelId("C0OTHER")))
    assert "late" not in drawn(plan_newcomer(fewer.record, routing, ChannelId("C0OTHER")), 603)


@pytest.mark.parametrize("delay", Delay)
def test_a_possible_repeat_claims_no_lookup(delay: Delay) -> None:
    text = tells_all(valid(shown(a_card(), late=120, delay=delay, possible_repeat=True))).text
    assert "Possible repeat" in text
    assert "looked" not in text


def test_a_possible_repeat_says_so() -> None:
    assert "repeat" not in shown(a_card()).text
    for content in (a_card(), ThreadEntry(card_key="k", pipeline=a_pipeline(), entry=an_episode().timeline[0])):
        assert "Possible repeat" in tells_all(valid(shown(content, possible_repeat=True))).text


def test_the_plain_text_is_complete_without_blocks() -> None:
    rich, plain = shown(replace(a_card(), targets=PAGED)), shown(replace(a_card(), targets=PAGED), plain=True)
    assert plain.blocks == ()
    assert plain.text == rich.text


# --- the thread ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([an_observation(FAILED, 1), an_observation(DEPLOYING, 2, ready=0)], ["deploying: 0 of 1 ready"]),
        ([an_observation(FAILED, 1), an_observation(HIBERNATING, 2, ready=None)], ["Hibernating"]),
        (
            [an_observation(FAILED, 1), an_observation(RUNNING, 61)],
            ["orders-eu recovered after at least 1 min"],
        ),
        ([an_observation(FAILED, 1), an_observation(PAUSED, 61)], ["orders-eu is paused: 1 of 1 ready"]),
        (
            [an_observation(FAILED, 1), an_observation(FAILED, 2, uid="uid-2")],
            ["restarted, now failed: 1 of 1 ready"],
        ),
        (
            [an_observation(RUNNING, 1), an_observation(DEPLOYING, 2), an_observation(RUNNING, 62)],
            ["live after 1 min: 1 of 1 ready"],
        ),
        ([an_observation(FAILED, 1), an_observation(RUNNING, 2, ready=0)], ["running: 0 of 1 ready"]),
        ([an_observation(FAILED, 1), *blind(2)], ["can't be read: no answer within 5 s"]),
        (
            [an_observation(FAILED, 1), *blind(2, FailedReadKind.NOT_FOUND)],
            ["no longer visible: deleted, or access changed"],
        ),
        (
            [an_observation(FAILED, 1), *blind(2), an_observation(FAILED, 61)],
            ["can't be read: no answer within 5 s", "can be read again"],
        ),
        (
            [an_observation(FAILED, 1), *blind(2), an_observation(DEPLOYING, 61, ready=0)],
            ["can't be read: no answer within 5 s", "deploying: 0 of 1 ready"],
        ),
        (
            [an_observation(FAILED, 1), *blind(2), an_observation(RUNNING, 61)],
            ["can't be read: no answer within 5 s", "orders-eu recovered after at least 1 min"],
        ),
        ([*blind(1), an_observation(RUNNING, 63)], ["can be read again after 1 min"]),
    ],
)
def test_the_lines_of_a_thread(readings: list[Reading], expected: list[str]) -> None:
    assert lines(*readings) == expected


def test_an_acknowledgement_is_a_line_with_who() -> None:
    line = TimelineEntry(revision=2, at=at(9), events=(Event.ACKNOWLEDGED,), by=ANN, name="Ann", place="#data-alerts")
    text = shown(ThreadEntry(card_key="k", pipeline=a_pipeline(), entry=line)).text
    assert text == "Acknowledged by Ann in #data-alerts"
    broadcast = ThreadEntry(card_key="k", pipeline=a_pipeline(), entry=line, broadcast=True)
    assert shown(broadcast).text == "orders-eu acknowledged by Ann in #data-alerts"


def test_a_readable_pipeline_has_no_unread_symbol() -> None:
    line = TimelineEntry(revision=2, at=at(9), events=(Event.BACK,))
    message = shown(ThreadEntry(card_key="k", pipeline=a_pipeline(), entry=line))
    assert ":large_green_circle: *can be read again*" in "".join(says(message))


def test_a_line_that_comes_late_says_so() -> None:
    line = ThreadEntry(card_key="k", pipeline=a_pipeline(), entry=an_episode().timeline[0])
    assert "Late by 1 min" in tells_all(valid(shown(line, late=60))).text


def test_a_late_recovery_says_that_a_newer_failure_is_open() -> None:
    newer = replace(an_episode(), identity="failure|x#2", opened_at=at(20))
    renderer = replace(LOOK, record=lambda pipeline_id: Record(pipeline_id=pipeline_id, episode=newer))
    card = a_card(replace(an_episode(), closed_at=at(7), outcome=EpisodeOutcome.RECOVERED))
    line = TimelineEntry(
        revision=2, at=at(7), events=(Event.RECOVERED,), phase=RUNNING, ready=1, replicas=1, downtime_seconds=6
    )
    for late in (card, ThreadEntry(card_key="k", pipeline=a_pipeline(), entry=line, broadcast=True)):
        message = renderer.content(late, a_delivery(), at(25))
        head, *_ = message.text.split("\n")
        assert head.startswith(f"orders-eu recovered after 6 s, but failed again at {time_of_day(at(20))}")
        assert ":fast_forward: *orders-eu*" in str(message.blocks)
        assert "green" not in str(message.blocks)
        over = replace(
            LOOK, record=lambda pipeline_id: Record(pipeline_id=pipeline_id, episode=replace(newer, closed_at=at(22)))
        )
        assert "green" in str(over.content(late, a_delivery(), at(25)).blocks)


def test_a_closed_episode_shows_start_and_end() -> None:
    """`Since` beside “then running” would read as if it ran since then."""
    drawn = cards(an_observation(RUNNING, 1), an_observation(PAUSED, 2, ready=0), an_observation(RUNNING, 90))
    assert any("Since <!date" in message.text and "is paused" in message.text for message in drawn)
    (over,) = [message for message in drawn if "was paused" in message.text]
    assert re.search(r"was paused for 1 min 28 s, then running · <!date[^>]*> – <!date[^>]*>", over.text)
    assert "since" not in over.text


DAY = 86_400


@pytest.mark.parametrize(
    ("before", "head"),
    [
        ([an_observation(RUNNING, 0)], "orders-eu failed after at least 3 days healthy"),
        ([an_observation(RUNNING, 0), *blind(9)], "orders-eu failed after at least 3 days healthy"),
        ([an_observation(DEPLOYING, 0), an_observation(RUNNING, 60)], "orders-eu failed after 3 days healthy"),
        ([an_observation(RUNNING, 0, ready=0), an_observation(RUNNING, DAY)], "orders-eu failed after 2 days healthy"),
        ([an_observation(PAUSED, 0)], "orders-eu failed"),
        ([an_observation(RUNNING, 0, ready=0)], "orders-eu failed"),
        ([], "orders-eu failed"),
    ],
)
def test_a_failure_says_how_long_the_pipeline_had_been_healthy(before: list[Reading], head: str) -> None:
    assert cards(*before, an_observation(FAILED, 3 * DAY))[-1].text.split("\n")[0] == head


def test_a_failure_in_a_deployment_says_when_the_pipeline_was_healthy_last() -> None:
    deployed = [an_observation(RUNNING, 0), an_observation(DEPLOYING, 7800), an_observation(FAILED, 7900)]
    head, since, *_ = cards(*deployed)[-1].text.split("\n")
    assert head == "orders-eu failed"
    assert re.search(
        r"^Since <!date[^>]*> · last healthy <!date\^1795443000\^[^>]*>, for at least 2 h 10 min · ", since
    )


def test_an_open_failure_shows_the_healthy_time_since_the_last_recovery() -> None:
    failed = [an_observation(DEPLOYING, 0), an_observation(RUNNING, 9), an_observation(FAILED, 69)]
    assert "after 1 min healthy" in cards(*failed, *blind(70))[-1].text
    assert "after 1 min healthy" in cards(*failed, an_observation(DEPLOYING, 75))[-1].text
    again = [*failed, an_observation(RUNNING, 100), an_observation(FAILED, 1000)]
    assert cards(*again)[-1].text.startswith("orders-eu failed after 15 min healthy\n")
    soon = [*failed, an_observation(RUNNING, 100), an_observation(FAILED, 107)]
    assert cards(*soon)[-1].text.startswith("orders-eu failed again, 2nd time in 38 s\n")
    assert "healthy" not in cards(*failed, an_observation(RUNNING, 100))[-1].text


HOUR = 3600


def running(first: int, end: int) -> list[Reading]:
    """Readings every nine minutes."""
    return [an_observation(RUNNING, second) for second in range(first, end, 540)]


def gapped(*readings: Reading) -> list[Plan]:
    """As `story`, with gaps of ten minutes or more."""
    return story(*readings, gap_from=timedelta(minutes=10))


@pytest.mark.parametrize(
    ("readings", "first_line", "gap"),
    [
        # Nobody read between the last live reading and the failure.
        (
            [an_observation(RUNNING, 0), an_observation(FAILED, 300)],
            "orders-eu failed after at least 5 min healthy",
            None,
        ),
        ([an_observation(RUNNING, 0), an_observation(FAILED, HOUR)], "orders-eu failed", (0, HOUR)),
        (
            [an_observation(RUNNING, 0), an_observation(RUNNING, 300), an_observation(FAILED, HOUR)],
            "orders-eu failed after at least 5 min healthy",
            (300, HOUR),
        ),
        # In the middle of the healthy time.
        (
            [an_observation(RUNNING, 0), an_observation(RUNNING, HOUR), an_observation(FAILED, HOUR + 300)],
            "orders-eu failed after at least 1 h 5 min healthy",
            (0, HOUR),
        ),
        # Too short a part of it to matter.
        (
            [an_observation(RUNNING, 0), *running(HOUR, 2 * DAY), an_observation(FAILED, 2 * DAY)],
            "orders-eu failed after at least 2 days healthy",
            None,
        ),
        # In the failure.
        (
            [an_observation(FAILED, 0), an_observation(FAILED, HOUR), an_observation(RUNNING, HOUR + 60)],
            "orders-eu recovered after at least 1 h 1 min · ",
            (0, HOUR),
        ),
        (
            [an_observation(RUNNING, 0, ready=0), an_observation(FAILED, 1), an_observation(RUNNING, HOUR)],
            "orders-eu recovered after 1 h",
            (1, HOUR),
        ),
        # Before it began, or after its end.
        (
            [an_observation(RUNNING, 0), an_observation(PAUSED, HOUR), an_observation(FAILED, HOUR + 9)],
            "orders-eu failed",
            None,
        ),
    ],
)
def test_a_card_names_the_time_in_which_nobody_read_the_pipeline(
    readings: list[Reading], first_line: str, gap: tuple[float, float] | None
) -> None:
    card = [card for plan in gapped(*readings) for card in plan.cards][-1]
    text = tells_all(valid(shown(card))).text
    assert text.startswith(first_line)
    unread = f"I didn't read it {from_to(at(gap[0]), at(gap[1]))}." if gap else ""
    assert ("I didn't read it" in text) is (gap is not None)
    assert unread in text


def test_a_card_names_each_gap_within_its_failure() -> None:
    healthy = [an_observation(RUNNING, 0), an_observation(RUNNING, HOUR)]  # this gap is over before the failure
    failed = [an_observation(FAILED, hours * HOUR + 60) for hours in (1, 2, 4)]
    text = tells_all(
        valid(shown(gapped(*healthy, *failed, an_observation(RUNNING, 4 * HOUR + 120))[-1].cards[-1]))
    ).text
    first, second = from_to(at(HOUR + 60), at(2 * HOUR + 60)), from_to(at(2 * HOUR + 60), at(4 * HOUR + 60))
    assert f"I didn't read it {first}, and {second}." in text
    assert from_to(at(0), at(HOUR)) not in text


def test_a_card_names_the_latest_gaps_only() -> None:
    failed = [an_observation(FAILED, hours * HOUR) for hours in range(8)]
    plans = gapped(*failed, an_observation(RUNNING, 7 * HOUR + 60))
    assert [gap.since for gap in plans[-1].cards[-1].episode.earlier_gaps] == [at(hours * HOUR) for hours in (3, 4, 5)]


def test_the_line_of_a_recovery_names_the_gap_within_the_failure() -> None:
    plans = gapped(an_observation(FAILED, 0), an_observation(FAILED, HOUR), an_observation(RUNNING, HOUR + 60))
    bodies = [message.body for plan in plans for message in plan.messages]
    (text,) = [tells_all(valid(shown(body))).text for body in bodies if isinstance(body, ThreadEntry)]
    assert f"recovered after at least 1 h 1 min (not read {from_to(at(0), at(HOUR))})" in text


def test_an_old_live_row_counts_as_healthy_time() -> None:
    record = story(an_observation(RUNNING, 0))[-1].record
    older = replace(record, state=replace(record.state, healthy=None))
    card = plan_reading(older, an_observation(FAILED, 60), a_routing()).cards[0]
    assert "failed after at least 1 min healthy" in shown(card).text
