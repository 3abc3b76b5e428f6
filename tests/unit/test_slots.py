"""Slots: nobody gets more than there are, and none is lost with a caller who gave up."""

import asyncio

from bot.goldrush.slots import Slots
from tests.fakes import settle


async def test_those_who_wait_get_the_slots_in_their_order() -> None:
    slots, got = Slots(1), list[str]()

    async def wait(name: str) -> None:
        await slots.wait()
        got.append(name)

    assert slots.try_take()
    assert not slots.try_take()
    waiting = [asyncio.create_task(wait(name)) for name in ("first", "second")]
    await settle()
    slots.release()
    await settle()
    assert got == ["first"]
    slots.release()
    await asyncio.gather(*waiting)
    assert got == ["first", "second"]


async def test_a_slot_goes_past_those_who_gave_up() -> None:
    slots = Slots(1)
    assert slots.try_take()
    gave_up, waits = (asyncio.create_task(slots.wait()) for _ in range(2))
    await settle()
    gave_up.cancel()
    await settle()
    slots.release()
    await waits
    slots.release()
    assert slots.free == 1


async def test_a_slot_given_to_a_cancelled_caller_comes_back() -> None:
    slots = Slots(1)
    assert slots.try_take()
    cancelled = asyncio.create_task(slots.wait())
    await settle()
    slots.release()
    cancelled.cancel()  # before it runs again
    await settle()
    assert cancelled.cancelled()
    assert slots.free == 1
