"""What people do in PagerDuty counts in Slack: over real sockets, with the sandbox's PagerDuty and a real store."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import aiohttp
import pytest
import redis.asyncio
from slack_bolt.async_app import AsyncApp

from bot.delivery.doubt import Doubt
from bot.delivery.lane_services import LaneServices
from bot.delivery.lane_worker import LaneWorker
from bot.domain.delivery import Lane, LaneKind, Receiver
from bot.domain.episode import Episode
from bot.domain.pager_lane import PagerLaneChange
from bot.domain.phase import Phase
from bot.domain.plan import Plan, Record, plan_reading
from bot.domain.routing import Routing
from bot.domain.watch import Target, TargetKind
from bot.pagers.incident_poller import IncidentPoller
from bot.pagers.incident_reader import IncidentReader
from bot.pagers.listener import LARGEST_WEBHOOK, PATH, WebhookListener, listening_for_webhooks
from bot.pagers.pagerduty import PAGERDUTY
from bot.pagers.pagers import Pagers
from bot.pagers.webhook import decode_change, has_valid_signature
from bot.requests.pager_answers import IncidentAnswers
from bot.slack.inbound import http_mode
from bot.slack.outbound.calls import web_client
from bot.state.repository import Repository
from sandbox.pagerduty import API_TOKEN, ROUTING_KEY, WEBHOOK_SECRET, PagerIncident, signatures
from sandbox.server import Sandbox
from tests.builders import ALERTS, ORDERS, TEAM, a_watch, an_observation
from tests.carriers import OnlySender
from tests.fakes import FakeClock
from tests.stores import WholeStore

OPS = Receiver(TEAM, PAGERDUTY, "ops")
PAGES = Lane(LaneKind.PAGES, OPS)
PAGER = Target(kind=TargetKind.PAGER, id="ops")


class Town:
    """A bot that pages one PagerDuty service, and the account of that service."""

    def __init__(self, client: redis.asyncio.Redis, sandbox: Sandbox, pagers: Pagers) -> None:
        self.clock = FakeClock()
        self.clock.seconds = 10.0
        self.sandbox, self.pagerduty = sandbox, sandbox.pagerduty
        self.store = WholeStore(client, TEAM, self.clock)
        self.repository = Repository(self.store, asyncio.Event(), pagers={"ops": PAGERDUTY})
        self.answers = IncidentAnswers(repository=self.repository, store=self.store, clock=self.clock, receivers=[OPS])
        self.services = LaneServices(
            store=self.store,
            carriers=pagers.carriers(self.clock),
            clock=self.clock,
            doubt=Doubt(self.clock),
            sending_right=OnlySender(),
        )
        self.url = ""
        self.reads = 0

    async def begin(self) -> None:
        await self.repository.load()
        watch = a_watch(channel=ALERTS, targets=(PAGER,))
        await self.store.add_watches([watch], _announcement())
        await self.repository.refresh_watches()
        await self.read(Phase.RUNNING)

    async def read(self, phase: Phase) -> None:
        self.reads += 1
        observation = an_observation(phase, self.reads, ready=0 if phase is Phase.FAILED else 1)
        observation = replace(observation, observed_at=self.clock.now())

        def make(record: Record, routing: Routing) -> Plan:
            return plan_reading(record, observation, routing)

        await self.repository.write(ORDERS, make)

    async def send(self) -> None:
        """Sends all that waits for the pager."""
        lease = await self.store.leased(PAGES)
        worker = LaneWorker(self.services, PAGES, lease, "", None)
        while (seconds := await worker.step()) is not None:
            self.clock.seconds += seconds
        await self.store.release(worker.lease)

    @property
    def episode(self) -> Episode:
        episode = self.repository.record(ORDERS).episode
        assert episode is not None
        return episode

    @property
    def incident(self) -> PagerIncident:
        return self.pagerduty.incidents[-1]

    def body(self, status: str, person: str | None = "Ann Pager", **changes: Any) -> bytes:
        """A webhook about the latest incident."""
        event = self.pagerduty.webhook_event(self.incident, f"incident.{status}", person)
        return json.dumps({"event": {**event, "occurred_at": self.clock.now().isoformat(), **changes}}).encode()

    async def deliver(self, body: bytes, signature: str | None = None) -> int:
        return await self.pagerduty.send_webhook(self.url, body, signature)


def _announcement() -> Any:
    from tests.contract.test_store import an_announcement  # noqa: PLC0415 (its fixtures are not for this file)

    return an_announcement("a")


@asynccontextmanager
async def a_town(client: redis.asyncio.Redis) -> AsyncIterator[Town]:
    async with (
        Sandbox.start() as sandbox,
        Pagers({PAGERDUTY: {"ops": ROUTING_KEY}}, f"{sandbox.url}/pagerduty/v2/enqueue") as pagers,
    ):
        town = Town(client, sandbox, pagers)
        listener = WebhookListener(WEBHOOK_SECRET, town.answers)
        async with listening_for_webhooks(listener, 0, "127.0.0.1") as port:
            town.url = f"http://127.0.0.1:{port}{PATH}"
            await town.begin()
            yield town


@pytest.fixture
async def town(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Town]:
    async with a_town(fake_redis) as town:
        yield town


async def fail(town: Town) -> None:
    town.clock.seconds += 5
    await town.read(Phase.FAILED)
    await town.send()
    assert (town.incident.status, town.incident.title) == ("triggered", "pipe_0001 failed")


async def test_an_acknowledgement_there_counts_here_and_a_recovery_resolves_there(town: Town) -> None:
    await fail(town)
    assert await town.deliver(town.body("acknowledged")) == 202
    answer = town.episode.acknowledged
    assert answer is not None
    assert (answer.name, answer.place) == ("Ann Pager", "PagerDuty")
    requests = town.pagerduty.requests
    await town.send()
    assert town.pagerduty.requests == requests
    town.clock.seconds += 60
    await town.read(Phase.RUNNING)
    await town.send()
    assert town.incident.status == "resolved"
    assert await town.store.incidents(OPS) == {}


async def test_a_resolve_there_ends_the_paging_here(town: Town) -> None:
    await fail(town)
    assert await town.deliver(town.body("resolved")) == 202
    assert town.episode.resolved is not None
    assert town.episode.open
    requests = town.pagerduty.requests
    await town.send()
    assert town.pagerduty.requests == requests
    assert await town.store.incidents(OPS) == {}


async def test_an_acknowledgement_here_counts_there_and_its_echo_changes_nothing(town: Town) -> None:
    await fail(town)
    await town.deliver(town.body("acknowledged"))
    before = town.episode
    assert await town.deliver(town.body("acknowledged", person=None)) == 200
    assert town.episode == before


async def test_a_replayed_webhook_changes_nothing(town: Town) -> None:
    await fail(town)
    body = town.body("acknowledged")
    assert await town.deliver(body) == 202
    forgotten = replace(town.episode, acknowledged=None)
    record = replace(town.repository.record(ORDERS), episode=forgotten)
    await town.repository.write(ORDERS, lambda *_: Plan(record=record))
    assert await town.deliver(body) == 202
    assert town.episode.acknowledged is None


async def test_a_webhook_about_an_earlier_incident_changes_nothing(town: Town) -> None:
    await fail(town)
    old = town.clock.now() - timedelta(minutes=5)
    assert await town.deliver(town.body("acknowledged", occurred_at=old.isoformat())) == 202
    assert town.episode.acknowledged is None


async def test_a_webhook_without_a_valid_signature_is_refused(town: Town) -> None:
    await fail(town)
    body = town.body("acknowledged")
    for signature in ("v1=" + "0" * 64, "v2=" + signatures(body).rpartition("=")[2], signatures(body, "other"), "é"):
        assert await town.deliver(body, signature) == 401
    assert await town.deliver(body + b" ", signatures(body)) == 401
    async with aiohttp.ClientSession() as session, session.post(town.url, data=body) as answer:
        assert answer.status == 401
    assert town.episode.acknowledged is None


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"event": 1}', b'{"event": {"event_type": "incident.acknowledged"}}', b"\xff", b"[" * 9999],
)
async def test_a_signed_body_that_is_no_webhook_is_refused(town: Town, body: bytes) -> None:
    assert await town.deliver(body) == 400


async def test_a_body_that_is_too_large_is_refused_unread(town: Town) -> None:
    assert await town.deliver(b" " * (LARGEST_WEBHOOK + 1)) == 413


async def test_it_confirms_nothing_that_is_not_stored(town: Town) -> None:
    await fail(town)
    body = town.body("acknowledged")
    town.store.away_once("commit")
    assert await town.deliver(body) == 503
    assert await town.deliver(body) == 202
    assert town.episode.acknowledged is not None


async def test_without_a_webhook_the_bot_asks(town: Town) -> None:
    await fail(town)
    reader = IncidentReader(f"{town.sandbox.url}/pagerduty", API_TOKEN)
    poller = IncidentPoller(reader, town.store, town.answers, [OPS])
    await poller.poll()
    assert town.episode.acknowledged is None
    town.pagerduty.act(town.incident.key, "acknowledged", "Bob Pager")
    await poller.poll()
    assert town.episode.acknowledged is not None
    assert town.episode.acknowledged.name == "Bob Pager"
    await reader.close()


async def test_a_refused_token_is_no_answer(town: Town) -> None:
    await fail(town)
    reader = IncidentReader(f"{town.sandbox.url}/pagerduty", "wrong")
    town.pagerduty.act(town.incident.key, "acknowledged", "Bob Pager")
    await IncidentPoller(reader, town.store, town.answers, [OPS]).poll()
    assert town.episode.acknowledged is None
    await reader.close()


async def test_pagerduty_itself_delivers_and_repeats(town: Town) -> None:
    await fail(town)
    town.pagerduty.webhook_url = town.url
    town.store.away_once("commit")
    town.sandbox.pagerduty._clock = _Same(town.clock)  # type: ignore[assignment]
    town.pagerduty.act(town.incident.key, "acknowledged", "Ann Pager")
    await town.sandbox.until(lambda: town.pagerduty.webhook_answers[-2:] == [503, 202])
    assert town.episode.acknowledged is not None


class _Same:
    """The bot's clock, for the sandbox."""

    def __init__(self, clock: FakeClock) -> None:
        self.now = partial(lambda: clock.now().timestamp())


