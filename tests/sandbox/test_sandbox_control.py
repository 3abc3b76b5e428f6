"""The control API for the workspace, the state that the page draws, and the live stream."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.server import Sandbox
from sandbox.slack.faults import FaultKind
from tests.contract.slack_rig import bolt_app, over_http, over_socket

ALERTS = "C0ALERTS"
ANN = "U0ANN"


class Page:
    """Speaks to the control API as the page does."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str, **query: str) -> Any:
        async with self._session.get(f"/sandbox/{path}", params=query) as reply:
            return await reply.json()

    async def post(self, path: str, **body: Any) -> tuple[int, Any]:
        async with self._session.post(f"/sandbox/{path}", json=body) as reply:
            return reply.status, await reply.json()

    async def delete(self, path: str) -> int:
        async with self._session.delete(f"/sandbox/{path}") as reply:
            return reply.status


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start() as started:
        yield started


@pytest.fixture
async def page(sandbox: Sandbox) -> AsyncIterator[Page]:
    async with aiohttp.ClientSession(sandbox.url) as session:
        yield Page(session)


async def test_the_state_shows_everything_that_one_person_sees(sandbox: Sandbox, page: Page) -> None:
    client = bolt_app(sandbox).client
    root = await client.chat_postMessage(channel=ALERTS, text="Failed")
    await client.chat_postMessage(channel=ALERTS, text="why", thread_ts=root["ts"])
    await client.chat_postEphemeral(channel=ALERTS, user=ANN, text="only you")
    state = await page.get("state", user=ANN, channel=ALERTS)
    assert [message["text"] for message in state["conversation"]] == ["Failed", "only you"]
    assert [reply["text"] for reply in state["conversation"][0]["replies"]] == ["why"]
    assert [message["ephemeral"] for message in state["conversation"]] == [False, True]
    await client.chat_update(channel=ALERTS, ts=root["ts"], text="Running")
    edited = (await page.get("state", user=ANN, channel=ALERTS))["conversation"][0]
    assert (state["conversation"][0]["edited"], edited["edited"]) == (False, True)
    members = {channel["id"]: channel["is_member"] for channel in state["channels"]}
    assert (members[ALERTS], members["C0QUIET"]) == (True, True)
    assert state["bot"]["connected"] == "no"
    assert state["team"] == {"id": "T0SANDBOX", "name": "Acme Data"}
    assert {"orders-eu", "orders-us"} <= {pipeline["name"] for pipeline in state["pipelines"]}
    assert state["scenario"] == {"running": False}
    assert (state["view"], state["faults"]) == (None, [])


async def test_messages_of_unvisited_channels_are_unread(sandbox: Sandbox, page: Page) -> None:
    sandbox.slack.say("U0BOB", ALERTS, "look")
    assert await unread(page, channel="C0TEAM") == 1
    assert await unread(page, channel=ALERTS) == 0
    assert await unread(page, channel="C0TEAM") == 0


async def unread(page: Page, channel: str) -> int:
    state = await page.get("state", user=ANN, channel=channel)
    (count,) = (entry["unread"] for entry in state["channels"] if entry["id"] == ALERTS)
    assert isinstance(count, int)
    return count


async def test_private_channels_are_shown_to_their_members_only(page: Page) -> None:
    seen_by_ann = await page.get("state", user=ANN)
    seen_by_carol = await page.get("state", user="U0CAROL")
    assert "G0OPS" in {channel["id"] for channel in seen_by_ann["channels"]}
    assert "G0OPS" not in {channel["id"] for channel in seen_by_carol["channels"]}
    assert "error" in await page.get("state", user="U0CAROL", channel="G0OPS")


