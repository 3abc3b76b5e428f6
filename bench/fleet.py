"""Starts the fake GoldRush, sets its pipelines' phases, and asks when they were read."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from bench.fake_goldrush import BASE, pipeline_id
from sandbox.child_processes import end_with_parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """The reads of a measured time."""

    seconds: float
    reads: int
    listings: int
    pipelines_read: int
    largest_gap: float
    """The longest time, in seconds, that a pipeline went unread, also before its first and after its last read."""
    noticed: dict[int, tuple[float, float]]
    """By pipeline: the monotonic times of its last change of phase and of the first read after it."""
    server_cpu_seconds: float
    """Since the server started."""

    @property
    def per_second(self) -> float:
        return self.reads / self.seconds


@dataclass(frozen=True, slots=True)
class Fleet:
    """Pipelines with the names `fleet-000000` and so on, all RUNNING at first."""

    url: str
    pid: int
    _http: httpx.AsyncClient

    @staticmethod
    def name(number: int) -> str:
        return f"fleet-{number:06}"

    def status_url(self, number: int) -> str:
        return f"{self.url}{BASE}{pipeline_id(number)}/status/"

    async def resize(self, count: int, *, projects: int = 20) -> None:
        """Starts over with `count` running pipelines. Pipelines of one project share a destination."""
        await self._get(f"/bench/resize?count={count}&projects={projects}")

    async def begin(self) -> None:
        """Begins a measured time."""
        await self._get("/bench/begin")

    async def set_phase(self, numbers: Iterable[int], phase: str) -> float:
        """Returns the monotonic time."""
        answer = await self._get(f"/bench/phase?phase={phase}&numbers={','.join(map(str, numbers))}")
        return float(str(answer["at"]))

    async def report(self) -> Reads:
        answer = await self._get("/bench/report")
        noticed = answer["noticed"]
        assert isinstance(noticed, dict)
        return Reads(
            seconds=float(str(answer["seconds"])),
            reads=int(str(answer["reads"])),
            listings=int(str(answer["listings"])),
            pipelines_read=int(str(answer["pipelines_read"])),
            largest_gap=float(str(answer["largest_gap"])),
            noticed={int(number): (float(times[0]), float(times[1])) for number, times in noticed.items()},
            server_cpu_seconds=float(str(answer["cpu_seconds"])),
        )

    async def until_read(self, count: int, patience: float = 120.0) -> None:
        """Begins a measured time and waits until `count` pipelines were read in it."""
        await self.begin()
        async with asyncio.timeout(patience):
            while (await self.report()).pipelines_read < count:  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.25)

    async def _get(self, path: str) -> dict[str, object]:
        response = await self._http.get(path)
        answer = response.raise_for_status().json()
        assert isinstance(answer, dict)
        return answer


@asynccontextmanager
async def fleet(count: int, *, projects: int = 20) -> AsyncIterator[Fleet]:
    """A fake GoldRush with `count` pipelines in `projects` projects, as a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.fake_goldrush", stdout=asyncio.subprocess.PIPE
    )
    end_with_parent(process.pid)
    assert process.stdout is not None
    try:
        url = f"http://127.0.0.1:{int(await process.stdout.readline())}"
        async with httpx.AsyncClient(base_url=url, timeout=60.0, trust_env=False) as http:
            started = Fleet(url, process.pid, http)
            await started.resize(count, projects=projects)
            yield started
    finally:
        process.terminate()
        await process.wait()
