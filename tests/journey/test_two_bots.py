"""Two bots on one Redis, by accident or during a deploy: no repeats, no conflicts, one budget."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest

from sandbox.slack.messages import Message
from tests.journey.rig import ALERTS, BOB, PATIENCE, Rig, rigged
from tests.journey.valkey import Valkey

pytestmark = pytest.mark.journey

STEADY = 0.5  # seconds between two readings, from the rig's settings
NAMES = ("orders-eu", "orders-us")
NEVER_FLAPPING = {"PIPELINE_BOT_FLAP_ENTER_PERCENT": "100"}  # each failure is reported, in one story


@asynccontextmanager
async def two_bots(tmp_path: Path) -> AsyncIterator[tuple[Rig, Rig]]:
    """Starts two bots. The first one reads; both receive, answer and send."""
    async with Valkey(tmp_path / "valkey") as valkey:
        settings = {"REDIS_URL": valkey.url, "PIPELINE_BOT_TRANSIENT_SECONDS": str(STEADY), **NEVER_FLAPPING}
        async with rigged(tmp_path, settings=settings) as first:
            (tmp_path / "two").mkdir()
            second = Rig(first.sandbox, tmp_path / "two" / "data", http=False, settings=settings)
            await second.start()
            try:
                for name in NAMES:
                    await first.ask(f"watch {name} page @bob")
                    await first.card("added a watch", name)
                await first.reads(4)
                yield first, second
            finally:
                if second.process is not None and second.process.returncode is None:
                    second.process.kill()
                    await second.process.wait()


def reads_of(rig: Rig, name: str, since: int) -> int:
    pipeline = rig.pipeline(name)
    return sum(request.pipeline_id == pipeline for request in rig.sandbox.goldrush.requests[since:])


async def seconds_until_read(rig: Rig) -> float:
    began = monotonic()
    await rig.reads(4)
    return monotonic() - began


async def assert_reported_once(rig: Rig, name: str, *, failures: int) -> None:
    """Asserts one card for the story of these failures, and no message twice."""

    def cards() -> list[Message]:
        return [
            message
            for message in rig.sandbox.slack.messages(ALERTS)
            if f"{name} " in message.text and "watch" not in message.text
        ]

    await rig.ask("watches")  # the answer comes after all work under way, except updates that wait for a rate limit
    times = {1: f"{name} recovered after", 2: "failed twice"}.get(failures, f"failed {failures} times")
    await rig.sandbox.until(lambda: all(_is_over(card, name, times) for card in cards()), PATIENCE)
    assert len(cards()) == 1, [card.text for card in cards()]
    (root,) = cards()
    keys = Counter(key_of(message) for message in [root, *root.replies])
    assert max(keys.values()) == 1, keys


def _is_over(card: Message, name: str, times: str) -> bool:
    return f"{name} recovered after" in card.text and times in card.text


def key_of(message: Message) -> str:
    return str(message.metadata and message.metadata["event_payload"]["key"])


async def a_failure(rig: Rig, name: str) -> None:
    """The pipeline fails and recovers."""
    rig.set_phase(name, "FAILED")
    await rig.card(f"{name} failed", "Since")
    rig.set_phase(name, "RUNNING")
    await rig.card(f"{name} recovered after")


async def test_two_bots_report_each_change_once_and_share_one_budget(tmp_path: Path) -> None:
    async with two_bots(tmp_path) as (first, _):
        before = len(first.sandbox.goldrush.requests)
        began = monotonic()
        await asyncio.sleep(5)
        for name in NAMES:
            await a_failure(first, name)
        seconds = monotonic() - began
        for name in NAMES:
            assert reads_of(first, name, before) <= seconds / STEADY * 1.2 + 3
            await assert_reported_once(first, name, failures=1)
        direct = await first.direct(BOB)
        pages = [message.text for message in first.sandbox.slack.messages(direct)]
        assert len(pages) == len(NAMES)
        assert [call for call in first.sandbox.slack.calls if call.error] == []


async def test_a_click_counts_whichever_bot_receives_it(tmp_path: Path) -> None:
    async with two_bots(tmp_path) as (first, _):
        for name in NAMES * 3:
            first.set_phase(name, "FAILED")
            card = await first.card(f"{name} failed", "Since")
            before = len(first.sandbox.slack.ephemerals(ALERTS, BOB))
            await first.click(card, "acknowledge", user=BOB)
            answers = await answered(first, BOB, before)
            assert [answer.startswith("You acknowledged") for answer in answers] == [True]
            first.set_phase(name, "RUNNING")
            await first.card(f"{name} recovered after")


async def answered(rig: Rig, user: str, before: int) -> list[str]:
    """Returns the ephemeral answers since `seen`."""
    await rig.sandbox.until(lambda: len(rig.sandbox.slack.ephemerals(ALERTS, user)) > before, PATIENCE)
    return [message.text for message in rig.sandbox.slack.ephemerals(ALERTS, user)[before:]]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_the_other_bot_takes_over_within_seconds_and_loses_or_repeats_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with two_bots(tmp_path) as (first, second):
        await a_failure(first, "orders-eu")
        assert first.process is not None
        first.process.send_signal(number)
        first.set_phase("orders-eu", "FAILED")
        await first.process.wait()
        seconds = await seconds_until_read(first)
        assert seconds < (9 if number is signal.SIGTERM else 40)  # a dead bot keeps its leadership for ten
        card = await second.card("orders-eu failed", "Since")
        await second.click(card, "acknowledge", user=BOB)
        await second.thread(card, "Acknowledged by")
        second.set_phase("orders-eu", "RUNNING")
        await second.card("orders-eu recovered after")
        await assert_reported_once(second, "orders-eu", failures=2)


async def test_a_rolling_deploy_during_constant_changes(tmp_path: Path) -> None:
    async with two_bots(tmp_path) as (first, second):
        failing_often = asyncio.create_task(fail_often(first, 6))
        await asyncio.sleep(2)
        assert await first.stop() == 0
        await asyncio.sleep(2)
        await first.start()
        await asyncio.sleep(2)
        assert await second.stop() == 0
        failures = await failing_often
        await assert_reported_once(first, "orders-us", failures=failures)


async def fail_often(rig: Rig, failures: int) -> int:
    for _ in range(failures):
        await a_failure(rig, "orders-us")
    return failures
