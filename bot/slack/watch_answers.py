"""Answers to `watch`, `unwatch` and `watches`. Pure."""

from datetime import datetime

from bot.domain.answer import UnwatchAnswer, WatchAnswer, WatchedView, WatchesAnswer
from bot.slack import phrases
from bot.slack.cards import Footing
from bot.slack.message import Block, section, sections
from bot.slack.rows import resting, row, unresolved
from bot.slack.status_answers import PAGE_SIZE
from bot.slack.text import code, date, outside
from bot.slack.words import quoted

WATCHES_SHOWN = 40


def watch_blocks(answer: WatchAnswer, footing: Footing) -> list[Block]:
    here = f":bell: <#{answer.channel}>"
    lines = [f"{here} now watches {phrases.watch_words(watch)}" for watch in answer.added]
    lines += [f"{here} watched this already: {phrases.watch_words(watch)}" for watch in answer.unchanged]
    patterns = any(watch.pattern for watch in (*answer.added, *answer.unchanged))
    if patterns:
        number = len(answer.matched)
        covered = {0: "no pipeline", 1: "1 pipeline"}.get(number, f"{number} pipelines")
        lines.append(f"That is {covered} now, and every later one that matches.")
    lines += [row(view, answer.at) for view in answer.matched[:PAGE_SIZE]]
    if len(answer.matched) > PAGE_SIZE:
        lines.append(f"… and {len(answer.matched) - PAGE_SIZE} more: `{footing.command} status`")
    return [*sections(lines), *unresolved(answer.unresolved, "watch", footing)] or [section("Nothing was changed.")]


def unwatch_blocks(answer: UnwatchAnswer, footing: Footing) -> list[Block]:
    lines = [
        f":no_bell: <#{answer.channel}> no longer watches {phrases.watch_words(watch)}" for watch in answer.removed
    ]
    lines += [f"<#{answer.channel}> does not watch *{outside(name)}* by itself." for name in answer.not_watched]
    for watch in answer.still_covered_by:
        typed = code(f"{footing.command} unwatch {quoted(watch.reference)}", 150)
        lines.append(f"It is still covered by {phrases.watch_words(watch)}: {typed} ends that.")
    if not lines and not answer.unresolved:
        lines.append(f"<#{answer.channel}> watches nothing, so nothing was changed.")
    return [*sections(lines), *unresolved(answer.unresolved, "unwatch", footing)]


def watches_blocks(answer: WatchesAnswer, footing: Footing) -> list[Block]:
    if not answer.watches:
        hint = f"`{footing.command} watch NAME` begins; `{footing.command} list` shows what there is."
        return [section(f"This channel watches nothing. {hint}")]
    lines = [f"*This channel watches*{' · resting' if answer.parked else ''}"]
    if answer.parked:
        lines.append(resting(answer.channel, answer.parked, footing))
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
