"""What a page says of itself: who set it up, where, and how to stop it. Pure."""

from collections.abc import Iterable, Sequence

from bot.domain.answer import StopPagingAnswer
from bot.domain.card import Notice, PageOrigin
from bot.domain.watch import ChannelId, Watch
from bot.slack import action_ids, phrases
from bot.slack.message import Block, actions, button, confirmation, context, section, sections, value
from bot.slack.text import outside

MOST_ORIGINS = 5
MOST_WATCHES = 20


def origins_context(origins: Iterable[PageOrigin], channel: ChannelId) -> list[Block]:
    """Slack shows the name of a private channel only to those who are in it."""
    told = list(dict.fromkeys(_origin(each, channel) for each in origins))
    more = [f"{len(told) - MOST_ORIGINS} more"] if len(told) > MOST_ORIGINS else []
    listed = "; ".join([*told[:MOST_ORIGINS], *more])
    return context(f"Paging set up by {listed}") if told else []


def _origin(origin: PageOrigin, channel: ChannelId) -> str:
    name = phrases.who(origin.name)
    return f"{name} in this channel" if origin.channel == channel else f"{name} in <#{origin.channel}>"


def stop_button(channel: ChannelId, origins: Sequence[PageOrigin], **facts: object) -> Block | None:
    """Only in the person's own direct messages: there a click can mean nobody else."""
    if not (phrases.is_direct(channel) and any(origin.channel != channel for origin in origins)):
        return None
    return stop_paging(**facts)


def stop_paging(**facts: object) -> Block:
    sure = confirmation(
        "Stop paging me?",
        "The watches stay, but no longer page you. The people who set them up get a message, and can add you again.",
        "Stop paging me",
    )
    return button(action_ids.STOP_PAGING, "Stop paging me", value(**facts), confirm=sure)


def stop_blocks(answer: StopPagingAnswer) -> list[Block]:
    named = ", ".join(f"*{outside(each.name)}*" for each in answer.pipelines[:MOST_WATCHES])
    about = f" when {named} fails" if named else ""
    if not answer.stopped:
        head = f"No watch pages you{about}. Nothing was changed."
    else:
        others = [watch for watch in answer.stopped if watch.made_by != answer.by]
        makers = ", ".join(dict.fromkeys(_made(watch) for watch in others[:MOST_WATCHES]))
        told = f" I'll tell the people who set this up: {makers}." if makers else ""
        head = f":no_bell: I no longer page you{about}.{told}"
    blocks = sections([head, "A user group, here or channel can still mention you in a channel."])
    return [*blocks, *_others(answer)]


def _others(answer: StopPagingAnswer) -> list[Block]:
    if not answer.others:
        return []
    watches = "1 other watch still pages" if answer.others == 1 else f"{answer.others} other watches still page"
    sure = confirmation(
        "Stop all pages?", "No watch will page you. The people who set them up get a message.", "Stop all pages"
    )
    stop_all = button(action_ids.STOP_ALL_PAGING, "Stop all pages", value(all=True), confirm=sure)
    return [section(f"{watches} you."), *actions(f"stop-{answer.at.timestamp():.6f}", stop_all)]


def _made(watch: Watch) -> str:
    return f"{phrases.who(watch.made_by_name)} in <#{watch.channel}>"


def stopped_blocks(notice: Notice, listed: list[Block]) -> list[Block]:
    """For the channel, and by direct message for whoever set it up."""
    where = f" by your watches in <#{notice.channel}>" if notice.channel else ""
    who = phrases.who(notice.by_name)
    head = f":no_bell: {who[:1].upper()}{who[1:]} is no longer paged{where}."
    return [section(f"{head}\nThey pressed *Stop paging me*. The watches now:"), *listed]
