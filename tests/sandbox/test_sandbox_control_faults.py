"""The control API for faults: JSON sets, shows and fixes each of them, as the page and curl do."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import redis.asyncio

from sandbox.bot_faults import BotProcess
from sandbox.clock import Clock
from sandbox.control import Control
from sandbox.control_body import Body
from sandbox.control_faults import TARGETS, DeliveryActKind
from sandbox.goldrush_causes import BY_SLUG, CAUSES, DESTINATIONS
from sandbox.goldrush_faults import ROUTES
from sandbox.goldrush_faults import FaultKind as GoldRushFaultKind
from sandbox.goldrush_pipelines import LogContent
from sandbox.redis_faults import RedisActKind, RedisStandIn, ServerFaultKind
from sandbox.redis_proxy import WireFaultKind
from sandbox.server import Sandbox
from sandbox.slack.delivery_faults import DeliveryFaultKind
from sandbox.slack.faults import FaultKind
from sandbox.slack.installation import Loss
from sandbox.wall_clock import ClockOffset
from tests.contract.slack_rig import bolt_app, over_socket

ANN, ALERTS = "U0ANN", "C0ALERTS"


class Page:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def post(self, path: str, **body: Any) -> tuple[int, Any]:
        async with self._session.post(f"/sandbox/{path}", json=body) as reply:
            return reply.status, await reply.json()

    async def state(self, **query: str) -> Any:
        async with self._session.get("/sandbox/state", params={"user": ANN, **query}) as reply:
            return await reply.json()

    async def faults(self) -> list[tuple[str, str]]:
        return [(fault["target"], fault["kind"]) for fault in (await self.state())["faults"]]

    async def fix(self) -> None:
        async with self._session.delete("/sandbox/faults") as reply:
            assert reply.status == 200


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A sandbox with every target. `sleep` stands in for the bot's process."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)")
    async with RedisStandIn.start() as store, Sandbox.start(redis=store) as started:
        started.bot = BotProcess(process, ClockOffset(tmp_path / "hands"))
        try:
            yield started
        finally:
            started.bot.fix()
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture
async def page(sandbox: Sandbox) -> AsyncIterator[Page]:
    async with aiohttp.ClientSession(sandbox.url) as session:
        yield Page(session)


IN_FORCE = [
    *(("goldrush", kind.value, {}) for kind in GoldRushFaultKind),
    *(("slack", kind.value, {}) for kind in FaultKind),
    *(
        ("delivery", kind.value, {})
        for kind in DeliveryFaultKind
        if kind not in {DeliveryFaultKind.DEAF, DeliveryFaultKind.ONE_DEAF}
    ),
    *(("token", kind.value, {}) for kind in Loss),
    *(("redis", kind.value, {}) for kind in WireFaultKind),
    *(("redis", kind.value, {"seconds": 30}) for kind in ServerFaultKind),
    ("bot", "frozen", {"seconds": 30}),
    ("bot", "killed", {}),
    ("bot", "killed", {"seconds": 30}),
    ("clock", "off", {"seconds": -3600}),
]


@pytest.mark.parametrize(("target", "kind", "more"), IN_FORCE)
async def test_each_fault_is_set_shown_and_fixed(
    sandbox: Sandbox, page: Page, target: str, kind: str, more: dict[str, Any]
) -> None:
    assert await page.post("faults", target=target, kind=kind, **more) == (200, {"ok": True})
    assert await page.faults() == [(target, kind)]
    assert await page.post("faults", target=target, kind="none") == (200, {"ok": True})
    assert await page.faults() == []


async def test_all_faults_are_fixed_together(sandbox: Sandbox, page: Page) -> None:
    wanted = [
        ("goldrush", "hang", {}),
        ("slack", "hang", {}),
        ("delivery", "twice", {}),
        ("token", "revoked", {}),
        ("redis", "silent", {}),
        ("redis", "full", {}),
        ("bot", "frozen", {"seconds": 30}),
        ("clock", "off", {"seconds": 86400}),
    ]
    for target, kind, more in wanted:
        await page.post("faults", target=target, kind=kind, **more)
    assert await page.faults() == [(target, kind) for target, kind, _ in wanted]
    await page.fix()
    assert await page.faults() == []


async def test_the_state_has_the_bots_process(sandbox: Sandbox, page: Page) -> None:
    assert sandbox.bot is not None
    alive = {"pid": sandbox.bot.process.pid, "alive": True, "starts": 1, "last_end": None}
    assert (await page.state())["process"] == alive
    await page.post("faults", target="bot", kind="killed")
    await sandbox.bot.ended()
    assert (await page.state())["process"] == alive | {"alive": False, "last_end": "kill -9"}
    status, answer = await page.post("faults", target="bot", kind="frozen")
    assert (status, "nothing to freeze" in answer["error"]) == (409, True)
    assert await page.faults() == [("bot", "killed")]


async def test_one_of_several_faults_is_fixed_alone(sandbox: Sandbox, page: Page) -> None:
    for target, first, second in (
        ("delivery", "twice", "again"),
        ("token", "revoked", "no_history_scope"),
        ("redis", "slow", "full"),
    ):
        await page.post("faults", target=target, kind=first)
        await page.post("faults", target=target, kind=second)
        await page.post("faults", target=target, kind="none", fix=first)
        assert await page.faults() == [(target, second)]
        await page.fix()


async def test_a_fix_without_a_kind_fixes_everything(sandbox: Sandbox, page: Page) -> None:
    orders = sandbox.goldrush.named("orders-eu").id
    for target, places in (
        ("slack", ({"method": "chat.postMessage"}, {"method": "*"})),
        ("goldrush", ({"pipeline_id": orders}, {"pipeline_id": None})),
    ):
        for fixed in ({**places[0]}, {**places[1], "fix": "slow"}, {}):
            for place in places:
                await page.post("faults", target=target, kind="slow", **place)
            await page.post("faults", target=target, kind="none", **fixed)
            assert await page.faults() == ([(target, "slow")] if fixed else [])
            await page.fix()


@pytest.mark.parametrize("kind", RedisActKind)
async def test_a_single_act_on_redis_leaves_no_fault(sandbox: Sandbox, page: Page, kind: RedisActKind) -> None:
    assert await page.post("faults", target="redis", kind=kind.value, seconds=0) == (200, {"ok": True})
    assert await page.faults() == []
    assert sandbox.redis is not None
    async with redis.asyncio.Redis.from_url(sandbox.redis.url) as client:
        assert await client.ping()


@pytest.mark.parametrize("kind", DeliveryActKind)
async def test_a_single_act_on_deliveries_leaves_no_fault(sandbox: Sandbox, page: Page, kind: DeliveryActKind) -> None:
    app = bolt_app(sandbox)
    commands: list[str] = []

    @app.command("/pipeline")
    async def listen(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        commands.append(body["trigger_id"])
        sandbox.notify("heard")

    async with over_socket(sandbox, app):
        (before,) = sandbox.slack.delivery.sockets.open
        await page.post("command", user=ANN, channel=ALERTS, text="/pipeline")
        assert await page.post("faults", target="delivery", kind=kind.value) == (200, {"ok": True})
        assert await page.faults() == []
        match kind:
            case DeliveryActKind.REPEATED:
                await sandbox.until(lambda: len(commands) == 2)
                assert commands[0] == commands[1]
            case DeliveryActKind.WARNING:
                assert sandbox.slack.delivery.sockets.open == [before]
            case _:
                await sandbox.until(lambda: sandbox.slack.delivery.sockets.open not in ([], [before]))


async def test_deafness_is_over_when_the_socket_is_replaced(sandbox: Sandbox, page: Page) -> None:
    async with over_socket(sandbox, bolt_app(sandbox)):
        await page.post("faults", target="delivery", kind="one_deaf")
        assert await page.faults() == [("delivery", "deaf")]
        await page.post("faults", target="delivery", kind="refresh_requested")
        await sandbox.until(lambda: not sandbox.slack.delivery.delivery_faults())
        await page.post("faults", target="delivery", kind="deaf")
        await page.post("faults", target="delivery", kind="none", fix="deaf")
        assert await page.faults() == []


@pytest.mark.parametrize(
    ("given", "meant"), [({}, 1), ({"retry_after": None}, None), ({"retry_after": "soon"}, "soon")]
)
async def test_retry_after_defaults_to_one_second(
    sandbox: Sandbox, page: Page, given: dict[str, Any], meant: Any
) -> None:
    await page.post("faults", target="slack", method="chat.postMessage", kind="throttled", **given)
    assert sandbox.slack.faults.active()["chat.postMessage"].retry_after == meant


@pytest.mark.parametrize(
    "body",
    [
        {"target": "moon", "kind": "reset"},
        *({"target": target, "kind": "sunshine"} for target in TARGETS),
        {"target": "slack", "kind": "throttled", "retry_after": True},
        {"target": "slack", "kind": "reset", "times": 1.5},
        {"target": "redis", "kind": "slow", "seconds": -1},
        {"target": "redis", "kind": "none", "fix": "sunshine"},
        {"target": "token", "kind": "none", "fix": "sunshine"},
        {"target": "delivery", "kind": "none", "fix": "sunshine"},
        {"target": "delivery", "kind": "repeated"},
        {"target": "clock", "kind": "off"},
        {"target": "clock", "kind": "off", "seconds": "an hour"},
    ],
)
async def test_nonsense_is_answered_with_a_sentence(page: Page, body: dict[str, Any]) -> None:
    status, answer = await page.post("faults", **body)
    assert 400 <= status < 500
    assert answer["error"]
    assert await page.faults() == []


async def test_a_sandbox_alone_refuses_faults_of_redis_and_bot() -> None:
    async with Sandbox.start() as sandbox, aiohttp.ClientSession(sandbox.url) as session:
        page = Page(session)
        assert (await page.state())["breakable"] == ["goldrush", "slack", "delivery", "token"]
        assert (await page.state())["process"] is None
        for target in ("redis", "bot", "clock"):
            status, answer = await page.post("faults", target=target, kind="none")
            assert (status, "The demo" in answer["error"]) == (409, True)
        await page.fix()


# --- channels and messages


async def test_a_channel_is_changed_in_every_way(sandbox: Sandbox, page: Page) -> None:
    async def answer() -> Any:
        return next(channel for channel in (await page.state())["channels"] if channel["name"] == "data-alerts")

    for action, field, value in (
        ("make_private", "kind", "private_channel"),
        ("make_public", "kind", "public_channel"),
        ("make_read_only", "read_only", True),
        ("make_writable", "read_only", False),
    ):
        assert await page.post(f"channels/{ALERTS}", action=action) == (200, {"ok": True})
        assert (await answer())[field] == value
    await page.post(f"channels/{ALERTS}", action="change_id")
    assert (await answer())["id"] != ALERTS
    assert (await page.state())["channel"] == "C0GENERAL", "the first that is there, where the usual one is not"
    moved = (await answer())["id"]
    await page.post(f"channels/{moved}", action="delete")
    assert "data-alerts" not in {channel["name"] for channel in (await page.state())["channels"]}


async def test_an_admin_deletes_a_message(sandbox: Sandbox, page: Page) -> None:
    ts = sandbox.slack.say(ANN, ALERTS, "hello").ts
    assert await page.post("messages/delete", channel=ALERTS, ts=ts) == (200, {"ok": True})
    assert sandbox.slack.messages(ALERTS) == []
    assert (await page.post("messages/delete", channel=ALERTS, ts=ts))[0] == 409


# --- docs/faults.md


def test_the_docs_list_every_fault() -> None:
    documented = (Path(__file__).parents[2] / "docs" / "faults.md").read_text()
    kinds = [(target, kind) for target, kind, _ in IN_FORCE]
    kinds += [("delivery", kind.value) for kind in (*DeliveryActKind, *DeliveryFaultKind)]
    kinds += [("redis", kind.value) for kind in RedisActKind]
    sections = {"goldrush": "## GoldRush", "slack": "## Slack", "token": "### The app", "delivery": "## From Slack"}
    sections |= {"redis": "## Redis", "bot": "## The bot", "clock": "## The bot"}
    for target, kind in kinds:
        section = documented.split(sections[target])[1].split("\n## ")[0]
        assert f"`{kind}`" in section, (target, kind)
    for action in Control(Sandbox(clock=Clock(), scenario=None, redis=None)).changes("C0ALERTS", Body({})):
        assert f"`{action}`" in documented, action


def test_the_docs_list_every_ailment_and_route() -> None:
    documented = (Path(__file__).parents[2] / "docs" / "faults.md").read_text()
    section = documented.split("## GoldRush")[1].split("\n## ")[0]
    for word in (*ROUTES, *BY_SLUG, *LogContent, *DESTINATIONS):
        assert f"`{word}`" in section, word
    described = section.split("### Causes of a failure")[1].splitlines()
    for cause in CAUSES:
        (row,) = [line for line in described if line.startswith("| `") and f"`{cause.slug}`" in line]
        assert ("| fails |" in row, "retries" in row) == (cause.probe is not None, cause.retried), cause.slug
