"""How early the whole bot finds a failure at 4 requests a second, on a virtual clock with an in-memory GoldRush.

The mean delay follows from the read times: a change at any moment waits for the next read of its pipeline. And 20 of
300 pipelines fail at once: the time from the first one found to the last.
"""

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import fakeredis

from bench.experiment import Experiment, Measurement, Results, Row, Run, at_most
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.monitoring.scheduler import TICK_SECONDS
from tests.service.test_poller import FAILED, Bot, pipelines, running

RATE = 4.0
FLEETS = (20, 60, 300)
QUICK_FLEETS = (20, 60)
BURST, AMONG = 20, 300
BURST_SECONDS = 10.0

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
    gaps = [later - earlier for times in at.values() for earlier, later in pairwise(times)]
    return sum(gap * gap / 2 for gap in gaps) / sum(gaps)


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
    await bot.scheduler.refresh_catalogue()


EXPERIMENT = Experiment(name="live-cadence", rows=(*_ROWS.values(), _BURST), measure=measure, rounds=1)
