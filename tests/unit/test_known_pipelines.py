"""The indexes of what one process knows: after any change, the same as computed from everything."""

from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.catalogue import Pipeline
from bot.domain.episode import Episode, EpisodeKind
from bot.domain.observation import PipelineId
from bot.domain.phase import AT_REST, Phase
from bot.domain.plan import Record
from bot.domain.transition import PipelineState, Reach
from bot.domain.watch import API_PIPELINE_ID, ChannelId, Watch
from bot.ports.watch_store import WatchChanges, Watches
from bot.state.known_pipelines import KnownPipelines
from tests.builders import TEAM, a_watch, an_episode, an_observation, at, watched_ids

IDS = [PipelineId(f"pipe_{number}") for number in range(4)]
ONE, TWO = ChannelId("C1"), ChannelId("C2")


class Fed(KnownPipelines):
    """Takes what a `Repository` would read from the store."""

    def put(self, record: Record) -> None:
        self._put(record)

    def watch(self, watches: list[Watch]) -> None:
        now = {watch.id: watch for watch in watches}
        changed: dict[ChannelId, dict[str, Watch | None]] = {}
        for watch in [*self.watches, *watches]:
            changed.setdefault(watch.channel, {})[watch.id] = now.get(watch.id)
        self._apply_watches(WatchChanges(self.watches.version + 1, changed, {}, (), ""))

    def list(self, pipelines: list[Pipeline], complete_at: float | None) -> None:
        self._take_page(pipelines)
        self._end_listing({pipeline.id for pipeline in pipelines}, frozenset(), complete_at)

    def reload(self) -> None:
        self._put_all(self.records, Watches(self.watches.version + 1, self.watches.all), self.known.catalogue)


class Naive:
    """The same answers from a walk over everything."""

    def __init__(self, known: KnownPipelines) -> None:
        self._records = {record.pipeline_id: record for record in known.records}
        self._listed = {pipeline.id for pipeline in known.catalogue}
        self._watches = known.watches.all
        self._covered = watched_ids([*known.catalogue, *known.unlisted], self._watches)

    def pollable(self) -> set[PipelineId]:
        followed = self._covered | {pipeline_id for pipeline_id in self._records if self._is_followed(pipeline_id)}
        return {
            pipeline_id
            for pipeline_id in followed
            if pipeline_id in self._listed or self._record(pipeline_id).state.reach is not Reach.GONE
        }

    def all_read_since(self) -> datetime | None:
        states = (self._record(pipeline_id).state for pipeline_id in self._covered)
        return min(
            (
                state.observation.observed_at
                for state in states
                if state.observation and state.reach is Reach.REACHABLE and state.phase not in AT_REST
            ),
            default=None,
        )

    def open_cards(self) -> dict[str, PipelineId]:
        return {key: pipeline_id for pipeline_id, episode in self._open().items() for key in episode.cards}

    def open_episodes_in(self, channel: ChannelId) -> set[PipelineId]:
        return {
            pipeline_id
            for pipeline_id, episode in self._open().items()
            if channel in episode.cards.values() and pipeline_id != API_PIPELINE_ID
        }

    def _record(self, pipeline_id: PipelineId) -> Record:
        return self._records.get(pipeline_id) or Record(pipeline_id=pipeline_id)

    def _open(self) -> dict[PipelineId, Episode]:
        return {
            pipeline_id: record.episode
            for pipeline_id, record in self._records.items()
            if record.episode and record.episode.open
        }

    def _is_followed(self, pipeline_id: PipelineId) -> bool:
        episode = self._record(pipeline_id).episode
        with_patterns = {watch.channel for watch in self._watches if watch.pattern}
        return (
            episode is not None
            and episode.open
            and pipeline_id != API_PIPELINE_ID
            and not with_patterns.isdisjoint(episode.cards.values())
        )


def a_state(pipeline_id: PipelineId, phase: Phase, seconds: int, reach: Reach) -> PipelineState:
    observation = an_observation(phase, seconds, pipeline_id=pipeline_id)
    return PipelineState(observation=observation, reach=reach)


