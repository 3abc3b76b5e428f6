"""The answer to `watch`. Pure."""

from collections.abc import Callable, Collection, Iterable

from bot.domain.answer import OwnersView, UnmatchedAnswer, WatchAnswer
from bot.domain.attention import trouble, unread, worst_first_page
from bot.domain.subscription import Edit
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, Watch
from bot.slack.mrkdwn import REASON_LIMIT, code, outside
from bot.slack.render import phrases
from bot.slack.render.blocks import Block, sections
from bot.slack.render.change_buttons import UNCHANGED, answer_undo_blocks, confirm_blocks
from bot.slack.render.headings import Listing, any_stale, heading
from bot.slack.render.pagination import PAGE_SIZE
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import row, unresolved


def watch_blocks(
    answer: WatchAnswer | UnmatchedAnswer, text: str, render_context: RenderContext, *, complete: Callable[[str], bool]
) -> list[Block]:
    """`text` is the command as typed. `complete` is true for a corrected command that names a pipeline."""
    if isinstance(answer, UnmatchedAnswer):
        return _unmatched(answer, text, render_context)
    return _watched(answer, text, render_context, complete)


def _watched(
    answer: WatchAnswer, text: str, render_context: RenderContext, complete: Callable[[str], bool]
) -> list[Block]:
    if answer.unresolved:
        return unresolved(answer.unresolved, "watch", render_context, text, complete)
    who, lines = phrases.watcher(answer.channel), [*_edited(answer.channel, answer.edits)]
    already = f"{who} already {phrases.watches_verb(answer.channel)}"
    lines += [f":bell: {already} {phrases.watch_words(watch)}" for watch in answer.unchanged]
    if any(watch.pattern for watch in (*answer.added, *answer.unchanged)):
        lines.append(f"{_matching(answer)}. New ones that match will be watched.")
    lines += _states(answer, render_context)
    lines += _learning(answer.added)
    lines += _owners(answer.owners)
    if answer.edits and answer.polling and answer.polling.is_slow:
        lines.append(f":warning: {phrases.slow_polling(answer.polling)}")
    return [*sections(lines or [UNCHANGED]), *answer_undo_blocks(answer.undo, answer.channel)]


_LEARNING = {
    Event.LAGGING: (
        "On a pipeline's first day and first weekend I take a standstill for a rest, unless it moved steadily before "
        "and the delay that GoldRush reports grows."
    ),
    Event.STALLED: (
        "I learn for eight days when a pipeline rests. On its first day I report no stall. Its first weekend doesn't "
        "count, and if it rests on other days, I wait 12 h."
    ),
    Event.STUCK: "Until I have seen five deployments of a pipeline, I wait longer: up to an hour.",
}


def _learning(watches: Collection[Watch]) -> list[str]:
    """What an event needs first. Only of events that somebody named: a watch of all events has others to tell."""
    named = {event for watch in watches for event in (*(watch.events or ()), *(watch.page_for or ()))}
    return [f":information_source: *{event}*: {words}" for event, words in _LEARNING.items() if event in named]


def _owners(owners: OwnersView | None) -> list[str]:
    if owners is None:
        return []
    unknown = "I look up the owners in Slack now. If one is nobody here, I say so within a minute."
    warnings = [f":warning: {outside(problem, REASON_LIMIT)}" for problem in dict.fromkeys(owners.problems)]
    return [*warnings, *([unknown] if owners.unknown else [])]


def _matching(answer: WatchAnswer) -> str:
    number = len(answer.matched)
    when = "so far; I'm still listing them" if answer.still_listing else "now" if number else "yet"
    if number == 0:
        return f"No pipeline matches {when}"
    return f"{phrases.pipelines(number)} {'matches' if number == 1 else 'match'} {when}"


def _states(answer: WatchAnswer, render_context: RenderContext) -> list[str]:
    """Each pipeline's state. Of very many, only the counts, and those that need attention."""
    page = worst_first_page(answer.matched, answer.at, PAGE_SIZE)
    if len(answer.matched) <= PAGE_SIZE:
        return [row(view, answer.at) for view in page]
    rows = [row(view, answer.at) for view in page if trouble(view.state, answer.at)]
    counts = heading(Listing(answer.matched, (), (), answer.at)) if rows else _no_trouble(answer)
    return [*filter(None, (counts,)), *rows, f"All of them: `{render_context.command} status`"]


def _no_trouble(answer: WatchAnswer) -> str:
    """Empty if some readings are out of date: they can't show that nothing needs attention."""
    missing = unread(answer.matched)
    if missing == len(answer.matched):
        return "I haven't read them yet."
    if any_stale(answer.matched):
        return ""
    return f"{missing:,} not read yet. None of the others needs attention." if missing else "None needs attention."


def _edited(channel: ChannelId, edits: Iterable[Edit]) -> Iterable[str]:
    who, verb = phrases.watcher(channel), "watch" if phrases.is_direct(channel) else "watches"
    for edit in edits:
        if edit.after:
            yield f":bell: {who} now {verb} {phrases.watch_words(edit.after)}"
            if edit.before:
                yield f"    Before: {phrases.watch_words(edit.before)}"


def _unmatched(answer: UnmatchedAnswer, text: str, render_context: RenderContext) -> list[Block]:
    named = ", ".join(code(pattern) for pattern in answer.patterns)
    lines = [f":grey_question: No pipeline matches {named} yet. {UNCHANGED}"]
    if answer.nearest:
        lines.append("Did you mean one of these?")
        lines += [f"• *{outside(near.name)}* · {outside(near.project, 60)}" for near in answer.nearest]
    else:
        lines.append(f"`{render_context.command} list` shows all pipelines.")
    lines.append("You can watch it anyway: new pipelines that match will be watched.")
    return [*sections(lines), *confirm_blocks("Watch it anyway", text, answer.at)]
