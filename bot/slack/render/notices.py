"""Messages outside any episode: changed watches, suspended channels, and news about the bot itself. Pure."""

from collections.abc import Callable, Sequence

from bot.domain.delivery import Delivery
from bot.domain.notice import Notice, NoticeKind
from bot.domain.watch import Watch
from bot.slack.mrkdwn import REASON_LIMIT, date, duration, from_to, outside
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import Block, RenderedMessage, actions, button, message, section, sections, value
from bot.slack.render.call_words import call_lines, over_lines
from bot.slack.render.cards import possible_repeat
from bot.slack.render.change_buttons import undo_blocks
from bot.slack.render.credit_words import low_blocks, weekly_blocks
from bot.slack.render.drills import drill_blocks
from bot.slack.render.follow_ups import changed_follow_ups_blocks
from bot.slack.render.group_card import NAME_LIMIT
from bot.slack.render.groups import digest_row
from bot.slack.render.paging import stopped_blocks
from bot.slack.render.render_context import RenderContext
from bot.slack.render.silence_words import silenced_blocks, unsilenced_blocks

MOST_CHANNELS = 50
PAGED_FOR = 20  # pipelines that a page for a group names

LISTED_CHARACTERS = 6000  # JSON may double them, and Slack refuses a message that is much larger


def render_notice(notice: Notice, delivery: Delivery, render_context: RenderContext) -> RenderedMessage:
    if notice.kind is NoticeKind.ROLLED_BACK:
        blocks = _rolled_back(notice, render_context, delivery.receiver.id)
    elif notice.kind is NoticeKind.DRILL:
        blocks = drill_blocks(notice, delivery.receiver.id)
    else:
        blocks = _RENDERERS[notice.kind](notice, render_context)
    return message([*blocks, *possible_repeat(delivery)])


def _listed(watches: tuple[Watch, ...]) -> list[Block]:
    """One section, cut by whole lines: Slack refuses a message that is much larger."""
    return [section("\n".join(f"• {phrases.watch_words(watch)}" for watch in watches))] if watches else []


def _as_many_as_fit(lines: Sequence[str]) -> list[Block]:
    """As many lines as fit into a message. A last line counts the others."""
    count, length = 0, 0
    while count < len(lines) and length + len(lines[count]) < LISTED_CHARACTERS:
        length += len(lines[count]) + 1
        count += 1
    return sections([*lines[:count], f"… and {len(lines) - count:,} more"] if count < len(lines) else lines)


def _watching(notice: Notice, _: RenderContext) -> list[Block]:
    verb = "changed" if notice.before else "added"
    head = f":bell: {_author(notice)} {verb} {_counted(notice.watches)}:"
    return [section(head), *_before_and_after(notice), *undo_blocks(notice.undo)]


def _counted(watches: Sequence[Watch]) -> str:
    return "a watch" if len(watches) < 2 else f"{len(watches):,} watches"


def _before_and_after(notice: Notice) -> list[Block]:
    before = {watch.reference.lower(): watch for watch in notice.before}
    lines: list[str] = []
    for watch in notice.watches:
        was = before.pop(watch.reference.lower(), None)
        lines.append(f"• {phrases.watch_words(watch)}")
        lines += [f"    Before: {phrases.watch_words(was)}"] if was else []
    lines += [f"• Removed: {phrases.watch_words(watch)}" for watch in before.values()]
    return [section("\n".join(lines))] if lines else []


def _unwatched(notice: Notice, _: RenderContext) -> list[Block]:
    head = f":no_bell: {_author(notice)} removed {_counted(notice.watches)}:"
    still = [section("Still watched here:"), *_listed(notice.staying)] if notice.staying else []
    failing = [section(unwatched_failures(notice.failing, "This channel"))] if notice.failing else []
    return [section(head), *_listed(notice.watches), *still, *failing, *undo_blocks(notice.undo)]


def unwatched_failures(number: int, who: str) -> str:
    """What the removed watches end. `who`: *You* or a channel."""
    one = number == 1
    failing = "1 pipeline is still failing" if one else f"{number:,} pipelines are still failing"
    updates = f"{'get' if who == 'You' else 'gets'} no more updates on {'it' if one else 'them'}"
    return f":warning: {failing}. {who} {updates}, and these watches page nobody any more."


