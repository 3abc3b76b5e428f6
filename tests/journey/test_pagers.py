"""From a failure to PagerDuty and back, with the bot as a process. kill -9 after any arrow changes nothing.

Failure → page → no answer → second step → PagerDuty, which refuses at first → acknowledged there → the card shows it →
recovered → resolved on both sides.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import redis.asyncio

from sandbox.child_processes import end_with_parent
from sandbox.clock import Clock
from sandbox.pagerduty import ROUTING_KEY, PagerDuty, PagerFault
from sandbox.slack.directory import TEAM_DOMAIN
from sandbox.slack.faults import Fault, FaultKind
from tests.contract.test_dead_bot import heard_from
from tests.contract.test_paged_outside import ONCE
from tests.journey.rig import ALERTS, ANN, PATIENCE, Rig, rigged
from tests.journey.valkey import Valkey
from tests.proofs.crash_points import run_bot
from tests.proofs.world import PROCESSES

pytestmark = pytest.mark.journey
ORDERS = "orders-eu"
GRACE = "Grace Pager"
NO_ANSWER = 60.0  # seconds until the second step
DEAD = 20.0  # seconds from a kill to the next start; no lease lasts longer


class Arrow(StrEnum):
    """What has just happened when the bot dies."""

    FAILURE_READ = "failure read"
    PAGED = "page delivered"
    SECOND_STEP_DUE = "second step due"
    THROTTLED = "PagerDuty answered 429"
    REFUSED = "PagerDuty answered 503"
    TRIGGERED = "PagerDuty opened an incident and answered 503"
    CONFIRMED = "PagerDuty confirmed"
    ACKNOWLEDGED = "acknowledged there"
    TOLD = "webhook confirmed"
    CARD_UPDATED = "card updated"
    RECOVERED = "recovered"
    RESOLVED = "resolved there"


@dataclass
class ForkedRig(Rig):
    """Its bots are processes forked from one that has imported all of it, and their waits are a tenth."""

    forked: BaseProcess | None = None

    async def _spawn(self, env: Mapping[str, str]) -> None:
        calls = PROCESSES.Value("q", 0, lock=False)
        self.forked = PROCESSES.Process(target=run_bot, args=(dict(env), str(self.log), "bot", 0, calls), daemon=True)
        self.forked.start()
        assert self.forked.pid is not None
        end_with_parent(self.forked.pid)

    @property
    def is_running(self) -> bool:
        return self.forked is not None and self.forked.is_alive()

    async def kill(self) -> None:
        assert self.forked is not None
        self.forked.kill()
        self.forked.join()

    async def stop(self) -> int:
        await self.kill()
        return 0


class MovedClock(Clock):
    """The sandbox's time, so many seconds ahead."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


class Journey:
    """One bot, its sandbox, and the time of both. The bot dies after one of the arrows."""

    def __init__(self, rig: Rig, store: redis.asyncio.Redis, clock: MovedClock, deadly: Arrow | None) -> None:
        self.rig, self.sandbox = rig, rig.sandbox
        self.pagerduty: PagerDuty = rig.sandbox.pagerduty
        self._store = store
        self._clock = clock
        self._deadly = deadly

    async def begin(self) -> Counter[str]:
        """Sets up policy and watch. Returns the messages so far."""
        await self.rig.ask("policy night = @ann wait 1m then pager:ops wait 30m")
        await self.rig.click(self.sandbox.slack.ephemerals(ALERTS, ANN)[-1], "confirm")
        is_saved = lambda: "night is saved" in self.sandbox.slack.ephemerals(ALERTS, ANN)[-1].text  # noqa: E731
        await self.sandbox.until(is_saved, PATIENCE)
        answer = await self.rig.ask(f"watch {ORDERS} page policy:night")
        assert "now watches" in answer, answer
        await self.rig.card("added a watch")
        await self.rig.reads(2)
        return self._heard()

    async def past(self, arrow: Arrow, holds: Callable[[], object] = lambda: True) -> None:
        """Waits until it has happened. The bot dies if the arrow is the deadly one."""
        await self.sandbox.until(holds, PATIENCE)
        if arrow is self._deadly:
            await self.die()
            await self.rig.start()

    async def die(self) -> None:
        """kill -9, and a while until the next start."""
        await self.rig.kill()
        await self.move(DEAD)
        async for lease in self._store.scan_iter("pipeline-bot:*:lease:*"):
            await self._store.delete(lease)  # Redis ends a lease by its own clock

    async def move(self, seconds: float) -> None:
        """Time passes for the bot, which follows the latest time of all bots, and for the sandbox."""
        self._clock.ahead += seconds
        (key,) = await self._store.keys("pipeline-bot:*:clock")
        await self._store.hincrby(key, "latest", int(seconds * 1e6))

    async def read(self, phase: str) -> None:
        """The pipeline changes, and the bot reads it."""
        self.rig.set_phase(ORDERS, phase)
        await self.rig.reads(1)

    def has_incident(self, status: str) -> bool:
        return [incident.status for incident in self.pagerduty.incidents] == [status]

    def messages_since(self, before: Counter[str]) -> list[str]:
        """Each new message: its author, its conversation, and the people it mentions."""
        return sorted((self._heard() - before).elements())

    def _heard(self) -> Counter[str]:
        return Counter(line.partition(" ")[2] for line in heard_from(self.sandbox))


