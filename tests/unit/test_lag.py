"""When a pipeline lags, when it stands still, and what is usual for it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.chains import Chain
from bot.domain.lag import Judgement, judge
from bot.domain.measurement import Measurement
from bot.domain.usual_pace import UsualPace
from tests.fakes import NOON

DAY = 24 * 60
PERIOD = 5  # minutes
T5, T30 = 300, 1800


def measured(minute: float, *, height: int | None = None, records: int | None = None, **others: object) -> Measurement:
    """By default everything moves a little each minute."""
    moving = int(minute * 10)
    return Measurement(
        at=NOON + timedelta(minutes=minute),
        last_block_height=moving if height is None else height,
        records_consumed=moving if records is None else records,
        **others,  # type: ignore[arg-type]
    )


def the_chain(minute: float, height: int, *, late: float = 0.0, pace: float | None = 0.5) -> Chain:
    at = NOON + timedelta(minutes=minute)
    return Chain(
        name="base-mainnet",
        height=height,
        at=at,
        signed_at=at - timedelta(minutes=late),
        paced_blocks=pace or 0.0,
        paced_seconds=1.0,
    )


class Story:
    """A pipeline that is measured every five minutes."""

    def __init__(self, *thresholds: int) -> None:
        self.pace: UsualPace | None = None
        self.thresholds = thresholds
        self.now = 0.0
        self.last: Judgement | None = None

    def measure(self, measurement: Measurement, chain: Chain | None = None, **options: object) -> Judgement:
        self.pace, self.last = judge(self.pace, measurement, chain, self.thresholds, **options)  # type: ignore[arg-type]
        return self.last

    def moves(self, minutes: float) -> "Story":
        end = self.now + minutes
        while self.now < end:
            self.measure(measured(self.now))
            self.now += PERIOD
        return self

    def stands_still(self, minutes: float) -> list[bool]:
        """Whether it is stalled, after each measurement."""
        height, news, end = int((self.now - PERIOD) * 10), [], self.now + minutes
        while self.now < end:
            news.append(self.measure(measured(self.now, height=height, records=height)).stalled_since is not None)
            self.now += PERIOD
        return news


def test_a_pipeline_that_always_moves_is_stalled_after_a_quarter_of_an_hour() -> None:
    assert Story().moves(2 * DAY).stands_still(25) == [False, False, False, True, True]


def test_on_the_first_day_nothing_is_a_stall() -> None:
    assert not any(Story().moves(12 * 60).stands_still(11 * 60))


def test_the_stall_counts_from_the_last_movement_and_ends_with_the_next() -> None:
    story = Story().moves(2 * DAY)
    story.stands_still(30)
    assert story.last
    assert story.last.stalled_since == NOON + timedelta(minutes=2 * DAY - PERIOD)
    story.moves(PERIOD)
    assert story.last.stalled_since is None


# --- the first week ---------------------------------------------------------------------------------------------------

FRIDAY, SATURDAY, MONDAY = 4 * DAY, 5 * DAY, 7 * DAY


def from_monday(*thresholds: int) -> Story:
    """A pipeline that the bot measures from a Monday at midnight on."""
    story = Story(*thresholds)
    story.now = (8 - NOON.isoweekday()) * DAY - 12 * 60
    return story


def test_on_a_working_day_of_the_first_week_a_steady_pipeline_stalls_as_soon_as_later() -> None:
    assert from_monday().moves(FRIDAY).stands_still(25) == [False, False, False, True, True]


@pytest.mark.parametrize("hours", [-12, -9, 0, 12])
def test_the_first_weekend_is_no_stall_in_any_time_zone(hours: int) -> None:
    story = from_monday()
    for working_days in (SATURDAY + hours * 60, 5 * DAY):
        story.moves(working_days)
        assert not any(story.stands_still(2 * DAY))


def test_a_stall_of_the_first_weekend_counts_from_monday_noon_utc() -> None:
    news = from_monday().moves(SATURDAY + 10 * 60).stands_still(2 * DAY + 3 * 60)
    assert news.index(True) * PERIOD == MONDAY + 12 * 60 + 20 - SATURDAY - 10 * 60


def test_after_a_weekend_without_a_rest_a_stall_on_a_weekend_is_one_as_soon_as_on_other_days() -> None:
    assert from_monday().moves(12 * DAY).stands_still(25)[-1]


@pytest.mark.parametrize("office_hours", [8, 12])
def test_nights_and_weekends_are_no_stall(office_hours: int) -> None:
    story, night = from_monday(), (24 - office_hours) * 60
    for day in range(14):
        is_weekend = day % 7 > 4
        assert not any(story.stands_still(DAY if is_weekend else night))
        story.moves(0 if is_weekend else office_hours * 60)


def test_a_pipeline_that_rested_by_chance_may_rest_for_half_a_day_in_its_first_week() -> None:
    story = from_monday()
    for _ in range(40):
        story.moves(30)
        story.stands_still(20)
    news = story.moves(30).stands_still(13 * 60)
    assert news.index(True) * PERIOD == 12 * 60


def test_a_stall_of_the_first_weekend_that_healed_is_no_habit() -> None:
    story = from_monday().moves(SATURDAY)
    assert not any(story.stands_still(3 * 60))
    assert story.moves(4 * DAY).stands_still(25)[-1]


def test_the_bot_learns_nothing_about_rests_while_a_pipeline_is_stalled() -> None:
    story = from_monday().moves(3 * DAY)
    assert story.stands_still(6 * DAY)[-1]
    story.measure(measured(story.now, records=0, height=1, uid="new"))
    story.now += PERIOD
    assert not any(story.moves(3 * DAY - PERIOD).stands_still(DAY))


def test_on_its_first_weekend_a_pipeline_that_stands_still_lags_only_if_the_delay_grows() -> None:
    assert stands_behind(from_monday(T5).moves(SATURDAY), 20, 0) == [()] * 20
    assert stands_behind(from_monday(T5).moves(SATURDAY), 5, 300)[-1] == (T5,)


def test_a_usual_rest_is_no_stall() -> None:
    story = Story().moves(DAY / 2)
    story.stands_still(60)
    story.moves(8 * DAY)
    news = story.stands_still(180)
    assert not any(news[:24])
    assert news[-1]


def test_a_nightly_batch_is_no_stall_and_two_missed_ones_are() -> None:
    story = Story()
    for _ in range(12):
        story.moves(30)
        assert not any(story.stands_still(DAY - 30))
    assert any(story.stands_still(2 * DAY))


def test_heights_that_move_are_enough_and_so_are_records() -> None:
    story = Story()
    for minute in range(0, 3 * DAY, PERIOD):
        assert story.measure(measured(minute, records=7)).stalled_since is None
    for minute in range(3 * DAY, 4 * DAY, PERIOD):
        assert story.measure(measured(minute, height=30 * DAY)).stalled_since is None


def test_a_chain_that_stands_still_is_not_the_pipelines_fault() -> None:
    story, height = Story().moves(2 * DAY), (2 * DAY - PERIOD) * 10
    for minute in range(2 * DAY, 3 * DAY, PERIOD):
        judgement = story.measure(measured(minute, height=height, records=height), the_chain(minute, 9))
        assert judgement.stalled_since is None


def test_a_restart_starts_the_clock_again_and_a_stall_survives_it_until_something_moves() -> None:
    story = Story().moves(2 * DAY)
    story.stands_still(15)
    assert story.measure(measured(story.now, records=0, uid="new")).stalled_since is None
    story = Story().moves(2 * DAY)
    assert story.stands_still(30)[-1]
    at = story.now
    assert story.measure(measured(at, records=0, height=1)).stalled_since
    assert story.measure(measured(at + 5, records=0, height=1)).stalled_since
    assert story.measure(measured(at + 10, records=3, height=1)).stalled_since is None


def test_a_deployment_ends_everything() -> None:
    story = Story().moves(2 * DAY)
    assert story.stands_still(30)[-1]
    now = measured(story.now, height=1, records=1)
    assert story.measure(now, deployed_at=now.at - timedelta(minutes=1)).stalled_since is None


def test_a_stall_that_a_restart_ended_is_no_habit() -> None:
    story = Story().moves(2 * DAY)
    story.stands_still(5 * 60)
    story.measure(measured(story.now, records=0, height=1))
    story.now += PERIOD
    story.moves(DAY)
    assert story.stands_still(25) == [False, False, False, True, True]


def test_a_measurement_without_heights_or_records_says_nothing() -> None:
    story = Story().moves(2 * DAY)
    for minute in range(2 * DAY, 3 * DAY, PERIOD):
        at = NOON + timedelta(minutes=minute)
        assert story.measure(Measurement(at=at, last_block_height=7)).stalled_since is None


def test_an_older_measurement_changes_nothing() -> None:
    story = Story().moves(DAY)
    before = story.pace
    story.measure(measured(3))
    assert story.pace == before


# --- lag --------------------------------------------------------------------------------------------------------------


def lags(seconds: Iterable[float], *thresholds: int) -> list[tuple[int, ...]]:
    story = Story(*thresholds)
    delays = ((measured(n * PERIOD, processing_delay_ms=delay * 1000)) for n, delay in enumerate(seconds))
    return [story.measure(one).over for one in delays]


def test_each_threshold_begins_and_ends_once() -> None:
    news = lags([10, 400, 500, 900, 2000, 2500, 2600, 1000, 800, 700, 100, 90, 80], T5, T30)
    assert news == [(), (), (T5,), (T5,), (T5,), *[(T5, T30)] * 4, (T5,), (T5,), (), ()]


def test_a_single_high_measurement_is_chance() -> None:
    assert lags([10, 900, 10, 900, 10], T5) == [()] * 5


def test_a_lag_around_the_threshold_does_not_flap() -> None:
    assert lags([10, 310, 320, 290, 310, 280, 330], T5)[2:] == [(T5,)] * 5


def test_a_lag_that_shrinks_is_being_caught_up() -> None:
    assert lags([10, 10, 9000, 6000, 3000, 900, 10], T5) == [()] * 7


def test_a_pipeline_that_reads_the_past_is_reported_only_if_it_falls_behind_further() -> None:
    assert lags([90_000, 80_000, 81_000, 70_000], T5) == [()] * 4
    assert lags([90_000, 90_200, 90_400, 90_600], T5)[-1] == (T5,)


def test_a_threshold_that_nobody_wants_any_more_is_forgotten() -> None:
    story = Story(T5)
    for n, delay in enumerate([10, 400, 400]):
        story.measure(measured(n * PERIOD, processing_delay_ms=delay * 1000))
    assert story.pace
    assert story.pace.over == (T5,)
    story.thresholds = ()
    assert story.measure(measured(15, processing_delay_ms=400_000)).over == ()


def test_blocks_become_time_by_the_pace_of_the_chain() -> None:
    lag = Story().measure(measured(0, height=100), the_chain(0, 1340)).lag
    assert lag
    assert (lag.blocks, lag.seconds, lag.chain) == (1240, 2478.0, "base-mainnet")


def test_goldrushs_own_delay_is_named() -> None:
    lag = Story().measure(measured(0, height=1340), the_chain(0, 1340, late=30)).lag
    assert lag
    assert (lag.blocks, lag.seconds, lag.chain_seconds) == (0, 1800.0, 1800.0)


def test_a_chain_without_a_known_pace_leaves_the_delay_of_the_pipeline() -> None:
    lag = Story().measure(measured(0, height=1, processing_delay_ms=7000), the_chain(0, 9, pace=None)).lag
    assert lag
    assert (lag.seconds, lag.blocks) == (7.0, None)


def test_a_bounded_pipeline_never_lags() -> None:
    story = Story(T5)
    for n in range(5):
        judgement = story.measure(measured(n * PERIOD, processing_delay_ms=9e6 + n), bounded=True)
        assert (judgement.over, judgement.lag) == ((), None)


@pytest.mark.parametrize("rest", [30, 240])
def test_a_pipeline_at_its_usual_rest_does_not_lag(rest: int) -> None:
    story = Story(T5)
    for _ in range(3):
        story.moves(DAY)
        story.stands_still(rest)
    height = int((story.now - PERIOD) * 10)
    for minute in range(rest // PERIOD):
        now = measured(story.now + minute * PERIOD, height=height, records=height)
        assert story.measure(replace(now, processing_delay_ms=minute * 3e5)).over == ()


def stands_behind(story: Story, measurements: int, growth: float) -> list[tuple[int, ...]]:
    """It stands still from now on, and the delay that GoldRush reports grows by so many seconds each time."""
    height = int((story.now - PERIOD) * 10)
    still = [measured(story.now + n * PERIOD, height=height, records=height) for n in range(measurements)]
    return [
        story.measure(replace(one, processing_delay_ms=10_000 + (n + 1) * growth * 1000)).over
        for n, one in enumerate(still)
    ]


def test_a_steady_pipeline_that_stands_still_lags_on_its_first_day_too() -> None:
    story = Story(T5)
    story.measure(measured(0, processing_delay_ms=9000.0))
    assert stands_behind(story.moves(30), 5, 300) == [(), (), (T5,), (T5,), (T5,)]


def test_on_the_first_day_a_delay_that_does_not_grow_is_a_rest() -> None:
    assert stands_behind(Story(T5).moves(30), 20, 0) == [()] * 20


def test_on_the_first_day_a_pipeline_that_rested_before_may_rest_again() -> None:
    story = Story(T5).moves(120)
    story.stands_still(60)
    assert stands_behind(story.moves(60), 20, 300) == [()] * 20


@pytest.mark.parametrize("delay_ms", [1.7e12, 9e17])  # since 1970; more than a duration can hold
def test_a_delay_that_is_longer_than_any_chain_is_old_says_nothing(delay_ms: float) -> None:
    story = Story(T5)
    story.measure(measured(0, processing_delay_ms=0.0))
    for minute in (5, 10, 15):
        judgement = story.measure(measured(minute, processing_delay_ms=delay_ms))
        assert (judgement.lag, judgement.over) == (None, ())
    slow = the_chain(20, 2**62, pace=1e-9)
    assert story.measure(measured(20, height=1), slow).lag is None
