"""Slack is away for an hour while every pipeline flaps. The backlog stays small; then failures come first, in brief."""

import asyncio
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
import structlog

from bot.delivery.dispatcher import POLL_SECONDS
from bot.domain.call_joining import JOINS_WITHIN
from bot.domain.delivery import Lookup, LookupResult, Outcome, RefusalKind, Refused, Unknown, Unreadable
from bot.domain.episode import ENTRIES_KEPT
from bot.domain.flapping import FlapWindow
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.watch import ChannelId, Target, TargetKind, UserId, Watch
from bot.monitoring.scheduler import TICK_SECONDS
from bot.store.codec import RECORD, encode_delivery
from tests.proofs.messages import Message
from tests.proofs.oracle import judge
from tests.proofs.simulation import Process, World
from tests.proofs.virtual import BEGIN, VirtualLoop

TEAMS = ("orders", "swaps", "fills", "users")
PIPELINES_EACH = 40  # more than one message can list
AWAY_SECONDS = 3600.0
HELD_SECONDS = 240.0  # each phase lasts at least this long, so it is read even when the budget stretches the periods
BACK_SECONDS = 900.0
PAGED = 10  # of the first team, by direct message
EVERYTHING, ANN = ChannelId("C0ALL"), ChannelId("D0ANN")
CHANNELS = (*(ChannelId(f"C0{team.upper()}") for team in TEAMS), EVERYTHING)


def _channel_of(name: str) -> ChannelId:
    return ChannelId(f"C0{name.partition('-')[0].upper()}")


@dataclass(frozen=True)
class Trouble:
    """How Slack answers during the outage, and after how many seconds."""

    seconds: float
    outcome: Outcome


RESET = Trouble(0.01, Unknown("no answer from Slack (ClientOSError)"))
THROTTLED = Trouble(
    0.05, Refused(kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=timedelta(seconds=30))
)


@dataclass
class Away(World):
    """A world in which only Slack fails."""

    trouble: Trouble | None = None
    calls: int = 0

    def strikes(self, odds: float) -> bool:
        return False


class Bot(Process):
    world: Away
    flap_window = FlapWindow(quiet=timedelta(milliseconds=1))  # each failure is a story of its own
    poll_seconds = POLL_SECONDS
    tick_seconds = TICK_SECONDS

    async def called(self, lands: Callable[[], str]) -> Outcome:
        self.world.calls += 1
        if (trouble := self.world.trouble) is None:
            return await super().called(lands)
        await asyncio.sleep(trouble.seconds)
        return trouble.outcome

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        self.world.calls += 1
        if (trouble := self.world.trouble) is None:
            return await super().find(lookups)
        await asyncio.sleep(trouble.seconds)
        wait = trouble.outcome.retry_after if isinstance(trouble.outcome, Refused) else None
        return [Unreadable("Slack is away", wait, lost=wait is None)] * len(lookups)


@dataclass
class Course:
    """Measurements of the store and of Slack along the way."""

    world: Away
    most_rows: int = 0
    longest_row: int = 0
    longest_record: int = 0
    most_lines: int = 0
    back_at: datetime = BEGIN
    drained_after: float = float("inf")

    def look(self) -> None:
        disk = self.world.disk
        self.most_rows = max(self.most_rows, len(disk.rows))
        self.longest_row = max([self.longest_row, *(len(encode_delivery(row)) for row in disk.rows.values())])
        records = disk.records.values()
        self.longest_record = max([self.longest_record, *(len(RECORD.encode(record)) for record in records)])
        lines = [len(record.episode.timeline) for record in records if record.episode]
        self.most_lines = max([self.most_lines, *lines])

    def watched(self, channel: ChannelId) -> int:
        """Counts the pipelines that the channel watches."""
        return {EVERYTHING: len(self.world.phases), ANN: PAGED}.get(channel, PIPELINES_EACH)

    def messages_since(self, channel: ChannelId) -> list[Message]:
        """Returns the channel's messages since Slack came back, in order."""
        since = f"{self.back_at.timestamp():.6f}"
        messages = self.world.slack.messages.values()
        return sorted(
            (message for message in messages if message.channel == channel and message.ts > since), key=lambda m: m.ts
        )


async def _live_through(trouble: Trouble, seed: int = 1) -> Course:
    world = _world(seed)
    course = Course(world)
    bot = asyncio.create_task(Bot(world, 1).live())
    await asyncio.sleep(300)  # every pipeline has been read
    world.trouble = trouble
    flapping = [asyncio.create_task(_flaps(world, pipeline_id)) for pipeline_id in world.phases]
    for _ in range(int(AWAY_SECONDS / 30)):
        await asyncio.sleep(30)
        course.look()
    for task in flapping:
        task.cancel()
    await asyncio.sleep(HELD_SECONDS)  # the bot has read the last change too
    course.look()
    world.trouble, course.back_at = None, world.clock.now()
    for second in range(int(BACK_SECONDS)):
        await asyncio.sleep(1)
        if not world.disk.rows:
            course.drained_after = min(course.drained_after, second + 1.0)
    bot.cancel()
    await asyncio.gather(bot, return_exceptions=True)
    return course


def _world(seed: int) -> Away:
    world = Away(seed, budget=4.0)
    names = [f"{team}-{number:02}" for team in TEAMS for number in range(PIPELINES_EACH)]
    world.phases = {PipelineId(name): Phase.RUNNING for name in names}
    world.started = dict.fromkeys(world.phases, BEGIN)
    ann = Target(kind=TargetKind.USER, id="U0ANN", direct=ANN)
    patterns = [(channel, f"{team}-*", ()) for channel, team in zip(CHANNELS, TEAMS, strict=False)]
    for channel, pattern, targets in [*patterns, (EVERYTHING, "*", ()), (CHANNELS[0], "orders-0*", (ann,))]:
        watch = Watch(channel=channel, reference=pattern, targets=targets, made_by=UserId("U0ANN"), made_at=BEGIN)
        world.disk.watches[watch.id] = watch
    world.disk.watches_version = 1
    world.disk.catalogue = {pipeline.id: pipeline for pipeline in world.pipelines}
    return world


