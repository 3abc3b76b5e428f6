from bot.delivery.doubt import Doubt
from tests.builders import at
from tests.fakes import NOON, FakeClock


def test_without_a_reason_there_is_no_doubt() -> None:
    doubt = Doubt(FakeClock())
    assert doubt.since is None
    assert doubt.began_at == NOON


def test_the_latest_doubt_counts_in_any_order() -> None:
    doubt = Doubt(FakeClock())
    for seconds, since in ((5, 5), (9, 9), (7, 9)):
        doubt.begin(at(seconds))
        assert doubt.since == at(since)
