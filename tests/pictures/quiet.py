"""Scenes of silence: what a mute, quiet hours and a planned window hold back, and a handover."""

from tests.journey.rig import ALERTS, ANN, BOB, TEAM
from tests.pictures.cards import FILLS, ORDERS, SWAPS
from tests.pictures.stage import Stage


async def mute_end(stage: Stage) -> None:
    """A mute ends, and one message says what it held back."""
    await stage.ask(f"watch {ORDERS} {FILLS} page @bob")
    await stage.ask("mute channel for 4m because we move the database")
    stage.rig.set_phase(ORDERS, "FAILED")
    stage.sandbox.goldrush.degrade(stage.rig.pipeline(FILLS))
    await stage.let_read()
    await stage.pass_time(minutes=2)
    stage.rig.set_phase(FILLS, "RUNNING")
    await stage.let_read()
    await stage.pass_time(minutes=2.5)
    digest = await stage.rig.card("mute", FILLS)
    await stage.camera.message("mute-digest", digest)
    await stage.camera.screen("mute-end-screen")


async def quiet_hours(stage: Stage) -> None:
    begin, end = stage.time_of_day(minutes=-1), stage.time_of_day(minutes=5)
    await stage.ask(f'watch "{SWAPS}" {FILLS}', channel=TEAM)
    answer = await stage.ask(f"quiet {begin}-{end} in Europe/Berlin", channel=TEAM)
    await stage.camera.message("quiet-answer", answer)
    await stage.camera.message("quiet-announcement", await stage.rig.card("quiet hours", channel=TEAM))
    stage.sandbox.goldrush.degrade(stage.rig.pipeline(SWAPS))
    stage.rig.set_phase(FILLS, "PAUSED")
    await stage.let_read()
    await stage.pass_time(minutes=2)
    stage.rig.set_phase(FILLS, "RUNNING")
    await stage.let_read()
    await stage.pass_time(minutes=4)
    digest = await stage.rig.card("quiet hours are over", channel=TEAM)
    await stage.camera.message("quiet-digest", digest)
    await stage.ask("quiet off", channel=TEAM)
    window = await stage.ask(f"maintenance {FILLS} sat 22:00-02:00 weekly in Europe/Berlin", channel=TEAM)
    await stage.camera.message("maintenance-answer", window)
    await stage.ask(f"maintenance {FILLS} none", channel=TEAM)


async def handover(stage: Stage) -> None:
    at = stage.time_of_day(minutes=3)
    await stage.save(f"schedule night = rotate @ann @bob every 1 day at {at} in Europe/Berlin")
    await stage.ask("schedule night channel #data-alerts")
    await stage.ask(f"watch {ORDERS} page oncall:night")
    stage.rig.set_phase(ORDERS, "FAILED")
    await stage.rig.card(ORDERS, "failed")
    await stage.pass_time(minutes=4)
    public = await stage.rig.card("night", "on call", channel=ALERTS)
    await stage.camera.message("handover-channel", public)
    for person in (BOB, ANN):
        messages = stage.sandbox.slack.messages(await stage.rig.direct(person))
        if found := [message for message in messages if "on call" in message.text]:
            await stage.camera.message("handover-direct", found[-1], user=person)
            break
