"""Answers to commands and clicks. Each says how old its reading is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.answer import (
    AcknowledgeAllAnswer,
    AcknowledgeAnswer,
    Answer,
    Fate,
    HelpAnswer,
    ListAnswer,
    PipelineView,
    Refusal,
    StatusAnswer,
    UnresolvedReference,
    UnwatchAnswer,
    WatchAnswer,
    WatchedView,
    WatchesAnswer,
)
from bot.domain.catalogue import Ambiguous, Found, Pipeline, is_pattern, looks, resolve
from bot.domain.watch import ChannelId, ParkReason
from bot.slack import action_ids, phrases
from bot.slack.cards import Footing
from bot.slack.grammar import ALIASES, COMMANDS
from bot.slack.help import help_lines
from bot.slack.message import Block, Message, actions, button, context, message, section, sections, value
from bot.slack.text import REASON_LIMIT, ago, code, date, outside
from bot.slack.words import can_be_typed, quoted

PAGE_SIZE = 20
CANDIDATES = 10
WATCHES_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed, and which page of the answer is wanted: a button brings it back, also after a restart."""

    text: str = ""
    page: int = 1
    shared: bool = False


def render_answer(answer: Answer, asked: Asked, footing: Footing) -> Message:
    return message(_blocks(answer, asked, footing))


def _blocks(answer: Answer, asked: Asked, footing: Footing) -> list[Block]:
    match answer:
        case StatusAnswer():
            return _status(answer, asked, footing)
        case ListAnswer():
            return _list(answer, asked)
        case WatchAnswer():
            return _watch(answer, footing)
        case UnwatchAnswer():
            return _unwatch(answer, footing)
        case WatchesAnswer():
            return _watches(answer, footing)
        case Refusal(reason=reason, hint=hint):
            return _refusal(reason, hint, footing)
        case AcknowledgeAnswer():
            return [section(_acknowledged(answer, footing))]
        case AcknowledgeAllAnswer():
            return [section(_acknowledged_all(answer, footing))]
        case HelpAnswer(topic=topic):
            return sections(help_lines(topic, footing.command))


# --- status and list -------------------------------------------------------------------------------------------------


def _status(answer: StatusAnswer, asked: Asked, footing: Footing) -> list[Block]:
    blocks = [section(_resting(answer.channel, answer.parked, footing))] if answer.parked else []
    asked = _within(asked, len(answer.views))
    if len(answer.views) == 1:
        blocks += _detail(answer.views[0], answer.at, footing)
    elif answer.views:
        title = "This channel watches " if answer.whole_channel else ""
        head = f"*{title}{len(answer.views)} pipelines*{_page_words(asked, len(answer.views))}"
        lines = [_row(view, answer.at) for view in _page(answer.views, asked)]
        blocks += sections([head, *lines])
    elif answer.whole_channel:
        hint = f"`{footing.command} list` shows what there is, `{footing.command} watch NAME` watches it."
        blocks.append(section(f"This channel watches nothing yet. {hint}"))
    blocks += _unresolved(answer.unresolved, "status", footing)
    if not answer.views and not answer.unresolved and not answer.whole_channel:
        blocks.append(section("No pipeline matches this now."))
    return blocks + _controls(asked, len(answer.views), _only_id(answer.views))


def _resting(channel: ChannelId | None, reason: ParkReason, footing: Footing) -> str:
    """To ask is to have it tried."""
    rested = f":warning: I could not post here: {phrases.PARKED[reason]}. I try it again now: what waits comes next."
    return f"{rested}\nIf nothing comes, {phrases.cure(channel, reason, footing.command, here=True)}"


def _only_id(views: Sequence[PipelineView]) -> str:
    return views[0].pipeline.id if len(views) == 1 else ""