def _undone(notice: Notice, _: RenderContext) -> list[Block]:
    head = f":bell: {_author(notice)} undid a change of watches:"
    return [section(head), *_before_and_after(notice)]


def _not_paged(notice: Notice, _: RenderContext) -> list[Block]:
    conversation = f" in {phrases.conversation(notice.channel, 'their')}" if notice.channel else ""
    head = f":no_bell: {_author(notice)} removed you from a watch{conversation}. I no longer page you when these fail:"
    return [section(head), *_listed(notice.watches)]


def _taken_over(notice: Notice, _: RenderContext) -> list[Block]:
    names = ", ".join(f"*{outside(failure.pipeline.name, NAME_LIMIT)}*" for failure in notice.failures)
    where = f" in {phrases.conversation(notice.channel, 'their')}" if notice.channel else ""
    head = f":eyes: {_author(notice)} took over {names or 'a failure'} from you at {date(notice.at)}{where}."
    return [section(f"{head} You no longer need to look at it. *Take over* on its card gives it back to you.")]


def _late_page(notice: Notice, _: RenderContext) -> list[Block]:
    """Asks people who were just added to a watch to look at its failures. Names only facts that stay true."""
    who = " ".join(part for part in (phrases.mentions(notice.targets), _author(notice)) if part)
    if len(notice.failures) == 1:
        (one,) = notice.failures
        failed = f"*{outside(one.pipeline.name)}* failed at {phrases.moment(one.since, first_seen=one.first_seen)}."
        return [section(f":bell: {failed}\n{who} asks you to take a look. Acknowledge on its card.")]
    names = ", ".join(f"*{outside(failure.pipeline.name, NAME_LIMIT)}*" for failure in notice.failures)
    failed = f"{len(notice.failures):,} pipelines failed: {names}." if names else "Pipelines failed."
    return [section(f":bell: {failed}\n{who} asks you to take a look. Acknowledge on their cards.")]


def _call_again(notice: Notice, _: RenderContext) -> list[Block]:
    """Calls people for failures that nobody has answered. Names only facts that stay true."""
    keys = [failure.card_key for failure in notice.failures if failure.card_key]
    button_value = value(cards=" ".join(keys)) if len(keys) > 1 else ""
    if len(notice.failures) == 1 and keys:
        action_id, text = action_ids.ACKNOWLEDGE, "Acknowledge"
        button_value = value(pipeline=notice.failures[0].pipeline.id, card=keys[0])
    else:
        action_id, text = action_ids.ACKNOWLEDGE_CALLED, "Acknowledge all"
    blocks: list[Block] = [section("\n".join(call_lines(notice, has_button=bool(button_value))))]
    if button_value:
        blocks += actions(f"{keys[0]}-call", button(action_id, text, button_value, style="primary"))
    return blocks


def _call_over(notice: Notice, _: RenderContext) -> list[Block]:
    return [section("\n".join(over_lines(notice)))]


def _group_page(notice: Notice, _: RenderContext) -> list[Block]:
    """Asks people to look at failures that joined a group above. The first message paged others."""
    names = [f"*{outside(failure.pipeline.name, NAME_LIMIT)}*" for failure in notice.failures]
    shown = ", ".join(names[:PAGED_FOR]) + (f" and {len(names) - PAGED_FOR:,} more" if len(names) > PAGED_FOR else "")
    failed = f"{shown} failed too." if names else "More pipelines failed."
    who = phrases.mentions(notice.targets)
    return [
        section(f":rotating_light: {failed} {'It is' if len(names) == 1 else 'They are'} part of the group above."),
        section(f"{who} please take a look and acknowledge."),
    ]


def _paging_stopped(notice: Notice, _: RenderContext) -> list[Block]:
    return stopped_blocks(notice)


def _author(notice: Notice) -> str:
    return phrases.person(notice.by_name) if notice.by_name else "Someone"


