"""Scenes of failures with a diagnosis: one for each cause, then logs that are missing, hanging or hostile."""

import asyncio

from sandbox.goldrush_causes import CAUSES as FAILURE_CAUSES
from sandbox.goldrush_causes import DESTINATIONS, FailureCause
from sandbox.goldrush_faults import Fault, FaultKind
from sandbox.goldrush_pipelines import LogContent
from sandbox.slack.messages import Message
from tests.journey.rig import ALERTS, PATIENCE
from tests.pictures.cards import open_last_thread
from tests.pictures.groups import watch_new
from tests.pictures.stage import Stage

APART = 0.6  # minutes: failures that come together would share a card
REPLICAS = 3


async def causes(stage: Stage) -> None:
    """Each cause on a card and in its thread, at a destination that can fail in this way."""
    names = {cause.slug: f"swaps-{cause.slug.replace('_', '-')}" for cause in FAILURE_CAUSES}
    for cause in FAILURE_CAUSES:
        _add(stage, names[cause.slug], _destination(cause))
    await watch_new(stage, "swaps-*", [*names.values()], ALERTS)
    for slug, name in names.items():
        card = await _diagnosed(stage, name, slug)
        await stage.camera.message(f"cause-{slug.replace('_', '-')}", card)
        await stage.camera.thread(f"cause-{slug.replace('_', '-')}-thread", card)
        await _recover(stage, name, card)


def _destination(cause: FailureCause) -> str:
    return next(kind for kind in DESTINATIONS if cause.error(kind))


def _add(stage: Stage, name: str, destination: str, *, replicas: int = 1) -> None:
    stage.sandbox.goldrush.add(name=name, project="storefront", destination_type=destination, replicas=replicas)


async def _diagnosed(
    stage: Stage, name: str, slug: str, *, log: LogContent | None = None, says: str = "Cause"
) -> Message:
    pipeline = stage.sandbox.goldrush.named(name).id
    stage.sandbox.goldrush.set_phase(pipeline, "FAILED", cause=slug, log=log)
    card = await stage.rig.card(name, "please take a look")
    await stage.shows(card, says)
    await stage.rig.thread(card, says)
    return card


async def _recover(stage: Stage, name: str, card: Message) -> None:
    stage.rig.set_phase(name, "RUNNING")
    await stage.shows(card, "recovered after")
    await stage.pass_time(minutes=APART)


async def logs(stage: Stage) -> None:
    """What *Logs* answers, and logs that say nothing yet, hang, or want to do harm."""
    names = ("fills-eu", "fills-us", "fills-asia", "fills-lab")
    for name in names:
        _add(stage, name, "postgres", replicas=REPLICAS if name == "fills-eu" else 1)
    await watch_new(stage, "fills-*", [*names], ALERTS)
    await _replicas(stage, "fills-eu")
    await _no_log(stage, "fills-us")
    await _hanging(stage, "fills-asia")
    await _hostile(stage, "fills-lab")


async def _replicas(stage: Stage, name: str) -> None:
    """A destination that is away, seen by three replicas; the runbook comes before the usual step."""
    await stage.ask(f"runbook {name} https://wiki.example.com/fills")
    await _measured(stage, stage.rig.pipeline(name))
    await stage.pass_time(minutes=58)
    card = await _diagnosed(stage, name, "unreachable")
    await stage.camera.message("diagnosis-card", card)
    await stage.camera.screen("diagnosis-screen")
    await stage.camera.screen("diagnosis-thread-screen", before=open_last_thread)
    await stage.camera.thread("diagnosis-thread", card)
    answer = await stage.answered(lambda: stage.rig.click(card, "logs"))
    await stage.camera.message("logs-answer", answer)
    await stage.camera.message("status-diagnosed", await stage.ask(f"status {name}"))
    await stage.camera.message("why-diagnosed", await stage.ask(f"why {name}"))
    await _recover(stage, name, card)
    await stage.camera.message("diagnosis-recovered", card)


async def _measured(stage: Stage, pipeline: str) -> None:
    """Waits for a measurement of usual work, to compare with."""
    async with asyncio.timeout(2 * PATIENCE):
        while not any(
            request.pipeline_id == pipeline and "metrics" in request.path for request in stage.sandbox.goldrush.requests
        ):
            await asyncio.sleep(0.2)


async def _no_log(stage: Stage, name: str) -> None:
    card = await _diagnosed(stage, name, "crash", log=LogContent.TAIL_ERROR, says="its worker is gone")
    await stage.camera.message("diagnosis-no-log", card)
    await stage.camera.message("logs-answer-no-log", await stage.ask(f"logs {name}"))
    await _recover(stage, name, card)


async def _hanging(stage: Stage, name: str) -> None:
    goldrush, pipeline = stage.sandbox.goldrush, stage.rig.pipeline(name)
    goldrush.set_fault(Fault(kind=FaultKind.HANG, route="logs"), pipeline)
    card = await _diagnosed(stage, name, "schema", says="couldn't read its log")
    await stage.camera.message("diagnosis-hanging", card)
    await stage.camera.thread("diagnosis-hanging-thread", card)
    await stage.camera.message("logs-answer-hanging", await stage.ask(f"logs {name}"))
    goldrush.set_fault(None, pipeline)
    await _recover(stage, name, card)


async def _hostile(stage: Stage, name: str) -> None:
    card = await _diagnosed(stage, name, "schema", log=LogContent.HOSTILE)
    await stage.camera.message("diagnosis-hostile", card)
    await stage.camera.thread("diagnosis-hostile-thread", card)
    await stage.camera.message("logs-answer-hostile", await stage.ask(f"logs {name}"))
    await _recover(stage, name, card)


async def causes_of_a_group(stage: Stage) -> None:
    """Five failures at once, for two reasons: in rows, in the thread, and the log of one of them."""
    failing = {
        "trades-eu": "unreachable",
        "trades-us": "unreachable",
        "trades-asia": "schema",
        "trades-lab": "rejected_login",
        "trades-test": "unreachable",
    }
    for name in failing:
        _add(stage, name, "postgres")
    await watch_new(stage, "trades-*", [*failing], ALERTS)
    for name, slug in failing.items():
        stage.sandbox.goldrush.set_phase(stage.rig.pipeline(name), "FAILED", cause=slug)
    card = await stage.rig.card("5 pipelines failed")
    await stage.rig.thread(card, "login")
    await stage.shows(card, "login")
    await stage.camera.message("causes-of-group", card)
    await stage.camera.screen("causes-of-group-screen")
    await stage.camera.thread("causes-of-group-thread", card)
    members = await stage.answered(lambda: stage.rig.click(card, "show_members"))
    await stage.camera.message("causes-of-members", members)
    answer = await stage.answered(lambda: stage.rig.choose(members, "member_logs", "trades-asia"))
    await stage.camera.message("logs-of-member", answer)