async def test_a_command_a_click_and_a_modal_go_through_the_page(sandbox: Sandbox, page: Page) -> None:
    app = bolt_app(sandbox)
    saved: list[str] = []
    button = {"type": "button", "action_id": "open", "text": {"type": "plain_text", "text": "Open"}}
    typed = {
        "type": "input",
        "block_id": "name",
        "label": {"type": "plain_text", "text": "Name"},
        "element": {"type": "plain_text_input", "action_id": "typed"},
    }
    title = {"type": "plain_text", "text": "Watch"}
    view = {"type": "modal", "callback_id": "watch", "title": title, "submit": title, "blocks": [typed]}

    @app.command("/pipeline")
    async def card(ack: Any, respond: Any) -> None:
        await ack()
        blocks = [{"type": "actions", "elements": [button]}]
        await respond(text="card", blocks=blocks, response_type="in_channel")

    @app.action("open")
    async def open_view(ack: Any, body: dict[str, Any]) -> None:
        await app.client.views_open(trigger_id=body["trigger_id"], view=view)
        await ack()

    @app.view("watch")
    async def save(ack: Any, view: dict[str, Any]) -> None:
        saved.append(view["state"]["values"]["name"]["typed"]["value"])
        await ack()

    async with over_socket(sandbox, app):
        assert await page.post("command", user=ANN, channel=ALERTS, text="/pipeline watch") == (
            200,
            {"ok": True, "error": None},
        )
        await sandbox.until(lambda: sandbox.slack.messages(ALERTS))
        ts = sandbox.slack.messages(ALERTS)[0].ts
        clicked = await page.post("click", user=ANN, channel=ALERTS, ts=ts, action_id="open")
        assert clicked == (200, {"ok": True, "error": None})
        assert (await page.get("state", user=ANN))["view"]["callback_id"] == "watch"
        status, answer = await page.post("view/submit", user=ANN, values={})
        assert (status, answer["error"]) == (409, "Please fill in “Name”.")
        await page.post("view/submit", user=ANN, values={"name": {"typed": "orders"}})
    assert saved == ["orders"]
    assert (await page.get("state", user=ANN))["view"] is None


async def test_words_without_a_slash_are_a_persons_message(sandbox: Sandbox, page: Page) -> None:
    await page.post("command", user=ANN, channel=ALERTS, text="hello @pipeline_bot & all")
    (message,) = sandbox.slack.messages(ALERTS)
    assert (message.user, message.text) == (ANN, "hello <@U0BOT> &amp; all")


async def test_a_command_cannot_be_used_in_a_thread(sandbox: Sandbox, page: Page) -> None:
    ts = sandbox.slack.say(ANN, ALERTS, "root").ts
    status, answer = await page.post("command", user=ANN, channel=ALERTS, text="/pipeline", thread_ts=ts)
    assert (status, "threads" in answer["error"]) == (409, True)


async def test_faults_of_both_stand_ins_are_set_shown_and_cleared(sandbox: Sandbox, page: Page) -> None:
    await page.post("faults", target="slack", method="chat.postMessage", kind="reset", when="after", times=2)
    await page.post("faults", target="goldrush", kind="server_error")
    fault = sandbox.slack.faults.active()["chat.postMessage"]
    assert (fault.kind, fault.when.value, fault.times) == (FaultKind.RESET, "after", 2)
    for given, meant in ({}, "internal_error"), ({"error": "fatal_error"}, "fatal_error"):
        await page.post("faults", target="slack", method="chat.update", kind="error", **given)
        assert sandbox.slack.faults.active()["chat.update"].error == meant
    state = await page.get("state", user=ANN)
    assert {fault["target"] for fault in state["faults"]} == {"slack", "goldrush"}
    assert await page.delete("faults") == 200
    assert (await page.get("state", user=ANN))["faults"] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"target": "moon", "kind": "reset"}),
        ("faults", {"target": "slack", "kind": "sunshine"}),
        ("faults", {"target": "slack", "kind": "reset", "when": "whenever"}),
        ("faults", {"target": "slack", "kind": "slow", "seconds": "long"}),
        ("faults", {"target": "goldrush", "kind": "sunshine"}),
        ("command", {"user": ANN, "channel": ALERTS}),
        ("command", {"user": ANN, "channel": ALERTS, "text": 7}),
        ("command", {"user": ANN, "channel": ALERTS, "text": "  "}),
        ("command", {"user": "U0NOBODY", "channel": ALERTS, "text": "hello"}),
        ("click", {"user": ANN, "channel": ALERTS, "ts": "1.0", "action_id": "x"}),
        ("view/submit", {"user": ANN, "values": {}}),
        ("view/submit", {"user": ANN, "values": {"name": "flat"}}),
        ("view/close", {"user": ANN}),
        ("channels/C0NOWHERE", {"action": "archive"}),
        (f"channels/{ALERTS}", {"action": "explode"}),
        (f"channels/{ALERTS}", {"action": "rename", "name": "general"}),
        ("request_url", {"url": "http://127.0.0.1:9/"}),
    ],
)
async def test_a_request_without_sense_gets_a_sentence(page: Page, path: str, body: dict[str, Any]) -> None:
    status, answer = await page.post(path, **body)
    assert 400 <= status < 500
    assert answer["error"]


