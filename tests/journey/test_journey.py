"""The main job end to end: ask, watch, get news, get paged. The bot runs as a process, over real sockets."""

import json
from pathlib import Path

import pytest

from sandbox.goldrush_faults import Fault as GoldRushFault
from sandbox.goldrush_faults import FaultKind
from sandbox.slack.directory import BOT_USER
from tests.journey.rig import ALERTS, ANN, BOB, PATIENCE, QUIET, TEAM, Rig, rigged
from tests.journey.valkey import Valkey

pytestmark = pytest.mark.journey


async def fail_and_recover(rig: Rig) -> None:
    listed = await rig.ask("list")
    assert "orders-eu — RUNNING, live" in listed
    assert "&lt;!channel&gt;" in listed  # a name pings nobody
    assert "orders-eu — RUNNING, live" in await rig.ask("status ORDERS-EU")
    assert "orders-eu — all events, pages @bob on failure" in await rig.ask("watch orders-eu page @bob")
    await rig.card("ann added a watch")

    rig.set_phase("orders-eu", "FAILED")
    card = await rig.card("orders-eu failed", "Since", "<@U0BOB> please take a look")
    direct = await rig.direct(BOB)
    paged = await rig.card("orders-eu failed", "Since", channel=direct)
    await rig.thread(card, "Cause:")

    await rig.click(card, "acknowledge", user=BOB)
    await rig.card("orders-eu failed", "Since", "Acknowledged by bob at")
    await rig.thread(card, "Acknowledged by bob")
    await rig.card("Acknowledged by bob in #data-alerts", channel=direct)

    rig.set_phase("orders-eu", "DEPLOYING")
    await rig.card("orders-eu failed, now deploying")
    rig.set_phase("orders-eu", "RUNNING")
    recovered = await rig.card("orders-eu recovered after")
    assert recovered.ts == card.ts  # the same card, updated
    reply = await rig.thread(card, "orders-eu recovered after")
    assert reply.broadcast
    assert [reply.text.split(" ")[0] for reply in card.replies] == ["Cause:", "Acknowledged", "deploying:", "orders-eu"]
    assert (await rig.card("orders-eu recovered after", channel=direct)).ts == paged.ts


@pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])
async def test_a_channel_watches_a_pipeline_and_hears_of_its_failure(tmp_path: Path, *, http: bool) -> None:
    async with rigged(tmp_path, http=http) as rig:
        await fail_and_recover(rig)
        errors = [call for call in rig.sandbox.slack.calls if call.error]
        assert errors == []
        assert await rig.stop() == 0


