"""Answers to `status` and `list`, with their pages. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from bot.domain.answer import ListAnswer, PipelineView, StatusAnswer
from bot.domain.attention import State, trouble
from bot.slack.render import action_ids, doubts, phrases
from bot.slack.render.blocks import Block, actions, button, context, section, sections, value
from bot.slack.render.cards import RenderContext
from bot.slack.render.headings import Heading, heading
from bot.slack.render.mrkdwn import REASON_LIMIT, date, outside
from bot.slack.render.note_words import guidance_lines
from bot.slack.render.rows import age, resting, row, unresolved

PAGE_SIZE = 20
STATE_CUTOFF = 0.75  # `runing` is near, `string` is not


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The typed text and the page to show. Buttons carry both, so they work after a restart."""

    text: str = ""
    page: int = 1
    shared: bool = False
    shared_by: str = ""
    """As plain text."""


def status_blocks(answer: StatusAnswer, asked: Asked, render_context: RenderContext) -> list[Block]:
    blocks = [section(resting(answer.channel, answer.suspended, render_context))] if answer.suspended else []
    asked = _within(asked, len(answer.views))
    if len(answer.views) == 1 and not answer.states:
        blocks += _detail(answer.views[0], answer.at, render_context)
    elif answer.views or answer.looked_at:
        whole = answer.whole_channel
        of = Heading(answer.views, answer.looked_at, answer.states, answer.at, whole_channel=whole)
        head = heading(replace(of, channel=answer.channel))
        lines = [row(view, answer.at) for view in _page(answer.views, asked)]
        blocks += sections(
            [*doubts.lead(_page(answer.views, asked)), head + _page_words(asked, len(answer.views)), *lines]
        )
    elif answer.whole_channel:
        hint = f"`{render_context.command} list` shows what there is, `{render_context.command} watch NAME` watches it."
        who, verb = phrases.watcher(answer.channel, here=True), phrases.watches_verb(answer.channel)
        blocks.append(section(f"{who} {verb} nothing yet. {hint}"))
    if asked.shared:
        return blocks + _shared(asked)
    blocks += unresolved(answer.unresolved, "status", render_context)
    if not (answer.views or answer.looked_at or answer.unresolved or answer.whole_channel):
        blocks.append(section("No pipeline matches this now."))
    return blocks + _controls(asked, len(answer.views), _only_id(answer.views))


def _only_id(views: Sequence[PipelineView]) -> str:
    return views[0].pipeline.id if len(views) == 1 else ""


def _detail(view: PipelineView, now: datetime, render_context: RenderContext) -> list[Block]:
    standing, observation = view.state, view.state.observation
    head = f"{doubts.sign(view)} *{outside(view.pipeline.name)}* — {doubts.state(view, now)}"
    facts = (
        []
        if doubts.is_doubtful(view)
        else [
            phrases.replicas(observation.phase, observation.ready, observation.replicas) if observation else "",
            f"since {phrases.moment(standing.since, first_seen=standing.first_seen)}" if standing.since else "",
            phrases.intent_words(view.pipeline, standing),
        ]
    )
    lines = [head, doubts.why(view), " · ".join(fact for fact in facts if fact)]
    if view.acknowledged:
        by = phrases.answered_by(view.acknowledged.name, view.acknowledged.place)
        lines.append(f":eyes: Acknowledged by {by} at {date(view.acknowledged.at)}")
    lines += guidance_lines(view.guidance)
    where = [
        outside(view.pipeline.project, 60) if view.pipeline.project else "",
        outside(view.pipeline.id, 60),
        age(view, now),
        "watched here" if view.watched_here else "not watched here",
        render_context.link(view.pipeline.id),
    ]
    return [section("\n".join(line for line in lines if line)), *context(*where)]


def list_blocks(answer: ListAnswer, asked: Asked) -> list[Block]:
    blocks: list[Block] = []
    asked = _within(asked, len(answer.views))
    if not answer.views and not answer.looked_at:
        words = f" with “{outside(answer.words)}”" if answer.words else ""
        blocks.append(section(f"The ServiceKey sees no pipeline{words}.{_meant(answer.words)}"))
    else:
        words = "" if asked.shared else answer.words
        head = heading(Heading(answer.views, answer.looked_at, answer.states, answer.at, words))
        shown = _by_project(answer, asked)
        doubt = doubts.lead(_page(answer.views, asked))
        blocks += sections([*doubt, head + _page_words(asked, len(answer.views)), *shown])
    if answer.problem:
        blocks += context(
            f":warning: The list may be old: {outside(answer.problem, REASON_LIMIT)}{doubts.waiting(answer.wait_until)}"
        )
    return blocks + (_shared(asked) or _controls(asked, len(answer.views), ""))


def _meant(words: str) -> str:
    """The states that words which are in no name may stand for."""
    near = [get_close_matches(word.lower(), list(State), n=1, cutoff=STATE_CUTOFF) for word in words.split()]
    states = dict.fromkeys(state for each in near for state in each)
    return f" Did you mean {' or '.join(f'*{state}*' for state in states)}?" if states else ""


def _shared(asked: Asked) -> list[Block]:
    return context(f"Shared by {phrases.who(asked.shared_by)}") if asked.shared else []


def _by_project(answer: ListAnswer, asked: Asked) -> list[str]:
    """What needs attention stands above all projects, each with its own."""
    lines: list[str] = []
    project = None
    for view in _page(answer.views, asked):
        line = row(view, answer.at) + (" · :bell: watched here" if view.watched_here else "")
        if trouble(view.state, answer.at):
            lines.append(f"{line} · {outside(view.pipeline.project, 60)}" if view.pipeline.project else line)
            continue
        if view.pipeline.project != project:
            project = view.pipeline.project
            lines.append(f"_{outside(project or 'no project')}_")
        lines.append(line)
    return lines


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
