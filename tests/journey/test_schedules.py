"""A schedule in a bot that is a process: its calendar comes over TLS, and each handover is announced once."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.contract.calendars import calendar_server, calendar_text
from tests.contract.probing import self_signed
from tests.journey.rig import ALERTS, ANN, PATIENCE, Rig, rigged

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]
PEOPLE = ("bob", "carol")


async def save(rig: Rig, command: str) -> str:
    """Types a command and clicks *Save*. Returns the answer that takes the question's place."""
    question = await rig.ask(command)
    shown = rig.sandbox.slack.ephemerals(ALERTS, ANN)[-1]
    await rig.click(shown, "confirm")

    def answer() -> str | None:
        latest = rig.sandbox.slack.ephemerals(ALERTS, ANN)[-1].text
        return latest if latest != question else None

    return await rig.sandbox.until(answer, PATIENCE) or ""


def handovers(rig: Rig, channel: str = ALERTS) -> list[str]:
    texts = [message.text for message in rig.sandbox.slack.messages(channel)]
    return [text for text in texts if "is on call until" in text or "You're on call for" in text]


def now_on_call(rig: Rig) -> tuple[str, ...]:
    return rig.sandbox.slack.directory.usergroups["S0ONCALL"].users


def comparisons(rig: Rig) -> int:
    """How often the bot compared the group with the people on call: first in the command, then by itself."""
    return sum(call.method == "usergroups.users.list" for call in rig.sandbox.slack.calls)


async def test_handovers_survive_a_kill_and_come_once(tmp_path: Path) -> None:
    now = datetime.now(UTC)  # noqa: TID251 (the bot's own clock is the machine's)
    begin, end = now - timedelta(days=1), now + timedelta(days=3)
    event = f"DTSTART:{begin:%Y%m%dT%H%M%SZ}\nDTEND:{end:%Y%m%dT%H%M%SZ}\nATTENDEE:mailto:ann@acme-data.example"
    certificate = self_signed(tmp_path)
    async with (
        calendar_server(certificate) as calendar,
        rigged(tmp_path, settings={"SSL_CERT_FILE": str(certificate)}) as rig,
    ):
        rig.sandbox.slack.limits.enabled = False  # each start of the bot opens sockets
        calendar.serves(calendar_text(event))
        saved = await save(rig, f"schedule data = calendar {calendar.url()}")
        assert "From now on: ann until" in saved
        assert "hunter2" not in saved
        assert "Saved for" in await save(rig, "schedule data group @data-oncall")
        assert now_on_call(rig) == (ANN,)
        await rig.sandbox.until(lambda: comparisons(rig) > 1, PATIENCE)  # the bot has taken note of the first shift
        for person in PEOPLE:
            await save(rig, f"oncall give data to @{person} for 4h")
            await rig.kill()
            await rig.start()
            user = f"U0{person.upper()}"
            await rig.sandbox.until(lambda user=user: now_on_call(rig) == (user,), PATIENCE)  # type: ignore[misc]
            await rig.card("data", f"{person} is on call until")
            await rig.sandbox.until(lambda user=user: handovers(rig, f"D{user[1:]}"), PATIENCE)  # type: ignore[misc]
            await rig.kill()
            await rig.start()
        await rig.ask("watch orders-us")
        await rig.card("added a watch", "orders-us")  # comes after all that was sent before
        assert [person for person in PEOPLE for text in handovers(rig) if f"{person} is on call" in text] == [*PEOPLE]
        for person in PEOPLE:
            assert len(handovers(rig, f"D0{person.upper()}")) == 1
        assert "hunter2" not in rig.log.read_text()
        assert "acme-data.example" not in rig.log.read_text()
