from datetime import timedelta

from bot.domain.episode import ENTRIES_KEPT, Episode, EpisodeKind, EpisodeOutcome, TimelineEntry
from bot.domain.observation import Reading
from bot.domain.phase import Intent, Phase
from bot.domain.plan import Plan, Record, plan_reading
from bot.domain.routing import Routing
from bot.domain.transition import Event
from bot.domain.watch import ChannelId
from tests.builders import ALERTS, ORDERS, TEAM, a_failed_read, a_routing, an_episode, an_observation, at
from tests.fakes import NOON

RUNNING, FAILED, DEPLOYING, PAUSED, STOPPED = (
    Phase.RUNNING,
    Phase.FAILED,
    Phase.DEPLOYING,
    Phase.PAUSED,
    Phase.STOPPED,
)


def story(*readings: Reading, routing: Routing | None = None, gap_from: timedelta | None = None) -> list[Plan]:
    record, plans = Record(pipeline_id=ORDERS), []
    for reading in readings:
        plan = plan_reading(record, reading, routing or a_routing(), gap_from)
        record = plan.record
        plans.append(plan)
    return plans


def episodes(*readings: Reading) -> list[Episode]:
    """Every episode as it was left."""
    last: dict[str, Episode] = {}
    for plan in story(*readings):
        for card in plan.cards:
            last[card.episode.identity] = card.episode
    return list(last.values())


def test_a_failure_lasts_until_live_and_tells_its_downtime() -> None:
    (failure,) = episodes(
        an_observation(RUNNING, 1),
        an_observation(FAILED, 2, ready=0),
        an_observation(DEPLOYING, 30, ready=0),
        an_observation(RUNNING, 60, ready=0),
        an_observation(RUNNING, 92),
    )
    assert failure.kind is EpisodeKind.FAILURE
    assert failure.outcome is EpisodeOutcome.RECOVERED
    assert failure.downtime_seconds == 90
    assert [line.events for line in failure.timeline] == [
        (Event.FAILED,),
        (Event.DEPLOYING,),
        (Event.RUNNING,),
        (Event.LIVE, Event.RECOVERED),
    ]


def test_a_failure_after_a_deployment_is_its_own_episode() -> None:
    good = episodes(an_observation(RUNNING, 1), an_observation(DEPLOYING, 2, ready=0), an_observation(RUNNING, 9))
    assert [(episode.kind, episode.outcome) for episode in good] == [(EpisodeKind.DEPLOYMENT, EpisodeOutcome.LIVE)]
    bad = episodes(an_observation(DEPLOYING, 1), an_observation(DEPLOYING, 2, uid="new"), an_observation(FAILED, 3))
    assert [(episode.kind, episode.outcome) for episode in bad] == [
        (EpisodeKind.MOMENT, EpisodeOutcome.DONE),
        (EpisodeKind.FAILURE, None),
    ]


def test_the_next_phase_closes_a_pause() -> None:
    paused, deployed = episodes(an_observation(RUNNING, 1), an_observation(PAUSED, 2), an_observation(RUNNING, 3))
    assert (paused.kind, paused.outcome) == (EpisodeKind.PAUSE, EpisodeOutcome.SUPERSEDED)
    assert (deployed.kind, deployed.outcome) == (EpisodeKind.DEPLOYMENT, EpisodeOutcome.LIVE)


def test_a_pause_closes_a_failure_and_a_crash_does_not() -> None:
    by_hand = episodes(an_observation(FAILED, 1), an_observation(PAUSED, 2))
    assert by_hand[0].outcome is EpisodeOutcome.ON_PURPOSE
    by_itself = episodes(an_observation(FAILED, 1), an_observation(STOPPED, 2, intent=Intent.RUNNING))
    assert by_itself[0].open


def test_degraded_turns_into_a_failure_with_a_card_of_its_own() -> None:
    degraded, failure = episodes(
        an_observation(RUNNING, 1, ready=2, replicas=2),
        an_observation(RUNNING, 2, ready=1, replicas=2),
        an_observation(FAILED, 3, ready=0, replicas=2),
    )
    assert (degraded.kind, degraded.outcome) == (EpisodeKind.DEGRADED, EpisodeOutcome.SUPERSEDED)
    assert (failure.kind, failure.open) == (EpisodeKind.FAILURE, True)


def test_an_unreachable_time_belongs_to_the_open_failure() -> None:
    (failure,) = episodes(
        an_observation(FAILED, 1), a_failed_read(2), a_failed_read(3), a_failed_read(4), an_observation(FAILED, 5)
    )
    assert [line.events for line in failure.timeline] == [(Event.FAILED,), (Event.UNREACHABLE,), (Event.BACK,)]
    assert failure.open


def test_losing_sight_of_a_healthy_pipeline_opens_and_closes_a_card() -> None:
    (blind,) = episodes(
        an_observation(RUNNING, 1), a_failed_read(2), a_failed_read(3), a_failed_read(4), an_observation(RUNNING, 5)
    )
    assert (blind.kind, blind.outcome) == (EpisodeKind.UNREADABLE, EpisodeOutcome.READABLE)


def test_each_failure_of_a_deployment_has_its_own_derivable_key() -> None:
    readings = [an_observation(FAILED, 1), an_observation(RUNNING, 2), an_observation(FAILED, 1000)]
    first, second = episodes(*readings)
    assert first.key(TEAM, ALERTS) != second.key(TEAM, ALERTS)
    (rebuilt,) = episodes(an_observation(FAILED, 50))
    assert rebuilt.key(TEAM, ALERTS) == first.key(TEAM, ALERTS)
    assert rebuilt.key(TEAM, ChannelId("C0OTHER")) != first.key(TEAM, ALERTS)


def test_a_long_timeline_keeps_its_first_and_latest_lines() -> None:
    episode = an_episode()
    for revision in range(2, 200):
        episode = episode.with_entry(TimelineEntry(revision=revision, at=at(revision), events=(Event.RUNNING,)))
    assert len(episode.timeline) == ENTRIES_KEPT
    assert episode.timeline[0].revision == 1
    assert episode.timeline[-1].revision == episode.revision == 199


def test_noon_is_aware() -> None:
    assert NOON.utcoffset() is not None
