"""Ends the bot's life at its n-th call, for every n, in each of several scenarios."""

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from sandbox.slack.faults import Fault, FaultKind, Moment
from sandbox.slack.messages import Message
from tests.proofs.crash_points import DIED
from tests.proofs.oracle import announces
from tests.proofs.paging_sweep import (
    MANY_ROUNDS,
    fails_while_muted,
    nobody_answers,
    pages_by_policy,
    somebody_answers,
)
from tests.proofs.rounds import Round, a_directory
from tests.proofs.world import CHANNELS, PATIENCE, READS, SECOND, World, a_world

PIPELINES = 6
CALM_SECONDS = 3.0  # the bot must have sent everything by then
POST = "chat.postMessage"
ALERTS, QUIET = CHANNELS[0], "C0QUIET"


async def _phases(world: World, names: Sequence[str], phase: str) -> None:
    for name in names:
        world.set_phase(name, phase)
    await world.reported_or_read(names, READS)


async def _fails_and_recovers(world: World, names: Sequence[str]) -> None:
    await _phases(world, names, "FAILED")
    await _phases(world, names, "RUNNING")


async def _pauses(world: World, names: Sequence[str]) -> None:
    await _phases(world, names, "PAUSED")
    await _phases(world, names, "RUNNING")


async def _is_acknowledged(world: World, names: Sequence[str]) -> None:
    await _phases(world, names, "FAILED")
    slack = world.sandbox.slack
    await slack.until(lambda: _cards(world, names[0]), PATIENCE)
    card = _cards(world, names[0])[0]
    await world.retry_until_heard(
        lambda: slack.click("U0ANN", ALERTS, card.ts, "acknowledge"), lambda: "cknowledged" in card.text
    )
    await slack.until(lambda: "cknowledged" in card.text, PATIENCE)
    await _phases(world, names, "RUNNING")


def _cards(world: World, name: str) -> list[Message]:
    """Returns the open failure cards. A closed card has more text after "failed"."""
    failing = re.compile(rf"{re.escape(name)} failed(?: after .* healthy)?$", re.MULTILINE)
    return [message for message in world.sandbox.slack.messages(ALERTS) if failing.search(message.text)]


async def _is_watched(world: World, names: Sequence[str]) -> None:
    """One more channel watches the pipeline and gets the same messages as the others."""
    slack = world.sandbox.slack
    slack.invite_bot(QUIET)
    await world.retry_until_heard(lambda: slack.run_command("U0ANN", QUIET, "/pipeline", f"watch {names[0]}"))
    world.watched.setdefault(QUIET, []).append(names[0])
    await slack.until(lambda: _announced(world, names[0]), PATIENCE)
    await _fails_and_recovers(world, names)


def _announced(world: World, name: str) -> bool:
    return any(announces(message.text) and name in message.text for message in world.sandbox.slack.messages(QUIET))


async def _beside_another(world: World, names: Sequence[str]) -> None:
    """A second bot starts. The first one already reads."""
    await world.reads(names[0], 1)
    world.start_bot()
    await _fails_and_recovers(world, names)


async def _redis_restarts(world: World, names: Sequence[str]) -> None:
    await _phases(world, names, "FAILED")
    with world.reading_is_late():
        await world.valkey.kill()
        await world.valkey.start()
    await _phases(world, names, "RUNNING")


async def _redis_forgets(world: World, names: Sequence[str]) -> None:
    for name in names:
        world.set_phase(name, "FAILED")
    with world.reading_is_late():
        await world.valkey.forget(4 * SECOND)
    await asyncio.gather(*(world.reads(name, READS) for name in names))
    await _phases(world, names, "RUNNING")


def _yet_posted(kind: FaultKind) -> Callable[[World, Sequence[str]], Awaitable[None]]:
    async def happens(world: World, names: Sequence[str]) -> None:
        world.sandbox.slack.set_fault(POST, Fault(kind=kind, when=Moment.AFTER, times=1))
        await _fails_and_recovers(world, names)
        world.sandbox.slack.faults.clear()

    return happens


