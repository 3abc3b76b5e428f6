"""Some pipelines hang for a while: the others are read all the same, and nothing of it is left behind."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import SecretStr

from bot.domain.observation import PipelineId
from bot.goldrush.client import Client
from bot.ports.pipeline_api import Status, Unavailable
from sandbox.goldrush import GoldRush
from sandbox.goldrush_faults import Fault, FaultKind

PIPELINES, HANGING, SLOTS, ROUNDS = 100, 8, 16, 2
DEADLINE = 3.0  # seconds: on a busy machine too long enough for the ninety-two others, which share the other slots
ANSWERS_AFTER = 0.02  # the server's own slowness: what is asked at once is seen to be
PATIENCE = 60.0


@dataclass
class Counted:
    """A GoldRush that counts what it is asked at once of pipelines that are well. While there is a gate, it answers
    only once that is open."""

    goldrush: GoldRush
    under_way: int = 0
    most: int = 0
    gate: asyncio.Event | None = None
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    @web.middleware
    async def count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if any(scope and scope in request.path for scope, _ in self.goldrush.faults):
            return await handler(request)  # how long this lasts behind a caller who left is the stand-in's own affair
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            async with self.arrived:
                self.arrived.notify_all()
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.sleep(ANSWERS_AFTER)
            return await handler(request)
        finally:
            self.under_way -= 1

    async def until_asked(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE), self.arrived:
            await self.arrived.wait_for(lambda: self.under_way >= number)


@pytest.fixture
async def counted() -> AsyncIterator[tuple[Counted, str]]:
    goldrush = GoldRush()
    goldrush.rate_limit = None
    goldrush.pipelines.clear()
    for number in range(PIPELINES):
        goldrush.add(name=f"fleet-{number:02}")
    counted = Counted(goldrush)
    app = web.Application(middlewares=[counted.count])
    app.add_routes(goldrush.routes())
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield counted, f"http://{host}:{port}"
    await runner.cleanup()


async def _read(client: Client, ids: Iterable[PipelineId]) -> list[Status | BaseException]:
    return await asyncio.gather(*(client.status(pipeline_id) for pipeline_id in ids), return_exceptions=True)


async def _every_slot_is_used(client: Client, counted: Counted, ids: list[PipelineId]) -> None:
    """As many reads as there are slots are under way at once, and all of them succeed."""
    counted.gate = gate = asyncio.Event()
    reads = asyncio.create_task(_read(client, ids[:SLOTS]))
    await counted.until_asked(SLOTS)
    counted.gate = None
    gate.set()
    assert all(isinstance(answer, Status) for answer in await reads)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (the numbers, not the files)


async def _until_no_more_than(tasks: int, descriptors: int) -> None:
    """The stand-in's side of what was given up is closed a moment later."""
    async with asyncio.timeout(PATIENCE):
        while len(asyncio.all_tasks()) > tasks or _descriptors() > descriptors:
            await asyncio.sleep(0.02)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no list of open descriptors on this system")  # noqa: PTH112
async def test_a_hanging_read_blocks_no_other_and_leaks_nothing(counted: tuple[Counted, str]) -> None:
    stand_in, url = counted
    ids = [PipelineId(pipeline) for pipeline in stand_in.goldrush.pipelines]
    stuck, well = ids[:HANGING], ids[HANGING:]
    client = Client(
        base_url=url, service_key=SecretStr("demo-service-key"), deadline_seconds=DEADLINE, max_connections=SLOTS
    )
    async with client:
        await _every_slot_is_used(client, stand_in, well)
        tasks, descriptors = len(asyncio.all_tasks()), _descriptors()
        stand_in.most = 0
        for pipeline_id in stuck:
            stand_in.goldrush.set_fault(Fault(kind=FaultKind.HANG), pipeline_id)
        for _ in range(ROUNDS):
            answers = dict(zip(ids, await _read(client, ids), strict=True))
            assert all(isinstance(answers[pipeline_id], Unavailable) for pipeline_id in stuck)
            assert all(isinstance(answers[pipeline_id], Status) for pipeline_id in well)
        assert stand_in.most <= SLOTS

        for pipeline_id in stuck:
            stand_in.goldrush.set_fault(None, pipeline_id)
        await _until_no_more_than(tasks, descriptors)
        await _every_slot_is_used(client, stand_in, ids)
        await _until_no_more_than(tasks, descriptors)
