"""The lag of a pipeline, from the metrics and the status of the chains that the sandbox's GoldRush answers."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from bot.domain.chains import Chain, find_chain
from bot.domain.lag import measured_lag
from bot.domain.usual_pace import Lag
from bot.goldrush.client import Client
from sandbox.server import Sandbox

SOME_TIME = datetime(2026, 12, 1, tzinfo=UTC)  # of the requests; the chains' own times are not compared with it


async def chains_of(sandbox: Sandbox) -> dict[str, Chain]:
    key = SecretStr(sandbox.goldrush.regular_api_key)
    async with Client(base_url=sandbox.url, service_key=key) as client:
        chains = await client.chains(SOME_TIME)
    return {chain.name: replace(chain, paced_blocks=1.0, paced_seconds=2.0) for chain in chains}


async def lag_of(sandbox: Sandbox, name: str) -> Lag:
    async with Client(base_url=sandbox.url, service_key=SecretStr(sandbox.goldrush.service_key)) as client:
        pipeline = next(one for one in (await client.page(1)).pipelines if one.name == name)
        measured = await client.metrics(pipeline.id, SOME_TIME)
    chain = find_chain(pipeline.chain, await chains_of(sandbox))
    assert chain
    lag = measured_lag(measured, replace(chain, signed_at=SOME_TIME))
    assert lag
    return lag


async def test_the_chain_of_each_pipeline_is_found() -> None:
    async with Sandbox.start() as sandbox:
        chains = await chains_of(sandbox)
        async with Client(base_url=sandbox.url, service_key=SecretStr(sandbox.goldrush.service_key)) as client:
            pipelines = (await client.page(1)).pipelines
        assert [pipeline.name for pipeline in pipelines if find_chain(pipeline.chain, chains) is None] == []


async def test_a_pipeline_that_fell_back_is_behind_by_its_blocks() -> None:
    async with Sandbox.start() as sandbox:
        on_time = await lag_of(sandbox, "orders-eu")
        assert on_time.blocks is not None
        assert on_time.blocks < 1240
        pipeline = next(one for one in sandbox.goldrush.pipelines.values() if one.name == "orders-eu")
        head = sandbox.goldrush.source(pipeline).head
        sandbox.goldrush.set_work(pipeline.id, pace=0.0, height=head - 1240)
        lag = await lag_of(sandbox, "orders-eu")
        assert lag.blocks
        assert lag.blocks >= 1240
        assert lag.seconds == pytest.approx(2 * lag.blocks, abs=2)
        assert lag.chain
