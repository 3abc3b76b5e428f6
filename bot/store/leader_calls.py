"""Calls of the bot that leads, from other processes, through lists in Redis.

A call has a deadline and is made once. A leader that dies takes its calls with it: the person who asks gets an answer
without a fresh reading, and may ask again.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import cast
from uuid import uuid4

from pydantic import TypeAdapter
from redis.exceptions import RedisError

from bot.domain.observation import PipelineId
from bot.ports.catalogue import ListingOutcome
from bot.ports.clock import Clock
from bot.ports.details_reads import LogAnswer
from bot.ports.leader import Leader, LeaderSilent, ReadReply
from bot.ports.leadership import LeadershipStatus
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import ReadCrashed
from bot.ports.telemetry.store import Component, StoreUnreachable
from bot.store.port import RedisPort
from bot.store.scripts import Scripts, translating_redis_errors

READ_SECONDS = 8.0  # for one read: the person's answer waits no longer
LIST_SECONDS = 30.0  # for a listing of several pages
BLOCK_SECONDS = 1.0  # shorter than the store's deadline for an answer
AWAY_SECONDS = 1.0  # the pause after an error of Redis
KEPT_SECONDS = 60  # calls and replies that nobody takes go
MOST_CALLS = 1000  # that wait for a leader; older ones go first
TAKEN_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    number: int
    replies: str
    """The key for the reply."""
    until: datetime
    """When the caller stops waiting, by the workspace's clock."""
    older_than: float
    pipeline_id: PipelineId | None = None
    """The pipeline to read. None: list the pipelines."""
    logs: bool = False
    """Read its logs, not its status. An older leader reads the status, and the caller finds no logs in the reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    number: int
    read: ReadReply | None = None
    listing: ListingOutcome | None = None
    logs: LogAnswer | None = None


_CALL: TypeAdapter[_Call] = TypeAdapter(_Call)
_REPLY: TypeAdapter[_Reply] = TypeAdapter(_Reply)


class _Lists(RedisPort):
    async def _taken(self, key: str) -> Sequence[bytes]:
        """Waits a moment for rows of a list. Takes those that have come."""
        try:
            first = cast("tuple[bytes, bytes] | None", await self._redis.blpop([key], BLOCK_SECONDS))
            if first is None:
                return ()
            return (first[1], *(cast("list[bytes] | None", await self._redis.lpop(key, TAKEN_AT_ONCE)) or ()))
        except (RedisError, OSError) as exc:
            _report(exc)
            await asyncio.sleep(AWAY_SECONDS)
            return ()


class RemoteLeader(_Lists):
    """Implements `Leader` in a process that does not lead. `running` collects the replies."""

    def __init__(self, scripts: Scripts, clock: Clock) -> None:
        super().__init__(scripts, clock)
        self._replies = self._keys.leader_replies(uuid4().hex)
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[_Reply]] = {}
        self._called = asyncio.Event()
        self._stopping = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        collecting = asyncio.create_task(self._collect_all(), name="replies of the leader")
        try:
            yield
        finally:
            self._stopping = True  # a cancellation alone may not end a blocking command: see `BatchBroker.stopped`
            collecting.cancel()

    async def read(self, pipeline_id: PipelineId, *, older_than: float) -> ReadReply:
        reply = await self._call(pipeline_id, older_than, READ_SECONDS)
        if reply.read is None:
            raise LeaderSilent
        return reply.read

    async def list_pipelines(self, *, older_than: float) -> ListingOutcome:
        reply = await self._call(None, older_than, LIST_SECONDS)
        if reply.listing is None:
            raise LeaderSilent
        return reply.listing

    async def logs(self, pipeline_id: PipelineId) -> LogAnswer:
        reply = await self._call(pipeline_id, 0.0, READ_SECONDS, logs=True)
        if reply.logs is None:
            raise LeaderSilent
        return reply.logs

    async def _call(
        self, pipeline_id: PipelineId | None, older_than: float, seconds: float, *, logs: bool = False
    ) -> _Reply:
        call = _Call(
            number=next(self._numbers),
            replies=self._replies,
            until=self._clock.now() + timedelta(seconds=seconds),
            older_than=older_than,
            pipeline_id=pipeline_id,
            logs=logs,
        )
        reply: asyncio.Future[_Reply] = asyncio.get_running_loop().create_future()
        self._waiting[call.number] = reply
        try:
            await self._send(call)
            self._called.set()
            async with asyncio.timeout(seconds):
                return await reply
        except TimeoutError:
            raise LeaderSilent from None
        finally:
            del self._waiting[call.number]

    async def _send(self, call: _Call) -> None:
        calls = self._keys["leader_calls"]
        with translating_redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.rpush(calls, _CALL.dump_json(call))
                pipe.ltrim(calls, -MOST_CALLS, -1)
                pipe.expire(calls, KEPT_SECONDS)
                await pipe.execute()

    async def _collect_all(self) -> None:
        while not self._stopping:
            await self._called.wait()
            if not self._waiting:
                self._called.clear()
                continue
            for row in await self._taken(self._replies):
                with suppress(ValueError):  # another version's reply: the call times out
                    reply = _REPLY.validate_json(row)
                    if (waiting := self._waiting.get(reply.number)) and not waiting.done():
                        waiting.set_result(reply)


class LeaderCalls(_Lists):
    """Takes the calls of other processes while this one leads. `leader` does the work."""

    def __init__(self, scripts: Scripts, clock: Clock, leader: Leader, leadership: LeadershipStatus) -> None:
        super().__init__(scripts, clock)
        self._leader = leader
        self._leadership = leadership

    async def run(self, stopped: asyncio.Event) -> None:
        """Returns after `stopped` is set and the calls in progress have ended."""
        async with asyncio.TaskGroup() as tasks:
            while not stopped.is_set():
                if not self._leadership.is_leader:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(stopped.wait(), BLOCK_SECONDS)
                    continue
                for row in await self._taken(self._keys["leader_calls"]):
                    tasks.create_task(self._serve(row), name="call of another process")

    async def _serve(self, row: bytes) -> None:
        try:
            call = _CALL.validate_json(row)
        except ValueError:
            return  # another version's call
        seconds = (call.until - self._clock.now()).total_seconds()
        if seconds <= 0:
            return  # the caller waits no longer
        try:
            async with asyncio.timeout(seconds):
                await self._reply(call.replies, await self._result(call))
        except TimeoutError:
            pass
        except Exception as exc:  # noqa: BLE001 (a supervisor: the record has the exception)
            emit(ReadCrashed(pipeline=call.pipeline_id, exception=exc))

    async def _result(self, call: _Call) -> _Reply:
        if call.pipeline_id is None:
            return _Reply(number=call.number, listing=await self._leader.list_pipelines(older_than=call.older_than))
        if call.logs:
            return _Reply(number=call.number, logs=await self._leader.logs(call.pipeline_id))
        return _Reply(number=call.number, read=await self._leader.read(call.pipeline_id, older_than=call.older_than))

    async def _reply(self, replies: str, reply: _Reply) -> None:
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.rpush(replies, _REPLY.dump_json(reply))
                pipe.expire(replies, KEPT_SECONDS)
                await pipe.execute()
        except (RedisError, OSError) as exc:
            _report(exc)


def _report(exc: Exception) -> None:
    emit(StoreUnreachable(component=Component.LEADER_CALLS, problem=f"{type(exc).__name__}: {exc}"))
