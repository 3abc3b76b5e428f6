"""Tests of the oracle for mutes: it finds each kind of fault, and no other."""

from dataclasses import replace

from tests.proofs.mutes import MutedPost, MuteHistory, MuteSpan, judge_mutes

MUTE = MuteSpan("orders", since=100.0, until=1000.0)
FAILED = [(200.0, "orders", True), (5000.0, "orders", False)]
CARD = MutedPost("C", made_at=1001.0, at=1002.0, text="orders failed", pipelines=("orders",))


def faults(*posts: MutedPost, spans: tuple[MuteSpan, ...] = (MUTE,)) -> list[str]:
    return judge_mutes(MuteHistory(places=("C", "D"), spans=list(spans), posts=list(posts)), FAILED)


def test_a_failure_that_the_channel_hears_of_after_the_mute_is_no_fault() -> None:
    assert faults(CARD) == []
    assert faults(CARD, replace(CARD, made_at=99.0, at=150.0)) == []  # it was on its way


def test_a_message_during_the_mute_is_found() -> None:
    assert faults(CARD, replace(CARD, place="D", made_at=201.0, at=202.0)) == [
        "orders was muted, and D got 'orders failed'"
    ]


def test_a_silent_end_of_a_mute_is_found() -> None:
    assert faults() == ["C did not hear after the mute that orders is failed"]
    assert faults(spans=(MUTE, replace(MUTE, since=900.0, until=9000.0))) == []
    assert faults(spans=(replace(MUTE, is_forgotten=True),)) == []
