"""From the API's FAILED to Slack's history, with a budget of 10 requests a second and 60 or 600 pipelines.

    python -m bench --only detection

Pipelines fail one after the other, at random. Each has a project and a destination of its own: after a failure the bot
reads the project's others early, and with many failures that would take much of the budget. Each also has a channel of
its own, so no message waits for Slack's limit. A failed pipeline recovers when its message stands, to keep the fleet
steady. Even polling at budget B finds a failure of one of n pipelines after n/2B on average.

One round of many failures: the moments of the failures decide the result, not the machine.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from bench.bot_process import RunningBot, command, open_channels, running_bot
from bench.experiment import Absent, Experiment, Measurement, Results, Row, Run, at_most
from bench.fleet import Fleet, fleet
from tests.journey.rig import ALERTS, Rig

BUDGET = 10.0
"""Requests per second."""
LEAST_SECONDS = 2.5
"""Half of the shortest period of a steady pipeline."""
FLEETS = (60, 600)
QUICK_FLEETS = (60,)
FAILURES = 60
QUICK_FAILURES = 2
GAP_SECONDS = 2.0  # between two failures
PATIENCE_SECONDS = 240.0
SEED = 10


def _total(count: int) -> Row:
    return Row(
        name=f"detection-{count}",
        label="G5",
        what=f"FAILED to Slack's history, mean of {count} pipelines at {BUDGET:g} req/s",
        against="max(n/2B, 2.5 s)",
        goal=at_most(1.2),
    )


def _after_read(count: int) -> Row:
    return Row(
        name=f"delivery-{count}",
        label="G5",
        what=f"from the read to Slack's history, mean of {count} pipelines",
        against="the limit",
        goal=at_most(1.0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """One failure; all times in seconds."""

    wait: float
    """From the change to the read that sees it."""
    delivery: float
    """From that read to the message."""


async def measure(run: Run) -> Results:
    results: dict[str, Measurement | Absent] = {}
    for count in FLEETS:
        total, after_read = _total(count), _after_read(count)
        if run.quick and count not in QUICK_FLEETS:
            results |= dict.fromkeys((total.name, after_read.name), Absent("only in a full run"))
            continue
        run.tell(f"{count} pipelines")
        found = await _detect(count, QUICK_FAILURES if run.quick else FAILURES, rounds=1 if run.quick else 2)
        wait, delivery = fmean(one.wait for one in found), fmean(one.delivery for one in found)
        note = f"{len(found)} failures; {wait / (wait + delivery):.0%} of it waiting for the read"
        floor = max(count / 2 / BUDGET, LEAST_SECONDS)
        results[total.name] = Measurement(value=wait + delivery, peer=floor, unit="s", note=note)
        slowest = max(one.delivery for one in found)
        results[after_read.name] = Measurement(value=delivery, peer=1.0, unit="s", note=f"max {slowest:.2f} s")
    return results


async def _detect(count: int, failures: int, *, rounds: int) -> list[Detected]:
    """Before the first failure, the bot reads all pipelines `rounds` times."""
    settings = {"PIPELINE_BOT_REQUESTS_PER_SECOND": f"{BUDGET:g}"}
    async with fleet(count, projects=count) as served, running_bot(served, settings) as bot:
        chance = random.Random(SEED)  # noqa: S311 (a sample, no secret)
        failing = chance.sample(range(count), min(failures, count))
        await _watch(bot.rig, [served.name(number) for number in sorted(failing)])
        for _ in range(rounds):  # the second round is even
            await served.until_read(count, PATIENCE_SECONDS)
        async with asyncio.TaskGroup() as tasks:
            found = [
                tasks.create_task(_fail(served, bot, number, chance.uniform(place, place + 1) * GAP_SECONDS))
                for place, number in enumerate(failing)
            ]
    return [task.result() for task in found]


async def _watch(rig: Rig, names: Sequence[str]) -> None:
    """A channel for each name, and one that watches all pipelines but hears of no failure, so that all are read.

    A new watch reads its pipeline at once. So the order of `names` must not be the order of the failures.
    """
    await command(rig, ALERTS, "list")
    await _told(rig, ALERTS, "watch * on gone")
    channels = {f"C0FLEET{place:02}": name for place, name in enumerate(names)}
    open_channels(rig.sandbox, channels)
    for channel, name in channels.items():
        await _told(rig, channel, f"watch {name}")


async def _told(rig: Rig, channel: str, text: str) -> None:
    answer = await command(rig, channel, text)
    if "atch" not in answer:
        raise RuntimeError(answer)


async def _fail(served: Fleet, bot: RunningBot, number: int, seconds: float) -> Detected:
    """Lets the pipeline fail after so many seconds, and waits for its message."""
    await asyncio.sleep(seconds)
    failed_at = await served.set_phase([number], "FAILED")
    text = f"{served.name(number)} failed"
    posted_at = await bot.rig.sandbox.until(lambda: _posted_at(bot.rig, text), PATIENCE_SECONDS)
    _, read_at = (await served.report()).noticed[number]
    await served.set_phase([number], "RUNNING")
    assert posted_at is not None
    return Detected(wait=read_at - failed_at, delivery=posted_at - read_at)


def _posted_at(rig: Rig, text: str) -> float | None:
    posts = (call for call in rig.sandbox.slack.accepted if call.method == "chat.postMessage")
    return next((post.at for post in posts if text in post.text), None)


EXPERIMENT = Experiment(
    name="detection",
    rows=tuple(row(count) for count in FLEETS for row in (_total, _after_read)),
    measure=measure,
    rounds=1,
)
