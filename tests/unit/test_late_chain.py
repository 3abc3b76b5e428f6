"""While GoldRush is late on a chain, one card in a channel says so: no plan opens a second one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.episode import Episode, EpisodeKind
from bot.domain.finding_plan import OF_DEPLOYMENTS, OF_LAG, plan_chain_card, plan_findings
from bot.domain.observation import PipelineId
from bot.domain.phase import Intent, Phase
from bot.domain.plan import Plan, Record, plan_newcomer, plan_reading, plan_redrawn
from bot.domain.receipt import SkipReason
from bot.domain.routing import Routing
from bot.domain.silence_plan import plan_silences
from bot.domain.transition import Event, PipelineFinding
from bot.domain.watch import ChannelId
from bot.state.chain_cards import ChainCards
from tests.builders import ALERTS, ORDERS, a_routing, a_watch, an_observation, at
from tests.unit.test_silences import a_mute

OTHER = ChannelId("C0OTHER")
MINUTE = timedelta(minutes=1)
HEARD = frozenset({Event.LAGGING, Event.STALLED, Event.DRIFT})
WATCHES = (a_watch(events=HEARD), a_watch(channel=OTHER, events=HEARD))
ALONE = a_routing(*WATCHES)
TOLD = replace(ALONE, chain_cards={"Base": frozenset({ALERTS})})
MUTED_UNTIL = 500


def lagging(*, chain: int = 30, reached: int = 5) -> PipelineFinding:
    return PipelineFinding(
        event=Event.LAGGING,
        since=at(40),
        lag=31 * MINUTE,
        threshold=reached * MINUTE,
        chain="Base",
        chain_lag=chain * MINUTE,
    )


STALLED = PipelineFinding(event=Event.STALLED, since=at(40))
DRIFT = PipelineFinding(event=Event.DRIFT, since=at(40), intent=Intent.PAUSED)


def running(second: int = 1, *, ready: int = 1) -> Record:
    return plan_reading(Record(pipeline_id=ORDERS), an_observation(Phase.RUNNING, second, ready=ready), ALONE).record


def find(record: Record, routing: Routing, *findings: PipelineFinding, second: int = 60) -> Plan:
    plan = plan_findings(record, routing, findings, at(second), of=OF_LAG)
    assert plan
    return plan


def channels(record: Record) -> set[ChannelId]:
    return set(record.episode.cards.values()) if record.episode else set()


LATE = find(running(), TOLD, lagging()).record


def test_a_channel_with_a_card_of_the_chain_gets_no_second_one_and_the_receipt_says_why() -> None:
    plan = find(running(), TOLD, lagging())
    assert channels(plan.record) == {OTHER}
    assert [(skip.conversation, skip.reason) for skip in plan.skips] == [(ALERTS, SkipReason.LATE_CHAIN)]


def after_mute(record: Record) -> Plan | None:
    """A channel whose mute held the lag back."""
    muted = replace(TOLD, silences=(a_mute(until=MUTED_UNTIL),))
    held = find(running(), replace(muted, chain_cards={}), lagging()).record
    assert ALERTS in held.held
    assert ALERTS not in channels(held)
    return plan_silences(held, muted, at(MUTED_UNTIL))


@pytest.mark.parametrize(
    "make",
    [
        lambda record: plan_redrawn(record, TOLD),
        lambda record: plan_newcomer(record, TOLD, ALERTS),
        lambda record: plan_chain_card(record, TOLD),
        lambda record: plan_findings(record, TOLD, [lagging(reached=30)], at(120), of=OF_LAG),
        lambda record: plan_findings(record, TOLD, [], at(120), of=OF_LAG),
        lambda record: plan_reading(record, an_observation(Phase.RUNNING, 120, uid="another"), TOLD),
        lambda record: plan_reading(record, an_observation(Phase.RUNNING, 120, ready=3, replicas=3), TOLD),
        after_mute,
    ],
    ids=["refresh", "newcomer", "measured", "further", "caught up", "restarted", "more replicas", "end of a mute"],
)
def test_no_plan_opens_a_card_where_another_one_tells_of_the_chain(make: Callable[[Record], Plan | None]) -> None:
    plan = make(LATE)
    assert plan is None or ALERTS not in channels(plan.record)
    assert plan is None or ALERTS not in {message.receiver.id for message in plan.messages}


@pytest.mark.parametrize(
    ("findings", "of"),
    [([lagging(chain=0)], OF_LAG), ([lagging(), STALLED], OF_LAG), ([DRIFT], OF_DEPLOYMENTS)],
    ids=["its own lag", "its own standstill", "drift"],
)
def test_a_problem_of_the_pipeline_itself_opens_a_card(findings: list[PipelineFinding], of: frozenset[Event]) -> None:
    plan = plan_findings(LATE, TOLD, findings, at(120), of=of)
    assert plan
    assert channels(plan.record) == {ALERTS, OTHER}


def test_the_end_of_the_chains_lag_opens_no_card_though_the_other_card_is_closed() -> None:
    ended = find(LATE, ALONE, second=120)
    assert channels(ended.record) == {OTHER}
    assert ended.record.episode
    assert not ended.record.episode.open


def test_a_late_chain_gets_a_card_again_where_none_tells_of_it_any_more() -> None:
    plan = plan_chain_card(LATE, ALONE)
    assert plan
    assert channels(plan.record) == {ALERTS, OTHER}
    assert plan_chain_card(plan.record, ALONE) is None
    assert plan_chain_card(running(), ALONE) is None


# --- which cards tell ------------------------------------------------------------------------------------------------


def of_kind(record: Record, kind: EpisodeKind) -> Episode:
    assert record.episode
    return replace(record.episode, kind=kind)


TELLING = find(running(), ALONE, lagging()).record


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (TELLING, {"Base": {ALERTS, OTHER}}),
        (LATE, {"Base": {OTHER}}),
        (running(), {}),
        (find(running(), ALONE, lagging(chain=0)).record, {}),
        (find(running(), ALONE, STALLED).record, {}),
        (find(TELLING, ALONE, second=120).record, {}),
        (plan_reading(TELLING, an_observation(Phase.FAILED, 120), ALONE).record, {}),
        (replace(TELLING, episode=of_kind(TELLING, EpisodeKind.DEGRADED)), {}),
    ],
    ids=["open", "one channel", "none", "own lag", "stall", "over", "failed", "only in a degraded card's thread"],
)
def test_only_an_open_card_about_the_chain_tells_of_it(record: Record, expected: dict[str, set[ChannelId]]) -> None:
    cards = ChainCards()
    cards.put(TELLING)
    cards.put(record)
    assert cards.of_others(PipelineId("pipe_other")) == expected
    assert cards.of_others(ORDERS) == {}
