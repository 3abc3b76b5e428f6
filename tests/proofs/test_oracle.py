"""Tests of the oracle: it finds each kind of fault, and reports none in a correct channel."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.proofs.cpu_waits import CpuWaits
from tests.proofs.logs import crashes_in
from tests.proofs.oracle import Change, SlackMessage, judge
from tests.proofs.traffic import Call, Promise, judge_traffic

END = SlackMessage("2.0", "orders recovered after 3 s", broadcast=True)
QUIET_END = replace(END, broadcast=False)
TRUTH = [Change("orders", "FAILED"), Change("orders", "RUNNING")]


def faults(*messages: SlackMessage, truth: list[Change] = TRUTH) -> dict[str, int]:
    verdict = judge(truth, {"C": messages})
    kinds = ("lost", "repeated", "out_of_order", "invented", "wrong_final")
    return {kind: len(found) for kind in kinds if (found := getattr(verdict, kind))}


def a_failure(
    ts: str = "1.0", *, posted: str = "orders failed", replies: tuple[SlackMessage, ...] = (END,)
) -> SlackMessage:
    return SlackMessage(ts, "orders recovered after 3 s · noon", replies, posted)


def test_a_change_reported_once_is_no_fault() -> None:
    assert faults(a_failure()) == {}


@pytest.mark.parametrize("end", [END, QUIET_END])
def test_a_card_posted_after_the_recovery_needs_no_broadcast(end: SlackMessage) -> None:
    assert faults(a_failure(posted="orders recovered after 3 s", replies=(end,))) == {}


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        ((), {"lost": 2}),
        ((a_failure(replies=()),), {"lost": 1}),
        ((a_failure(), a_failure("3.0")), {"repeated": 2}),
        ((a_failure(replies=(END, END)),), {"repeated": 1}),
        ((a_failure(replies=(QUIET_END,)),), {"lost": 1}),
        ((a_failure(posted="orders recovered after 3 s", replies=()),), {"lost": 1}),
        ((a_failure(), SlackMessage("3.0", "orders is paused")), {"invented": 1, "wrong_final": 1}),
        ((SlackMessage("1.0", "orders failed", (END,)),), {"wrong_final": 1}),
        ((a_failure(), *[SlackMessage(f"{n}.0", "ann added a watch: orders") for n in (5, 6)]), {"repeated": 1}),
    ],
    ids=[
        "all lost",
        "end lost",
        "card twice",
        "line twice",
        "end without a broadcast",
        "end not in the thread",
        "invented",
        "card not kept",
        "announced twice",
    ],
)
def test_each_fault_is_found(messages: tuple[SlackMessage, ...], found: dict[str, int]) -> None:
    assert faults(*messages) == found


SHORT = SlackMessage("1.0", "orders recovered after 3 s · noon", (END,), "orders stopped at block 1,200 of 5,000")
FINISHED = SlackMessage(
    "3.0", "orders finished at block 5,000, then running · noon", (), "orders finished at block 5,000"
)
LIVE = SlackMessage("4.0", "orders is live", (), "orders is live")
ALONE = replace(FINISHED, posted="orders is stopped, possibly finished")
NOT_FINISHED = replace(FINISHED, text="orders stopped at block 9 of 5,000", posted="")
LATE_NEWS = SlackMessage("3.5", "finished at block 5,000")
SUPERSEDED = SlackMessage(
    "0.5", "orders was stopped for 1 min, then failed", (), "orders is stopped, possibly finished"
)


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        ((SHORT, FINISHED, LIVE), {}),
        ((SUPERSEDED, SHORT, FINISHED, LIVE), {}),
        ((replace(SUPERSEDED, posted=SUPERSEDED.text), SHORT, FINISHED, LIVE), {}),
        ((SHORT, replace(ALONE, replies=(LATE_NEWS,)), LIVE), {}),
        ((SHORT, ALONE, LIVE), {"lost": 1}),
        ((SHORT, LIVE), {"lost": 1}),
        ((FINISHED, LIVE), {"lost": 2}),
        ((SHORT, FINISHED, replace(FINISHED, ts="3.1"), LIVE), {"repeated": 1}),
        ((SHORT, replace(SHORT, ts="1.5"), FINISHED, LIVE), {"repeated": 2}),
        (
            (SHORT, replace(FINISHED, text="orders stopped at block 9 of 5,000", posted=""), LIVE),
            {"lost": 1, "repeated": 1},
        ),
    ],
    ids=[
        "reported once",
        "judged late",
        "the late card of a stop",
        "finished, judged late",
        "finished, as an edit alone",
        "finished, lost",
        "short, lost",
        "finished twice",
        "short twice",
        "finished, shown as short",
    ],
)
def test_the_end_of_a_run_is_reported_once(messages: tuple[SlackMessage, ...], found: dict[str, int]) -> None:
    truth = [*TRUTH, Change("orders", "FINISHED"), Change("orders", "RUNNING")]
    assert faults(*messages, truth=truth) == found


AGAIN = SlackMessage("3.0", "orders failed again, 2nd time in 3 min", broadcast=True)
END_AGAIN = SlackMessage("4.0", "orders recovered after 5 s", broadcast=True)
FLAPS = SlackMessage(
    "4.0", "orders is flapping: failed twice in 3 min. I'll post again once it settles.", broadcast=True
)
TWICE = [*TRUTH, *TRUTH]


def test_a_reopened_card_reports_each_failure() -> None:
    assert faults(a_failure(replies=(END, AGAIN, END_AGAIN)), truth=TWICE) == {}
    assert faults(a_failure(replies=(END, END_AGAIN)), truth=TWICE) == {"lost": 1}
    assert faults(a_failure(replies=(END, replace(AGAIN, broadcast=False), END_AGAIN)), truth=TWICE) == {"lost": 1}
    late = a_failure(
        posted="orders failed again, 2nd time in 3 min", replies=(END, replace(AGAIN, broadcast=False), END_AGAIN)
    )
    assert faults(late, truth=TWICE) == {}


def test_a_flapping_pipelines_card_counts_its_failures() -> None:
    card = SlackMessage("1.0", "orders is flapping: failed 3 times in 3 min\nNow running, live", (END, AGAIN, FLAPS))
    assert faults(card, truth=[*TWICE, *TRUTH]) == {}
    assert faults(card, truth=TWICE) == {"repeated": 2}
    assert faults(replace(card, replies=(END, AGAIN, replace(FLAPS, broadcast=False))), truth=[*TWICE, *TRUTH]) == {
        "lost": 2
    }
    assert faults(replace(card, text=card.text.replace("running, live", "failed")), truth=[*TWICE, TRUTH[0]]) == {}
    settled = SlackMessage(
        "9.0", "orders has settled: recovered after 9 s. It failed 3 times in 3 min.", broadcast=True
    )
    ended = replace(
        card, text="orders recovered after 9 s · it failed 3 times in 3 min", replies=(END, AGAIN, FLAPS, settled)
    )
    assert faults(ended, truth=[*TWICE, *TRUTH]) == {}
    assert faults(replace(ended, replies=(*ended.replies, replace(settled, ts="9.5"))), truth=[*TWICE, *TRUTH]) == {
        "repeated": 1
    }


@pytest.mark.parametrize("shown", ["orders was paused for 3 s, then failed · noon", "orders was paused for 3 s"])
def test_a_card_that_shows_an_earlier_state_is_found(shown: str) -> None:
    truth = [Change("orders", phase) for phase in ("PAUSED", "RUNNING")]
    messages = (SlackMessage("1.0", shown), SlackMessage("0.9", "orders is running"))
    assert faults(*messages, truth=truth)["wrong_final"] == 1
    assert "wrong_final" not in faults(
        SlackMessage("1.0", "orders was paused for 3 s, then running · noon"), truth=truth
    )


def test_changes_out_of_order_are_found() -> None:
    truth = [Change("orders", phase) for phase in ("PAUSED", "RUNNING")]
    messages = (SlackMessage("1.0", "orders is running"), SlackMessage("2.0", "orders is paused"))
    assert faults(*messages, truth=truth) == {"out_of_order": 1, "wrong_final": 1}


POST = Call(life=1, method="post", channel="C", at=10.0, until=10.2)
PROMISE = Promise(budget=2.0, oldest=20.0, calm_from=100.0, drained_within=60.0)
READS = [float(second) for second in range(0, 300, 10)]


def traffic(
    *calls: Call,
    reads: list[float] = READS,
    began: tuple[float, ...] = (0.0,),
    accepted_at: tuple[float, ...] = (150.0,),
) -> int:
    return len(judge_traffic(calls, {"orders": reads}, began, accepted_at, PROMISE))


def test_calls_that_keep_every_promise_are_no_fault() -> None:
    assert traffic(POST, replace(POST, at=11.0, until=16.0), replace(POST, at=12.0, until=12.1)) == 0
    assert traffic(replace(POST, wait=5.0), replace(POST, at=15.2, until=15.3), replace(POST, life=2, at=11.0)) == 0
    assert traffic(replace(POST, log_delay=0.5), replace(POST, at=10.5, until=10.6)) == 0
    assert traffic(replace(POST, wait=5.0), replace(POST, at=13.0, until=13.1, log_delay=2.9)) == 0
    assert traffic(began=(0.0, 50.0), reads=[*READS, *[50.5] * 20]) == 0


def test_log_lag_excuses_some_early_messages_but_not_many() -> None:
    """Log lag can move two messages closer together, but it cannot speed up a whole series."""
    lagging = replace(PROMISE, jitter=0.5)

    def within(*at: float) -> int:
        posts = [replace(POST, at=moment, until=moment) for moment in at]
        return len(judge_traffic(posts, {"orders": READS}, (0.0,), (), lagging))

    assert within(10.0, 10.6, 11.6) == 0
    assert within(10.0, 10.8, 11.4) == 1


@pytest.mark.parametrize(
    ("calls", "changed"),
    [
        ((POST, replace(POST, at=10.5, until=10.6)), {}),
        ([replace(POST, at=10.0 + second, until=20.0) for second in range(3)], {}),
        ((replace(POST, wait=5.0), replace(POST, at=15.1, until=15.2)), {}),
        ((), {"reads": [*READS, *[55.0] * 24]}),
        ((), {"reads": [at for at in READS if not 150 < at < 175]}),
        ((), {"reads": [at for at in READS if at < 100]}),
        ((), {"accepted_at": (161.0,)}),
    ],
    ids=["too close", "too many at once", "before the time", "over budget", "stale", "never read", "not drained"],
)
def test_each_broken_promise_is_found(calls: list[Call], changed: dict[str, list[float]]) -> None:
    assert traffic(*calls, **changed) == 1  # type: ignore[arg-type]


THROTTLED = replace(POST, life=0, wait=5.0)  # from 10.2 until 15.2
LIVES = (0.0, 11.0)


@pytest.mark.parametrize(
    ("at", "ended", "began", "found"),
    [
        (14.0, {0: 10.9}, LIVES, 1),
        (14.0, {}, LIVES, 1),
        (15.3, {0: 10.9}, LIVES, 0),
        (14.0, {0: 10.3}, LIVES, 0),
        (14.0, {0: 10.9}, (0.0, 0.0), 0),
    ],
    ids=["too early", "beside the first", "in time", "died before it was stored", "started before the 429"],
)
def test_a_retry_after_binds_the_next_life(
    at: float, ended: dict[int, float], began: tuple[float, ...], found: int
) -> None:
    promise = replace(PROMISE, ended=ended, jitter=0.3)
    calls = (THROTTLED, replace(POST, life=1, at=at, until=at + 0.1))
    assert len(judge_traffic(calls, {"orders": READS}, began, (), promise)) == found


@pytest.mark.parametrize(
    ("late", "until", "found"),
    [
        ((), 290.0, 1),
        (((105.0, 120.0), (108.0, 118.0)), 290.0, 0),
        (((105.0, 112.0), (108.0, 110.0)), 290.0, 1),
        (((105.0, 120.0),), 311.0, 1),
    ],
    ids=["nothing excuses it", "excused", "excused too little", "not read any more"],
)
def test_only_a_known_fault_excuses_a_late_read(
    late: tuple[tuple[float, float], ...], until: float, found: int
) -> None:
    reads = {"orders": [at for at in READS if not 100 < at < 130]}
    assert len(judge_traffic((), reads, (0.0,), (), replace(PROMISE, late=late, until=until))) == found


def test_the_wait_for_a_cpu_is_counted_from_call_to_call_and_a_new_process_counts_in_full(tmp_path: Path) -> None:
    def scheduled(pid: int, waited: float) -> None:
        (tmp_path / str(pid)).mkdir(exist_ok=True)
        (tmp_path / str(pid) / "schedstat").write_text(f"123456789 {waited * 1e9:.0f} 42\n")

    waits = CpuWaits(tmp_path)
    scheduled(1, 2.0)
    assert waits.since_last([1]) == pytest.approx(2.0)
    scheduled(1, 2.5)
    scheduled(2, 0.25)
    assert waits.since_last([1, 2, 3]) == pytest.approx(0.75)
    assert waits.since_last([2]) == 0.0


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('{"event": "delivery", "outcome": "posted"}', 0),
        ('{"event": "lane_crashed", "exception": "Traceback…\\nKeyError: 1"}', 1),
        ('{"event": "Task exception was never retrieved", "exception": "Traceback (most recent call last):"}', 1),
        ("Traceback (most recent call last):", 1),
    ],
)
def test_crashes_are_found_in_the_log(line: str, found: int, tmp_path: Path) -> None:
    log = tmp_path / "bot-0.log"
    log.write_text(f"{line}\n\n")
    assert len(crashes_in(log)) == found
