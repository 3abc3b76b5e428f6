"""Kills the bot over and over, under every kind of fault, and judges the messages in Slack.

python -m tests.proofs.crash              500 kills over 20 seeds; then, per scenario, one life for each n-th call
python -m tests.proofs.crash --seed 7     repeats one seed
python -m tests.proofs.crash --roles split   the random kills, with a process for each role
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from multiprocessing.process import BaseProcess

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from sandbox.child_processes import end_with_parent
from sandbox.goldrush_faults import Fault as ApiFault
from sandbox.goldrush_faults import FaultKind as ApiFaultKind
from sandbox.slack.faults import Fault, FaultKind, Moment
from tests.proofs.rounds import KINDS, Round, a_directory
from tests.proofs.sweep import SCENARIOS, a_sweep, calm
from tests.proofs.world import READS, SECOND, World, a_world

PIPELINES = 6
CALM_SECONDS = 6.0
ROLES = {"seed": ("all",), "split": ("scheduler", "reader", "slack", "sender")}
"""The processes of a bot, by the kind of a task."""
POST, HISTORY = "chat.postMessage", "conversations.history"

Trouble = Callable[[World, random.Random], Coroutine[None, None, None]]


def _slack(method: str, kind: FaultKind, when: Moment = Moment.BEFORE, *, at_most: int = 4, **more: float) -> Trouble:
    async def trouble(world: World, chance: random.Random) -> None:
        fault = Fault(kind=kind, when=when, times=chance.randint(1, at_most), **more)  # type: ignore[arg-type]
        world.sandbox.slack.set_fault(method, fault)

    return trouble


def _goldrush(kind: ApiFaultKind) -> Trouble:
    async def trouble(world: World, chance: random.Random) -> None:
        with world.reading_is_late():
            world.sandbox.goldrush.set_fault(ApiFault(kind=kind, times=chance.randint(1, 6)))
            while world.sandbox.goldrush.faults:
                await asyncio.sleep(0.02)

    return trouble


async def _nothing(_: World, __: random.Random) -> None:
    pass


async def _freeze(world: World, chance: random.Random) -> None:
    """Freezes the bot, or one of its processes, for 1 to 40 of its scaled seconds."""
    for bot in _one_of(world, chance):
        await world.freeze(bot, chance.uniform(1, 40) * SECOND)


async def _two_bots(world: World, chance: random.Random) -> None:
    """With several roles, the second process plays any of them: it may be a standby or one more reader."""
    world.start_bot(role=chance.choice(world.roles))


async def _two_bots_one_frozen(world: World, chance: random.Random) -> None:
    world.start_bot(role=chance.choice(world.roles))
    await _freeze(world, chance)


async def _redis_killed(world: World, chance: random.Random) -> None:
    """Kills Redis for 0 to 10 s. The bot cannot store readings meanwhile and repeats them."""
    async with world.still:
        with world.reading_is_late():
            await world.valkey.kill()
            await asyncio.sleep(chance.uniform(0, 10) * SECOND)
            await world.valkey.start()
        await _all_read(world)


async def _redis_forgets(world: World, chance: random.Random) -> None:
    """Redis loses 0.1 to 4 s. No phase changes until the bot has read all again: it cannot report an unseen phase."""
    async with world.still:
        with world.reading_is_late():
            await world.valkey.forget(chance.uniform(0.1, 4) * SECOND)
        await _all_read(world)


async def _all_read(world: World) -> None:
    await asyncio.gather(*(world.reads(name, READS) for name in world.names))


TROUBLES: dict[str, Trouble] = {
    "nothing else": _nothing,
    "bot frozen 1 to 40 s": _freeze,
    "two bots": _two_bots,
    "two bots, one frozen": _two_bots_one_frozen,
    "Redis killed": _redis_killed,
    "Redis loses its last 0.1 to 4 s": _redis_forgets,
    "Slack 500, not posted": _slack(POST, FaultKind.SERVER_ERROR),
    "Slack 500, posted": _slack(POST, FaultKind.SERVER_ERROR, Moment.AFTER),
    "Slack reset, not posted": _slack(POST, FaultKind.RESET),
    "Slack reset, posted": _slack(POST, FaultKind.RESET, Moment.AFTER),
    "Slack silent, not posted": _slack(POST, FaultKind.HANG),
    "Slack silent, posted": _slack(POST, FaultKind.HANG, Moment.AFTER),
    "Slack lands 3 s late": _slack(POST, FaultKind.LAND_LATE, seconds=3 * SECOND),
    "Slack 429": _slack(POST, FaultKind.THROTTLED),
    "Slack 429 for 3 s": _slack(POST, FaultKind.THROTTLED, at_most=1, retry_after=3),  # longer than a lane's lease
    "Slack 429, yet posted": _slack(POST, FaultKind.THROTTLED, Moment.AFTER),
    "Slack ok without ts": _slack(POST, FaultKind.NO_TS),
    "Slack answer cut short": _slack(POST, FaultKind.TRUNCATED),
    "Slack update 500": _slack("chat.update", FaultKind.SERVER_ERROR, Moment.AFTER),
    "GoldRush 500": _goldrush(ApiFaultKind.SERVER_ERROR),
    "GoldRush silent": _goldrush(ApiFaultKind.HANG),
    "GoldRush 429": _goldrush(ApiFaultKind.THROTTLED),
    "GoldRush no JSON": _goldrush(ApiFaultKind.NOT_JSON),
}


# --- random kills ----------------------------------------------------------------------------------------------------


async def _changes(world: World, chance: random.Random, name: str) -> None:
    """Runs one episode of one pipeline and holds each phase until the bot must have seen it."""
    for phase in (chance.choice(("FAILED", "FAILED", "PAUSED")), "RUNNING"):
        await asyncio.sleep(chance.uniform(0, 0.5))
        async with world.still:
            world.set_phase(name, phase)
        await world.reads(name, READS)


async def _kills(world: World, chance: random.Random, count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(chance.uniform(0.3, 1.5))
        for bot in _one_of(world, chance):
            bot.kill()


def _one_of(world: World, chance: random.Random) -> list[BaseProcess]:
    """The oldest process, or with several roles any; none if all are dead."""
    return world.bots[:1] if len(world.roles) == 1 or not world.bots else [chance.choice(world.bots)]


async def a_round(world: World, chance: random.Random, trouble: str, kills: int) -> Round:
    began = time.monotonic()
    names = chance.sample(world.names, chance.randint(1, 4))
    async with asyncio.TaskGroup() as tasks:
        for name in names:
            tasks.create_task(_changes(world, chance, name))
        tasks.create_task(_kills(world, chance, kills))
        tasks.create_task(TROUBLES[trouble](world, chance))
    world.sandbox.slack.faults.clear()
    world.sandbox.goldrush.faults.clear()
    verdict = await world.settled()
    traffic, crashed = world.traffic(), world.crashed()
    return Round.of(trouble, kills, began, verdict, world.directory, traffic=traffic, crashed=crashed)


async def a_seed(seed: int, kills: int, roles: tuple[str, ...] = ("all",)) -> AsyncIterator[Round]:
    """Runs rounds until there were `kills` kills. A fault ends the world, so that it is counted once."""
    chance = random.Random(seed)  # noqa: S311
    order = list(TROUBLES)
    chance.shuffle(order)
    done = number = 0
    while done < kills:
        with a_directory() as directory:
            async with a_world(directory, PIPELINES, chance, roles) as world, world.kept_alive():
                while done < kills:
                    count = min(chance.randint(1, 3), kills - done)
                    result = await a_round(world, chance, order[number % len(order)], count)
                    done, number = done + count, number + 1
                    yield result
                    if result.faults:
                        break
                else:
                    yield await calm(world, "all of them, then none", CALM_SECONDS)


# --- many at once ----------------------------------------------------------------------------------------------------


async def _work(task: str) -> None:
    """Prints each round as a line of JSON. `task` is `seed:NUMBER:KILLS`, `split:…` or `SCENARIO:FIRST_CALL:STEP`."""
    kind, *texts = task.split(":")
    numbers = [int(text) for text in texts]
    rounds = a_seed(numbers[0], numbers[1], ROLES[kind]) if kind in ROLES else a_sweep(kind, *numbers)
    async for round_ in rounds:
        print(json.dumps(round_.__dict__), flush=True)  # noqa: T201


async def _run(tasks: list[str], workers: int, expected: int) -> list[tuple[str, Round]]:
    done: list[tuple[str, Round]] = []
    waiting = list(reversed(tasks))
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task(
            "kills", total=None if any(name.split(":")[0] not in ROLES for name in tasks) else expected
        )

        async def worker() -> None:
            while waiting:
                task = waiting.pop()
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "tests.proofs.crash", "--task", task, stdout=asyncio.subprocess.PIPE
                )
                end_with_parent(process.pid)
                assert process.stdout is not None
                async for line in process.stdout:
                    finished = Round(**json.loads(line))
                    done.append((task, finished))
                    if finished.faults:
                        progress.console.print(f"{task}, {finished.trouble}: {'; '.join(finished.faults)}")
                    progress.advance(bar, finished.kills)
                if await process.wait():
                    done.append((task, Round("the harness itself", 0, 0.0, ["it ended with an error"])))

        await asyncio.gather(*(worker() for _ in range(workers)))
    return done


def _report(done: list[tuple[str, Round]], out: Console) -> int:
    table = Table("fault", "rounds", "kills", *(kind.replace("_", " ") for kind in KINDS), "slowest s")
    for trouble in dict.fromkeys(round_.trouble for _, round_ in done):
        rounds = [round_ for _, round_ in done if round_.trouble == trouble]
        sums: Counter[str] = Counter()
        for round_ in rounds:
            sums.update(round_.verdict)
        slowest = max(round_.seconds for round_ in rounds)
        kills = sum(round_.kills for round_ in rounds)
        table.add_row(trouble, str(len(rounds)), str(kills), *(str(sums[kind]) for kind in KINDS), f"{slowest:.1f}")
    out.print(table)
    faulty = [(task, round_) for task, round_ in done if round_.faults]
    for task, round_ in faulty:
        out.print(f"{task}, {round_.trouble}: {'; '.join(round_.faults)}")
    total = sum(round_.kills for _, round_ in done)
    out.print(f"{total} kills, {len(done)} rounds, {len(faulty)} with a fault.")
    return 1 if faulty else 0


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--kills", type=int, default=500, help="in all seeds together")
    options.add_argument("--seed", type=int, help="this one only")
    options.add_argument("--roles", choices=["all", "split"], default="all", help="split: a process for each role")
    options.add_argument("--step", type=int, default=1, help="of the sweep: every n-th call of a life; 0 for none")
    options.add_argument("--scenario", action="append", choices=list(SCENARIOS), help="of the sweep: not all of them")
    options.add_argument("--workers", type=int, default=4, help="two a core: where they starve, waits run out")
    options.add_argument("--task", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.task:
        asyncio.run(_work(chosen.task))
        return 0
    seeds = [chosen.seed] if chosen.seed is not None else list(range(1, chosen.seeds + 1))
    kills = chosen.kills // (chosen.seeds or 1)
    kind = "split" if chosen.roles == "split" else "seed"
    tasks = [f"{kind}:{seed}:{kills}" for seed in seeds] if chosen.seeds else []
    if chosen.step and chosen.seed is None and kind == "seed":
        parts = max(1, chosen.workers // 2)  # side by side
        for scenario in chosen.scenario or SCENARIOS:
            tasks += [f"{scenario}:{1 + part * chosen.step}:{parts * chosen.step}" for part in range(parts)]
    done = asyncio.run(_run(tasks, chosen.workers, len(seeds) * kills))
    return _report(done, Console(width=160))


if __name__ == "__main__":
    sys.exit(main())
