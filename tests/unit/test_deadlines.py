"""Deadlines with one timer: a block that takes too long is cancelled, and no other cancellation is swallowed."""

import asyncio

import pytest

from bot.goldrush.deadlines import Deadlines

SHORT, LONG = 0.01, 60.0


async def forever(deadlines: Deadlines) -> None:
    with deadlines.limit():
        await asyncio.Event().wait()


async def test_each_block_gets_its_own_deadline() -> None:
    deadlines = Deadlines(SHORT)
    for _ in range(2):
        outcomes = await asyncio.gather(*(forever(deadlines) for _ in range(3)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [TimeoutError] * 3


async def test_a_block_that_begins_while_another_waits_gets_its_own_deadline() -> None:
    deadlines = Deadlines(SHORT)
    first = asyncio.create_task(forever(deadlines))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await forever(deadlines)
    with pytest.raises(TimeoutError):
        await first


async def test_a_block_that_ended_in_time_is_left_alone() -> None:
    deadlines = Deadlines(SHORT)
    with deadlines.limit():
        pass
    with pytest.raises(TimeoutError):
        await forever(deadlines)  # meanwhile the other deadline would have passed
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_an_error_of_the_block_passes() -> None:
    with pytest.raises(ZeroDivisionError), Deadlines(LONG).limit():
        _ = 1 / 0


async def test_a_cancelled_task_stays_cancelled() -> None:
    task = asyncio.create_task(forever(Deadlines(LONG)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_that_was_cancelled_as_its_time_ran_out_stays_cancelled() -> None:
    deadlines = Deadlines(LONG)
    task = asyncio.create_task(forever(deadlines))
    await asyncio.sleep(0)
    (deadline,) = deadlines._running
    deadline.expire()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_after_the_end_no_timer_is_left() -> None:
    deadlines = Deadlines(LONG)
    with deadlines.limit():
        pass
    deadlines.close()
    assert deadlines._timer is None
