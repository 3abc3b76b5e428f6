"""Messages outside any episode: what a channel watches, channels that rest, and what befell the bot itself. Pure."""

from collections.abc import Callable, Sequence

from bot.domain.card import Notice, NoticeKind
from bot.domain.delivery import Delivery
from bot.domain.watch import Watch
from bot.slack.render import phrases
from bot.slack.render.blocks import Block, Message, message, section, sections
from bot.slack.render.cards import RenderContext, possible_repeat
from bot.slack.render.change_buttons import undo_blocks
from bot.slack.render.groups import NAME_LIMIT, went_through
from bot.slack.render.mrkdwn import date, duration, outside
from bot.slack.render.paging import stopped_blocks

MOST_CHANNELS = 50
LISTED = 6000  # characters: as JSON they may be twice as many, and a message as a whole holds little more than that


def render_notice(notice: Notice, delivery: Delivery, render_context: RenderContext) -> Message:
    return message([*_WORDS[notice.kind](notice, render_context), *possible_repeat(delivery)])


def _listed(watches: tuple[Watch, ...]) -> list[Block]:
    """One section, cut by whole lines: a message as a whole may hold little more."""
    return [section("\n".join(f"• {phrases.watch_words(watch)}" for watch in watches))] if watches else []


def _as_many_as_fit(lines: Sequence[str]) -> list[Block]:
    """What has no room is counted."""
    kept, length = 0, 0
    while kept < len(lines) and length + len(lines[kept]) < LISTED:
        length += len(lines[kept]) + 1
        kept += 1
    return sections([*lines[:kept], f"… and {len(lines) - kept} more"] if kept < len(lines) else lines)


def _watching(notice: Notice, _: RenderContext) -> list[Block]:
    verb = "changed" if notice.before else "added"
    head = f":bell: {_who(notice)} {verb} {_counted(notice.watches)}:"
    return [section(head), *_before_and_after(notice), *undo_blocks(notice.undo)]


def _counted(watches: Sequence[Watch]) -> str:
    return "a watch" if len(watches) < 2 else f"{len(watches)} watches"


def _before_and_after(notice: Notice) -> list[Block]:
    before = {watch.reference.lower(): watch for watch in notice.before}
    lines: list[str] = []
    for watch in notice.watches:
        was = before.pop(watch.reference.lower(), None)
        lines.append(f"• {phrases.watch_words(watch)}")
        lines += [f"    before: {phrases.watch_words(was)}"] if was else []
    lines += [f"• no longer: {phrases.watch_words(watch)}" for watch in before.values()]
    return [section("\n".join(lines))] if lines else []


def _unwatched(notice: Notice, _: RenderContext) -> list[Block]:
    head = f":no_bell: {_who(notice)} removed {_counted(notice.watches)}:"
    still = [section("Still watched here:"), *_listed(notice.staying)] if notice.staying else []
    return [section(head), *_listed(notice.watches), *still, *undo_blocks(notice.undo)]


def _undone(notice: Notice, _: RenderContext) -> list[Block]:
    head = f":bell: {_who(notice)} took a change back. This channel watches as before:"
    return [section(head), *_before_and_after(notice)]


def _not_paged(notice: Notice, _: RenderContext) -> list[Block]:
    where = "their own conversation with me" if phrases.is_direct(notice.channel) else f"<#{notice.channel}>"
    head = f":no_bell: {_who(notice)} removed you from a watch in {where}: I no longer page you when these fail."
    return [section(head), *_listed(notice.watches)]


def _call(notice: Notice, _: RenderContext) -> list[Block]:
    """It says nothing that may be otherwise later: how the pipelines are, their cards show."""
    who = " ".join(each for each in (phrases.calling(notice.targets), _who(notice)) if each)
    if len(notice.failures) == 1:
        (one,) = notice.failures
        failed = f"*{outside(one.pipeline.name)}* failed at {phrases.moment(one.since, first_seen=one.first_seen)}."
        return [section(f":bell: {failed}\n{who} asks you to look at it: acknowledge on its card.")]
    names = ", ".join(f"*{outside(each.pipeline.name, NAME_LIMIT)}*" for each in notice.failures)
    failed = f"{len(notice.failures)} pipelines failed: {names}." if names else "Pipelines failed."
    return [section(f":bell: {failed}\n{who} asks you to look at them: acknowledge on their cards.")]


def _paging_stopped(notice: Notice, _: RenderContext) -> list[Block]:
    return stopped_blocks(notice)


def _who(notice: Notice) -> str:
    return phrases.who(notice.by_name) if notice.by_name else "Somebody"