def _detail(view: PipelineView, now: datetime, footing: Footing) -> list[Block]:
    standing, observation = view.standing, view.standing.observation
    head = f"{phrases.standing_symbol(standing)} *{outside(view.pipeline.name)}* — {phrases.state_words(standing)}"
    facts = [
        phrases.replicas(observation.ready, observation.replicas) if observation else "",
        f"since {phrases.moment(standing.since, first_seen=standing.first_seen)}" if standing.since else "",
        phrases.intent_words(view.pipeline, standing),
    ]
    lines = [head, " · ".join(fact for fact in facts if fact)]
    if view.acknowledged:
        lines.append(f":eyes: Acknowledged by <@{view.acknowledged.by}> at {date(view.acknowledged.at)}")
    if view.problem:
        lines.append(f":warning: No fresh reading: {outside(view.problem, REASON_LIMIT)}")
    where = [
        outside(view.pipeline.project, 60) if view.pipeline.project else "",
        outside(view.pipeline.id, 60),
        _age(view, now),
        "watched here" if view.watched_here else "not watched here",
        footing.link(view.pipeline.id),
    ]
    return [section("\n".join(line for line in lines if line)), *context(*where)]


def _age(view: PipelineView, now: datetime) -> str:
    observation = view.standing.observation
    return f"read {ago(observation.observed_at, now)}" if observation else "never read"


def _row(view: PipelineView, now: datetime) -> str:
    standing, observation = view.standing, view.standing.observation
    ready = phrases.replicas(observation.ready, observation.replicas) if observation else ""
    facts = [
        phrases.state_words(standing),
        ready,
        phrases.intent_words(view.pipeline, standing),
        f"acknowledged by <@{view.acknowledged.by}>" if view.acknowledged else "",
        _age(view, now) if observation else "",
        "no fresh reading" if view.problem and observation else "",
    ]
    told = " · ".join(fact for fact in facts if fact)
    return f"{phrases.standing_symbol(standing)} *{outside(view.pipeline.name)}* — {told}"


def _list(answer: ListAnswer, asked: Asked) -> list[Block]:
    blocks: list[Block] = []
    asked = _within(asked, len(answer.views))
    if not answer.views:
        words = f" with “{outside(answer.words)}”" if answer.words else ""
        blocks.append(section(f"The ServiceKey sees no pipeline{words}."))
    else:
        words = f" with “{outside(answer.words)}”" if answer.words else ""
        noun = "pipeline" if len(answer.views) == 1 else "pipelines"
        lines = [f"*{len(answer.views)} {noun}{words}*{_page_words(asked, len(answer.views))}"]
        project = None
        for view in _page(answer.views, asked):
            if view.pipeline.project != project:
                project = view.pipeline.project
                lines.append(f"_{outside(project or 'no project')}_")
            lines.append(_row(view, answer.at) + (" · :bell: watched here" if view.watched_here else ""))
        blocks += sections(lines)
    if answer.problem:
        blocks += context(f":warning: The list may be old: {outside(answer.problem, REASON_LIMIT)}")
    return blocks + _controls(asked, len(answer.views), "")


