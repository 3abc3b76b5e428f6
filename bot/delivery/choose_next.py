"""What is next in one lane: what it owes, in which order, and what of that may be done now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.delivery.claims import Rank
from bot.delivery.job import Job, cards_of
from bot.delivery.rate_limiter import Method, RateLimiter
from bot.domain.card import ALONE, Burst, Notice, PostedCard, Recheck, SyncCard, SyncGroup, ThreadEntry, TimelineBatch
from bot.domain.delivery import Delivery, Hold, Lane, LaneKind, Look, Wait
from bot.domain.grouping import GROUP_FROM, Backlog
from bot.domain.protocol import decide, given_up, in_doubt, in_order, patience_with, story_of
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
        keys |= {body.story for body in bodies if isinstance(body, TimelineBatch) and not body.of_group}
        keys |= {each.card_key for body in bodies if isinstance(body, Notice) for each in body.called}
        told = {body.group_key for body in bodies if isinstance(body, SyncGroup)}
        told |= {body.story for body in bodies if isinstance(body, TimelineBatch) and body.of_group}
        keys |= {row.after_card for row in rows if row.after_card}
        cards = await known.cards(sorted(keys))
        groups = {key: await known.group(key) for key in sorted(told)}
        bursts = {key: await known.in_burst(key) for key in sorted(told)}
        many = sum(isinstance(body, SyncCard) for body in bodies) >= GROUP_FROM
        return cls(lane, rows, cards, groups, bursts, await known.growing(lane.channel) if many else ())

    def backlog(self, team: TeamId, doubt_since: datetime | None, *, away: bool) -> Backlog:
        """What may have been told already, as it is, is not told in another way before it was looked for. What is known
        to stand is not looked for; and a card that stands in a group's message is never drawn over it alone."""
        rows = [row for row in self.rows if self._stands(row) or not in_doubt(row, doubt_since)]
        unseen = {key: cards for key, cards in self.groups.items() if all(card.ts is None for card in cards)}
        sizes = {key: len(cards) for key, cards in unseen.items()}
        return Backlog(team, rows, self.cards, sizes, away=away, growing=self.growing)

    def _stands(self, row: Delivery) -> bool:
        card = self.cards.get(row.body.card_key) if isinstance(row.body, SyncCard) else None
        return card is not None and card.ts is not None

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
            story: job.ts is not None or not job.cards
            for job in jobs.values()
            if (story := story_of(job.delivery.body))
        }
        there |= {key: card.ts is not None or card.removed or card.held > 0 for key, card in self.cards.items()}
        ordered = [jobs[row.id] for row in in_order(self.rows, there) if not self._told_by_a_repeat(jobs[row.id])]
        return sorted(ordered, key=lambda job: job.over) if self.lane.kind is LaneKind.PAGES else ordered

    def _job(self, row: Delivery) -> Job:
        burst = self.bursts.get(row.body.group_key) if isinstance(row.body, SyncGroup) else None
        return Job(row, cards_of(row, self.cards, self.groups), burst or ALONE)


@dataclass(frozen=True, slots=True)
class NextAction:
    """One message to send, or those to be looked for in one place; else the seconds until there may be something."""

    send: Job | None = None
    look_for: tuple[Job, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Agenda:
    """Decides what is done first in one lane, as fast as Slack may be spoken to."""

    lane: Lane
    pace: RateLimiter

    def first(self, jobs: Sequence[Job], now: datetime, hold: Hold) -> NextAction:
        """`jobs` come most urgent first."""
        self.pace.claims.withdraw(self.lane)
        if self.lane.kind is LaneKind.PAGES and any(job.delivery.attempts == 0 for job in jobs):
            self.pace.claim(self.lane.channel)
        seconds = float("inf")
        for job in self._worth_a_trial(jobs):
            step = decide(job.delivery, now, hold, idempotent=job.updates)
            if isinstance(step, Wait):
                seconds = min(seconds, (step.until - now).total_seconds())
                continue
            looks = isinstance(step, Look) or isinstance(job.delivery.body, Recheck)
            self._claim(job, Method.HISTORY if looks else job.method)
            pause = self._until_look(job) if looks else self._until(job, job.method)
            if looks and pause <= 0:
                return NextAction(look_for=(job, *_to_look_for_there(job, jobs, now, hold)))
            if pause <= 0:
                return NextAction(send=job)
            seconds = min(seconds, pause)
        return NextAction(seconds=seconds)

    def _worth_a_trial(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """While Slack is away a lane goes on with what it has tried already: whatever else is given now could not be
        told together with others any more."""
        tried = [job for job in jobs if job.delivery.attempts > 0]
        return tried if tried and self.pace.away(Method.POST) else jobs

    def _claim(self, job: Job, method: Method) -> None:
        self.pace.claims.make(self.lane, method, Rank.of(job.delivery))
        if self.lane.kind is LaneKind.PAGES and method is Method.POST:
            self.pace.claim(self.lane.channel)

    def _until(self, job: Job, method: Method) -> float:
        return self.pace.turn(self.lane, method, Rank.of(job.delivery))

    def _until_look(self, job: Job) -> float:
        """A page waits for no history that is held longer than it has patience, unless Slack answers nothing at all.
        What was given up is looked for again only right before it can be sent."""
        pause = self._until(job, Method.HISTORY)
        silent = self.pace.unanswered(Method.HISTORY) and self.pace.unanswered(Method.POST)
        if self.lane.kind is LaneKind.PAGES and not silent:
            pause = 0.0 if pause > patience_with(job.delivery, lost=False).total_seconds() else pause
        return max(pause, self._until(job, Method.POST)) if given_up(job.delivery) else pause


def _to_look_for_there(first: Job, jobs: Sequence[Job], now: datetime, hold: Hold) -> list[Job]:
    """One reading of a channel or a thread answers for all that is to be looked for in it."""
    return [
        job
        for job in jobs
        if job is not first
        and job.thread_ts == first.thread_ts
        and isinstance(decide(job.delivery, now, hold, idempotent=job.updates), Look)
    ]
