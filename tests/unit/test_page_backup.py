"""Which messages Slack should post in place of a dead bot, and what they say."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.backup import EscalationBackup, LateStep, WantedMessage
from bot.domain.catalogue import Pipeline
from bot.domain.episode import EpisodeKind
from bot.domain.escalation import Page, PageStatus, Policy, PolicyStep
from bot.domain.observation import PipelineId
from bot.domain.page_backup import AHEAD, LATE_AFTER, MOST_MESSAGES, page_backups
from bot.domain.permission import Broadcast
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, Target, TargetKind
from bot.slack.render.backups import NAMED, render_backup
from bot.slack.render.render_context import RenderContext
from tests.builders import ALERTS, a_routing, an_episode, at

BOB = Target(kind=TargetKind.USER, id="U0BOB", label="@bob")
CAL = Target(kind=TargetKind.USER, id="U0CAL", label="@cal")
HERE = Target(kind=TargetKind.HERE)
MINUTES = timedelta(minutes=1)
POLICY = Policy(
    name="data",
    steps=(PolicyStep(targets=(BOB,), wait=5 * MINUTES), PolicyStep(targets=(CAL,), wait=10 * MINUTES)),
    last_resort=(HERE,),
)
LOOK = RenderContext("https://goldrush.dev/platform/", "/pipeline")


PAGE = Page(key="page", policy=POLICY, position=1, next_at=at(300), channels=(ALERTS,))


def backups(page: Page = PAGE, *, count: int = 1) -> tuple[WantedMessage, ...]:
    episode = replace(an_episode(EpisodeKind.FAILURE), pages=(page,))
    pipelines = [Pipeline(id=PipelineId(f"pipe_{number:04}"), name=f"orders-{number}") for number in range(count)]
    return page_backups([(pipeline, episode, a_routing(pipeline=pipeline)) for pipeline in pipelines], at(0))


def steps_of(message: WantedMessage) -> tuple[LateStep, ...]:
    assert isinstance(message.content, EscalationBackup)
    return message.content.steps


def test_each_step_within_an_hour_has_a_backup_three_minutes_later() -> None:
    second, last = backups()
    assert (second.post_at, last.post_at) == (at(300) + LATE_AFTER, at(900) + LATE_AFTER)
    assert [step.targets for message in (second, last) for step in steps_of(message)] == [(CAL,), (HERE,)]


def test_an_acknowledged_or_closed_page_needs_no_backup() -> None:
    assert backups(replace(PAGE, status=PageStatus.ACKNOWLEDGED, next_at=None)) == ()
    assert backups(replace(PAGE, status=PageStatus.CLOSED, next_at=None)) == ()


def test_a_promise_that_ends_has_a_backup() -> None:
    first, *_ = backups(replace(PAGE, status=PageStatus.ACKNOWLEDGED, next_at=at(600), promised_until=at(600)))
    assert first.post_at == at(600) + LATE_AFTER
    assert steps_of(first)[0].targets == (BOB,)


def test_a_step_in_more_than_an_hour_has_none_yet() -> None:
    assert backups(replace(PAGE, next_at=at(AHEAD.total_seconds() + 1))) == ()


def test_many_pages_of_a_channel_share_one_message_for_each_step() -> None:
    messages = backups(count=200)
    assert [len(steps_of(message)) for message in messages] == [200, 200]
    text = render_backup(messages[0].content, LOOK).text
    assert f"… and {200 - NAMED} more" in text


def test_the_workspace_has_a_limit_and_the_earliest_steps_go_first() -> None:
    channels = tuple(ChannelId(f"C{number:04}") for number in range(100))
    messages = backups(replace(PAGE, channels=channels))
    assert len(messages) == MOST_MESSAGES
    assert {message.post_at for message in messages} == {at(300) + LATE_AFTER}


def test_the_text_mentions_the_people_and_says_that_it_may_be_late() -> None:
    second, last = backups()
    message = render_backup(second.content, LOOK)
    assert "<@U0CAL>" in message.text
    assert "It may be late" in message.text
    assert "<!here>" in render_backup(last.content, LOOK).text
    assert "<!here>" not in render_backup(last.content, LOOK, Broadcast.NOBODY).text


@pytest.mark.parametrize(
    ("kind", "trouble"),
    [
        (EpisodeKind.FAILURE, "failed"),
        (EpisodeKind.LAG, "fell behind"),
        (EpisodeKind.DRIFT, "drifted"),
        (EpisodeKind.MOMENT, "had a problem"),
    ],
)
def test_each_line_says_what_happened_to_its_pipeline(kind: EpisodeKind, trouble: str) -> None:
    pipeline = Pipeline(id=PipelineId("pipe_0001"), name="orders-eu")
    episode = replace(an_episode(kind), pages=(PAGE,))
    second, _ = page_backups([(pipeline, episode, a_routing(pipeline=pipeline))], at(0))
    assert f"• orders-eu {trouble} <!date" in render_backup(second.content, LOOK).text


def test_a_page_that_nobody_answered_says_so() -> None:
    page = replace(PAGE, policy=replace(POLICY, last_resort=()))
    *_, last = backups(page)
    assert steps_of(last)[0].targets == ()
    assert "nobody answered" in render_backup(last.content, LOOK).text


def test_a_run_that_stopped_short_is_named_as_such() -> None:
    began = an_episode(EpisodeKind.FAILURE)
    stopped = replace(began.timeline[0], events=(Event.FAILED,), reason="stopped at block 1,200 of 5,000")
    episode = replace(began, timeline=(stopped,), pages=(PAGE,))
    pipeline = Pipeline(id=PipelineId("pipe_0001"), name="backfill")
    second, *_ = page_backups([(pipeline, episode, a_routing(pipeline=pipeline))], at(0))
    assert "backfill stopped at block 1,200 of 5,000 " in render_backup(second.content, LOOK).text
