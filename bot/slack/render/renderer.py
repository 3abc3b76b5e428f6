"""Renders the content of a delivery as a Slack message."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from bot.domain.body import Content
from bot.domain.card import Card, Group, MovedCard, ThreadEntry, TimelineBatch
from bot.domain.delivery import Delivery
from bot.domain.episode import EpisodeKind, EpisodeOutcome
from bot.domain.notice import Notice
from bot.domain.observation import PipelineId
from bot.domain.pager import PagerEvent
from bot.domain.permission import Broadcast
from bot.domain.plan import Record
from bot.domain.postmortem import Postmortem
from bot.domain.schedule_messages import ScheduleReport, ShadowChange, ShiftChange, ShiftHandover
from bot.domain.summary import Digest, DigestEntry, HeldPages
from bot.domain.transition import Event
from bot.slack.render.blocks import RenderedMessage
from bot.slack.render.cards import render_card, render_entry, render_moved
from bot.slack.render.group_card import render_group
from bot.slack.render.groups import render_batch, render_digest
from bot.slack.render.held_pages import render_held_pages
from bot.slack.render.notices import render_notice
from bot.slack.render.postmortem import render_postmortem
from bot.slack.render.render_context import RenderContext
from bot.slack.render.schedule_messages import render_schedule_report
from bot.slack.render.shift_messages import render_handover, render_shadow_change, render_shift_change
from bot.slack.render.silence_digest import render_silence_digest

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

    record: Callable[[PipelineId], Record] = lambda pipeline_id: Record(pipeline_id=pipeline_id)
    """The latest record of a pipeline. A message may wait for long, and must not show an older state as the last."""

    @property
    def render_context(self) -> RenderContext:
        return RenderContext(platform_url=self.platform_url, command=self.command)

    def content(self, content: Content, delivery: Delivery, now: datetime) -> RenderedMessage:
        """
        Raises:
            TypeError: the content is for a pager.
        """
        message = self._rendered(content, delivery, now)
        return message.text_only if delivery.attempt.plain else message

    def _rendered(  # noqa: C901, PLR0911, PLR0912 (one case for each kind)
        self, content: Content, delivery: Delivery, now: datetime
    ) -> RenderedMessage:
        match content:
            case Card():
                again = self._failed_again(content.pipeline.id, _recovered_at(content))
                return render_card(self._allowed(content), delivery, now, self.render_context, failed_again=again)
            case ThreadEntry():
                recovered_at = content.entry.at if Event.RECOVERED in content.entry.events else None
                again = self._failed_again(content.pipeline.id, recovered_at)
                return render_entry(content, delivery, now, failed_again=again)
            case Notice():
                return render_notice(self._allowed(content), delivery, self.render_context)
            case Group():
                allowed = replace(content, cards=tuple(map(self._allowed, content.cards)))
                return render_group(allowed, delivery, now, self.render_context, self._failed_again_in(content))
            case MovedCard():
                return render_moved(content, delivery)
            case TimelineBatch():
                return render_batch(content, delivery, now, self._failed_again_since(content))
            case Digest() if content.silence:
                records = {entry.pipeline.id: self.record(entry.pipeline.id) for entry in content.entries}
                return render_silence_digest(content, content.silence, records, delivery, now)
            case Digest():
                return render_digest(replace(content, entries=self._with_last_states(content.entries)), delivery, now)
            case HeldPages():
                held = replace(content, entries=self._with_last_states(content.entries))
                return render_held_pages(held, delivery, now)
            case ShiftHandover():
                return render_handover(content, delivery)
            case ShiftChange():
                return render_shift_change(content, delivery, self.render_context)
            case ShadowChange():
                return render_shadow_change(content, delivery, self.render_context)
            case ScheduleReport():
                return render_schedule_report(content, delivery)
            case Postmortem():
                return render_postmortem(content, delivery)
            case PagerEvent():
                raise TypeError("a pager event never goes to Slack")

    def _failed_again(self, pipeline_id: PipelineId, recovered_at: datetime | None) -> datetime | None:
        """When the pipeline failed after this recovery, if that failure is still open."""
        episode = self.record(pipeline_id).episode
        if recovered_at is None or episode is None or not episode.open or episode.kind is not EpisodeKind.FAILURE:
            return None
        return episode.began_at if episode.began_at >= recovered_at else None

    def _failed_again_in(self, group: Group) -> dict[PipelineId, datetime]:
        """The group's pipelines that failed again after their latest recovery in it."""
        recovered = {
            card.pipeline.id: at
            for card in sorted(group.cards, key=lambda card: card.episode.opened_at)
            if (at := _recovered_at(card))
        }
        return self._all_failed_again(recovered)

    def _failed_again_since(self, batch: TimelineBatch) -> dict[PipelineId, datetime]:
        """As above, for the pipelines of a batch, and for a whole group that it says has recovered."""
        recovered = {
            entry.pipeline.id: entry.entry.at for entry in batch.entries if Event.RECOVERED in entry.entry.events
        }
        latest = max((entry.entry.at for entry in batch.entries), default=None)
        whole = dict.fromkeys(batch.members, latest) if latest and batch.all_recovered else {}
        return self._all_failed_again({**whole, **recovered})

    def _all_failed_again(self, recovered: Mapping[PipelineId, datetime]) -> dict[PipelineId, datetime]:
        failed = ((pipeline_id, self._failed_again(pipeline_id, at)) for pipeline_id, at in recovered.items())
        return {pipeline_id: at for pipeline_id, at in failed if at}

    def _with_last_states(self, entries: Sequence[DigestEntry]) -> tuple[DigestEntry, ...]:
        return tuple(map(self._with_last_state, entries))

    def _with_last_state(self, entry: DigestEntry) -> DigestEntry:
        state = self.record(entry.pipeline.id).state
        if state.since is None or state.since <= entry.until:
            return entry
        return replace(entry, until=state.since, last=replace(entry.last, phase=state.phase, by=None))

    def _allowed(self, content: Calls) -> Calls:
        if self.broadcast is Broadcast.MEMBERS:
            return content
        return replace(content, targets=tuple(target for target in content.targets if not target.is_broadcast))


def _recovered_at(card: Card) -> datetime | None:
    return card.episode.closed_at if card.episode.outcome is EpisodeOutcome.RECOVERED else None
