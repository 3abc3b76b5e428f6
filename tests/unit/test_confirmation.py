"""`confirm 2` on a watch: the channel hears of a problem once so many readings in a row show it."""

from dataclasses import replace

import pytest

from bot.domain.observation import Reading
from bot.domain.phase import Phase
from bot.domain.plan import Plan, Record, plan_reading
from bot.domain.receipt import SkipReason
from bot.domain.watch import ChannelId
from tests.builders import ALERTS, ORDERS, a_failed_read, a_person, a_routing, a_watch, an_observation, at

RUNNING, FAILED, DEPLOYING = Phase.RUNNING, Phase.FAILED, Phase.DEPLOYING
OTHER, DIRECT = ChannelId("C0OTHER"), ChannelId("D0ANN")
CAREFUL = replace(a_watch(ORDERS, targets=(a_person("U0ANN", direct=DIRECT),)), confirm=2)
QUICK = a_watch(ORDERS, channel=OTHER)


def story(*readings: Reading) -> list[Plan]:
    record, plans = Record(pipeline_id=ORDERS), []
    for reading in readings:
        plans.append(plan_reading(record, reading, a_routing(CAREFUL, QUICK)))
        record = plans[-1].record
    return plans


def receivers(plan: Plan) -> set[str]:
    return {message.receiver.id for message in plan.messages}


def test_the_first_reading_alerts_only_channels_that_do_not_wait() -> None:
    _, plan = story(an_observation(RUNNING, 0), an_observation(FAILED, 5))
    assert receivers(plan) == {OTHER}
    assert [(skip.conversation, skip.reason) for skip in plan.skips] == [(ALERTS, SkipReason.CONFIRMING)]
    assert plan.record.episode
    assert plan.record.episode.pages == ()


def test_the_second_reading_alerts_and_pages() -> None:
    *_, plan = story(an_observation(RUNNING, 0), an_observation(FAILED, 5), an_observation(FAILED, 8))
    assert plan.must_be_written
    assert {ALERTS, DIRECT} <= receivers(plan)
    assert plan.record.episode
    assert [page.channels for page in plan.record.episode.pages] == [(ALERTS,)]


def test_a_third_reading_brings_nothing() -> None:
    *_, plan = story(an_observation(RUNNING, 0), *(an_observation(FAILED, second) for second in (5, 8, 11)))
    assert not plan.must_be_written


def test_a_failure_that_nothing_confirms_is_never_heard_of() -> None:
    plans = story(an_observation(RUNNING, 0), an_observation(FAILED, 5), an_observation(RUNNING, 8))
    assert not any(ALERTS in receivers(plan) for plan in plans)


@pytest.mark.parametrize("between", [an_observation(DEPLOYING, 8, ready=0), a_failed_read(8)])
def test_another_reading_confirms_nothing(between: Reading) -> None:
    plans = story(an_observation(RUNNING, 0), an_observation(FAILED, 5), between)
    assert ALERTS not in receivers(plans[-1])


def test_a_return_waits_as_well() -> None:
    first = [an_observation(RUNNING, 0), an_observation(FAILED, 5), an_observation(FAILED, 8)]
    again = [*first, an_observation(RUNNING, 60), an_observation(FAILED, 120)]
    *_, unconfirmed = story(*again)
    assert entries(unconfirmed) == {OTHER: 1}
    assert unconfirmed.record.episode
    assert [page.next_at for page in unconfirmed.record.episode.pages] == [None]
    *_, confirmed = story(*again, an_observation(FAILED, 123))
    assert entries(confirmed) == {ALERTS: 1, DIRECT: 1}
    assert confirmed.record.episode
    assert all(page.next_at for page in confirmed.record.episode.pages)
    *_, over = story(*again, an_observation(RUNNING, 123))
    assert entries(over) == {OTHER: 1}


def entries(plan: Plan) -> dict[str, int]:
    """How many entries each conversation's thread gets."""
    found = [message.receiver.id for message in plan.messages if hasattr(message.body, "entry")]
    return {receiver: found.count(receiver) for receiver in found}


def test_flapping_needs_no_confirmation() -> None:
    plans = story(*(an_observation(FAILED if number % 2 else RUNNING, 5 * number) for number in range(20)))
    assert sum(ALERTS in receivers(plan) for plan in plans[:6]) == 0
    assert any(ALERTS in receivers(plan) for plan in plans[6:])


def test_a_watch_that_waits_for_fewer_readings_delays_nothing() -> None:
    pattern = a_watch("orders-*")
    routing = a_routing(CAREFUL, pattern)
    record = plan_reading(Record(pipeline_id=ORDERS), an_observation(RUNNING, 0), routing).record
    assert ALERTS in receivers(plan_reading(record, an_observation(FAILED, 5), routing))


def test_the_time_of_a_late_card_is_that_of_the_failure() -> None:
    *_, plan = story(an_observation(RUNNING, 0), an_observation(FAILED, 5), an_observation(FAILED, 8))
    card = next(card for card in plan.cards if card.channel == ALERTS)
    assert card.episode.opened_at == at(5)