async def throttles(world: World, name: str, seconds: int) -> None:
    """Slack answers the first message about this pipeline with 429 and a Retry-After."""
    world.sandbox.slack.set_fault(POST, Fault(kind=FaultKind.THROTTLED, retry_after=seconds, times=1))
    world.set_phase(name, "FAILED")
    await world.sandbox.slack.until(lambda: POST not in world.sandbox.slack.faults.active(), PATIENCE)


async def _throttled(world: World, names: Sequence[str]) -> None:
    """The Retry-After outlasts a dead bot's lease, so only the stored throttle makes the next life wait."""
    first, *others = names
    await throttles(world, first, 3)
    await _phases(world, others, "FAILED")
    await _phases(world, names, "RUNNING")


@dataclass(frozen=True, slots=True)
class Scenario:
    """Changes of some pipelines during the life of a bot that will crash."""

    happens: Callable[[World, Sequence[str]], Awaitable[list[str] | None]]
    """May return faults of its own."""
    pipelines: int = 1
    prepare: Callable[[World], Awaitable[None]] | None = None


SCENARIOS = {
    "a failure": Scenario(_fails_and_recovers),
    "three at once": Scenario(_fails_and_recovers, pipelines=3),
    "a group": Scenario(_fails_and_recovers, pipelines=6),
    "a pause": Scenario(_pauses),
    "acknowledged": Scenario(_is_acknowledged),
    "watched by one more": Scenario(_is_watched),
    "a page nobody answers": Scenario(nobody_answers, prepare=pages_by_policy(rounds=0)),
    "a page somebody answers": Scenario(somebody_answers, prepare=pages_by_policy(MANY_ROUNDS)),
    "a page after a mute": Scenario(fails_while_muted, prepare=pages_by_policy(rounds=0)),
    "two bots": Scenario(_beside_another),
    "Redis restarts": Scenario(_redis_restarts),
    "Redis forgets 4 s": Scenario(_redis_forgets),
    "500, yet posted": Scenario(_yet_posted(FaultKind.SERVER_ERROR)),
    "no answer, yet posted": Scenario(_yet_posted(FaultKind.HANG)),
    "429 for 3 s": Scenario(_throttled, pipelines=2),
}


async def a_sweep(name: str, first: int, step: int) -> AsyncIterator[Round]:
    """Ends a life at its n-th call, for n = first, first + step, …, until a life makes fewer calls.

    Each life uses fresh pipelines. When a world has none left, a new world begins.
    """
    scenario, number = SCENARIOS[name], first
    while True:
        with a_directory() as directory:
            async with a_world(directory, PIPELINES, random.Random(0)) as world:  # noqa: S311
                if scenario.prepare:
                    await scenario.prepare(world)
                for begin in range(0, PIPELINES, scenario.pipelines):
                    life = await _a_life(world, name, world.names[begin : begin + scenario.pipelines], number)
                    yield life
                    if not life.kills:
                        return
                    number += step
                    if life.faults:
                        break
                else:
                    yield await calm(world, f"calm after: {name}", CALM_SECONDS)


async def _a_life(world: World, scenario: str, names: Sequence[str], crash_at: int) -> Round:
    for bot in list(world.bots):
        await world.stop(bot)
    began, bot = time.monotonic(), world.start_bot(crash_at)
    async with world.kept_alive():
        pages = await SCENARIOS[scenario].happens(world, names) or []
        verdict = await world.settled()
    return Round.of(
        f"each call of: {scenario}",
        int(bot.exitcode == DIED),
        began,
        verdict,
        world.directory,
        traffic=world.traffic(),
        crashed=world.crashed(),
        pages=pages,
        where=f"call {crash_at}",
    )


async def calm(world: World, after: str, seconds: float) -> Round:
    """Lets time pass without events. The bot must send nothing more."""
    began, calm_from = time.monotonic(), world.now
    await asyncio.sleep(seconds)
    traffic, crashed = world.traffic(calm_from), world.crashed()
    return Round.of(after, 0, began, world.verdict(), world.directory, traffic=traffic, crashed=crashed)
