"""Socket Mode and interactivity, with a real Bolt app."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from sandbox.changes import Changes
from sandbox.server import Sandbox
from sandbox.slack.delivery import Kind, Transport
from sandbox.slack.interactions import Choice
from sandbox.slack.wire import Refused
from tests.contract.slack_rig import HandClock, bolt_app, over_socket, web_client

ALERTS = "C0ALERTS"
ANN, BOB = "U0ANN", "U0BOB"
BUTTON = {
    "type": "button",
    "action_id": "acknowledge",
    "value": "episode-1",
    "text": {"type": "plain_text", "text": "Acknowledge"},
}
CARD = [{"type": "actions", "block_id": "card", "elements": [BUTTON]}]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start() as started:
        started.slack.installation.hear_everything()
        yield started


@pytest.fixture
def app(sandbox: Sandbox) -> AsyncApp:
    return bolt_app(sandbox)


class Heard:
    """The payloads of the app's listeners, in order."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self._changes = Changes()

    async def listen(self, ack: Any, body: dict[str, Any]) -> None:
        await ack()
        self.bodies.append(body)
        self._changes.notify()

    async def something(self) -> None:
        """Waits for a listener, because Bolt acknowledges an event before its listener runs."""
        await self._changes.until(lambda: self.bodies, 5)


@pytest.fixture
def received() -> Heard:
    return Heard()


# --- connecting


async def test_the_url_of_a_socket_is_good_once(sandbox: Sandbox) -> None:
    client = web_client(sandbox)
    url = (await client.apps_connections_open(app_token="xapp-sandbox"))["url"]
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as ws:
            hello = await ws.receive_json()
            assert (hello["type"], hello["num_connections"]) == ("hello", 1)
            assert hello["debug_info"]["approximate_connection_time"] == 3600
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_the_url_of_a_socket_is_good_for_half_a_minute() -> None:
    clock = HandClock()
    async with Sandbox.start(clock=clock) as sandbox, aiohttp.ClientSession() as session:
        url = (await web_client(sandbox).apps_connections_open(app_token="xapp-sandbox"))["url"]
        clock.advance(31)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_the_bot_token_opens_no_socket(sandbox: Sandbox) -> None:
    with pytest.raises(SlackApiError) as caught:
        await web_client(sandbox).apps_connections_open(app_token="xoxb-sandbox")
    assert caught.value.response["error"] == "not_allowed_token_type"


async def test_an_eleventh_socket_is_turned_away(sandbox: Sandbox) -> None:
    sandbox.slack.limits.enabled = False
    async with aiohttp.ClientSession() as session:
        sockets = [await connect(sandbox, session) for _ in range(10)]
        turned_away = await connect(sandbox, session)
        assert (await turned_away.receive_json())["reason"] == "too_many_websockets"
        for ws in [*sockets, turned_away]:
            await ws.close()


async def test_a_debug_connection_says_that_its_life_is_short(sandbox: Sandbox) -> None:
    url = (await web_client(sandbox).apps_connections_open(app_token="xapp-sandbox"))["url"]
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}?debug_reconnects=true") as ws:
        assert (await ws.receive_json())["debug_info"]["approximate_connection_time"] == 360


async def test_a_connection_is_warned_and_ended_when_its_time_is_up(sandbox: Sandbox) -> None:
    sandbox.slack.delivery.sockets.life_seconds = 0.02
    sandbox.slack.delivery.sockets.ping_seconds = 0.01
    async with aiohttp.ClientSession() as session:
        ws = await connect(sandbox, session)
        types = [message.json()["type"] async for message in ws]
    assert types == ["hello", "disconnect", "disconnect"]


async def test_bolt_comes_back_after_a_disconnect(sandbox: Sandbox, app: AsyncApp, received: Heard) -> None:
    app.command("/pipeline")(received.listen)
    sockets = sandbox.slack.delivery.sockets
    async with over_socket(sandbox, app):
        (first,) = sockets.open
        await sandbox.slack.close_sockets("refresh_requested")
        await sandbox.until(lambda: sockets.open and sockets.open != [first])
        assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline")).ok