def _within(asked: Asked, total: int) -> Asked:
    """There may be fewer pages by now than when the button was drawn."""
    return replace(asked, page=min(asked.page, max(1, -(-total // PAGE_SIZE))))


def _page(views: Sequence[PipelineView], asked: Asked) -> Sequence[PipelineView]:
    return views[(asked.page - 1) * PAGE_SIZE : asked.page * PAGE_SIZE]


def _page_words(asked: Asked, total: int) -> str:
    pages = -(-total // PAGE_SIZE)
    return f" · page {asked.page} of {pages}" if pages > 1 else ""


def _controls(asked: Asked, total: int, only_id: str) -> list[Block]:
    """Share, and the neighbours of this page. A shared answer carries none: it belongs to nobody. Neither does one that
    shows no pipeline: it is of use to nobody else."""
    if asked.shared or not total:
        return []
    back = value(asked=asked.text, page=asked.page - 1)
    on = value(asked=asked.text, page=asked.page + 1)
    here = value(asked=asked.text, page=asked.page)
    return actions(
        f"answer-{asked.page}",
        button(action_ids.PREVIOUS, "‹ Previous", back) if asked.page > 1 and back else None,
        button(action_ids.NEXT, "Next ›", on) if asked.page * PAGE_SIZE < total and on else None,
        button(action_ids.REFRESH, "Refresh", value(pipeline=only_id)) if only_id else None,
        button(action_ids.SHARE, "Share to channel", here) if here else None,
    )


# --- watches ---------------------------------------------------------------------------------------------------------


def _watch(answer: WatchAnswer, footing: Footing) -> list[Block]:
    here = f":bell: <#{answer.channel}>"
    lines = [f"{here} now watches {phrases.watch_words(watch)}" for watch in answer.added]
    lines += [f"{here} watched this already: {phrases.watch_words(watch)}" for watch in answer.unchanged]
    patterns = any(watch.pattern for watch in (*answer.added, *answer.unchanged))
    if patterns:
        number = len(answer.matched)
        covered = {0: "no pipeline", 1: "1 pipeline"}.get(number, f"{number} pipelines")
        lines.append(f"That is {covered} now, and every later one that matches.")
    lines += [_row(view, answer.at) for view in answer.matched[:PAGE_SIZE]]
    if len(answer.matched) > PAGE_SIZE:
        lines.append(f"… and {len(answer.matched) - PAGE_SIZE} more: `{footing.command} status`")
    return [*sections(lines), *_unresolved(answer.unresolved, "watch", footing)] or [section("Nothing was changed.")]


def _unwatch(answer: UnwatchAnswer, footing: Footing) -> list[Block]:
    lines = [
        f":no_bell: <#{answer.channel}> no longer watches {phrases.watch_words(watch)}" for watch in answer.removed
    ]
    lines += [f"<#{answer.channel}> does not watch *{outside(name)}* by itself." for name in answer.not_watched]
    for watch in answer.still_covered_by:
        typed = code(f"{footing.command} unwatch {quoted(watch.reference)}", 150)
        lines.append(f"It is still covered by {phrases.watch_words(watch)}: {typed} ends that.")
    if not lines and not answer.unresolved:
        lines.append(f"<#{answer.channel}> watches nothing, so nothing was changed.")
    return [*sections(lines), *_unresolved(answer.unresolved, "unwatch", footing)]


def _watches(answer: WatchesAnswer, footing: Footing) -> list[Block]:
    if not answer.watches:
        hint = f"`{footing.command} watch NAME` begins; `{footing.command} list` shows what there is."
        return [section(f"This channel watches nothing. {hint}")]
    lines = [f"*This channel watches*{' · resting' if answer.parked else ''}"]
    if answer.parked:
        lines.append(_resting(answer.channel, answer.parked, footing))
    lines += [line for view in answer.watches[:WATCHES_SHOWN] for line in _watched(view, answer.at)]
    if len(answer.watches) > WATCHES_SHOWN:
        lines.append(f"… and {len(answer.watches) - WATCHES_SHOWN} more watches")
    return sections(lines)


def _watched(view: WatchedView, now: datetime) -> list[str]:
    made = f"by <@{view.watch.made_by}> {date(view.watch.made_at, '{date_short}')}"
    head = f"• {phrases.watch_words(view.watch)} · {made}"
    if view.watch.pattern:
        return [f"{head} · {len(view.covers)} now"]
    return [head, *(f"    {_row(each, now)}" for each in view.covers)]


# --- the rest --------------------------------------------------------------------------------------------------------


def _unresolved(those: Sequence[UnresolvedReference], command: str, footing: Footing) -> list[Block]:
    lines: list[str] = []
    for each in those:
        name = outside(each.reference)
        if isinstance(each, Ambiguous):
            lines.append(f":point_right: “{name}” may mean {len(each.candidates)} pipelines. Which one?")
            chosen = each.candidates[:CANDIDATES]
        else:
            near = " Did you mean one of these?" if each.nearest else f" `{footing.command} list` shows what there is."
            lines.append(f":grey_question: I know no pipeline “{name}”.{near}")
            chosen = each.nearest
        for pipeline in chosen:
            by_id = isinstance(each, Ambiguous) and not _alone(pipeline, each)
            typed = _command(command, pipeline, footing, by_id=by_id)
            lines.append(f"• *{outside(pipeline.name)}* · {outside(pipeline.project, 60)} · {typed}")
    return sections(lines) if lines else []


def _alone(pipeline: Pipeline, among: Ambiguous) -> bool:
    """Whether its name means it alone: whatever else that could mean begins as was typed, so it is a candidate too."""
    begins = looks(pipeline.name).startswith(looks(among.reference))
    found = resolve(pipeline.name, among.candidates)
    return begins and not is_pattern(pipeline.name) and found == Found((pipeline,))


def _command(command: str, pipeline: Pipeline, footing: Footing, *, by_id: bool = False) -> str:
    named = quoted(pipeline.name) if can_be_typed(pipeline.name) and not by_id else pipeline.id
    return code(f"{footing.command} {command} {named}", 150)


def _refusal(reason: str, hint: str, footing: Footing) -> list[Block]:
    """`hint` begins with a command word where it is something to type."""
    lines = [f":information_source: {reason}"]
    if hint:
        typed = hint.split(maxsplit=1)[0].lower() in {*COMMANDS, *ALIASES}
        lines.append(code(f"{footing.command} {hint}", 300) if typed else hint)
    return sections(lines)


def _acknowledged(answer: AcknowledgeAnswer, footing: Footing) -> str:
    name = f"*{outside(answer.pipeline.name)}*"
    match answer.fate:
        case Fate.ACKNOWLEDGED:
            return f":eyes: You acknowledged {name}. The card says so, and everybody who was paged sees it."
        case Fate.ANSWERED:
            when = f" at {date(answer.at)}" if answer.at else ""
            return f"<@{answer.by}> acknowledged {name} already{when}."
        case Fate.OVER:
            return f"This failure of {name} is over, so there is nothing to acknowledge. Its card says how it ended."
        case Fate.UNWATCHED if answer.watched:
            told = f"This failure of {name} was no longer watched here, so this card tells nothing new."
            return f"{told}\n{_how_it_stands(answer, footing)}"
        case Fate.UNWATCHED:
            told = f":no_bell: {name} is no longer watched, so nobody is told how this failure goes on."
            return f"{told}\n{_to_watch(answer, footing)}"
        case Fate.UNKNOWN:
            told = f"{_not_kept(f'this failure of {name}')} The card stays as it is, and tells nothing new."
            if answer.stands or answer.watched:
                told = f"{told}\n{_how_it_stands(answer, footing)}"
            if answer.watched:
                return told
            return f"{told}\nIt is not watched now, so nobody is told how it goes on: {_to_watch(answer, footing)}"


def _not_kept(those: str) -> str:
    since = "my memory (Redis) was emptied since"
    return f":information_source: Your click was not kept: {since}, and I know nothing of {those} any more."


def _how_it_stands(answer: AcknowledgeAnswer, footing: Footing) -> str:
    if answer.stands:
        return "\n".join(f"Now: {_row(view, answer.stands.at)}" for view in answer.stands.views)
    return f"{_command('status', answer.pipeline, footing)} says how it stands now."


def _to_watch(answer: AcknowledgeAnswer, footing: Footing) -> str:
    return f"{_command('watch', answer.pipeline, footing)} watches it again."


def _acknowledged_all(answer: AcknowledgeAllAnswer, footing: Footing) -> str:
    if answer.known == 0:
        told = f"{_not_kept('these failures')} The message stays as it is, and tells nothing new."
        return f"{told}\n`{footing.command}` says what is watched here now, and how it stands."
    number = answer.acknowledged
    if number == 0:
        return "There is nothing left to acknowledge: each is answered, over or no longer watched. The message says so."
    return f":eyes: You acknowledged {number} {'failure' if number == 1 else 'failures'}. The message says so."
