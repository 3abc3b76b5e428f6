"""Every button and menu entry on every state of a card or group: the state, whether anything changed, what is next."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import redis.asyncio

from bot.domain.phase import Phase
from bot.ports.pipeline_api import Status
from bot.slack.render import action_ids
from bot.slack.render.console import CardAction, GroupAction, MemberAction, SnoozeTime
from tests.contract.office import ALERTS, ANN, BOB, CAROL, Office, office
from tests.contract.test_thread_commands import top
from tests.fakes import FakeChat
from tests.service.test_dispatcher import sending
from tests.service.test_poller import FAILED, LIVE, ONE, pipelines

MEMBERS = 5


@dataclass
class Shown:
    """A group whose first member is in a certain state. Each button of its card and of the group can be clicked."""

    it: Office
    card: str
    group: str

    async def click(self, action: str, more: Mapping[str, object]) -> str:
        return await self.it.click(action, {"card": self.card, "group": self.group, **more}, BOB, ALERTS)

    async def everything(self) -> str:
        """All that a click may change: the failures, the watches and the mutes."""
        episodes = [self.it.bot.repository.record(known.id).episode for known in pipelines(MEMBERS)]
        watches = await self.it.bot.store.watches()
        return f"{episodes} {watches}"


@asynccontextmanager
async def a_failed_group(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Shown]:
    await fake_redis.flushall()
    known = pipelines(MEMBERS)
    async with office(fake_redis, *known) as it:
        await it.type(f"watch {' '.join(pipeline.id for pipeline in known)} page @bob", ANN, ALERTS)
        it.bot.api.statuses |= dict.fromkeys((pipeline.id for pipeline in known), FAILED)
        await it.bot.poll(20)
        async with sending(it.bot.store, FakeChat(), it.bot.clock):
            await it.bot.clock.pass_time(10)
        episode = it.bot.repository.record(ONE).episode
        assert episode
        card = episode.card_in(ALERTS)
        assert card
        yield Shown(it, card, await top(it))


# --- states ----------------------------------------------------------------------------------------------------------


def answered(action: str, person: str, **more: object) -> Callable[[Shown], Awaitable[None]]:
    async def answer(shown: Shown) -> None:
        facts = {"pipeline": ONE, "card": shown.card, **more}
        await shown.it.click(action, facts, BOB if person == "me" else CAROL, ALERTS)

    return answer


def read_as(status: Status) -> Callable[[Shown], Awaitable[None]]:
    async def change(shown: Shown) -> None:
        shown.it.bot.api.statuses[ONE] = status
        await shown.it.bot.poll(20)

    return change


async def vanished(shown: Shown) -> None:
    shown.it.bot.api.statuses.pop(ONE)
    shown.it.bot.api.pipelines.pop(ONE)
    await shown.it.bot.poll(20)


async def muted(shown: Shown) -> None:
    assert "Muted" in await shown.it.type("mute pipe_0001 for 2h", CAROL, ALERTS)


async def unwatched(shown: Shown) -> None:
    assert "no longer watches" in await shown.it.type("unwatch pipe_0001", ANN, ALERTS)
    await shown.it.bot.poll(20)


async def forgotten(shown: Shown) -> None:
    store = shown.it.bot.store
    await store._redis.delete(store._keys.card(shown.card), store._keys.posted(shown.card))


STATES: Mapping[str, Callable[[Shown], Awaitable[None]]] = {
    "acknowledged by me": answered(action_ids.ACKNOWLEDGE, "me"),
    "acknowledged by other": answered(action_ids.ACKNOWLEDGE, "other"),
    "snoozed by other": answered(action_ids.SNOOZE, "other", do="1h"),
    "promised by me": answered(action_ids.CARD_MENU, "me", do="promise"),
    "resolved": answered(action_ids.RESOLVE, "other"),
    "recovered": read_as(LIVE),
    "paused": read_as(Status(phase=Phase.PAUSED, replicas=1, ready=0)),
    "unwatched": unwatched,
}

# --- clicks ----------------------------------------------------------------------------------------------------------

OF_ITS_CARD: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "acknowledge": (action_ids.ACKNOWLEDGE, {"pipeline": ONE}),
    "acknowledge one": (action_ids.ACKNOWLEDGE_ONE, {}),
    "take over": (action_ids.TAKE_OVER, {"pipeline": ONE}),
    **{f"snooze {choice}": (action_ids.SNOOZE, {"do": choice.value}) for choice in SnoozeTime},
    "resolve": (action_ids.RESOLVE, {}),
    "menu promise": (action_ids.CARD_MENU, {"do": CardAction.PROMISE.value}),
    "menu resolve": (action_ids.CARD_MENU, {"do": CardAction.RESOLVE.value}),
    **{
        f"member {entry}": (action_ids.MEMBER_ACTION, {"do": entry.value})
        for entry in (MemberAction.ACKNOWLEDGE, MemberAction.TAKE_OVER, MemberAction.SNOOZE, MemberAction.RESOLVE)
    },
}
"""The clicks that answer a failure."""
OF_THE_WATCH: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "refresh": (action_ids.REFRESH, {"pipeline": ONE}),
    "menu refresh": (action_ids.CARD_MENU, {"do": CardAction.REFRESH.value}),
    "logs": (action_ids.LOGS, {"pipeline": ONE}),
    "menu logs": (action_ids.CARD_MENU, {"do": CardAction.LOGS.value}),
    "member logs": (action_ids.MEMBER_LOGS, {}),
    "mute": (action_ids.MUTE, {"pipeline": ONE}),
    "menu mute": (action_ids.CARD_MENU, {"do": CardAction.MUTE.value}),
    "member mute": (action_ids.MEMBER_ACTION, {"do": MemberAction.MUTE.value}),
    "unwatch": (action_ids.UNWATCH, {"pipeline": ONE}),
    "menu unwatch": (action_ids.CARD_MENU, {"do": CardAction.UNWATCH.value}),
    "member unwatch": (action_ids.MEMBER_ACTION, {"do": MemberAction.UNWATCH.value}),
}
OF_THE_GROUP: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "show all": (action_ids.SHOW_MEMBERS, {}),
    "group members": (action_ids.GROUP_MENU, {"do": GroupAction.MEMBERS.value}),
    "group resolve": (action_ids.GROUP_MENU, {"do": GroupAction.RESOLVE.value}),
    "acknowledge all": (action_ids.ACKNOWLEDGE_ALL, {}),
    "snooze all": (action_ids.SNOOZE_ALL, {"do": "1h"}),
    "group promise": (action_ids.GROUP_MENU, {"do": GroupAction.PROMISE.value}),
    "resolve all": (action_ids.RESOLVE_ALL, {}),
}
CLICKS = {**OF_ITS_CARD, **OF_THE_WATCH, **OF_THE_GROUP}
PLAIN = ("acknowledge", "acknowledge one", "member acknowledge")

# In these states, each of these clicks changes nothing. Its answer says so, and contains these words.
STALE: Mapping[str, tuple[tuple[str, ...], str]] = {
    "acknowledged by me": ((*PLAIN, "take over", "member take_over"), "You already acknowledged orders-1 at"),
    "acknowledged by other": (PLAIN, "Carol already acknowledged orders-1 at"),
    "snoozed by other": (PLAIN, "Carol snoozed orders-1 at"),
    "promised by me": ((*PLAIN, "menu promise"), "*Take over* on its card keeps it without a time"),
    "resolved": (tuple(OF_ITS_CARD), "Carol ended the paging for orders-1 at"),
    "recovered": (tuple(OF_ITS_CARD), "This failure of orders-1 is over: it recovered at"),
    "paused": (tuple(OF_ITS_CARD), "This failure of orders-1 is over: it was paused at"),
    "unwatched": (tuple(OF_ITS_CARD), "orders-1 is no longer watched, so there are no further updates"),
}
NEXT = ("`/pipeline ", "*Take over*", "nobody is called again", "You already")
"""An answer that changes nothing names a next step, or says that none is needed."""


@pytest.mark.parametrize("state", STALE)
async def test_a_stale_click_says_the_state_and_that_nothing_was_changed(
    fake_redis: redis.asyncio.Redis, state: str
) -> None:
    clicks, words = STALE[state]
    async with a_failed_group(fake_redis) as shown:
        await STATES[state](shown)
        before = await shown.everything()
        for name in clicks:
            text = await shown.click(*CLICKS[name])
            assert words.replace("*", "") in text, (name, text)
            assert "Nothing was changed" in text, (name, text)
            assert any(step.replace("*", "") in text for step in NEXT), (name, text)
        assert await shown.everything() == before


@pytest.mark.parametrize("name", [*OF_ITS_CARD, *OF_THE_GROUP])
async def test_a_click_on_an_open_failure_acts_or_asks(fake_redis: redis.asyncio.Redis, name: str) -> None:
    async with a_failed_group(fake_redis) as shown:
        before = await shown.everything()
        text = await shown.click(*CLICKS[name])
        if await shown.everything() != before:
            assert text.startswith("You "), text
        else:
            assert "?" in text or "time zone" in text or "still failing" in text, text
        assert "Nothing was changed" not in text


async def test_the_buttons_of_a_watch_say_what_is_so(fake_redis: redis.asyncio.Redis) -> None:
    async with a_failed_group(fake_redis) as shown:
        await muted(shown)
        for name in ("mute", "menu mute", "member mute"):
            text = await shown.click(*CLICKS[name])
            assert "For how long should I mute orders-1 here?" in text
            assert "orders-1 is muted by carol until" in text
        assert "orders-1" in await shown.click(*CLICKS["menu refresh"])
        await unwatched(shown)
        for name in ("mute", "menu mute", "member mute", "unwatch", "menu unwatch", "member unwatch"):
            assert "Nothing was changed" in await shown.click(*CLICKS[name])


async def test_a_card_that_the_store_lost_is_no_other_pipeline(fake_redis: redis.asyncio.Redis) -> None:
    async with a_failed_group(fake_redis) as shown:
        await forgotten(shown)
        before = await shown.everything()
        by_card_alone = [name for name in (*OF_ITS_CARD, *OF_THE_WATCH) if "pipeline" not in CLICKS[name][1]]
        for name in by_card_alone:
            text = await shown.click(*CLICKS[name])
            assert "I no longer know" in text, (name, text)
            assert "`/pipeline" in str(text), (name, text)
            assert "no name" not in text
        assert await shown.everything() == before


async def test_a_pipeline_that_is_gone_can_still_be_answered(fake_redis: redis.asyncio.Redis) -> None:
    async with a_failed_group(fake_redis) as shown:
        await vanished(shown)
        assert "no longer visible" in await shown.click(*CLICKS["show all"])
        assert "You acknowledged orders-1." in await shown.click(*CLICKS["acknowledge"])
        assert "You ended the paging for orders-1" in await shown.click(*CLICKS["resolve"])
