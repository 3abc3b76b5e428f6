"""From a failure to PagerDuty and back, over real sockets and on a test's clock. The bot dies at each arrow.

Failure → page → no answer → second step → PagerDuty → acknowledged there → the card shows it → recovered → resolved on
both sides. A bot that dies on the way posts the same messages as one that lives.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import redis.asyncio

from bot.domain.delivery import SLACK, Receiver, ReceiverKind
from bot.domain.watch import Target, TargetKind
from bot.pagers.listener import PATH, WebhookListener, listening_for_webhooks
from bot.pagers.pagerduty import PAGERDUTY
from bot.pagers.pagers import Pagers
from bot.requests.pager_answers import IncidentAnswers
from sandbox.pagerduty import ROUTING_KEY, WEBHOOK_SECRET, PagerFault, PagerIncident
from sandbox.server import Sandbox
from tests.contract.office import ALERTS, ANN
from tests.contract.test_dead_bot import (
    TEAM,
    Death,
    PingCounter,
    Process,
    be_dead,
    heard_from,
    night,
    person,
    process,
    set_up,
)
from tests.fakes import FakeApi, FakeClock
from tests.service.test_poller import FAILED, LIVE, ONE

GRACE = "Grace Pager"
OPS = Target(kind=TargetKind.PAGER, id="ops", label="ops")
PATIENCE = 300


class Town:
    """A bot that dies on order, a team, and its PagerDuty account."""

    def __init__(self, client: redis.asyncio.Redis, sandbox: Sandbox, clock: FakeClock, api: FakeApi) -> None:
        self.sandbox, self.pagerduty, self.clock, self.api = sandbox, sandbox.pagerduty, clock, api
        self._client = client
        self._watchdog = PingCounter(clock)
        self._life = AsyncExitStack()
        self.process: Process
        self.deaths = 0

    async def begin(self) -> None:
        pagers = await self._life.enter_async_context(
            Pagers({PAGERDUTY: {"ops": ROUTING_KEY}}, f"{self.sandbox.url}/pagerduty/v2/enqueue")
        )
        life = process(self._client, self.sandbox, self.api, self.clock, self._watchdog, pagers)
        self.process = await self._life.enter_async_context(life)
        bot = self.process.bot
        receivers = [Receiver(TEAM, PAGERDUTY, "ops")]
        answers = IncidentAnswers(repository=bot.repository, store=bot.store, clock=self.clock, receivers=receivers)
        listener = WebhookListener(WEBHOOK_SECRET, answers)
        port = await self._life.enter_async_context(listening_for_webhooks(listener, 0, "127.0.0.1"))
        self.pagerduty.webhook_url = f"http://127.0.0.1:{port}{PATH}"

    async def end(self) -> None:
        self.pagerduty.webhook_url = None
        await self._life.aclose()

    async def restart(self) -> None:
        self.deaths += 1
        await self.end()
        await be_dead(self._client, self.sandbox, self.clock, 1)
        await self.begin()

    async def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(PATIENCE):
            if holds():
                return
            await self.process.live(1)
            if self.process.died:
                await self.restart()
        raise AssertionError(self.texts)

    def dies(self, death: Death | None, service: ReceiverKind) -> None:
        """At its next message to this service."""
        self.process.chats[service].death = death

    async def acknowledge_there(self) -> None:
        assert self.incident
        self.pagerduty.act(self.incident.key, "acknowledged", GRACE)
        await self.sandbox.until(lambda: self.pagerduty.webhook_answers[-1:] == [202])

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.sandbox.slack.messages(ALERTS)]

    def card_shows(self, text: str) -> bool:
        return any(text in shown for shown in self.texts)

    @property
    def incident(self) -> PagerIncident | None:
        (*_, incident) = (None, *self.pagerduty.incidents)
        return incident

    def has_incident(self, status: str) -> bool:
        return self.incident is not None and self.incident.status == status


@asynccontextmanager
async def a_town(client: redis.asyncio.Redis) -> AsyncIterator[Town]:
    async with night(client) as (sandbox, clock, api, _):
        town = Town(client, sandbox, clock, api)
        await town.begin()
        try:
            await set_up(sandbox, town.process.bot, (person(sandbox, ANN, "ann"), 2), (OPS, 30))
            await town.process.live(30)
            yield town
        finally:
            await town.end()


async def messages_of(
    client: redis.asyncio.Redis,
    death: Death | None = None,
    service: ReceiverKind = SLACK,
    *,
    deaths: int,
    restarts: bool = False,
) -> list[str]:
    """Goes along all arrows. The messages: by whom, where, and whom each mentions.

    Args:
        death: of the process at its first message to the service after each arrow begins.
        deaths: so many are expected.
        restarts: the process dies after each arrow, with no call under way.
    """
    async with a_town(client) as town:

        async def arrow(holds: Callable[[], bool]) -> None:
            await town.until(lambda: holds() and not town.pagerduty.faults)
            if restarts:
                await town.restart()
            town.dies(death, service)

        town.dies(death, service)
        town.api.statuses[ONE] = FAILED
        await arrow(lambda: town.card_shows("pipe_0001 failed"))
        town.pagerduty.faults = [PagerFault.BUSY, PagerFault.BROKEN, PagerFault.BROKEN_AFTER]
        await arrow(lambda: town.has_incident("triggered"))
        await town.acknowledge_there()
        await arrow(lambda: town.card_shows(f"Acknowledged by {GRACE} in PagerDuty"))
        await town.process.live(300)
        town.api.statuses[ONE] = LIVE
        await arrow(lambda: town.has_incident("resolved") and town.card_shows("recovered"))
        town.dies(None, service)
        await town.process.live(60)
        assert len(town.pagerduty.incidents) == 1
        assert town.process.bot.repository.record(ONE).next_at is None
        assert town.deaths == deaths
        return sorted(line.partition(" ")[2] for line in heard_from(town.sandbox))


ONCE = sorted(
    [
        *("bot C0ALERTS U0ANN", "bot U0ANN"),  # the failure, and the page of the first step
        *("bot C0ALERTS",) * 3,  # the second step, the acknowledgement and the recovery, in the card's thread
        "bot U0ANN",  # the recovery
    ]
)


async def test_a_failure_escalates_to_pagerduty_and_is_acknowledged_and_resolved_on_both_sides(
    fake_redis: redis.asyncio.Redis,
) -> None:
    assert await messages_of(fake_redis, deaths=0) == ONCE


async def test_a_bot_that_dies_after_each_arrow_loses_and_repeats_nothing(fake_redis: redis.asyncio.Redis) -> None:
    assert await messages_of(fake_redis, deaths=4, restarts=True) == ONCE


@pytest.mark.parametrize("death", Death, ids=["before the call", "after the call"])
@pytest.mark.parametrize(("service", "deaths"), [(SLACK, 4), (PAGERDUTY, 2)], ids=["Slack", "PagerDuty"])
async def test_a_bot_that_dies_during_a_message_of_each_arrow_loses_and_repeats_nothing(
    fake_redis: redis.asyncio.Redis, death: Death, service: ReceiverKind, deaths: int
) -> None:
    assert await messages_of(fake_redis, death, service, deaths=deaths) == ONCE
