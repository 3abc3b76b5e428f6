"""The state machine with pages: timers, acknowledgements and mutes, beside everything that `machine` does.

One more channel pages Ann. Every due call goes out, none that was made after an acknowledgement, and none twice. A
muted pipeline posts nothing there. When its mute ends, the channel hears what is still wrong.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import rule

from bot.domain.body import Content
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delivery
from bot.domain.episode import Acknowledgement
from bot.domain.flapping import FlapWindow
from bot.domain.observation import PipelineId
from bot.domain.page_plan import plan_acknowledgement
from bot.domain.page_progress import REPEATS
from bot.domain.phase import Phase
from bot.domain.plan import Record
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupEdit
from bot.domain.silence import Mute
from bot.domain.watch import ChannelId
from bot.ports.clock import Clock
from bot.ports.store_errors import StoreAway
from bot.requests.setup_changes import SetupPlan
from tests.builders import ANN, a_person, a_watch
from tests.contract.test_store import an_announcement
from tests.proofs.machine import PIPELINES, RENDERER, Bot, DeliveryMachine
from tests.proofs.messages import Slack, delivery_key
from tests.proofs.oracle import CALL, judge
from tests.proofs.paging import EARLY_SECONDS, EXHAUSTED, WAIT_SECONDS

PAGED = ChannelId("C0PAGED")
MUTED_FOR = timedelta(hours=9)
DIRECT = ChannelId("D0ANN")
PLACES = (PAGED, DIRECT)
MOMENT = 0.05
MERGE_SECONDS = 5.0  # calls wait a little for others that are due
NEVER = datetime.max.replace(tzinfo=UTC)
T = TypeVar("T")


@dataclass(frozen=True)
class Landed:
    """A message that Slack took, whatever became of it later."""

    key: str
    place: str
    made_at: datetime
    at: datetime
    text: str

    def calls_for(self, pipeline: Pipeline) -> bool:
        return CALL.search(self.text) is not None and pipeline.name in self.text


class RecordingSlack(Slack):
    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.landed: list[Landed] = []

    def land(self, delivery: Delivery, content: Content, parent_id: str | None, text: str) -> str:
        made_at, at = delivery.message.made_at, self._clock.now()
        self.landed.append(Landed(delivery.id, delivery.receiver.id, made_at, at, text))
        return super().land(delivery, content, parent_id, text)


@dataclass
class Span:
    """Since when a pipeline is muted or its failure is answered, and until when."""

    pipeline: Pipeline
    since: datetime
    until: datetime = NEVER


class PagingMachine(DeliveryMachine):
    slack: RecordingSlack
    flap_window = FlapWindow(quiet=timedelta(milliseconds=1))  # the pages of a flapping pipeline wait

    def __init__(self) -> None:
        super().__init__()
        self.slack = RecordingSlack(self.clock)
        self.answers: list[Span] = []
        """From an acknowledgement that the store took until the next failure, or until Redis forgets it."""
        self.mutes: list[Span] = []
        self.perhaps_answered: set[Pipeline] = set()
        self.failed_at: dict[Pipeline, list[datetime]] = {pipeline: [] for pipeline in PIPELINES}

    # --- steps -------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        self.chat.renderer = replace(RENDERER, record=self.record)
        watch = a_watch("*", channel=PAGED, targets=(a_person(direct=DIRECT),))
        self.run(self.bots[0].store.add_watches([watch], an_announcement(f"hello {PAGED}", PAGED)))

    def record(self, pipeline_id: PipelineId) -> Record:
        return self.disk.records.get(pipeline_id, Record(pipeline_id=pipeline_id))

    def changed(self, pipeline: Pipeline) -> None:
        if self.phases[pipeline] == Phase.FAILED:
            self.failed_at[pipeline].append(self.clock.now())
            self.end(self.answers, pipeline)
            self.perhaps_answered.discard(pipeline)

    @rule(which=st.integers(0, 1), pipeline=st.sampled_from(PIPELINES))
    def fails(self, which: int, pipeline: Pipeline) -> None:
        """The bot reads it at once. Only a failure that it knows has a page."""
        if self.phases[pipeline] == Phase.RUNNING:
            self.becomes(pipeline, Phase.FAILED)
        self.look(which)
        self.read(which, pipeline)

    @rule(which=st.integers(0, 1))
    def serves(self, which: int) -> None:
        """Serves the timers, and carries out the begin and the end of mutes."""
        with suppress(StoreAway):
            self.run(self.bots[which].serve())

    @rule(which=st.integers(0, 1))
    def a_wait_is_over(self, which: int) -> None:
        self.time_passes(WAIT_SECONDS)
        self.look(which)
        self.serves(which)
        self.deliver(which, [])

    @rule(which=st.integers(0, 1), pipeline=st.sampled_from(PIPELINES))
    def acknowledges(self, which: int, pipeline: Pipeline) -> None:
        self.clock.seconds += MOMENT
        answer = Acknowledgement(by=ANN, at=self.clock.now(), name="Ann")

        async def acknowledge(bot: Bot) -> bool:
            plan = await bot.repository.write(
                pipeline.id, lambda record, routing: plan_acknowledgement(record, routing, answer)
            )
            return plan is not None

        try:
            if self.run(self.by_person(which, acknowledge)):
                self.answers.append(Span(pipeline, answer.at))
                self.perhaps_answered.add(pipeline)
        except StoreAway:
            self.perhaps_answered.add(pipeline)

    @rule(which=st.integers(0, 1), pipeline=st.sampled_from(PIPELINES))
    def mutes_or_unmutes(self, which: int, pipeline: Pipeline) -> None:
        self.clock.seconds += MOMENT

        def change(setup: Setup, at: datetime) -> SetupPlan[None]:
            before = next((mute for mute in setup.all(Mute) if mute.reference == pipeline.id), None)
            mute = Mute(
                made_in=PAGED, reference=pipeline.id, name=pipeline.name, made_by=ANN, made_at=at, until=at + MUTED_FOR
            )
            return SetupPlan(answer=None, edits=(SetupEdit(before=before, after=None if before else mute),))

        with suppress(StoreAway):
            self.run(self.by_person(which, lambda bot: bot.setup_changes.write(change, by=ANN)))
        self.note_mutes()

    async def by_person(self, which: int, change: Callable[[Bot], Awaitable[T]]) -> T:
        """A bot that does not know the store yet has no requests of people."""
        bot = self.bots[which]
        if not bot.differential.knows_the_server:
            await bot.look()
        return await change(bot)

    def forgot(self) -> None:
        self.note_mutes()
        for pipeline in PIPELINES:
            episode = self.record(pipeline.id).episode
            if not (episode and episode.acknowledged):
                self.end(self.answers, pipeline)

    def note_mutes(self) -> None:
        """Follows the store: nobody knows what became of a change without a reply."""
        muted = {row.reference for row in self.disk.setup.values() if isinstance(row, Mute)}
        open_mutes = {span.pipeline for span in self.mutes if span.until > self.clock.now()}
        for pipeline in PIPELINES:
            if pipeline.id in muted and pipeline not in open_mutes:
                self.mutes.append(Span(pipeline, self.clock.now()))
            elif pipeline.id not in muted:
                self.end(self.mutes, pipeline)

    def end(self, spans: list[Span], pipeline: Pipeline) -> None:
        for span in spans:
            if span.pipeline == pipeline:
                span.until = min(span.until, self.clock.now())

    # --- verdict -----------------------------------------------------------------------------------------------------

    def calm(self) -> None:
        """All mutes end, and both fail, one half a wait after the other. Somebody answers the first one."""
        self.settle()
        for span in self.mutes:
            if span.until > self.clock.now():
                self.mutes_or_unmutes(0, span.pipeline)
                assert span.until <= self.clock.now()
        answered, unanswered = PIPELINES
        self.everybody_reads(answered)
        self.acknowledges(0, answered)
        self.half_a_wait()
        self.everybody_reads(unanswered)
        for _ in range(2 * (REPEATS + 2)):
            self.half_a_wait()
        self.settle()
        faults = [*self.unsaid(), *self.uncalled(), *self.early(), *self.unwanted(), *self.repeated()]
        super().calm()
        stands = "\n".join(f"{landed}" for landed in self.slack.landed if landed.place in PLACES)
        assert not faults, f"{faults}\n{self.happened}\n{self.answers}\n{self.mutes}\n{stands}"

    def everybody_reads(self, pipeline: Pipeline) -> None:
        for which in (0, 1):
            self.fails(which, pipeline)
        self.settle()

    def half_a_wait(self) -> None:
        for seconds in (WAIT_SECONDS / 2, MERGE_SECONDS):
            self.time_passes(seconds)
            for which in (0, 1):
                self.look(which)
                self.serves(which)
                self.deliver(which, [])

    def unsaid(self) -> Iterator[str]:
        """The channel knows each failure, also one that began during a mute."""
        verdict = judge(self.happened, {PAGED: self.slack.channel_messages(PAGED)})
        failed = [pipeline.name for pipeline, phase in self.phases.items() if phase == Phase.FAILED]
        yield from (fault for fault in verdict.wrong_final if fault.partition(" ")[0] in failed)
        about = [landed.text for landed in self.slack.landed if landed.place == PAGED]
        yield from (f"{PAGED} never heard of {name}" for name in failed if not any(name in text for text in about))

    def uncalled(self) -> Iterator[str]:
        """Each failure that nobody answered was called until the end."""
        for pipeline, phase in self.phases.items():
            if phase != Phase.FAILED or pipeline in self.perhaps_answered:
                continue
            since = self.failed_at[pipeline][-1]
            calls = [landed for landed in self.slack.landed if landed.calls_for(pipeline) and landed.made_at > since]
            if not any(EXHAUSTED in call.text for call in calls):
                yield f"{pipeline.name}: {len(calls)} calls since {since}, and no end"

    def early(self) -> Iterator[str]:
        """Nobody is called before the wait after the failure or after the last call is over."""
        for pipeline in PIPELINES:
            for place in PLACES:
                calls = [one for one in self.slack.landed if one.place == place and one.calls_for(pipeline)]
                made = {call.key: call.made_at for call in calls}
                for before, after in pairwise(sorted([*self.failed_at[pipeline], *made.values()])):
                    if after in made.values() and (after - before).total_seconds() < WAIT_SECONDS - EARLY_SECONDS:
                        yield f"{place} was called for {pipeline.name} {after - before} after {before}"

    def unwanted(self) -> Iterator[str]:
        for landed in self.slack.landed:
            for span in self.answers:
                if landed.calls_for(span.pipeline) and span.since < landed.made_at < span.until:
                    yield f"{landed.place} was called for {span.pipeline.name} after an acknowledgement"
            for span in self.mutes:
                muted = span.since < landed.made_at and landed.at < span.until and landed.place in PLACES
                if muted and span.pipeline.name in landed.text:
                    yield f"{landed.place} heard of {span.pipeline.name} during a mute: {landed.text!r}"

    def repeated(self) -> Iterator[str]:
        """What people see twice. A copy that the bot deleted does not count, nor one that admits to be a repeat."""
        shown = Counter(
            (message.channel, key)
            for message in self.slack.messages.values()
            if message.channel in PLACES
            and "Possible repeat" not in message.text
            and (key := delivery_key(message.metadata))
        )
        yield from (f"{place} got {key} {times} times" for (place, key), times in shown.items() if times > 1)
