from bot.delivery.doubt import SECONDS, Doubt
from tests.builders import at
from tests.fakes import NOON, FakeClock


def test_without_a_reason_there_is_no_doubt() -> None:
    clock = FakeClock()
    doubt = Doubt(clock)
    assert doubt.since is None
    assert doubt.began_at == NOON


async def test_doubt_lasts_until_whatever_was_open_has_been_looked_for() -> None:
    clock = FakeClock()
    doubt = Doubt(clock)
    await clock.pass_time(5)
    doubt.arise()
    assert doubt.since == at(5)
    await clock.pass_time(SECONDS - 1)
    assert doubt.since == at(5)
    await clock.pass_time(1)
    assert doubt.since is None
    assert doubt.began_at == NOON


async def test_a_second_reason_is_a_new_doubt_of_what_was_looked_for_before_it() -> None:
    clock = FakeClock()
    doubt = Doubt(clock)
    doubt.arise()
    await clock.pass_time(SECONDS - 1)
    doubt.arise()
    assert doubt.since == at(SECONDS - 1)
    await clock.pass_time(SECONDS - 1)
    assert doubt.since == at(SECONDS - 1)
