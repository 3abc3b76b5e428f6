"""The texts of handovers, of shifts that somebody takes, and of reports about schedules."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.calendar import CalendarProblem
from bot.domain.delivery import Delivery, Message, Priority, in_slack
from bot.domain.schedule_messages import (
    GroupRefusal,
    HandoverCause,
    HandoverItem,
    ScheduleProblem,
    ScheduleReport,
    ShadowChange,
    ShiftChange,
    ShiftHandover,
)
from bot.domain.setup import SetupKind
from bot.domain.watch import Target, TargetKind, UserId
from bot.slack.mrkdwn import NO_BREAK, date
from bot.slack.render.renderer import Renderer
from bot.slack.render.schedule_messages import CALENDAR_PROBLEMS, GROUP_REFUSALS, problem_words
from tests.builders import ALERTS, TEAM, a_pipeline, at

ANN, BOB, EVIL = (
    Target(kind=TargetKind.USER, id=f"U0{name.upper()}", label=label)
    for name, label in (("ann", "Ann"), ("bob", "Bob"), ("evil", "<!channel> *x*"))
)
HOUR = timedelta(hours=1)
HANDOVER = ShiftHandover(
    schedule="data",
    at=at(0),
    outgoing=(BOB,),
    incoming=(ANN,),
    until=at(86400),
    direct=False,
    failures=(
        HandoverItem(pipeline=a_pipeline("orders-eu"), since=at(-600), acknowledged_by="Bob"),
        HandoverItem(pipeline=a_pipeline("orders-us"), since=at(-60), first_seen=True),
    ),
)
FROM = f"Bob handed over at {date(at(0))}."


def text(body: ShiftHandover | ShiftChange | ShadowChange | ScheduleReport) -> str:
    message = Message(id="m", receiver=in_slack(TEAM, ALERTS), priority=Priority.UPDATE, body=body, made_at=at(0))
    rendered = Renderer(command="/pipeline", platform_url="https://goldrush.dev/").content(
        body, Delivery(message=message), at(0)
    )
    blocks: Any = rendered.blocks
    texts = [(block.get("text") or block["elements"][0])["text"] for block in blocks]
    return "\n".join(texts).replace(NO_BREAK, " ")


def test_the_channel_reads_who_is_on_call_until_when_and_what_is_open() -> None:
    lines = text(HANDOVER).splitlines()
    assert lines == [
        f":telephone_receiver: *data*: Ann is on call until {date(at(86400))}. {FROM}",
        "*Open failures*",
        f"• :red_circle: *orders-eu* failed at {date(at(-600))}, acknowledged by Bob",
        f"• :red_circle: *orders-us* failed at {date(at(-60))} or earlier, not acknowledged",
    ]


def test_a_run_that_stopped_short_is_handed_over_as_such() -> None:
    item = HandoverItem(pipeline=a_pipeline("backfill"), since=at(-60), end_of_run="stopped at block 1,200 of 5,000")
    line = f"• :red_circle: *backfill* stopped at block 1,200 of 5,000, at {date(at(-60))}, not acknowledged"
    assert line in text(replace(HANDOVER, failures=(item,))).splitlines()


@pytest.mark.parametrize(
    ("changes", "head"),
    [
        ({"direct": True}, f"You're on call for *data* until {date(at(86400))}. {FROM}"),
        ({"direct": True, "incoming": (ANN, EVIL)}, "with ‹!channel› ∗x∗."),
        ({"incoming": (ANN, BOB), "outgoing": ()}, f"Ann and Bob are on call until {date(at(86400))}. Since"),
        ({"incoming": ()}, f":warning: *data*: nobody is on call until {date(at(86400))}. {FROM}"),
        ({"incoming": (), "until": None}, "*data*: nobody is on call from now on."),
        ({"until": None}, f"*data*: Ann is on call. {FROM}"),
    ],
)
def test_the_first_line_of_a_handover(changes: dict[str, object], head: str) -> None:
    shown = text(replace(HANDOVER, **changes))  # type: ignore[arg-type]
    assert head.replace("‹", "&lt;").replace("›", "&gt;") in shown.splitlines()[0]


CARL = Target(kind=TargetKind.USER, id="U0CARL", label="Carl")
OVERRIDE = {"cause": HandoverCause.OVERRIDE, "stand_in": CARL, "by": "U0CARL", "by_name": "Carl", "incoming": (CARL,)}


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"why": "dentist"}, "Carl took Bob's shift at {at}: dentist."),
        ({"direct": True}, "You took Bob's shift at {at}."),
        ({"outgoing": ()}, "Carl took the shift at {at}."),
        ({"by": "U0ANN", "by_name": "Ann"}, "Ann put Carl on call instead of Bob at {at}."),
        ({"by": "U0ANN", "by_name": "Ann", "direct": True}, "Ann put you on call instead of Bob at {at}."),
        ({"instead_of": ANN}, "Carl took Ann's shift at {at}."),
        ({"cause": HandoverCause.OVERRIDE_OVER, "incoming": (ANN,)}, "Carl's override ended at {at}."),
        (
            {"cause": HandoverCause.CHANGED},
            "The schedule or an override changed at {at}. Bob was on call before.",
        ),
        (
            {"cause": HandoverCause.CHANGED, "changed": SetupKind.SCHEDULE, "by_name": "Ann"},
            "Ann changed the schedule at {at}. Bob was on call before.",
        ),
        (
            {"cause": HandoverCause.CHANGED, "changed": SetupKind.SCHEDULE, "by_name": ""},
            "Someone changed the schedule at {at}. Bob was on call before.",
        ),
        (
            {"cause": HandoverCause.CHANGED, "changed": SetupKind.OVERRIDE, "by_name": ""},
            "Someone cancelled an override at {at}. Bob was on call before.",
        ),
        (
            {"cause": HandoverCause.CHANGED, "changed": SetupKind.OVERRIDE, "by_name": "Ann"},
            "Ann cancelled an override at {at}. Bob was on call before.",
        ),
        (
            {"cause": HandoverCause.CHANGED, "changed": SetupKind.CALENDAR_COPY, "by_name": ""},
            "The calendar changed at {at}. Bob was on call before.",
        ),
    ],
)
def test_an_override_is_no_handover(changes: dict[str, object], cause: str) -> None:
    shown = text(replace(HANDOVER, **OVERRIDE | changes))  # type: ignore[arg-type]
    assert cause.format(at=date(at(0))) in shown.splitlines()[0]
    assert "handed over" not in shown


@pytest.mark.parametrize(
    ("changes", "scope"),
    [
        ({"looked_at": 1200}, "the 1,200 pipelines whose watches page *data*."),
        ({"looked_at": 1}, "the one pipeline whose watches page *data*."),
        ({"looked_at": 1, "pages_schedule": False}, "the one watched pipeline, since no watch pages *data*."),
        ({"looked_at": 40, "pages_schedule": False}, "all 40 watched pipelines, since no watch pages *data*."),
    ],
)
def test_a_handover_says_what_it_looked_at(changes: dict[str, object], scope: str) -> None:
    listed, quiet = (text(replace(HANDOVER, failures=failures, **changes)) for failures in (HANDOVER.failures, ()))  # type: ignore[arg-type]
    assert listed.endswith(f"I looked at {scope}")
    assert quiet.endswith(f"No failure is open, and nothing is muted.\nI looked at {scope}")


CARLS_SHIFT = ShiftChange(
    schedule="data",
    person=CARL,
    start=at(0),
    end=at(3600),
    why="dentist",
    by=UserId("U0CARL"),
    by_name="Carl",
    gains=False,
)


def test_the_command_in_a_message_about_a_shift_can_be_copied() -> None:
    shown = text(replace(CARLS_SHIFT, schedule="ops_"))
    assert "`/pipeline oncall ops_`" in shown


@pytest.mark.parametrize(
    ("changes", "head"),
    [
        ({}, "Carl takes your shift in *data* from {start} until {end}: dentist."),
        ({"by": "U0ANN", "by_name": "Ann"}, "Ann gave your shift in *data* to Carl from {start} until {end}: dentist."),
        (
            {"by": "U0ANN", "by_name": "Ann", "gains": True},
            "You're on call for *data* from {start} until {end}. Ann put you on call: dentist.",
        ),
        (
            {"cancelled": True, "gains": True},
            "You're on call for *data* again from {start} until {end}. Carl cancelled Carl's override.",
        ),
        (
            {"cancelled": True, "by_name": "Ann"},
            "You're not on call for *data* from {start} until {end}. Ann cancelled Carl's override.",
        ),
    ],
)
def test_a_person_reads_who_changed_their_shift(changes: dict[str, object], head: str) -> None:
    shown = text(replace(CARLS_SHIFT, **changes))  # type: ignore[arg-type]
    assert head.format(start=date(at(0)), end=date(at(3600))) in shown.splitlines()[0]
    assert "`/pipeline oncall data` shows who is on call when." in shown


def test_a_learner_reads_who_set_the_shadow_until_when_and_how_to_end_it() -> None:
    change = ShadowChange(schedule="data", start=at(0), end=at(3600), by=UserId("U0ANN"), by_name="Ann", ended=False)
    head, _, end = text(change).partition("\n")
    assert f"Ann made you a shadow of *data* from {date(at(0))} until {date(at(3600))}." in head
    assert "You get copies of its pages as a learner, and need not answer them." in head
    assert "`/pipeline shadow data me none` ends the copies." in end
    assert "Ann ended your shadow of *data*. You get no more copies of its pages." in text(replace(change, ended=True))


def test_a_handover_pings_nobody() -> None:
    assert "<@" not in text(HANDOVER)
    assert "<!channel>" not in text(replace(HANDOVER, schedule="<!channel>", incoming=(EVIL,)))


def test_a_quiet_handover_says_so_and_a_long_one_is_cut() -> None:
    assert "No failure is open, and nothing is muted." in text(replace(HANDOVER, failures=()))
    many = tuple(HandoverItem(pipeline=a_pipeline(f"p{number}"), since=at(0)) for number in range(25))
    assert "… and 5 more" in text(replace(HANDOVER, failures=many))


REPORT = ScheduleReport(
    schedule="data",
    problems=(ScheduleProblem.STALE,),
    host="calendar.example.com",
    calendar_problem=CalendarProblem.NO_CALENDAR,
    copy_at=at(0),
    gap_start=at(60),
    gap_end=at(120),
    nameless=(at(60), at(120)),
    missing=(ANN,),
    group=Target(kind=TargetKind.USERGROUP, id="S0ONCALL", label="data-oncall"),
    group_refusal=GroupRefusal.FORBIDDEN,
)


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (
            ScheduleProblem.STALE,
            f"no calendar. My last copy is from {date(at(0))}. Until I can read it again, nobody is on call by it.",
        ),
        (ScheduleProblem.GAP, f"Nobody is on call from {date(at(60))} to {date(at(120))}."),
        (ScheduleProblem.NAMELESS, f"2 events, the first at {date(at(60))}, name nobody that I can find."),
        (ScheduleProblem.NO_SCOPE, "`users:read.email`"),
        (ScheduleProblem.MISSING, "Ann is on call, and the account is deactivated or gone."),
        (ScheduleProblem.GROUP, "I can't update @data-oncall: this workspace doesn't let apps change user groups."),
    ],
)
def test_a_problem_has_its_fix(problem: ScheduleProblem, words: str) -> None:
    assert words in problem_words(REPORT, problem)
    assert words in text(replace(REPORT, problems=(problem,)))


def test_each_problem_and_refusal_has_words() -> None:
    assert set(CALENDAR_PROBLEMS) == set(CalendarProblem)
    assert set(GROUP_REFUSALS) == set(GroupRefusal)
