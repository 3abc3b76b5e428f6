"""The form behind *Watch a pipeline*: that Slack takes it, and how a submission is read."""

import json
from typing import Any

import pytest

from bot.domain.transition import SELECTABLE
from bot.domain.watch import ChannelId
from bot.slack.features.watch.form import CHANNEL, CONFIRM, EVENTS, LAG, PIPELINES, TARGETS, watch_form
from bot.slack.inbound.submissions import read_submission
from bot.slack.submission import Submission
from sandbox.slack.blocks import check_view
from tests.builders import ANN

DIRECT = ChannelId("D0ANN")


def form() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(watch_form(DIRECT, "/pipeline", 20)))
    return made


def test_slack_takes_it() -> None:
    assert check_view(form()) == []


def test_only_the_pipeline_is_required() -> None:
    fields = {block["block_id"]: block["optional"] for block in form()["blocks"] if block["type"] == "input"}
    assert fields == {PIPELINES: False, CHANNEL: True, EVENTS: True, TARGETS: True, LAG: True, CONFIRM: True}


def test_it_offers_every_event_of_the_command() -> None:
    (events,) = [block["element"] for block in form()["blocks"] if block.get("block_id") == EVENTS]
    assert [option["value"] for option in events["options"]] == [event.value for event in SELECTABLE]


def body(**view: object) -> dict[str, object]:
    values = {
        PIPELINES: {PIPELINES: {"type": "plain_text_input", "value": "orders-eu"}},
        CHANNEL: {CHANNEL: {"type": "conversations_select", "selected_conversation": None}},
        EVENTS: {EVENTS: {"type": "multi_static_select", "selected_options": [{"value": "failed"}, {"value": "gone"}]}},
        TARGETS: {TARGETS: {"type": "multi_users_select", "selected_users": ["U0BOB"]}},
    }
    made = {"callback_id": "watch", "private_metadata": DIRECT, "state": {"values": values}, **view}
    return {"trigger_id": "1.2.x", "user": {"id": ANN, "username": "ann", "team_id": "T1"}, "view": made}


def test_a_submission_is_read_and_kept_as_text() -> None:
    read = read_submission(body())
    assert read
    which, payload = read
    assert (which, payload["first"]) == ("1.2.x", PIPELINES)
    assert Submission.from_payload(payload) == Submission(
        modal="watch",
        user=ANN,
        channel=DIRECT,
        team="T1",
        handle="ann",
        values={PIPELINES: ("orders-eu",), CHANNEL: (), EVENTS: ("failed", "gone"), TARGETS: ("U0BOB",)},
    )


@pytest.mark.parametrize("values", [None, "x", {"pipelines": 5}, {"pipelines": {"p": 5}}, {"p": {"p": {"value": [5]}}}])
def test_a_submission_of_another_shape_holds_nothing(values: Any) -> None:
    read = read_submission(body(state={"values": values}))
    assert read
    assert Submission.from_payload(read[1]).text_in(PIPELINES) == ""


def test_without_a_conversation_there_is_nobody_to_answer() -> None:
    assert read_submission(body(private_metadata="")) is None
