"""A problem that comes and goes: one episode, one card, and silence while the pipeline flaps."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from bot.domain.card import SyncCard, ThreadEntry
from bot.domain.delivery import Priority
from bot.domain.episode import Acknowledgement, Episode, EpisodeKind, EpisodeOutcome, FlapStep
from bot.domain.observation import Reading
from bot.domain.page_plan import plan_acknowledgement
from bot.domain.pages import timer_at
from bot.domain.phase import Intent, Phase
from bot.domain.plan import Plan, Record, plan_reading
from bot.domain.receipt import SkipReason
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, UserId
from bot.slack.render.entry_words import entry_words
from bot.slack.render.headlines import headline
from tests.builders import ALERTS, ORDERS, a_failed_read, a_person, a_routing, a_watch, an_observation, at

ANN, BOB = a_person("U0ANN"), a_person("U0BOB")
OTHER = ChannelId("C0OTHER")
RUNNING, FAILED, PAUSED = Phase.RUNNING, Phase.FAILED, Phase.PAUSED


def story(*readings: Reading, record: Record | None = None) -> list[Plan]:
    record, plans = record or Record(pipeline_id=ORDERS), []
    for reading in readings:
        plans.append(plan_reading(record, reading, a_routing()))
        record = plans[-1].record
    return plans


def episode_of(plan: Plan) -> Episode:
    assert plan.record.episode
    return plan.record.episode


def entries(plans: Sequence[Plan]) -> list[ThreadEntry]:
    return [message.body for plan in plans for message in plan.messages if isinstance(message.body, ThreadEntry)]


def card_keys(plans: Sequence[Plan]) -> set[str]:
    return {card.key for plan in plans for card in plan.cards}


def alternating(seconds: int, count: int, first: int = 0) -> list[Reading]:
    """Live, then in turn failed and live."""
    return [an_observation(FAILED if number % 2 else RUNNING, first + number * seconds) for number in range(count)]


# --- the same story --------------------------------------------------------------------------------------------------


def is_one_more_alarm(episode: Episode, stored: Episode | None) -> bool:
    """True if the step from `stored` may page once more: it failed again, or stays failed. False while it flaps."""
    if stored is None or stored.identity != episode.identity or episode.kind is not EpisodeKind.FAILURE:
        return False
    new = (entry for entry in episode.timeline if entry.revision > stored.revision and Event.FAILED in entry.events)
    return any(entry.reopens or entry.flap is not None for entry in new)


def test_a_failure_soon_after_the_recovery_reopens_its_card() -> None:
    plans = story(*alternating(60, 4))
    last = episode_of(plans[-1])
    assert (last.open, last.times, last.opened_at, last.began_at) == (True, 2, at(60), at(180))
    assert len(card_keys(plans)) == 1
    assert [(body.entry.events[-1], body.broadcast) for body in entries(plans)] == [
        (Event.RECOVERED, True),
        (Event.FAILED, True),
    ]
    assert entries(plans)[-1].entry.reopens


def test_the_reopened_card_goes_before_other_news() -> None:
    card, entry = story(*alternating(60, 4))[-1].messages
    assert (card.priority, entry.priority) == (Priority.FAILURE, Priority.RECOVERY)


def test_a_failure_after_ten_calm_minutes_is_another_story() -> None:
    plans = story(*alternating(60, 3), an_observation(FAILED, 120 + 600))
    assert len(card_keys(plans)) == 2
    assert episode_of(plans[-1]).times == 1


def test_the_downtime_is_that_of_the_latest_failure() -> None:
    plans = story(*alternating(60, 4), an_observation(RUNNING, 187))
    last = episode_of(plans[-1])
    assert (last.outcome, last.downtime_seconds) == (EpisodeOutcome.RECOVERED, 7)


def test_an_acknowledgement_does_not_outlive_the_recovery() -> None:
    failed = story(*alternating(60, 2))[-1].record
    assert failed.episode
    answer = Acknowledgement(by=UserId("U0ANN"), at=at(70))
    answered = replace(failed, episode=replace(failed.episode, acknowledged=answer))
    plans = story(an_observation(RUNNING, 120), an_observation(FAILED, 180), record=answered)
    assert episode_of(plans[0]).acknowledged == answer
    assert episode_of(plans[1]).acknowledged is None


def test_a_channel_that_left_meanwhile_gets_no_more_updates() -> None:
    *_, recovered = story(*alternating(60, 3))
    plan = plan_reading(recovered.record, an_observation(FAILED, 180), replace(a_routing(), audiences=()))
    assert not plan.messages
    assert episode_of(plan).cards == {}


def test_the_pages_of_a_channel_that_left_meanwhile_do_not_resume() -> None:
    both = a_routing(a_watch(ORDERS, targets=(ANN,)), a_watch(ORDERS, channel=OTHER, targets=(BOB,)))
    record = Record(pipeline_id=ORDERS)
    for reading in alternating(60, 3):
        record = plan_reading(record, reading, both).record
    plan = plan_reading(record, an_observation(FAILED, 180), a_routing(a_watch(ORDERS, channel=OTHER, targets=(BOB,))))
    assert [page.channels for page in episode_of(plan).pages if page.next_at] == [(OTHER,)]
    assert {message.receiver.id for message in plan.messages} == {OTHER}


def test_a_failure_after_a_pause_is_another_story() -> None:
    plans = story(
        *alternating(20, 2), an_observation(PAUSED, 30), an_observation(RUNNING, 40), an_observation(FAILED, 50)
    )
    assert episode_of(plans[-1]).times == 1
    assert plans[2].record.flap == ()


# --- the band --------------------------------------------------------------------------------------------------------


def test_forty_five_alternating_readings_are_one_card_and_a_handful_of_entries() -> None:
    plans = story(*alternating(5, 46))
    assert len(card_keys(plans)) == 1
    assert [body.entry.flap for body in entries(plans)] == [None, None, None, None, FlapStep.ENTERED]
    last = episode_of(plans[-1])
    assert (last.flapping, last.times, last.open) == (True, 23, True)


def updated_at(plans: Sequence[Plan]) -> list[int]:
    """After how many seconds the message of the card is updated."""
    observed = [(plan.record.state.observation, plan) for plan in plans if plan.messages]
    return [round((observation.observed_at - at(0)).total_seconds()) for observation, _ in observed if observation]


def test_in_the_band_the_card_is_updated_once_a_minute() -> None:
    plans = story(*alternating(5, 106))
    revisions = [card.revision for plan in plans for card in plan.cards]
    assert all(earlier < later for earlier, later in pairwise(revisions))
    assert len(plans[-1].record.flap) == 20
    assert sum(len(plan.transitions) > 0 for plan in plans[8:]) == 98
    assert updated_at(plans[8:]) == [90 + 60 * minute for minute in range(8)]


def test_in_the_band_the_last_change_shows_within_a_minute() -> None:
    plans = story(*alternating(5, 46))
    last = plans[-1]
    calm = story(*(an_observation(FAILED, 225 + 5 * step) for step in range(1, 20)), record=last.record)
    assert updated_at(calm)[0] - updated_at(plans)[-1] == 60
    (card,) = next(plan.cards for plan in calm if plan.messages)
    assert card.revision == last.cards[0].revision
    assert card.episode.times == 23


def test_in_the_band_an_answer_updates_the_card_at_once() -> None:
    last = story(*alternating(5, 46))[-1]
    plan = plan_acknowledgement(last.record, a_routing(a_watch()), Acknowledgement(by=UserId("U0ANN"), at=at(226)))
    assert plan
    assert [message.id for message in plan.messages if isinstance(message.body, SyncCard)]


def test_the_end_of_the_band_updates_the_card_at_once() -> None:
    _, settled = settles_after(8 * 60, RUNNING)
    assert [message.id for message in settled.messages if isinstance(message.body, SyncCard)]


def settles_after(seconds: float, last: Phase) -> tuple[list[Plan], Plan]:
    flapping = story(*alternating(20, 46 if last is FAILED else 47))
    ended = 45 * 20 if last is FAILED else 46 * 20
    calm = [an_observation(last, ended + step * 30) for step in range(1, int(seconds / 30) + 1)]
    *_, settled = story(*calm, record=flapping[-1].record)
    return flapping, settled


def test_a_pipeline_that_recovered_settles_after_eight_calm_minutes() -> None:
    _, before = settles_after(7 * 60 + 30, RUNNING)
    assert episode_of(before).flapping
    _, plan = settles_after(8 * 60, RUNNING)
    last = episode_of(plan)
    assert (last.flapping, last.outcome, last.closed_at) == (False, EpisodeOutcome.RECOVERED, at(46 * 20))
    (entry,) = entries([plan])
    assert (entry.entry.flap, entry.broadcast, entry.entry.times) == (FlapStep.SETTLED, True, 23)
    assert dict(entry.entry.hidden) == {Event.FAILED: 20, Event.RUNNING: 20, Event.LIVE: 20, Event.RECOVERED: 20}


def test_a_pipeline_that_stays_failed_is_one_more_alarm_once_more() -> None:
    flapping, plan = settles_after(8 * 60, FAILED)
    last = episode_of(plan)
    assert (last.flapping, last.open) == (False, True)
    (entry,) = entries([plan])
    assert entry.entry.events == (Event.FAILED,)
    assert is_one_more_alarm(last, episode_of(flapping[-1]))


def test_it_settles_once() -> None:
    _, plan = settles_after(8 * 60, RUNNING)
    later = story(an_observation(RUNNING, 5000), record=plan.record)
    assert not later[0].messages


def test_only_failures_before_the_band_demand_attention() -> None:
    plans = story(*alternating(5, 46))
    before = [None, *(plan.record.episode for plan in plans)]
    alarms = [
        number
        for number, plan in enumerate(plans)
        if plan.record.episode and is_one_more_alarm(plan.record.episode, before[number])
    ]
    assert alarms == [3, 5]


def test_the_receipt_names_each_change_that_flapping_hides() -> None:
    plans = story(*alternating(5, 46))
    skips = [skip for plan in plans for skip in plan.skips]
    assert {skip.reason for skip in skips} == {SkipReason.FLAPPING}
    assert [skip.at for skip in skips[:3]] == [at(35), at(40), at(45)]
    assert len({(skip.conversation, skip.revision) for skip in skips}) == len(skips) == 39


def test_a_pause_ends_a_flapping_story_at_once() -> None:
    plans = story(*alternating(5, 46), an_observation(PAUSED, 300, intent=Intent.PAUSED))
    last = episode_of(plans[-1])
    assert (last.outcome, last.flapping, plans[-1].record.flap) == (EpisodeOutcome.ON_PURPOSE, False, ())
    assert dict(entries(plans[-1:])[0].entry.hidden)[Event.FAILED] == 20


def test_a_change_after_a_long_gap_settles_with_the_new_state() -> None:
    flapping = story(*alternating(20, 46))
    (plan,) = story(an_observation(RUNNING, 5000), record=flapping[-1].record)
    assert episode_of(plan).outcome is EpisodeOutcome.RECOVERED
    assert [body.entry.flap for body in entries([plan])] == [FlapStep.SETTLED]


def test_a_flapping_pipeline_that_ends_up_degraded_gets_a_card_for_that() -> None:
    flapping = story(*alternating(20, 47))
    degraded = [an_observation(RUNNING, 925 + second, ready=1, replicas=2) for second in range(0, 600, 30)]
    plans = story(*degraded, record=flapping[-1].record)
    last = episode_of(plans[-1])
    assert (last.kind, last.open) == (EpisodeKind.DEGRADED, True)
    assert sum(card.episode.kind is EpisodeKind.DEGRADED for plan in plans for card in plan.cards) == 1


# --- other problems --------------------------------------------------------------------------------------------------


def restarts(count: int) -> list[Reading]:
    return [an_observation(RUNNING, 5 * number, uid=f"uid-{number}") for number in range(count)]


def degradations(count: int) -> list[Reading]:
    return [an_observation(RUNNING, 5 * number, ready=2 - number % 2, replicas=2) for number in range(count)]


def outages(count: int) -> list[Reading]:
    readings: list[Reading] = []
    for first in range(0, 20 * count, 20):
        readings += [an_observation(RUNNING, first), *(a_failed_read(first + second) for second in (5, 10, 15))]
    return readings


@pytest.mark.parametrize(
    ("readings", "kind", "times"),
    [
        (restarts(21), EpisodeKind.MOMENT, 20),
        (degradations(40), EpisodeKind.DEGRADED, 20),
        (outages(20), EpisodeKind.UNREADABLE, 20),
    ],
    ids=["restarts", "degraded", "unreachable"],
)
def test_other_problems_that_come_and_go_are_one_story_too(
    readings: list[Reading], kind: EpisodeKind, times: int
) -> None:
    plans = story(*readings)
    last = episode_of(plans[-1])
    assert (last.kind, last.times, last.flapping) == (kind, times, True)
    assert len(card_keys(plans)) == 1
    assert len(entries(plans)) <= 6
    assert not any(body.broadcast for body in entries(plans))


def test_a_failure_is_news_even_if_the_pipeline_flaps_in_another_way() -> None:
    plans = story(*degradations(40), an_observation(FAILED, 200, ready=0, replicas=2))
    last = episode_of(plans[-1])
    assert (last.kind, last.times, last.flapping) == (EpisodeKind.FAILURE, 1, False)
    assert any(message.priority.value <= 1 for message in plans[-1].messages)


def test_the_card_says_how_often_it_failed() -> None:
    card = next(card for card in story(*alternating(20, 26))[-1].cards if card.channel == ALERTS)
    assert headline(card).startswith(":cyclone: *orders-eu* is *flapping*: failed 13 times in 8 min\n")


def test_the_card_of_a_recovery_tells_how_long_it_took_before_how_often_it_failed() -> None:
    card = next(card for card in story(*alternating(20, 5))[-1].cards if card.channel == ALERTS)
    words = "*recovered* after 20 s · it failed twice in 40 s · "
    assert headline(card).startswith(f":large_green_circle: *orders-eu* {words}")


def test_the_entries_say_what_the_channel_reads() -> None:
    def line(plan: Plan) -> str:
        (body,) = entries([plan])
        return entry_words(body.entry, ALERTS, body.pipeline)

    flapping = story(*alternating(20, 14))
    assert line(flapping[3]) == ":red_circle: *orders-eu* *failed again*, 2nd time in 40 s"
    assert line(flapping[6]).startswith(":cyclone: *orders-eu* is *flapping*: failed 3 times in 1 min 40 s. I'll post")
    *_, stays = story(*(an_observation(FAILED, 280 + 30 * step) for step in range(17)), record=flapping[-1].record)
    assert line(stays).startswith(":red_circle: *orders-eu* *stays failed*. It failed 7 times since ")
    recovered = [an_observation(RUNNING, 280 + 30 * step) for step in range(17)]
    *_, settled = story(*recovered, record=flapping[-1].record)
    assert line(settled).startswith(
        ":large_green_circle: *orders-eu* has settled: *recovered* after 20 s. It failed 7 "
    )


def test_pages_wait_while_the_pipeline_flaps() -> None:
    watch, record = a_watch(ORDERS, targets=(ANN,)), Record(pipeline_id=ORDERS)
    for reading in alternating(20, 14):
        record = plan_reading(record, reading, a_routing(watch)).record
    assert record.episode
    assert record.episode.pages[0].next_at
    assert timer_at(record.episode) is None