async def _flaps(world: Away, pipeline_id: PipelineId) -> None:
    chance = random.Random(f"{world.seed} {pipeline_id}")  # noqa: S311
    await asyncio.sleep(chance.uniform(0, HELD_SECONDS))
    while True:
        for phase in (Phase.FAILED, Phase.RUNNING):
            world.become(pipeline_id, phase)
            await asyncio.sleep(HELD_SECONDS + chance.uniform(0, 60))


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("trouble", [RESET, THROTTLED], ids=["reset", "429"])
def test_an_hour_without_slack_ends_in_a_short_digest(trouble: Trouble) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    loop = VirtualLoop()
    try:
        course = loop.run_until_complete(_live_through(trouble))
    finally:
        loop.close()
        structlog.reset_defaults()
    _is_bounded(course)
    for channel in (*CHANNELS, ANN):
        _is_short(course.messages_since(channel), course.watched(channel))
    _failures_are_first(course)
    for channel in CHANNELS:
        _is_true(channel, course)


def _is_bounded(course: Course) -> None:
    """In an hour each pipeline changes about 13 times. The backlog holds a few of the changes, not all of them."""
    pairs = 2 * len(course.world.phases)  # two channels watch each pipeline
    assert len(course.world.happened) > 10 * len(course.world.phases)
    assert course.most_rows < 1.5 * pairs
    assert course.longest_row < 64_000
    assert course.most_lines <= ENTRIES_KEPT
    assert course.longest_record < 16_000
    assert course.world.calls < AWAY_SECONDS / 4  # by all lanes together: one lane probes and the others wait for it
    assert course.drained_after < BACK_SECONDS / 4


def _members(course: Course, channel: ChannelId) -> set[str]:
    """The pipelines that a group's message in the channel shows as they are now, with or without their names."""
    cards = course.world.disk.cards.values()
    return {
        str(card.content.pipeline.id)
        for card in cards
        if card.content.channel == channel and card.group and card.message_id and card.shown_revision == card.revision
    }


def _shows_as_failed(row: str, name: str) -> bool:
    """The row of a card or of a group's member, or the line of a large group that names the members without a row."""
    if re.fullmatch(r"and \d+ more: .*", row):
        return name in re.split(r"[^\w-]+", row)
    return bool(re.fullmatch(rf"{re.escape(name)} failed( after .* healthy)?", row))


def _is_short(messages: Sequence[Message], watched: int) -> None:
    """One series of messages lists the open failures, one the missed changes, at 30 pipelines a message, plus a few.

    The failures' own messages call people. Later calls repeat that while nobody answers, several failures in each.
    """
    began = float(messages[0].ts)
    at_once = [message for message in messages if float(message.ts) - began < 60]
    assert 1 <= len(at_once) <= 2 * -(-watched // 30) + 4
    assert sum(map(_repeats_a_call, at_once)) <= 1
    later = messages[len(at_once) :]
    assert all(map(_repeats_a_call, later))
    assert len(later) <= BACK_SECONDS / JOINS_WITHIN.total_seconds()


def _repeats_a_call(message: Message) -> bool:
    return bool(re.search(r"(still needs you, since|pipelines still need you: ).*", message.posted.partition("\n")[0]))


def _failures_are_first(course: Course) -> None:
    """Failures come first in each channel, except after the probe that finds out that Slack is back."""
    before = []
    for channel in (*CHANNELS, ANN):
        kinds = [_kind(message) for message in course.messages_since(channel)]
        last = max(place for place, kind in enumerate(kinds) if kind == "failure")
        before += [kind for kind in kinds[:last] if kind != "failure"]
    assert len(before) <= 2, before


def _kind(message: Message) -> str:
    head = message.posted.partition("\n")[0]
    return (
        "failure"
        if re.search(
            r"failed( at once(, \d+ of them in this message)?|have failed.*|, \d+ in all| after .* healthy)?$", head
        )
        else "catch-up"
        if "Catching up" in head
        else "over"
    )


def _is_true(channel: ChannelId, course: Course) -> None:
    """The channel got every change once. Its cards show exactly the failed pipelines as failed."""
    world = course.world
    names = {
        str(pipeline_id)
        for pipeline_id in world.phases
        if channel is EVERYTHING or channel == _channel_of(str(pipeline_id))
    }
    verdict = judge(
        [change for change in world.happened if change.pipeline in names],
        {channel: world.slack.channel_messages(channel)},
    )
    assert not [*verdict.repeated, *verdict.invented]
    members = _members(course, channel)
    for loss in verdict.lost:  # a large group names its first members; *Show all* has the others
        found = re.fullmatch(r"(\S+) in \S+: FAILED (\d+)×, reported (\d+)×", loss)
        assert found, loss
        name, wanted, reported = found.groups()
        assert name in members, loss
        assert int(wanted) - int(reported) == 1, loss
    cards = [
        message.text
        for message in world.slack.messages.values()
        if message.channel == channel and message.thread_ts is None
    ]
    shown = {name for text in cards for row in text.split("\n") for name in names if _shows_as_failed(row, name)}
    failed = {str(pipeline_id) for pipeline_id, phase in world.phases.items() if phase == Phase.FAILED} & names
    assert shown <= failed
    assert failed - shown <= members