async def test_after_kill_9_the_watch_remains_and_missed_changes_are_reported_once(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.ask("watch orders-eu page @bob")
        await rig.card("added a watch")
        await rig.reads(3)
        await rig.kill()
        rig.set_phase("orders-eu", "FAILED")
        await rig.start()
        card = await rig.card("orders-eu failed", "Since", "<@U0BOB>")
        assert "orders-eu — all events, pages @bob" in await rig.ask("watches")
        await rig.kill()
        await rig.start()
        rig.set_phase("orders-eu", "RUNNING")
        assert (await rig.card("orders-eu recovered after")).ts == card.ts
        await rig.thread(card, "recovered after")
        roots = [message.text for message in rig.sandbox.slack.messages(ALERTS) if "orders-eu" in message.text]
        assert len(roots) == 2  # the announcement and the card
        assert len([message for message in card.replies if message.broadcast]) == 1


async def test_a_hanging_goldrush_delays_no_acknowledgement_and_the_answer_shows_its_age(tmp_path: Path) -> None:
    async with rigged(tmp_path, settings={"PIPELINE_BOT_READ_TIMEOUT_SECONDS": "1"}) as rig:
        await rig.ask("watch orders-eu")
        rig.sandbox.goldrush.set_fault(GoldRushFault(kind=FaultKind.HANG))
        answer = await rig.ask("status orders-us")  # asserts an acknowledgement within 3 s
        assert "I couldn't read it just now: GoldRush didn't answer within 1 s." in answer
        assert "never read" in answer
        assert " ago" in await rig.ask("status")


async def test_an_archived_channel_is_suspended_and_its_maker_notified(
    tmp_path: Path,
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.ask("watch orders-eu")
        await rig.ask("watch orders-eu", channel=TEAM, user=BOB)
        await rig.card("added a watch", channel=TEAM)
        await rig.card("added a watch")
        rig.sandbox.slack.archive(ALERTS)
        rig.set_phase("orders-eu", "FAILED")
        await rig.card("orders-eu failed", "Since", channel=TEAM)
        direct = await rig.direct(ANN)
        await rig.card("can't post in", "archived", channel=direct)
        rig.sandbox.slack.unarchive(ALERTS)
        rig.sandbox.slack.invite_bot(ALERTS)
        await rig.card("orders-eu failed", "Since")


async def test_a_channel_with_another_id_keeps_its_watches_and_its_card(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.ask("watch orders-eu")
        rig.set_phase("orders-eu", "FAILED")
        card = await rig.card("orders-eu failed")
        slack = rig.sandbox.slack
        slack.change_id(ALERTS)
        (new,) = [channel for channel in slack.directory.channels if channel.startswith("C0MOVED")]
        events = slack.delivery.log
        await rig.sandbox.until(lambda: "channel_id_changed" in str(events[-1].payload) and events[-1].ack.ok, PATIENCE)
        assert "orders-eu" in await rig.ask("watches", channel=new)
        await rig.click(card, "acknowledge", user=BOB)
        acknowledged = await rig.card("orders-eu failed", "Acknowledged by bob", channel=new)
        assert acknowledged.ts == card.ts
        rig.set_phase("orders-eu", "RUNNING")
        assert (await rig.thread(acknowledged, "orders-eu recovered after")).broadcast
        assert [call for call in slack.calls if call.error] == []
        assert await rig.stop() == 0


async def test_the_bot_says_at_once_that_it_is_not_a_member(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        rig.sandbox.slack.scopes.discard("channels:join")
        answer = await rig.ask("watch orders-eu", channel=QUIET)
        assert "I'm not in this channel" in answer
        assert "/invite" in answer
        answer = await rig.ask("watch orders-eu in #quiet")
        assert "I'm not in <#C0QUIET>" in answer
        assert "watches nothing" in await rig.ask("watches", channel=QUIET)


async def test_the_bot_joins_a_channel_only_to_watch_something(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        members = rig.sandbox.slack.directory.channels[QUIET].members
        for text in (
            "watch nosuch",
            "watch orders-eu nosuch",
            "watch orders-eu page @nobody",
            "watch orders-eu on nonsense",
        ):
            await rig.ask(text, channel=QUIET)
            assert BOT_USER not in members
        await rig.ask("watch orders-eu", channel=QUIET)
        assert BOT_USER in members


async def test_buttons_refresh_share_turn_pages_and_unwatch(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        for number in range(45):
            rig.sandbox.goldrush.add(name=f"fleet-{number:02}", project="fleet")
        assert "45 pipelines" in await rig.ask("list fleet")
        answer = rig.sandbox.slack.ephemerals(ALERTS, ANN)[-1]
        await rig.click(answer, "next")
        await rig.sandbox.until(lambda: "page 2 of 3" in rig.sandbox.slack.ephemerals(ALERTS, ANN)[-1].text, PATIENCE)
        await rig.click(rig.sandbox.slack.ephemerals(ALERTS, ANN)[-1], "share")
        shared = await rig.card("45 pipelines", "page 2 of 3")
        assert not any(block["type"] == "actions" for block in shared.blocks)
        await rig.ask("watch orders-us")
        rig.set_phase("orders-us", "FAILED")
        card = await rig.card("orders-us failed", "Since")
        await rig.choose(card, "card_menu", "Refresh")
        await rig.sandbox.until(
            lambda: "orders-us — FAILED" in rig.sandbox.slack.ephemerals(ALERTS, ANN)[-1].text, PATIENCE
        )
        await rig.choose(card, "card_menu", "Unwatch")
        await rig.card("no longer watch")


async def test_the_bot_survives_a_restart_of_the_store(tmp_path: Path) -> None:
    async with Valkey(tmp_path / "valkey") as valkey, rigged(tmp_path, settings={"REDIS_URL": valkey.url}) as rig:
        await rig.ask("watch orders-eu")
        await rig.card("added a watch")
        await valkey.stop()
        assert "I can't reach my database" in await rig.ask("watch orders-us")
        rig.set_phase("orders-eu", "FAILED")
        await valkey.start()
        await rig.card("orders-eu failed", "Since")
        assert "orders-us" in await rig.ask("watch orders-us")


async def test_logs_contain_no_secret(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.ask("watch orders-eu")
        rig.sandbox.goldrush.set_fault(GoldRushFault(kind=FaultKind.UNAUTHORIZED))
        await rig.reads(3)
        await rig.stop()
        log = rig.log.read_text()
    assert "GoldRush answered 401" in log
    for secret in ("xoxb-sandbox", "xapp-sandbox", "demo-service-key"):
        assert secret not in log
    for line in log.splitlines():
        json.loads(line)  # one event a line, also from libraries