def _suspended(notice: Notice, render_context: RenderContext) -> list[Block]:
    reason = phrases.SUSPEND_REASONS[notice.reason] if notice.reason else "Slack refuses my messages"
    conversation = phrases.conversation(notice.channel, "our") if notice.channel else "a channel"
    head = f":warning: I can't post in {conversation} any more: {reason}."
    instead = ""
    if notice.instead:
        instead = f" Until then I post their updates in {phrases.conversation(notice.instead, 'our')}."
    rest = f"Your watches there stay, and nothing is lost: I'll post the waiting messages once I can.{instead}"
    cure = (
        phrases.how_to_resume(notice.channel, notice.reason, render_context.command, here=False)
        if notice.reason
        else ""
    )
    elsewhere = f"To get updates in another channel, type `{render_context.command} watch` there."
    how = f"{phrases.sentence(cure)}\n{elsewhere}".strip()
    return [section(f"{head}\n{rest}"), *_listed(notice.watches), section(how)]


def _read_gap(notice: Notice, _: RenderContext) -> list[Block]:
    since, until = notice.since or notice.at, notice.at
    took = duration((until - since).total_seconds())
    head = f":see_no_evil: I couldn't watch any pipelines for {took}, {from_to(since, until)}."
    unchanged = "The ones I've read since" if notice.unread else "All of them"
    now = "These have changed:" if notice.missed else f"{unchanged} are unchanged."
    rest = f"I may have missed changes that began and ended in that time. {now}"
    rows = _as_many_as_fit([digest_row(entry) for entry in notice.missed])
    return [section(f"{head}\n{rest}"), *rows, *_not_read_yet(notice.unread)]


def _heard_again(notice: Notice, _: RenderContext) -> list[Block]:
    since, until = notice.since or notice.at, notice.at
    head = f":information_source: I'm back. I read and deliver again since {date(until)}."
    rest = f"Messages may be late, or missing, {from_to(since, until)}."
    return [section(f"{head}\n{rest}")]


def _not_read_yet(number: int) -> list[Block]:
    if number == 0:
        return []
    pipelines, their = ("1 pipeline", "Its card") if number == 1 else (f"{number:,} pipelines", "Their cards")
    return [section(f"I couldn't read {pipelines} yet. {their} will show any change.")]


def _rolled_back(notice: Notice, render_context: RenderContext, receiver: str) -> list[Block]:
    """`receiver`: the conversation that gets the notice."""
    head = ":rotating_light: *My database (Redis) lost data*."
    blocks: list[Block] = []
    if notice.watches:
        lost = f"{head} These watches are gone: nobody gets updates or pages from them."
        only_own = all(watch.channel == receiver for watch in notice.watches)
        how = f"To restore one, type its line {'here' if only_own else 'in its channel'}:"
        watches = [_restoring(watch, render_context, show_channel=not only_own) for watch in notice.watches]
        blocks += [section(f"{lost} {how}"), *_as_many_as_fit(watches)]
    if notice.notes:
        missing = "These runbooks and notes are gone"
        lost = f"{missing} too." if notice.watches else f"{head} {missing} from the failure cards."
        notes = [f"• `{render_context.command} {phrases.note_command(note)}`" for note in notice.notes]
        blocks += [section(f"{lost} To restore one, type its line anywhere:"), *_as_many_as_fit(notes)]
    if notice.setup:
        missing = "These settings are gone"
        lost = f"{missing} too:" if blocks else f"{head} {missing}:"
        blocks += [section(lost), *_as_many_as_fit([f"• {outside(line)}" for line in notice.setup])]
    keep = (
        "If you run this bot: Redis must keep what it confirms (`appendonly yes`, `appendfsync always`, "
        "`maxmemory-policy noeviction`)."
    )
    return [*(blocks or [section(head)]), section(keep)]


def _restoring(watch: Watch, render_context: RenderContext, *, show_channel: bool) -> str:
    unnamed = len(watch.targets) - phrases.TARGETS_SHOWN
    more = f" (and {unnamed} more)" if unnamed > 0 else ""
    owner = phrases.someones(watch.made_by_name)
    channel = f"{phrases.conversation(watch.channel, owner)}: " if show_channel else ""
    return f"• {channel}`{render_context.command} watch {phrases.watch_command(watch)}`{more}"


