"""Tests of the oracle for pages: it finds each kind of fault, and reports none if every call went out once."""

from dataclasses import replace

import pytest

from tests.proofs.paging import PageAnswer, PageCall, PageHistory, judge_pages

FAILURE = [(0.0, "orders", True), (2000.0, "orders", False)]
NOBODY = "orders still needs you. Nobody answered"


def a_call(at: float, place: str = "C", *, key: str = "", text: str = "orders still needs you") -> PageCall:
    return PageCall(key=key or f"{at}", place=place, made_at=at - 2, at=at, text=text, pipelines=("orders",))


CALLS = [a_call(320.0), a_call(620.0), a_call(920.0, text=NOBODY)]
ANSWER = PageAnswer("orders", 650.0, certain=True)


def faults(*calls: PageCall, answers: tuple[PageAnswer, ...] = (), rollbacks: tuple[float, ...] = ()) -> list[str]:
    return judge_pages(
        PageHistory(places=("C",), changes=FAILURE, calls=list(calls), answers=list(answers), rollbacks=list(rollbacks))
    )


def test_calls_until_nobody_answered_are_no_fault() -> None:
    assert faults(*CALLS) == []
    assert faults(*CALLS[:2], answers=(ANSWER,)) == []


@pytest.mark.parametrize(
    ("calls", "answers", "found"),
    [
        (CALLS[:1], (), "no call for 1680 s"),
        ([CALLS[0], *CALLS], (), "twice"),
        ([*CALLS[:2], a_call(650.0, key="again"), CALLS[2]], (), "called twice within 30 s"),
        (CALLS, (ANSWER,), "270 s after an acknowledgement"),
    ],
    ids=["missing", "repeated", "early", "after an answer"],
)
def test_each_fault_is_found(calls: list[PageCall], answers: tuple[PageAnswer, ...], found: str) -> None:
    assert any(found in fault for fault in faults(*calls, answers=answers))


def test_an_answer_that_redis_forgot_does_not_count() -> None:
    assert faults(*CALLS, answers=(ANSWER,), rollbacks=(ANSWER.at + 3,)) == []
    assert faults(*CALLS, answers=(replace(ANSWER, certain=False),)) == []


def test_an_incident_that_stays_open_is_found() -> None:
    assert judge_pages(PageHistory(incidents={"key"})) == ["the incident key stayed open"]
