"""Lines that several answers share: a pipeline in one line, a channel that rests, words with no pipeline. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.answer import PipelineView, UnresolvedReference
from bot.domain.catalogue import Ambiguous, Found, Names, Pipeline, is_pattern, looks, resolve
from bot.domain.watch import ChannelId, ParkReason
from bot.slack import doubts, phrases
from bot.slack.cards import Footing
from bot.slack.message import Block, sections
from bot.slack.text import ago, code, outside
from bot.slack.words import can_be_typed, quoted

CANDIDATES = 10
EXPLAINED = 10  # words that are not understood and get a line of their own


def age(view: PipelineView, now: datetime) -> str:
    observation = view.standing.observation
    return f"read {ago(observation.observed_at, now)}" if observation else "never read"


def row(view: PipelineView, now: datetime) -> str:
    """Where nobody knows how it is now, that comes first."""
    told = " · ".join(fact for fact in (doubts.state(view, now), *_facts(view, now)) if fact)
    return f"{doubts.sign(view)} *{outside(view.pipeline.name)}* — {told}"


def _facts(view: PipelineView, now: datetime) -> list[str]:
    observation = view.standing.observation
    answered = f"acknowledged by {phrases.who(view.acknowledged.name)}" if view.acknowledged else ""
    if observation is None or doubts.is_doubtful(view):
        return [answered]
    return [
        phrases.replicas(observation.phase, observation.ready, observation.replicas),
        phrases.intent_words(view.pipeline, view.standing),
        answered,
        age(view, now),
    ]


def resting(channel: ChannelId | None, reason: ParkReason, footing: Footing) -> str:
    """To ask is to have it tried."""
    rested = f":warning: I could not post here: {phrases.PARKED[reason]}. I try it again now: what waits comes next."
    return f"{rested}\nIf nothing comes, {phrases.cure(channel, reason, footing.command, here=True)}"


def unresolved(those: Sequence[UnresolvedReference], command: str, footing: Footing) -> list[Block]:
    lines: list[str] = []
    for each in those[:EXPLAINED]:
        name = outside(each.reference)
        if isinstance(each, Ambiguous):
            lines.append(f":point_right: “{name}” may mean {len(each.candidates)} pipelines. Which one?")
            chosen, among = each.candidates[:CANDIDATES], Names(each.candidates)
        else:
            near = " Did you mean one of these?" if each.nearest else f" `{footing.command} list` shows what there is."
            lines.append(f":grey_question: I know no pipeline “{name}”.{near}")
            chosen, among = each.nearest, None
        for pipeline in chosen:
            by_id = among is not None and not _alone(pipeline, each.reference, among)
            typed = command_for(command, pipeline, footing, by_id=by_id)
            lines.append(f"• *{outside(pipeline.name)}* · {outside(pipeline.project, 60)} · {typed}")
    if more := those[EXPLAINED:]:
        named = ", ".join(f"“{outside(each.reference, 40)}”" for each in more[:EXPLAINED])
        rest = f" and {len(more) - EXPLAINED} more" if len(more) > EXPLAINED else ""
        lines.append(f":grey_question: I can't tell either which pipelines these are: {named}{rest}.")
    return sections(lines) if lines else []


def _alone(pipeline: Pipeline, reference: str, among: Names) -> bool:
    """Whether its name means it alone: whatever else that could mean holds what was typed, so it is a candidate too."""
    name, typed = looks(pipeline.name), looks(reference)
    found = resolve(pipeline.name, among, suggest=False)
    return typed != name and typed in name and not is_pattern(pipeline.name) and found == Found((pipeline,))


def command_for(command: str, pipeline: Pipeline, footing: Footing, *, by_id: bool = False) -> str:
    named = quoted(pipeline.name) if can_be_typed(pipeline.name) and not by_id else pipeline.id
    return code(f"{footing.command} {command} {named}", 150)
