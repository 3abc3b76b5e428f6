"""The texts of handovers and of reports about schedules."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.calendar import CalendarProblem
from bot.domain.delivery import Delivery, Message, Priority, in_slack
from bot.domain.schedule_messages import GroupRefusal, HandoverItem, ScheduleProblem, ScheduleReport, ShiftHandover
from bot.domain.watch import Target, TargetKind
from bot.slack.mrkdwn import NO_BREAK, date
from bot.slack.render.schedule_messages import (
    CALENDAR_PROBLEMS,
    GROUP_REFUSALS,
    problem_words,
    render_handover,
    render_schedule_report,
)
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


def text(body: ShiftHandover | ScheduleReport) -> str:
    message = Message(id="m", receiver=in_slack(TEAM, ALERTS), priority=Priority.UPDATE, body=body, made_at=at(0))
    delivery = Delivery(message=message)
    rendered = (
        render_handover(body, delivery) if isinstance(body, ShiftHandover) else render_schedule_report(body, delivery)
    )
    blocks: Any = rendered.blocks
    return "\n".join(block["text"]["text"] for block in blocks).replace(NO_BREAK, " ")


def test_the_channel_reads_who_is_on_call_until_when_and_what_is_open() -> None:
    lines = text(HANDOVER).splitlines()
    assert lines == [
        f":telephone_receiver: *data*: Ann is on call until {date(at(86400))}. {FROM}",
        "*Open failures*",
        f"• :red_circle: *orders-eu* failed at {date(at(-600))}, acknowledged by Bob",
        f"• :red_circle: *orders-us* failed at {date(at(-60))} or earlier, not acknowledged",
    ]


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
