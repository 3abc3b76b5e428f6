"""The page's Home tab and modals: what the bot publishes is drawn, and what a person fills in is sent."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page, expect
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.server import Sandbox
from sandbox.slack.wire import Refused
from tests.contract.slack_rig import bolt_app, over_socket, web_client
from tests.sandbox.test_sandbox_page import opened, section

ANN = "U0ANN"
HOME = {"type": "home", "blocks": [section("*Nothing has failed*")]}


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def field(name: str, element: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": name,
        "label": plain(name),
        "optional": True,
        "element": element | {"action_id": name},
    }


EVENTS = [{"text": plain(event), "value": event} for event in ("failed", "recovered")]
MODAL = {
    "type": "modal",
    "callback_id": "watch",
    "title": plain("Watch"),
    "submit": plain("Save"),
    "blocks": [
        field("events", {"type": "multi_static_select", "placeholder": plain("All"), "options": EVENTS}),
        field("people", {"type": "multi_users_select", "placeholder": plain("Nobody")}),
    ],
}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start() as running:
        running.slack.limits.enabled = False
        running.slack.delivery.event_retry_seconds = ()
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> AsyncWebClient:
    return web_client(sandbox)


@pytest.mark.page
async def test_the_home_tab_shows_what_the_bot_publishes(sandbox: Sandbox, client: AsyncWebClient) -> None:
    await client.views_publish(user_id=ANN, view=HOME)
    async with opened(sandbox) as page:
        await page.get_by_test_id("app-home").click()
        await page.get_by_role("tab", name="Home").click()
        await expect(page.get_by_text("Nothing has failed")).to_be_visible()


@pytest.mark.page
async def test_the_home_tab_stays_as_it_is_while_other_things_change(sandbox: Sandbox, client: AsyncWebClient) -> None:
    await client.views_publish(user_id=ANN, view=HOME)
    async with opened(sandbox) as page:
        await page.get_by_test_id("app-home").click()
        await page.get_by_role("tab", name="Home").click()
        await page.get_by_text("Nothing has failed").evaluate("element => { element.dataset.half = 'read'; }")
        sandbox.slack.say("U0BOB", "C0TEAM", "Good morning")
        await expect(page.get_by_test_id("channel-C0TEAM")).to_contain_text("1")
        await expect(page.locator("[data-half]")).to_have_count(1)
        await client.views_publish(user_id=ANN, view={"type": "home", "blocks": [section("*One has failed*")]})
        await expect(page.get_by_text("One has failed")).to_be_visible()


@pytest.mark.page
async def test_a_modal_sends_what_was_chosen_and_shows_errors(sandbox: Sandbox, client: AsyncWebClient) -> None:
    app, states = bolt_app(sandbox), []

    @app.view("watch")
    async def save(ack: Any, view: dict[str, Any]) -> None:
        states.append(view["state"]["values"])
        await ack(response_action="errors", errors={"people": "Nobody can reach Bob."})

    async with over_socket(sandbox, app), opened(sandbox) as page:
        await client.views_open(trigger_id=sandbox.slack.views.issue_trigger(ANN), view=MODAL)
        await choose(page, "All", "failed")
        await choose(page, "Nobody", "Bob Berg")
        await page.get_by_test_id("view-submit").click()
        await expect(page.get_by_text("Nobody can reach Bob.")).to_be_visible()
    (state,) = states
    assert [option["value"] for option in state["events"]["events"]["selected_options"]] == ["failed"]
    assert state["people"]["people"]["selected_users"] == ["U0BOB"]


@pytest.mark.page
async def test_a_modal_begins_with_its_own_values(sandbox: Sandbox, client: AsyncWebClient) -> None:
    """And with none of the modal that was open before it."""
    select = {"type": "static_select", "options": EVENTS}
    views = [{**MODAL, "blocks": [field("event", select | {"initial_option": option})]} for option in EVENTS]
    async with opened(sandbox) as page:
        for view, event in zip(views, ("failed", "recovered"), strict=True):
            await client.views_open(trigger_id=sandbox.slack.views.issue_trigger(ANN), view=view)
            await expect(page.locator("dialog select")).to_have_value(event)
            await page.get_by_test_id("view-close").click()
            await expect(page.locator("dialog select")).to_have_count(0)


async def choose(page: Page, placeholder: str, label: str) -> None:
    """Opens the list below this placeholder, and checks one option."""
    await page.locator("dialog summary", has_text=placeholder).click()
    await page.locator("dialog").get_by_label(label).check()


async def test_an_error_at_no_field_is_refused_as_slack_refuses_it(sandbox: Sandbox, client: AsyncWebClient) -> None:
    app = bolt_app(sandbox)

    @app.view("watch")
    async def save(ack: Any) -> None:
        await ack(response_action="errors", errors={"nosuch": "Wrong."})

    async with over_socket(sandbox, app):
        await client.views_open(trigger_id=sandbox.slack.views.issue_trigger(ANN), view=MODAL)
        assert (await sandbox.slack.submit_view(ANN, {})).error == "invalid_arguments"


async def test_without_a_home_tab_nothing_is_published(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.installation.home_tab = False
    with pytest.raises(SlackApiError, match="not_enabled"):
        await client.views_publish(user_id=ANN, view=HOME)
    with pytest.raises(Refused, match="no Home tab"):
        sandbox.slack.open_home(ANN)
