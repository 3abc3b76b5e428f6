"""The outside pagers over real sockets, against the sandbox: outcomes, repeats and secrets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.delivery import (
    Attempt,
    AttemptState,
    Delivery,
    Outcome,
    Posted,
    Receiver,
    ReceiverKind,
    RefusalKind,
    Refused,
    Unknown,
)
from bot.domain.pager import PagerAction, PagerEvent, PagingEnd
from bot.domain.pager_messages import pager_messages
from bot.pagers import web
from bot.pagers.apprise import APPRISE
from bot.pagers.pagerduty import PAGERDUTY
from bot.pagers.pagers import Pagers
from bot.pagers.workflow import WORKFLOW
from bot.ports.telemetry import EventRecord, subscribed
from sandbox.pagerduty import ROUTING_KEY, PagerFault
from sandbox.server import Sandbox
from tests.builders import TEAM
from tests.fakes import NOON, FakeClock
from tests.unit.test_pager_lane import a_failure

TRIGGER, ACKNOWLEDGE, RESOLVE = PagerAction.TRIGGER, PagerAction.ACKNOWLEDGE, PagerAction.RESOLVE


UNTRIED = Attempt()


class Desk:
    """The pagers of one bot, and the services behind them."""

    def __init__(self, sandbox: Sandbox, pagers: Pagers) -> None:
        self.sandbox = sandbox
        self.carriers = pagers.carriers(FakeClock())

    async def send(
        self,
        event: PagerEvent,
        kind: ReceiverKind = PAGERDUTY,
        *,
        name: str = "ops",
        attempt: Attempt = UNTRIED,
        after: timedelta = timedelta(),
    ) -> Outcome:
        (message,) = pager_messages(event, Receiver(TEAM, kind, name), NOON, occasion=())
        delivery = Delivery(message=message, attempt=attempt)
        return await self.carriers[kind].chat.post(delivery, event, parent_id=None, now=NOON + after)


@asynccontextmanager
async def working(events_path: str = "/pagerduty/v2/enqueue", key: str = ROUTING_KEY) -> AsyncIterator[Desk]:
    async with Sandbox.start() as sandbox:
        host = sandbox.url.removeprefix("http://")
        secrets = {
            PAGERDUTY: {"ops": key},
            WORKFLOW: {"ops": f"{sandbox.url}/triggers/T1/2/secret"},
            APPRISE: {"ops": f"json://{host}/sink/night"},
        }
        async with Pagers(secrets, sandbox.url + events_path) as pagers:
            yield Desk(sandbox, pagers)


def an_event(action: PagerAction = TRIGGER, *names: str) -> PagerEvent:
    failures = tuple(a_failure(name) for name in names or ("orders-eu",))
    return PagerEvent(action=action, key=failures[0].key, failures=failures, by_name="Ann")


async def test_pagerduty_opens_acknowledges_and_ends_one_incident() -> None:
    async with working() as desk:
        for action in (TRIGGER, TRIGGER, ACKNOWLEDGE, RESOLVE):
            assert isinstance(await desk.send(an_event(action)), Posted)
        (incident,) = desk.sandbox.pagerduty.incidents
    assert (incident.key, incident.title, incident.severity) == ("key-orders-eu", "orders-eu failed", "critical")
    assert incident.log == [
        "triggered",
        "triggered again",
        "acknowledged by the integration",
        "resolved by the integration",
    ]


async def test_a_429_says_how_long_to_wait() -> None:
    async with working() as desk:
        desk.sandbox.pagerduty.faults = [PagerFault.BUSY, PagerFault.BUSY]
        first = await desk.send(an_event())
        desk.sandbox.pagerduty.retry_after = 7
        second = await desk.send(an_event())
    assert isinstance(first, Refused)
    assert (first.kind, first.retry_after) == (RefusalKind.RATE_LIMITED, timedelta(seconds=10))
    assert isinstance(second, Refused)
    assert second.retry_after == timedelta(seconds=7)


async def test_after_a_5xx_or_no_answer_the_fate_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "DEADLINE_SECONDS", 0.2)
    async with working() as desk:
        desk.sandbox.pagerduty.faults = [PagerFault.BROKEN, PagerFault.BROKEN_AFTER, PagerFault.HANGING]
        outcomes = [await desk.send(an_event()) for _ in range(3)]
    assert [type(outcome) for outcome in outcomes] == [Unknown, Unknown, Unknown]


async def test_a_service_that_cannot_be_reached_got_nothing() -> None:
    nowhere = Pagers({PAGERDUTY: {"ops": ROUTING_KEY}}, "http://127.0.0.1:1/v2/enqueue")
    async with working() as desk, nowhere:
        outcome = await Desk(desk.sandbox, nowhere).send(an_event())
    assert isinstance(outcome, Refused)
    assert outcome.kind is RefusalKind.NOT_SENT


async def test_a_refused_key_waits_and_gives_up_after_a_day() -> None:
    async with working(key="f" * 32) as desk:
        outcome = await desk.send(an_event())
        late = await desk.send(an_event(), after=timedelta(days=2))
    assert isinstance(outcome, Refused)
    assert (outcome.kind, outcome.error) == (RefusalKind.OTHER, "400 Event object is invalid Invalid routing key")
    assert outcome.retry_after == timedelta(minutes=5)
    assert isinstance(late, Refused)
    assert late.kind is RefusalKind.CONTENT


@pytest.mark.parametrize("kind", [WORKFLOW, APPRISE])
async def test_texts_reach_a_workflow_and_an_apprise_address(kind: ReceiverKind) -> None:
    async with working() as desk:
        for action in (TRIGGER, ACKNOWLEDGE, RESOLVE):
            assert isinstance(await desk.send(an_event(action), kind), Posted)
        titles = [message["body"]["title"] for message in desk.sandbox.pager_sink.taken]
    assert titles == ["orders-eu failed", "Ann acknowledged: orders-eu failed", "orders-eu recovered"]


@pytest.mark.parametrize("kind", [WORKFLOW, APPRISE])
async def test_a_renewal_is_silent_without_incidents(kind: ReceiverKind) -> None:
    async with working() as desk:
        outcome = await desk.send(replace(an_event(RESOLVE), end=PagingEnd.RENEWED), kind)
        assert desk.sandbox.pager_sink.taken == []
    assert isinstance(outcome, Posted)


@pytest.mark.parametrize("kind", [WORKFLOW, APPRISE])
async def test_a_text_says_that_it_may_be_a_repeat(kind: ReceiverKind) -> None:
    async with working() as desk:
        await desk.send(an_event(), kind, attempt=Attempt(state=AttemptState.SENDING, count=2))
        (message,) = desk.sandbox.pager_sink.taken
    assert "You may have got this message before" in str(message["body"])


@pytest.mark.parametrize("kind", [WORKFLOW, APPRISE])
async def test_a_service_that_fails_is_no_success(kind: ReceiverKind) -> None:
    async with working() as desk:
        desk.sandbox.pager_sink.status = 500
        outcome = await desk.send(an_event(), kind)
    assert not isinstance(outcome, Posted)


@pytest.mark.parametrize("kind", [PAGERDUTY, WORKFLOW, APPRISE])
async def test_an_unknown_name_and_a_failure_quote_no_secret(kind: ReceiverKind) -> None:
    records: list[EventRecord] = []
    async with working(key="f" * 32) as desk:
        desk.sandbox.pager_sink.status = 500
        with subscribed(records.append):
            assert isinstance(await desk.send(an_event(), kind, name="nobody"), Refused)
            await desk.send(an_event(), kind)
        text = repr(records)
        assert len(records) == 2
        assert desk.sandbox.url not in text
    assert "f" * 32 not in text
    assert "secret" not in text


async def test_a_hanging_apprise_call_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.pagers.apprise.DEADLINE_SECONDS", 0.05)
    async with working() as desk:
        desk.sandbox.pager_sink.answers.clear()
        outcome = await desk.send(an_event(), APPRISE)
        desk.sandbox.pager_sink.answers.set()
    assert isinstance(outcome, Refused)
    assert "no answer" in outcome.error


@pytest.mark.parametrize("kind", [PAGERDUTY, WORKFLOW])
async def test_a_kind_that_left_the_settings_keeps_its_messages_for_a_day(kind: ReceiverKind) -> None:
    async with (
        Sandbox.start() as sandbox,
        Pagers({APPRISE: {"night": "json://localhost"}}, "http://127.0.0.1:1") as pagers,
    ):
        desk = Desk(sandbox, pagers)
        early = await desk.send(an_event(), kind)
        late = await desk.send(an_event(), kind, after=timedelta(days=2))
    assert isinstance(early, Refused)
    assert early.kind is RefusalKind.OTHER
    assert isinstance(late, Refused)
    assert late.kind is RefusalKind.CONTENT
