"""The client reads the account's usage over sockets, from the stand-in for GoldRush."""

from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from bot.domain.credits import outlook
from bot.goldrush.client import Client
from bot.ports.pipeline_api import ApiError, Forbidden, Throttled, Unauthorized
from sandbox.goldrush import GoldRush
from sandbox.goldrush_faults import Fault, FaultKind
from tests.contract.test_goldrush_client import serving

BODIES = sorted(
    {
        FaultKind.NOT_JSON,
        FaultKind.NULL_DATA,
        FaultKind.ERROR_TRUE,
        FaultKind.WRONG_TYPES,
        FaultKind.DEEP,
        FaultKind.NAN,
        FaultKind.BOM,
        FaultKind.BAD_UTF8,
        FaultKind.TRUNCATED,
        FaultKind.RESET,
        FaultKind.REDIRECT,
        FaultKind.BAD_GATEWAY,
        FaultKind.HANG,
    }
)


@pytest.fixture
def goldrush() -> GoldRush:
    return GoldRush()


@pytest.fixture
async def url(goldrush: GoldRush) -> AsyncIterator[str]:
    async with serving(*goldrush.routes()) as base:
        yield base


def client_of(url: str, key: str, deadline_seconds: float = 5.0) -> Client:
    return Client(base_url=url, service_key=SecretStr(key), deadline_seconds=deadline_seconds)


async def test_the_usage(goldrush: GoldRush, url: str) -> None:
    goldrush.usage.consumed, goldrush.usage.max_credits = 280_000, 300_000
    async with client_of(url, goldrush.service_key) as client:
        usage = await client.usage(goldrush.now())
    assert (usage.consumed, usage.maximum, usage.flex, len(usage.by_day)) == (280_000, 300_000, 0, 30)
    assert usage.own is None
    per_day = outlook(usage).per_day
    assert per_day is not None
    assert 4800 <= per_day <= 6000
    assert outlook(usage).runs_out is not None
    (request,) = goldrush.requests
    assert request.path == "/platform/usage/?duration=1"


async def test_an_ordinary_key_may_not_read_it(goldrush: GoldRush, url: str) -> None:
    for key, kind in ((goldrush.regular_api_key, Forbidden), ("somebody", Unauthorized)):
        async with client_of(url, key) as client:
            with pytest.raises(kind):
                await client.usage(goldrush.now())


@pytest.mark.parametrize("kind", BODIES)
async def test_odd_answers_are_errors_of_the_api(goldrush: GoldRush, url: str, kind: FaultKind) -> None:
    goldrush.set_fault(Fault(kind=kind, route="usage"))
    async with client_of(url, goldrush.service_key, deadline_seconds=0.5) as client:
        with pytest.raises(ApiError):
            await client.usage(goldrush.now())
        assert (await client.page(1)).pipelines, "a fault of one route strikes no other"


async def test_a_429_names_its_wait(goldrush: GoldRush, url: str) -> None:
    goldrush.set_fault(Fault(kind=FaultKind.THROTTLED, route="usage", retry_after="30"))
    async with client_of(url, goldrush.service_key) as client:
        with pytest.raises(Throttled) as caught:
            await client.usage(goldrush.now())
    assert caught.value.retry_after == 30


async def test_the_slash_is_required_and_the_duration_known(goldrush: GoldRush, url: str) -> None:
    headers = {"Authorization": f"Bearer {goldrush.service_key}"}
    async with httpx.AsyncClient(headers=headers) as client:
        for path, status in (
            ("/platform/usage?duration=1", 404),
            ("/platform/usage/?duration=2", 400),
            ("/platform/usage/?duration=12", 200),
            ("/platform/usage/", 200),
        ):
            assert (await client.get(f"{url}{path}")).status_code == status


async def test_a_group_over_its_limit_is_listed_as_such(goldrush: GoldRush, url: str) -> None:
    headers = {"Authorization": f"Bearer {goldrush.service_key}"}
    async with httpx.AsyncClient(headers=headers) as client:
        for consumed, is_over in ((299_999, False), (300_000, True)):
            goldrush.usage.consumed = consumed
            data = (await client.get(f"{url}/platform/pipeline-api/")).json()["data"]
            assert {item["group"]["is_over_limit"] for item in data["items"]} == {is_over}
