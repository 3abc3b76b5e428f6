"""What the Home tab says, and that Slack takes it, whatever names and numbers it has to show."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.answer import FailuresAnswer, PipelineView, WatchedView, WatchesAnswer
from bot.domain.episode import Acknowledgement
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.transition import PipelineState
from bot.domain.watch import ChannelId
from bot.slack.features.home.failures import FAILURES_SHOWN, VisibleFailure, _gaps
from bot.slack.features.home.page import HomePage, home_blocks
from bot.slack.inbound.home import read_opening
from bot.slack.render.blocks import MOST_VIEW_BLOCKS, message
from sandbox.slack.blocks import check_view
from tests.builders import ALERTS, ANN, a_person, a_pipeline, a_watch, an_observation, at
from tests.unit.rendering import LOOK, says, valid

DIRECT = ChannelId("D0ANN")
NASTY = "<!channel> & *all* `x` <@U0BOB>" + "é" * 400


def a_failed(name: str = "orders-eu", *, acknowledged: bool = False) -> PipelineView:
    return PipelineView(
        pipeline=a_pipeline(name, pipeline_id=PipelineId(f"pipe_{name[:20]}")),
        state=PipelineState(observation=an_observation(Phase.FAILED, 5)),
        acknowledged=Acknowledgement(by=ANN, at=at(6), name="Ann") if acknowledged else None,
    )


def watches(*views: WatchedView) -> WatchesAnswer:
    return WatchesAnswer(channel=DIRECT, watches=views, at=at(10))


def shown(
    failed: Sequence[PipelineView] = (), gaps: Sequence[str] = (), mine: WatchesAnswer | None = None, **others: Any
) -> list[str]:
    """Its texts, after Slack's own check."""
    failures = [VisibleFailure(view, ALERTS, f"card{number}") for number, view in enumerate(failed)]
    page = HomePage(user=ANN, failures=failures, gaps=gaps, watches=mine or watches(), **others)
    blocks = home_blocks(page, LOOK.render_context)
    assert len(blocks) <= MOST_VIEW_BLOCKS
    assert check_view(json.loads(json.dumps({"type": "home", "blocks": blocks}))) == []
    return says(valid(message([block for block in blocks if block["type"] != "divider"]), posted=False))


def test_it_leads_with_what_failed_and_where() -> None:
    head, failure = shown([a_failed()])[:2]
    assert head == "*1 pipeline has failed*"
    assert failure == ":red_circle: *orders-eu* — *FAILED* · 1 of 1 ready · read 5 s ago · <#C0ALERTS>"


def test_an_acknowledgement_is_shown_without_a_ping() -> None:
    assert "acknowledged by Ann" in shown([a_failed(acknowledged=True)])[1]


def test_a_failure_that_has_not_recovered_counts_apart() -> None:
    deploying = replace(
        a_failed("orders-us"),
        state=PipelineState(observation=an_observation(Phase.DEPLOYING, 5), failed_since=at(0)),
    )
    assert shown([a_failed(), deploying])[0] == "*1 pipeline has failed, 1 has not recovered yet*"
    assert shown([deploying])[0] == "*1 pipeline has not recovered yet*"


def test_many_failures_are_counted() -> None:
    lines = shown([a_failed(f"orders-{number}") for number in range(FAILURES_SHOWN + 7)])
    assert lines[0] == f"*{FAILURES_SHOWN + 7} pipelines have failed*"
    assert lines[FAILURES_SHOWN + 1] == "… and 7 more"
    assert f"orders-{FAILURES_SHOWN - 1}" in lines[FAILURES_SHOWN]


def test_no_failure_is_no_claim_while_nothing_is_read() -> None:
    answer = FailuresAnswer(failed=(), outage="GoldRush had an internal error (500)", at=at(10))
    lines = shown(gaps=_gaps(answer, "/pipeline", complete=False))[0].split("\n")
    assert lines == [
        ":warning: I have no fresh readings: GoldRush had an internal error (500). Try again in a minute.",
        ":warning: I couldn't check all channels, so failures may be missing here.",
    ]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (FailuresAnswer(failed=(), at=at(10)), "*No watched pipeline has failed* in the channels that you can see."),
        (FailuresAnswer(failed=(), unread=1, at=at(10)), ":warning: I haven't read all watched pipelines yet"),
        (FailuresAnswer(failed=(), anything_watched=False, at=at(10)), "*No pipeline is watched yet.*"),
    ],
)
def test_an_all_clear_needs_a_reading_of_each_watched_pipeline(answer: FailuresAnswer, words: str) -> None:
    assert shown(gaps=_gaps(answer, "/pipeline", complete=True))[0].startswith(words)


def test_the_longest_one_fits() -> None:
    failed = [a_failed(f"{number}{NASTY}", acknowledged=True) for number in range(200)]
    targets = tuple(a_person(f"U1{number:04}", label="é" * 80) for number in range(20))
    views = [
        WatchedView(
            watch=replace(a_watch(f"pipe_{number}", channel=DIRECT, targets=targets), label=NASTY),
            covers=tuple(failed[:1]),
        )
        for number in range(100)
    ]
    shown(failed, ["x" * 300], watches(*views))


OPENED = {"type": "app_home_opened", "user": "U0ANN", "channel": "D0ANN", "tab": "home", "event_ts": "17.5"}


def test_an_opening_has_the_same_id_each_time_slack_delivers_it() -> None:
    first = read_opening({"team_id": "T0SANDBOX", "event": OPENED, "event_id": "Ev1"})
    assert first == ("U0ANN 17.5", {"user": "U0ANN", "channel": "D0ANN"})
    assert read_opening({"team_id": "T0SANDBOX", "event": OPENED, "event_id": "Ev1", "retry": 1}) == first


@pytest.mark.parametrize("event", [None, "x", {}, {**OPENED, "tab": "messages"}, {**OPENED, "user": ["U0ANN"]}])
def test_any_other_event_is_ignored(event: Any) -> None:
    assert read_opening({"event": event}) is None
