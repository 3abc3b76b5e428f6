"""What is next in one lane: what it owes, in which order, and what of that may be done now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.delivery.claims import Rank
from bot.delivery.job import Job, cards_of
from bot.delivery.rate_limiter import Method, RateLimiter
from bot.domain.card import ALONE, Burst, Notice, PostedCard, Recheck, SyncCard, SyncGroup, ThreadEntry, TimelineBatch
from bot.domain.delivery import Delivery, Find, Lane, LaneKind, Ownership, Wait
from bot.domain.grouping import GROUP_FROM, Backlog
from bot.domain.protocol import decide, given_up, in_doubt, in_order, patience_with, thread_of
from bot.domain.watch import TeamId
from bot.ports.cards import Cards
from bot.ports.outbox import Outbox


@dataclass(frozen=True, slots=True)
class LaneSnapshot:
    """The rows of one lane, oldest first, with the cards and groups that they speak of."""

    lane: Lane
    rows: tuple[Delivery, ...]
    cards: Mapping[str, PostedCard]
    groups: Mapping[str, tuple[PostedCard, ...]]
    bursts: Mapping[str, Burst]
    growing: tuple[str, ...] = ()

    @classmethod
    async def read(cls, outbox: Outbox, known: Cards, lane: Lane) -> "LaneSnapshot":
        rows = await outbox.deliveries(lane)
        bodies = [row.body for row in rows]
        keys = {body.card_key for body in bodies if isinstance(body, SyncCard | ThreadEntry)}
        keys |= {body.thread_key for body in bodies if isinstance(body, TimelineBatch) and not body.of_group}
        keys |= {each.card_key for body in bodies if isinstance(body, Notice) for each in body.failures}
        told = {body.group_key for body in bodies if isinstance(body, SyncGroup)}
        told |= {body.thread_key for body in bodies if isinstance(body, TimelineBatch) and body.of_group}
        keys |= {row.message.after_card for row in rows if row.message.after_card}
        cards = await known.cards(sorted(keys))
        groups = {key: await known.group(key) for key in sorted(told)}
        bursts = {key: await known.in_burst(key) for key in sorted(told)}
        many = sum(isinstance(body, SyncCard) for body in bodies) >= GROUP_FROM
        return cls(lane, rows, cards, groups, bursts, await known.growing(lane.receiver) if many else ())

    def backlog(self, team: TeamId, doubt_since: datetime | None, *, away: bool) -> Backlog:
        """What may have been told already, as it is, is not told in another way before it was looked for. What is known
        to stand is not looked for; and a card that stands in a group's message is never drawn over it alone."""
        rows = [row for row in self.rows if self._stands(row) or not in_doubt(row, doubt_since)]
        unseen = {key: cards for key, cards in self.groups.items() if all(card.message_id is None for card in cards)}
        sizes = {key: len(cards) for key, cards in unseen.items()}
        return Backlog(team, rows, self.cards, sizes, away=away, growing=self.growing)

    def _stands(self, row: Delivery) -> bool:
        card = self.cards.get(row.body.card_key) if isinstance(row.body, SyncCard) else None
        return card is not None and card.message_id is not None

    def _told_by_a_repeat(self, job: Job) -> bool:
        """The line's card has told it, but it may stand twice, and that one may go: the line waits for what stays."""
        if not job.told_in_part:
            return False
        rechecked = {key for row in self.rows if isinstance(row.body, Recheck) for key in row.body.shows}
        return any(card.content.key in rechecked for card in job.cards)

    def jobs(self) -> list[Job]:
        """Those that may be worked on, most urgent first; what was a page, and is over by now, after what is open."""
        jobs = {row.id: self._job(row) for row in self.rows}
        # A line whose card is kept no more waits for nothing: it is taken up, and dropped.
        there = {
            thread_key: job.message_id is not None or not job.cards
            for job in jobs.values()
            if (thread_key := thread_of(job.delivery.body))
        }
        there |= {key: card.message_id is not None or card.removed or card.held > 0 for key, card in self.cards.items()}
        ordered = [jobs[row.id] for row in in_order(self.rows, there) if not self._told_by_a_repeat(jobs[row.id])]
        return sorted(ordered, key=lambda job: job.over) if self.lane.kind is LaneKind.PAGES else ordered

    def _job(self, row: Delivery) -> Job:
        burst = self.bursts.get(row.body.group_key) if isinstance(row.body, SyncGroup) else None
        return Job(row, cards_of(row, self.cards, self.groups), burst or ALONE)


