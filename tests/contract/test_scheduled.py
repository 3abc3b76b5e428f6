"""The ScheduledMessages port over real sockets, against the sandbox's Slack."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from bot.domain.backup import ORPHAN, SilenceWarning
from bot.domain.watch import ChannelId
from bot.ports.scheduled_messages import NotScheduled, ScheduledAs
from bot.slack.outbound.calls import web_client
from bot.slack.outbound.scheduled import SlackScheduledMessages
from bot.slack.render.backups import render_backup
from bot.slack.render.render_context import RenderContext
from sandbox.server import Sandbox
from sandbox.slack.faults import Fault, FaultKind, Moment
from sandbox.slack.installation import Loss
from tests.contract.slack_rig import HandClock

ALERTS, QUIET = ChannelId("C0ALERTS"), ChannelId("C0QUIET")
RENDER = partial(render_backup, render_context=RenderContext("https://goldrush.dev/platform/", "/pipeline"))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def sandbox(clock: HandClock) -> AsyncIterator[Sandbox]:
    async with Sandbox.start(clock=clock) as running:
        yield running


@pytest.fixture
def chat(sandbox: Sandbox) -> SlackScheduledMessages:
    return SlackScheduledMessages(web_client("xoxb-sandbox", f"{sandbox.url}/api/"), RENDER)


def now(clock: HandClock) -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)


async def test_a_warning_is_posted_unless_it_is_deleted(
    sandbox: Sandbox, chat: SlackScheduledMessages, clock: HandClock
) -> None:
    at = now(clock)
    ids = []
    for minutes in (10, 11):
        outcome = await chat.schedule(ALERTS, SilenceWarning(since=at), at + timedelta(minutes=minutes))
        assert isinstance(outcome, ScheduledAs)
        ids.append(outcome.message_id)
    listed = await chat.listed(at)
    assert not isinstance(listed, NotScheduled)
    assert [(row.id, row.key, row.channel) for row in listed] == [(one, ORPHAN, ALERTS) for one in ids]
    assert await chat.delete(ALERTS, ids[1]) is None
    assert await chat.delete(ALERTS, ids[1]) is None  # nothing is pending any more
    clock.advance(700)
    sandbox.slack.post_due()
    (posted,) = sandbox.slack.messages(ALERTS)
    assert "I have been silent since" in posted.text
    assert posted.metadata is None


async def test_a_refusal_says_what_to_do_next(sandbox: Sandbox, chat: SlackScheduledMessages, clock: HandClock) -> None:
    at = now(clock)

    async def outcome(minutes: float = 10, channel: ChannelId = ALERTS) -> ScheduledAs | NotScheduled:
        return await chat.schedule(channel, SilenceWarning(since=at), at + timedelta(minutes=minutes))

    assert await outcome(minutes=-1) == NotScheduled(error="time_in_past")
    assert await outcome(channel=QUIET) == NotScheduled(error="not_in_channel")
    sandbox.slack.set_fault("chat.scheduleMessage", Fault(kind=FaultKind.THROTTLED, retry_after=7, times=1))
    assert await outcome() == NotScheduled(error="ratelimited", retry_after=timedelta(seconds=7))
    sandbox.slack.lose(Loss.REVOKED)
    assert await outcome() == NotScheduled(error="token_revoked", unauthorized=True)


async def test_without_an_answer_the_message_may_be_scheduled(
    sandbox: Sandbox, chat: SlackScheduledMessages, clock: HandClock
) -> None:
    fault = Fault(kind=FaultKind.RESET, when=Moment.AFTER, times=1)
    sandbox.slack.set_fault("chat.scheduleMessage", fault)
    outcome = await chat.schedule(ALERTS, SilenceWarning(since=now(clock)), now(clock) + timedelta(minutes=10))
    assert isinstance(outcome, NotScheduled)
    assert outcome.unknown
    listed = await chat.listed(now(clock))
    assert not isinstance(listed, NotScheduled)
    assert len(listed) == 1


async def test_a_listing_has_every_message_or_fails(
    sandbox: Sandbox, chat: SlackScheduledMessages, clock: HandClock
) -> None:
    sandbox.slack.limits.enabled = False
    for number in range(25):
        await chat.schedule(ALERTS, SilenceWarning(since=now(clock)), now(clock) + timedelta(minutes=10 + number))
    sandbox.slack.set_fault("chat.scheduledMessages.list", Fault(kind=FaultKind.SERVER_ERROR, times=1))
    assert isinstance(await chat.listed(now(clock)), NotScheduled)
    listed = await chat.listed(now(clock))
    assert not isinstance(listed, NotScheduled)
    assert len(listed) == 25
