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


@pytest.mark.parametrize("absurd", [0, 10, 38_010_000, 1_038_000_000, 10**12])
@pytest.mark.parametrize("late", [0, 0.1])
def test_one_absurd_height_changes_neither_the_pace_nor_the_height(absurd: int, late: float) -> None:
    chain = a_chain(0, 38_000_000, pace=0.5)
    for minute in range(5, 100, 5):
        height = 38_000_000 + 30 * minute
        chain = with_pace(chain, a_chain(minute, absurd if minute == 30 else height, late=late))
        assert chain.blocks_per_second == pytest.approx(0.5, rel=0.03)
        assert abs(chain.height_at(NOON + timedelta(minutes=minute)) - height) <= 150


def test_an_absurd_first_height_gives_way_to_the_second_answer_that_contradicts_it() -> None:
    chain = with_pace(None, a_chain(0, 10**12))
    for minute in (5, 10, 15, 20):
        chain = with_pace(chain, a_chain(minute, 1000 + 30 * minute))
    assert (chain.height, chain.blocks_per_second) == (1600, 0.5)


@pytest.mark.parametrize("step", [-5_000, 10_000_000])
def test_a_new_height_that_stays_counts_from_its_second_answer_on_and_is_no_pace(step: int) -> None:
    chain = a_chain(0, 38_000_000, pace=0.5)
    for minute in (5, 10, 15):
        chain = with_pace(chain, a_chain(minute, 38_000_000 + step + 30 * minute))
    assert chain.height == 38_000_000 + step + 450
    assert chain.blocks_per_second == pytest.approx(0.5, rel=0.03)
    assert chain.doubtful is None


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


@pytest.mark.parametrize("height", [-1, 2**63, 10**12 + 1, 1.5, True])
def test_a_height_that_no_chain_has_is_no_height(height: object) -> None:
    assert decode_chains(200, {}, body({"items": [{"name": "x", "synced_block_height": height}]}), at=NOON) == ()


def test_a_block_of_the_future_has_no_time() -> None:
    items = [{"name": "x", "synced_block_height": 7, "synced_blocked_signed_at": "9999-01-01T00:00:00Z"}]
    assert decode_chains(200, {}, body({"items": items}), at=NOON) == (Chain(name="x", height=7, at=NOON),)


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
