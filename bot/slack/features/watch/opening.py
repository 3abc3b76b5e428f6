"""Opens the modal of a form, and words a refusal as an error in it. All forms share this."""

import re
from collections.abc import Callable
from dataclasses import replace

from bot.domain.answer import RefusalAnswer
from bot.domain.watch import ChannelId
from bot.ports.chat import ChatAway
from bot.slack.click import Click
from bot.slack.feature import Reply, Request
from bot.slack.mrkdwn import unescape
from bot.slack.outbound.modals import Opening
from bot.slack.permissions import UNCHANGED
from bot.slack.render.blocks import Block, message, section
from bot.slack.render.phrases import is_direct

_CHANNEL_LINK = re.compile(r"<#[^>]*>")

PREVIEWED = "Before I save it, I show you the effect in your direct messages with me."

LATE = RefusalAnswer(reason=f"That took too long, so the form didn't open. {UNCHANGED}", hint="Click the button again.")
FAILED = RefusalAnswer(reason=f"Slack didn't open the form. {UNCHANGED}", hint="Click the button again.")
UNKNOWN = RefusalAnswer(
    reason=f"I can't tell whether the form opened, because Slack didn't answer. {UNCHANGED}",
    hint="If you don't see it, click the button again.",
)


async def open_modal(click: Click, request: Request, form: Callable[[ChannelId], Block]) -> Reply | None:
    """`form` makes the modal. It keeps the person's direct conversation in `private_metadata`.

    A submission belongs to no channel, so its answer goes there.
    """
    direct = await _direct(click, request)
    if direct is None:
        return request.refused(FAILED)
    match await request.services.modals.open(click.trigger, form(direct)):
        case Opening.OPEN:
            return None
        case Opening.LATE:
            return request.refused(LATE)
        case Opening.FAILED:
            return request.refused(FAILED)
        case Opening.UNKNOWN:
            return request.refused(UNKNOWN)


async def _direct(click: Click, request: Request) -> ChannelId | None:
    if is_direct(click.channel):
        return click.channel
    try:
        return await request.services.directory.direct(click.user)
    except ChatAway:
        return None


def field_refusal(block: str, refusal: RefusalAnswer | str, request: Request) -> Reply:
    """Shows a refusal at this field. If the modal is closed by then, it comes as a message."""
    answer = RefusalAnswer(reason=refusal) if isinstance(refusal, str) else refusal
    return replace(request.refused(answer), errors={block: error_text(answer)})


def error_text(refusal: RefusalAnswer) -> str:
    """A refusal in plain text, because Slack formats nothing in a modal's error. Never shows a channel's id."""
    text = " ".join(filter(None, [refusal.reason, refusal.hint]))
    return unescape(_CHANNEL_LINK.sub("that channel", message([section(text)]).text)).replace("`", "")
