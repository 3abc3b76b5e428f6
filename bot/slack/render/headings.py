"""The heading over a list of pipelines: how many need attention, or how many are in the states asked for. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.answer import PipelineView
from bot.domain.attention import StateFilter, Trouble, ViewList, troubles, unread
from bot.domain.phase import Phase
from bot.domain.watch import ChannelId
from bot.slack.mrkdwn import outside
from bot.slack.render import phrases
from bot.slack.render.stale_states import is_stale


@dataclass(frozen=True, slots=True)
class Listing:
    """The list below the heading, over all its pages."""

    views: Sequence[PipelineView]
    """The listed pipelines."""
    considered: Sequence[PipelineView]
    """The pipelines among which `views` are those in one of `states`. Empty without `states`."""
    states: Sequence[str]
    """The states that the person asked for. Empty for any state."""
    at: datetime
    words: str = ""
    """The words that a listed pipeline's name, project or id contains."""
    whole_channel: bool = False
    """True if the person named no pipeline, so the list has all pipelines of `channel`."""
    channel: ChannelId | None = None


def heading(listing: Listing) -> str:
    counts = _by_state(listing) if listing.states else (*_by_attention(listing), _not_read_yet(listing.views))
    return " · ".join(filter(None, counts))


def _by_attention(listing: Listing) -> tuple[str, ...]:
    """`2 of 5 need attention: 1 failed, 1 degraded`, or `5 pipelines` if none does."""
    total, kinds = len(listing.views), troubles(listing.views, listing.at)
    number = sum(kinds.values())
    if number == 0:
        words = f" {_words(listing)}" if listing.words else ""
        return (f"*{_watcher(listing)}{phrases.pipelines(total)}{words}*",)
    named_kinds = ", ".join(f"{count:,} {kind.value}" for kind, count in kinds.items())
    return (f"*{number:,} of {total:,} {'needs' if number == 1 else 'need'} attention: {named_kinds}*", _scope(listing))


def _watcher(listing: Listing) -> str:
    if not listing.whole_channel:
        return ""
    return f"{phrases.watcher(listing.channel, here=True)} {phrases.watches_verb(listing.channel)} "


def _by_state(listing: Listing) -> tuple[str, ...]:
    """`2 of 5 pipelines are FAILED`, or `were last seen FAILED` if some readings are out of date.

    "No pipeline is FAILED" is an all-clear: it needs a reading of each pipeline.
    """
    number, total = len(listing.views), len(listing.considered)
    states = " or ".join(_state_word(state) for state in listing.states)
    if any_stale(listing.considered):
        verb = f"{'was' if number <= 1 else 'were'} last seen"
    else:
        verb = "is" if number <= 1 else "are"
    if number:
        counted = f"*{number:,} of {phrases.pipelines(total)} {verb} {states}*"
        return (counted, _scope(listing), _not_read_yet(listing.considered))
    if missing := unread(listing.considered):
        others = f"None of the others {verb} {states}. " if missing < total else ""
        return (
            f"*I haven't read {missing:,} of {phrases.pipelines(total)} yet.* {others}Ask again in a moment",
            _scope(listing),
        )
    return (f"*No pipeline {verb} {states}*", f"{total:,} {_scope(listing) or 'in all'}")


def _state_word(state: str) -> str:
    """A phase in upper case, as GoldRush writes it."""
    if state == StateFilter.DRIFT:
        return Trouble.DRIFT
    return state.upper() if state.upper() in Phase.__members__ else state


def _scope(listing: Listing) -> str:
    return "watched here" if listing.whole_channel else _words(listing)


def _words(listing: Listing) -> str:
    return f"with “{outside(listing.words)}”" if listing.words else ""


def _not_read_yet(views: Sequence[PipelineView]) -> str:
    """Pipelines without a reading count neither as healthy nor as troubled."""
    number = unread(views)
    return f"{number:,} not read yet" if number else ""


def any_stale(views: Sequence[PipelineView]) -> bool:
    return views.stale if isinstance(views, ViewList) else any(map(is_stale, views))
