"""The pages of one episode: opens, advances and ends them together with the episode. Pure.

A watch that names people has an escalation of its own: it pages them again until somebody answers. A watch that names
a policy shares that policy's page with all other channels.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.confirmation import is_confirmed_late
from bot.domain.episode import Episode, FlapStep
from bot.domain.escalation import FailedAgain, Page, PageClosed, PageEvent, PageStatus, next_page
from bot.domain.page_progress import Paged, PageProgress, own_policy, page_key, pagers_among
from bot.domain.paging_targets import PAGING_EVENTS, called_for, named_by_watches, paging_targets
from bot.domain.routing import Routing, new_entries
from bot.domain.transition import FINDINGS
from bot.domain.watch import Audience, ChannelId, Target, TargetKind

HELD_FOR = timedelta(minutes=30)  # an acknowledgement without a promise: each new deployment may fail once more


def notified_in(episode: Episode, channel: ChannelId) -> tuple[Target, ...]:
    """The people and groups that the pages shown in this channel have reached so far."""
    pages = (page for page in episode.pages if channel in page.channels)
    targets = (target for page in pages for target in page.notified if target.kind is not TargetKind.PAGER)
    return tuple(dict.fromkeys(targets))


def pagers_of(episode: Episode) -> tuple[Target, ...]:
    """The pagers outside Slack that the pages have reached."""
    return pagers_among(target for page in episode.pages for target in page.notified)


def timer_at(episode: Episode | None) -> datetime | None:
    """When the next step, or the end of a promise, is due. None: no timer runs. While it flaps, all of them wait."""
    if episode is None or not episode.open or episode.flapping:
        return None
    times = [page.next_at for page in episode.pages if page.next_at is not None]
    if episode.acknowledged and episode.acknowledged.until and episode.resolved is None:
        times.append(episode.acknowledged.until)
    return min(times, default=None)


def paged_episode(
    episode: Episode,
    stored: Episode | None,
    routing: Routing,
    at: datetime,
    *,
    page_event: PageEvent | None = None,
    only: ChannelId | None = None,
) -> Paged:
    """Advances the pages by what this step of the episode, or a person, does. Opens those of new conversations.

    Args:
        stored: this episode before the step; None if the step opens it.
        page_event: the event of the pages, if it is no change of the pipeline.
        only: the one channel whose pages may open.
    """
    for audience in routing.audiences if episode.pages else ():
        episode = following_watch(episode, audience, routing, at)
    event = page_event or _event(episode, stored, at)
    progress = PageProgress(routing, at, episode)
    latest = [event for entry in new_entries(episode, stored) for event in entry.events if event in FINDINGS]
    progress.found = latest[-1] if stored and latest else None
    for page, its_event in _events_of_pages(episode, stored, event):
        progress.apply(page, its_event)
    if isinstance(event, FailedAgain) and episode.resolved is None:
        episode = replace(episode, acknowledged=None)
    if episode.open and episode.resolved is None and page_event is None:
        # A failure that began before pages were stored has cards without pages: its next failure opens them.
        before_pages = not episode.pages and isinstance(event, FailedAgain)
        shown = stored.cards.values() if stored and not before_pages else ()
        for audience in routing.audiences:
            silent = routing.silence_in(audience.channel, episode.kind, at)
            waits = silent or episode.waits_for(audience.confirm)
            if audience.channel not in shown and not waits and (only is None or audience.channel == only):
                progress.open(episode, audience, paging_targets(audience, episode, routing))
            elif progress.found and not waits and only is None:
                progress.widen(episode, audience, paging_targets(audience, episode, routing), stored)
    progress.page_operator(episode)
    return progress.result(episode)


def named_late(episode: Episode, audience: Audience, new: Sequence[Target], routing: Routing, at: datetime) -> Paged:
    """A watch names more people only now: its page reaches them too, from the first step on."""
    progress = PageProgress(routing, at, episode)
    own = page_key(episode, routing, "channel", audience.channel)
    policies = tuple(target for target in new if target.kind is TargetKind.POLICY)
    if own in progress.pages:
        progress.extend(own, [target for target in new if target not in policies])
        progress.open(episode, audience, policies)
    else:
        progress.open(episode, audience, new)
    return progress.result(episode)


def following_watch(episode: Episode, audience: Audience, routing: Routing, at: datetime) -> Episode:
    """The page of a channel's own targets names the targets that its watches name now."""
    if not called_for(episode):
        return episode  # its pages end with this step
    key, targets = page_key(episode, routing, "channel", audience.channel), named_by_watches(audience, episode)
    return replace(
        episode, pages=tuple(_of_targets(page, targets, at) if page.key == key else page for page in episode.pages)
    )


def _of_targets(page: Page, targets: Sequence[Target], at: datetime) -> Page:
    policy = own_policy(targets)
    if policy == page.policy:
        return page
    (step,) = policy.steps
    dropped = {target for before in page.policy.steps for target in before.targets} - set(step.targets)
    notified = tuple(target for target in page.notified if target not in dropped)
    page = replace(page, policy=policy, notified=notified)
    return page if step.targets else _closed(page, at)


def without_conversations(episode: Episode, leaving: Collection[ChannelId], at: datetime) -> Episode:
    """Takes conversations out of the pages: channels that stopped watching, and people who are paged no longer.

    A page without channels ends.
    """
    return replace(episode, pages=tuple(_without(page, leaving, at) for page in episode.pages))


def _without(page: Page, leaving: Collection[ChannelId], at: datetime) -> Page:
    channels = tuple(channel for channel in page.channels if channel not in leaving)
    notified = tuple(target for target in page.notified if target.direct not in leaving) if channels else ()
    page = replace(page, channels=channels, notified=notified)
    return page if channels else _closed(page, at)


def _closed(page: Page, at: datetime) -> Page:
    return next_page(page, at, PageClosed(), lambda _: False).page


def _event(episode: Episode, stored: Episode | None, at: datetime) -> PageEvent | None:
    """What a change of the pipeline means for the pages."""
    if not episode.open or not called_for(episode):
        return PageClosed()
    new = new_entries(episode, stored)
    events = {event for entry in new for event in entry.events}
    found = bool(events & FINDINGS) and (not episode.pages_now or any(entry.reopens for entry in new))
    again = stored is not None and (found or bool(events & PAGING_EVENTS.get(episode.kind, frozenset())))
    settles = any(entry.flap is FlapStep.SETTLED for entry in new)
    return FailedAgain() if again and (settles or not _is_held(episode, at)) else None


def _is_held(episode: Episode, at: datetime) -> bool:
    """Somebody looks at this failure, and it was never over since: only a new deployment failed.

    A recovery ends the acknowledgement.
    """
    answer = episode.acknowledged
    return answer is not None and at <= max(answer.at + HELD_FOR, answer.until or answer.at)


def _events_of_pages(
    episode: Episode, stored: Episode | None, event: PageEvent | None
) -> Iterator[tuple[Page, PageEvent]]:
    """Pages that waited for a further reading of a failure resume with it."""
    late = event is None and is_confirmed_late(episode, stored)
    for page in episode.pages:
        if event is not None:
            yield page, event
        elif late and page.status is PageStatus.CLOSED:
            yield page, FailedAgain()
