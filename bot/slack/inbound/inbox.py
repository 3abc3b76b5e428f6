"""Stores each interaction before the acknowledgement, runs it once, and resumes it after a crash."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Protocol

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.answer import RefusalAnswer
from bot.domain.watch import UserId
from bot.ports.alias_store import AliasStore
from bot.ports.clock import Clock
from bot.ports.interaction_store import Interaction, InteractionStore
from bot.ports.lease_store import LeaseStore
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.store import Component, StoreUnreachable
from bot.slack.feature import Reply
from bot.slack.inbound.inbox_records import (
    report_acknowledged,
    report_answered,
    report_crashed,
    report_expired,
    report_recovered,
    report_slow,
)
from bot.slack.inbound.open_modal import OpenModal
from bot.slack.inbound.person_limits import (
    ACKNOWLEDGEMENTS_PER_MINUTE,
    BUSY,
    CHANGE_COSTS,
    BusyError,
    CommandSlots,
    PersonLimits,
    TooMany,
)
from bot.slack.inbound.refusals import FOR_CHANGES, FOR_QUESTIONS, InboxRefusals
from bot.slack.inbound.respond import Respond, by_response_url
from bot.slack.outbound.channel_ids import with_stable_ids
from bot.slack.router import CLICK, MODAL, ParsedInteraction, Router

STORE_SECONDS = 2.0  # Slack waits 3 s for the acknowledgement
MODAL_SECONDS = 2.5  # likewise; longer than STORE_SECONDS, so that the store has had its chance
ACT_SECONDS = 25.0
RECOVER_AFTER = timedelta(seconds=30)  # by then the bot that began it has finished or died
RECOVER_SECONDS = 8.0  # the lease on an interaction lasts 10 s
TOO_OLD = timedelta(minutes=25)  # a response_url works for 30 minutes


@dataclass(frozen=True, slots=True)
class StoredInteraction:
    """An interaction that is stored, or that needs no storing. Call `answer` after the acknowledgement."""

    answer: Callable[[], Awaitable[None]]


class InboxStore(InteractionStore, LeaseStore, AliasStore, Protocol):
    """Stored interactions, the leases on them, and the ids of channels."""


class Inbox:
    """Receives interactions from the listeners and runs each of them once, even if the bot dies meanwhile.

    `catch_up`: loads what another bot just wrote; runs before each answer. `respond`: chooses where an answer goes.
    """

    def __init__(
        self,
        *,
        store: InboxStore,
        router: Router,
        clock: Clock,
        catch_up: Callable[[], Awaitable[None]],
        respond: Callable[[Interaction], Respond] = by_response_url,
        limits: PersonLimits | None = None,
        store_seconds: float = STORE_SECONDS,
        act_seconds: float = ACT_SECONDS,
        modal_seconds: float = MODAL_SECONDS,
    ) -> None:
        self._store = store
        self._router = router
        self._clock = clock
        self._catch_up = catch_up
        self._respond = respond
        self._store_seconds = store_seconds
        self._act_seconds = act_seconds
        self._modal_seconds = modal_seconds
        self._limits = limits or PersonLimits(clock)
        self._acknowledgements = PersonLimits(clock, ACKNOWLEDGEMENTS_PER_MINUTE)
        self._slots = CommandSlots()
        self._under_way: dict[str, asyncio.Task[object] | None] = {}
        self._modals: dict[str, OpenModal] = {}
        self._begun_early: set[asyncio.Task[Reply | None]] = set()
        self._unrecorded: set[str] = set()
        """Interactions that this bot answered, but that the store still holds as unfinished."""
        self._unstored: dict[str, Interaction] = {}
        """Changes that came while the store was away, in memory: `recover` stores and makes them."""

    async def handle(self, ack: AsyncAck, kind: str, id: str, payload: dict[str, str]) -> None:  # noqa: A002
        """Stores an interaction, acknowledges it and answers it. A repeated one is only acknowledged."""
        began = self._clock.monotonic()
        stored = await self.store(kind, id, payload)
        await ack()
        report_acknowledged(kind, payload, self._clock.monotonic() - began)
        await stored.answer()

    async def take_submission(self, ack: AsyncAck, id: str, payload: dict[str, str]) -> None:  # noqa: A002
        """Stores a submitted modal and answers it. The acknowledgement closes the modal, or shows errors in it.

        It waits for the answer only as long as Slack waits. A later answer comes as a message.
        """
        began = self._clock.monotonic()
        modal = self._modals[f"{MODAL} {id}"] = OpenModal(ack)
        try:
            async with asyncio.TaskGroup() as tasks:
                answering = tasks.create_task(self._store_and_answer(MODAL, id, payload), name="answer a modal")
                await asyncio.wait({answering}, timeout=self._modal_seconds)
                await modal.settle({})
                report_acknowledged(MODAL, payload, self._clock.monotonic() - began)
        finally:
            self._modals.pop(f"{MODAL} {id}", None)

    async def _store_and_answer(self, kind: str, id: str, payload: dict[str, str]) -> None:  # noqa: A002
        stored = await self.store(kind, id, payload)
        await stored.answer()

    async def store(self, kind: str, id: str, payload: dict[str, str]) -> StoredInteraction:  # noqa: A002
        """Stores an interaction before its acknowledgement. Stores nothing beyond a person's limit."""
        interaction = Interaction(
            team=self._store.team, id=f"{kind} {id}", kind=kind, at=self._clock.now(), payload=payload
        )
        parsed = self._admitted(interaction)
        if isinstance(parsed, TooMany):
            return StoredInteraction(partial(self._refuse, interaction, parsed))
        if parsed.begins_early:
            parsed = self._started(parsed)
        try:
            async with asyncio.timeout(self._store_seconds):
                first = await self._store.add_interaction(interaction)
        except (StoreAway, TimeoutError) as exc:
            emit(StoreUnreachable(component=Component.SLACK, problem=str(exc) or "it did not answer in time"))
            return StoredInteraction(partial(self._answer_unstored, interaction, parsed))
        if not first:
            return StoredInteraction(_no_answer)
        slot = self._slot(interaction, parsed)
        return StoredInteraction(
            partial(
                self._process, interaction, parsed, self._act_seconds, slot=slot, store_lost=_refusals(parsed).saved
            )
        )

    def _started(self, parsed: ParsedInteraction) -> ParsedInteraction:
        """The interaction, already running. `run` waits for its end."""
        begun = asyncio.ensure_future(parsed.run())
        self._begun_early.add(begun)
        begun.add_done_callback(self._begun_early.discard)
        return replace(parsed, run=lambda: begun)

    def _admitted(self, interaction: Interaction) -> ParsedInteraction | TooMany:
        """Refuses a text beyond the person's limit before parsing it, because parsing costs more than a refusal.

        Acknowledgements have their own limit, so that a flood never blocks people who answer failures.
        """
        person = UserId(interaction.payload.get("user", ""))
        if interaction.kind != CLICK and (too_many := self._limits.lacks(person)):
            return too_many
        parsed = self._router.parse(interaction)
        if parsed.acknowledges:
            return self._acknowledgements.take(person) or parsed
        return self._limits.take(person, CHANGE_COSTS if parsed.changes else 1.0) or parsed

    async def _refuse(self, interaction: Interaction, too_many: TooMany) -> None:
        """Answers only a few interactions of a flood, but every modal: one that just closes seems to have worked."""
        if too_many.tell or interaction.id in self._modals:
            await self._send_refusal(interaction, too_many.refusal)

    async def _answer_unstored(self, interaction: Interaction, parsed: ParsedInteraction) -> None:
        if parsed.needs_store and parsed.changes:
            self._unstored[interaction.id] = interaction
            # As a message: in a modal that stays open, a second submission would repeat this one.
            await self._send(interaction, self._router.refused(replace(FOR_CHANGES.unstored, command=parsed.check)))
            return
        if parsed.needs_store:
            await self._send_refusal(interaction, FOR_QUESTIONS.unstored)
            return
        await self._process(interaction, parsed, self._act_seconds, slot=self._slot(interaction, parsed))
        self._unrecorded.add(interaction.id)  # Redis may have kept it, or may keep it later

    async def recover(self) -> None:
        """Answers interactions that a crash or an unreachable store left unfinished. Runs every few seconds.

        Raises:
            StoreAway: a later run recovers them.
        """
        own = await self._store_late()
        now = self._clock.now()
        for interaction in await self._store.unfinished_interactions():
            age = now - interaction.at
            if (age < RECOVER_AFTER and interaction.id not in own) or interaction.id in self._under_way:
                continue
            lease = await self._store.acquire_lease(f"interaction:{interaction.id}")
            if lease is not None:
                try:
                    await self._recover(interaction, age)
                finally:
                    with suppress(StoreAway):
                        await self._store.release_lease(lease)

    async def _store_late(self) -> frozenset[str]:
        """Stores the changes that the store did not take. Returns their ids: no other bot works on them."""
        stored = tuple(self._unstored.values())
        for interaction in stored:
            await self._store.add_interaction(interaction)
            del self._unstored[interaction.id]
        return frozenset(interaction.id for interaction in stored)

    async def _recover(self, interaction: Interaction, age: timedelta) -> None:
        if interaction not in await self._store.unfinished_interactions():
            return  # another bot finished it before we had the lease
        if interaction.id in self._unrecorded:
            await self._finished(interaction)
        elif (parsed := self._router.parse(interaction)).begins_early:
            await self._finished(interaction)  # Slack's 3 s for opening a modal are over
        elif age < TOO_OLD:
            report_recovered(interaction, age)
            await self._process(interaction, parsed, RECOVER_SECONDS)
        else:
            report_expired(interaction, age)
            await self._finished(interaction)
            await self._send_refusal(interaction, _refusals(parsed).lapsed)

    async def settled(self) -> None:
        """Waits for all answers in progress."""
        if under_way := [*self._begun_early, *(task for task in self._under_way.values() if task)]:
            await asyncio.wait(under_way)

    def _slot(self, interaction: Interaction, parsed: ParsedInteraction) -> AbstractAsyncContextManager[None]:
        """An acknowledgement needs no slot, so nothing delays it. Nor does what has begun."""
        free = parsed.acknowledges or parsed.begins_early
        return nullcontext() if free else self._slots.taken(UserId(interaction.payload["user"]))

    async def _process(
        self,
        interaction: Interaction,
        parsed: ParsedInteraction,
        seconds: float,
        *,
        slot: AbstractAsyncContextManager[None] | None = None,
        store_lost: RefusalAnswer | None = None,
    ) -> None:
        """Runs the interaction, and tells the person after any failure whether something may have changed.

        If the store goes away, the interaction stays stored and `recover` finishes it later. `store_lost` says so.
        """
        self._under_way[interaction.id] = asyncio.current_task()
        refusal: RefusalAnswer | None = None
        try:
            async with slot or nullcontext(), asyncio.timeout(seconds):
                await self._run_and_respond(interaction, parsed)
        except BusyError:
            refusal = BUSY
        except StoreAway as exc:
            emit(StoreUnreachable(component=Component.SLACK, problem=str(exc)))
            if store_lost:
                # As a message: in a modal that stays open, a second submission would repeat the saved one.
                await self._send(interaction, self._router.refused(store_lost))
            return
        except TimeoutError:
            report_slow(interaction, seconds)
            refusal = _refusals(parsed).slow
        except Exception as exc:  # noqa: BLE001 (a supervisor: the record has the exception)
            report_crashed(interaction, exc)
            refusal = _refusals(parsed).broken
        finally:
            del self._under_way[interaction.id]
        await self._finished(interaction)  # before the answer, so that no other bot recovers it meanwhile
        if refusal:
            await self._send_refusal(interaction, refusal)

    async def _finished(self, interaction: Interaction) -> None:
        self._unrecorded.add(interaction.id)
        try:
            await self._store.finish_interaction(interaction)
            self._unrecorded.discard(interaction.id)
        except StoreAway as exc:
            emit(StoreUnreachable(component=Component.SLACK, problem=str(exc)))

    async def _run_and_respond(self, interaction: Interaction, parsed: ParsedInteraction) -> None:
        if parsed.needs_store:
            await self._catch_up()
            parsed = await self._with_stable_ids(interaction, parsed)
        if reply := await parsed.run():
            await self._send(interaction, reply)

    async def _with_stable_ids(self, interaction: Interaction, parsed: ParsedInteraction) -> ParsedInteraction:
        """Reads the interaction again if a channel in it has another id in the store."""
        payload = with_stable_ids(interaction.payload, await self._store.aliases())
        if payload == interaction.payload:
            return parsed
        return self._router.parse(replace(interaction, payload=payload))

    async def _send_refusal(self, interaction: Interaction, refusal: RefusalAnswer) -> None:
        reply = self._router.refused(refusal)
        errors = {block: reply.message.text} if (block := interaction.payload.get("first")) else {}
        await self._send(interaction, replace(reply, errors=errors))

    async def _send(self, interaction: Interaction, reply: Reply) -> None:
        """Shows errors in the modal if it is still open. Any other answer is a message."""
        modal = self._modals.get(interaction.id)
        if modal is None or not await modal.settle(reply.errors):
            await self._respond(interaction)(reply)
        report_answered(interaction, self._clock.now())


def _refusals(parsed: ParsedInteraction) -> InboxRefusals:
    """A question changes nothing, so its refusal never says that it may be partly done."""
    return FOR_CHANGES if parsed.changes else FOR_QUESTIONS


async def _no_answer() -> None:
    """For a repeated delivery: only the first one gets an answer."""
