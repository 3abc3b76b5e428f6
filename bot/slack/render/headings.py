"""The heading over several pipelines: their number, and how many need attention. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.answer import PipelineView
from bot.domain.attention import troubles
from bot.domain.phase import Phase
from bot.domain.watch import ChannelId
from bot.slack.mrkdwn import outside
from bot.slack.render import phrases
from bot.slack.render.doubts import is_doubtful


@dataclass(frozen=True, slots=True)
class Heading:
    """`views` are all listed pipelines, over all pages. With `states`, they are those of `looked_at` in one of them."""

    views: Sequence[PipelineView]
    looked_at: Sequence[PipelineView]
    states: Sequence[str]
    at: datetime
    words: str = ""
    whole_channel: bool = False
    channel: ChannelId | None = None


def heading(of: Heading) -> str:
    facts = [*(_chosen(of) if of.states else _counted(of)), _unread(of)]
    return " · ".join(fact for fact in facts if fact)


def _counted(of: Heading) -> tuple[str, ...]:
    total, found = len(of.views), troubles(of.views, of.at)
    number = sum(found.values())
    if number == 0:
        watches = f"{phrases.watcher(of.channel, here=True)} {phrases.watches_verb(of.channel)} "
        watches = watches if of.whole_channel else ""
        return (f"*{watches}{_pipelines(total)}{f' {_with(of)}' if of.words else ''}*",)
    kinds = ", ".join(f"{count} {kind.value}" for kind, count in found.items())
    return (f"*{number} of {total} {'needs' if number == 1 else 'need'} attention: {kinds}*", _scope(of))


def _chosen(of: Heading) -> tuple[str, ...]:
    number, total = len(of.views), len(of.looked_at)
    wanted = " or ".join(_word(state) for state in of.states)
    if any(is_doubtful(view) for view in of.looked_at):
        are = f"{'was' if number <= 1 else 'were'} last seen"
    else:
        are = "is" if number <= 1 else "are"
    if number == 0:
        return (f"*No pipeline {are} {wanted}*", f"{total} {_scope(of) or 'in all'}")
    return (f"*{number} of {_pipelines(total)} {are} {wanted}*", _scope(of))


def _word(state: str) -> str:
    """A phase in upper case, as GoldRush writes it."""
    return state.upper() if state.upper() in Phase.__members__ else state


def _scope(of: Heading) -> str:
    return "watched here" if of.whole_channel else _with(of)


def _with(of: Heading) -> str:
    return f"with “{outside(of.words)}”" if of.words else ""


def _unread(of: Heading) -> str:
    """Pipelines without a reading count neither as healthy nor as troubled."""
    unread = sum(view.state.observation is None for view in of.looked_at or of.views)
    return f"{unread} not read yet" if unread else ""


def _pipelines(number: int) -> str:
    return "1 pipeline" if number == 1 else f"{number} pipelines"
