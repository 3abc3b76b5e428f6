"""One person floods the bot with commands and clicks: it stays well, and says so once."""

import asyncio

import pytest

from bot.domain.notice import Notice, NoticeKind
from bot.domain.watch import UserId
from bot.slack.inbound.inbox import Inbox
from bot.slack.render import action_ids
from bot.slack.router import CLICK, COMMAND
from tests.builders import ALERTS
from tests.contract.test_inbox import Ack, Counter, counter  # noqa: F401 (a fixture)

BURST = 20
BOB = UserId("U0BOB")


async def flood(here: Counter, inbox: Inbox, times: int, facts: dict[str, str], kind: str = COMMAND) -> int:
    """How many were kept in Redis. Other keys may expire meanwhile."""
    before = await _kept(here)
    for number in range(times):
        await inbox.handle(Ack(here), kind, f"{kind} {number} {facts['user']}", facts)
    return await _kept(here) - before


async def _kept(here: Counter) -> int:
    return len([key async for key in here.redis.scan_iter("*:interaction:*")])


def refusals(here: Counter) -> int:
    return sum("faster than I accept them" in str(reply) for reply in here.replies)


async def test_a_flood_is_acknowledged_unstored_and_refused_once(counter: Counter) -> None:  # noqa: F811
    ack = Ack(counter)
    inbox = counter.inbox()
    stored = await flood(counter, inbox, 100, counter.asking("help"))
    assert stored == BURST
    assert refusals(counter) == 1
    assert len(counter.replies) == BURST + 1
    await inbox.handle(ack, COMMAND, "one more", counter.asking("help"))
    assert len(ack.found) == 1


async def test_another_person_is_answered_meanwhile(counter: Counter) -> None:  # noqa: F811
    inbox = counter.inbox()
    await flood(counter, inbox, 100, counter.asking("help"))
    before = len(counter.replies)
    await inbox.handle(Ack(counter), COMMAND, "of bob's", counter.asking("help") | {"user": BOB})
    assert len(counter.replies) == before + 1
    assert refusals(counter) == 1


async def test_a_flood_of_changes_is_announced_half_as_often(counter: Counter) -> None:  # noqa: F811
    inbox = counter.inbox()
    for number in range(50):
        for text in ("watch orders-1", "unwatch orders-1"):
            await inbox.handle(Ack(counter), COMMAND, f"{text} {number}", counter.asking(text))
            counter.bot.clock.seconds += 0.001
    rows = [row.body for row in await counter.bot.store.owed(ALERTS)]
    kinds = {NoticeKind.WATCHING, NoticeKind.UNWATCHED}
    announcements = [body for body in rows if isinstance(body, Notice) and body.kind in kinds]
    assert len(announcements) == BURST / 2


@pytest.mark.parametrize("action", [action_ids.REFRESH, action_ids.NEXT, action_ids.SHARE, action_ids.UNWATCH])
async def test_buttons_are_limited_too(counter: Counter, action: str) -> None:  # noqa: F811
    facts = counter.clicking(action, {"pipeline": "pipe_0001", "asked": "list", "page": 1})
    stored = await flood(counter, counter.inbox(), 100, facts, CLICK)
    assert stored in {BURST, BURST // 2}
    assert refusals(counter) == 1


async def test_a_person_who_flooded_can_still_acknowledge(counter: Counter) -> None:  # noqa: F811
    inbox = counter.inbox()
    await flood(counter, inbox, 100, counter.asking("help"))
    facts = counter.clicking(action_ids.ACKNOWLEDGE, {"pipeline": "pipe_0001", "card": "x"})
    assert await flood(counter, inbox, 60, facts, CLICK) == 60
    assert await flood(counter, inbox, 600, facts | {"action": action_ids.ACKNOWLEDGE_ALL}, CLICK) < 60


async def test_commands_work_again_after_the_announced_wait(counter: Counter) -> None:  # noqa: F811
    inbox = counter.inbox()
    await flood(counter, inbox, BURST + 1, counter.asking("help"))
    assert "Wait 5 s" in str(counter.replies[-1])
    counter.bot.clock.seconds += 5
    await inbox.handle(Ack(counter), COMMAND, "later", counter.asking("help"))
    assert refusals(counter) == 1
    assert "Wait" not in str(counter.replies[-1])


async def test_a_person_with_two_running_commands_waits_alone(counter: Counter) -> None:  # noqa: F811
    inbox, go, started = counter.inbox(), asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        started.set()
        if not go.is_set():
            await go.wait()

    counter.meanwhile.append(hang)
    tasks = [
        asyncio.create_task(inbox.handle(Ack(counter), COMMAND, f"of ann's {number}", counter.asking("help")))
        for number in range(6)
    ]
    async with asyncio.timeout(60):
        await started.wait()
    assert len(inbox._slots._slots) == 1
    other = asyncio.create_task(inbox.handle(Ack(counter), COMMAND, "of bob's", counter.asking("help") | {"user": BOB}))
    go.set()
    await asyncio.gather(*tasks, other)
    assert len(counter.replies) == 7
