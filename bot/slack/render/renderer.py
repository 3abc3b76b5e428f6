"""Renders the content of a delivery as a Slack message."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from bot.domain.card import Card, Content, Digest, Group, HeldPages, Notice, ThreadEntry, TimelineBatch
from bot.domain.delivery import Delivery
from bot.domain.permission import Broadcast
from bot.slack.render.blocks import RenderedMessage
from bot.slack.render.cards import render_card, render_entry
from bot.slack.render.groups import render_batch, render_digest, render_group
from bot.slack.render.held_pages import render_held_pages
from bot.slack.render.notices import render_notice
from bot.slack.render.render_context import RenderContext

Calls = TypeVar("Calls", Card, Notice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """Chooses the function that renders each kind of content, and adds the settings that it needs."""

    command: str
    """The slash command's name, such as `/pipeline`."""
    platform_url: str
    """The address that cards link to. May contain `{pipeline_id}`."""
    broadcast: Broadcast = Broadcast.MEMBERS
    """NOBODY silences `here` and `channel` in every page, even for older watches."""

    @property
    def render_context(self) -> RenderContext:
        return RenderContext(platform_url=self.platform_url, command=self.command)

    def content(self, content: Content, delivery: Delivery, now: datetime) -> RenderedMessage:
        message = self._rendered(content, delivery, now)
        return message.text_only if delivery.attempt.plain else message

    def _rendered(self, content: Content, delivery: Delivery, now: datetime) -> RenderedMessage:
        match content:
            case Card():
                return render_card(self._allowed(content), delivery, now, self.render_context)
            case ThreadEntry():
                return render_entry(content, delivery, now)
            case Notice():
                return render_notice(self._allowed(content), delivery, self.render_context)
            case Group():
                allowed = replace(content, cards=tuple(map(self._allowed, content.cards)))
                return render_group(allowed, delivery, now, self.render_context)
            case TimelineBatch():
                return render_batch(content, delivery, now)
            case Digest():
                return render_digest(content, delivery, now)
            case HeldPages():
                return render_held_pages(content, delivery, now)

    def _allowed(self, content: Calls) -> Calls:
        if self.broadcast is Broadcast.MEMBERS:
            return content
        return replace(content, targets=tuple(target for target in content.targets if not target.is_broadcast))
