"""The Home tab, from the click on it in Slack's sandbox to what it shows."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import redis.asyncio

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.watch import ChannelId, UserId
from bot.ports.interaction_store import Interaction
from bot.slack.inbound.inbox import RECOVER_AFTER
from bot.slack.mrkdwn import NO_BREAK
from bot.slack.render import action_ids
from bot.slack.router import HOME
from sandbox.slack.faults import Fault, FaultKind, Moment
from sandbox.slack.interactions import Choice
from tests.builders import TEAM, a_pipeline
from tests.contract.office import ALERTS, ANN, BOB, CAROL, GUEST, OPS, PARTNER, QUIET, SHARED, Office, listening, office
from tests.service.test_poller import FAILED, ONE, TWO, pipelines

NOTHING = "*No watched pipeline has failed* in the channels that you can see."


def shown(it: Office, user: str) -> str:
    home = it.sandbox.slack.views.home(user)
    return json.dumps(home["blocks"], ensure_ascii=False).replace(NO_BREAK, " ") if home else ""


async def opened(it: Office, user: str) -> str:
    """What the person sees after they open the tab."""
    before = it.call_count("views.publish")
    it.sandbox.slack.open_home(user)
    await it.sandbox.until(lambda: it.call_count("views.publish") > before)
    return shown(it, user)


@asynccontextmanager
async def failing(
    fake_redis: redis.asyncio.Redis,
    *channels: ChannelId,
    failed: Sequence[PipelineId] = (ONE,),
    known: Sequence[Pipeline] = (),
) -> AsyncIterator[Office]:
    """Each channel watches all pipelines, and some have failed."""
    async with office(fake_redis, *(known or pipelines(2))) as it, listening(it):
        for channel in channels:
            if not channel.startswith("D"):
                it.sandbox.slack.invite_bot(channel)
            await it.bot.watch(*(pipeline.id for pipeline in known or pipelines(2)), channel=channel)
        it.bot.api.statuses |= dict.fromkeys(failed, FAILED)
        await it.bot.poll(20)
        yield it


async def test_it_shows_what_failed_and_what_the_person_watches(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis, ALERTS) as it:
        direct = ChannelId(it.sandbox.slack.open_messages_tab(ANN).id)
        assert "now watch orders-2" in await it.type("watch orders-2", ANN, direct)
        home = await opened(it, ANN)
    assert "*1 pipeline has failed*" in home
    assert "*orders-1* — *FAILED*" in home
    assert f"<#{ALERTS}>" in home
    assert "*You watch*" in home
    assert "• *orders-2* — all events" in home
    assert "/pipeline status orders-eu" in home


async def test_a_healthy_day_says_so_and_asks_slack_nothing_about_channels(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis, ALERTS, OPS, failed=()) as it:
        home = await opened(it, ANN)
        assert it.call_count("conversations.members") == 0
    assert NOTHING in home
    assert "You watch nothing in your direct messages." in home


@pytest.mark.parametrize("question", ["status failed", "status"])
@pytest.mark.parametrize("channel", [ChannelId("D0ANN"), QUIET])
async def test_a_conversation_without_watches_answers_with_the_failures_elsewhere(
    fake_redis: redis.asyncio.Redis, question: str, channel: ChannelId
) -> None:
    async with failing(fake_redis, ALERTS, known=pipelines(1)) as it:
        answer = await it.type(question, ANN, channel)
        assert "1 pipeline has failed" in answer.split("\n")[0]
        assert f"<#{ALERTS}>" in answer
        assert "nothing yet" in answer or "You watch nothing in this conversation" in answer
        it.bot.api.statuses |= {ONE: replace(FAILED, phase=Phase.DEPLOYING)}
        await it.bot.poll(20)
        assert "1 pipeline has not recovered yet" in await it.type(question, ANN, channel)


async def test_an_answer_about_failures_elsewhere_hides_other_peoples_channels(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with failing(fake_redis, OPS) as it:
        answer = await it.type("status failed", CAROL, QUIET)
    assert NOTHING.replace("*", "") in answer
    assert "orders-1" not in answer


@pytest.mark.parametrize(
    ("user", "channel", "sees"),
    [
        (ANN, OPS, True),  # private, and Ann is in it
        (CAROL, OPS, False),
        (CAROL, QUIET, True),  # public
        (GUEST, QUIET, False),
        (BOB, ChannelId("D0ANN"), False),  # Ann's own
        (ANN, ChannelId("D0ANN"), True),
    ],
)
async def test_a_person_sees_what_they_could_see_in_a_channel(
    fake_redis: redis.asyncio.Redis, user: UserId, channel: ChannelId, *, sees: bool
) -> None:
    async with failing(fake_redis, channel) as it:
        home = await opened(it, user)
    assert ("*orders-1* — *FAILED*" in home) == sees
    assert (NOTHING in home) != sees
    assert sees or channel not in home


async def test_another_company_sees_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis, ALERTS) as it:
        home = await opened(it, PARTNER)
    assert "I only answer people of this workspace." in home
    assert "orders" not in home


async def test_if_slack_does_not_say_who_is_in_a_channel_the_tab_says_so(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis, ALERTS, QUIET) as it:
        it.sandbox.slack.set_fault("conversations.members", Fault(kind=FaultKind.SERVER_ERROR, times=None))
        home = await opened(it, ANN)
        assert it.call_count("conversations.members") == 1
    assert "orders-1" not in home
    assert "I couldn't check all channels, so failures may be missing here." in home


async def test_a_slow_slack_does_not_hold_up_the_tab(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.visible_channels.CHECK_SECONDS", 0.1)
    async with failing(fake_redis, ALERTS, failed=(ONE, TWO)) as it:
        await it.bot.watch(TWO, channel=ChannelId("D0ANN"))
        slow = Fault(kind=FaultKind.SLOW, seconds=0.3, when=Moment.BEFORE, times=None)
        it.sandbox.slack.set_fault("conversations.members", slow)
        home = await opened(it, ANN)
    assert "*1 pipeline has failed*" in home
    assert "*orders-2* — *FAILED*" in home
    assert "I couldn't check all channels, so failures may be missing here." in home


async def test_the_tab_asks_once_about_the_person(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis, OPS, SHARED) as it:
        await opened(it, CAROL)
        assert it.call_count("conversations.members") == 2
        assert it.call_count("users.info") == 2  # one decides whether the bot answers at all


async def test_many_channels_are_not_all_checked(fake_redis: redis.asyncio.Redis) -> None:
    known = [a_pipeline(f"orders-{n}", pipeline_id=PipelineId(f"pipe_{n:04}")) for n in range(60)]
    async with office(fake_redis, *known) as it, listening(it):
        for number, pipeline in enumerate(known):
            await it.bot.watch(pipeline.id, channel=ChannelId(f"C0HIDDEN{number}"))
        it.bot.api.statuses |= {pipeline.id: FAILED for pipeline in known}
        await it.bot.poll(40)
        home = await opened(it, ANN)
        assert it.call_count("conversations.members") == 20
    assert "I couldn't check all channels" in home
    assert "C0HIDDEN" not in home


async def test_refresh_shows_the_state_of_now(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis, ALERTS) as it:
        await opened(it, ANN)
        it.bot.api.statuses |= {TWO: FAILED}
        await it.bot.poll(20)
        ack = await it.sandbox.slack.click_in_view(ANN, Choice(action_id=action_ids.REFRESH_HOME))
        assert ack.ok
        await it.sandbox.until(lambda: "*2 pipelines have failed*" in shown(it, ANN))
        assert it.sandbox.slack.messages(ChannelId("D0ANN"), ANN) == []


async def test_an_opening_delivered_twice_publishes_once(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis, ALERTS) as it:
        await opened(it, ANN)
        (entry,) = [delivered for delivered in it.sandbox.slack.delivery.log if "event" in delivered.payload]
        it.sandbox.slack.delivery.emit(entry.payload)
        await opened(it, BOB)
        assert it.call_count("views.publish") == 2


async def test_an_opening_of_the_messages_tab_publishes_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis, ALERTS) as it:
        it.sandbox.slack.open_messages_tab(ANN)
        await opened(it, BOB)
        assert it.call_count("views.publish") == 1


async def test_another_bot_publishes_after_a_crash(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it, listening(it) as inbox:
        now, payload = it.bot.clock.now(), {"user": ANN, "channel": "D0ANN"}
        await it.bot.store.add_interaction(Interaction(team=TEAM, id="home 1", kind=HOME, at=now, payload=payload))
        await it.bot.clock.pass_time(RECOVER_AFTER.total_seconds() + 1)
        await inbox.recover()
        await inbox.recover()
        assert "*No pipeline is watched yet.*" in shown(it, ANN)
        assert it.call_count("views.publish") == 1


async def test_without_the_store_the_tab_says_that_it_cannot_answer(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it, listening(it):
        it.bot.store.away_once("add_interaction")
        assert "I can't reach my database right now, so I can't answer this." in await opened(it, ANN)