async def test_a_body_that_is_no_json_object_is_refused(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession(sandbox.url) as session:
        for body in (b"{", b"[]", b"\xff"):
            async with session.post("/sandbox/command", data=body) as reply:
                assert 400 <= reply.status < 500
                assert "error" in await reply.json()


async def test_another_sites_page_may_not_control_the_sandbox(sandbox: Sandbox) -> None:
    body = {"user": ANN, "channel": ALERTS, "text": "hello"}
    async with aiohttp.ClientSession(sandbox.url) as session:
        statuses = []
        for origin in ("https://elsewhere.example", sandbox.url):
            async with session.post("/sandbox/command", json=body, headers={"Origin": origin}) as reply:
                statuses.append(reply.status)
    assert statuses == [403, 200]


async def test_channels_can_be_changed(sandbox: Sandbox, page: Page) -> None:
    for body in ({"action": "kick"}, {"action": "rename", "name": "alerts"}, {"action": "archive"}):
        assert await page.post(f"channels/{ALERTS}", **body) == (200, {"ok": True})
    state = await page.get("state", user=ANN)
    (channel,) = (entry for entry in state["channels"] if entry["id"] == ALERTS)
    assert (channel["name"], channel["archived"], channel["bot_is_member"]) == ("alerts", True, False)
    assert (await page.post(f"channels/{ALERTS}", action="invite"))[0] == 409
    await page.post(f"channels/{ALERTS}", action="unarchive")
    assert (await page.post(f"channels/{ALERTS}", action="invite"))[0] == 200


async def test_a_request_url_is_taken_once_it_answers_its_challenge(sandbox: Sandbox, page: Page) -> None:
    async with over_http(sandbox, bolt_app(sandbox)) as url:
        sandbox.slack.request_url = None
        assert (await page.post("request_url", url=url))[0] == 200
        assert sandbox.slack.request_url == url
        assert (await page.get("state", user=ANN))["bot"]["connected"] == "http"
        await page.post("request_url", url="")
        assert sandbox.slack.request_url is None


async def test_the_logs_can_be_read(sandbox: Sandbox, page: Page) -> None:
    await bolt_app(sandbox).client.chat_postMessage(channel=ALERTS, text="Failed")
    await page.post("command", user=ANN, channel=ALERTS, text="/pipeline")
    assert [entry["text"] for entry in await page.get("accepted")] == ["Failed"]
    assert [entry["method"] for entry in await page.get("calls")] == ["chat.postMessage"]
    assert [entry["ack"]["error"] for entry in await page.get("deliveries")] == ["dispatch_failed"]
    for limit in ("many", "0", "-1"):
        assert "error" in await page.get("calls", limit=limit)
    await page.post("command", user=ANN, channel=ALERTS, text="/pipeline")
    assert len(await page.get("deliveries", limit="1")) == 1


async def test_the_live_stream_names_the_changed_half(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession(sandbox.url) as session, session.get("/sandbox/live") as stream:
        assert stream.content_type == "text/event-stream"
        assert await stream.content.readuntil(b"\n\n") == b": open\n\n"
        sandbox.slack.say(ANN, ALERTS, "hello")
        assert await stream.content.readuntil(b"\n\n") == b'data: {"kind": "slack"}\n\n'
        sandbox.goldrush.set_phase(sandbox.goldrush.named("orders-eu").id, "FAILED")
        assert await stream.content.readuntil(b"\n\n") == b'data: {"kind": "goldrush"}\n\n'


async def test_a_scenario_starts_and_stops(sandbox: Sandbox, page: Page) -> None:
    await page.post("scenario", running=True)
    assert (await page.get("state", user=ANN))["scenario"] == {"running": True}
    await page.post("scenario", running=False)
    assert sandbox.scenario_running is False


async def test_one_port_serves_both_apis(sandbox: Sandbox) -> None:
    headers = {"Authorization": "Bearer demo-service-key"}
    async with aiohttp.ClientSession(sandbox.url, headers=headers) as session:
        async with session.get("/platform/pipeline-api/") as reply:
            assert reply.status == 200
        async with session.post("/api/api.test") as reply:
            assert (await reply.json())["ok"] is True
        async with session.get("/") as reply:
            assert reply.status == 200


async def test_background_tasks_end_with_the_sandbox() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    async with Sandbox.start() as sandbox:
        sandbox.slack.background.start(forever())
        await asyncio.sleep(0)
    assert ended == ["ended"]