def _parked(notice: Notice, render_context: RenderContext) -> list[Block]:
    why = phrases.SUSPENDED[notice.reason] if notice.reason else "it does not take messages"
    where = "our direct messages" if phrases.is_direct(notice.channel) else f"<#{notice.channel}>"
    head = f":warning: I cannot post in {where} any more: {why}."
    instead = f" Until then <#{notice.instead}> hears what they tell." if notice.instead else ""
    rest = f"Your watches there rest until I can, and nothing is lost.{instead}"
    cure = phrases.cure(notice.channel, notice.reason, render_context.command, here=False) if notice.reason else ""
    elsewhere = f"In another channel `{render_context.command} watch` has them told there."
    how = f"{cure[:1].upper()}{cure[1:]}\n{elsewhere}".strip()
    return [section(f"{head}\n{rest}"), *_listed(notice.watches), section(how)]


def _blind(notice: Notice, _: RenderContext) -> list[Block]:
    since, until = notice.since or notice.at, notice.at
    took = duration((until - since).total_seconds())
    head = f":see_no_evil: I read no pipeline for {took}, from {date(since)} to {date(until)}."
    all_read = "All are now as they were before." if not notice.unread else "Those read since are as they were before."
    now = "Since then these have changed:" if notice.missed else all_read
    rest = f"Whatever happened and passed in that time I did not see. {now}"
    rows = _as_many_as_fit([went_through(each) for each in notice.missed])
    unread = [section(f"{notice.unread} could not be read yet; their cards will tell.")] if notice.unread else []
    return [section(f"{head}\n{rest}"), *rows, *unread]


def _rolled_back(notice: Notice, render_context: RenderContext) -> list[Block]:
    head = ":rotating_light: *My memory (Redis) has lost what it had confirmed*: it went back in time, or was emptied."
    rest = (
        "What is open I look for in Slack before I send it again. These watches are gone, and nobody is told any more:"
    )
    how = (
        "To have one back, type its line in its channel. Redis must keep what it confirms: `appendonly yes`, "
        "`appendfsync always`, `maxmemory-policy noeviction`."
    )
    lines = _as_many_as_fit([_to_have_back(watch, render_context) for watch in notice.watches])
    return [section(f"{head}\n{rest}"), *lines, section(how)]


def _to_have_back(watch: Watch, render_context: RenderContext) -> str:
    pages = f" (pages {phrases.paged(watch.targets)})" if watch.targets else ""
    return f"• <#{watch.channel}>: `{render_context.command} watch {phrases.watch_command(watch)}`{pages}"


def _empty(notice: Notice, render_context: RenderContext) -> list[Block]:
    more = len(notice.channels) - MOST_CHANNELS
    named = ", ".join(f"<#{each}>" for each in notice.channels[:MOST_CHANNELS])
    channels = f"{named} and {more} more" if more > 0 else named
    head = f":information_source: *My memory (Redis) is empty*, though I am in {channels}."
    rest = (
        "On a first start that is as it should be. If watches were made before, they are gone: restore Redis, or make"
    )
    return [section(f"{head}\n{rest} them again with `{render_context.command} watch`.")]


def _hello(_: Notice, render_context: RenderContext) -> list[Block]:
    c = render_context.command
    head = ":wave: I post here when GoldRush pipelines fail, recover or change, and page people when one fails."
    return [
        section(
            f"{head}\n`{c} list` shows all pipelines.\n"
            f"`{c} watch NAME page me` watches one here, and pages you when it fails.\n`{c} help` shows all commands."
        )
    ]


def _incomplete(notice: Notice, render_context: RenderContext) -> list[Block]:
    lost = ", ".join(f"`{name}`" for name in notice.keys)
    head = f":rotating_light: *Redis has lost part of my data*: {lost}."
    rest = (
        "I restored what I could, and I look in Slack before I send anything again. Messages that were due, and "
        f"commands that were under way, may be lost. Check each channel with `{render_context.command} watches`."
    )
    how = "To keep Redis from evicting data, set `maxmemory-policy noeviction`, and give it enough memory."
    return [section(f"{head}\n{rest}"), section(how)]


_WORDS: dict[NoticeKind, Callable[[Notice, RenderContext], list[Block]]] = {
    NoticeKind.WATCHING: _watching,
    NoticeKind.UNWATCHED: _unwatched,
    NoticeKind.PAGING_STOPPED: _paging_stopped,
    NoticeKind.UNDONE: _undone,
    NoticeKind.NOT_PAGED: _not_paged,
    NoticeKind.CALL: _call,
    NoticeKind.SUSPENDED: _parked,
    NoticeKind.BLIND: _blind,
    NoticeKind.ROLLED_BACK: _rolled_back,
    NoticeKind.EMPTY: _empty,
    NoticeKind.HELLO: _hello,
    NoticeKind.INCOMPLETE: _incomplete,
}
