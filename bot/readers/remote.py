"""The scheduler's side: hands batches of reads to readers in other processes, and collects their results."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError
from taskiq.exceptions import SendTaskError
from taskiq.kicker import AsyncKicker

from bot.ports.clock import Clock
from bot.ports.reads import OnResult, ReadRequest
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import ReadCrashed, ReadsLost
from bot.ports.telemetry.store import Component, StoreUnreachable
from bot.readers.broker import AWAY_SECONDS, BLOCK_SECONDS, STREAM_SECONDS, BatchBroker
from bot.readers.wire import TASK, Batch, decode_results, read_result

LEAST_LOST_SECONDS = 15.0
CLAIMED_WITHIN_SECONDS = 9.0  # a dead reader's batch reaches another reader: see broker.py
BEGIN_SECONDS = 2.0  # a read that no reader begins by then goes back: its share of the budget is spent
CATCH_UP = 1.1  # times the rate, while delayed reads make up for the delay
GATHER_SECONDS = 0.05  # what starts or comes back within this time goes together, since each message costs CPU
MOST_IN_BATCH = 50
RESULTS_AT_ONCE = 100
RENEW_SECONDS = 60.0
STOP_SECONDS = 3.0  # for the results of the reads in progress, when the scheduler stops


class _Waiting(NamedTuple):
    """A read that waits for its batch. It started at `since`, on the monotonic clock."""

    request: ReadRequest
    on_result: OnResult
    since: float


@dataclass(slots=True)
class _Sent:
    """A batch on its way. `until`: on the monotonic clock."""

    requests: Sequence[ReadRequest]
    on_results: Sequence[OnResult]
    missing: set[int]
    until: float


class RemoteReaders:
    """Implements `Readers`. `results` is the key of the list to which readers append, one for each scheduler process.

    Only results of batches on their way count, and only the first of each read: a frozen reader, or one whose batch
    another reader took over, changes nothing.
    """

    def __init__(
        self,
        *,
        redis: Redis,
        broker: BatchBroker,
        results: str,
        clock: Clock,
        read_seconds: float,
        rate: Callable[[], float],
    ) -> None:
        """`rate`: how many reads a second the readers may make now, all together."""
        self._redis = redis
        self._broker = broker
        self._results = results
        self._clock = clock
        self.lost_after = max(LEAST_LOST_SECONDS, CLAIMED_WITHIN_SECONDS + read_seconds)
        self._rate = rate
        self._numbers = count(1)
        self._waiting: list[_Waiting] = []
        self._started = asyncio.Event()
        self._sent: dict[int, _Sent] = {}
        self._all_back = asyncio.Event()
        """Set while no batch is on its way."""
        self._all_back.set()
        self._renewed_at = float("-inf")
        self._stopping = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            loops = [tasks.create_task(self._send_all()), tasks.create_task(self._collect_all())]
            try:
                yield
            finally:
                with suppress(TimeoutError):
                    async with asyncio.timeout(STOP_SECONDS):
                        await self._all_back.wait()
                self._stopping = True  # a cancellation alone may not end a loop: see `BatchBroker.stopped`
                for loop in loops:
                    loop.cancel()

    def start(self, batch: Sequence[ReadRequest], on_result: OnResult) -> None:
        now = self._clock.monotonic()
        self._waiting += (_Waiting(request, on_result, now) for request in batch)
        self._started.set()

    # --- sending ---------------------------------------------------------------------------------------------------

    async def _send_all(self) -> None:
        while not self._stopping:
            await self._started.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._started.clear()
            try:
                await self._send_waiting()
                await self._renew()
            except (SendTaskError, RedisError, OSError) as exc:
                self._report(exc.__cause__ or exc)
                await self._clock.sleep(AWAY_SECONDS)
                self._started.set()

    async def _send_waiting(self) -> None:
        """A batch that could not be sent waits for the next attempt, unless its reads count as lost by then."""
        now, before = self._clock.monotonic(), len(self._waiting)
        self._waiting = [read for read in self._waiting if read.since + self.lost_after > now]
        if lost := before - len(self._waiting):
            emit(ReadsLost(reads=lost))
        while reads := self._waiting[:MOST_IN_BATCH]:
            await self._send(reads)
            del self._waiting[: len(reads)]

    async def _send(self, reads: Sequence[_Waiting]) -> None:
        """
        Raises:
            SendTaskError: Redis may have the batch or not. If it has, the results do not count.
        """
        number, since = next(self._numbers), reads[0].since
        self._all_back.clear()
        self._sent[number] = _Sent(
            requests=[read.request for read in reads],
            on_results=[read.on_result for read in reads],
            missing=set(range(len(reads))),
            until=since + self.lost_after,
        )
        started_at = self._clock.now().timestamp() + since - self._clock.monotonic()
        batch = Batch(
            number=number,
            results=self._results,
            until=started_at + self.lost_after,
            begin_by=started_at + BEGIN_SECONDS,
            spacing=1.0 / (CATCH_UP * self._rate()),
            pipelines=[read.request.pipeline_id for read in reads],
        )
        try:
            await AsyncKicker[..., None](TASK, self._broker, {}).kiq(*batch.arguments)
        except SendTaskError:
            self._forget(number)
            raise

    async def _renew(self) -> None:
        """The stream goes if no scheduler uses it any more."""
        now = self._clock.monotonic()
        if now - self._renewed_at >= RENEW_SECONDS:
            self._renewed_at = now
            await self._redis.expire(self._broker.queue_name, STREAM_SECONDS)

    # --- collecting ------------------------------------------------------------------------------------------------

    async def _collect_all(self) -> None:
        while not self._stopping:
            try:
                texts = await self._arrived()
            except (RedisError, OSError) as exc:
                self._report(exc)
                await self._clock.sleep(AWAY_SECONDS)
                texts = []
            for text in texts:
                with _supervised():
                    self._deliver(text)
            self._give_up_lost()

    async def _arrived(self) -> Sequence[bytes]:
        """Waits for results. Takes those that have come."""
        first = cast("tuple[bytes, bytes] | None", await self._redis.blpop([self._results], BLOCK_SECONDS))
        if first is None:
            return ()
        await asyncio.sleep(GATHER_SECONDS)
        more = cast("list[bytes] | None", await self._redis.lpop(self._results, RESULTS_AT_ONCE))
        return (first[1], *(more or ()))

    def _deliver(self, text: bytes) -> None:
        number, entries = decode_results(text)
        sent = self._sent.get(number)
        if sent is None:
            return
        for entry in entries:
            with _supervised():
                index, result = read_result(entry, sent.requests)
                if index in sent.missing:
                    sent.missing.remove(index)
                    sent.on_results[index](result)
        if not sent.missing:
            self._forget(number)

    def _give_up_lost(self) -> None:
        now = self._clock.monotonic()
        lost = [number for number, sent in self._sent.items() if sent.until <= now]
        if lost:
            emit(ReadsLost(reads=sum(len(self._forget(number).missing) for number in lost)))

    def _forget(self, number: int) -> _Sent:
        sent = self._sent.pop(number)
        if not self._sent:
            self._all_back.set()
        return sent

    def _report(self, exc: BaseException) -> None:
        emit(StoreUnreachable(component=Component.SCHEDULER, problem=f"{type(exc).__name__}: {exc}"))


@contextmanager
def _supervised() -> Iterator[None]:
    """A damaged result, or a bug in its receiver, ends no other read. A read without a result counts as lost."""
    try:
        yield
    except Exception as exc:  # noqa: BLE001 (a supervisor: the record has the exception)
        emit(ReadCrashed(exception=exc))
