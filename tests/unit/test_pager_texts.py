"""What a page says, and PagerDuty's limits."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.domain.pager import PagedFailure, PagerAction, PagerEvent, PagingEnd
from bot.domain.transition import Event
from bot.pagers.pagerduty import LONGEST_SUMMARY, event_json
from bot.pagers.texts import page_text, title_of
from bot.pagers.workflow import variables
from tests.fakes import NOON

ORDERS = PagedFailure(
    key="k",
    pipeline=Pipeline(id=PipelineId("pipe_0001"), name="orders-eu", project="shop"),
    since=NOON,
    card_link="https://acme.slack.com/archives/C1/p1",
)
PAGE = PagerEvent(action=PagerAction.TRIGGER, key="k", failures=(ORDERS,), policy="data", step=2, steps=2)


def a_group(count: int, event: Event = Event.FAILED) -> PagerEvent:
    failures = tuple(replace(ORDERS, key=f"k{n}", event=event) for n in range(count))
    return replace(PAGE, key="group", failures=failures)


def test_a_page_says_what_happened_since_when_and_what_to_do() -> None:
    text = page_text(PAGE)
    assert text.title == "orders-eu failed"
    assert text.body.splitlines() == [
        f"Since {NOON:%Y-%m-%d %H:%M:%S} UTC",
        "Step 2 of the policy data",
        "Acknowledge it in Slack: https://acme.slack.com/archives/C1/p1",
    ]


@pytest.mark.parametrize(
    ("event", "title"),
    [
        (replace(PAGE, failures=(replace(ORDERS, event=Event.DEGRADED),)), "orders-eu is degraded"),
        (a_group(5), "5 pipelines failed"),
        (
            replace(PAGE, failures=(replace(ORDERS, end_of_run="stopped at block 1,200 of 5,000"),)),
            "orders-eu stopped at block 1,200 of 5,000",
        ),
        (a_group(2, Event.DEGRADED), "2 pipelines are degraded"),
        (replace(PAGE, drill=True), "TEST: orders-eu failed"),
        (replace(PAGE, action=PagerAction.ACKNOWLEDGE, by_name="Ann"), "Ann acknowledged: orders-eu failed"),
        (replace(PAGE, action=PagerAction.ACKNOWLEDGE), "Somebody acknowledged: orders-eu failed"),
        (replace(PAGE, action=PagerAction.RESOLVE), "orders-eu recovered"),
        (replace(a_group(3), action=PagerAction.RESOLVE), "All 3 pipelines recovered"),
        (
            replace(PAGE, action=PagerAction.RESOLVE, end=PagingEnd.RESOLVED, by_name="Ann"),
            "Ann resolved: orders-eu failed",
        ),
        (replace(PAGE, action=PagerAction.RESOLVE, end=PagingEnd.CLOSED), "Closed: orders-eu failed"),
        (replace(PAGE, failures=(), headline="GoldRush rejects the ServiceKey"), "GoldRush rejects the ServiceKey"),
    ],
)
def test_a_title_is_one_line_about_who_or_what(event: PagerEvent, title: str) -> None:
    assert title_of(event) == title


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (PAGE, "Step 2 of the policy data"),
        (replace(PAGE, step=3), "Step 1 of the policy data, in round 2"),
        (replace(PAGE, step=3, steps=0), "Step 3 of the policy data"),  # a row of an older version
        (replace(PAGE, step=3, last_resort=True), "Last resort of the policy data: nobody answered its steps"),
        (replace(PAGE, policy="", step=2, steps=1), "Call 2: nobody has answered yet"),
        (replace(PAGE, policy="", step=1, steps=1), None),
    ],
)
def test_a_page_says_which_step_calls(event: PagerEvent, line: str | None) -> None:
    _, *more, _ = page_text(event).body.splitlines()
    assert more == ([line] if line else [])


def test_an_incident_that_others_may_join_says_so() -> None:
    assert title_of(replace(PAGE, key="group")) == "orders-eu failed. Others may join this incident"


def test_a_long_list_is_cut() -> None:
    lines = page_text(a_group(100)).body.splitlines()
    assert "and 85 more" in lines
    assert len(lines) < 20


def test_a_hostile_name_stays_one_short_line() -> None:
    hostile = replace(ORDERS, pipeline=replace(ORDERS.pipeline, name="a\nb\r\u202e<!channel>" + "x" * 5000))
    event = replace(PAGE, failures=(hostile,))
    assert "\n" not in title_of(event)
    payload = event_json(event)["payload"]
    assert isinstance(payload, dict)
    assert len(payload["summary"]) <= LONGEST_SUMMARY


def test_pagerduty_gets_the_fields_that_it_needs() -> None:
    body = event_json(PAGE)
    assert (body["event_action"], body["dedup_key"], body["client_url"]) == ("trigger", "k", ORDERS.card_link)
    assert body["payload"] == {
        "summary": "orders-eu failed",
        "severity": "critical",
        "source": "pipe_0001",
        "timestamp": NOON.isoformat(),
        "class": "failed",
        "group": "shop",
        "custom_details": {"details": page_text(PAGE).body, "problem": "orders-eu failed"},
    }
    assert event_json(replace(PAGE, action=PagerAction.RESOLVE)) == {"event_action": "resolve", "dedup_key": "k"}


def test_degraded_alone_is_a_warning() -> None:
    payload = event_json(a_group(2, Event.DEGRADED))["payload"]
    assert isinstance(payload, dict)
    assert payload["severity"] == "warning"


def test_a_workflow_gets_flat_texts() -> None:
    given = variables(replace(PAGE, drill=True), may_repeat=True)
    assert all(isinstance(value, str) for value in given.values())
    assert (given["test"], given["pipelines"]) == ("yes", "orders-eu")
    assert "may have got this message before" in str(given["details"])


def test_a_failure_that_was_already_there_began_before() -> None:
    event = replace(PAGE, failures=(replace(ORDERS, first_seen=True, since=NOON + timedelta(seconds=1)),))
    assert page_text(event).body.startswith("Before ")
