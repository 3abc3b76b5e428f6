"""A pipeline's state in an answer. A stale state, which may be out of date, comes with its age. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.answer import PipelineView
from bot.domain.phase import Phase
from bot.domain.transition import Reach
from bot.slack.mrkdwn import REASON_LIMIT, ago, date, outside
from bot.slack.render import phrases


def symbol(view: PipelineView) -> str:
    """Grey for a stale state. A pipeline last seen FAILED stays red, because nothing shows that it recovered."""
    if not is_stale(view):
        return phrases.state_symbol(view.state)
    return phrases.phase_symbol(Phase.FAILED) if view.state.fails else phrases.UNKNOWN_STATE


def aged_state_words(view: PipelineView, now: datetime) -> str:
    """The state as a value; if it is stale, with its age: `last seen *RUNNING* 40 s ago`."""
    if not is_stale(view):
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


def is_stale(view: PipelineView) -> bool:
    """True if the last known state may be out of date."""
    if view.state.observation is None or view.state.reach is Reach.GONE:
        return False
    return view.problem is not None or view.state.reach is Reach.UNREACHABLE


def problem_line(view: PipelineView) -> str:
    return f":warning: I couldn't read it just now: {_reason(view)}" if view.problem else ""


def shared_problem(views: Sequence[PipelineView]) -> list[str]:
    """One line above many rows: how many are out of date, and why. Empty if none is."""
    stale = [view for view in views if view.problem and view.state.reach is not Reach.GONE]
    if not stale:
        return []
    pipelines = f"these {len(views):,} pipelines" if len(views) > 1 else "this pipeline"
    stale_ones = pipelines if len(stale) == len(views) else f"{len(stale):,} of {pipelines}"
    return [f":warning: I couldn't read {stale_ones} just now: {_reason(stale[0])}"]


def unread_problem(views: Sequence[PipelineView]) -> list[str]:
    """The same above an answer that shows no row: none of the pipelines is known to be in a state asked for."""
    problem = next((view for view in views if view.problem and view.state.reach is not Reach.GONE), None)
    return [f":warning: I couldn't read some pipelines just now: {_reason(problem)}"] if problem else []


def not_polling(views: Sequence[PipelineView], outage: str | None) -> list[str]:
    """A warning above states that were just read: their next changes go unseen. Empty if a row already warns."""
    if outage is None or any(view.problem for view in views):
        return []
    return [f":warning: I can't keep watch right now: {_closed(outage)}"]


def _reason(view: PipelineView) -> str:
    return reason_and_step(view.problem or "", view.wait_until)


def reason_and_step(problem: str, until: datetime | None) -> str:
    """Why a read failed, in words for people, and what to do about it."""
    reason = _closed(problem)
    if until:
        return f"{reason} I'll try again at {date(until)}."
    return reason if phrases.says_what_to_do(problem) else f"{reason} {phrases.RETRY}"


def _closed(problem: str) -> str:
    return f"{outside(problem, REASON_LIMIT).rstrip('.')}."