def test_an_empty_secret_signs_nothing() -> None:
    assert not has_valid_signature("", b"{}", signatures(b"{}", ""))


def test_a_name_from_there_is_plain_text() -> None:
    event = {
        "id": "1",
        "event_type": "incident.acknowledged",
        "occurred_at": "2026-11-30T03:00:00Z",
        "agent": {"type": "user_reference", "summary": "Ann\n<!channel>\x00" + "x" * 500},
        "data": {"incident_key": "k"},
    }
    change = decode_change(json.dumps({"event": event}).encode())
    assert change is not None
    assert change.by_name.startswith("Ann<!channel>xxx")
    assert len(change.by_name) == 80


async def test_in_http_mode_the_webhook_comes_to_the_same_port(town: Town) -> None:
    await fail(town)
    app = AsyncApp(client=web_client("xoxb-x", "http://127.0.0.1:9/api/"), signing_secret="slack")
    listener = WebhookListener(WEBHOOK_SECRET, town.answers)
    async with http_mode.http(app, 0, host="127.0.0.1", signing_secret="slack", webhook=listener.route) as port:
        town.url = f"http://127.0.0.1:{port}{PATH}"
        assert await town.deliver(town.body("acknowledged"), "v1=no") == 401
        assert await town.deliver(town.body("acknowledged")) == 202
    assert town.episode.acknowledged is not None


