"""Renders the style of a channel's follow-ups. Pure."""

from collections.abc import Mapping

from bot.domain.follow_ups import FollowUpStyle
from bot.domain.notice import Notice
from bot.domain.watch import ChannelId
from bot.slack.render import phrases
from bot.slack.render.blocks import Block, sections
from bot.slack.render.render_context import RenderContext

EFFECTS: Mapping[str, str] = {
    FollowUpStyle.THREAD: "The end of a failure and later calls appear only in its card's thread.",
    FollowUpStyle.BROADCAST: "The end of a failure and later calls appear in its card's thread and in the channel.",
    FollowUpStyle.CHANNEL: "The end of a failure and later calls are messages of the channel, outside any thread.",
}


def follow_ups_blocks(
    channel: ChannelId, style: FollowUpStyle, before: FollowUpStyle | None, render_context: RenderContext
) -> list[Block]:
    """`before`: the style before a change; None if the person only asked."""
    where = f"in {phrases.conversation(channel, 'your')}"
    if before is None:
        others = ", ".join(f"`{render_context.command} follow-ups {it}`" for it in FollowUpStyle if it is not style)
        return sections([f"Follow-ups {where}: *{style}*. {EFFECTS[style]}", f"To change it: {others}."])
    if before is style:
        return sections([f"Follow-ups {where} are *{style}* already. Nothing was changed.", EFFECTS[style]])
    return sections([f"Follow-ups {where} are now *{style}*, formerly *{before}*.", EFFECTS[style]])


def changed_follow_ups_blocks(notice: Notice, _: RenderContext) -> list[Block]:
    """The announcement of a change."""
    style, before = (*notice.setup, "", "")[:2]
    who = phrases.person(notice.by_name)
    head = f":bell: {phrases.sentence(who)} changed this channel's follow-ups from *{before}* to *{style}*."
    return sections([head, EFFECTS.get(style, "")])


def follow_ups_line(style: FollowUpStyle) -> str:
    """For the list of what a channel watches. Empty for the default."""
    return "" if style is FollowUpStyle.BROADCAST else f"Follow-ups: *{style}*. {EFFECTS[style]}"
