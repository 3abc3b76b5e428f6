"""A drill over the real outbox to the sandbox's Slack and PagerDuty, on a fake clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import redis.asyncio

from bot.coordination.drill_reports import REPORT_SECONDS, DrillReports
from bot.coordination.leadership import Leadership
from bot.delivery.dispatcher import Dispatcher
from bot.delivery.doubt import Doubt
from bot.delivery.lane_services import LaneServices
from bot.delivery.suspensions import Suspensions
from bot.domain.delivery import in_slack
from bot.domain.drill import PATIENCE
from bot.domain.watch import ChannelId, Target, TargetKind
from bot.pagers.pagerduty import PAGERDUTY
from bot.pagers.pagers import Pagers
from bot.ports.lease_store import ACTIVE_SENDER
from bot.requests.drills import Drills
from bot.slack.outbound.calls import web_client
from bot.slack.outbound.chat import SlackChat
from bot.slack.outbound.directory import Directory
from bot.state.repository import Repository
from sandbox.pagerduty import ROUTING_KEY, PagerFault
from sandbox.server import Sandbox
from sandbox.slack.directory import BOT_USER
from tests.builders import a_message, a_watch
from tests.carriers import OnlySender, by_slack
from tests.contract.office import ALERTS, ANN, BOB
from tests.contract.test_dead_bot import LOOK, TEAM, CallsUnderWay, MortalChat, SameClock
from tests.fakes import FakeClock, settle
from tests.stores import WholeStore

PAGER = Target(kind=TargetKind.PAGER, id="ops", label="ops")
UNKNOWN = Target(kind=TargetKind.PAGER, id="nowhere", label="nowhere")


@dataclass
class Rig:
    sandbox: Sandbox
    clock: FakeClock
    calls: CallsUnderWay
    drills: Drills
    reports: DrillReports
    store: WholeStore

    async def start(self) -> None:
        drill = await self.drills.start(await self.drills.plan(ALERTS, ""), ANN, "Ann")
        assert drill

    async def live(self, seconds: float) -> None:
        for _ in range(round(seconds / REPORT_SECONDS)):
            for _ in range(4):
                await self.clock.pass_time(REPORT_SECONDS / 4)
                while not self.calls.none.is_set():
                    await self.calls.none.wait()
                    await settle()
            await self.reports.report()

    @property
    def report(self) -> str:
        (message,) = self.sandbox.slack.messages(ALERTS)
        return message.text


@asynccontextmanager
async def rig(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Rig]:
    clock = FakeClock()
    async with Sandbox.start(clock=SameClock(clock)) as sandbox:
        client = web_client("xoxb-sandbox", f"{sandbox.url}/api/")
        store, directory = WholeStore(fake_redis, TEAM, clock), Directory(client, clock, TEAM)
        repository = Repository(store, asyncio.Event(), pagers={"ops": PAGERDUTY})
        await repository.load()
        calls = CallsUnderWay()
        chat = MortalChat(SlackChat(client, LOOK.content, BOT_USER), calls)
        suspensions = Suspensions(
            store=store,
            repository=repository,
            conversations=directory,
            clock=clock,
            wake=asyncio.Event(),
            fallback=None,
        )
        async with Pagers({PAGERDUTY: {"ops": ROUTING_KEY}}, f"{sandbox.url}/pagerduty/v2/enqueue") as pagers:
            carrier = pagers.carriers(clock)[PAGERDUTY]
            pager = MortalChat(carrier.chat, calls)
            services = LaneServices(
                store=store,
                clock=clock,
                doubt=Doubt(clock),
                sending_right=Leadership(store, clock, ACTIVE_SENDER),
                carriers={**by_slack(chat, clock, suspensions), PAGERDUTY: replace(carrier, chat=pager)},
            )
            sending = asyncio.create_task(Dispatcher(services, asyncio.Event()).run())
            bob = Target(
                kind=TargetKind.USER,
                id=BOB,
                direct=ChannelId(sandbox.slack.directory.open_im(BOB)[0].id),
                label="@bob",
            )
            await store.last_heartbeat()  # introduces this process to Redis
            hello = replace(a_message("hello", made_at=clock.now()), receiver=in_slack(TEAM, ALERTS))
            await store.add_watches([a_watch(channel=ALERTS, targets=(bob, PAGER, UNKNOWN))], hello)
            await repository.refresh_watches()
            drills = Drills(repository=repository, store=store, conversations=directory, clock=clock)
            reports = DrillReports(store=store, chat=chat, sending_right=OnlySender(), clock=clock, team=TEAM)
            try:
                yield Rig(sandbox, clock, calls, drills, reports, store)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)


async def test_a_drill_reaches_each_service_and_ends_its_incident(fake_redis: redis.asyncio.Redis) -> None:
    async with rig(fake_redis) as it:
        await it.start()
        await it.live(20)
        (incident,) = it.sandbox.pagerduty.incidents
        assert incident.title == "TEST: DRILL — nothing is wrong"
        assert incident.log == ["triggered", "resolved by the integration"]
        for line in (
            "@bob: accepted after",
            "pager:ops: accepted after",
            "pager:nowhere: refused (not in my settings)",
        ):
            assert line in it.report
        assert "Verdict: failed. 1 of 4 ways don't work: pager:nowhere." in it.report
        assert [drill.is_reported for drill in await it.store.drills()] == [True]


async def test_a_pager_that_is_down_fails_the_drill(fake_redis: redis.asyncio.Redis) -> None:
    async with rig(fake_redis) as it:
        it.sandbox.pagerduty.faults = [PagerFault.BROKEN] * 100
        await it.start()
        await it.live(20)
        assert "pager:ops: waiting" in it.report
        assert "Running. The verdict follows by" in it.report
        await it.live(PATIENCE.total_seconds())
        assert "Verdict: failed. 2 of 4 ways don't work: pager:ops, pager:nowhere." in it.report
