"""Words for a pipeline whose current state is unknown: its last known state and its age. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.answer import PipelineView
from bot.domain.phase import Phase
from bot.domain.transition import Reach
from bot.slack.mrkdwn import REASON_LIMIT, ago, date, outside
from bot.slack.render import phrases


def sign(view: PipelineView) -> str:
    """A pipeline last seen FAILED stays red, because nothing shows that it recovered."""
    if not is_doubtful(view):
        return phrases.standing_symbol(view.state)
    return phrases.symbol(Phase.FAILED) if view.state.phase == Phase.FAILED else phrases.BLIND


def state(view: PipelineView, now: datetime) -> str:
    """The state as a value; if it is doubtful, with its age: `last seen *RUNNING* 40 s ago`."""
    if not is_doubtful(view):
        return phrases.state_words(view.state)
    unreadable = f"{phrases.UNREACHABLE}, " if view.state.reach is Reach.UNREACHABLE else ""
    return f"{unreadable}{_last_seen(view, now)}"


def _last_seen(view: PipelineView, now: datetime) -> str:
    observation = view.state.observation
    return (
        f"last seen *{phrases.phase_word(observation.phase)}* {ago(observation.observed_at, now)}"
        if observation
        else "not read yet"
    )


def is_doubtful(view: PipelineView) -> bool:
    """True if the last known state may be out of date."""
    if view.state.observation is None or view.state.reach is Reach.GONE:
        return False
    return view.problem is not None or view.state.reach is Reach.UNREACHABLE


def why(view: PipelineView) -> str:
    return f":warning: I couldn't read it just now: {_reason(view)}" if view.problem else ""


def lead(views: Sequence[PipelineView]) -> list[str]:
    """One line over many rows: why they are out of date."""
    doubtful = [view for view in views if view.problem and is_doubtful(view)]
    if not doubtful:
        return []
    pipelines = f"these {len(views)} pipelines" if len(views) > 1 else "this pipeline"
    doubted = pipelines if len(doubtful) == len(views) else f"{len(doubtful)} of {pipelines}"
    return [f":warning: I couldn't read {doubted} just now: {_reason(doubtful[0])}"]


def _reason(view: PipelineView) -> str:
    reason = outside(view.problem or "", REASON_LIMIT)
    if view.wait_until is None:
        return reason
    return f"{reason.rstrip('.')}.{waiting(view.wait_until)}"


def waiting(until: datetime | None) -> str:
    return f" I'll try again at {date(until)}." if until else ""
