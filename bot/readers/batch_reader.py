"""The reader's side: takes a batch, reads its pipelines, and returns the results as they come."""

import asyncio
from collections.abc import Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError
from taskiq import AcknowledgeType
from taskiq.receiver import Receiver

from bot.domain.observation import PipelineId, ReadSequence
from bot.ports.clock import Clock
from bot.ports.reads import Readers, ReadRequest, ReadResult, Unread
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.store import Component, StoreUnreachable
from bot.readers.broker import BatchBroker
from bot.readers.gate import Gate
from bot.readers.wire import TASK, Batch, ResultEntry, encode_results, result_entry

GATHER_SECONDS = 0.05  # results of one batch that come within this time go back together
RESULTS_SECONDS = 60  # results that no scheduler takes go
STOP_SECONDS = 4.0  # for the batches in progress, when the reader stops


class Room:
    """Counts the reads in progress, so that a busy reader leaves further batches to others."""

    def __init__(self, slots: int) -> None:
        self.free = asyncio.Semaphore(slots)
        """The slots. Reads wait for one: GoldRush's client refuses a read that finds all its connections busy."""
        self._slots = slots
        self._reading = 0
        self._changed = asyncio.Event()

    async def wait(self) -> None:
        """Waits until a slot is free."""
        while self._reading >= self._slots:
            self._changed.clear()
            await self._changed.wait()

    def change(self, reads: int) -> None:
        self._reading += reads
        self._changed.set()


class BatchReader:
    """Reads batches of the active scheduler until it is stopped. Keeps nothing between two batches."""

    def __init__(
        self, *, redis: Redis, broker: BatchBroker, room: Room, readers: Readers, clock: Clock, slots: int
    ) -> None:
        self._redis = redis
        self._broker = broker
        self._gate = Gate(redis, broker.queue_name)
        self._room = room
        self._readers = readers
        self._clock = clock
        self._slots = slots
        broker.is_worker_process = True

        async def read(*arguments: object) -> None:
            await self.read(arguments)

        broker.register_task(read, task_name=TASK)  # Taskiq renames it, which a method does not allow

    async def run(self, stopped: asyncio.Event) -> None:
        """Returns after `stopped` is set and the batches in progress have ended.

        Raises:
            StoreAway: the store went away during the start.
        """
        try:
            await self._broker.startup()
        except (RedisError, OSError) as exc:
            raise StoreAway(f"the store does not answer: {type(exc).__name__}: {exc}") from exc
        receiver = Receiver(
            self._broker,
            validate_params=False,  # `Batch.of` does
            max_async_tasks=self._slots,
            run_startup=False,
            ack_type=AcknowledgeType.WHEN_EXECUTED,
            wait_tasks_timeout=STOP_SECONDS,
        )
        self._broker.stopped = stopped
        async with self._readers.running():
            await receiver.listen(stopped)
        await self._broker.leave()

    async def read(self, arguments: Sequence[object]) -> None:
        """The task: reads one batch. Drops one that nobody waits for."""
        batch = Batch.of(arguments)
        seconds = batch.until - self._clock.now().timestamp()
        if seconds <= 0:
            return
        self._room.change(len(batch.pipelines))
        try:
            async with asyncio.timeout(seconds):
                await self._read(batch)
        except TimeoutError:
            pass  # the scheduler waits no longer
        except (RedisError, OSError) as exc:
            emit(StoreUnreachable(component=Component.READER, problem=f"{type(exc).__name__}: {exc}"))
        finally:
            self._room.change(-len(batch.pipelines))

    async def _read(self, batch: Batch) -> None:
        results: asyncio.Queue[ReadResult | Unread] = asyncio.Queue()
        within = self._seconds_to_begin(batch)
        delays = await self._gate.pass_through(len(batch.pipelines), batch.spacing, within=within)
        starting = asyncio.create_task(self._start(batch, delays, results))
        try:
            await self._return_all(batch, results)
        finally:
            starting.cancel()

    async def _start(self, batch: Batch, delays: Sequence[float], results: asyncio.Queue[ReadResult | Unread]) -> None:
        """Starts each read after its delay, as soon as a slot is free. Returns late ones unread."""

        def on_result(result: ReadResult | Unread) -> None:
            self._room.free.release()
            results.put_nowait(result)

        requests, came_at = _requests(batch.pipelines), self._clock.monotonic()
        for request, delay in zip(requests, delays, strict=False):
            if (wait := came_at + delay - self._clock.monotonic()) > 0:
                await self._clock.sleep(wait)
            await self._room.free.acquire()
            if self._seconds_to_begin(batch) > 0:
                self._readers.start((request,), on_result)
            else:
                on_result(Unread(request=request))
        for request in requests[len(delays) :]:
            results.put_nowait(Unread(request=request))

    def _seconds_to_begin(self, batch: Batch) -> float:
        return batch.begin_by - self._clock.now().timestamp()

    async def _return_all(self, batch: Batch, results: asyncio.Queue[ReadResult | Unread]) -> None:
        missing = len(batch.pipelines)
        while missing:
            entries = [_entry(await results.get())]
            await asyncio.sleep(GATHER_SECONDS)
            while not results.empty():
                entries.append(_entry(results.get_nowait()))
            missing -= len(entries)
            await self._return(batch, entries)

    async def _return(self, batch: Batch, entries: Sequence[ResultEntry]) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.rpush(batch.results, encode_results(batch.number, entries))
            pipe.expire(batch.results, RESULTS_SECONDS)
            await pipe.execute()


def _requests(pipelines: Sequence[PipelineId]) -> Sequence[ReadRequest]:
    """The scheduler knows the real sequence. Here it is the index in the batch."""
    return [
        ReadRequest(pipeline_id=pipeline_id, sequence=ReadSequence(0, index))
        for index, pipeline_id in enumerate(pipelines)
    ]


def _entry(result: ReadResult | Unread) -> ResultEntry:
    return result_entry(result.request.sequence.read, result)
