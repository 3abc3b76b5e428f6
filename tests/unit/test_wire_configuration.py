"""The hashes of a configuration: equal for equal configurations, without a secret in them."""

import json
from typing import Any

import pytest

from bot.domain.observation import PipelineId
from bot.goldrush.wire import decode_page
from bot.goldrush.wire_configuration import configuration_of, decode_configuration
from bot.ports.pipeline_api import Malformed
from tests.builders import at

ITEM: dict[str, Any] = {
    "id": "pipe_1",
    "name": "orders-eu",
    "topic": "base.mainnet.ref.block.logs",
    "destination_type": "postgres",
    "destination_config": {
        "type": "postgres",
        "url": "postgres://bot:******@db:5432/x",
        "user": "bot",
        "password": "******",
    },
    "transforms": {"trades": "SELECT 1", "swaps": "SELECT 2"},
    "execution_mode": "unbounded",
    "execution_start_from": "44745000",
    "execution_stop_from": "",
    "abi_file": {},
    "abi_contract_addresses": ["0xAB", "0xcd"],
    "abi_unmatched": "",
    "status": "running",
    "created_by": {"id": "user_1", "email": "ann@example.com"},
    "updated_at": "2026-11-23T12:00:00Z",
}


def differing(**changes: object) -> set[str]:
    before, after = configuration_of(ITEM).hashes, configuration_of({**ITEM, **changes}).hashes
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"name": "orders-us"}, {"name"}),
        ({"topic": "x"}, {"topic"}),
        ({"destination_type": "kafka"}, {"destination_type"}),
        ({"destination_config": {**ITEM["destination_config"], "user": "eve"}}, {"destination"}),
        ({"transforms": {"trades": "SELECT 9", "swaps": "SELECT 2"}}, {"transform:trades"}),
        ({"transforms": {"trades": "SELECT 1"}}, {"transform:swaps"}),
        ({"execution_mode": "bounded"}, {"mode"}),
        ({"execution_start_from": "1"}, {"start"}),
        ({"execution_stop_from": "2"}, {"stop"}),
        ({"abi_file": {"x": 1}}, {"abi"}),
        ({"abi_contract_addresses": ["0xab"]}, {"contracts"}),
        ({"abi_unmatched": "raw"}, {"unmatched"}),
        # No change: what the owner wants, who it is, when, the order, and secrets that one answer masks.
        ({"status": "paused"}, set()),
        ({"created_by": {"id": "user_2"}, "updated_at": "2026-11-24T12:00:00Z", "description": "x"}, set()),
        ({"abi_contract_addresses": ["0xCD", "0xab"]}, set()),
        ({"transforms": {"swaps": "SELECT 2", "trades": "SELECT 1"}}, set()),
        ({"destination_config": {**ITEM["destination_config"], "password": "hunter2"}}, set()),
        ({"destination_config": {**ITEM["destination_config"], "url": "postgres://bot:hunter2@db:5432/x"}}, set()),
    ],
)
def test_each_part_has_a_hash_of_its_own(changes: dict[str, object], parts: set[str]) -> None:
    assert differing(**changes) == parts


@pytest.mark.parametrize("value", [None, 7, [], "text"])
def test_a_part_of_another_type_has_no_hash(value: object) -> None:
    shown = configuration_of({**ITEM, "transforms": value, "destination_config": value})
    assert not shown.shows_transforms
    assert "destination" not in shown.hashes


def test_nothing_readable_is_left() -> None:
    text = json.dumps(dict(configuration_of(ITEM).hashes))
    for value in ("SELECT", "postgres", "db:5432", "0xab", "44745000", "example.com"):
        assert value not in text


def envelope(data: object) -> bytes:
    return json.dumps({"data": data, "error": False, "error_message": None, "error_code": None}).encode()


def test_a_page_hashes_a_pipeline_when_somebody_asks() -> None:
    page = decode_page(
        200, {"Content-Type": "application/json"}, envelope({"items": [ITEM, {"id": 7}], "pagination": {}})
    )
    assert page.configurations[PipelineId("pipe_1")]() == configuration_of(ITEM)
    assert page.configurations.keys() == {"pipe_1"}


def test_the_object_of_one_pipeline_has_the_same_hashes() -> None:
    decoded = decode_configuration(200, {}, envelope(ITEM), pipeline_id=PipelineId("pipe_1"))
    assert decoded == configuration_of(ITEM)
    assert decoded.updated_at == at(0)
    with pytest.raises(Malformed):
        decode_configuration(200, {}, envelope(ITEM), pipeline_id=PipelineId("pipe_2"))


def test_a_configuration_that_nests_too_deep_has_no_hashes() -> None:
    deep: object = 1
    for _ in range(100_000):
        deep = {"a": deep}
    assert configuration_of({**ITEM, "destination_config": deep}).hashes == {}
    assert configuration_of({**ITEM, "abi_file": deep}).hashes == {}
