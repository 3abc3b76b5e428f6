"""Charts: at the limit a message passes; past it, the refusal names the place."""

from typing import Any

import pytest

from sandbox.slack.blocks import check_message

Block = dict[str, Any]


def points(*labels: str) -> list[Block]:
    return [{"label": label, "value": 1.5} for label in labels]


def bars(*, series: int = 1, labels: tuple[str, ...] = ("Mon", "Tue"), kind: str = "bar") -> Block:
    rows = [{"name": f"s{number}", "data": points(*labels)} for number in range(series)]
    return {"type": kind, "series": rows, "axis_config": {"categories": list(labels)}}


def chart(of: Block, title: str = "x", **more: Any) -> Block:
    return {"type": "data_visualization", "title": title, "chart": of, **more}


def pie(*values: float) -> Block:
    return {"type": "pie", "segments": [{"label": "x", "value": value} for value in values]}


DAYS = tuple(f"day {number}" for number in range(20))
UNEQUAL = {**bars(), "axis_config": {"categories": ["Mon", "Wed"]}}
TWINS = {**bars(series=2), "series": [{"name": "s", "data": points("Mon", "Tue")}] * 2}


@pytest.mark.parametrize(
    "blocks",
    [
        [chart(bars(), "x" * 50)],
        [chart(bars(series=6, labels=DAYS))],
        [chart(bars(labels=("x" * 20,), kind="line"))],
        [
            chart(
                {
                    **bars(kind="area"),
                    "axis_config": {"categories": ["Mon", "Tue"], "x_label": "x" * 50, "y_label": "%"},
                }
            )
        ],
        [chart(pie(*[1] * 6))],
        [chart(bars()), chart(pie(0.1))],
    ],
)
def test_charts_at_the_limit_pass(blocks: list[Block]) -> None:
    assert check_message(blocks) == []


@pytest.mark.parametrize(
    ("blocks", "problem"),
    [
        ([chart(bars(), "x" * 51)], "must be less than 51 characters [json-pointer:/blocks/0/title]"),
        ([chart(bars(series=7))], "no more than 6 items allowed"),
        ([chart(bars(labels=(*DAYS, "one more")))], "no more than 20 items allowed"),
        ([chart(bars(labels=("x" * 21,)))], "must be less than 21 characters"),
        ([chart(UNEQUAL)], "each series must have one data point per category"),
        ([chart(TWINS)], "series names must be unique"),
        ([chart(bars(labels=("Mon", "Mon")))], "categories must be unique"),
        ([chart(pie(0))], "must be more than 0"),
        ([chart(pie())], "no fewer than 1 items allowed"),
        ([chart({"type": "radar"})], "unsupported type: radar"),
        ([chart(bars(), colour="red")], "invalid additional property: colour"),
        ([chart(bars())] * 3, "no more than 2 data_visualization blocks allowed"),
    ],
)
def test_charts_past_the_limit_are_refused(blocks: list[Block], problem: str) -> None:
    assert any(problem in complaint for complaint in check_message(blocks))
