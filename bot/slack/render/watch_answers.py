"""Answers to `watch`, `unwatch`, `watches` and *Undo*. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.domain.answer import (
    UndoAnswer,
    UndoFate,
    UnmatchedAnswer,
    UnwatchAnswer,
    WatchAnswer,
    WatchedView,
    WatchesAnswer,
)
from bot.domain.attention import worst_first
from bot.domain.subscription import UNDO_FOR, Edit
from bot.domain.watch import ChannelId, Watch
from bot.slack.grammar.tokens import quoted
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import Block, actions, button, context, section, sections, value
from bot.slack.render.cards import RenderContext
from bot.slack.render.mrkdwn import code, date, duration, escape, outside, plain_cut
from bot.slack.render.rows import resting, row, unresolved
from bot.slack.render.status_answers import PAGE_SIZE, Asked

WATCHES_SHOWN = 40
UNCHANGED = "Nothing was changed."


def change_blocks(
    answer: WatchAnswer | UnmatchedAnswer | UnwatchAnswer | UndoAnswer, asked: Asked, render_context: RenderContext
) -> list[Block]:
    match answer:
        case WatchAnswer():
            return _watch(answer, asked, render_context)
        case UnmatchedAnswer():
            return _unmatched(answer, asked, render_context)
        case UnwatchAnswer():
            return _unwatch(answer, asked, render_context)
        case UndoAnswer():
            return _undo(answer)


def undo_blocks(undo: str) -> list[Block]:
    """The button that takes a change back, and for how long it does."""
    if not undo:
        return []
    until = f"Undo works for {duration(UNDO_FOR.total_seconds())}, unless someone changes this again."
    undoing = button(action_ids.UNDO, "Undo", value(undo=undo))
    return [*actions(f"undo-{undo[:12]}", undoing), *context(until)]


def confirm_blocks(words: str, command: str, at: datetime) -> list[Block]:
    """A button that does what its label says. `at` tells one question from another that is asked in the same words."""
    packed = value(asked=command, at=at.isoformat())
    return actions("confirm", button(action_ids.CONFIRM, plain_cut(words, 75), packed)) if packed else []


# --- watch -----------------------------------------------------------------------------------------------------------


def _watch(answer: WatchAnswer, asked: Asked, render_context: RenderContext) -> list[Block]:
    if answer.unresolved:
        return [*unresolved(answer.unresolved, "watch", render_context, asked.text), section(UNCHANGED)]
    who, lines = phrases.watcher(answer.channel), [*_edited(answer.channel, answer.edits)]
    already = "watch this already" if phrases.is_direct(answer.channel) else "watched this already"
    lines += [f":bell: {who} {already}: {phrases.watch_words(watch)}" for watch in answer.unchanged]
    if any(watch.pattern for watch in (*answer.added, *answer.unchanged)):
        number = len(answer.matched)
        covered = {0: "No pipeline matches", 1: "1 pipeline matches"}.get(number, f"{number} pipelines match")
        lines.append(f"{covered} now. New ones that match will be watched.")
    lines += [row(view, answer.at) for view in worst_first(answer.matched, answer.at)[:PAGE_SIZE]]
    if len(answer.matched) > PAGE_SIZE:
        lines.append(f"… and {len(answer.matched) - PAGE_SIZE} more: `{render_context.command} status`")
    return [*sections(lines or [UNCHANGED]), *undo_blocks(answer.undo)]


def _edited(channel: ChannelId, edits: Iterable[Edit]) -> Iterable[str]:
    who, verb = phrases.watcher(channel), "watch" if phrases.is_direct(channel) else "watches"
    for edit in edits:
        if edit.after:
            yield f":bell: {who} now {verb} {phrases.watch_words(edit.after)}"
            if edit.before:
                yield f"    before: {phrases.watch_words(edit.before)}"


def _unmatched(answer: UnmatchedAnswer, asked: Asked, render_context: RenderContext) -> list[Block]:
    named = ", ".join(code(pattern) for pattern in answer.patterns)
    lines = [f":grey_question: No pipeline matches {named} now. {UNCHANGED}"]
    if answer.nearest:
        lines.append("Did you mean one of these?")
        lines += [f"• *{outside(near.name)}* · {outside(near.project, 60)}" for near in answer.nearest]
    else:
        lines.append(f"`{render_context.command} list` shows what there is.")
    lines.append("Or watch the pattern all the same: later pipelines that match will be watched.")
    return [*sections(lines), *confirm_blocks("Watch it anyway", asked.text, answer.at)]


# --- unwatch ---------------------------------------------------------------------------------------------------------


def _unwatch(answer: UnwatchAnswer, asked: Asked, render_context: RenderContext) -> list[Block]:
    if answer.unresolved:
        return [*unresolved(answer.unresolved, "unwatch", render_context, asked.text), section(UNCHANGED)]
    if answer.would_end:
        return _would_end(answer, render_context)
    who, direct = phrases.watcher(answer.channel), phrases.is_direct(answer.channel)
    no_longer = "no longer watch" if direct else "no longer watches"
    lines = [f":no_bell: {who} {no_longer} {phrases.watch_words(watch)}" for watch in answer.removed]
    does_not = "don't watch" if direct else "does not watch"
    lines += [f"{who} {does_not} *{outside(name)}*, so nothing was changed there." for name in answer.not_watched]
    still = f"{who} still {phrases.watches_verb(answer.channel)}"
    shown = answer.still_watched[:WATCHES_SHOWN]
    lines += [
        f"{still} {phrases.watch_words(watch)}. To end that: {_to_end([watch], render_context)}" for watch in shown
    ]
    if len(answer.still_watched) > len(shown):
        lines.append(f"… and {len(answer.still_watched) - len(shown)} more that stay")
    if answer.still_covered_by:
        return [*sections(lines), *_still_covered(answer, render_context), *undo_blocks(answer.undo)]
    nothing = f"{who} {phrases.watches_verb(answer.channel)} nothing, so nothing was changed."
    return [*sections(lines or [nothing]), *undo_blocks(answer.undo)]


def _would_end(answer: UnwatchAnswer, render_context: RenderContext) -> list[Block]:
    """The watches that a pattern takes in, and the command that ends them."""
    number = len(answer.would_end)
    those = "1 watch" if number == 1 else f"{number} watches"
    who, no = phrases.watcher(answer.channel), "have" if phrases.is_direct(answer.channel) else "has"
    lines = [f"{who} {no} no watch on that pattern. It matches {those}, and nothing was changed:"]
    shown = answer.would_end[:WATCHES_SHOWN]
    lines += [f"• {phrases.watch_words(watch)}: {_to_end([watch], render_context)}" for watch in shown]
    if number > len(shown):
        lines.append(f"… and {number - len(shown)} more")
    ends = "End this watch" if number == 1 else f"End these {number} watches"
    return [*sections(lines), *confirm_blocks(ends, _unwatch_command(answer.would_end, answer.channel), answer.at)]


def _still_covered(answer: UnwatchAnswer, render_context: RenderContext) -> list[Block]:
    """A pattern goes on watching it. Only to end the pattern ends that."""
    those, who = answer.still_covered_by, phrases.watcher(answer.channel)
    named = ", ".join(f"*{outside(name)}*" for name in answer.covered)
    verb = f"{'still ' if answer.removed else ''}{phrases.watches_verb(answer.channel)}"
    patterns = ", ".join(code(watch.reference) for watch in those)
    noun = "the pattern" if len(those) == 1 else "the patterns"
    lines = [f"{who} {verb} {named} through {noun} {patterns}. That stays. Stop watching {noun}?"]
    lines += [f"• {phrases.watch_words(watch)}: {_to_end([watch], render_context)}" for watch in those]
    ends = f"Unwatch {those[0].reference}" if len(those) == 1 else f"Unwatch {len(those)} patterns"
    return [*sections(lines), *confirm_blocks(ends, _unwatch_command(those, answer.channel), answer.at)]


def _to_end(watches: Sequence[Watch], render_context: RenderContext) -> str:
    named = " ".join(phrases.watch_name(watch) for watch in watches)
    return code(f"{render_context.command} unwatch {named}", 150)


def _unwatch_command(watches: Sequence[Watch], channel: ChannelId) -> str:
    """By id, so that a rename meanwhile does not change which watch ends."""
    named = " ".join(escape(quoted(watch.reference)) for watch in watches)
    where = "" if phrases.is_direct(channel) else f" in <#{channel}>"
    return f"unwatch {named}{where}"


# --- undo ------------------------------------------------------------------------------------------------------------


def _undo(answer: UndoAnswer) -> list[Block]:
    match answer.fate:
        case UndoFate.DONE:
            lines = [f"Undone. {phrases.watcher(answer.channel)}:", *(_restored(edit) for edit in answer.edits)]
            return sections(lines)
        case UndoFate.CHANGED_SINCE:
            return [section(f"Someone changed these watches since, so I can't take this back. {UNCHANGED}")]
        case UndoFate.GONE:
            until = duration(UNDO_FOR.total_seconds())
            return [section(f"There is nothing to undo: it was undone already, or it is older than {until}.")]


def _restored(edit: Edit) -> str:
    if edit.after:
        return f"• watches again {phrases.watch_words(edit.after)}"
    return f"• no longer watches {phrases.watch_words(edit.before)}" if edit.before else ""


# --- watches ---------------------------------------------------------------------------------------------------------


def watches_blocks(answer: WatchesAnswer, render_context: RenderContext) -> list[Block]:
    who, verb = phrases.watcher(answer.channel, here=answer.here), phrases.watches_verb(answer.channel)
    if not answer.watches:
        hint = f"`{render_context.command} watch NAME` begins; `{render_context.command} list` shows what there is."
        return [section(f"{who} {verb} nothing. {hint}")]
    lines = [f"*{who} {verb}*{' · resting' if answer.suspended else ''}"]
    if answer.suspended:
        lines.append(resting(answer.channel, answer.suspended, render_context))
    lines += [line for view in answer.watches[:WATCHES_SHOWN] for line in _watched(view, answer.at)]
    if len(answer.watches) > WATCHES_SHOWN:
        lines.append(f"… and {len(answer.watches) - WATCHES_SHOWN} more watches")
    return sections(lines)


def _watched(view: WatchedView, now: datetime) -> list[str]:
    made = f"by {phrases.who(view.watch.made_by_name)} {date(view.watch.made_at, '{date_short}')}"
    head = f"• {phrases.watch_words(view.watch)} · {made}"
    if view.watch.pattern:
        return [f"{head} · {len(view.covers)} now"]
    return [head, *(f"    {row(each, now)}" for each in view.covers)]
