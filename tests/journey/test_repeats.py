"""Slack repeats a delivery that it is unsure of, even after a restart. Each command, click and event acts once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.slack.delivery import Ack, Delivered, Kind
from tests.journey.rig import ALERTS, ANN, BOB, PATIENCE, Rig, rigged
from tests.journey.valkey import Valkey

pytestmark = pytest.mark.journey

TAKEN_UP_WITHIN = 50.0  # another bot may still be at work for 30 s; then the inbox check comes every 10 s


def last(rig: Rig, kind: Kind) -> Delivered:
    return next(delivered for delivered in reversed(rig.sandbox.slack.delivery.log) if delivered.kind is kind)


async def again(rig: Rig, delivered: Delivered) -> Ack:
    """Sends the payload again in a new envelope, as Slack does."""
    return await rig.sandbox.slack.delivery.send(delivered.kind, delivered.payload)


def announcements(rig: Rig) -> int:
    return sum("added a watch" in message.text for message in rig.sandbox.slack.messages(ALERTS))


async def everything_is_through(rig: Rig) -> None:
    """Runs another command. Its effects come after those of everything sent before it."""
    await rig.ask("watch orders-us", user=BOB)
    await rig.card("bob added a watch", "orders-us")


@contextmanager
def frozen(valkey: Valkey) -> Iterator[None]:
    """Freezes Redis: it accepts connections and commands, but answers nothing."""
    assert valkey._process is not None
    valkey._process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        valkey._process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])
async def test_a_repeated_command_or_click_acts_once(tmp_path: Path, *, http: bool) -> None:
    async with rigged(tmp_path, http=http) as rig:
        await rig.ask("watch orders-eu")
        await rig.card("added a watch", "orders-eu")
        command = last(rig, Kind.COMMAND)
        assert (await again(rig, command)).ok
        answers = len(rig.sandbox.slack.ephemerals(ALERTS, ANN))

        await rig.ask("status orders-eu")
        await rig.click(rig.sandbox.slack.ephemerals(ALERTS, ANN)[-1], "share")
        await rig.card("orders-eu — RUNNING")
        click = last(rig, Kind.INTERACTIVE)
        assert (await again(rig, click)).ok

        await rig.kill()
        await rig.start()
        assert (await again(rig, command)).ok
        assert (await again(rig, click)).ok
        await everything_is_through(rig)
        assert announcements(rig) == 2  # of orders-eu, and of the latest failure
        assert sum("orders-eu — RUNNING" in message.text for message in rig.sandbox.slack.messages(ALERTS)) == 1
        assert len(rig.sandbox.slack.ephemerals(ALERTS, ANN)) <= answers + 1


async def test_the_next_bot_runs_a_command_that_was_acknowledged_before_a_crash(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        ack = await rig.sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "watch orders-eu")
        await rig.kill()
        assert ack.ok
        await rig.start()
        await rig.sandbox.until(lambda: announcements(rig) > 0, TAKEN_UP_WITHIN)
        await everything_is_through(rig)
        assert announcements(rig) == 2
        assert "orders-eu" in await rig.ask("watches")


async def test_an_event_delivered_twice_acts_once(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.ask("watch orders-eu")
        await rig.card("added a watch")
        rig.sandbox.slack.archive(ALERTS)
        direct = await rig.direct(ANN)
        await rig.card("can't post in", "archived", channel=direct)
        event = last(rig, Kind.EVENT)
        assert (await again(rig, event)).ok
        rig.sandbox.slack.unarchive(ALERTS)
        rig.set_phase("orders-eu", "FAILED")
        await rig.card("orders-eu failed", "Since")
        assert (await again(rig, event)).ok  # the event is late: the channel's true state counts
        rig.set_phase("orders-eu", "RUNNING")
        await rig.card("orders-eu recovered after")
        assert len(rig.sandbox.slack.messages(direct)) == 1


async def test_a_stale_button_says_the_failure_is_over_and_the_card_is_redrawn(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.ask("watch orders-eu")
        rig.set_phase("orders-eu", "FAILED")
        card = await rig.card("orders-eu failed", "Since")
        blocks = list(card.blocks)
        rig.set_phase("orders-eu", "RUNNING")
        await rig.card("orders-eu recovered after")
        turned = card.text
        card.blocks[:], card.text = blocks, "what somebody's client still shows"
        await rig.click(card, "acknowledge", user=BOB)
        await rig.sandbox.until(lambda: rig.sandbox.slack.ephemerals(ALERTS, BOB), PATIENCE)
        assert (
            "This failure of orders-eu is over: it recovered at" in rig.sandbox.slack.ephemerals(ALERTS, BOB)[-1].text
        )
        await rig.sandbox.until(lambda: card.text == turned, PATIENCE)


async def test_a_click_while_redis_hangs_is_acknowledged_in_time_and_promises_nothing(tmp_path: Path) -> None:
    async with Valkey(tmp_path / "valkey") as valkey, rigged(tmp_path, settings={"REDIS_URL": valkey.url}) as rig:
        await rig.ask("watch orders-eu")
        with frozen(valkey):
            answer = await rig.ask("watch orders-us")  # asserts an acknowledgement within 3 s
            assert "isn't done yet" in answer
            assert "I'll do it and tell you" in answer
        await rig.sandbox.until(lambda: announcements(rig) > 0, PATIENCE)
        assert "orders-us" in await rig.ask("watch orders-us")