@dataclass(frozen=True, slots=True)
class NextAction:
    """One message to send, or those to be looked for in one place; else the seconds until there may be something."""

    send: Job | None = None
    look_up: tuple[Job, ...] = ()
    seconds: float = 0.0


def choose_next(
    lane: Lane, jobs: Sequence[Job], now: datetime, ownership: Ownership, limiter: RateLimiter
) -> NextAction:
    """The next step in one lane that the rate limits allow. `jobs` come most urgent first."""
    limiter.claims.withdraw(lane)
    if lane.kind is LaneKind.PAGES and any(job.delivery.attempt.count == 0 for job in jobs):
        limiter.claim(lane.receiver)
    seconds = float("inf")
    for job in _worth_a_try(jobs, limiter):
        step = decide(job.delivery, now, ownership, idempotent=job.updates)
        if isinstance(step, Wait):
            seconds = min(seconds, (step.until - now).total_seconds())
            continue
        first_finds = isinstance(step, Find) or isinstance(job.delivery.body, Recheck)
        _claim(lane, job, Method.HISTORY if first_finds else job.method, limiter)
        pause = _until_lookup(lane, job, limiter) if first_finds else _until(lane, job, job.method, limiter)
        if first_finds and pause <= 0:
            return NextAction(look_up=(job, *_in_the_same_place(job, jobs, now, ownership)))
        if pause <= 0:
            return NextAction(send=job)
        seconds = min(seconds, pause)
    return NextAction(seconds=seconds)


def _worth_a_try(jobs: Sequence[Job], limiter: RateLimiter) -> Sequence[Job]:
    """While posts get no answer, a lane retries only what it tried before. Messages that nobody tried can still be
    grouped."""
    tried = [job for job in jobs if job.delivery.attempt.count > 0]
    return tried if tried and limiter.away(Method.POST) else jobs


def _claim(lane: Lane, job: Job, method: Method, limiter: RateLimiter) -> None:
    limiter.claims.make(lane, method, Rank.of(job.delivery))
    if lane.kind is LaneKind.PAGES and method is Method.POST:
        limiter.claim(lane.receiver)


def _until(lane: Lane, job: Job, method: Method, limiter: RateLimiter) -> float:
    return limiter.turn(lane, method, Rank.of(job.delivery))


def _until_lookup(lane: Lane, job: Job, limiter: RateLimiter) -> float:
    """A page does not wait for a throttled history beyond its patience, unless nothing at all gets an answer.
    A delivery that was given up is looked up again only right before it can be sent."""
    pause = _until(lane, job, Method.HISTORY, limiter)
    silent = limiter.unanswered(Method.HISTORY) and limiter.unanswered(Method.POST)
    if lane.kind is LaneKind.PAGES and not silent:
        pause = 0.0 if pause > patience_with(job.delivery, lost=False).total_seconds() else pause
    return max(pause, _until(lane, job, Method.POST, limiter)) if given_up(job.delivery) else pause


def _in_the_same_place(first: Job, jobs: Sequence[Job], now: datetime, ownership: Ownership) -> list[Job]:
    """One read of a channel or thread serves all lookups in it."""
    return [
        job
        for job in jobs
        if job is not first
        and job.parent_id == first.parent_id
        and isinstance(decide(job.delivery, now, ownership, idempotent=job.updates), Find)
    ]