def a_record(
    pipeline_id: PipelineId, state: PipelineState | None, channel: ChannelId | None, *, is_open: bool
) -> Record:
    episode = None
    if channel:
        episode = replace(
            an_episode(EpisodeKind.FAILURE), pipeline_id=pipeline_id, cards={f"{pipeline_id}-{channel}": channel}
        )
        episode = episode if is_open else replace(episode, closed_at=at(1))
    return Record(pipeline_id=pipeline_id, state=state or PipelineState(), episode=episode)


EVERY_ID = st.sampled_from([*IDS, API_PIPELINE_ID])
RECORDS = EVERY_ID.flatmap(
    lambda pipeline_id: st.builds(
        a_record,
        st.just(pipeline_id),
        st.none()
        | st.builds(
            a_state,
            st.just(pipeline_id),
            st.sampled_from([Phase.RUNNING, Phase.FAILED, Phase.PAUSED]),
            st.integers(0, 50),
            st.sampled_from(Reach),
        ),
        st.sampled_from([None, ONE, TWO]),
        is_open=st.booleans(),
    )
)
PIPELINES = st.builds(Pipeline, id=st.sampled_from(IDS), name=st.sampled_from(["orders-eu", "orders-us", "fills"]))
LISTINGS = st.lists(PIPELINES, unique_by=lambda pipeline: pipeline.id, max_size=4)
REFERENCES = st.sampled_from(["*", "orders-*", *IDS])
WATCHES = st.lists(st.builds(a_watch, REFERENCES, channel=st.sampled_from([ONE, TWO])), max_size=4)
CHANGES = st.one_of(
    st.tuples(st.just("put"), RECORDS),
    st.tuples(st.just("watch"), WATCHES),
    st.tuples(st.just("list"), LISTINGS, st.sampled_from([None, 1.0])),
    st.tuples(st.just("learn"), PIPELINES),
    st.tuples(st.just("unlist"), st.sampled_from(IDS)),
    st.tuples(st.just("reload")),
)


@given(st.lists(CHANGES, min_size=1, max_size=12))
def test_indexes_equal_a_walk_over_everything(changes: list[tuple[str, ...]]) -> None:
    known = Fed(TEAM, None)
    for name, *arguments in changes:
        version, before = known.pollable_version, set(known.pollable)
        getattr(known, name)(*arguments)
        naive = Naive(known)
        assert known.pollable == naive.pollable()
        assert (known.pollable_version != version) or known.pollable == before
        assert known.all_read_since == naive.all_read_since()
        assert known.open_cards == naive.open_cards()
        for channel in (ONE, TWO):
            assert known.open_episodes_in(channel) == naive.open_episodes_in(channel)


def test_an_unchanged_reading_leaves_the_polled_set_as_it_is() -> None:
    known = Fed(TEAM, None)
    known.list([Pipeline(id=IDS[0], name="orders-eu")], None)
    known.watch([a_watch("*", channel=ONE)])
    version, polled = known.pollable_version, known.pollable
    for seconds in (1, 2):
        known.put(Record(pipeline_id=IDS[0], state=a_state(IDS[0], Phase.RUNNING, seconds, Reach.REACHABLE)))
    assert (known.pollable_version, known.pollable) == (version, polled)
    assert known.pollable is polled
    assert known.all_read_since == at(2)


@given(
    st.lists(
        st.builds(a_watch, REFERENCES, channel=st.sampled_from([ONE, TWO]), made_at=st.builds(at, st.integers(0, 3))),
        max_size=6,
        unique_by=lambda watch: watch.id,
    )
)
def test_a_new_leader_counts_the_pipelines_watched_at_the_moment_as_read(watches: list[Watch]) -> None:
    known = Fed(TEAM, None)
    known.list([Pipeline(id=pipeline_id, name=f"orders-{pipeline_id}") for pipeline_id in IDS[1:]], None)
    known.watch(watches)
    for pipeline_id in IDS:
        state = a_state(pipeline_id, Phase.RUNNING, 0, Reach.REACHABLE)
        known.put(Record(pipeline_id=pipeline_id, state=state))
    known.count_as_read(at(1))
    covered = watched_ids(known.catalogue, [watch for watch in watches if watch.made_at <= at(1)])
    read_at = {pipeline_id: known.last_read_at(pipeline_id) for pipeline_id in IDS}
    assert read_at == {pipeline_id: at(1) if pipeline_id in covered else at(0) for pipeline_id in IDS}
