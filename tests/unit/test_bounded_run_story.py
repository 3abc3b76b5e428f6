"""Any sequence of readings, judgements and restarts: a run's end makes news once, and its failure ends in time."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.bounded_run import BoundedRun, RunEnd
from bot.domain.bounded_run_plan import plan_progress, plan_run_ended
from bot.domain.episode import EpisodeKind, open_failure
from bot.domain.phase import Intent, Phase
from bot.domain.plan import Plan, Record, plan_reading
from bot.domain.routing import Routing
from bot.domain.transition import Event
from bot.store.codec import RECORD
from tests.builders import ORDERS, at
from tests.unit.test_bounded_run_plan import FINISHED, SHORT, UNDER_WAY, routing, seen

PHASES = (Phase.DEPLOYING, Phase.RUNNING, Phase.FAILED, Phase.STOPPING, Phase.STOPPED, Phase.PAUSED)
Step = tuple[Phase, Intent] | BoundedRun

readings = st.tuples(st.sampled_from(PHASES), st.sampled_from(Intent))
steps = st.lists(st.one_of(readings, st.sampled_from([FINISHED, SHORT, UNDER_WAY])), max_size=25)


class Story:
    """One pipeline's record. Each step is done twice, by a process that has just loaded the record."""

    def __init__(self) -> None:
        self.record = Record(pipeline_id=ORDERS)
        self.intent = Intent.RUNNING
        self.second = 0
        self.news: list[Event] = []
        """Since the last stop."""
        self.history: list[Event] = []
        self.phases: list[Phase] = []

    def take(self, step: Step) -> None:
        self.second += 10
        if not isinstance(step, BoundedRun):
            phase, self.intent = step
            before = self.record.state.phase
            self._write(plan_reading(self.record, seen(phase, self.second, self.intent), self._routing))
            if phase is not before:
                self.news = []
                self.phases += [phase] if before else []
            return
        first = self._plan(step)
        if first:
            self._write(first)
        again = self._plan(step)
        assert again is None or (again.transitions, again.messages) == ((), ()), "a repeated judgement makes news"

    @property
    def _routing(self) -> Routing:
        return routing(intent=self.intent)

    def _plan(self, run: BoundedRun) -> Plan | None:
        run = replace(run, at=at(self.second))
        if run.end is None:
            return plan_progress(self.record, self._routing, run)
        since = self.record.state.since
        return plan_run_ended(self.record, self._routing, run, since, at(self.second)) if since else None

    def _write(self, plan: Plan) -> None:
        self.news += [one.event for one in plan.transitions if one.event in {Event.FINISHED, Event.FAILED}]
        self.history += [one.event for one in plan.transitions if one.previous is not one.phase]
        self.record = RECORD.decode(RECORD.encode(plan.record))


@given(steps)
def test_a_run_ends_once_and_its_failure_ends_in_time(taken: list[Step]) -> None:
    story = Story()
    for step in taken:
        story.take(step)
        record, state = story.record, story.record.state
        failure = open_failure(record.episode)
        if state.phase is Phase.STOPPED:
            assert story.news.count(Event.FINISHED) <= 1
            assert story.news.count(Event.FAILED) <= 1
            assert story.news[-1:] != [Event.FAILED] or state.has_stopped_short or story.intent is Intent.PAUSED
        if state.has_stopped_short:
            assert failure
            assert record.next_at or not failure.pages
        if state.run and state.run.end:
            assert state.phase is Phase.STOPPED
        if state.run and state.run.end is RunEnd.FINISHED:
            assert state.failed_since is None
        if state.failed_since is None and record.episode and record.episode.kind is EpisodeKind.FAILURE:
            assert not record.episode.open
        if state.phase is Phase.RUNNING and state.live:
            assert failure is None


@given(steps)
def test_each_stop_comes_into_the_history_once(taken: list[Step]) -> None:
    story = Story()
    for step in taken:
        story.take(step)
    story.second += 100
    for _ in range(2):
        story.take((story.record.state.phase or Phase.STOPPED, story.intent))
    for phase, event in ((Phase.STOPPED, Event.STOPPED), (Phase.STOPPING, Event.STOPPING)):
        assert story.history.count(event) == story.phases.count(phase)


def test_a_pause_ends_the_failure_of_a_pipeline_that_has_stopped_already() -> None:
    story = Story()
    for step in ((Phase.RUNNING, Intent.RUNNING), (Phase.FAILED, Intent.RUNNING), (Phase.STOPPED, Intent.RUNNING)):
        story.take(step)
    assert open_failure(story.record.episode)
    story.take((Phase.STOPPED, Intent.PAUSED))
    assert open_failure(story.record.episode) is None
