"""Writes plans: the record, its history, the cards and the deliveries, in one step (commit.lua)."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from bot.domain.addressing import addressed
from bot.domain.audit_entries import action_entries
from bot.domain.episode import stable_key
from bot.domain.history import HistoryLimits
from bot.domain.plan import Plan
from bot.ports.clock import Clock
from bot.ports.lease_store import READER, Lease
from bot.ports.store_errors import StoreAway
from bot.store.card_rows import encode_cards
from bot.store.codec import RECORD, encode_message
from bot.store.history import HEAD, milliseconds, packed
from bot.store.port import RedisPort
from bot.store.receipts import encode_receipt, receipt_limits
from bot.store.scripts import Scripts
from bot.store.setup_rows import AUDIT_ENTRY

CARD_SECONDS = 30 * 24 * 3600  # how long a card outlives its episode
PLANS_AT_ONCE = 50  # the script answers one bit for each
CARDS_AT_ONCE = 500  # of all plans in one step: meanwhile, Redis serves nobody else


@dataclass(slots=True, eq=False)
class _Commit:
    """A plan that waits for its step."""

    plan: Plan
    watches_version: int
    lease: Lease | None
    """The leader's, if the plan is for a reading."""
    written: bool | None = None
    """None: the step has not ended."""
    problem: StoreAway | None = None

    @property
    def token(self) -> str:
        return self.lease.token if self.lease else ""


class RedisCommits(RedisPort):
    """The commits of one process. Plans that come while a step runs share the next one.

    The failures of a burst have their deliveries in the same lanes, so a shared step takes far fewer commands.
    """

    # `RedisStore` sets these.
    history_limits: HistoryLimits
    gather_seconds: float
    """From one step with readings to the next, at least: others of a burst join it."""

    def __init__(self, scripts: Scripts, clock: Clock) -> None:
        super().__init__(scripts, clock)
        self._waiting: list[_Commit] = []
        self._step = asyncio.Lock()
        self._gathered_at = float("-inf")

    async def commit(self, plan: Plan, watches_version: int, lease: Lease | None = None) -> bool:
        commit = _Commit(plan, watches_version, lease)
        self._waiting.append(commit)
        try:
            async with self._step:
                if commit in self._waiting:
                    await self._gather()
                    await self._write(self._next_step())
        finally:
            if commit in self._waiting:  # cancelled
                self._waiting.remove(commit)
        if commit.written is None:
            raise commit.problem or StoreAway("the step that had this plan was cancelled")
        return commit.written

    async def _gather(self) -> None:
        """Writes the first reading at once, but not each of a burst alone. A person's change waits for no others."""
        if self._waiting[0].lease is None or len(self._waiting) >= PLANS_AT_ONCE:
            return
        wait = self._gathered_at + self.gather_seconds - self._clock.monotonic()
        if wait > 0:
            await self._clock.sleep(wait)
        self._gathered_at = self._clock.monotonic()

    def _next_step(self) -> list[_Commit]:
        """Takes the oldest waiting plans, all with the lease of the first: a step ends whole if its lease is lost."""
        step: list[_Commit] = []
        cards, token = 0, self._waiting[0].token
        for commit in islice((waiting for waiting in self._waiting if waiting.token == token), PLANS_AT_ONCE):
            cards += len(commit.plan.cards)
            if step and cards > CARDS_AT_ONCE:
                break
            step.append(commit)
        for commit in step:
            self._waiting.remove(commit)
        return step

    async def _write(self, step: Sequence[_Commit]) -> None:
        keys = [self._keys[name] for name in ("records", "versions", "watches_version")]
        keys.append(self._keys.lease(READER))
        documents, rows = [], []
        for commit in step:
            plan, contents = commit.plan, encode_cards(commit.plan.cards)
            keys += self._keys_of(plan)
            documents.append(self._document(commit, contents))
            rows += [RECORD.encode(plan.record), *contents, *map(encode_message, plan.messages)]
            await asyncio.sleep(0)  # a plan may have many cards: let people's answers run in between
        keys += [self._keys["audit"], self._keys["record_changes"]]
        try:
            mask = await self._scripts.write("commit", keys, [json.dumps(documents), step[0].token, *rows])
        except StoreAway as exc:
            for commit in step:
                commit.problem = exc
            return
        for number, commit in enumerate(step):
            commit.written = bool(mask >> number & 1)

    def _keys_of(self, plan: Plan) -> list[str]:
        return [
            self._keys.history(plan.record.pipeline_id),
            self._keys.receipts(plan.record.pipeline_id),
            *(self._keys.card(card.key) for card in plan.cards),
            *(self._keys.posted(card.key) for card in plan.cards),
            *(self._keys.outbox(message.lane) for message in plan.messages),
        ]

    def _document(self, commit: _Commit, contents: Sequence[str]) -> dict[str, object]:
        plan = commit.plan
        cards = [
            {
                "revision": card.revision,
                "check": stable_key(content),
                "seconds": 0 if card.episode.open else CARD_SECONDS,
            }
            for card, content in zip(plan.cards, contents, strict=True)
        ]
        return {
            "pipeline_id": plan.record.pipeline_id,
            "version": plan.record.version,
            "watches_version": commit.watches_version,
            "history": self._history_of(plan),
            **self._receipt_of(plan),
            "audit": [AUDIT_ENTRY.encode(entry) for entry in action_entries(plan)],
            "cards": cards,
            "deliveries": [{"lane": message.lane.name, "id": message.id} for message in plan.messages],
        }

    def _receipt_of(self, plan: Plan) -> dict[str, object]:
        receipt = addressed(plan)
        if receipt is None:
            return {"receipt": ""}
        limits = receipt_limits(self.history_limits, self._clock.now())
        return {"receipt": encode_receipt(receipt), "receipts": limits}

    def _history_of(self, plan: Plan) -> dict[str, str | int]:
        """The lines to append, and the limits (milliseconds, number of lines) by which commit.lua drops older ones."""
        lines = packed(plan.transitions, plan.stretch)
        if not lines:
            return {"lines": ""}
        limits = self.history_limits
        newest = max((transition.at for transition in plan.transitions), default=self._clock.now())
        return {
            "head": HEAD,
            "lines": lines,
            "oldest": milliseconds(newest - limits.age),
            "most": limits.transitions,
            "seconds": int(limits.age.total_seconds()),
        }