@asynccontextmanager
async def a_journey(tmp_path: Path, deadly: Arrow | None) -> AsyncIterator[Journey]:
    clock = MovedClock()
    async with (
        Valkey(tmp_path / "valkey") as valkey,
        rigged(tmp_path, settings={"REDIS_URL": valkey.url}, outside=True, clock=clock, kind=ForkedRig) as rig,
        redis.asyncio.Redis.from_url(valkey.url) as store,
    ):
        yield Journey(rig, store, clock, deadly)
        await rig.kill()
        assert_clean(rig)


def assert_clean(rig: Rig) -> None:
    log = rig.log.read_text()
    assert not re.search(f"Traceback|{ROUTING_KEY}|/triggers/", log), log


@pytest.mark.parametrize("deadly", Arrow)
async def test_each_page_arrives_once_though_the_bot_dies_after(tmp_path: Path, deadly: Arrow) -> None:
    async with a_journey(tmp_path, deadly) as journey:
        rig, pagerduty, past = journey.rig, journey.pagerduty, journey.past
        before = await journey.begin()
        pagerduty.faults = [PagerFault.BUSY, PagerFault.BROKEN, PagerFault.BROKEN_AFTER]
        pagerduty.retry_after = 1

        await journey.read("FAILED")
        await past(Arrow.FAILURE_READ)
        card = await rig.card(ORDERS, "failed")
        direct = await rig.card(ORDERS, "failed", channel=await rig.direct(ANN))
        await past(Arrow.PAGED)
        await journey.move(NO_ANSWER)
        await past(Arrow.SECOND_STEP_DUE)
        await past(Arrow.THROTTLED, lambda: pagerduty.requests >= 1)
        await past(Arrow.REFUSED, lambda: pagerduty.requests >= 2)
        await past(Arrow.TRIGGERED, lambda: journey.has_incident("triggered"))
        await past(Arrow.CONFIRMED, lambda: len(pagerduty.events) >= 2)
        await rig.thread(card, "pager:ops")

        (incident,) = pagerduty.incidents
        pagerduty.act(incident.key, "acknowledged", GRACE)
        await past(Arrow.ACKNOWLEDGED)
        await past(Arrow.TOLD, lambda: 202 in pagerduty.webhook_answers)
        await past(Arrow.CARD_UPDATED, lambda: f"Acknowledged by {GRACE} in PagerDuty" in card.text)

        await journey.read("RUNNING")
        await past(Arrow.RECOVERED)
        await past(Arrow.RESOLVED, lambda: journey.has_incident("resolved"))
        await journey.sandbox.until(lambda: all(f"{ORDERS} recovered" in m.text for m in (card, direct)), PATIENCE)
        await journey.sandbox.until(lambda: len(journey.messages_since(before)) >= len(ONCE), PATIENCE)

        assert journey.messages_since(before) == ONCE
        # PagerDuty drops repeats of the trigger, which carry the same key.
        assert [line for line in incident.log if line != "triggered again"] == [
            "triggered",
            f"acknowledged by {GRACE}",
            "resolved by the integration",
        ]
        assert incident.link == f"https://{TEAM_DOMAIN}.slack.com/archives/{ALERTS}/p{card.ts.replace('.', '')}"
        assert {event["dedup_key"] for event in pagerduty.events} == {incident.key}


async def test_a_bot_that_starts_while_slack_is_away_pages_outside_and_takes_the_answer(tmp_path: Path) -> None:
    async with a_journey(tmp_path, None) as journey:
        rig, pagerduty = journey.rig, journey.pagerduty
        await rig.ask(f"watch {ORDERS} page pager:ops")
        await rig.card("added a watch")
        await rig.reads(2)
        await journey.die()
        rig.sandbox.slack.set_fault("*", Fault(kind=FaultKind.UNAVAILABLE))
        await rig.start(until_ready=False)
        rig.set_phase(ORDERS, "FAILED")
        await rig.sandbox.until(lambda: pagerduty.incidents, PATIENCE)
        pagerduty.act(pagerduty.incidents[0].key, "acknowledged", GRACE)
        await rig.sandbox.until(lambda: 202 in pagerduty.webhook_answers, PATIENCE)
        rig.sandbox.slack.set_fault("*", None)
        await rig.card(ORDERS, f"Acknowledged by {GRACE} in PagerDuty")


async def test_in_http_mode_the_webhook_comes_to_the_port_of_slack(tmp_path: Path) -> None:
    async with rigged(tmp_path, http=True, outside=True) as rig:
        pagerduty = rig.sandbox.pagerduty
        pagerduty.webhook_url = f"{rig.sandbox.slack.request_url}".replace("/slack/events", "/pagerduty/webhook")
        await rig.ask(f"watch {ORDERS} page pager:ops pager:flow")
        await rig.card("added a watch")
        await rig.reads(2)
        rig.set_phase(ORDERS, "FAILED")
        texts = rig.sandbox.pager_sink
        await rig.sandbox.until(lambda: pagerduty.incidents and len(texts.taken) == 1, PATIENCE)
        pagerduty.act(pagerduty.incidents[0].key, "acknowledged", GRACE)
        await rig.card(ORDERS, f"Acknowledged by {GRACE} in PagerDuty")
        await rig.sandbox.until(lambda: len(texts.taken) == 2, PATIENCE)  # else the end would supersede it
        rig.set_phase(ORDERS, "RUNNING")
        await rig.sandbox.until(lambda: pagerduty.incidents[0].status == "resolved", PATIENCE)
        await rig.card(ORDERS, "recovered")
        await rig.sandbox.until(lambda: len(texts.taken) == 3, PATIENCE)
        titles = [message["body"]["title"] for message in texts.taken]
        assert titles == [f"{ORDERS} failed", f"{GRACE} acknowledged: {ORDERS} failed", f"{ORDERS} recovered"]
        assert_clean(rig)
