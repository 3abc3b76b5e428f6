from dataclasses import replace
from datetime import timedelta

from bot.domain.episode import Acknowledgement
from bot.domain.escalation import Page, PageStatus, Policy, PolicyStep, opened_page
from bot.domain.receipt import SkipReason
from bot.domain.step_skips import left_out_steps
from bot.domain.watch import ChannelId, UserId
from tests.builders import ALERTS, ANN, a_person, an_episode, at

OTHER, BOB = ChannelId("C0OTHER"), UserId("U0BOB")
STEPS = tuple(PolicyStep(targets=(a_person(user),), wait=timedelta(minutes=5)) for user in (ANN, BOB))


def a_page(**changes: object) -> Page:
    policy = Policy(name="data", steps=STEPS)
    return replace(opened_page("key", policy, at(1), (ALERTS, OTHER)), **changes)  # type: ignore[arg-type]


def test_a_step_that_reaches_nobody_is_a_skip_for_each_channel_of_the_page() -> None:
    before, after = an_episode(), replace(an_episode(), pages=(a_page(unreached=(1,)),))
    skips = left_out_steps(after, before, at(9))
    assert [(skip.conversation, skip.at, skip.target) for skip in skips] == [
        (ALERTS, at(9), "step 2 of data"),
        (OTHER, at(9), "step 2 of data"),
    ]
    assert {skip.reason for skip in skips} == {SkipReason.REACHED_NOBODY}
    assert left_out_steps(after, after, at(19)) == ()


def test_an_answer_spares_the_next_step() -> None:
    before = replace(an_episode(), pages=(a_page(position=1),))
    answered = Acknowledgement(by=ANN, at=at(9))
    after = replace(before, acknowledged=answered, pages=(a_page(position=1, status=PageStatus.ACKNOWLEDGED),))
    skips = left_out_steps(after, before, at(9))
    assert [(skip.reason, skip.target) for skip in skips] == [(SkipReason.ACKNOWLEDGED, "step 2 of data (bob)")] * 2
    snoozed = replace(after, acknowledged=replace(answered, snoozed=True, until=at(99)))
    assert {skip.reason for skip in left_out_steps(snoozed, before, at(9))} == {SkipReason.SNOOZED}
    assert left_out_steps(after, after, at(19)) == ()


def test_an_answer_after_the_last_step_spares_none() -> None:
    before = replace(an_episode(), pages=(a_page(position=2),))
    assert left_out_steps(replace(before, acknowledged=Acknowledgement(by=ANN, at=at(9))), before, at(9)) == ()
