"""What to try first when a pipeline lags, has stalled, is stuck or has drifted. Pure."""

from collections.abc import Sequence

from bot.domain.card import Card
from bot.domain.catalogue import Pipeline
from bot.domain.episode import EpisodeKind
from bot.domain.phase import Intent, Phase
from bot.domain.transition import Event, PipelineFinding
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import command_for

_EVENTS = {
    EpisodeKind.LAG: (Event.LAGGING, Event.STALLED),
    EpisodeKind.DEPLOYMENT: (Event.STUCK,),
    EpisodeKind.PAUSE: (Event.STUCK,),
    EpisodeKind.DRIFT: (Event.DRIFT,),
}


def finding_step(card: Card, render_context: RenderContext) -> str:
    """Empty if the card is about no finding, or nothing can be done about the pipeline."""
    found = [finding for event in _EVENTS.get(card.episode.kind, ()) if (finding := card.state.finding(event))]
    return step_for(found, card.state.phase, card.pipeline, render_context) if card.episode.open else ""


def step_for(
    found: Sequence[PipelineFinding], phase: Phase | None, pipeline: Pipeline, render_context: RenderContext
) -> str:
    """For the first of the findings. Empty without one, or if nothing can be done about the pipeline."""
    if not found or any(finding.is_of_the_chain for finding in found):
        return ""
    return f":wrench: {_step(found[0], phase, command_for('logs', pipeline, render_context))}"


def _step(finding: PipelineFinding, phase: Phase | None, logs: str) -> str:
    if finding.event is Event.DRIFT:
        return _DRIFTED.get(finding.intent, "Set in GoldRush what it should do.")
    if finding.event is Event.STUCK:
        action = "stop" if phase == Phase.STOPPING else "deploy"
        return f"{logs} shows what its worker does. If that says nothing, {action} it again in GoldRush."
    return f"Check that its destination keeps up. {logs} shows what its worker does."


_DRIFTED: dict[Intent | None, str] = {
    Intent.RUNNING: "Resume it in GoldRush. If the stop was meant, pause it there: that ends this.",
    Intent.PAUSED: "Pause it again in GoldRush. If it should run, resume it there: that ends this.",
}