def _empty(notice: Notice, render_context: RenderContext) -> list[Block]:
    more = len(notice.channels) - MOST_CHANNELS
    named = ", ".join(phrases.conversation(channel, "someone's") for channel in notice.channels[:MOST_CHANNELS])
    channels = f"{named} and {more:,} more" if more > 0 else named
    head = f":information_source: *My database (Redis) is empty*, though I'm in {channels}."
    lost = "That's normal on a first start. Otherwise all watches, runbooks and notes are lost:"
    rest = f"{lost} restore Redis, or add them again with `{render_context.command} watch`."
    return [section(f"{head}\n{rest}")]


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
    head = f":rotating_light: *My database (Redis) lost part of my data*: {lost}."
    rest = (
        "I restored what I could, and I check Slack before I send anything again. Pending messages and commands may be "
        f"lost. Check each channel with `{render_context.command} watches`."
    )
    how = "To keep Redis from evicting data, set `maxmemory-policy noeviction`, and give it enough memory."
    return [section(f"{head}\n{rest}"), section(how)]


def _late(notice: Notice, _: RenderContext) -> list[Block]:
    ages = f"Readings get up to {duration(notice.oldest)} old instead of {duration(notice.promised)}."
    head = f":warning: *I find failures later than promised.* {ages}"
    rest = (
        "Too many pipelines share too few requests, GoldRush slowed me down, or my readers don't answer. If it allows "
        "more requests, raise `PIPELINE_BOT_REQUESTS_PER_SECOND`. If `/readyz` says that no reader answers, start one."
    )
    return [section(f"{head}\n{rest}")]


def _fresh(notice: Notice, _: RenderContext) -> list[Block]:
    return [section(f":information_source: Readings are at most {duration(notice.promised)} old again, as promised.")]


def _default_policy(notice: Notice, render_context: RenderContext) -> list[Block]:
    after, before = (*notice.setup, "", "")[:2]
    author = _author(notice)
    if not after:
        return [section(f":no_bell: {author} removed this channel's default policy, *{outside(before)}*.")]
    was = f" Before: *{outside(before)}*." if before else ""
    shows = f"`{render_context.command} policy {after}` shows it."
    return [
        section(f":bell: {author} made *{outside(after)}* this channel's default policy.{was}"),
        section(f"Watches without targets page it when a pipeline fails. {shows}"),
    ]


def _unreached(notice: Notice, render_context: RenderContext) -> list[Block]:
    head = ":warning: *These settings page nobody, or somebody who can't be paged:*"
    lines = [f"• {outside(line, REASON_LIMIT)}" for line in notice.setup]
    how = f"Change them with `{render_context.command} policy`, `{render_context.command} schedule` or "
    return [section(head), *_as_many_as_fit(lines), section(f"{how}`{render_context.command} watch … page …`.")]


_RENDERERS: dict[NoticeKind, Callable[[Notice, RenderContext], list[Block]]] = {
    NoticeKind.WATCHING: _watching,
    NoticeKind.UNWATCHED: _unwatched,
    NoticeKind.PAGING_STOPPED: _paging_stopped,
    NoticeKind.UNDONE: _undone,
    NoticeKind.NOT_PAGED: _not_paged,
    NoticeKind.TAKEN_OVER: _taken_over,
    NoticeKind.LATE_PAGE: _late_page,
    NoticeKind.SILENCED: silenced_blocks,
    NoticeKind.UNSILENCED: unsilenced_blocks,
    NoticeKind.CALL_AGAIN: _call_again,
    NoticeKind.CALL_OVER: _call_over,
    NoticeKind.GROUP_PAGE: _group_page,
    NoticeKind.SUSPENDED: _suspended,
    NoticeKind.BLIND: _read_gap,
    NoticeKind.HEARD: _heard_again,
    NoticeKind.EMPTY: _empty,
    NoticeKind.UNREACHED: _unreached,
    NoticeKind.DEFAULT_POLICY: _default_policy,
    NoticeKind.FOLLOW_UPS: changed_follow_ups_blocks,
    NoticeKind.HELLO: _hello,
    NoticeKind.INCOMPLETE: _incomplete,
    NoticeKind.LATE: _late,
    NoticeKind.FRESH: _fresh,
    NoticeKind.CREDITS: weekly_blocks,
    NoticeKind.CREDITS_LOW: low_blocks,
}
