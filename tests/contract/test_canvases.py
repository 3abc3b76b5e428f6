"""Postmortems as canvases of Slack, against the sandbox and its refusals."""

from collections.abc import AsyncIterator, Callable

import pytest

from bot.domain.watch import ChannelId, TeamId
from bot.slack.outbound.calls import web_client
from bot.slack.outbound.canvases import SlackCanvases
from sandbox.server import Sandbox
from sandbox.slack.directory import TEAM_ID
from tests.contract.office import ALERTS
from tests.unit.test_postmortem import a_postmortem

DRAFT = a_postmortem()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start() as sandbox:
        sandbox.slack.canvases.enabled = True
        yield sandbox


def canvases(sandbox: Sandbox, chat_url: str = "https://acme.slack.com/") -> SlackCanvases:
    return SlackCanvases(web_client("xoxb-sandbox", f"{sandbox.url}/api/"), TeamId(TEAM_ID), chat_url)


async def test_a_canvas_stands_in_its_channel(sandbox: Sandbox) -> None:
    address = await canvases(sandbox).create(ALERTS, DRAFT)
    (made,) = sandbox.slack.canvases.made
    assert address == f"https://acme.slack.com/docs/{TEAM_ID}/{made.id}"
    assert (made.channel, made.title) == (ALERTS, "Postmortem draft: orders-eu, 2026-11-23")
    assert "## What happened" in made.markdown


@pytest.mark.parametrize(
    "prepare",
    [
        lambda slack: slack.scopes.discard("canvases:write"),
        lambda slack: setattr(slack.canvases, "enabled", False),
        lambda slack: slack.directory.channels.pop(ALERTS),
    ],
    ids=["missing_scope", "canvas_disabled_user_team", "channel_not_found"],
)
async def test_a_refusal_makes_none(sandbox: Sandbox, prepare: Callable[[object], object]) -> None:
    prepare(sandbox.slack)
    assert await canvases(sandbox).create(ALERTS, DRAFT) == ""
    assert sandbox.slack.canvases.made == []


async def test_a_free_team_has_one_canvas_in_a_channel(sandbox: Sandbox) -> None:
    sandbox.slack.canvases.is_free_team = True
    assert await canvases(sandbox).create(ALERTS, DRAFT)
    assert await canvases(sandbox).create(ALERTS, DRAFT) == ""


async def test_a_direct_message_has_no_canvas(sandbox: Sandbox) -> None:
    assert await canvases(sandbox).create(ChannelId("D0ANN"), DRAFT) == ""
    assert sandbox.slack.canvases.made == []


async def test_without_the_workspace_s_address_nobody_would_find_it(sandbox: Sandbox) -> None:
    assert await canvases(sandbox, "").create(ALERTS, DRAFT) == ""
