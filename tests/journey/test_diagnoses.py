"""A failure's card says why, soon after its page. The bot runs as a process, over real sockets."""

import json
from functools import partial
from pathlib import Path

import pytest

from sandbox.goldrush_faults import Fault, FaultKind
from sandbox.slack.messages import Message
from tests.journey.rig import ALERTS, ANN, BOB, PATIENCE, Rig, rigged
from tests.journey.roles import split

pytestmark = pytest.mark.journey


def diagnosed(rig: Rig) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in rig.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "diagnosed"]


def requests(rig: Rig, endpoint: str) -> int:
    return sum(request.path.endswith(f"/{endpoint}/") for request in rig.sandbox.goldrush.requests)


def shown_log(rig: Rig, person: str) -> Message | None:
    answers = rig.sandbox.slack.ephemerals(ALERTS, person)
    return next((answer for answer in answers if "orders-eu — the newest lines of its log" in answer.text), None)


async def test_the_card_names_the_cause_and_the_thread_has_the_lines(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.ask("watch orders-eu page @bob")
        await rig.card("added a watch")
        rig.set_phase("orders-eu", "FAILED")
        card = await rig.card("orders-eu failed", "<@U0BOB> please take a look", "Cause:")
        thread = await rig.thread(card, "Cause:")
        assert "```" in json.dumps(thread.all_blocks())
        await rig.card("orders-eu failed", "Cause:", channel=await rig.direct(BOB))
        assert len(diagnosed(rig)) == 1
        assert requests(rig, "logs") == requests(rig, "destination-health") == 1
        assert [call for call in rig.sandbox.slack.calls if call.error] == []


@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.HUGE, FaultKind.NOT_JSON, FaultKind.THROTTLED])
async def test_without_a_log_the_page_comes_all_the_same_and_the_card_says_so(tmp_path: Path, kind: FaultKind) -> None:
    says = "log is larger than 1 MB" if kind is FaultKind.HUGE else "couldn't read its log"
    async with rigged(tmp_path, settings={"PIPELINE_BOT_READ_TIMEOUT_SECONDS": "2"}) as rig:
        rig.sandbox.goldrush.set_fault(Fault(kind=kind, route="logs"))
        await rig.ask("watch orders-eu page @bob")
        await rig.card("added a watch")
        rig.set_phase("orders-eu", "FAILED")
        card = await rig.card("orders-eu failed", "<@U0BOB> please take a look")
        await rig.thread(card, says)
        (record,) = diagnosed(rig)
        assert record["log"] == "unreadable"
        posts = [call for call in rig.sandbox.slack.accepted if call.method == "chat.postMessage"]
        page = next(place for place, post in enumerate(posts) if "orders-eu failed" in post.text)
        assert page < next(place for place, post in enumerate(posts) if says in post.text)


async def test_a_bot_killed_before_it_stored_the_diagnosis_makes_it_after_the_restart_once(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        rig.sandbox.goldrush.set_fault(Fault(kind=FaultKind.HANG, route="logs"))
        await rig.ask("watch orders-eu")
        await rig.card("added a watch")
        rig.set_phase("orders-eu", "FAILED")
        card = await rig.card("orders-eu failed")
        await rig.kill()
        assert diagnosed(rig) == []
        rig.sandbox.goldrush.faults.clear()
        await rig.start()
        await rig.thread(card, "Cause:")
        await rig.kill()
        await rig.start()
        await rig.reads(5)
        assert len(diagnosed(rig)) == 1
        assert len([reply for reply in card.replies if "Cause:" in reply.text]) == 1
        assert (
            len([message for message in rig.sandbox.slack.messages(ALERTS) if "orders-eu failed" in message.text]) == 1
        )


async def test_with_roles_the_scheduler_diagnoses_the_sender_posts_and_clicks_share_its_read(tmp_path: Path) -> None:
    async with split(tmp_path) as processes:
        slack = processes["slack"]
        await slack.ask("watch orders-eu")
        await slack.card("added a watch", "orders-eu")
        slack.set_phase("orders-eu", "FAILED")
        card = await slack.card("orders-eu failed", "Cause:")
        await slack.thread(card, "Cause:")
        assert [name for name, rig in processes.rigs.items() if diagnosed(rig)] == ["scheduler"]
        for person in (ANN, BOB):
            await slack.click(card, "logs", user=person)
            answer = await slack.sandbox.until(partial(shown_log, slack, person), PATIENCE)
            assert answer is not None
            assert "error" in json.dumps(answer.all_blocks()).lower()
        assert requests(slack, "logs") == 1  # the leader's, which the diagnosis made
