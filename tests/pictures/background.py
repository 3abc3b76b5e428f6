"""A failure with a past: an edit just before, the same error days ago with a note, and its postmortem."""

from sandbox.slack.messages import Message
from tests.journey.rig import ALERTS, ANN
from tests.pictures.cards import ORDERS, ORDERS_US
from tests.pictures.stage import Stage

EDITED = "SELECT hash, amount / price AS rate FROM source"
ERROR = "transform"
LISTED_BY = 1.0  # minutes: longer than the time between two listings


async def background(stage: Stage) -> None:
    for name in (ORDERS, ORDERS_US):
        await stage.ask(f"watch {name} page @bob")
    await _seen_before(stage)
    await stage.pass_time(minutes=LISTED_BY)
    stage.sandbox.goldrush.edit(stage.rig.pipeline(ORDERS), EDITED)
    await stage.pass_time(minutes=4)
    card = await _failed(stage, ORDERS)
    await stage.shows(card, "before the failure")
    await stage.camera.message("background-card", card)
    await stage.camera.screen("background-screen")
    await stage.answered(lambda: stage.rig.click(card, "acknowledge"))
    await stage.pass_time(minutes=20)
    await _recovered(stage, ORDERS, card)
    await stage.camera.message("card-recovered-postmortem", card)
    answer = await stage.answered(lambda: stage.rig.click(card, "postmortem"))
    await stage.camera.message("postmortem-answer", answer)
    await stage.rig.thread(card, "Postmortem draft")
    await stage.camera.thread("postmortem-thread", card)


async def _seen_before(stage: Stage) -> None:
    """Another pipeline had the error, and Ann noted what helped."""
    card = await _failed(stage, ORDERS_US)
    await stage.answered(lambda: stage.rig.click(card, "acknowledge"))
    await stage.pass_time(minutes=25)
    await _recovered(stage, ORDERS_US, card)
    await _mention(stage, 'note "Undo the last edit of the transform, then resume it"', card)
    await stage.camera.thread("error-note-thread", card)
    await stage.skip(hours=60)


async def _mention(stage: Stage, text: str, card: Message) -> None:
    before = len(card.replies)
    stage.sandbox.slack.mention(ANN, ALERTS, text, card.ts)
    await stage.sandbox.until(lambda: len(card.replies) > before + 1)


async def _failed(stage: Stage, name: str) -> Message:
    stage.sandbox.goldrush.set_phase(stage.rig.pipeline(name), "FAILED", cause=ERROR)
    card = await stage.rig.card(name, "please take a look")
    await stage.shows(card, "Cause")
    await stage.rig.thread(card, "Cause")
    return card


async def _recovered(stage: Stage, name: str, card: Message) -> None:
    stage.rig.set_phase(name, "RUNNING")
    await stage.shows(card, "recovered after")
