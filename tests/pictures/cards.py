"""Scenes of one pipeline: its card in every state, its thread, and its story while it flaps."""

from collections.abc import Callable

from playwright.async_api import Page

from sandbox.goldrush_faults import Fault, FaultKind
from sandbox.slack.messages import Message
from tests.journey.rig import BOB, TEAM
from tests.pictures.stage import CAROL, Stage

ORDERS, ORDERS_US = "orders-eu", "orders-us"
SWAPS, FILLS, WHALES, TRANSFERS = (
    "Base Swaps to Postgres",
    "hypercore-fills",
    "Whale Watch",
    "Solana Transfers → ClickHouse",
)


async def failure_card(stage: Stage) -> None:
    """Open, with its menus, and what each button makes of it."""
    await stage.ask(f"watch {ORDERS} page @bob")
    await stage.ask(f"runbook {ORDERS} https://wiki.example.com/orders")
    await stage.ask(f'note {ORDERS} "Restart the sink first"')
    stage.rig.set_phase(ORDERS, "FAILED")
    card = await stage.rig.card(ORDERS, "please take a look")
    await stage.camera.message("card-open", card)
    await stage.camera.screen("card-open-screen")
    await stage.camera.message("card-open-menu", card, press="card_menu")
    page = await stage.rig.card(ORDERS, channel=await stage.rig.direct(BOB))
    await stage.camera.message("card-direct", page, user=BOB)
    await stage.camera.message("card-direct-menu", page, user=BOB, press="card_menu")
    picker = await stage.answered(lambda: stage.rig.choose(card, "snooze", "another"))
    await stage.camera.message("snooze-picker", picker)
    await _answers(stage, card)
    await _end(stage, card)


async def _answers(stage: Stage, card: Message) -> None:
    await stage.answered(lambda: stage.rig.click(card, "acknowledge"))
    await stage.shows(card, "Acknowledged by ann")
    await stage.camera.message("card-acknowledged", card)
    late = await stage.answered(lambda: stage.rig.choose(card, "card_menu", "looking", user=BOB), user=BOB)
    await stage.camera.message("answer-promise-late", late, user=BOB)
    promise = await stage.answered(lambda: stage.rig.choose(card, "card_menu", "looking"))
    await stage.camera.message("answer-promise", promise)
    await stage.shows(card, "back by")
    await stage.camera.message("card-promised", card)
    await stage.answered(lambda: stage.rig.choose(card, "snooze", "30"))
    await stage.shows(card, "nooze")
    await stage.camera.message("card-snoozed", card)
    await stage.answered(lambda: stage.rig.click(card, "take_over", user=CAROL), user=CAROL)
    await stage.shows(card, "carol")
    await stage.camera.message("card-taken-over", card)


async def _end(stage: Stage, card: Message) -> None:
    question = await stage.answered(lambda: stage.rig.choose(card, "card_menu", "Mute"))
    await stage.camera.message("mute-question", question)
    question = await stage.answered(lambda: stage.rig.choose(card, "card_menu", "Resolve"))
    await stage.camera.message("resolve-question", question)
    await stage.answered(lambda: stage.rig.click(question, "resolve"))
    await stage.shows(card, "Paging ended by ann")
    await stage.camera.message("card-resolved-while-failed", card)
    stage.rig.set_phase(ORDERS, "RUNNING")
    await stage.shows(card, "recovered after")
    await stage.camera.message("card-recovered", card)
    await stage.camera.thread("card-thread", card)
    await stage.camera.screen("card-thread-screen", before=open_last_thread)


async def open_last_thread(page: Page) -> None:
    await page.locator('#conversation [data-testid="thread-open"]').last.click()
    await page.locator("#thread .scroller").wait_for()


async def muted_card(stage: Stage) -> None:
    await stage.ask(f"watch {ORDERS} page @bob")
    stage.rig.set_phase(ORDERS, "FAILED")
    card = await stage.rig.card(ORDERS, "please take a look")
    answer = await stage.ask(f"mute {ORDERS} for 2h because we deploy")
    await stage.camera.message("mute-answer", answer)
    await stage.camera.message("mute-announcement", await stage.rig.card("added a mute"))
    await stage.shows(card, "uted")
    await stage.camera.message("card-muted", card)
    await stage.camera.message("status-muted", await stage.ask(f"status {ORDERS}"))
    await stage.camera.message("mute-list", await stage.ask("mute"))
    await stage.ask(f"unmute {ORDERS}")
    await stage.camera.message("mute-ended", await stage.rig.card("ended a mute"))


async def other_troubles(stage: Stage) -> None:
    """Degraded, unreachable, gone, paused, and a pipeline whose channel stopped watching it."""
    for name in (SWAPS, FILLS, WHALES, TRANSFERS, ORDERS_US):
        await stage.ask(f'watch "{name}"', channel=TEAM)
    goldrush, fills = stage.sandbox.goldrush, stage.rig.pipeline(FILLS)
    whales = goldrush.named(f"🐳 {WHALES}").id
    error = Fault(kind=FaultKind.SERVER_ERROR)
    troubles: dict[str, tuple[Callable[[], None], str]] = {
        "card-degraded": (lambda: goldrush.degrade(stage.rig.pipeline(SWAPS)), SWAPS),
        "card-unreachable": (lambda: goldrush.set_fault(error, fills), FILLS),
        "card-gone": (lambda: goldrush.remove(whales), WHALES),
        "card-paused": (lambda: stage.rig.set_phase(TRANSFERS, "PAUSED"), TRANSFERS),
        "card-deploying": (lambda: stage.rig.set_phase(TRANSFERS, "DEPLOYING"), TRANSFERS),
    }
    for picture, (happens, name) in troubles.items():
        card = await stage.card_after(happens, name, channel=TEAM)
        await stage.camera.message(picture, card)
    goldrush.set_fault(None, fills)
    goldrush.set_phase(whales, "RUNNING")
    stage.rig.set_phase(ORDERS_US, "FAILED")
    card = await stage.rig.card(ORDERS_US, "failed", channel=TEAM)
    await stage.ask(f"unwatch {ORDERS_US}", channel=TEAM)
    await stage.shows(card, "no further updates")
    await stage.camera.message("card-unwatched", card)


async def flapping(stage: Stage) -> None:
    """A pipeline fails again and again, and settles."""
    await stage.ask(f"watch {FILLS} page @bob", channel=TEAM)
    stage.rig.set_phase(FILLS, "FAILED")
    card = await stage.rig.card(FILLS, "failed", channel=TEAM)
    for turn in range(8):
        stage.rig.set_phase(FILLS, "FAILED" if turn % 2 else "RUNNING")
        await stage.let_read()
        await stage.pass_time(minutes=0.4)
        if turn == 1:
            await stage.shows(card, "again")
            await stage.camera.message("card-failed-again", card)
    await stage.shows(card, "flapping")
    await stage.camera.message("card-flapping", card)
    await stage.camera.thread("card-flapping-thread", card)
    await stage.camera.screen("card-flapping-screen", channel=TEAM)
    stage.rig.set_phase(FILLS, "RUNNING")
    for _ in range(10):
        await stage.pass_time(minutes=1)
        await stage.let_read()
    await stage.rig.thread(card, "settled")
    await stage.let_read()
    await stage.camera.message("card-settled", card)
    await stage.camera.screen("card-settled-screen", channel=TEAM)
