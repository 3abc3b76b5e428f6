"""A read without a task has the outcome of a read with one, costs one request, and leaves no trace."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.goldrush import connections, wire
from bot.goldrush.client import Client
from bot.ports.pipeline_api import ApiError, NotFound, Status, StatusWithoutTask, Unavailable
from sandbox.goldrush import GoldRush
from sandbox.goldrush_faults import Fault, FaultKind
from tests.contract.test_goldrush_client import BELIEVED, PATIENCE, REFUSED, client_of, patience, serving
from tests.fakes import settle

LEFT_TO_STATUS = {FaultKind.RESET}  # perhaps the server had just closed an idle connection


class Outcomes:
    """Keeps what a read reports."""

    def __init__(self) -> None:
        self.all: list[Status | ApiError | None] = []
        self._came = asyncio.Event()

    def __call__(self, outcome: Status | ApiError | None) -> None:
        self.all.append(outcome)
        self._came.set()

    async def first(self) -> Status | ApiError | None:
        async with asyncio.timeout(2 * PATIENCE):
            await self._came.wait()
        return self.all[0]


async def begun(client: Client, pipeline_id: PipelineId) -> Status | ApiError | None:
    outcomes = Outcomes()
    client.begin_status(pipeline_id, outcomes)
    return await outcomes.first()


@pytest.fixture
def goldrush() -> GoldRush:
    goldrush = GoldRush()
    goldrush.rate_limit = None
    return goldrush


@pytest.fixture
async def url(goldrush: GoldRush) -> AsyncIterator[str]:
    async with serving(*goldrush.routes()) as address:
        yield address


@pytest.fixture
def orders(goldrush: GoldRush) -> PipelineId:
    return PipelineId(goldrush.named("orders-eu").id)


@pytest.fixture
def other(goldrush: GoldRush) -> PipelineId:
    return PipelineId(goldrush.named("orders-us").id)


@pytest.mark.parametrize("kind", REFUSED)
async def test_each_fault_has_its_error_and_leaves_no_trace(
    kind: FaultKind, goldrush: GoldRush, url: str, orders: PipelineId, other: PipelineId
) -> None:
    error, says = REFUSED[kind]
    async with client_of(url, deadline=patience(kind), connections=1) as client:
        await client.status(other)
        before = len(goldrush.requests)
        goldrush.set_fault(Fault(kind=kind), orders)
        outcome = await begun(client, orders)
        assert len(goldrush.requests) == before + 1
        if kind in LEFT_TO_STATUS:
            assert outcome is None
        else:
            assert type(outcome) is error
            assert says in str(outcome)
        goldrush.set_fault(None, orders)
        assert (await client.status(orders)).phase is Phase.RUNNING
        assert await begun(client, other) == await client.status(other)


@pytest.mark.parametrize("kind", sorted(BELIEVED))
async def test_a_believable_answer_is_read_the_same(
    kind: FaultKind, goldrush: GoldRush, url: str, orders: PipelineId, other: PipelineId
) -> None:
    goldrush.set_fault(Fault(kind=kind), orders)
    async with client_of(url) as client:
        await client.status(other)
        assert await begun(client, orders) == await client.status(orders)


async def test_a_change_is_seen_and_so_is_the_change_back(goldrush: GoldRush, url: str, orders: PipelineId) -> None:
    async with client_of(url) as client:
        await client.status(orders)
        for phase in ("FAILED", "RUNNING", "FAILED"):
            goldrush.set_phase(orders, phase)
            outcome = await begun(client, orders)
            assert isinstance(outcome, Status)
            assert outcome.phase == Phase(phase)
            assert outcome == await begun(client, orders)


async def test_without_an_open_connection_it_is_left_to_status(
    goldrush: GoldRush, url: str, orders: PipelineId, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_of(url) as client:
        assert await begun(client, orders) is None
        await client.status(orders)
        before = len(goldrush.requests)
        monkeypatch.setattr(connections, "IDLE_SECONDS", -1.0)  # so every idle connection is old
        assert await begun(client, orders) is None
        assert len(goldrush.requests) == before


async def test_without_a_free_slot_it_is_left_to_status(goldrush: GoldRush, url: str, orders: PipelineId) -> None:
    async with client_of(url, connections=1) as client:
        await client.status(orders)
        goldrush.set_fault(Fault(kind=FaultKind.HANG), orders)
        hanging = Outcomes()
        client.begin_status(orders, hanging)
        assert await begun(client, orders) is None
        assert hanging.all == []


async def test_an_id_that_no_pipeline_can_have_costs_no_request(
    goldrush: GoldRush, url: str, orders: PipelineId
) -> None:
    async with client_of(url, connections=1) as client:
        await client.status(orders)
        before = len(goldrush.requests)
        assert await begun(client, PipelineId("..")) is None
        with pytest.raises(NotFound):
            await client.status(PipelineId(".."))
        assert len(goldrush.requests) == before
        assert isinstance(await begun(client, orders), Status)


async def test_an_error_of_the_bot_itself_is_left_to_status(
    url: str, orders: PipelineId, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Status:
        raise ZeroDivisionError

    async with client_of(url, connections=1) as client:
        await client.status(orders)
        monkeypatch.setattr(wire, "decode_status", broken)
        assert await begun(client, orders) is None
        monkeypatch.undo()
        assert isinstance(await begun(client, orders), Status)


async def test_a_read_ends_when_its_connection_is_closed(goldrush: GoldRush, url: str, orders: PipelineId) -> None:
    outcomes = Outcomes()
    async with client_of(url) as client:
        await client.status(orders)
        goldrush.set_fault(Fault(kind=FaultKind.HANG), orders)
        client.begin_status(orders, outcomes)
    await settle()
    assert outcomes.all == [None]  # nothing came, so `status` may ask again


async def test_a_read_that_took_too_long_ends_once(goldrush: GoldRush, url: str, orders: PipelineId) -> None:
    outcomes = Outcomes()
    async with client_of(url, deadline=patience(FaultKind.HANG)) as client:
        await client.status(orders)
        goldrush.set_fault(Fault(kind=FaultKind.HANG), orders)
        client.begin_status(orders, outcomes)
        await outcomes.first()
    await settle()
    assert [type(outcome) for outcome in outcomes.all] == [Unavailable]


def test_the_client_counts_as_one_that_reads_without_a_task() -> None:
    assert isinstance(client_of("https://api.example.com"), StatusWithoutTask)


async def test_a_key_never_shows_in_an_error(goldrush: GoldRush, url: str, orders: PipelineId) -> None:
    async with client_of(url) as client:
        await client.status(orders)
        goldrush.set_fault(Fault(kind=FaultKind.TRUNCATED), orders)
        outcome = await begun(client, orders)
    assert isinstance(outcome, Unavailable)
    assert outcome.__traceback__ is None
