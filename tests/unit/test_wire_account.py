"""GoldRush's usage of an account, in the spellings that its page leaves open."""

import json
from datetime import date
from typing import Any

import pytest
from pydantic import SecretStr

from bot.domain.credits import Usage
from bot.goldrush.wire_account import decode_usage
from bot.ports.pipeline_api import ApiError, Forbidden, Malformed, Unauthorized
from tests.fakes import NOON

KEY = SecretStr("the-service-key")
TOTAL = {"credits_consumed": 120, "max_credits": 1000, "flex_credits": 0}


def decoded(data: Any, status: int = 200) -> Usage:
    body = json.dumps({"data": data, "error": status != 200, "error_message": None, "error_code": None}).encode()
    return decode_usage(status, {}, body, at=NOON, service_key=KEY)


def test_all_of_it() -> None:
    usage = decoded(
        {
            "aggregate": TOTAL,
            "by_day": [
                {"date": "2026-11-22", "credits_consumed": 50},
                {"date": "2026-11-23", "credits_consumed": 70.5},
            ],
            "by_api_key": [{"api_key": "another", "credits_consumed": 9}],
        }
    )
    assert usage == Usage(
        at=NOON,
        consumed=120.0,
        maximum=1000.0,
        flex=0.0,
        by_day={date(2026, 11, 22): 50.0, date(2026, 11, 23): 70.5},
    )


@pytest.mark.parametrize(
    "item",
    [
        {"day": "2026-11-22", "credits": 5},
        {"timestamp": "2026-11-22T00:00:00Z", "consumed": 5},
        {"date": "", "day": "2026-11-22", "credits_consumed": None, "credits": 5},
    ],
)
def test_other_spellings_of_a_day(item: dict[str, Any]) -> None:
    assert decoded({"by_day": [item]}).by_day == {date(2026, 11, 22): 5.0}


@pytest.mark.parametrize("item", [None, 7, [], {}, {"date": "x", "credits": 1}, {"date": "2026-11-22", "credits": -1}])
def test_odd_days_are_left_out(item: Any) -> None:
    assert decoded({"aggregate": TOTAL, "by_day": [item]}).by_day == {}


@pytest.mark.parametrize("name", ["api_key", "key", "service_key"])
def test_only_the_very_key_of_the_bot_counts_as_its_own(name: str) -> None:
    keys = [{name: "the-serv…", "credits_consumed": 1}, {name: 4}, {name: KEY.get_secret_value(), "credits": 8}]
    usage = decoded({"aggregate": TOTAL, "by_api_key": keys})
    assert usage.own == 8.0
    assert KEY.get_secret_value() not in repr(usage)
    assert decoded({"aggregate": TOTAL, "by_api_key": keys[:2]}).own is None


@pytest.mark.parametrize("data", [{}, {"aggregate": None}, {"aggregate": {"credits_consumed": "9"}}, {"by_day": 3}])
def test_an_answer_without_credits_is_malformed(data: Any) -> None:
    with pytest.raises(Malformed):
        decoded(data)


@pytest.mark.parametrize(("status", "kind"), [(401, Unauthorized), (403, Forbidden), (404, ApiError), (500, ApiError)])
def test_refusals(status: int, kind: type[ApiError]) -> None:
    with pytest.raises(kind):
        decoded(None, status)


def test_a_403_says_what_the_key_may_not_do() -> None:
    with pytest.raises(Forbidden, match="may not read the account's usage"):
        decoded(None, 403)
