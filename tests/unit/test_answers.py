"""What somebody reads who asked or clicked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.answer import (
    AcknowledgeAllAnswer,
    AcknowledgeAnswer,
    AcknowledgeFate,
    Answer,
    HelpAnswer,
    ListAnswer,
    PipelineView,
    RefusalAnswer,
    StatusAnswer,
    UndoAnswer,
    UndoFate,
    UnmatchedAnswer,
    UnwatchAnswer,
    WatchAnswer,
    WatchedView,
    WatchesAnswer,
)
from bot.domain.bounded_run import BoundedRun, RunEnd
from bot.domain.cadence import EvenPolling
from bot.domain.catalogue import Pipeline
from bot.domain.episode import Acknowledgement
from bot.domain.names import AmbiguousReference, UnknownReference
from bot.domain.observation import PipelineId
from bot.domain.phase import Intent, Phase
from bot.domain.subscription import Edit
from bot.domain.transition import SELECTABLE, Event, PipelineFinding, PipelineState, Reach, ReadGap
from bot.domain.usual_pace import Lag
from bot.domain.watch import ChannelId, SuspendReason, Target, TargetKind, UserId, Watch
from bot.ports.status_reads import NOBODY_READS
from bot.slack.feature import UsageError
from bot.slack.features.list import ListCommand
from bot.slack.features.status import StatusCommand
from bot.slack.features.unwatch import UnwatchCommand
from bot.slack.grammar.clauses import ChannelWord
from bot.slack.mrkdwn import date
from bot.slack.render import action_ids
from bot.slack.render.blocks import RenderedMessage, message
from bot.slack.render.help import help_blocks
from bot.slack.render.pagination import PAGE_SIZE
from bot.slack.render.phrases import SUSPEND_REASONS
from bot.slack.render.run_words import SHORT_STEP
from bot.slack.render.saved_question import SavedQuestion
from bot.slack.routes import ROUTES
from tests.builders import (
    ALERTS,
    ANN,
    ORDERS,
    a_person,
    a_pipeline,
    a_usergroup,
    a_watch,
    an_episode,
    an_observation,
    at,
)
from tests.routes import COMMANDS, parse
from tests.unit.rendering import LOOK, buttons, says, tells_all, valid

RUNNING, FAILED, STOPPED = Phase.RUNNING, Phase.FAILED, Phase.STOPPED
NAMED = replace(a_watch(), label="orders-eu")


def answered(answer: Answer, question: SavedQuestion | None = None) -> RenderedMessage:
    return tells_all(valid(LOOK.answer(answer, question or SavedQuestion()), posted=False))


def a_standing(
    phase: Phase = RUNNING, *, ready: int = 1, reach: Reach = Reach.REACHABLE, bounded: bool = False
) -> PipelineState:
    observation = replace(an_observation(phase, 5, ready=ready), bounded=bounded)
    return PipelineState(observation=observation, since=at(1), reach=reach)


AN_HOUR = timedelta(hours=1)


def a_view(standing: PipelineState | None = None, name: str = "orders-eu", **more: object) -> PipelineView:
    pipeline = replace(a_pipeline(name), id=PipelineId(f"pipe_{name}"))
    view = PipelineView(pipeline=pipeline, state=standing or a_standing())
    return replace(view, **more)  # type: ignore[arg-type]  # fields of the view


def views(number: int) -> tuple[PipelineView, ...]:
    return tuple(a_view(name=f"orders-{place:02}") for place in range(number))


def test_an_overdue_deployment_says_so_alone_and_in_a_list() -> None:
    episode = replace(an_episode(), usual_to_live=timedelta(minutes=3), overdue_since=at(9))
    late = a_view(a_standing(Phase.DEPLOYING, ready=0), overdue=episode)
    for shown_views in ((late,), (late, a_view(name="orders-us"))):
        text = status(*shown_views).text
        assert f"usually live after 3 min, *overdue* since {date(at(9))}".replace("*", "") in text.replace("*", "")
    assert "overdue" not in status(replace(late, overdue=None)).text


def status(
    *shown: PipelineView, whole_channel: bool = False, page: int = 1, question: str = "status"
) -> RenderedMessage:
    return answered(
        StatusAnswer(views=shown, whole_channel=whole_channel, at=at(17)), SavedQuestion(text=question, page=page)
    )


# --- status ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (a_view(), ["orders-eu — RUNNING, live", "1 of 1 ready", "read 12 s ago", "not watched here", "shop"]),
        (a_view(watched_here=True), [" · watched here"]),
        (a_view(a_standing(ready=0)), ["RUNNING, degraded", "0 of 1 ready"]),
        (a_view(a_standing(FAILED, ready=0)), ["FAILED", "since <!date^1795435201^"]),
        (a_view(replace(a_standing(FAILED), first_seen=True)), ["FAILED", "12:00:01 UTC> or earlier"]),
        (
            a_view(replace(a_standing(), gap=ReadGap(since=at(2), until=at(4)))),
            ["since <!date^1795435201^", "· not read at <!date^1795435202^"],
        ),
        (a_view(a_standing(STOPPED)), ["STOPPED", "should be running"]),
        (a_view(a_standing(STOPPED, bounded=True)), ["STOPPED, possibly finished"]),
        (a_view(a_standing(Phase("Hibernating"))), ["— Hibernating"]),
        (a_view(PipelineState()), ["not read yet", "never read"]),
        (a_view(a_standing(reach=Reach.UNREACHABLE)), ["can't be read, last seen RUNNING 12 s ago"]),
        (a_view(PipelineState(reach=Reach.UNREACHABLE)), ["— can't be read"]),
        (a_view(a_standing(reach=Reach.GONE)), ["no longer visible: deleted, or access changed"]),
        (
            a_view(problem="no answer within 5 s"),
            ["I couldn't read it just now: no answer within 5 s. Try again in a minute."],
        ),
        (
            a_view(
                a_standing(FAILED), acknowledged=Acknowledgement(by=ANN, at=at(9), name="Ann", place="#data-alerts")
            ),
            ["Acknowledged by Ann in #data-alerts at <!date^1795435209^"],
        ),
    ],
)
def test_one_pipeline_in_detail(view: PipelineView, words: list[str]) -> None:
    text = status(view).text
    for word in words:
        assert word in text, text


def test_an_acknowledgement_in_the_reader_s_channel_does_not_name_it() -> None:
    answer = Acknowledgement(by=ANN, at=at(9), name="Ann", place="#data-alerts", channel=ALERTS)
    view = a_view(a_standing(FAILED), acknowledged=answer)
    for channel, words in ((ALERTS, "Acknowledged by Ann at"), (None, "Acknowledged by Ann in #data-alerts at")):
        assert words in answered(StatusAnswer(views=(view,), channel=channel, at=at(17))).text


@pytest.mark.parametrize(
    ("found", "lag", "words"),
    [
        (PipelineFinding(event=Event.STUCK, since=at(2), usual=timedelta(minutes=3)), None, "(usually 3 min)"),
        (PipelineFinding(event=Event.DRIFT, since=at(2), intent=Intent.PAUSED), None, "drifted"),
        (
            PipelineFinding(
                event=Event.LAGGING, since=at(2), lag=timedelta(minutes=41), chain="Base", chain_lag=AN_HOUR
            ),
            None,
            "lagging: 41 min behind",
        ),
        (None, Lag(seconds=12, blocks=6), "12 s behind (6 blocks)"),
    ],
)
def test_one_pipeline_has_the_findings_and_the_lag_that_its_line_has(
    found: PipelineFinding | None, lag: Lag | None, words: str
) -> None:
    view = a_view(replace(a_standing(), findings=(found,) if found else ()), lag=lag)
    alone = status(view).text.replace("\xa0", " ")
    for text in (alone, status(view, a_view(name="b")).text.replace("\xa0", " ")):
        assert words in text.lower()
    assert ("Base itself is 1 h behind at GoldRush: nothing to do here" in alone) is ("lagging" in words)


def test_one_pipeline_says_until_when_its_rests_are_new() -> None:
    assert "still learning when it rests, until " in status(a_view(learning_until=at(600))).text


@pytest.mark.parametrize(
    ("found", "phase", "words"),
    [
        (
            PipelineFinding(event=Event.LAGGING, since=at(600), lag=timedelta(minutes=41)),
            RUNNING,
            [f"Lagging: 41 min behind, since {date(at(600))}", "Check that its destination keeps up."],
        ),
        (
            PipelineFinding(event=Event.STALLED, since=at(600)),
            RUNNING,
            ["Stalled: it reads no new blocks, although it is running, since", "Check that its destination keeps up."],
        ),
        (
            PipelineFinding(event=Event.STUCK, since=at(1), usual=timedelta(minutes=3)),
            Phase.DEPLOYING,
            [
                "Stuck while deploying (usually 3 min)\n",
                "`/pipeline logs orders-eu` shows",
                "deploy it again in GoldRush",
            ],
        ),
        (
            PipelineFinding(event=Event.DRIFT, since=at(600), intent=Intent.RUNNING),
            STOPPED,
            ["Drifted: it is stopped and should be running, since", "Resume it in GoldRush."],
        ),
    ],
)
def test_one_pipeline_has_since_when_each_finding_holds_and_the_next_step(
    found: PipelineFinding, phase: Phase, words: list[str]
) -> None:
    text = status(a_view(replace(a_standing(phase), findings=(found,)))).text.replace("\xa0", " ")
    assert [part for part in words if part not in text] == []
    assert text.count("should be running") == (found.event is Event.DRIFT)


def test_a_lag_of_goldrush_itself_has_no_step() -> None:
    found = PipelineFinding(event=Event.LAGGING, since=at(2), lag=AN_HOUR, chain="Base", chain_lag=AN_HOUR)
    assert "Check that" not in status(a_view(replace(a_standing(), findings=(found,)))).text


def test_a_run_that_stopped_short_has_the_next_step_when_somebody_asks() -> None:
    run = BoundedRun(at=at(0), height=1_200, stop=5_000, end=RunEnd.SHORT)
    short = replace(a_standing(STOPPED, bounded=True), failed_since=at(1), run=run)
    assert SHORT_STEP.removeprefix(":wrench: ") in status(a_view(short)).text


@pytest.mark.parametrize(
    ("problem", "until", "step"),
    [
        ("GoldRush had an internal error (503).", None, " Try again in a minute."),
        ("GoldRush asked me to slow down (429).", at(99), f" I'll try again at {date(at(99))}."),
        ("GoldRush doesn't accept my key (401). Tell the people who run me.", None, ""),
        ("no answer came in time. Try again in a minute.", None, ""),
        (NOBODY_READS, None, ""),
    ],
)
def test_an_answer_that_may_be_out_of_date_says_what_to_do(problem: str, until: datetime | None, step: str) -> None:
    view = a_view(problem=problem, wait_until=until)
    for text in (status(view).text, listed(view), status(view, a_view(name="b")).text):
        assert f"just now: {problem}{step}\n" in text.replace("\xa0", " ")


def test_an_answer_says_when_the_api_reports_no_replicas() -> None:
    standing = PipelineState(observation=an_observation(ready=None, replicas=None))
    text = status(a_view(standing)).text
    assert "RUNNING, readiness not reported" in text
    assert "ready ·" not in text


def test_several_pipelines_have_a_line_each_with_its_age() -> None:
    failed = a_view(
        a_standing(FAILED, ready=0),
        "b",
        acknowledged=Acknowledgement(by=ANN, at=at(9), name="Ann", place="#data-alerts"),
    )
    stale = a_view(a_standing(), "c", problem="no answer")
    text = status(a_view(name="a"), failed, stale, a_view(PipelineState(), "d")).text
    assert text.split("\n") == [
        "I couldn't read 1 of these 4 pipelines just now: no answer. Try again in a minute.",
        "1 of 4 needs attention: 1 failed · 1 not read yet",
        "a — RUNNING, live · 1 of 1 ready · read 12 s ago",
        f"b — FAILED · 0 of 1 ready · since {date(at(1))} · acknowledged by Ann · read 12 s ago",
        "c — last seen RUNNING 12 s ago",
        "d — not read yet",
    ]


def test_status_without_names_shows_all_watched_pipelines() -> None:
    assert "This channel watches 2 pipelines" in status(*views(2), whole_channel=True).text
    nothing = status(whole_channel=True).text
    assert "watches nothing yet" in nothing
    assert "`/pipeline watch NAME`" in nothing


def test_a_pattern_that_matches_nothing_says_so() -> None:
    assert "No pipeline matches" in status().text


def test_refresh_is_there_for_one_pipeline_only() -> None:
    assert buttons(status(a_view()))["Refresh"].facts == {"pipeline": "pipe_orders-eu"}
    assert "Refresh" not in buttons(status(*views(2)))


# --- pages -----------------------------------------------------------------------------------------------------------


def paged(number: int, page: int, kind: str) -> RenderedMessage:
    if kind == "status":
        return status(*views(number), page=page, question="status orders-*")
    answer = ListAnswer(views=views(number), words="orders", at=at(17))
    return answered(answer, SavedQuestion(text="list orders", page=page))


def rows(message: RenderedMessage) -> list[str]:
    return [line.split(" ")[0] for line in message.text.split("\n") if line.startswith("orders-")]


@pytest.mark.parametrize("kind", ["status", "list"])
@pytest.mark.parametrize(("page", "labels"), [(1, {"Next ›"}), (2, {"‹ Previous", "Next ›"}), (3, {"‹ Previous"})])
def test_sixty_pipelines_are_three_pages(kind: str, page: int, labels: set[str]) -> None:
    message = paged(60, page, kind)
    assert "60 pipelines" in message.text
    assert f"page {page} of 3" in message.text
    assert rows(message) == [f"orders-{place:02}" for place in range((page - 1) * PAGE_SIZE, page * PAGE_SIZE)]
    made = buttons(message)
    assert set(made) == labels | {"Share to channel"}
    turns = {"‹ Previous": (action_ids.PREVIOUS, page - 1), "Next ›": (action_ids.NEXT, page + 1)}
    for label in labels:
        action, there = turns[label]
        assert (made[label].action, made[label].facts["page"]) == (action, there)


@pytest.mark.parametrize("kind", ["status", "list"])
@pytest.mark.parametrize(
    ("number", "page", "labels"), [(1, 1, set()), (20, 1, set()), (21, 2, {"‹ Previous"}), (40, 2, {"‹ Previous"})]
)
def test_pages_split_long_answers(kind: str, number: int, page: int, labels: set[str]) -> None:
    assert set(buttons(paged(number, page, kind))) - {"Refresh"} == labels | {"Share to channel"}


@pytest.mark.parametrize("kind", ["status", "list"])
@pytest.mark.parametrize(("number", "last"), [(41, 3), (40, 2), (5, 1)])
def test_a_page_that_is_there_no_more_is_the_last_one(kind: str, number: int, last: int) -> None:
    message = paged(number, 9, kind)
    assert rows(message) == rows(paged(number, last, kind)) != []
    assert buttons(message).keys() == buttons(paged(number, last, kind)).keys()


@pytest.mark.parametrize("page", [1, 2])
def test_direct_messages_have_no_share_button(page: int) -> None:
    question = SavedQuestion(text="status", page=page, shareable=False)
    answer = StatusAnswer(views=views(60), at=at(17))
    assert "Share to channel" not in buttons(answered(answer, question))


def test_the_share_button_repeats_the_command() -> None:
    shared = buttons(paged(60, 2, "list"))["Share to channel"]
    assert shared.action == action_ids.SHARE
    assert shared.facts == {"asked": "list orders", "page": 2}
    assert parse(shared.facts["asked"]) == ListCommand("orders")
    shared = buttons(status(a_view(), question='status "Base Swaps" orders-eu'))["Share to channel"]
    assert parse(shared.facts["asked"]) == StatusCommand(("Base Swaps", "orders-eu"))


@pytest.mark.parametrize(
    "answer",
    [
        StatusAnswer(views=(), unresolved=(UnknownReference("ordres", ()),), at=at(17)),
        StatusAnswer(views=(), at=at(17)),
        StatusAnswer(views=(), whole_channel=True, at=at(17)),
        ListAnswer(views=(), words="ordres", at=at(17)),
    ],
)
def test_an_answer_without_pipelines_has_no_share_button(answer: Answer) -> None:
    assert buttons(answered(answer, SavedQuestion(text="status ordres"))) == {}


def test_an_answer_shows_known_pipelines_beside_unknown_names() -> None:
    answer = StatusAnswer(views=(a_view(),), unresolved=(UnknownReference("ordres", ()),), at=at(17))
    assert "Share to channel" in buttons(answered(answer, SavedQuestion(text="status orders-eu ordres")))


def test_a_shared_answer_has_no_buttons() -> None:
    message = answered(StatusAnswer(views=views(60), at=at(17)), SavedQuestion(text="status", page=2, shared=True))
    assert "page 2 of 3" in message.text
    assert buttons(message) == {}
    assert message.as_response(in_channel=True)["response_type"] == "in_channel"
    assert message.as_response()["response_type"] == "ephemeral"


def test_a_command_too_long_for_a_button_has_no_buttons() -> None:
    assert buttons(status(*views(60), question="status " + "x" * 2000)) == {}


# --- list ------------------------------------------------------------------------------------------------------------


def listed(*shown: PipelineView, words: str = "", problem: str | None = None) -> str:
    return answered(ListAnswer(views=shown, words=words, at=at(17), problem=problem)).text


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("runing", "Did you mean `/pipeline list running`?"),
        ("orders Faild", "Did you mean `/pipeline list failed`?"),
        ("drifting", "Did you mean `/pipeline list drift`?"),
        ("puased degarded", "Did you mean `/pipeline list paused` or `/pipeline list degraded`?"),
        ("orders-*", "Did you mean `/pipeline status orders-*`?"),
        ("project:shop", "Did you mean `/pipeline status project:shop`?"),
        ("ordres", "`/pipeline list` shows all pipelines."),
        ("all", "`/pipeline list` shows all pipelines."),
    ],
)
def test_a_list_without_a_match_names_the_command_to_type(words: str, meant: str) -> None:
    (line,) = says(answered(ListAnswer(views=(), words=words, at=at(17))))
    shown = words.replace("*", "∗")
    assert line == f"I couldn't find a pipeline with “{shown}”. Nothing was changed. {meant}"


def test_a_list_without_a_match_suggests_the_nearest_names() -> None:
    text = answered(ListAnswer(views=(), words="ordres-eu", nearest=(a_pipeline(),), at=at(17))).text
    assert "I couldn't find a pipeline called ordres-eu. Did you mean one of these?" in text
    assert "`/pipeline status orders-eu`" in text
    assert "Nothing was changed." in text


def test_a_pattern_without_a_match_is_named() -> None:
    text = answered(StatusAnswer(views=(), patterns=("project:shop",), at=at(17))).text
    assert text == "No pipeline matches `project:shop`. Nothing was changed. `/pipeline list` shows all pipelines."


def test_unwatch_names_the_watches_that_remain() -> None:
    ended = UnwatchAnswer(channel=ALERTS, removed=(a_watch("orders-*"),), still_watched=(NAMED,), at=at(0))
    text = answered(ended).text
    assert "still watches orders-eu" in text
    assert "To stop that: `/pipeline unwatch orders-eu`" in text


def test_the_list_goes_by_project() -> None:
    one, other = a_view(name="a", watched_here=True), a_view(name="b")
    alone = replace(other, pipeline=replace(other.pipeline, project=""))
    assert listed(one, other, alone).split("\n") == [
        "3 pipelines",
        "_shop_",
        "a — RUNNING, live · 1 of 1 ready · read 12 s ago · watched here",
        "b — RUNNING, live · 1 of 1 ready · read 12 s ago",
        "_no project_",
        "b — RUNNING, live · 1 of 1 ready · read 12 s ago",
    ]


@pytest.mark.parametrize(
    ("count", "words", "problem", "expected"),
    [
        (1, "", None, "1 pipeline\n"),
        (2, "orders eu", None, "2 pipelines with “orders eu”"),
        (0, "", None, "I can't see any pipelines in GoldRush. If there should be some, tell the people who run me."),
        (0, "<x>", None, "find a pipeline with “&lt;x&gt;”."),
        (2, "", "401: the key was revoked", "The list may be out of date: 401: the key was revoked"),
        (0, "", "no answer", "The list may be out of date: no answer"),
    ],
)
def test_the_list_shows_its_search_words_and_its_problem(
    count: int, words: str, problem: str | None, expected: str
) -> None:
    assert expected in listed(*views(count), words=words, problem=problem)


# --- watch, unwatch, watches -----------------------------------------------------------------------------------------


def watched(*added: Watch, **more: object) -> str:
    answer = WatchAnswer(channel=ALERTS, edits=tuple(Edit(after=watch) for watch in added), at=at(17))
    return answered(replace(answer, **more)).text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("watch", "words"),
    [
        (NAMED, "<#C0ALERTS> now watches orders-eu — all events"),
        (replace(NAMED, events=frozenset({Event.RECOVERED, Event.FAILED})), "orders-eu — failed, recovered"),
        (replace(NAMED, events=frozenset(SELECTABLE)), "— " + ", ".join(SELECTABLE)),
        (
            replace(NAMED, targets=(a_person(), a_usergroup())),
            "all events, pages @ann @data-oncall on failure",
        ),
        (
            replace(NAMED, targets=(Target(kind=TargetKind.HERE), Target(kind=TargetKind.CHANNEL))),
            "pages @here @channel on failure",  # said, not done
        ),
        (a_watch("orders-*"), "now watches `orders-*` — all events"),
        (a_watch("project:shop:*"), "now watches `project:shop:*` — all events"),
    ],
)
def test_watch_echoes_the_command_and_its_effect(watch: Watch, words: str) -> None:
    assert words in watched(watch, matched=(a_view(),))


@pytest.mark.parametrize("event", [Event.LAGGING, Event.STALLED, Event.STUCK])
def test_watch_says_what_the_bot_must_learn_first(event: Event) -> None:
    assert f"\n{event}: " in watched(replace(NAMED, events=frozenset({event, Event.FAILED})))
    assert f"\n{event}: " in watched(replace(NAMED, targets=(a_person(),), page_for=frozenset({event})))
    assert "day" not in watched(NAMED)
    assert "day" not in watched(replace(NAMED, events=frozenset({Event.DRIFT})))


def test_a_finished_pipeline_shows_no_contrary_intent() -> None:
    for shown in (
        status(a_view(a_standing(STOPPED, bounded=True))),
        status(a_view(a_standing(STOPPED, bounded=True)), a_view()),
    ):
        assert "STOPPED, possibly finished" in shown.text
        assert "should be" not in shown.text


def test_watching_says_how_it_stands_right_now() -> None:
    text = watched(NAMED, matched=(a_view(a_standing(FAILED, ready=0)),))
    assert "orders-eu — FAILED · 0 of 1 ready" in text
    assert "already watches orders-eu" in watched(unchanged=(NAMED,), matched=(a_view(),))


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "No pipeline matches yet"), (1, "1 pipeline matches now"), (20, "20 pipelines match now")],
)
def test_a_pattern_shows_its_count_and_that_it_grows(number: int, expected: str) -> None:
    text = watched(a_watch("orders-*"), matched=views(number))
    assert f"{expected}. New ones that match will be watched." in text
    assert text.count("RUNNING") == number


def test_a_pattern_of_many_pipelines_shows_the_counts_and_those_that_need_attention() -> None:
    failed = tuple(a_view(a_standing(FAILED, ready=0), name=f"late-{number}") for number in range(2))
    unread = (a_view(PipelineState(), name="new"),)
    text = watched(a_watch("*"), matched=(*views(1500), *unread, *failed))
    assert text.split("\n")[1:] == [
        "1,503 pipelines match now. New ones that match will be watched.",
        "2 of 1,503 need attention: 2 failed · 1 not read yet",
        f"late-0 — FAILED · 0 of 1 ready · since {date(at(1))} · read 12 s ago",
        f"late-1 — FAILED · 0 of 1 ready · since {date(at(1))} · read 12 s ago",
        "All of them: `/pipeline status`",
    ]


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        (0, "None needs attention."),
        (1, "1 not read yet. None of the others needs attention."),
        (25, "I haven't read them yet."),
    ],
)
def test_a_pattern_of_many_healthy_pipelines_shows_only_counts(late: int, expected: str) -> None:
    matched = (*views(25 - late), *(a_view(PipelineState(), name=f"new-{number}") for number in range(late)))
    assert watched(a_watch("*"), matched=matched).split("\n")[2:] == [expected, "All of them: `/pipeline status`"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "No pipeline matches"), (1, "1 pipeline matches"), (1700, "1,700 pipelines match")],
)
def test_a_pattern_counts_so_far_during_the_first_listing(number: int, expected: str) -> None:
    answer = WatchAnswer(
        channel=ALERTS, edits=(Edit(after=a_watch("*")),), matched=views(number), still_listing=True, at=at(17)
    )
    assert f"{expected} so far; I'm still listing them. New ones that match will be watched." in answered(answer).text


@pytest.mark.parametrize(
    ("fleet", "expected"),
    [
        (EvenPolling(360, 4.0), ""),
        (
            EvenPolling(3000, 4.0),
            "3,000 pipelines at 4 requests/s: each is read about every 12 min. A budget of 50 requests/s would make",
        ),
        (EvenPolling(480, 4.0), "each is read about every 2 min. A budget of 8 requests/s would make it 60 s."),
    ],
)
def test_watch_says_how_often_a_large_fleet_is_read(fleet: EvenPolling, expected: str) -> None:
    answer = WatchAnswer(channel=ALERTS, edits=(Edit(after=NAMED),), matched=views(1), polling=fleet, at=at(17))
    text = answered(answer).text
    assert expected in text
    assert ("requests/s" in text) == bool(expected)


def test_watch_says_when_nothing_changed() -> None:
    assert watched() == "Nothing was changed."
    assert "watches nothing. Nothing was changed" in answered(UnwatchAnswer(channel=ALERTS, at=at(0))).text


def test_unwatching() -> None:
    text = answered(UnwatchAnswer(channel=ALERTS, removed=(NAMED,), not_watched=("payments",), at=at(0))).text
    assert text.split("\n") == [
        "<#C0ALERTS> no longer watches orders-eu — all events",
        "<#C0ALERTS> doesn't watch payments. Nothing was changed there.",
    ]


def test_unwatch_offers_to_end_the_covering_pattern() -> None:
    answer = UnwatchAnswer(channel=ALERTS, covered=("orders-eu",), still_covered_by=(a_watch("orders-*"),), at=at(0))
    message = answered(answer)
    assert message.text.split("\n") == [
        "<#C0ALERTS> watches orders-eu through the pattern `orders-*`. That stays. Stop watching the pattern?",
        "• `orders-*` — all events: `/pipeline unwatch orders-*`",
    ]
    made = buttons(message)["Unwatch orders-*"]
    assert made.action == action_ids.CONFIRM
    assert parse(made.facts["asked"]) == UnwatchCommand(("orders-*",), ChannelWord(id=ALERTS))


def test_unwatch_of_an_unwatched_pattern_lists_matching_watches() -> None:
    us = replace(a_watch("pipe_0002"), label="orders us")
    message = answered(UnwatchAnswer(channel=ALERTS, would_end=(NAMED, us), at=at(0)))
    assert "Nothing was changed. It matches 2 watches" in message.text
    assert "`/pipeline unwatch orders-eu`" in message.text
    assert '`/pipeline unwatch "orders us"`' in message.text
    made = buttons(message)["Remove these 2 watches"]
    assert parse(made.facts["asked"]) == UnwatchCommand(("pipe_0001", "pipe_0002"), ChannelWord(id=ALERTS))


def test_a_pattern_that_matches_nothing_is_watched_only_after_a_click() -> None:
    answer = UnmatchedAnswer(patterns=("nosuch-*",), nearest=(a_pipeline("nosuchs"),), at=at(0))
    message = answered(answer, SavedQuestion(text="watch nosuch-* page <@U0ANN|ann>"))
    assert "No pipeline matches `nosuch-*` yet. Nothing was changed." in message.text
    assert "nosuchs" in message.text
    made = buttons(message)["Watch it anyway"]
    assert (made.action, made.facts["asked"]) == (action_ids.CONFIRM, "watch nosuch-* page <@U0ANN|ann>")
    assert "asked" not in str(buttons(answered(answer, SavedQuestion(text="watch nosuch-* " + "x" * 2000))))


def test_an_edited_watch_shows_before_and_after_and_can_be_undone() -> None:
    before, mine = replace(NAMED, targets=(a_person(),)), ChannelId("D0ANN")
    answer = WatchAnswer(channel=mine, edits=(Edit(before=before, after=NAMED),), undo="u" * 32, at=at(17))
    message = answered(answer)
    assert "now watch orders-eu — all events\n    Before: orders-eu — all events, pages @ann on failure" in message.text
    assert buttons(message)["Undo"].facts == {"undo": "u" * 32}
    assert "Undo works for 1 h" in message.text


def test_a_direct_message_says_you_watch() -> None:
    mine = replace(NAMED, channel=ChannelId("D0ANN"))
    for answer in (
        WatchAnswer(channel=mine.channel, edits=(Edit(after=mine),), unchanged=(mine,), at=at(17)),
        UnwatchAnswer(channel=mine.channel, removed=(mine,), not_watched=("b",), at=at(17)),
        UnwatchAnswer(channel=mine.channel, at=at(17)),
        UnwatchAnswer(channel=mine.channel, covered=("b",), still_covered_by=(mine,), at=at(17)),
        WatchesAnswer(channel=mine.channel, watches=(), at=at(17)),
        WatchesAnswer(channel=mine.channel, watches=(WatchedView(watch=mine, covers=()),), at=at(17)),
        StatusAnswer(views=(), whole_channel=True, channel=mine.channel, at=at(17)),
        StatusAnswer(views=views(2), whole_channel=True, channel=mine.channel, at=at(17)),
        StatusAnswer(views=(), whole_channel=True, channel=mine.channel, suspended=SuspendReason.RESTRICTED, at=at(17)),
        UndoAnswer(channel=mine.channel, fate=UndoFate.DONE, edits=(Edit(before=mine),)),
    ):
        text = answered(answer).text
        assert any(words in text for words in ("You", "here", "Undone:"))
        assert "hannel" not in text
        assert "D0ANN" not in text


@pytest.mark.parametrize(
    ("unknown", "words"),
    [
        ((UnknownReference("ordrs", (a_pipeline(),)),), ["`/pipeline watch orders-eu b page @ann`"]),
        ((UnknownReference("ordrs", ()),), ["`/pipeline list`"]),
        (
            (UnknownReference("ordrs", (a_pipeline(),)), UnknownReference("b", (a_pipeline("big one"),))),
            ['For example: `/pipeline watch orders-eu "big one" page @ann`'],
        ),
    ],
)
def test_an_unknown_name_is_corrected_in_the_whole_command(
    unknown: tuple[UnknownReference, ...], words: list[str]
) -> None:
    answer = WatchAnswer(channel=ALERTS, unresolved=unknown, at=at(17))
    text = answered(answer, SavedQuestion(text="watch ordrs b page <@U0ANN|ann>")).text
    assert "Nothing was changed." in text
    for word in words:
        assert word in text


def test_watches_of_a_channel() -> None:
    pattern = WatchedView(
        watch=replace(a_watch("orders-*", targets=(a_person(),)), made_by_name="Ann"), covers=views(7)
    )
    one = WatchedView(watch=replace(NAMED, made_by=UserId("U0BOB")), covers=(a_view(),))
    text = answered(WatchesAnswer(channel=ALERTS, watches=(pattern, one), at=at(17))).text
    assert "This channel watches\n" in text
    assert "• `orders-*` — all events, pages @ann on failure · added by Ann on <!date^1795435200^" in text
    assert " · 7 pipelines now" in text
    assert "• orders-eu — all events · added by someone" in text
    assert "\n    RUNNING, live" in text


def test_no_watches_say_how_to_begin() -> None:
    text = answered(WatchesAnswer(channel=ALERTS, watches=(), at=at(17))).text
    assert "watches nothing" in text
    assert "`/pipeline watch NAME`" in text


CURES = {
    SuspendReason.ARCHIVED: "If nothing comes, unarchive this channel and invite me again",
    SuspendReason.NOT_IN_CHANNEL: "If nothing comes, invite me again",
    SuspendReason.NOT_FOUND: "If nothing comes, invite me again",
    SuspendReason.RESTRICTED: "If nothing comes, let me post again in the settings of the channel",
}


@pytest.mark.parametrize("reason", SuspendReason)
def test_a_suspended_channels_answer_says_why(reason: SuspendReason) -> None:
    one = WatchedView(watch=NAMED, covers=(a_view(),))
    text = answered(WatchesAnswer(channel=ALERTS, watches=(one,), suspended=reason, at=at(17))).text
    assert "This channel watches · suspended" in text
    of_all = StatusAnswer(views=(a_view(), a_view()), whole_channel=True, suspended=reason, at=at(17))
    for answer in (of_all, replace(of_all, views=(a_view(),))):
        assert answered(answer).text.startswith(
            f"I couldn't post here: {SUSPEND_REASONS[reason]}. I'm trying again now"
        )
    for answer_text in (text, answered(of_all).text):
        assert f"{CURES[reason]}, then type `/pipeline watches` here. I'll try again right away." in answer_text


# --- references that mean nothing, or too much -----------------------------------------------------------------------


def unresolved(*references: AmbiguousReference | UnknownReference) -> str:
    return answered(StatusAnswer(views=(), unresolved=references, at=at(17))).text


def pipelines(*names: str) -> tuple[Pipeline, ...]:
    return tuple(replace(a_pipeline(name), id=PipelineId(f"pipe_{place}")) for place, name in enumerate(names))


def test_an_ambiguous_name_offers_unambiguous_names() -> None:
    text = unresolved(AmbiguousReference("orders", pipelines("orders-eu", "Orders-US", "orders-us", "orders-*")))
    assert "“orders” could mean 4 pipelines. Which one?" in text
    assert "• orders-eu · shop · `/pipeline status orders-eu`" in text
    assert "• Orders-US · shop · `/pipeline status pipe_1`" in text
    assert "• orders-us · shop · `/pipeline status pipe_2`" in text
    assert "`/pipeline status pipe_3`" in text


def test_an_ambiguous_name_offers_ids_when_a_hidden_pipeline_shares_it() -> None:
    text = unresolved(
        AmbiguousReference("orders", pipelines(*(f"orders-{number}" for number in range(30)), "orders-0"))
    )
    assert "`/pipeline status pipe_0`" in text
    assert "`/pipeline status orders-1`" in text


def test_a_question_by_id_is_answered_by_id() -> None:
    """There may be others of that name, which the beginning of an id does not tell."""
    text = unresolved(AmbiguousReference("pipe_", pipelines("orders-eu", "pipe_1")))
    assert "• orders-eu · shop · `/pipeline status pipe_0`" in text
    assert "• pipe_1 · shop · `/pipeline status pipe_1`" in text


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("orders-eu", "`/pipeline unwatch orders-eu`"),
        ("Base Swaps", '`/pipeline unwatch "Base Swaps"`'),
        ("on", '`/pipeline unwatch "on"`'),
        ("all", '`/pipeline unwatch "all"`'),  # or it would be taken for every one of them
        ('12" pipes', "`/pipeline unwatch pipe_0`"),  # no quotation mark can be typed
    ],
)
def test_the_nearest_names_are_offered_as_they_are_to_be_typed(name: str, typed: str) -> None:
    unknown = UnknownReference("ordrs", pipelines(name))
    text = answered(UnwatchAnswer(channel=ALERTS, unresolved=(unknown,), at=at(0))).text
    assert "I couldn't find a pipeline called ordrs. Did you mean one of these?" in text
    assert typed in text


def test_an_unknown_name_without_suggestions_leads_to_list() -> None:
    text = unresolved(UnknownReference("<!channel>", ()))
    assert "I couldn't find a pipeline called &lt;!channel&gt;. `/pipeline list` shows all pipelines." in text


# --- the rest --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("watch a on fialed", "`/pipeline watch a on failed`"),
        ("WATCH a on fialed", "`/pipeline WATCH a on failed`"),
        ("subscriptons", "`/pipeline subscriptions`"),
        ("watch a on zzz", "`/pipeline help watch`"),
        ("&lt;!channel&gt;", "`/pipeline status &lt;!channel&gt;`"),
    ],
)
def test_a_mistake_is_answered_with_a_corrected_command(typed: str, hint: str) -> None:
    error = parse(typed)
    assert isinstance(error, UsageError)
    text = answered(RefusalAnswer(reason=error.message, command=error.hint)).text
    assert text.split("\n")[-1] == hint


def test_a_refusal_may_hint_at_something_else_than_a_command() -> None:
    text = answered(RefusalAnswer(reason="I'm not in <#C0ALERTS>.", hint="Invite me there with `/invite`.")).text
    assert text == "I'm not in <#C0ALERTS>.\nInvite me there with `/invite`."
    assert answered(RefusalAnswer(reason="No.")).text == "No."


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (AcknowledgeAnswer(pipeline=a_pipeline(), fate=AcknowledgeFate.ACKNOWLEDGED), "You acknowledged orders-eu."),
        (AcknowledgeAnswer(pipeline=a_pipeline(), fate=AcknowledgeFate.OVER), "is over"),
        (
            AcknowledgeAnswer(pipeline=a_pipeline(), fate=AcknowledgeFate.UNWATCHED),
            (
                "orders-eu is no longer watched, so there are no further updates on this failure. "
                "Nothing was changed.\n"
                "To watch it again: `/pipeline watch orders-eu`"
            ),
        ),
        (
            AcknowledgeAnswer(pipeline=a_pipeline(), fate=AcknowledgeFate.UNWATCHED, watched=True),
            (
                "This failure of orders-eu was no longer watched here, so this card gets no further updates. "
                "Nothing was changed.\n"
                "Check its current state: `/pipeline status orders-eu`"
            ),
        ),
        (
            AcknowledgeAnswer(pipeline=a_pipeline(), fate=AcknowledgeFate.UNKNOWN),
            (
                "I couldn't save your click: my database was emptied, so I no longer know this failure of orders-eu. "
                "The card gets no further updates.\n"
                "It isn't watched now. To watch it again: `/pipeline watch orders-eu`"
            ),
        ),
        (
            AcknowledgeAnswer(pipeline=a_pipeline("a “b”"), fate=AcknowledgeFate.UNKNOWN, watched=True),
            "Check its current state: `/pipeline status pipe_0001`",
        ),
        (
            AcknowledgeAnswer(
                pipeline=a_pipeline(), fate=AcknowledgeFate.UNKNOWN, current=StatusAnswer(views=(a_view(),), at=at(17))
            ),
            "gets no further updates.\nNow: orders-eu — RUNNING, live",
        ),
        (
            AcknowledgeAnswer(
                pipeline=a_pipeline(), fate=AcknowledgeFate.ALREADY_ACKNOWLEDGED, by=ANN, by_name="Ann", at=at(9)
            ),
            "Ann already acknowledged orders-eu at <!date^1795435209^",
        ),
        (
            AcknowledgeAllAnswer(acknowledged=0),
            "Nothing was changed: each failure is acknowledged, over or",
        ),
        (
            AcknowledgeAllAnswer(acknowledged=0, known=0),
            "I couldn't save your click: my database was emptied, so I no longer know what this message shows.",
        ),
        (AcknowledgeAllAnswer(acknowledged=1), "You acknowledged 1 failure."),
        (AcknowledgeAllAnswer(acknowledged=30), "You acknowledged 30 failures."),
    ],
)
def test_acknowledging(answer: Answer, words: str) -> None:
    assert words in answered(answer).text


def commands_in(texts: Sequence[str]) -> list[str]:
    spans = [span for text in texts for span in text.split("`")[1::2]]
    return [span.removeprefix("/pipeline") for span in spans if span.startswith("/pipeline")]


@pytest.mark.parametrize("topic", [None, *COMMANDS, "nonsense"])
def test_help_is_short_and_every_example_in_it_works(topic: str | None) -> None:
    message = answered(HelpAnswer(topic=topic))
    own_page = topic in {*COMMANDS} - {"help"}
    assert len(message.text) < (1500 if own_page else 110 * len(COMMANDS))  # a line for each command
    typed = commands_in(says(message))
    assert typed
    for text in typed:
        if "…" not in text and "[" not in text:
            assert not isinstance(parse(text), UsageError), text


def test_help_names_every_command_and_every_event() -> None:
    overview = answered(HelpAnswer()).text
    assert all(f"/pipeline {command}" in overview for command in COMMANDS)
    assert all(event in answered(HelpAnswer(topic="watch")).text for event in SELECTABLE)


def test_the_command_has_the_name_that_it_was_given() -> None:
    look = replace(LOOK, command="/goldrush")
    for answer in (
        HelpAnswer(),
        StatusAnswer(views=(), whole_channel=True, at=at(0)),
        RefusalAnswer(reason="x", command="help"),
    ):
        text = look.answer(answer, SavedQuestion()).text
        assert "/goldrush" in text
        assert "/pipeline" not in text


def test_an_unknown_intent_is_not_shown() -> None:
    view = a_view(a_standing(STOPPED))
    unknown = replace(view, pipeline=replace(view.pipeline, intent=None))
    assert "wanted" not in status(unknown).text
    paused = replace(view, pipeline=replace(view.pipeline, intent=Intent.PAUSED))
    assert "wanted" not in status(paused, a_view()).text
    assert "STOPPED · 1 of 1 ready · should be running" in status(view, a_view()).text
    assert ORDERS not in status(view, a_view()).text  # a line has room for the name only


def test_of_a_pipeline_that_wants_no_replicas_none_are_counted() -> None:
    resting = a_view(PipelineState(observation=an_observation(STOPPED, ready=0, replicas=0)))
    assert "ready" not in status(resting).text
    assert "ready" not in status(resting, a_view()).text.replace("1 of 1 ready", "")


def test_a_patterns_pipelines_show_failures_first() -> None:
    """Also where there are more than have room."""
    failed = a_view(a_standing(FAILED, ready=0), "zebra")
    watch = replace(a_watch("orders-*"), label="orders-*")
    answer = WatchAnswer(channel=ALERTS, edits=(Edit(after=watch),), matched=(*views(30), failed), at=at(17))
    rows = answered(answer).text.split("\n")
    assert "31 pipelines match now" in rows[1]
    assert rows[2] == "1 of 31 needs attention: 1 failed"
    assert rows[3].startswith("zebra — FAILED")


def test_a_shared_answer_names_its_sharer_and_quotes_nothing() -> None:
    evil = "URGENT evil.example/login"
    question = SavedQuestion(text=f"status orders-eu {evil}", shared=True, shared_by="Ann <!channel>")
    answers = (
        StatusAnswer(views=(a_view(),), unresolved=(UnknownReference(evil, ()),), at=at(17)),
        ListAnswer(views=views(2), words=evil, at=at(17)),
    )
    for answer in answers:
        text = answered(answer, question).text
        assert "evil" not in text
        assert "URGENT" not in text
        assert "Shared by Ann &lt;!channel&gt;" in text


def test_an_unsupported_action_leads_to_goldrush() -> None:
    error = parse("stop orders-eu")
    assert isinstance(error, UsageError)
    refusal = RefusalAnswer(reason=error.message, command=error.hint, in_goldrush=error.in_goldrush)
    text = LOOK.answer(refusal, SavedQuestion()).text
    assert "I can only read pipelines" in text
    assert "<https://goldrush.dev/platform/|Open GoldRush Platform>" in text


@pytest.mark.parametrize(
    ("text", "unknown", "right"),
    [
        ("watch orders-eu nosuch", ["nosuch"], "Without it: `/pipeline watch orders-eu`"),
        ("watch nosuch orders-eu", ["nosuch"], "Without it: `/pipeline watch orders-eu`"),
        ("watch orders-eu,nosuch page @ann", ["nosuch"], "Without it: `/pipeline watch orders-eu page @ann`"),
        ("watch nosuch and orders-eu on failed", ["nosuch"], "Without it: `/pipeline watch orders-eu on failed`"),
        ('unwatch "no such" & orders-eu', ["no such"], "Without it: `/pipeline unwatch orders-eu`"),
        ("watch a b orders-eu", ["a", "b"], "Without them: `/pipeline watch orders-eu`"),
        ("watch nosuch page @ann", ["nosuch"], ""),
        ("status nosuch", ["nosuch"], ""),
    ],
)
def test_the_corrected_command_leaves_out_unknown_words(text: str, unknown: list[str], right: str) -> None:
    answer = WatchAnswer(channel=ALERTS, unresolved=tuple(UnknownReference(name, ()) for name in unknown), at=at(0))
    answer_text = LOOK.answer(answer, SavedQuestion(text=text)).text
    assert (right in answer_text) if right else ("Without" not in answer_text)
    assert "Nothing was changed." in answer_text


def test_help_in_a_direct_message_speaks_to_its_reader() -> None:
    shown_lines = help_blocks(None, ROUTES.help_pages, "/pipeline", ChannelId("D0ANN"))
    text = "".join(says(valid(message(shown_lines))))
    assert "`/pipeline` — your pipelines and their current state" in text
    assert "`/pipeline watches` — what you watch" in text
    assert "this channel" not in text


@pytest.mark.parametrize(
    ("failing", "words"), [(0, ""), (1, "1 pipeline is still failing."), (1200, "1,200 pipelines are")]
)
def test_an_unwatch_says_that_failures_go_on(failing: int, words: str) -> None:
    text = answered(UnwatchAnswer(channel=ALERTS, removed=(NAMED,), failing=failing, at=at(0))).text
    assert words in text
    assert ("these watches page nobody any more" in text) is bool(failing)
