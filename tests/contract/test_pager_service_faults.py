"""What a workflow or a service behind Apprise may answer, and what the bot makes of it. No text holds the address."""

import asyncio
from datetime import timedelta

import pytest

from bot.domain.delivery import Outcome, Posted, ReceiverKind, RefusalKind, Refused, Unknown
from bot.pagers import web
from bot.pagers.apprise import APPRISE
from bot.pagers.pagers import Pagers
from bot.pagers.workflow import WORKFLOW
from bot.ports.telemetry import EventRecord, subscribed
from sandbox.server import Sandbox
from tests.contract.test_pagers import Desk, an_event, working

SECRET = "topsecret"
HUGE = 3 * web.LARGEST_ANSWER
FAULTS = [
    (429, {"Retry-After": "7"}),
    (429, {"Retry-After": "Tue, 01 Dec 2026 00:00:00 GMT"}),
    (503, {}),
    (404, {}),
    (302, {"Location": "/elsewhere"}),
    (302, {"Location": "//[broken"}),
]


async def sent(desk: Desk, kind: ReceiverKind, caplog: pytest.LogCaptureFixture) -> tuple[Outcome, str]:
    """The outcome, and all that the bot and its libraries said."""
    records: list[EventRecord] = []
    with caplog.at_level("WARNING"), subscribed(records.append):  # the bot logs no more of its libraries
        outcome = await desk.send(an_event(), kind)
    return outcome, f"{outcome}{records}{caplog.text}"


@pytest.mark.parametrize(("status", "headers"), FAULTS)
@pytest.mark.parametrize("kind", [WORKFLOW, APPRISE])
async def test_no_refusal_counts_as_delivered_or_shows_the_address(
    kind: ReceiverKind, status: int, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with working() as desk:
        sink = desk.sandbox.pager_sink
        sink.status, sink.headers, sink.padding = status, headers, HUGE
        outcome, text = await sent(desk, kind, caplog)
        assert not isinstance(outcome, Posted)
        assert sink.taken == []
        for part in ("/triggers/", "secret", "/sink/night", desk.sandbox.url.rpartition(":")[2]):
            assert part not in text


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (
            429,
            {"Retry-After": "7"},
            Refused(kind=RefusalKind.RATE_LIMITED, error="429", retry_after=timedelta(seconds=7)),
        ),
        (429, {}, Refused(kind=RefusalKind.RATE_LIMITED, error="429", retry_after=timedelta(seconds=10))),
        (503, {}, Unknown("503")),
        (
            302,
            {"Location": "/elsewhere"},
            Refused(kind=RefusalKind.OTHER, error="302", retry_after=timedelta(minutes=5)),
        ),
        (404, {}, Refused(kind=RefusalKind.OTHER, error="404", retry_after=timedelta(minutes=5))),
    ],
)
async def test_a_workflow_says_whether_it_took_the_page(
    status: int, headers: dict[str, str], expected: Outcome
) -> None:
    async with working() as desk:
        desk.sandbox.pager_sink.status, desk.sandbox.pager_sink.headers = status, headers
        assert await desk.send(an_event(), WORKFLOW) == expected


@pytest.mark.parametrize("kind", [WORKFLOW, APPRISE])
async def test_a_huge_answer_does_no_harm(kind: ReceiverKind) -> None:
    async with working() as desk:
        desk.sandbox.pager_sink.padding = HUGE
        assert isinstance(await desk.send(an_event(), kind), Posted)


async def test_a_workflow_that_hangs_may_have_taken_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "DEADLINE_SECONDS", 0.2)
    async with working() as desk:
        desk.sandbox.pager_sink.answers.clear()
        outcome = await desk.send(an_event(), WORKFLOW)
        desk.sandbox.pager_sink.answers.set()
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        (WORKFLOW, f"http://127.0.0.1:1/triggers/{SECRET}"),
        (WORKFLOW, f"http://no-such-host.invalid/triggers/{SECRET}"),
        (APPRISE, f"json://127.0.0.1:1/{SECRET}"),
        (APPRISE, f"json://user:{SECRET}@no-such-host.invalid/"),
        (APPRISE, f"nosuchservice://{SECRET}"),
    ],
)
async def test_a_wrong_address_stays_secret(kind: ReceiverKind, address: str, caplog: pytest.LogCaptureFixture) -> None:
    async with Sandbox.start() as sandbox, Pagers({kind: {"ops": address}}, sandbox.url) as pagers:
        outcome, text = await asyncio.wait_for(sent(Desk(sandbox, pagers), kind, caplog), 60)
    assert isinstance(outcome, Refused)
    assert SECRET not in text
