"""How early the whole bot finds a failure at 4 requests a second, on a virtual clock with an in-memory GoldRush.

The mean delay follows from the read times: a change at any moment waits for the next read of its pipeline. And 20 of
300 pipelines fail at once: the time from the first one found to the last. And 60 of 600 fail one after the other, right
after a start from cold, and recover as soon as the bot has seen it: the mean delay meanwhile.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from random import Random

import fakeredis

from bench.experiment import Experiment, Measurement, Results, Row, Run, at_most
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.monitoring.scheduler import TICK_SECONDS
from tests.service.test_poller import FAILED, LIVE, Bot, pipelines, running

RATE = 4.0
FLEETS = (20, 60, 300)
QUICK_FLEETS = (20, 60)
BURST, AMONG = 20, 300
BURST_SECONDS = 10.0
SERIES, SERIES_AMONG, SERIES_RATE = 60, 600, 10.0
SERIES_GAP_SECONDS = 2.0

_ROWS = {
    number: Row(
        name=f"cadence-live-{number}",
        label="G4",
        what=f"mean delay to find a failure, {number} equal pipelines at {RATE:g} req/s",
        against="max(n/2B, 2.5 s)",
        goal=at_most(1.1),
    )
    for number in FLEETS
}
_BURST = Row(
    name="cadence-burst",
    label="G4",
    what=f"{BURST} of {AMONG} pipelines, one project, fail at once: from the first found to the last",
    against="10 s",
    goal=at_most(1.0),
)
_SERIES = Row(
    name="cadence-series",
    label="G4",
    what=f"mean delay while {SERIES} of {SERIES_AMONG} fail in {SERIES * SERIES_GAP_SECONDS:g} s, from cold",
    against="n/2B",
    goal=at_most(1.05),
)


async def measure(run: Run) -> Results:
    results = {}
    for number in QUICK_FLEETS if run.quick else FLEETS:
        run.tell(f"{number} pipelines")
        floor = max(number / 2 / RATE, 2.5)
        results[_ROWS[number].name] = Measurement(value=await _mean_delay(number), peer=floor, unit="s")
    run.tell("a burst")
    found = await _burst()
    note = f"even polling needs up to {AMONG / RATE:.0f} s"
    results[_BURST.name] = Measurement(value=found, peer=BURST_SECONDS, unit="s", note=note)
    if not run.quick:
        run.tell("a series of failures")
        floor = SERIES_AMONG / 2 / SERIES_RATE
        results[_SERIES.name] = Measurement(value=await _series(), peer=floor, unit="s")
    return results


async def _mean_delay(number: int) -> float:
    at: dict[PipelineId, list[float]] = defaultdict(list)
    async with running(fakeredis.FakeAsyncRedis(), *pipelines(number), rate=RATE) as bot:
        await _watch_all(bot)
        await bot.poll(max(20.0, 1.5 * number / RATE))
        for _ in range(round(max(100.0, 3 * number / RATE) / TICK_SECONDS)):
            before = len(bot.api.reads)
            await bot.poll(TICK_SECONDS)
            for pipeline_id in bot.api.reads[before:]:
                at[pipeline_id].append(bot.clock.monotonic())
    return _delay(later - earlier for times in at.values() for earlier, later in pairwise(times))


def _delay(gaps: Iterable[float]) -> float:
    """The mean time from a change to the next read, if changes come at any time with the same chance."""
    waited = [(gap * gap / 2, gap) for gap in gaps]
    return sum(wait for wait, _ in waited) / sum(gap for _, gap in waited)


async def _series() -> float:
    """The mean delay of the reads of RUNNING pipelines, from the first failure to the last one found."""
    known = [replace(pipeline, project=f"project-{number}") for number, pipeline in enumerate(pipelines(SERIES_AMONG))]
    failing = Random(1).sample([pipeline.id for pipeline in known], SERIES)  # noqa: S311 (a sample, no secret)
    begin, failed, seen, gaps = 2 * SERIES_AMONG / SERIES_RATE, set[PipelineId](), set[PipelineId](), list[float]()
    last: dict[PipelineId, float] = {}
    async with running(fakeredis.FakeAsyncRedis(), *known, rate=SERIES_RATE) as bot:
        await _watch_all(bot)
        began = bot.clock.monotonic()
        while len(seen) < SERIES:
            due = round((bot.clock.monotonic() - began - begin) / SERIES_GAP_SECONDS)
            failed.update(failing[: max(0, due)])
            bot.api.statuses |= dict.fromkeys(failed - seen, FAILED) | dict.fromkeys(seen, LIVE)
            before = len(bot.api.reads)
            await bot.poll(TICK_SECONDS)
            now = bot.clock.monotonic()
            for pipeline_id in bot.api.reads[before:]:
                if due >= 0 and bot.repository.record(pipeline_id).state.phase == Phase.RUNNING:
                    gaps.append(now - last[pipeline_id])
                last[pipeline_id] = now
            seen.update(one for one in failed - seen if bot.repository.record(one).state.phase == Phase.FAILED)
    return _delay(gaps)


async def _burst() -> float:
    every = AMONG // BURST
    known = [
        replace(pipeline, project="burst" if number % every == 0 else f"project-{number}")
        for number, pipeline in enumerate(pipelines(AMONG))
    ]
    failing = [pipeline.id for pipeline in known if pipeline.project == "burst"]
    seen: dict[PipelineId, float] = {}
    async with running(fakeredis.FakeAsyncRedis(), *known, rate=RATE) as bot:
        await _watch_all(bot)
        await bot.poll(1.2 * AMONG / RATE)
        bot.api.statuses |= dict.fromkeys(failing, FAILED)
        while len(seen) < len(failing):
            await bot.poll(TICK_SECONDS)
            for pipeline_id in failing:
                if bot.repository.record(pipeline_id).state.phase == Phase.FAILED:
                    seen.setdefault(pipeline_id, bot.clock.monotonic())
    return max(seen.values()) - min(seen.values())


async def _watch_all(bot: Bot) -> None:
    await bot.watch("orders-*")
    listing = asyncio.create_task(bot.scheduler.refresh_catalogue())
    while not listing.done():  # a large listing waits for the budget
        await bot.poll(TICK_SECONDS)


EXPERIMENT = Experiment(name="live-cadence", rows=(*_ROWS.values(), _BURST, _SERIES), measure=measure, rounds=1)
