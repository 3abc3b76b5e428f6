"""Commands and clicks, from Slack's hand into Redis and back to who asked: kept first, acted on once, told honestly."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import redis.asyncio
from aiohttp import web
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse
from structlog.testing import capture_logs

from bot.domain.watch import TeamId
from bot.ports.clock import Clock
from bot.ports.interaction_store import Interaction
from bot.ports.lease_store import Lease
from bot.ports.store_errors import StoreAway
from bot.slack.feature import Reply
from bot.slack.inbound import inbox
from bot.slack.inbound.bolt_app import Listeners
from bot.slack.inbound.inbox import Inbox
from bot.slack.permissions import Asker
from bot.slack.render import action_ids
from bot.slack.router import CLICK, COMMAND, ParsedInteraction, Router
from bot.slack.routes import ROUTES
from bot.store.readable import MARK
from tests.builders import ALERTS, ANN, TEAM
from tests.permissions import services_of
from tests.service.test_poller import FAILED, LIVE, ONE, Bot, pipelines, running
from tests.stores import WholeStore

NOWHERE = "http://127.0.0.1:1/api/"


@dataclass
class Counter:
    """People send commands and clicks here. `replies`: the answers to Slack. `meanwhile` runs before each answer."""

    bot: Bot
    redis: redis.asyncio.Redis
    url: str
    replies: list[dict[str, object]]
    meanwhile: list[Callable[[], Awaitable[None]]]

    def inbox(
        self,
        store: WholeStore | None = None,
        router: Router | None = None,
        *,
        store_seconds: float = inbox.STORE_SECONDS,
        act_seconds: float = inbox.ACT_SECONDS,
    ) -> Inbox:
        """Of one bot more; all of them share one Redis."""
        clock = self.bot.clock
        return Inbox(
            store=store or self.bot.store,
            router=router or self.router(),
            clock=clock,
            catch_up=self.bot.repository.catch_up,
            store_seconds=store_seconds,
            act_seconds=act_seconds,
        )

    def router(self, kind: type[Router] = Router) -> Router:
        return kind(services_of(self.bot.requests, self.bot.clock))

    def asking(self, text: str) -> dict[str, str]:
        return {"text": text, "channel": ALERTS, "user": ANN, "response_url": self.url}

    def clicking(self, action: str, facts: Mapping[str, object]) -> dict[str, str]:
        payload = {"action": action, "channel": ALERTS, "user": ANN, "ephemeral": "", "value": json.dumps(facts)}
        return payload | {"response_url": self.url}

    async def left_undone(self, text: str, seconds_ago: float = 0.0) -> None:
        """Kept by a bot that died before it acted."""
        at = self.bot.clock.now() - timedelta(seconds=seconds_ago)
        await self.bot.store.add_interaction(
            Interaction(team=TEAM, id=f"{COMMAND} 1", kind=COMMAND, at=at, payload=self.asking(text))
        )

    async def stored_count(self) -> int:
        return len(await self.bot.store.unfinished_interactions())

    async def watched(self) -> list[str]:
        return [watch.reference for watch in (await self.bot.store.watches()).all]

    @property
    def answers(self) -> list[str]:
        return [str(answer["text"]) for answer in self.replies]


class Ack(AsyncAck):
    """Notes what Redis held when Slack was told that it arrived."""

    def __init__(self, counter: Counter) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Bolt leaves it without types
        self._counter = counter
        self.found: list[int] = []

    async def __call__(self, *args: object, **kwargs: object) -> BoltResponse:
        names = await self._counter.redis.hkeys(f"pipeline-bot:{{{TEAM}}}:interactions")
        self.found.append(len(set(names) - {MARK}))
        return BoltResponse(status=200)


@asynccontextmanager
async def hearing(
    meanwhile: list[Callable[[], Awaitable[None]]],
) -> AsyncIterator[tuple[str, list[dict[str, object]]]]:
    """A response_url, and what is said to it."""
    replies: list[dict[str, object]] = []

    async def hear(request: web.Request) -> web.Response:
        for step in meanwhile:
            await step()
        replies.append(await request.json())
        return web.Response(text="ok")

    server = web.Application()
    server.add_routes([web.post("/answer", hear)])
    runner = web.AppRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/answer", replies
    await runner.cleanup()


@pytest.fixture
async def counter(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Counter]:
    meanwhile: list[Callable[[], Awaitable[None]]] = []
    async with hearing(meanwhile) as (url, replies), running(fake_redis, *pipelines(2)) as bot:
        await bot.catalogue.refresh()
        yield Counter(bot, fake_redis, url, replies, meanwhile)


class LosesReplies(WholeStore):
    """Redis did it, and the answer did not come."""

    async def add_interaction(self, gesture: Interaction) -> bool:
        await super().add_interaction(gesture)
        raise StoreAway("no answer")


class Silent(WholeStore):
    """Redis takes the command and never answers."""

    async def add_interaction(self, gesture: Interaction) -> bool:
        await asyncio.Event().wait()
        return True


class Trips(Router):
    def typed(self, text: str, asker: Asker) -> ParsedInteraction:
        async def trip() -> Reply:
            raise ValueError("a flaw of ours")

        return replace(super().typed(text, asker), run=trip)


class LooksLate(WholeStore):
    """What it saw is done by another before it is its turn."""

    def __init__(
        self, client: redis.asyncio.Redis, team: TeamId, clock: Clock, other: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(client, team, clock)
        self._other = other

    async def acquire_lease(self, name: str, held: Lease | None = None) -> Lease | None:
        await self._other()
        return await super().acquire_lease(name, held)


# --- once ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [COMMAND, CLICK])
async def test_it_is_in_redis_before_it_is_acknowledged_and_out_of_it_when_it_is_done(
    counter: Counter, kind: str
) -> None:
    ack = Ack(counter)
    facts = (
        counter.asking("watch orders-1") if kind == COMMAND else counter.clicking(action_ids.REFRESH, {"pipeline": ONE})
    )
    await counter.inbox().handle(ack, kind, "1", facts)
    assert ack.found == [1]
    assert await counter.stored_count() == 0
    assert len(counter.answers) == 1


async def test_a_redelivered_interaction_acts_once(
    counter: Counter,
) -> None:
    ack, one, other = Ack(counter), counter.inbox(), counter.inbox(WholeStore(counter.redis, TEAM, counter.bot.clock))
    facts = counter.clicking(action_ids.SHARE, {"asked": "status orders-1"})
    await asyncio.gather(*(inbox.handle(ack, CLICK, "1", facts) for inbox in (one, one, other)))
    await one.handle(ack, CLICK, "1", facts)
    await counter.inbox().handle(ack, CLICK, "1", facts)  # as after a restart
    assert len(ack.found) == 5  # each is acknowledged, else Slack delivers it again
    assert [answer["response_type"] for answer in counter.replies] == ["in_channel"]
    await one.handle(ack, CLICK, "2", facts)
    assert len(counter.replies) == 2


async def test_it_is_remembered_for_more_than_a_day(counter: Counter) -> None:
    await counter.inbox().handle(Ack(counter), COMMAND, "1", counter.asking("watches"))
    (mark,) = await counter.redis.keys("*:interaction:*")
    assert await counter.redis.ttl(mark) > 24 * 3600 + 600


async def test_one_of_two_bots_recovers_an_interaction_after_a_crash(counter: Counter) -> None:
    await counter.left_undone("watch orders-1")
    bots = [counter.inbox(WholeStore(counter.redis, TEAM, counter.bot.clock)) for _ in range(2)]
    await counter.bot.clock.pass_time(29)
    await asyncio.gather(*(inbox.recover() for inbox in bots))
    assert counter.answers == []  # whoever began it may yet be at it
    await counter.bot.clock.pass_time(2)
    await asyncio.gather(*(inbox.recover() for inbox in bots))
    await asyncio.gather(*(inbox.recover() for inbox in bots))
    assert len(counter.answers) == 1
    assert await counter.watched() == [ONE]
    assert await counter.stored_count() == 0


async def test_recovery_skips_an_interaction_that_another_bot_finished(counter: Counter) -> None:
    await counter.left_undone("watch orders-1", seconds_ago=31)
    late = LooksLate(counter.redis, TEAM, counter.bot.clock, counter.inbox().recover)
    await counter.inbox(late).recover()
    assert len(counter.answers) == 1


async def test_recovery_skips_a_running_interaction(counter: Counter) -> None:
    stuck = asyncio.Event()
    counter.bot.api.gate = lambda _: stuck
    one = counter.inbox()
    taking = asyncio.create_task(one.handle(Ack(counter), COMMAND, "1", counter.asking("status orders-1")))
    while not counter.bot.api.reads:
        await asyncio.sleep(0)
    await counter.bot.clock.pass_time(40)
    await one.recover()
    assert counter.answers == []
    stuck.set()
    await one.settled()
    await taking
    assert len(counter.answers) == 1


# --- told honestly ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [5, 60, 24 * 60])
async def test_a_change_that_came_while_the_store_was_away_is_made_once_it_is_back(counter: Counter, late: int) -> None:
    one = counter.inbox()
    counter.bot.store.away_once("add_interaction")
    await one.handle(Ack(counter), COMMAND, "1", counter.asking("watch orders-1"))
    await counter.bot.clock.pass_time(late)
    counter.bot.store.away_once("add_interaction")
    with pytest.raises(StoreAway):
        await one.recover()
    assert await counter.watched() == []
    await one.recover()
    assert await counter.watched() == [ONE]
    assert "now watches" in counter.answers[1]
    await one.recover()
    assert len(counter.answers) == 2


async def test_a_change_that_the_store_took_too_late_is_answered_and_not_made(counter: Counter) -> None:
    one = counter.inbox()
    counter.bot.store.away_once("add_interaction")
    await one.handle(Ack(counter), COMMAND, "1", counter.asking("watch orders-1"))
    await counter.bot.clock.pass_time(26 * 60)
    await one.recover()
    assert await counter.watched() == []
    assert "I was away too long to finish your request" in counter.answers[1]


async def test_a_question_is_not_answered_late(counter: Counter) -> None:
    one = counter.inbox()
    counter.bot.store.away_once("add_interaction")
    await one.handle(Ack(counter), COMMAND, "1", counter.asking("status orders-1"))
    await one.recover()
    assert len(counter.answers) == 1


async def test_an_unreachable_store_is_reported_with_what_to_expect(counter: Counter) -> None:
    ack = Ack(counter)
    counter.bot.store.away_once("add_interaction")
    await counter.inbox().handle(ack, CLICK, "1", counter.clicking(action_ids.UNWATCH, {"pipeline": ONE}))
    assert ack.found == [0]
    (answer,) = counter.answers
    assert answer == (
        "I can't reach my database right now, so this isn't done yet. I'll do it and tell you if the database is back "
        "within 25 minutes. If you hear nothing by then, it isn't done. It's safe to retry. Check with:\n"
        "`/pipeline watches`"
    )


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("watch orders-*", "watches"),
        ("watch orders-* in #data-team", "watches in #data-team"),
        ("unwatch orders-1 in <#C0TEAM|data-team>", "watches in #data-team"),
        ("unwatch all", "watches"),
        ('note orders-* "Call the owner"', "note orders-*"),
        ('note "Base Swaps" none', 'note "Base Swaps"'),
        ("runbook orders-1 https://wiki.example.com/orders", "runbook orders-1"),
    ],
)
async def test_an_unreachable_store_names_the_question_about_the_change(
    counter: Counter, text: str, check: str
) -> None:
    counter.bot.store.away_once("add_interaction")
    await counter.inbox().handle(Ack(counter), COMMAND, "1", counter.asking(text))
    assert counter.answers[0].endswith(f"It's safe to retry. Check with:\n`/pipeline {check}`")


async def test_an_unreachable_store_names_the_question_about_an_acknowledgement(counter: Counter) -> None:
    counter.bot.store.away_once("add_interaction")
    await counter.inbox().handle(Ack(counter), CLICK, "1", counter.clicking(action_ids.ACKNOWLEDGE, {"card": "x"}))
    assert counter.answers[0].endswith("It's safe to retry. Check with:\n`/pipeline status`")


@pytest.mark.parametrize("text", ["", "status orders-1", "list", "watches"])
async def test_a_question_gets_no_warning_about_lost_changes(counter: Counter, text: str) -> None:
    counter.bot.store.away_once("add_interaction")
    await counter.inbox().handle(Ack(counter), COMMAND, "1", counter.asking(text))
    assert counter.answers == [
        "I can't reach my database right now, so I can't answer this. Nothing was changed.\nTry again in a minute."
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("help", "I watch GoldRush pipelines"),
        ("help watch", "/pipeline watch PIPELINE"),
        ("wach orders-1", "Did you mean watch?"),
        ("watch orders-1 page bob", "I can't page “bob”: a person or user group begins with @. Nothing was changed."),
    ],
)
async def test_a_command_without_store_access_works_without_a_store(counter: Counter, text: str, says: str) -> None:
    await counter.inbox().handle(Ack(counter), COMMAND, "1", counter.asking(text))
    counter.bot.store.away_once("add_interaction")
    await counter.inbox().handle(Ack(counter), COMMAND, "2", counter.asking(text))
    counter.bot.store.away_once("watches_version")  # after it was kept
    await counter.inbox().handle(Ack(counter), COMMAND, "3", counter.asking(text))
    first, *others = counter.answers
    assert says in first
    assert others == [first, first]


async def test_only_a_store_that_did_not_answer_is_called_away() -> None:
    listeners = Listeners(inbox=None, channel_monitor=None)  # type: ignore[arg-type]  # neither is asked
    with capture_logs() as logs:
        await listeners.on_error(StoreAway("no answer"))
        await listeners.on_error(TimeoutError())
    assert [entry["event"] for entry in logs] == ["store_away", "listener_crashed"]


@pytest.mark.parametrize(
    "action", sorted(name for name, button in ROUTES.buttons.items() if button.press and not button.opens)
)
async def test_a_changing_click_gets_the_warning_that_it_is_not_done_yet(counter: Counter, action: str) -> None:
    counter.bot.store.away_once("add_interaction")
    await counter.inbox().handle(Ack(counter), CLICK, "1", counter.clicking(action, {}))
    asks = not ROUTES.buttons[action].changes
    assert ("so I can't answer this" if asks else "so this isn't done yet. I'll do it") in counter.answers[0]


async def test_an_interaction_runs_after_a_lost_store_answer(counter: Counter) -> None:
    lossy = counter.inbox(LosesReplies(counter.redis, TEAM, counter.bot.clock))
    await lossy.handle(Ack(counter), COMMAND, "1", counter.asking("watch orders-1"))
    assert "I'll do it and tell you" in counter.answers[0]
    await counter.bot.clock.pass_time(31)
    await counter.inbox().recover()
    assert await counter.watched() == [ONE]
    assert len(counter.answers) == 2


@pytest.mark.parametrize("text", ["help", "wach orders-1"])
async def test_help_is_answered_once_after_a_lost_store_answer(counter: Counter, text: str) -> None:
    lossy = counter.inbox(LosesReplies(counter.redis, TEAM, counter.bot.clock))
    await lossy.handle(Ack(counter), COMMAND, "1", counter.asking(text))
    assert await counter.stored_count() == 0  # no other bot takes it up either
    await counter.bot.clock.pass_time(31)
    await lossy.recover()
    assert len(counter.answers) == 1


async def test_help_is_answered_once_after_a_late_store_write(counter: Counter) -> None:
    one = counter.inbox()
    counter.bot.store.away_once("add_interaction")
    await one.handle(Ack(counter), COMMAND, "1", counter.asking("help"))
    await counter.left_undone("help", seconds_ago=31)  # what Redis was sent before it came to it late
    await one.recover()
    assert len(counter.answers) == 1
    assert await counter.stored_count() == 0


async def test_a_crash_without_store_access_is_reported(counter: Counter) -> None:
    one = counter.inbox(router=counter.router(Trips))
    counter.bot.store.away_once("add_interaction")
    await one.handle(Ack(counter), COMMAND, "1", counter.asking("help"))
    assert "I ran into an internal error" in counter.answers[0]


async def test_a_hanging_store_does_not_delay_the_acknowledgement(counter: Counter) -> None:
    assert inbox.STORE_SECONDS < 3
    ack = Ack(counter)
    silent = counter.inbox(Silent(counter.redis, TEAM, counter.bot.clock), store_seconds=0.01)
    await silent.handle(ack, COMMAND, "1", counter.asking("watch orders-1"))
    assert ack.found == [0]
    assert "so this isn't done yet. I'll do it" in counter.answers[0]


async def test_an_interaction_finishes_after_the_store_returns(counter: Counter) -> None:
    one = counter.inbox()
    counter.bot.store.away_once("change_watches")
    await one.handle(Ack(counter), COMMAND, "1", counter.asking("watch orders-1"))
    assert "I saved your request, and will finish it if the database is back within 25 minutes." in counter.answers[0]
    assert timedelta(minutes=25) == inbox.TOO_OLD
    await counter.bot.clock.pass_time(31)
    counter.bot.store.away_once("change_watches")
    await one.recover()  # it is still away: that was said already
    assert len(counter.answers) == 1
    await counter.bot.clock.pass_time(11)
    await one.recover()
    assert await counter.watched() == [ONE]
    assert "now watches" in counter.answers[1]
    assert await counter.stored_count() == 0


async def test_a_finished_interaction_is_not_repeated_when_the_store_missed_it(counter: Counter) -> None:
    one = counter.inbox()
    counter.bot.store.away_once("finish_interaction")
    await one.handle(Ack(counter), CLICK, "1", counter.clicking(action_ids.SHARE, {"asked": "status orders-1"}))
    await counter.bot.clock.pass_time(31)
    await one.recover()
    assert len(counter.replies) == 1
    assert await counter.stored_count() == 0


async def test_an_expired_interaction_is_refused(counter: Counter) -> None:
    await counter.left_undone("watch orders-1", seconds_ago=26 * 60)
    await counter.inbox().recover()
    assert await counter.watched() == []
    assert "it may not be done" in counter.answers[0]
    assert await counter.stored_count() == 0


async def test_a_question_is_never_called_partly_done(counter: Counter) -> None:
    await counter.left_undone("status orders-1", seconds_ago=26 * 60)
    await counter.inbox().recover()
    await counter.inbox(router=counter.router(Trips)).handle(Ack(counter), COMMAND, "2", counter.asking("help"))
    counter.bot.store.away_once("watches_version")
    await counter.inbox().handle(Ack(counter), COMMAND, "3", counter.asking("watches"))
    expired, crashed, saved = counter.answers
    assert "I was away too long to answer this. Nothing was changed." in expired
    assert "I ran into an internal error, so I have no answer. Nothing was changed." in crashed
    assert "so I can't answer this yet. Nothing was changed." in saved


async def test_an_expired_interaction_is_finished_before_its_refusal(counter: Counter) -> None:
    found: list[int] = []

    async def look() -> None:
        found.append(await counter.stored_count())

    counter.meanwhile.append(look)
    await counter.left_undone("watch orders-1", seconds_ago=26 * 60)
    await counter.inbox().recover()
    assert found == [0]


async def test_a_slow_interaction_is_stopped_and_refused(counter: Counter) -> None:
    assert timedelta(seconds=inbox.ACT_SECONDS) < inbox.RECOVER_AFTER
    stuck = asyncio.Event()
    counter.bot.api.gate = lambda _: stuck
    await counter.inbox(act_seconds=0.5).handle(Ack(counter), COMMAND, "1", counter.asking("status orders-1"))
    stuck.set()
    assert "This took too long, so I stopped. Nothing was changed." in counter.answers[0]
    assert await counter.stored_count() == 0


async def test_a_slow_interaction_is_finished_before_its_refusal(counter: Counter) -> None:
    """Else another bot would take it up while it is being said: that may take longer than what is left of its time."""
    stuck, found = asyncio.Event(), []
    counter.bot.api.gate = lambda _: stuck

    async def another_looks() -> None:
        found.append(await counter.stored_count())

    counter.meanwhile.append(another_looks)
    await counter.inbox(act_seconds=0.5).handle(Ack(counter), COMMAND, "1", counter.asking("status orders-1"))
    stuck.set()
    assert found == [0]


# --- a stale button --------------------------------------------------------------------------------------------------


async def test_a_button_of_a_closed_failure_redraws_the_card(counter: Counter) -> None:
    bot = counter.bot
    await bot.watch(ONE)
    await bot.poll(2)
    bot.api.statuses[ONE] = FAILED
    await bot.poll(20)
    (card,) = [row for row in await bot.store.owed(ALERTS) if row.id in await bot.store.cards([row.id])]
    bot.api.statuses[ONE] = LIVE
    await bot.poll(20)
    for row in await bot.store.owed(ALERTS):
        await counter.redis.hdel(f"pipeline-bot:{{{TEAM}}}:deliveries", row.id)  # as if all were delivered
    facts = counter.clicking(action_ids.ACKNOWLEDGE, {"pipeline": ONE, "card": card.id})
    await counter.inbox().handle(Ack(counter), CLICK, "1", facts)
    assert "over" in counter.answers[0]
    assert card.id in [row.id for row in await bot.store.owed(ALERTS)]


async def the_card_of_a_failure(counter: Counter) -> str:
    bot = counter.bot
    await bot.watch(ONE)
    await bot.poll(2)
    bot.api.statuses[ONE] = FAILED
    await bot.poll(20)
    (card,) = [row for row in await bot.store.owed(ALERTS) if row.id in await bot.store.cards([row.id])]
    return card.id


async def test_a_button_of_a_failure_that_is_watched_no_more_says_so(counter: Counter) -> None:
    card = await the_card_of_a_failure(counter)
    inbox = counter.inbox()
    await inbox.handle(Ack(counter), COMMAND, "1", counter.asking("unwatch orders-1"))
    await inbox.handle(
        Ack(counter), CLICK, "2", counter.clicking(action_ids.ACKNOWLEDGE, {"pipeline": ONE, "card": card})
    )
    assert counter.answers[-1] == (
        "orders-1 is no longer watched, so there are no further updates on this failure. Nothing was changed.\n"
        "To watch it again: `/pipeline watch orders-1`"
    )
    assert not counter.replies[-1]["replace_original"]


async def test_a_click_on_an_unknown_card_gets_the_current_state(
    counter: Counter,
) -> None:
    card = await the_card_of_a_failure(counter)
    await counter.redis.flushall()
    await counter.bot.heartbeat.beat()
    one = counter.clicking(action_ids.ACKNOWLEDGE, {"pipeline": ONE, "card": card})
    many = counter.clicking(action_ids.ACKNOWLEDGE_ALL, {"group": "s"})
    inbox = counter.inbox()
    for number, click in enumerate((one, many)):
        await inbox.handle(Ack(counter), CLICK, str(number), click)
    to_all = [(answer["replace_original"], answer["response_type"]) for answer in counter.replies]
    assert to_all == [(False, "ephemeral")] * 2
    assert all(replies.startswith("I couldn't save your click") for replies in counter.answers)
    assert "\nNow: orders-1 — FAILED" in counter.answers[0]
    assert "To watch it again: `/pipeline watch orders-1`" in counter.answers[0]
    assert all("button" not in json.dumps(answer) for answer in counter.replies)
