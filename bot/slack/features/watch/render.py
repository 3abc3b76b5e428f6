"""The answer to `watch`. Pure."""

from collections.abc import Callable, Iterable

from bot.domain.answer import UnmatchedAnswer, WatchAnswer
from bot.domain.attention import worst_first_page
from bot.domain.subscription import Edit
from bot.domain.watch import ChannelId
from bot.slack.mrkdwn import code, outside
from bot.slack.render import phrases
from bot.slack.render.blocks import Block, section, sections
from bot.slack.render.change_buttons import UNCHANGED, answer_undo_blocks, confirm_blocks
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
        return [*unresolved(answer.unresolved, "watch", render_context, text, complete), section(UNCHANGED)]
    who, lines = phrases.watcher(answer.channel), [*_edited(answer.channel, answer.edits)]
    already = f"{who} already {phrases.watches_verb(answer.channel)}"
    lines += [f":bell: {already} {phrases.watch_words(watch)}" for watch in answer.unchanged]
    if any(watch.pattern for watch in (*answer.added, *answer.unchanged)):
        number = len(answer.matched)
        covered = {0: "No pipeline matches yet", 1: "1 pipeline matches now"}.get(
            number, f"{number} pipelines match now"
        )
        lines.append(f"{covered}. New ones that match will be watched.")
    lines += [row(view, answer.at) for view in worst_first_page(answer.matched, answer.at, PAGE_SIZE)]
    if len(answer.matched) > PAGE_SIZE:
        lines.append(f"… and {len(answer.matched) - PAGE_SIZE} more: `{render_context.command} status`")
    return [*sections(lines or [UNCHANGED]), *answer_undo_blocks(answer.undo, answer.channel)]


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
