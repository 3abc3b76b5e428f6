"""The part of a page that says who set it up and where, and the button that stops it. Pure."""

from collections.abc import Iterable, Sequence

from bot.domain.card import PageOrigin
from bot.domain.catalogue import is_pattern
from bot.domain.notice import Notice
from bot.domain.watch import ChannelId, TargetKind, UserId, Watch
from bot.slack.mrkdwn import code, outside
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import Block, button, confirmation, context, sections, value

COPY = "Copy for you as a learner: you need not answer"
MOST_ORIGINS = 5
MOST_WATCHES = 20
MOST_IN_DIALOG = 3
IN_DIALOG = 32


def origins_context(origins: Iterable[PageOrigin], channel: ChannelId) -> list[Block]:
    """Who set up a page, and where. Slack shows a private channel's name to its members only."""
    origins = tuple(origins)
    if origins and phrases.is_direct(channel) and all(origin.channel == channel for origin in origins):
        return context("You set up this page here")
    makers = list(dict.fromkeys(_origin(origin, channel) for origin in origins))
    more = [f"{len(makers) - MOST_ORIGINS:,} more"] if len(makers) > MOST_ORIGINS else []
    listed = "; ".join([*makers[:MOST_ORIGINS], *more])
    return context(f"Paging set up by {listed}") if makers else []


def _origin(origin: PageOrigin, channel: ChannelId) -> str:
    name = phrases.person(origin.name)
    if origin.channel != channel:
        return f"{name} in {phrases.conversation(origin.channel, 'their')}"
    return "you here" if phrases.is_direct(channel) else f"{name} in this channel"


def stop_button(channel: ChannelId, origins: Sequence[PageOrigin], **facts: object) -> Block | None:
    """None outside direct messages, because only there the bot pages the person who clicks."""
    if not (phrases.is_direct(channel) and any(origin.channel != channel for origin in origins)):
        return None
    return stop_paging(origins, channel, **facts)


def stop_paging(origins: Sequence[PageOrigin] = (), reader: ChannelId | None = None, **facts: object) -> Block:
    dialog = confirmation("Stop paging me?", _what_is_left(origins, reader), "Stop paging me", marked_up=True)
    return button(action_ids.STOP_PAGING, "Stop paging me", value(**facts), confirm=dialog)


def _what_is_left(origins: Sequence[PageOrigin], reader: ChannelId | None) -> str:
    """The effect of a click, within the 300 characters of a dialog."""
    notice = "I'll tell the people who set them up."
    if not origins or any(not origin.reference for origin in origins):
        return f"The watches that paged you for this will stop paging you for everything they cover. {notice}"
    named = list(dict.fromkeys(_origin_words(origin, reader) for origin in origins))
    more = [f"{len(named) - MOST_IN_DIALOG:,} more"] if len(named) > MOST_IN_DIALOG else []
    listed = "; ".join([*named[:MOST_IN_DIALOG], *more])
    return f"These watches will stop paging you for everything they cover: {listed}. {notice}"


def _origin_words(origin: PageOrigin, reader: ChannelId | None) -> str:
    if is_pattern(origin.reference):
        name = code(origin.reference, IN_DIALOG)
    else:
        name = outside(origin.label or origin.reference, IN_DIALOG)
    owner = "your" if origin.channel == reader else phrases.someones(origin.name[:IN_DIALOG])
    return f"{name} in {phrases.conversation(origin.channel, owner)}"


def _left(watch: Watch, covers: int | None, person: UserId | None, *, to_person: bool) -> str:
    """One watch that someone left, what it covers, and its other targets. `to_person`: that person reads this."""
    name = code(watch.reference) if watch.pattern else f"*{outside(watch.label or watch.reference)}*"
    size = "" if covers is None or not watch.pattern else f" ({phrases.pipelines(covers)})"
    others = [target for target in watch.targets if not (target.kind is TargetKind.USER and target.id == person)]
    pages = f"It still pages {phrases.target_list(others)}." if others else "It pages nobody now."
    # Nobody but its maker, and the person who left it, hears of a watch in direct messages.
    owner = phrases.someones(watch.made_by_name) if to_person and watch.made_by != person else "your"
    return f"{name} in {phrases.conversation(watch.channel, owner)}{size}. {pages}"


def left_lines(watches: Sequence[Watch], covers: Sequence[int], person: UserId | None, *, to_person: bool) -> list[str]:
    sizes = covers if len(covers) == len(watches) else [None] * len(watches)
    lines = [_left(*pair, person, to_person=to_person) for pair in zip(watches, sizes, strict=True)]
    more = [f"… and {len(lines) - MOST_WATCHES:,} more"] if len(lines) > MOST_WATCHES else []
    return [*lines[:MOST_WATCHES], *more]


def stopped_blocks(notice: Notice) -> list[Block]:
    """For the channel, and for the people who set the watches up."""
    by_watches = f" by your watches in {phrases.conversation(notice.channel, 'your')}" if notice.channel else ""
    who = phrases.person(notice.by_name)
    head = f":no_bell: {phrases.sentence(who)} is no longer paged{by_watches}."
    off = left_lines(notice.watches, notice.covers, notice.by, to_person=False)
    pressed = "They pressed *Stop paging me*. Everything is still watched. They left:"
    return sections([f"{head}\n{pressed}", *(f"• {line}" for line in off)])
