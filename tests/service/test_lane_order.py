"""The messages' priority decides the order between lanes, not the order of tasks in the event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import fakeredis
import pytest

from bot.domain.body import Content
from bot.domain.delivery import Delivery, Outcome, RefusalKind, Refused, Unknown
from bot.domain.watch import ChannelId
from tests.builders import ALERTS, TEAM
from tests.fakes import FakeChat, FakeClock
from tests.service.test_dispatcher import announce, fail, idle, sending
from tests.shuffled_loop import ShuffledLoop
from tests.stores import WholeStore

OTHER = ChannelId("C0OTHER")
LIMITED = Refused(kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=timedelta(seconds=30))
NOT_SENT = Refused(kind=RefusalKind.NOT_SENT, error="no connection")
SEEDS = range(2)  # `make test-all` runs all service tests in shuffled order

Story = Callable[[WholeStore, FakeChat, FakeClock], Awaitable[None]]


def posts_under(seed: int, scenario: Story, chat: FakeChat) -> list[tuple[str, str]]:
    """Returns the channel and content kind of each post, in order. `seed` orders the ready tasks."""

    async def run() -> None:
        client, clock = fakeredis.FakeAsyncRedis(), FakeClock()
        store = WholeStore(client, TEAM, clock)
        await scenario(store, chat, clock)
        assert await idle(store)
        await client.aclose()

    with asyncio.Runner(loop_factory=lambda: ShuffledLoop(seed)) as runner:
        runner.run(run())
    return [(row.receiver.id, type(content).__name__) for row, content, _ in chat.posts]


class Away(FakeChat):
    """Accepts no message while `away`."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self._outcome = outcome
        self.away = True

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:
        if self.away:
            self.answers = [(self._outcome, False)]
        return await super().post(delivery, content, parent_id=parent_id, now=now)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_failure_goes_before_a_notice_of_the_same_moment(seed: int) -> None:
    async def scenario(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
        await announce(store, 1, ALERTS)
        await fail(store)
        async with sending(store, chat, clock):
            await clock.pass_time(5)

    posts = posts_under(seed, scenario, FakeChat())
    assert posts == [(ALERTS, "Card"), (ALERTS, "Notice")]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("outcome", [LIMITED, NOT_SENT, Unknown("timeout")], ids=["429", "not reached", "no answer"])
@pytest.mark.parametrize("away", [7, 15, 40])
def test_after_an_outage_a_failure_goes_before_the_notices_of_all_channels(
    seed: int, outcome: Outcome, away: int
) -> None:
    others = [ChannelId(f"C0{number}") for number in range(3)]

    async def scenario(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
        assert isinstance(chat, Away)
        await announce(store, 1, *others)
        async with sending(store, chat, clock):
            await clock.pass_time(20)
            await fail(store)
            await clock.pass_time(away)
            chat.away = False
            await clock.pass_time(120)

    posts = posts_under(seed, scenario, Away(outcome))
    assert posts[0] == (ALERTS, "Card")
    assert sorted(posts[1:]) == sorted((channel, "Notice") for channel in others)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("early", [0.0, 0.25])
def test_a_failure_recorded_as_a_pause_ends_goes_before_the_notices_of_all_channels(seed: int, early: float) -> None:
    """Its lane reads the new row only then."""
    others = [ChannelId(f"C0{number}") for number in range(3)]

    async def scenario(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
        chat.answers = [(LIMITED, False)]
        await announce(store, 1, *others)
        async with sending(store, chat, clock):
            await clock.pass_time(30 - early)
            await fail(store)
            await clock.pass_time(120)

    posts = posts_under(seed, scenario, FakeChat())
    assert posts[0] == (ALERTS, "Card")
    assert sorted(posts[1:]) == sorted((channel, "Notice") for channel in others)


@pytest.mark.parametrize("seed", SEEDS)
def test_after_an_outage_the_older_of_two_failures_goes_first(seed: int) -> None:
    async def scenario(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
        assert isinstance(chat, Away)
        async with sending(store, chat, clock):
            await fail(store, 2, OTHER)
            await fail(store, 9, ALERTS)
            await clock.pass_time(40)
            chat.away = False
            await clock.pass_time(60)

    assert posts_under(seed, scenario, Away(NOT_SENT)) == [(OTHER, "Card"), (ALERTS, "Card")]
