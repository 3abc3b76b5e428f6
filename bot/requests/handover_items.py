"""The pipelines that the next person on call should know about: what is open, flapping and muted."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from bot.domain.episode import Episode, EpisodeKind
from bot.domain.observation import PipelineId
from bot.domain.schedule_messages import HandoverItem
from bot.domain.schedule_state import pages_schedule
from bot.domain.silence import Mute, SilenceNote
from bot.domain.watch import Watch
from bot.state.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverItems:
    """Each part is sorted by the pipeline's name."""

    failures: tuple[HandoverItem, ...]
    flapping: tuple[HandoverItem, ...]
    muted: tuple[SilenceNote, ...]
    looked_at: int
    """The number of pipelines."""
    pages_schedule: bool
    """They page this schedule. False: no watch does, so they are all watched pipelines."""


def handover_items(repository: Repository, schedule: str, at: datetime) -> HandoverItems:
    """Of the pipelines that page this schedule. If none does, of all watched pipelines."""
    paging = _paging_watches(repository, schedule)
    covered = repository.covered_by(paging) if paging else repository.watched
    open_records = [
        (record.pipeline_id, record.episode)
        for record in repository.records
        if record.episode and record.episode.open and record.pipeline_id in covered
    ]
    failures = [
        _item(repository, pipeline_id, episode)
        for pipeline_id, episode in open_records
        if episode.kind is EpisodeKind.FAILURE and not episode.flapping
    ]
    flapping = [_item(repository, pipeline_id, episode) for pipeline_id, episode in open_records if episode.flapping]
    mutes = (silence for silence in repository.watches.silences.all if isinstance(silence, Mute) and silence.end_at(at))
    notes = [mute.note(at) for mute in mutes if _mutes_any(repository, mute, covered)]
    return HandoverItems(
        failures=tuple(sorted(failures, key=lambda item: item.pipeline.name.lower())),
        flapping=tuple(sorted(flapping, key=lambda item: item.pipeline.name.lower())),
        muted=tuple(sorted(notes, key=lambda note: note.name.lower())),
        looked_at=len(covered),
        pages_schedule=bool(paging),
    )


def _item(repository: Repository, pipeline_id: PipelineId, episode: Episode) -> HandoverItem:
    acknowledged = episode.acknowledged
    return HandoverItem(
        pipeline=repository.pipeline(pipeline_id),
        since=episode.began_at,
        first_seen=episode.found_begun,
        end_of_run=episode.end_of_run,
        acknowledged_by=(acknowledged.name or "someone") if acknowledged else "",
    )


def _mutes_any(repository: Repository, mute: Mute, covered: AbstractSet[PipelineId]) -> bool:
    """True if it holds back messages about one of these pipelines."""
    here = repository.covered_by(repository.watches.in_channel(mute.made_in)) & covered
    return any(mute.covers(repository.pipeline(pipeline_id)) for pipeline_id in here)


def _paging_watches(repository: Repository, schedule: str) -> list[Watch]:
    setup = repository.watches.setup
    return [watch for watch in repository.watches if pages_schedule(setup, watch, schedule)]
