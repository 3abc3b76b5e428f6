"""Builders whose defaults cover everything that a test is not about."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.domain.body import Body
from bot.domain.card import Card, SyncCard
from bot.domain.catalogue import Pipeline, matches
from bot.domain.delivery import Attempt, Delivery, Message, Priority, in_slack
from bot.domain.episode import Episode, EpisodeKind, TimelineEntry
from bot.domain.escalation import Policy, PolicyStep
from bot.domain.observation import FailedRead, FailedReadKind, Observation, PipelineId, ReadSequence
from bot.domain.on_call_setup import SavedPolicy
from bot.domain.phase import Intent, Phase
from bot.domain.routing import Routing
from bot.domain.setup import SetupRow
from bot.domain.setup_change import SetupChange, SetupEdit
from bot.domain.transition import Event, PipelineState
from bot.domain.watch import Audience, ChannelId, Target, TargetKind, TeamId, UserId, Watch
from tests.fakes import NOON

ORDERS = PipelineId("pipe_0001")
ALERTS = ChannelId("C0ALERTS")
ANN = UserId("U0ANN")
TEAM = TeamId("T0TEST")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_pipeline(name: str = "orders-eu", *, pipeline_id: PipelineId = ORDERS, project: str = "shop") -> Pipeline:
    return Pipeline(id=pipeline_id, name=name, project=project, intent=Intent.RUNNING)


def an_observation(
    phase: Phase = Phase.RUNNING,
    read: int = 1,
    *,
    ready: int | None = 1,
    replicas: int | None = 1,
    pipeline_id: PipelineId = ORDERS,
    uid: str | None = "uid-1",
    start_time: datetime | None = NOON,
    intent: Intent | None = None,
) -> Observation:
    """Observed `read` seconds after noon, as the `read`-th reading."""
    return Observation(
        pipeline_id=pipeline_id,
        sequence=ReadSequence(1, read),
        observed_at=at(read),
        phase=phase,
        ready=ready,
        replicas=replicas,
        uid=uid,
        start_time=start_time,
        intent=intent,
    )


def a_failed_read(
    read: int = 1, kind: FailedReadKind = FailedReadKind.FAULT, reason: str = "no answer within 5 s"
) -> FailedRead:
    return FailedRead(pipeline_id=ORDERS, sequence=ReadSequence(1, read), at=at(read), kind=kind, reason=reason)


def a_watch(
    reference: str = ORDERS,
    *,
    channel: ChannelId = ALERTS,
    events: frozenset[Event] | None = None,
    targets: tuple[Target, ...] = (),
    made_by: UserId = ANN,
    made_at: datetime = NOON,
) -> Watch:
    return Watch(channel=channel, reference=reference, events=events, targets=targets, made_by=made_by, made_at=made_at)


def a_routing(*watches: Watch, pipeline: Pipeline | None = None) -> Routing:
    by_channel: dict[ChannelId, list[Watch]] = {}
    for watch in watches or (a_watch(),):
        by_channel.setdefault(watch.channel, []).append(watch)
    audiences = [Audience(channel, tuple(of_channel)) for channel, of_channel in by_channel.items()]
    return Routing(TEAM, pipeline or a_pipeline(), audiences)


def an_episode(kind: EpisodeKind = EpisodeKind.FAILURE, *, revision: int = 1, phase: Phase = Phase.FAILED) -> Episode:
    line = TimelineEntry(revision=revision, at=at(1), events=(Event(phase.lower()),), phase=phase, ready=0, replicas=1)
    return Episode(
        kind=kind, pipeline_id=ORDERS, identity=f"{kind}|x#1", opened_at=at(1), revision=revision, timeline=(line,)
    )


def a_card(episode: Episode | None = None, *, channel: ChannelId = ALERTS, pipeline: Pipeline | None = None) -> Card:
    episode = episode or an_episode()
    return Card(
        key=episode.key(TEAM, channel),
        channel=channel,
        pipeline=pipeline or a_pipeline(),
        episode=episode,
        state=PipelineState(observation=an_observation(Phase.FAILED, ready=0), since=at(1), failed_since=at(1)),
    )


def a_delivery(
    delivery_id: str = "d" * 32,
    body: Body | None = None,
    *,
    channel: ChannelId = ALERTS,
    priority: Priority = Priority.FAILURE,
    **more: Any,
) -> Delivery:
    """A row of the outbox, made at noon; `more` are fields of its message or its attempt."""
    message = a_message(delivery_id, body, channel=channel, priority=priority)
    return changed(Delivery(message=message), **more)


def a_message(
    message_id: str = "d" * 32,
    body: Body | None = None,
    *,
    channel: ChannelId = ALERTS,
    priority: Priority = Priority.FAILURE,
    made_at: datetime = NOON,
) -> Message:
    return Message(
        id=message_id,
        receiver=in_slack(TEAM, channel),
        priority=priority,
        body=body or SyncCard(message_id),
        made_at=made_at,
    )


def changed(delivery: Delivery, **changes: Any) -> Delivery:
    """Changes fields of the message, and of the attempt; `not_before` is the attempt's."""
    if "channel" in changes:
        changes["receiver"] = in_slack(TEAM, changes.pop("channel"))
    attempt = {name: value for name, value in changes.items() if name in Attempt.__dataclass_fields__}
    message = {name: value for name, value in changes.items() if name not in attempt}
    return Delivery(message=replace(delivery.message, **message), attempt=replace(delivery.attempt, **attempt))


def a_person(user: str = ANN, *, direct: ChannelId | None = None, label: str | None = None) -> Target:
    """The default label is the id without its prefix, like people's handles in the sandbox."""
    named = user.removeprefix("U0").lower() if label is None else label
    return Target(kind=TargetKind.USER, id=user, direct=direct, label=named)


def a_usergroup(group: str = "S0ONCALL", label: str = "data-oncall") -> Target:
    return Target(kind=TargetKind.USERGROUP, id=group, label=label)


def watched_ids(catalogue: Iterable[Pipeline], watches: Iterable[Watch]) -> frozenset[PipelineId]:
    """The watched pipelines, each once: the plain definition, which the indexes must agree with."""
    watches = tuple(watches)
    exact = {PipelineId(watch.reference) for watch in watches if not watch.pattern}
    patterns = {watch.reference.lower() for watch in watches if watch.pattern}
    if not patterns:
        return frozenset(exact)
    matched = {pipeline.id for pipeline in catalogue if any(matches(pattern, pipeline) for pattern in patterns)}
    return frozenset(exact | matched)


def saved_policy(name: str = "data", *targets: Target, made_at: float = 0) -> SavedPolicy:
    """A policy of one step."""
    step = PolicyStep(targets=targets or (a_person(),), wait=timedelta(minutes=5))
    return SavedPolicy(policy=Policy(name=name, steps=(step,)), made_by=ANN, made_by_name="Ann", made_at=at(made_at))


def a_setup_change(version: int, *rows: SetupRow, removed: Sequence[SetupRow] = ()) -> SetupChange:
    edits = (*(SetupEdit(after=row) for row in rows), *(SetupEdit(before=row) for row in removed))
    return SetupChange(version=version, by=ANN, by_name="Ann", at=at(0), edits=edits)
