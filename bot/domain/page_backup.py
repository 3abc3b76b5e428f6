"""The backups of escalations: Slack posts them if the bot does not deliver a step of a page in time. Pure."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from bot.domain.backup import EscalationBackup, LateStep, WantedMessage
from bot.domain.catalogue import Pipeline
from bot.domain.episode import Episode, stable_key
from bot.domain.escalation import NotifyLastResort, NotifyStep, Page, PageDecision, TimerDue, next_page
from bot.domain.routing import Routing
from bot.domain.watch import ChannelId, Target

LATE_AFTER = timedelta(minutes=3)
"""A step is late so long after it was due."""
TOGETHER_SECONDS = 120
"""Steps of one channel that are late within such a window share one message: Slack takes 30 in 5 minutes."""
AHEAD = timedelta(hours=1)
"""The bot may be dead so long before a step has no backup."""
MOST_STEPS = 5
"""Steps of one page that get a backup in advance."""
MOST_MESSAGES = 60
"""In the workspace, the earliest first."""

Reached = Callable[[Target, datetime], tuple[Target, ...]]


def page_backups(open_pages: Iterable[tuple[Pipeline, Episode, Routing]], now: datetime) -> tuple[WantedMessage, ...]:
    """One message for each channel and window."""
    windows: dict[tuple[ChannelId, int], list[LateStep]] = {}
    for pipeline, episode, routing in open_pages:
        for page in episode.pages:
            for due_at, decision in upcoming(page, routing.reached, now + AHEAD):
                step = LateStep(
                    pipeline=pipeline,
                    kind=episode.kind,
                    end_of_run=episode.end_of_run,
                    since=episode.began_at,
                    due_at=due_at,
                    targets=_targets(decision, routing.reached, due_at),
                )
                window = int((due_at + LATE_AFTER).timestamp()) // TOGETHER_SECONDS
                for channel in routing.heard(page, episode.kind, due_at).channels:
                    windows.setdefault((channel, window), []).append(step)
    messages = [_message(channel, window, steps) for (channel, window), steps in windows.items()]
    return tuple(sorted(messages, key=lambda message: (message.post_at, message.key))[:MOST_MESSAGES])


def upcoming(page: Page, reached: Reached, until: datetime) -> Iterator[tuple[datetime, PageDecision]]:
    """The next steps of the page if nobody answers, each with the moment when it is due."""
    for _ in range(MOST_STEPS):
        due_at = page.next_at
        if due_at is None or due_at > until:
            return

        def reaches(target: Target, at: datetime = due_at) -> bool:
            return bool(reached(target, at))

        decision = next_page(page, due_at, TimerDue(), reaches)
        yield due_at, decision
        page = decision.page


def _targets(decision: PageDecision, reached: Reached, at: datetime) -> tuple[Target, ...]:
    named = [
        target
        for effect in decision.effects
        if isinstance(effect, NotifyStep | NotifyLastResort)
        for target in effect.targets
    ]
    return tuple(dict.fromkeys(found for target in named for found in reached(target, at)))


def _message(channel: ChannelId, window: int, steps: list[LateStep]) -> WantedMessage:
    """Slack's times are whole seconds."""
    steps = sorted(steps, key=lambda step: (step.due_at, step.pipeline.id))
    post_at = datetime.fromtimestamp(int((steps[-1].due_at + LATE_AFTER).timestamp()), UTC)
    parts = [
        part
        for step in steps
        for part in (step.pipeline.id, step.due_at.isoformat(), *(target.identity for target in step.targets))
    ]
    return WantedMessage(
        key=f"page:{channel}:{window}",
        channel=channel,
        post_at=post_at,
        not_before=post_at,
        content=EscalationBackup(steps=tuple(steps)),
        fingerprint=stable_key(*parts)[:16],
    )
