"""Any sequence of readings, mutes and quiet hours: a silent channel gets nothing new, and nothing is lost."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.card import SyncCard, ThreadEntry
from bot.domain.episode import EpisodeKind
from bot.domain.notice import Notice
from bot.domain.observation import Observation
from bot.domain.page_plan import plan_timer
from bot.domain.phase import Phase
from bot.domain.plan import Plan, Record, plan_reading
from bot.domain.setup import SetupKind
from bot.domain.silence import EVERY_DAY, Mute, QuietHours, Silence, WeeklyHours
from bot.domain.silence_plan import plan_silences
from bot.domain.summary import Digest
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, Target, TargetKind
from tests.builders import ALERTS, ANN, ORDERS, a_routing, a_watch, an_observation, at
from tests.fakes import NOON

OTHER = ChannelId("C0OTHER")
PAGE_ANN = Target(kind=TargetKind.USER, id=ANN, direct=ChannelId("D0ANN"))
LOUD = a_routing(a_watch(targets=(PAGE_ANN,)), a_watch(channel=OTHER))
MUTE = Mute(made_in=ALERTS, reference=ORDERS, made_by=ANN, made_at=NOON, until=at(10**6))
QUIET = QuietHours(
    made_in=ALERTS,
    made_by=ANN,
    made_at=NOON,
    hours=WeeklyHours(days=EVERY_DAY, start=time(0), end=time(23, 59), zone="UTC"),
)
PHASES = {
    "live": (Phase.RUNNING, 1, 1),
    "degraded": (Phase.RUNNING, 1, 2),
    "failed": (Phase.FAILED, 0, 1),
    "paused": (Phase.PAUSED, 0, 1),
    "deploying": (Phase.DEPLOYING, 0, 1),
}
STEPS = st.lists(
    st.sampled_from([*PHASES, "mute", "unmute", "quiet", "loud", "timer", "follow", "follow"]), min_size=1, max_size=25
)
SECONDS = 20


@dataclass
class Channel:
    """What one channel has got so far."""

    silences: set[Silence] = field(default_factory=set)
    cards: set[str] = field(default_factory=set)
    reported: Counter[Event] = field(default_factory=Counter)
    in_digests: Counter[Event] = field(default_factory=Counter)
    happened: Counter[Event] = field(default_factory=Counter)
    happened_silently: Counter[Event] = field(default_factory=Counter)

    def take(self, plan: Plan) -> None:
        """Takes the messages of a plan. A silent channel takes only updates of cards that it has."""
        content = {card.key: card for card in plan.cards}
        for message in plan.messages:
            if message.receiver.id != ALERTS:
                continue
            match message.body:
                case SyncCard(card_key) if card_key not in self.cards:
                    episode = content[card_key].episode
                    assert not self.is_silent(episode.kind)
                    self.cards.add(card_key)
                    self.reported.update(event for entry in episode.timeline for event in entry.events)
                case ThreadEntry() as body:
                    assert MUTE not in self.silences
                    self.reported.update(body.entry.events)
                case Digest() as body:
                    assert not self.silences or (self.silences == {QUIET} and body.silence is SetupKind.MUTE)
                    for entry in body.entries:
                        self.reported.update(entry.counts)
                        self.in_digests.update(entry.counts)
                case Notice():
                    assert MUTE not in self.silences

    def is_silent(self, kind: EpisodeKind) -> bool:
        return any(silence.holds(kind) for silence in self.silences)

    def count(self, plan: Plan) -> None:
        events = [transition.event for transition in plan.transitions]
        self.happened.update(events)
        self.happened_silently.update(events if self.silences else ())

    @property
    def missing(self) -> Counter[Event]:
        """The events that no message reported, such as those that the band of a flapping pipeline hides."""
        return self.happened - self.reported


def observed(name: str, read: int) -> Observation:
    phase, ready, replicas = PHASES[name]
    reading = an_observation(phase, read, ready=ready, replicas=replicas)
    return replace(reading, observed_at=at(read * SECONDS))


@dataclass
class World:
    """One pipeline and one channel."""

    channel: Channel = field(default_factory=Channel)
    record: Record = field(default_factory=lambda: Record(pipeline_id=ORDERS))
    has_silences: bool = True

    def go(self, step: str, read: int) -> None:
        toggle = {"mute": (MUTE, True), "unmute": (MUTE, False), "quiet": (QUIET, True), "loud": (QUIET, False)}
        if step in toggle:
            silence, on = toggle[step]
            (self.channel.silences.add if on and self.has_silences else self.channel.silences.discard)(silence)
            return
        now, routing = at(read * SECONDS), replace(LOUD, silences=tuple(self.channel.silences))
        if step == "follow":
            plan = plan_silences(self.record, routing, now)
            assert plan is None or plan_silences(plan.record, routing, now) is None  # a repeat does nothing
        elif step == "timer":
            plan = plan_timer(self.record, routing, now + timedelta(minutes=5))
        else:
            plan = plan_reading(self.record, observed(step, read), routing)
            self.channel.count(plan)
        if plan:
            self.channel.take(plan)
            self.record = plan.record


@given(STEPS)
def test_a_silent_channel_gets_nothing_new_and_nothing_is_lost(steps: list[str]) -> None:
    """Less is reported than without silences only if it is in a digest."""
    world, loud = World(), World(has_silences=False)
    for read, step in enumerate(["live", *steps, "unmute", "loud", "follow"], 1):
        world.go(step, read)
        loud.go(step, read)
    channel, record = world.channel, world.record
    assert record.held == {}
    assert channel.missing - loud.channel.missing == Counter()
    assert channel.in_digests - channel.happened_silently == Counter()
    episode = record.episode
    if episode and episode.open and episode.kind in {EpisodeKind.FAILURE, EpisodeKind.DEGRADED}:
        assert episode.card_in(ALERTS) in channel.cards
