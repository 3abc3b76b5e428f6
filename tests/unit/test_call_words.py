"""The text and the button of a repeated call."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from bot.domain.notice import CallEnd, CallEndKind, CallReason, Notice, NoticeKind, OpenFailure, PageCall
from bot.domain.observation import PipelineId
from bot.slack.mrkdwn import time_of_day
from bot.slack.render import action_ids
from bot.slack.render.call_words import call_lines, over_lines
from bot.slack.render.notices import render_notice
from bot.slack.render.render_context import RenderContext
from tests.builders import a_delivery, a_person, a_pipeline, at


def rendered(*cards: str) -> tuple[str, list[dict[str, Any]]]:
    """The text, and the buttons."""
    failures = tuple(
        OpenFailure(
            pipeline=a_pipeline(f"orders-{place}", pipeline_id=PipelineId(f"pipe_{place}")), card_key=card, since=at(0)
        )
        for place, card in enumerate(cards, 1)
    )
    call = Notice(
        kind=NoticeKind.CALL_AGAIN,
        at=at(0),
        targets=(a_person(),),
        failures=failures,
        call=PageCall(reason=CallReason.REPEATED),
    )
    message = render_notice(call, a_delivery("call", call), RenderContext(platform_url="", command="/pipeline"))
    blocks: Sequence[Any] = [block for block in message.blocks if block["type"] == "actions"]
    return message.text, [element for block in blocks for element in block["elements"]]


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (PageCall(reason=CallReason.PROMISE_MISSED, promised_by="Bob"), "The time that Bob asked for is over."),
        (PageCall(reason=CallReason.PROMISE_MISSED, promised_by="Bob", snoozed=True), "Bob's snooze is over."),
        (PageCall(reason=CallReason.PROMISE_MISSED), "The time that somebody asked for is over."),
    ],
)
def test_a_call_after_a_missed_promise_names_the_person_who_gave_it(call: PageCall, why: str) -> None:
    lines = call_lines(Notice(kind=NoticeKind.CALL_AGAIN, at=at(0), call=call), has_button=True)
    assert lines[1] == why


@pytest.mark.parametrize(
    ("count", "words"), [(1, "*orders-0* needs you again, since "), (2, "2 pipelines need you again: *orders-0*")]
)
def test_a_call_about_a_problem_that_came_back_says_so(count: int, words: str) -> None:
    """It may come before the thread's entry, and a pipeline that recovered does not need anybody *still*."""
    failures = [
        OpenFailure(pipeline=a_pipeline(f"orders-{number}"), card_key=str(number), since=at(0))
        for number in range(count)
    ]
    call = PageCall(reason=CallReason.FAILED_AGAIN)
    notice = Notice(kind=NoticeKind.CALL_AGAIN, at=at(0), call=call, failures=tuple(failures))
    assert call_lines(notice, has_button=True)[0].startswith(f":rotating_light: {words}")


def test_a_call_about_one_failure_acknowledges_it() -> None:
    _, (button,) = rendered("one")
    assert button["action_id"] == action_ids.ACKNOWLEDGE
    assert json.loads(button["value"])["card"] == "one"


def test_a_call_about_several_failures_acknowledges_all_of_them() -> None:
    text, (button,) = rendered("one", "two")
    assert button["action_id"] == action_ids.ACKNOWLEDGE_CALLED
    assert button["text"]["text"] == "Acknowledge all"
    assert json.loads(button["value"]) == {"cards": "one two"}
    assert "on their cards" not in text


def test_a_call_about_more_failures_than_a_button_holds_points_to_the_cards() -> None:
    text, buttons = rendered(*(f"{number:032}" for number in range(100)))
    assert buttons == []
    assert "Acknowledge on their cards." in text


def test_a_call_that_ended_otherwise_points_to_the_card() -> None:
    end = CallEnd(kind=CallEndKind.OVER, at=at(60))
    failure = OpenFailure(pipeline=a_pipeline("orders"), card_key="one", since=at(0), end=end)
    over = Notice(kind=NoticeKind.CALL_OVER, at=at(0), failures=(failure,))
    shown = f":information_source: *orders* stopped needing you at {time_of_day(at(60))}. Its card says why."
    assert over_lines(over)[0] == shown
