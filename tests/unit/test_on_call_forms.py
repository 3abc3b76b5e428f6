"""The Home tab and the forms for policies and schedules at their largest: Slack takes them all."""

import json
from dataclasses import replace
from datetime import date, time, timedelta

from bot.domain.answer import WatchesAnswer
from bot.domain.assignment import Assignment
from bot.domain.catalogue import Pipeline
from bot.domain.escalation import Policy, PolicyStep
from bot.domain.observation import PipelineId
from bot.domain.on_call_setup import SavedRotation, SavedSchedule
from bot.domain.policy_preview import MOST_ROUNDS, MOST_STEPS
from bot.domain.rotation import TurnUnit
from bot.domain.schedule_view import schedule_view
from bot.domain.setup import Setup
from bot.domain.silence import LONGEST_WHY, Mute
from bot.domain.watch import ChannelId, Target, TargetKind
from bot.slack.features.home.duty import OwnSilence, VisibleAssignment
from bot.slack.features.home.failures import VisibleFailure
from bot.slack.features.home.page import HomePage, home_blocks
from bot.slack.features.policy.form import policy_form
from bot.slack.features.schedule.form import schedule_form
from bot.slack.render.blocks import MOST_VIEW_BLOCKS, Block
from sandbox.slack.blocks import check_view
from tests.builders import ALERTS, ANN, TEAM, a_person, a_usergroup, an_episode, at
from tests.unit.rendering import LOOK
from tests.unit.test_home import NASTY, a_failed

DIRECT = ChannelId("D0ANN")
PEOPLE = tuple(a_person(f"U1{number:04}", label="é" * 80) for number in range(20))
LONGEST = "w" * 39


def refusals(view: Block) -> list[str]:
    """What Slack would say against it."""
    blocks = view["blocks"]
    assert isinstance(blocks, list)
    assert len(blocks) <= MOST_VIEW_BLOCKS
    return [str(problem) for problem in check_view(json.loads(json.dumps(view)))]


def a_schedule(name: str) -> SavedSchedule:
    rotation = SavedRotation(
        people=PEOPLE,
        every=5,
        unit=TurnUnit.WEEKS,
        handover=time(9),
        anchor=date(2026, 1, 5),
        zone="America/Argentina/ComodRivadavia",
    )
    return SavedSchedule(name=name, rotation=rotation, made_by=ANN, made_by_name="é" * 80, made_at=at(0))


def test_the_fullest_home_tab_fits() -> None:
    schedules = [a_schedule(f"{LONGEST[:-2]}{number:02}") for number in range(100)]
    views = [view for saved in schedules if (view := schedule_view(Setup(tuple(schedules)), saved, at(10)))]
    episode = replace(an_episode(), cards={an_episode().key(TEAM, ALERTS): ALERTS})
    pipelines = [Pipeline(id=PipelineId(f"pipe_{number}"), name=NASTY) for number in range(30)]
    assigned = [VisibleAssignment(Assignment(pipeline=it, episode=episode), ALERTS) for it in pipelines]
    mutes = [
        Mute(
            made_in=ALERTS,
            reference=f"orders-{number}",
            name=NASTY,
            made_by=ANN,
            made_by_name=NASTY[:80],
            made_at=at(0),
            until=at(900),
            why="&" * LONGEST_WHY,
        )
        for number in range(50)
    ]
    page = HomePage(
        user=ANN,
        failures=[VisibleFailure(a_failed(f"{number}{NASTY}"), ALERTS, f"card{number}") for number in range(200)],
        gaps=["x" * 300],
        assignments=assigned,
        schedules=views,
        policies=[saved.name for saved in schedules],
        watches=WatchesAnswer(channel=DIRECT, watches=(), at=at(10)),
        silences=[OwnSilence(mute.note(at(10)), ALERTS) for mute in mutes],
        knows_all_silences=False,
    )
    assert refusals({"type": "home", "blocks": home_blocks(page, LOOK.render_context)}) == []


def test_the_largest_policy_fits_into_its_form() -> None:
    schedules = tuple(Target(kind=TargetKind.ON_CALL, id=f"{LONGEST[:-2]}{number:02}") for number in range(98))
    others = (a_usergroup(label="é" * 90), Target(kind=TargetKind.HERE), *schedules)
    step = PolicyStep(targets=(*PEOPLE, others[0], schedules[-1]), wait=timedelta(hours=23, minutes=59))
    policy = Policy(name=LONGEST, steps=(step,) * MOST_STEPS, rounds=MOST_ROUNDS, last_resort=others)
    assert refusals(policy_form(DIRECT, policy, others, "/pipeline", 20)) == []
    assert refusals(policy_form(DIRECT, None, others[:2], "/pipeline", 20)) == []


def test_any_schedule_fits_into_its_form() -> None:
    assert refusals(schedule_form(DIRECT, a_schedule(LONGEST))) == []
    assert refusals(schedule_form(DIRECT, None)) == []