async def test_a_warning_leaves_the_socket_open(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as session:
        ws = await connect(sandbox, session)
        await ws.receive_json()
        await sandbox.slack.close_sockets("warning")
        assert (await ws.receive_json())["reason"] == "warning"
        assert len(sandbox.slack.delivery.sockets.open) == 1
        await sandbox.slack.close_sockets(None)
        assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE
        await ws.close()


async def test_nonsense_down_a_socket_is_ignored(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as session:
        ws = await connect(sandbox, session)
        await ws.receive_json()
        for nonsense in ("", "{", "[]", '{"envelope_id": "unknown"}'):
            await ws.send_str(nonsense)
        answer = asyncio.create_task(sandbox.slack.run_command(ANN, ALERTS, "/pipeline"))
        await ws.send_json({"envelope_id": (await ws.receive_json())["envelope_id"], "payload": {"text": "hi"}})
        assert (await answer).payload == {"text": "hi"}
        await ws.close()


# --- commands


async def test_a_command_arrives_with_everything_escaped_and_named(
    sandbox: Sandbox, app: AsyncApp, received: Heard
) -> None:
    app.command("/pipeline")(received.listen)
    typed = "add a&b <x> @bob #data-team @data-oncall @here https://goldrush.dev @nobody"
    async with over_socket(sandbox, app):
        ack = await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", typed)
    assert (ack.ok, ack.transport) == (True, Transport.SOCKET)
    (body,) = received.bodies
    assert body["text"] == (
        "add a&amp;b &lt;x&gt; <@U0BOB|bob> <#C0TEAM|data-team> <!subteam^S0ONCALL|@data-oncall>"
        " <!here> <https://goldrush.dev> @nobody"
    )
    named_fields = {
        name: body[name] for name in ("command", "user_id", "user_name", "channel_id", "channel_name", "team_id")
    }
    assert named_fields == {
        "command": "/pipeline",
        "user_id": ANN,
        "user_name": "ann",
        "channel_id": ALERTS,
        "channel_name": "data-alerts",
        "team_id": "T0SANDBOX",
    }
    assert {"trigger_id", "response_url", "api_app_id", "team_domain", "is_enterprise_install"} <= body.keys()


async def test_a_command_hides_the_name_of_a_private_channel(sandbox: Sandbox, app: AsyncApp, received: Heard) -> None:
    app.command("/pipeline")(received.listen)
    async with over_socket(sandbox, app):
        await sandbox.slack.run_command(ANN, "G0OPS", "/pipeline")
    assert received.bodies[0]["channel_name"] == "privategroup"


async def test_an_answer_inside_the_ack_is_shown_to_the_person(sandbox: Sandbox, app: AsyncApp) -> None:
    @app.command("/pipeline")
    async def answer(ack: Any) -> None:
        await ack("All is well.")

    async with over_socket(sandbox, app):
        await sandbox.slack.run_command(ANN, "C0QUIET", "/pipeline")
    (shown,) = sandbox.slack.messages("C0QUIET", viewer=ANN)
    assert (shown.text, shown.ephemeral_to) == ("All is well.", ANN)
    assert sandbox.slack.accepted[0].method == "ack"


async def test_slack_tells_the_person_about_an_invalid_answer(sandbox: Sandbox, app: AsyncApp) -> None:
    @app.command("/pipeline")
    async def answer(ack: Any) -> None:
        await ack(text="x", blocks=[{"type": "sparkle"}])

    async with over_socket(sandbox, app):
        await sandbox.slack.run_command(ANN, ALERTS, "/pipeline")
    assert sandbox.slack.ephemerals(ALERTS, ANN)[0].text == '/pipeline failed with the error "invalid_blocks"'


async def test_slack_tells_the_person_that_the_app_is_away(sandbox: Sandbox) -> None:
    ack = await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "status")
    assert (ack.error, ack.transport) == ("dispatch_failed", Transport.NONE)
    (shown,) = sandbox.slack.ephemerals(ALERTS, ANN)
    assert shown.text == '/pipeline failed with the error "dispatch_failed"'


async def test_slack_tells_the_person_about_a_late_ack(sandbox: Sandbox, app: AsyncApp) -> None:
    sandbox.slack.delivery.ack_seconds = 0.05

    @app.command("/pipeline")
    async def never(ack: Any) -> None:
        pass

    async with over_socket(sandbox, app):
        ack = await sandbox.slack.run_command(ANN, ALERTS, "/pipeline")
    assert ack.error == "operation_timeout"
    assert sandbox.slack.ephemerals(ALERTS, ANN)[0].text == '/pipeline failed with the error "operation_timeout"'


async def test_three_seconds_is_the_default() -> None:
    async with Sandbox.start() as sandbox:
        assert sandbox.slack.delivery.ack_seconds == 3.0


async def test_a_deaf_socket_takes_everything_and_answers_nothing(
    sandbox: Sandbox, app: AsyncApp, received: Heard
) -> None:
    sandbox.slack.delivery.ack_seconds = 0.05
    app.command("/pipeline")(received.listen)
    async with over_socket(sandbox, app):
        assert sandbox.slack.deaf is False
        sandbox.slack.deaf = True
        assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline")).error == "operation_timeout"
    assert received.bodies == []


async def test_each_payload_uses_one_of_two_sockets(sandbox: Sandbox, received: Heard) -> None:
    apps = [bolt_app(sandbox), bolt_app(sandbox)]
    counts = [0, 0]

    def listener(place: int) -> Any:
        async def listen(ack: Any) -> None:
            counts[place] += 1
            await ack()

        return listen

    for place, app in enumerate(apps):
        app.command("/pipeline")(listener(place))
    async with over_socket(sandbox, apps[0]), over_socket(sandbox, apps[1]):
        for _ in range(4):
            assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline")).ok
    assert counts == [2, 2]


async def test_people_cannot_do_what_the_client_would_not_let_them(sandbox: Sandbox) -> None:
    sandbox.slack.archive(ALERTS)
    with pytest.raises(Refused):
        await sandbox.slack.run_command(ANN, ALERTS, "/pipeline")
    with pytest.raises(Refused):
        await sandbox.slack.run_command(ANN, "C0TEAM", "/unknown")
    with pytest.raises(Refused):
        await sandbox.slack.run_command("U0CAROL", "G0OPS", "/pipeline")
    with pytest.raises(Refused):
        sandbox.slack.say(ANN, "C0TEAM", "hello?", thread_ts="1.000000")


# --- clicks


async def test_a_click_names_its_place_and_its_element(sandbox: Sandbox, app: AsyncApp, received: Heard) -> None:
    app.action("acknowledge")(received.listen)
    metadata = {"event_type": "card", "event_payload": {"episode": "1"}}
    posted = await app.client.chat_postMessage(channel=ALERTS, text="Failed", blocks=CARD, metadata=metadata)
    async with over_socket(sandbox, app):
        ack = await sandbox.slack.click(BOB, ALERTS, posted["ts"], "acknowledge", block_id="card")
    assert ack.ok
    (body,) = received.bodies
    assert body["user"]["id"] == BOB
    assert body["container"] == {
        "type": "message",
        "message_ts": posted["ts"],
        "channel_id": ALERTS,
        "is_ephemeral": False,
    }
    assert body["message"]["metadata"] == metadata
    action = body["actions"][0]
    assert (action["action_id"], action["block_id"], action["value"]) == ("acknowledge", "card", "episode-1")
    assert body["channel"] == {"id": ALERTS, "name": "data-alerts"}


async def test_the_value_tells_buttons_of_one_action_id_apart(sandbox: Sandbox, app: AsyncApp, received: Heard) -> None:
    app.action("acknowledge")(received.listen)
    rows = [{"type": "actions", "elements": [{**BUTTON, "value": value}]} for value in ("one", "two")]
    ts = (await app.client.chat_postMessage(channel=ALERTS, text="Failed", blocks=rows))["ts"]
    async with over_socket(sandbox, app):
        await sandbox.slack.click(ANN, ALERTS, ts, "acknowledge", value="two")
    assert received.bodies[0]["actions"][0]["value"] == "two"


async def test_a_click_inside_an_attachment_and_a_thread_says_so(
    sandbox: Sandbox, app: AsyncApp, received: Heard
) -> None:
    app.action("acknowledge")(received.listen)
    root = (await app.client.chat_postMessage(channel=ALERTS, text="Failed"))["ts"]
    attachment = {"fallback": "card", "blocks": CARD}
    ts = (await app.client.chat_postMessage(channel=ALERTS, text="why", thread_ts=root, attachments=[attachment]))["ts"]
    async with over_socket(sandbox, app):
        await sandbox.slack.click(ANN, ALERTS, ts, "acknowledge")
    assert received.bodies[0]["container"]["thread_ts"] == root


async def test_several_boxes_can_be_checked(sandbox: Sandbox, app: AsyncApp, received: Heard) -> None:
    app.action("which")(received.listen)
    options = [{"text": {"type": "plain_text", "text": name}, "value": name} for name in ("a", "b", "c")]
    boxes = {"type": "checkboxes", "action_id": "which", "options": options}
    blocks = [{"type": "actions", "elements": [boxes]}]
    ts = (await app.client.chat_postMessage(channel=ALERTS, text="x", blocks=blocks))["ts"]
    async with over_socket(sandbox, app):
        await sandbox.slack.click(ANN, ALERTS, ts, "which", option="a,c")
        await sandbox.slack.click(ANN, ALERTS, ts, "which", option="")
    assert [body["actions"][0]["selected_options"] for body in received.bodies] == [[options[0], options[2]], []]


async def test_an_overflow_menu_tells_its_choice_and_holds_no_state(
    sandbox: Sandbox, app: AsyncApp, received: Heard
) -> None:
    app.action("more")(received.listen)
    option = {"text": {"type": "plain_text", "text": "Mute"}, "value": "mute"}
    blocks = [{"type": "actions", "elements": [{"type": "overflow", "action_id": "more", "options": [option]}]}]
    ts = (await app.client.chat_postMessage(channel=ALERTS, text="x", blocks=blocks))["ts"]
    async with over_socket(sandbox, app):
        await sandbox.slack.click(ANN, ALERTS, ts, "more", option="mute")
    assert received.bodies[0]["actions"][0]["selected_option"] == option
    assert received.bodies[0]["state"] == {"values": {}}


async def test_a_choice_from_a_select_arrives_whole(sandbox: Sandbox, app: AsyncApp, received: Heard) -> None:
    app.action("snooze")(received.listen)
    hour = {"text": {"type": "plain_text", "text": "An hour"}, "value": "60"}
    blocks = [{"type": "actions", "elements": [{"type": "static_select", "action_id": "snooze", "options": [hour]}]}]
    ts = (await app.client.chat_postMessage(channel=ALERTS, text="Failed", blocks=blocks))["ts"]
    async with over_socket(sandbox, app):
        await sandbox.slack.click(ANN, ALERTS, ts, "snooze", option="60")
        with pytest.raises(Refused):
            await sandbox.slack.click(ANN, ALERTS, ts, "snooze", option="61")
    (body,) = received.bodies
    assert body["actions"][0]["selected_option"] == hour
    (of_block,) = body["state"]["values"].values()
    assert of_block["snooze"]["selected_option"] == hour


async def test_a_click_on_an_ephemeral_does_not_tell_its_content(
    sandbox: Sandbox, app: AsyncApp, received: Heard
) -> None:
    app.action("acknowledge")(received.listen)
    await app.client.chat_postEphemeral(channel=ALERTS, user=ANN, text="only you", blocks=CARD)
    (shown,) = sandbox.slack.ephemerals(ALERTS, ANN)
    async with over_socket(sandbox, app):
        await sandbox.slack.click(ANN, ALERTS, shown.ts, "acknowledge", ephemeral_id=shown.ts)
        with pytest.raises(Refused):
            await sandbox.slack.click(BOB, ALERTS, shown.ts, "acknowledge")
    (body,) = received.bodies
    assert body["container"]["is_ephemeral"] is True
    assert "message" not in body


async def test_a_button_that_is_not_there_cannot_be_clicked(sandbox: Sandbox, app: AsyncApp) -> None:
    ts = (await app.client.chat_postMessage(channel=ALERTS, text="Failed", blocks=CARD))["ts"]
    with pytest.raises(Refused):
        await sandbox.slack.click(ANN, ALERTS, ts, "resolve")


# --- events


async def test_a_mention_arrives_only_in_the_bots_channels(sandbox: Sandbox, app: AsyncApp, received: Heard) -> None:
    app.event("app_mention")(received.listen)
    async with over_socket(sandbox, app):
        sandbox.slack.mention(ANN, "C0QUIET", "anybody?")
        message = sandbox.slack.mention(ANN, ALERTS, "status orders-eu")
        await received.something()
    (body,) = received.bodies
    assert (body["event"]["text"], body["event"]["ts"]) == ("<@U0BOT> status orders-eu", message.ts)
    assert body["event"]["channel"] == ALERTS
    assert body["authorizations"][0]["user_id"] == "U0BOT"


@pytest.mark.parametrize(
    ("happen", "event"),
    [
        (lambda slack: slack.invite_bot("C0QUIET"), "member_joined_channel"),
        (lambda slack: slack.kick_bot(ALERTS), "member_left_channel"),
        (lambda slack: slack.archive(ALERTS), "channel_archive"),
        (lambda slack: slack.unarchive(ALERTS), "channel_unarchive"),
        (lambda slack: slack.rename(ALERTS, "alerts"), "channel_rename"),
        (lambda slack: slack.delete_channel(ALERTS), "channel_deleted"),
        (lambda slack: slack.open_home(ANN), "app_home_opened"),
    ],
)
async def test_changes_of_channels_are_events(
    sandbox: Sandbox, app: AsyncApp, received: Heard, happen: Any, event: str
) -> None:
    app.event(event)(received.listen)
    async with over_socket(sandbox, app):
        happen(sandbox.slack)
        await received.something()
    assert received.bodies[0]["event"]["type"] == event


async def test_a_direct_message_is_an_event(sandbox: Sandbox, app: AsyncApp, received: Heard) -> None:
    app.event("message")(received.listen)
    await app.client.conversations_open(users=ANN)
    async with over_socket(sandbox, app):
        sandbox.slack.say(ANN, "D0ANN", "status")
        sandbox.slack.say(ANN, ALERTS, "not for the bot")
        await received.something()
    assert [body["event"]["channel_type"] for body in received.bodies] == ["im"]


async def test_slack_sends_no_event_without_a_subscription(sandbox: Sandbox) -> None:
    sandbox.slack.event_subscriptions = {"channel_rename"}
    sandbox.slack.archive(ALERTS)
    sandbox.slack.rename(ALERTS, "alerts")
    await sandbox.until(lambda: sandbox.slack.delivery.log)
    assert [entry.payload["event"]["type"] for entry in sandbox.slack.delivery.log] == ["channel_rename"]


async def test_an_event_without_an_ack_comes_again_three_times_with_its_id(sandbox: Sandbox, app: AsyncApp) -> None:
    sandbox.slack.delivery.ack_seconds = 0.02
    sandbox.slack.delivery.event_retry_seconds = (0.0, 0.0, 0.0)
    retries: list[Any] = []
    deliveries = Changes()

    @app.middleware
    async def drop(req: Any) -> None:
        retries.append(req.headers.get("x-slack-retry-num"))
        deliveries.notify()

    async with over_socket(sandbox, app):
        sandbox.slack.mention(ANN, ALERTS, "hello")
        await sandbox.until(lambda: len(sandbox.slack.delivery.log) == 4)
        await deliveries.until(lambda: len(retries) == 4, 5)
    assert len({entry.payload["event_id"] for entry in sandbox.slack.delivery.log}) == 1
    assert sorted(retry[0] for retry in retries if retry) == ["0", "1", "2", "3"]  # the sockets have no order
    assert {entry.kind for entry in sandbox.slack.delivery.log} == {Kind.EVENT}


# --- modals


def modal(**more: Any) -> dict[str, Any]:
    name = {
        "type": "input",
        "block_id": "name",
        "label": {"type": "plain_text", "text": "Name"},
        "element": {"type": "plain_text_input", "action_id": "typed"},
    }
    return {
        "type": "modal",
        "callback_id": "watch",
        "title": {"type": "plain_text", "text": "Watch"},
        "submit": {"type": "plain_text", "text": "Save"},
        "blocks": [name],
        **more,
    }


async def test_a_modal_is_opened_filled_in_and_closed(sandbox: Sandbox, app: AsyncApp, received: Heard) -> None:
    @app.command("/pipeline")
    async def open_modal(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        await app.client.views_open(trigger_id=body["trigger_id"], view=modal(private_metadata="orders-eu"))

    app.view("watch")(received.listen)
    async with over_socket(sandbox, app):
        await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "watch")
        await sandbox.until(lambda: sandbox.slack.views.top(ANN))
        for impossible in ({}, {"name": {"typed": ["a", "list"]}}, {"name": {"typed": 7}}):
            with pytest.raises(Refused):
                await sandbox.slack.submit_view(ANN, impossible)
        ack = await sandbox.slack.submit_view(ANN, {"name": {"typed": "orders"}})
    assert ack.ok
    view = received.bodies[0]["view"]
    assert view["state"]["values"]["name"]["typed"] == {"type": "plain_text_input", "value": "orders"}
    assert view["private_metadata"] == "orders-eu"
    assert sandbox.slack.views.top(ANN) is None


async def test_errors_in_the_ack_keep_the_modal_open(sandbox: Sandbox, app: AsyncApp) -> None:
    @app.view("watch")
    async def refuse(ack: Any) -> None:
        await ack(response_action="errors", errors={"name": "No such pipeline."})

    await app.client.views_open(trigger_id=sandbox.slack.views.issue_trigger(ANN), view=modal())
    async with over_socket(sandbox, app):
        await sandbox.slack.submit_view(ANN, {"name": {"typed": "nope"}})
    view = sandbox.slack.views.top(ANN)
    assert view is not None
    assert view["errors"] == {"name": "No such pipeline."}


async def test_a_trigger_is_good_once_and_for_three_seconds() -> None:
    clock = HandClock()
    async with Sandbox.start(clock=clock) as sandbox:
        client = web_client(sandbox)
        trigger = sandbox.slack.views.issue_trigger(ANN)
        await client.views_open(trigger_id=trigger, view=modal())
        late = sandbox.slack.views.issue_trigger(ANN)
        clock.advance(3.1)
        errors = []
        for trigger_id in (trigger, late, "1.2.bogus"):
            with pytest.raises(SlackApiError) as caught:
                await client.views_open(trigger_id=trigger_id, view=modal())
            errors.append(caught.value.response["error"])
    assert errors == ["exchanged_trigger_id", "expired_trigger_id", "invalid_trigger_id"]


async def test_an_old_hash_is_refused(sandbox: Sandbox, app: AsyncApp) -> None:
    opened = await app.client.views_open(trigger_id=sandbox.slack.views.issue_trigger(ANN), view=modal())
    known = {"view_id": opened["view"]["id"], "hash": opened["view"]["hash"]}
    await app.client.views_open(trigger_id=sandbox.slack.views.issue_trigger(BOB), view=modal(callback_id="his"))
    updated = await app.client.views_update(view=modal(callback_id="hers"), **known)
    assert updated["view"]["id"] == opened["view"]["id"]
    views = [sandbox.slack.views.top(person) for person in (ANN, BOB)]
    assert [view and view["callback_id"] for view in views] == ["hers", "his"]
    with pytest.raises(SlackApiError) as caught:
        await app.client.views_update(view=modal(), **known)
    assert caught.value.response["error"] == "hash_conflict"
    with pytest.raises(SlackApiError) as caught:
        await app.client.views_update(view=modal(), view_id="V0NOWHERE")
    assert caught.value.response["error"] == "not_found"


async def test_the_ack_of_a_submission_can_update_push_and_clear(sandbox: Sandbox, app: AsyncApp) -> None:
    answers: Iterator[dict[str, Any]] = iter(
        [
            {"response_action": "update", "view": modal(callback_id="second")},
            {"response_action": "push", "view": modal(callback_id="third")},
            {"response_action": "update", "view": {"type": "modal"}},
            {"response_action": "clear"},
        ]
    )

    @app.view({"type": "view_submission", "callback_id": re.compile(".*")})
    async def answer(ack: Any) -> None:
        await ack(**next(answers))

    await app.client.views_open(trigger_id=sandbox.slack.views.issue_trigger(ANN), view=modal())
    deliveries = []
    async with over_socket(sandbox, app):
        for _ in range(4):
            ack = await sandbox.slack.submit_view(ANN, {"name": {"typed": "x"}})
            view = sandbox.slack.views.top(ANN)
            deliveries.append((ack.error, view and view["callback_id"]))
    assert deliveries == [(None, "second"), (None, "third"), ("invalid_arguments", "third"), (None, None)]


async def test_closing_a_modal_notifies_the_app_if_it_asked(sandbox: Sandbox, app: AsyncApp, received: Heard) -> None:
    app.view_closed("watch")(received.listen)
    async with over_socket(sandbox, app):
        for notify in (False, True):
            view = modal(notify_on_close=notify)
            await app.client.views_open(trigger_id=sandbox.slack.views.issue_trigger(ANN), view=view)
            await sandbox.slack.close_view(ANN)
            assert sandbox.slack.views.top(ANN) is None
    assert [body["type"] for body in received.bodies] == ["view_closed"]


async def test_an_element_of_a_modal_can_be_used(sandbox: Sandbox, app: AsyncApp, received: Heard) -> None:
    app.action("typed")(received.listen)
    await app.client.views_open(trigger_id=sandbox.slack.views.issue_trigger(ANN), view=modal())
    async with over_socket(sandbox, app):
        await sandbox.slack.click_in_view(ANN, Choice(action_id="typed", value="orders"))
    (body,) = received.bodies
    assert body["container"]["type"] == "view"
    assert body["actions"][0]["value"] == "orders"
    assert body["view"]["state"]["values"]["name"]["typed"]["value"] == "orders"


async def test_an_external_id_is_unique_among_open_modals(sandbox: Sandbox, app: AsyncApp) -> None:
    view = modal(external_id="watch-orders")
    await app.client.views_open(trigger_id=sandbox.slack.views.issue_trigger(ANN), view=view)
    assert (await app.client.views_update(external_id="watch-orders", view=view))["ok"] is True
    with pytest.raises(SlackApiError) as caught:
        await app.client.views_open(trigger_id=sandbox.slack.views.issue_trigger(BOB), view=view)
    assert caught.value.response["error"] == "duplicate_external_id"


async def test_a_stack_holds_three_modals(sandbox: Sandbox, app: AsyncApp) -> None:
    await app.client.views_open(trigger_id=sandbox.slack.views.issue_trigger(ANN), view=modal())
    for _ in range(2):
        await app.client.views_push(trigger_id=sandbox.slack.views.issue_trigger(ANN), view=modal())
    with pytest.raises(SlackApiError) as caught:
        await app.client.views_push(trigger_id=sandbox.slack.views.issue_trigger(ANN), view=modal())
    assert caught.value.response["error"] == "push_limit_reached"


async def test_a_home_tab_is_published_for_one_person(sandbox: Sandbox, app: AsyncApp) -> None:
    await app.client.views_publish(user_id=ANN, view={"type": "home", "blocks": [{"type": "divider"}]})
    home = sandbox.slack.views.home(ANN)
    assert home is not None
    assert home["blocks"][0]["type"] == "divider"
    assert sandbox.slack.views.home(BOB) is None


async def connect(sandbox: Sandbox, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
    async with asyncio.timeout(60):
        url = (await web_client(sandbox).apps_connections_open(app_token="xapp-sandbox"))["url"]
        return await session.ws_connect(url)
