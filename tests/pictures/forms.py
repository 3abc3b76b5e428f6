"""Scenes of modals, of the App Home, and of answers to commands."""

from sandbox.slack.interactions import Choice
from tests.journey.rig import ALERTS, ANN, BOB, TEAM
from tests.pictures.cards import FILLS, ORDERS, ORDERS_US, SWAPS
from tests.pictures.stage import CAROL, Stage

ROTATION = "schedule data = rotate @ann @bob @carol every 1 week at 09:00 on monday in Europe/Berlin"
POLICY = "policy data = oncall:data wait 10m then @bob wait 10m; repeat 2; last channel"


async def empty_home(stage: Stage) -> None:
    await stage.home("home-empty", user=CAROL)


async def set_up(stage: Stage) -> None:
    """Schedules and policies: the questions before they are saved, and the answers about them."""
    for name, command in {
        "schedule-question": ROTATION,
        "policy-question": POLICY,
        "override-question": "oncall take data for 4h because Ann travels",
    }.items():
        question = await stage.ask(command, user=BOB)
        await stage.camera.message(name, question, user=BOB)
        await stage.confirm(question, user=BOB)
    for name, command in {
        "oncall": "oncall",
        "oncall-one": "oncall data",
        "policies": "policy",
        "policy-one": "policy data",
        "policy-refused": "policy data = @ann wiat 5m then @bob",
    }.items():
        await stage.camera.message(name, await stage.ask(command))


async def home_and_forms(stage: Stage) -> None:
    """The App Home of somebody with much to do, and the forms that it opens."""
    await stage.save(ROTATION, user=BOB)
    await stage.save(POLICY, user=BOB)
    await stage.ask(f"watch {ORDERS} {ORDERS_US} page policy:data")
    await stage.ask(f'watch "{SWAPS}" {FILLS}', channel=TEAM)
    await stage.ask(f"mute {FILLS} for 2h because we deploy", channel=TEAM)
    for name in (ORDERS, ORDERS_US, SWAPS):
        stage.rig.set_phase(name, "FAILED")
    for name in (ORDERS, ORDERS_US):
        await stage.rig.card(name, "please take a look")
    await stage.rig.card(SWAPS, channel=TEAM)
    await stage.ask(f"ack {ORDERS_US}")
    await stage.home("home-full")
    await stage.home("home-of-bob", user=BOB)
    for name, action, title in (
        ("form-policy", "open_policy_form", "olicy"),
        ("form-schedule", "open_schedule_form", "chedule"),
        ("form-watch", "open_watch_form", "atch"),
    ):
        ack = await stage.sandbox.slack.click_in_view(ANN, Choice(action_id=action))
        assert ack.ok, ack.error
        await stage.view(title)
        await stage.camera.form(name)
        if name == "form-policy":
            await stage.sandbox.slack.submit_view(ANN, {"name": {"name": "two words"}})
            await stage.camera.form("form-policy-refused")
        await stage.sandbox.slack.close_view(ANN)
    for name, action, title in (
        ("form-policy-edit", "edit_policy", "olicy"),
        ("form-schedule-edit", "edit_schedule", "chedule"),
    ):
        ack = await stage.sandbox.slack.click_in_view(ANN, _first_choice(stage, action))
        assert ack.ok, ack.error
        await stage.view(title)
        await stage.camera.form(name)
        await stage.sandbox.slack.close_view(ANN)


def _first_choice(stage: Stage, action: str) -> Choice:
    """The first entry of a menu, or the button with that action, in Ann's App Home."""
    home = stage.sandbox.slack.views.home(ANN) or {}
    for block in home["blocks"]:
        for element in [*block.get("elements", []), block.get("accessory") or {}]:
            if element.get("action_id") == action:
                options = element.get("options")
                return Choice(action_id=action, option=options[0]["value"] if options else None)
    raise LookupError(action)


async def answers(stage: Stage) -> None:
    """Everything that one can ask about pipelines."""
    await stage.ask(f"watch {ORDERS} page @bob")
    await stage.ask(f'watch "{SWAPS}" {FILLS}', channel=TEAM)
    await stage.ask(f"watch {ORDERS} on gone", channel=TEAM)
    stage.rig.set_phase(ORDERS, "FAILED")
    await stage.rig.card(ORDERS, "please take a look")
    await stage.ask(f"ack {ORDERS}")
    stage.rig.set_phase(ORDERS, "RUNNING")
    await stage.rig.card(ORDERS, "recovered")
    await stage.let_read()
    for name, command in {
        "here": "",
        "status": f"status {ORDERS}",
        "status-failed": "status failed",
        "list": "list",
        "watches": "watches",
        "why": f"why {ORDERS}",
        "audit": "audit",
        "follow-ups": "follow-ups",
        "help": "help",
        "help-one": "help policy",
        "unknown-pipeline": "status ordres-eu",
        "unknown-command": "wach orders-eu",
    }.items():
        await stage.camera.message(name, await stage.ask(command))


async def history(stage: Stage) -> None:
    """Two weeks with a failure every other day."""
    await stage.ask(f"watch {ORDERS}", channel=TEAM)
    for day in range(12):
        if day % 2:
            stage.rig.set_phase(ORDERS, "FAILED")
            card = await stage.rig.card(ORDERS, "failed", channel=TEAM)
            await stage.skip(hours=0.2)
            await stage.rig.click(card, "acknowledge")
            await stage.skip(hours=1 + day % 3)
            stage.rig.set_phase(ORDERS, "RUNNING")
            await stage.shows(card, "recovered")
        await stage.skip(hours=20)
    answer = await stage.ask(f"history {ORDERS}", channel=TEAM)
    await stage.camera.message("history", answer)
    await stage.camera.screen("history-screen", channel=TEAM)
    await stage.ask(f"history {ORDERS}", channel=ALERTS)
