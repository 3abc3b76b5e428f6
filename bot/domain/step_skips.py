"""Which steps of a page notify nobody: because nobody was there, or because somebody answered before. Pure."""

from collections.abc import Iterator
from datetime import datetime

from bot.domain.episode import Episode
from bot.domain.escalation import Page, PageStatus, PolicyStep
from bot.domain.receipt import Skip, SkipReason


def left_out_steps(episode: Episode, stored: Episode | None, at: datetime) -> tuple[Skip, ...]:
    """A skip for each channel of a page, and each step that this change of the episode leaves out."""
    stored_pages = {page.key: page for page in stored.pages} if stored else {}
    skips = [
        *(skip for page in episode.pages for skip in _unreached(page, stored_pages.get(page.key), episode, at)),
        *(skip for page in stored_pages.values() for skip in _spared(page, episode, stored, at)),
    ]
    return tuple(skips)


def _unreached(page: Page, before: Page | None, episode: Episode, at: datetime) -> Iterator[Skip]:
    """The steps that the page has just passed over, because nobody was there."""
    for position in page.unreached:
        if before is None or position not in before.unreached:
            yield from _skips(page, episode, at, SkipReason.REACHED_NOBODY, _step_words(page, position))


def _spared(page: Page, episode: Episode, stored: Episode | None, at: datetime) -> Iterator[Skip]:
    """The next step of a page, if somebody has just answered."""
    answer = episode.acknowledged
    if stored is None or stored.acknowledged or answer is None or page.status is not PageStatus.ESCALATING:
        return
    if step := _next_step(page):
        reason = SkipReason.SNOOZED if answer.snoozed else SkipReason.ACKNOWLEDGED
        names = ", ".join(target.label or target.identity for target in step.targets)
        target = f"{_step_words(page, page.position)} ({names})" if names else _step_words(page, page.position)
        yield from _skips(page, episode, at, reason, target)


def _next_step(page: Page) -> PolicyStep | None:
    steps = page.policy.steps
    return steps[page.position % len(steps)] if page.position < len(steps) * (page.policy.rounds + 1) else None


def _skips(page: Page, episode: Episode, at: datetime, reason: SkipReason, target: str) -> Iterator[Skip]:
    for channel in page.channels:
        yield Skip(conversation=channel, revision=episode.revision, at=at, reason=reason, target=target)


def _step_words(page: Page, position: int) -> str:
    step = f"step {position % max(1, len(page.policy.steps)) + 1}"
    return f"{step} of {page.policy.name}" if page.policy.name else step
