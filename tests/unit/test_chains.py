"""Chains: names, pace, delay, and GoldRush's list of them."""

import json
from datetime import timedelta

import pytest
from pydantic import SecretStr

from bot.domain.chains import Chain, chain_label, chain_of, find_chain, with_pace
from bot.goldrush.wire_chains import decode_chains
from bot.ports.pipeline_api import Forbidden, Malformed, Unauthorized
from tests.fakes import NOON

KEY = SecretStr("cqt_made_up")


def a_chain(minute: float, height: int, *, late: float = 0, pace: float | None = None) -> Chain:
    at = NOON + timedelta(minutes=minute)
    return Chain(
        name="base-mainnet",
        height=height,
        at=at,
        signed_at=at - timedelta(minutes=late),
        paced_blocks=pace or 0.0,
        paced_seconds=bool(pace),
    )


@pytest.mark.parametrize(
    ("topic", "chain"),
    [
        ("base.mainnet.ref.block.logs", "base-mainnet"),
        ("base.mainnet.ref.block.swap.v3", "base-mainnet"),
        ("Base.Sepolia.ref.block.logs", "base-sepolia"),
        ("orders", ""),
        ("a.b", ""),
        ("", ""),
        ("..x", ""),
    ],
)
def test_the_topic_names_the_chain(topic: str, chain: str) -> None:
    assert chain_of(topic) == chain


def test_a_chain_is_found_under_its_other_name() -> None:
    eth = Chain(name="eth-mainnet", height=1, at=NOON)
    assert find_chain("ethereum-mainnet", {"eth-mainnet": eth}) is eth
    assert find_chain("moon-mainnet", {"eth-mainnet": eth}) is None
    assert find_chain("", {"eth-mainnet": eth}) is None


def test_people_read_a_name() -> None:
    assert [chain_label(name) for name in ("base-mainnet", "eth-mainnet", "base-sepolia", "bsc-mainnet")] == [
        "Base",
        "Ethereum",
        "Base Sepolia",
        "BNB",
    ]


def test_the_pace_is_learned_from_the_blocks_own_times() -> None:
    first = with_pace(None, a_chain(0, 1000))
    assert first.blocks_per_second is None
    assert with_pace(first, a_chain(5, 1150)).blocks_per_second == 0.5
    assert with_pace(a_chain(0, 1000, pace=0.5), a_chain(5, 1000)).blocks_per_second == 0.5


def test_a_chain_is_late_only_beyond_its_usual_gaps() -> None:
    assert a_chain(0, 1, late=4, pace=0.5).late_seconds == 0
    assert a_chain(0, 1, late=30, pace=0.5).late_seconds == 1800
    assert a_chain(0, 1, late=30, pace=1 / 600).late_seconds == 0
    assert Chain(name="x", height=1, at=NOON).late_seconds == 0


def test_the_height_goes_on_between_two_answers_unless_the_chain_is_late() -> None:
    assert a_chain(0, 1000, pace=0.5).height_at(NOON + timedelta(minutes=2)) == 1060
    assert a_chain(0, 1000, pace=0.5).height_at(NOON + timedelta(hours=2)) == 1150
    assert a_chain(0, 1000, pace=0.5, late=30).height_at(NOON + timedelta(minutes=2)) == 1000


# --- GoldRush's list --------------------------------------------------------------------------------------------------


def body(data: object) -> bytes:
    return json.dumps({"data": data, "error": False, "error_message": None, "error_code": None}).encode()


def test_each_chain_with_a_name_and_a_height_counts() -> None:
    items = [
        {
            "name": "base-mainnet",
            "chain_id": "8453",
            "synced_block_height": 38_000_000,
            "synced_blocked_signed_at": "2026-11-23T11:59:58Z",
        },
        {"name": "eth-mainnet", "synced_block_height": "many"},
        {"synced_block_height": 3},
        "odd",
    ]
    assert decode_chains(200, {}, body({"items": items}), at=NOON, service_key=KEY) == (
        Chain(name="base-mainnet", height=38_000_000, at=NOON, signed_at=NOON - timedelta(seconds=2)),
    )
    assert decode_chains(200, {}, body({}), at=NOON) == ()
    with pytest.raises(Malformed):
        decode_chains(200, {}, body({"items": 7}), at=NOON)


def test_a_chain_counts_by_the_newer_names_of_its_fields() -> None:
    """The reference page has shown both spellings."""
    items = [{"name": "base-mainnet", "chain_tip_height": 7, "chain_tip_signed_at": "2026-11-23T11:59:58Z"}]
    (chain,) = decode_chains(200, {}, body({"items": items}), at=NOON)
    assert (chain.height, chain.signed_at) == (7, NOON - timedelta(seconds=2))


@pytest.mark.parametrize(("status", "kind"), [(401, Unauthorized), (403, Forbidden)])
def test_a_refused_key_names_its_setting_and_no_value(status: int, kind: type[Exception]) -> None:
    refusal = json.dumps({"error": True, "error_message": "no: cqt_made_up", "error_code": str(status)}).encode()
    with pytest.raises(kind) as caught:
        decode_chains(status, {}, refusal, at=NOON, service_key=KEY)
    assert "GOLDRUSH_API_KEY" in str(caught.value)
    assert "GOLDRUSH_SERVICE_KEY" not in str(caught.value)
    assert "made_up" not in str(caught.value)
