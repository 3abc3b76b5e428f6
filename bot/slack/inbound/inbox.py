"""Commands and clicks: kept before Slack is told that they arrived, acted on once, and taken up again after a crash."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from datetime import timedelta
from typing import Protocol

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.answer import Refusal
from bot.domain.watch import ChannelId, UserId
from bot.ports.clock import Clock
from bot.ports.interaction_store import Interaction, InteractionStore
from bot.ports.lease_store import LeaseStore
from bot.ports.store_errors import StoreAway
from bot.slack.actions import Actions, Click
from bot.slack.commands import Commands
from bot.slack.grammar.grammar import Unwatch, UsageError, Watch, changes_watches, parse
from bot.slack.grammar.note_grammar import NoteCommand
from bot.slack.inbound.person_limits import (
    ACKNOWLEDGEMENTS_PER_MINUTE,
    BUSY,
    CHANGE_COSTS,
    BusyError,
    CommandSlots,
    PersonLimits,
    TooMany,
)
from bot.slack.inbound.respond import respond_to
from bot.slack.permissions import Asker
from bot.slack.render import action_ids
from bot.slack.render.renderer import Look
from bot.slack.render.status_answers import Asked

COMMAND, CLICK = "command", "click"
KEEP_SECONDS = 2.0  # Slack waits three for the acknowledgement
ACT_SECONDS = 25.0
TAKEN_UP_AFTER = timedelta(seconds=30)  # by then whoever began it has ended it, or died
TAKEN_UP_SECONDS = 8.0  # the turn to act on what another left undone lasts ten
TOO_OLD = timedelta(minutes=25)  # a response_url is good for thirty minutes

log = structlog.get_logger(__name__)

AWAY = Refusal(
    reason="This is not done: my memory (Redis) does not answer just now. It may still be done by itself when Redis is "
    "back, and to ask again does no harm. What is so is shown by:",
    hint="watches",
)
UNANSWERED = Refusal(
    reason="My memory (Redis) does not answer just now, so I cannot answer this.",
    hint="Please ask again in a minute.",
)
KEPT = Refusal(
    reason="My memory (Redis) does not answer just now, so this is not done yet, or only in part.",
    hint="I have kept it, and finish it by myself if Redis is back within 25 minutes.",
)
LAPSED = Refusal(
    reason="I was away for too long to finish what you asked of me, so it may not be done, or only in part.",
    hint="Please look how it is, and ask again.",
)
SLOW = Refusal(
    reason="This took too long, so I stopped; it may be done in part.",
    hint="Please look how it is, and ask again.",
)
BROKEN = Refusal(
    reason="Something went wrong inside me, so I have no answer; it may be done in part.",
    hint="Whoever runs me finds the cause in my log. Trying again does no harm.",
)


class InboxStore(InteractionStore, LeaseStore, Protocol):
    """Kept interactions, and the right to act on one."""


class Inbox:
    """`catch_up` is called before anything is acted on: what another bot wrote a moment ago counts."""

    def __init__(
        self,
        *,
        store: InboxStore,
        commands: Commands,
        actions: Actions,
        look: Look,
        clock: Clock,
        catch_up: Callable[[], Awaitable[None]],
        limits: PersonLimits | None = None,
        keep_seconds: float = KEEP_SECONDS,
        act_seconds: float = ACT_SECONDS,
    ) -> None:
        self._store = store
        self._commands = commands
        self._actions = actions
        self._look = look
        self._clock = clock
        self._catch_up = catch_up
        self._keep_seconds = keep_seconds
        self._act_seconds = act_seconds
        self._limits = limits or PersonLimits(clock)
        self._acknowledgements = PersonLimits(clock, ACKNOWLEDGEMENTS_PER_MINUTE)
        self._slots = CommandSlots()
        self._under_way: dict[str, asyncio.Task[object] | None] = {}
        self._unrecorded: set[str] = set()
        """Done, though the store does not know that yet."""

    async def take(self, ack: AsyncAck, kind: str, id: str, facts: dict[str, str]) -> None:  # noqa: A002
        """Keeps it, acknowledges it, acts on it; the second time it only acknowledges.

        Beyond a person's limit, it only acknowledges: that costs no write, and only some of them get an answer.
        """
        gesture = Interaction(id=f"{kind} {id}", kind=kind, at=self._clock.now(), payload=facts)
        if too_many := self._too_many(gesture):
            await ack()
            if too_many.tell:
                await self._say(gesture, too_many.refusal(self._limits.per_minute))
            return
        try:
            async with asyncio.timeout(self._keep_seconds):
                first = await self._store.first_time(gesture)
        except (StoreAway, TimeoutError) as exc:
            log.warning("store_away", room="slack", problem=str(exc) or "it did not answer in time")
            await ack()
            if self._needs_no_store(gesture):
                await self._act(gesture, self._act_seconds, self._slot(gesture))
                self._unrecorded.add(gesture.id)  # Redis may have kept it, or may yet come to it
            else:
                await self._say(gesture, UNANSWERED if _only_asks(gesture) else AWAY)
            return
        await ack()
        if first and not await self._act(gesture, self._act_seconds, self._slot(gesture)):
            await self._say(gesture, KEPT)

    def _too_many(self, gesture: Interaction) -> TooMany | None:
        """Acknowledgements have a limit of their own, so that a flood never blocks people who answer failures."""
        person = UserId(gesture.payload.get("user", ""))
        if _acknowledges(gesture):
            return self._acknowledgements.take(person)
        return self._limits.take(person, 1.0 if _only_asks(gesture) else CHANGE_COSTS)

    async def take_up(self) -> None:
        """What a bot that died, or a store that went away, has left undone. Called every few seconds.

        Raises:
            StoreAway: it is taken up later.
        """
        now = self._clock.now()
        for gesture in await self._store.unfinished():
            age = now - gesture.at
            # One of the future was kept before the wall clock was put back: whoever began it is long gone.
            if abs(age) < TAKEN_UP_AFTER or gesture.id in self._under_way:
                continue
            turn = await self._store.acquire_lease(f"gesture:{gesture.id}")
            if turn is not None:
                try:
                    await self._take_up(gesture, age)
                finally:
                    with suppress(StoreAway):
                        await self._store.release_lease(turn)

    async def _take_up(self, gesture: Interaction, age: timedelta) -> None:
        if gesture not in await self._store.unfinished():
            return  # another bot did it before it was our turn
        if gesture.id in self._unrecorded:
            await self._finished(gesture)
        elif age < TOO_OLD:
            log.warning("taken_up", gesture=gesture.kind, seconds=age.total_seconds())
            await self._act(gesture, TAKEN_UP_SECONDS)
        else:
            log.warning("lapsed", gesture=gesture.kind, seconds=age.total_seconds())
            await self._finished(gesture)
            await self._say(gesture, LAPSED)

    async def settled(self) -> None:
        """Returns when everything that was acted on has come to its end."""
        if under_way := [task for task in self._under_way.values() if task]:
            await asyncio.wait(under_way)

    def _slot(self, gesture: Interaction) -> AbstractAsyncContextManager[None]:
        """An acknowledgement waits for nothing."""
        return nullcontext() if _acknowledges(gesture) else self._slots.taken(UserId(gesture.payload["user"]))

    async def _act(
        self, gesture: Interaction, seconds: float, slot: AbstractAsyncContextManager[None] | None = None
    ) -> bool:
        """A person is never shown a traceback, and always told whether anything may have changed. False: the store went
        away, and it is to be taken up later."""
        self._under_way[gesture.id] = asyncio.current_task()
        refusal: Refusal | None = None
        try:
            async with slot or nullcontext(), asyncio.timeout(seconds):
                await self._done(gesture)
        except BusyError:
            refusal = BUSY
        except StoreAway as exc:
            log.warning("store_away", room="slack", problem=str(exc))
            return False
        except TimeoutError:
            log.warning("listener_slow", gesture=gesture.kind, seconds=seconds)
            refusal = SLOW
        except Exception:
            log.exception("listener_tripped", gesture=gesture.kind)
            refusal = BROKEN
        finally:
            del self._under_way[gesture.id]
        await self._finished(gesture)  # before anything is said: nobody else is to take it up meanwhile
        if refusal:
            await self._say(gesture, refusal)
        return True

    async def _finished(self, gesture: Interaction) -> None:
        self._unrecorded.add(gesture.id)
        try:
            await self._store.finished(gesture)
            self._unrecorded.discard(gesture.id)
        except StoreAway as exc:
            log.warning("store_away", room="slack", problem=str(exc))

    async def _done(self, gesture: Interaction) -> None:
        if not self._needs_no_store(gesture):
            await self._catch_up()
        facts, respond = gesture.payload, respond_to(gesture.payload.get("response_url", ""))
        if gesture.kind == CLICK:
            await self._actions.on(Click.of(facts), respond)
            return
        asked = Asked(text=facts["text"])
        answer = await self._commands.answer(asked.text, _asker(facts))
        await respond(self._look.answer(answer, asked).as_response())

    def _needs_no_store(self, gesture: Interaction) -> bool:
        """True if the typed text alone decides the answer."""
        facts = gesture.payload
        return gesture.kind == COMMAND and self._commands.needs_no_store(facts["text"], ChannelId(facts["channel"]))

    async def _say(self, gesture: Interaction, refusal: Refusal) -> None:
        await respond_to(gesture.payload.get("response_url", ""))(self._look.answer(refusal, Asked()).as_response())


def _asker(facts: Mapping[str, str]) -> Asker:
    """Who typed a command. One that an older version kept says less."""
    return Asker(
        user=UserId(facts["user"]),
        channel=ChannelId(facts["channel"]),
        team=facts.get("team", ""),
        handle=facts.get("handle", ""),
        channel_name=facts.get("channel_name", ""),
    )


def _acknowledges(gesture: Interaction) -> bool:
    acknowledging = {action_ids.ACKNOWLEDGE, action_ids.ACKNOWLEDGE_ALL, action_ids.ACKNOWLEDGE_ONE}
    return gesture.kind == CLICK and gesture.payload.get("action") in acknowledging


def _only_asks(gesture: Interaction) -> bool:
    """It would change nothing, so it does not matter whether it was kept."""
    if gesture.kind == CLICK:
        return gesture.payload["action"] in {action_ids.REFRESH, action_ids.PREVIOUS, action_ids.NEXT}
    command, text = parse(gesture.payload["text"]), gesture.payload["text"]
    if isinstance(command, UsageError) and changes_watches(text):
        return False  # with the names of pipelines it may be understood
    return not (isinstance(command, Watch | Unwatch) or (isinstance(command, NoteCommand) and command.changes))