async def test_an_acknowledgement_after_the_resolve_changes_nothing(town: Town) -> None:
    await fail(town)
    late = town.body("acknowledged")
    assert await town.deliver(town.body("resolved")) == 202
    before = town.episode
    assert await town.deliver(late) == 202
    assert town.episode == before


async def test_a_webhook_about_an_unknown_incident_changes_nothing(town: Town) -> None:
    await fail(town)
    assert await town.deliver(town.body("acknowledged", data={"incident_key": "another"})) == 202
    assert town.episode.acknowledged is None


@pytest.mark.parametrize(
    ("seconds", "counts"), [(-110, True), (110, True), (-300, False), (2 * 86_400, False), (-2 * 86_400, False)]
)
async def test_the_clocks_may_differ_a_little(town: Town, seconds: float, counts: bool) -> None:
    await fail(town)
    at = (town.clock.now() + timedelta(seconds=seconds)).isoformat()
    assert await town.deliver(town.body("acknowledged", occurred_at=at)) == 202
    assert (town.episode.acknowledged is not None) is counts


async def test_the_bot_asks_and_ignores_an_answer_to_an_earlier_incident(town: Town) -> None:
    """PagerDuty still shows that one, while it does not take the page that started again."""
    await fail(town)
    reader = IncidentReader(f"{town.sandbox.url}/pagerduty", API_TOKEN)
    town.pagerduty._clock = _Same(town.clock)  # type: ignore[assignment]
    town.pagerduty.act(town.incident.key, "acknowledged", "Bob Pager")
    (incident,) = (await town.store.incidents(OPS)).values()
    town.clock.seconds += 3600
    lease = await town.store.leased(PAGES)
    again = PagerLaneChange(incidents=(replace(incident, made_at=town.clock.now()),))
    assert await town.store.change_pager_lane(again, PAGES, lease)
    await IncidentPoller(reader, town.store, town.answers, [OPS]).poll()
    assert town.episode.acknowledged is None
    await reader.close()


async def test_a_body_of_unknown_length_that_is_too_large_is_refused(town: Town) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LARGEST_WEBHOOK // 1024 + 2):
            yield b" " * 1024

    app = AsyncApp(client=web_client("xoxb-x", "http://127.0.0.1:9/api/"), signing_secret="slack")
    listener = WebhookListener(WEBHOOK_SECRET, town.answers)
    headers = {"X-PagerDuty-Signature": "v1=0"}
    async with http_mode.http(app, 0, host="127.0.0.1", signing_secret="slack", webhook=listener.route) as port:
        for url in (town.url, f"http://127.0.0.1:{port}{PATH}"):
            async with (
                aiohttp.ClientSession() as session,
                session.post(url, data=pieces(), headers=headers) as answer,
            ):
                assert answer.status == 413, url
