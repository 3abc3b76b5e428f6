"""Block Kit's limits. At the limit a message passes; past it, the refusal names the place."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.server import Sandbox
from sandbox.slack.blocks import check_message, check_view
from tests.contract.slack_rig import web_client

Block = dict[str, Any]


def plain(text: str = "x") -> Block:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "x") -> Block:
    return {"type": "mrkdwn", "text": text}


def section(text: str = "x", **more: Any) -> Block:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(text: str = "x", **more: Any) -> Block:
    return {"type": "button", "text": plain(text), **more}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def option(text: str = "x", value: str = "v") -> Block:
    return {"text": plain(text), "value": value}


def select(options: int = 1, **more: Any) -> Block:
    return {"type": "static_select", "options": [option() for _ in range(options)], **more}


def table(rows: int = 1, columns: int = 1) -> Block:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * columns] * rows}


def focused_input(block_id: str) -> Block:
    element = {"type": "plain_text_input", "focus_on_load": True}
    return {"type": "input", "block_id": block_id, "label": plain(), "element": element}


def modal(**more: Any) -> Block:
    return {"type": "modal", "title": plain(), "blocks": [section()], **more}


AT_THE_LIMIT: list[list[Block]] = [
    [section("x" * 3000)],
    [{"type": "section", "fields": [mrkdwn("x" * 2000)] * 10}],
    [{"type": "header", "text": plain("x" * 150)}],
    [{"type": "context", "elements": [mrkdwn()] * 10}],
    [actions(*[button() for _ in range(25)])],
    [actions(button("x" * 75, value="v" * 2000, action_id="a" * 255))],
    [actions(select(100))],
    [actions({"type": "overflow", "options": [option("x" * 75, "v" * 150)] * 5})],
    [section(block_id="b" * 255)],
    [{"type": "markdown", "text": "x" * 12_000}],
    [table(rows=100, columns=20)],
    [{"type": "divider"}] * 50,
    [actions(button(action_id="same")), actions(button(action_id="same"))],
    [{"type": "section", "text": {"type": "plain_text", "text": "x", "emoji": True}}],
    [section(accessory={"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a"})],
]

PAST_THE_LIMIT: list[tuple[list[Block], str]] = [
    ([section("x" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    ([{"type": "section"}], "missing required field: text or fields [json-pointer:/blocks/0]"),
    (
        [{"type": "section", "fields": [mrkdwn()] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
    ),
    (
        [{"type": "section", "fields": [mrkdwn("x" * 2001)]}],
        "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
    ),
    (
        [{"type": "header", "text": plain("x" * 151)}],
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
    ),
    ([{"type": "header", "text": mrkdwn()}], "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]"),
    (
        [{"type": "context", "elements": [mrkdwn()] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    (
        [actions(*[button() for _ in range(26)])],
        "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
    ),
    ([actions()], "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"),
    (
        [actions(button("x" * 76))],
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
    ),
    (
        [actions(button(value="v" * 2001))],
        "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
    ),
    (
        [actions(button(action_id="a" * 256))],
        "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]",
    ),
    ([actions(button(style="huge"))], "must be a valid enum value [json-pointer:/blocks/0/elements/0/style]"),
    (
        [actions(button(colour="red"))],
        "invalid additional property: colour [json-pointer:/blocks/0/elements/0]",
    ),
    (
        [actions(select(101))],
        "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    (
        [actions({"type": "overflow", "options": [option()] * 6})],
        "no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    (
        [actions({"type": "static_select", "options": [option("x" * 76)]})],
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/options/0/text/text]",
    ),
    (
        [actions({"type": "static_select", "options": [option(value="v" * 151)]})],
        "must be less than 151 characters [json-pointer:/blocks/0/elements/0/options/0/value]",
    ),
    (
        [actions({"type": "plain_text_input"})],
        "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]",
    ),
    (
        [actions(button(action_id="same"), button(action_id="same"))],
        '`action_id` "same" already exists [json-pointer:/blocks/0/elements/1/action_id]',
    ),
    (
        [section(block_id="same"), section(block_id="same")],
        '`block_id` "same" already exists [json-pointer:/blocks/1/block_id]',
    ),
    (
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": True}}],
        "invalid additional property: emoji [json-pointer:/blocks/0/text]",
    ),
    ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    ([{"type": "sparkle"}], "unsupported type: sparkle [json-pointer:/blocks/0/type]"),
    ([{"type": "data_table"}], "unsupported type: data_table [json-pointer:/blocks/0/type]"),
    ([{"text": mrkdwn()}], "missing required field: type [json-pointer:/blocks/0]"),
    ([section(expand="yes")], "must be a boolean [json-pointer:/blocks/0/expand]"),
    (
        [section(accessory={"type": "external_select", "min_query_length": "3"})],
        "must be an integer [json-pointer:/blocks/0/accessory/min_query_length]",
    ),
    ([{"type": "section", "text": "x"}], "must provide an object [json-pointer:/blocks/0/text]"),
    ([{"type": "actions", "elements": button()}], "must provide an array [json-pointer:/blocks/0/elements]"),
    (
        [actions({"type": "static_select"})],
        "must provide either options or option_groups [json-pointer:/blocks/0/elements/0]",
    ),
    (
        [actions({"type": "static_select", "options": [option()], "initial_option": option(value="other")})],
        "initial option not found in the options [json-pointer:/blocks/0/elements/0]",
    ),
    (
        [actions({"type": "checkboxes", "options": [option()], "initial_options": [option(value="other")]})],
        "initial option not found in the options [json-pointer:/blocks/0/elements/0]",
    ),
    (
        [actions({"type": "radio_buttons", "options": [option()], "initial_option": option(value="other")})],
        "initial option not found in the options [json-pointer:/blocks/0/elements/0]",
    ),
    (
        [
            section(
                accessory={
                    "type": "multi_static_select",
                    "options": [option()],
                    "initial_options": [option(value="other")],
                }
            )
        ],
        "initial option not found in the options [json-pointer:/blocks/0/accessory]",
    ),
    (
        [section(accessory={"type": "datetimepicker"})],
        "unsupported type: datetimepicker [json-pointer:/blocks/0/accessory/type]",
    ),
    ([button()], "unsupported type: button [json-pointer:/blocks/0/type]"),
    (
        [{"type": "markdown", "text": "x" * 6_001}] * 2,
        "markdown text must be less than 12001 characters in all [json-pointer:/blocks]",
    ),
    ([table(rows=101)], "no more than 100 items allowed [json-pointer:/blocks/0/rows]"),
    ([table(columns=21)], "no more than 20 items allowed [json-pointer:/blocks/0/rows/0]"),
    ([table(), table()], "only_one_table_allowed [json-pointer:/blocks]"),
    (
        [{"type": "image", "image_url": "https://example.com/a.png"}],
        "missing required field: alt_text [json-pointer:/blocks/0]",
    ),
]


@pytest.mark.parametrize("blocks", AT_THE_LIMIT, ids=lambda blocks: blocks[0]["type"])
def test_a_message_at_the_limit_has_no_complaint(blocks: list[Block]) -> None:
    assert check_message(blocks) == []


@pytest.mark.parametrize(
    ("blocks", "complaint"), PAST_THE_LIMIT, ids=lambda case: case if isinstance(case, str) else ""
)
def test_a_complaint_past_the_limit_names_its_place(blocks: list[Block], complaint: str) -> None:
    assert complaint in check_message(blocks)


@pytest.mark.parametrize(
    ("view", "complaint"),
    [
        (modal(title=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
        (modal(submit=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/submit/text]"),
        (modal(private_metadata="x" * 3001), "must be less than 3001 characters [json-pointer:/view/private_metadata]"),
        (modal(blocks=[{"type": "divider"}] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
        (modal(blocks=[table()]), "unsupported type: table [json-pointer:/view/blocks/0/type]"),
        (
            modal(blocks=[{"type": "input", "label": plain(), "element": {"type": "plain_text_input"}}]),
            "missing required field: submit [json-pointer:/view]",
        ),
        (
            modal(submit=plain(), blocks=[focused_input("one"), focused_input("two")]),
            "only one element may have focus_on_load [json-pointer:/view/blocks]",
        ),
        ({"type": "home", "blocks": [], "title": plain()}, "invalid additional property: title [json-pointer:/view]"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_views_have_limits_of_their_own(view: Block, complaint: str) -> None:
    assert complaint in check_view(view)


def test_a_view_at_its_limits_passes() -> None:
    full = modal(title=plain("x" * 24), private_metadata="x" * 3000, blocks=[{"type": "divider"}] * 100)
    assert check_view(full) == []


# --- over the wire


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start() as started:
        yield started


@pytest.fixture
def client(sandbox: Sandbox) -> AsyncWebClient:
    return web_client(sandbox)


async def refused(client: AsyncWebClient, blocks: object) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as caught:
        await client.api_call("chat.postMessage", json={"channel": "C0ALERTS", "text": "x", "blocks": blocks})
    body: dict[str, Any] = caught.value.response.data
    return body


async def test_one_broken_rule_refuses_the_whole_message(sandbox: Sandbox, client: AsyncWebClient) -> None:
    body = await refused(client, [section(), section("x" * 3001)])
    complaint = "must be less than 3001 characters [json-pointer:/blocks/1/text/text]"
    assert body["error"] == "invalid_blocks"
    assert body["errors"] == [complaint]
    assert body["response_metadata"]["messages"] == [f"[ERROR] {complaint}"]
    assert sandbox.slack.messages("C0ALERTS") == []


async def test_slack_adds_missing_ids(sandbox: Sandbox, client: AsyncWebClient) -> None:
    image = {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a"}
    blocks = [section(accessory=image), section(accessory=button()), actions(button(), button(action_id="mine"))]
    await client.chat_postMessage(channel="C0ALERTS", text="x", blocks=blocks)
    first, second, third = sandbox.slack.messages("C0ALERTS")[0].blocks
    assert len({first["block_id"], second["block_id"], third["block_id"]}) == 3
    assert first["accessory"] == image
    assert second["accessory"]["action_id"]
    assert [bool(element["action_id"]) for element in third["elements"]] == [True, True]
    assert third["elements"][1]["action_id"] == "mine"


async def test_a_second_table_is_refused_as_an_attachment(client: AsyncWebClient) -> None:
    assert (await refused(client, [table(), table()]))["error"] == "invalid_attachments"


async def test_blocks_that_are_not_a_list_are_refused_before_their_rules(client: AsyncWebClient) -> None:
    assert (await refused(client, "[{"))["error"] == "invalid_blocks_format"
    assert (await refused(client, {"type": "divider"}))["error"] == "invalid_blocks_format"


async def test_all_blocks_together_have_a_limit_too(client: AsyncWebClient) -> None:
    assert (await refused(client, [section("x" * 2700) for _ in range(5)]))["error"] == "msg_blocks_too_long"
    fits = await client.chat_postMessage(channel="C0ALERTS", text="x", blocks=[section("x" * 2700)] * 4)
    assert fits["ok"] is True


async def test_a_modal_against_the_rules_is_refused_with_the_place(sandbox: Sandbox, client: AsyncWebClient) -> None:
    trigger = sandbox.slack.views.issue_trigger("U0ANN")
    with pytest.raises(SlackApiError) as caught:
        await client.views_open(trigger_id=trigger, view=modal(title=plain("x" * 25)))
    assert caught.value.response["error"] == "invalid_arguments"
    assert caught.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]


async def test_a_home_tab_of_more_than_250_kb_is_refused(client: AsyncWebClient) -> None:
    home = {"type": "home", "blocks": [section("x" * 2600) for _ in range(100)]}
    with pytest.raises(SlackApiError) as caught:
        await client.views_publish(user_id="U0ANN", view=home)
    assert caught.value.response["error"] == "view_too_large"
