"""Searches every interleaving of post, landing, drop, reply, timeout, crash, lost lease and Redis rollback.

    python -m tests.proofs.model        prints the table that tests/proofs/model.txt holds

The model runs the bot's own decision functions. The search is breadth first, with at most three posts of a message and
two crashes. It assumes one thing that Slack does not promise: a request lands within eight seconds or never.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bot.domain.card import ThreadEntry
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import (
    Absent,
    AttemptState,
    Delivery,
    Found,
    LookupResult,
    Message,
    Outcome,
    Posted,
    Priority,
    Unknown,
    in_slack,
)
from bot.domain.episode import TimelineEntry
from bot.domain.lane_order import in_order
from bot.domain.observation import PipelineId
from bot.domain.protocol import LANDS_WITHIN, after_lookup, after_send, as_sending, decide
from bot.domain.settlement import Again, Done, Find, Ownership, Send, Settlement, Step, Wait
from bot.domain.watch import ChannelId, TeamId

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LANDS = int(LANDS_WITHIN.total_seconds())
DEADLINE = 5  # of a call
LEASE_LEFT = 6  # a lease has at least this long left when a call begins
STORY = "story"


def at(second: int) -> datetime:
    return BEGIN + timedelta(seconds=second)


def seconds(moment: datetime) -> int:
    return int((moment - BEGIN).total_seconds())


def entry(number: int) -> Delivery:
    line = TimelineEntry(revision=number, at=BEGIN, events=())
    body = ThreadEntry(card_key=STORY, pipeline=Pipeline(id=PipelineId("p"), name="p"), entry=line)
    receiver = in_slack(TeamId("T"), ChannelId("C"))
    message = Message(id=str(number), receiver=receiver, priority=Priority.UPDATE, body=body, made_at=BEGIN)
    return Delivery(message=message)


# --- protocols -------------------------------------------------------------------------------------------------------

Decide = Callable[[Delivery, datetime, Ownership], Step]


def ours(delivery: Delivery, now: datetime, ownership: Ownership) -> Step:
    return decide(delivery, now, ownership, idempotent=False)


def send_until_acknowledged(delivery: Delivery, now: datetime, ownership: Ownership) -> Step:
    step = ours(delivery, now, ownership)
    return Send() if isinstance(step, Find) else step


def look_at_once(delivery: Delivery, now: datetime, ownership: Ownership) -> Step:
    """Looks up the message while the first request may still land."""
    if delivery.attempt.state is AttemptState.SENDING:
        return Find()
    return ours(delivery, now, ownership)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A delivery protocol and the faults that it meets."""

    name: str
    decide: Decide = ours
    gives_up: bool = False
    """Never resends a message whose call got no answer."""
    reads_stale: bool = False
    fenced: bool = True
    """The store rejects writes from an owner whose lease expired."""
    marks: bool = True
    """The owner records the attempt before the call."""
    doubts: bool = True
    forgets: int = 0
    """How often Redis goes back in time."""
    owners: int = 1
    stalls: bool = False
    """A process may stop for any time between checking its lease and calling."""
    entries: int = 1
    crashes: int = 2


PROTOCOLS = (
    Protocol(name="mark, then send; give up if interrupted (Healthchecks, GoAlert)", gives_up=True),
    Protocol(name="send until acknowledged (Alertmanager)", decide=send_until_acknowledged),
    Protocol(name="look back without waiting", decide=look_at_once),
    Protocol(name="wait, look back, but see an old history", reads_stale=True),
    Protocol(name="ours without the mark before the call", marks=False),
    Protocol(name="ours"),
    Protocol(name="ours, two entries", entries=2),
    Protocol(name="ours, Redis forgets, and it is not noticed", forgets=1, doubts=False),
    Protocol(name="ours, Redis forgets", forgets=1),
    Protocol(name="ours, Redis forgets, two entries", forgets=1, entries=2),
    Protocol(name="ours, two owners", owners=2),
    Protocol(name="ours, two owners, Redis forgets", owners=2, forgets=1, crashes=1),
    Protocol(name="ours, two owners, one stalls before its call", owners=2, stalls=True, crashes=1),
    Protocol(name="ours without the fence, two owners, one stalls", owners=2, stalls=True, crashes=0, fenced=False),
)


# --- the world -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """A request of one owner. `begun` is None if the request is recorded but not yet sent."""

    number: int
    row: Delivery
    begun: int | None


@dataclass(frozen=True)
class Owner:
    token: int
    since: int
    doubt_since: int | None = None
    call: Call | None = None

    @property
    def ownership(self) -> Ownership:
        doubt = at(self.doubt_since) if self.doubt_since is not None else None
        return Ownership(at(self.since), str(self.token), doubt)


@dataclass(frozen=True)
class World:
    rows: tuple[Delivery, ...]
    now: int = 0
    before: tuple[tuple[Delivery, ...], ...] = ()
    """The states to which Redis may roll back."""
    owner: Owner | None = Owner(1, 0)
    left_behind: Owner | None = None
    """An owner whose lease ran out during its call."""
    under_way: tuple[Call, ...] = ()
    landed: tuple[str, ...] = ()
    landed_calls: tuple[int, ...] = ()
    rechecked: frozenset[str] = frozenset()
    tokens: int = 1
    posts: int = 0
    crashes: int = 0
    forgotten: int = 0

    def writes(self, rows: tuple[Delivery, ...]) -> "World":
        return replace(self, rows=rows, before=(*self.before[-1:], self.rows))


@dataclass(frozen=True)
class Verdict:
    states: int
    repeats: bool
    """A reader can see a message twice, at least for a time."""
    stands: bool
    """A duplicate stays for good."""
    loses: bool
    disorders: bool


MOST_POSTS = 3


def check(protocol: Protocol) -> Verdict:
    first = World(rows=tuple(entry(number) for number in range(1, protocol.entries + 1)))
    visited, waiting = {first}, deque([first])
    repeats = stands = loses = disorders = False
    wanted = [row.id for row in first.rows]
    while waiting:
        world = waiting.popleft()
        doubles = {message for message in world.landed if world.landed.count(message) > 1}
        repeats |= bool(doubles)
        firsts = list(dict.fromkeys(world.landed))
        disorders |= firsts != wanted[: len(firsts)]
        successors = list(_successors(world, protocol))
        if not successors:
            stands |= bool(doubles - world.rechecked)
            owed = {row.id for row in world.rows}  # it would be sent again, but the search ends at MOST_POSTS
            loses |= not set(wanted) <= set(world.landed) | owed
        for successor in successors:
            if successor not in visited:
                visited.add(successor)
                waiting.append(successor)
    return Verdict(len(visited), repeats, stands, loses, disorders)


def _successors(world: World, protocol: Protocol) -> Iterator[World]:
    yield from _requests(world)
    yield from _troubles(world, protocol)
    if world.owner:
        yield from _steps(world, world.owner, protocol)
    elif world.rows or world.under_way:
        yield _restarted(world, protocol)
    if world.left_behind:
        yield from _calling(world, world.left_behind, protocol)


def _requests(world: World) -> Iterator[World]:
    """Each request lands or gets lost, in any order."""
    for call in world.under_way:
        rest = tuple(request for request in world.under_way if request is not call)
        yield replace(
            world,
            under_way=rest,
            landed=(*world.landed, call.row.id),
            landed_calls=(*world.landed_calls, call.number),
        )
        yield replace(world, under_way=rest)


def _troubles(world: World, protocol: Protocol) -> Iterator[World]:
    if world.owner and world.crashes < protocol.crashes:
        yield replace(world, owner=None, crashes=world.crashes + 1)
    if world.before and world.forgotten < protocol.forgets:
        for older in world.before:
            # The rollback forgets requests under way. The owner takes the lane again, because Redis may forget leases.
            doubt = world.now if protocol.doubts else None
            owner = world.owner and Owner(world.tokens + 1, world.now, doubt)
            tokens, forgotten = world.tokens + 1, world.forgotten + 1
            yield replace(world, rows=older, before=(), owner=owner, tokens=tokens, forgotten=forgotten)
    calling = world.owner and world.owner.call
    if protocol.owners > 1 and calling and not world.left_behind and world.owner:
        begun = calling.begun if calling.begun is not None else world.now
        moment = max(world.now, begun + LEASE_LEFT)
        if all(call.begun is None or call.begun + LANDS >= moment for call in world.under_way):
            taken = Owner(world.tokens + 1, moment, world.owner.doubt_since)
            yield replace(world, now=moment, owner=taken, left_behind=world.owner, tokens=world.tokens + 1)


def _restarted(world: World, protocol: Protocol) -> World:
    """Starts a new owner once the previous owner's lease has run out."""
    begun = [call.begun for call in world.under_way if call.begun is not None]
    moment = max([world.now, *(start + LEASE_LEFT for start in begun)])
    doubt = moment if protocol.doubts and world.forgotten > 0 else None
    return replace(world, now=moment, owner=Owner(world.tokens + 1, moment, doubt), tokens=world.tokens + 1)


def _steps(world: World, owner: Owner, protocol: Protocol) -> Iterator[World]:
    if owner.call:
        yield from _calling(world, owner, protocol)
        return
    row = next(iter(in_order(world.rows, {STORY: True})), None)
    if row is None:
        return
    if protocol.gives_up and row.attempt.state is AttemptState.SENDING:
        yield world.writes(tuple(delivery for delivery in world.rows if delivery.id != row.id))
        return
    match protocol.decide(row, at(world.now), owner.ownership):
        case Wait(until):
            yield from _waited(world, seconds(until))
        case Find():
            settlement = after_lookup(row, _lookup_result(world, row, protocol), at(world.now), owner.ownership)
            yield _settled(world, owner, row, settlement, protocol)
        case Send() if world.posts < MOST_POSTS:
            claim = as_sending(row, at(world.now), owner.ownership)
            call = Call(world.posts + 1, claim, None if protocol.stalls else world.now)
            if protocol.marks:
                world = world.writes(_with(world.rows, claim))
            world = replace(world, owner=replace(owner, call=call), posts=world.posts + 1)
            yield world if protocol.stalls else replace(world, under_way=(*world.under_way, call))


def _waited(world: World, until: int) -> Iterator[World]:
    """Time passes. Requests that must have ended by then block this step until they have."""
    if all(call.begun is not None and call.begun + LANDS > until for call in world.under_way):
        yield replace(world, now=until)


def _lookup_result(world: World, row: Delivery, protocol: Protocol) -> LookupResult:
    shown = world.landed[:-1] if protocol.reads_stale else world.landed
    return Found(("1",)) if row.id in shown else Absent()


def _calling(world: World, owner: Owner, protocol: Protocol) -> Iterator[World]:
    call = owner.call
    if call is None:
        return
    if call.begun is None:
        begun = replace(call, begun=world.now)
        begins = replace(world, under_way=(*world.under_way, begun))
        yield _with_owner(begins, owner, replace(owner, call=begun))
        return
    if call.number in world.landed_calls:
        yield _answered(world, owner, call, Posted("1"), protocol)
    late = replace(world, now=max(world.now, call.begun + DEADLINE))
    if all(request.begun is not None and request.begun + LANDS >= late.now for request in late.under_way):
        yield _answered(late, owner, call, Unknown("timeout"), protocol)


def _answered(world: World, owner: Owner, call: Call, outcome: Outcome, protocol: Protocol) -> World:
    if owner is world.owner:
        world = replace(world, owner=replace(owner, call=None))
    else:
        world = replace(world, left_behind=None)
    return _settled(world, owner, call.row, after_send(call.row, outcome, at(world.now)), protocol)


def _settled(world: World, owner: Owner, row: Delivery, settlement: Settlement, protocol: Protocol) -> World:
    may_write = not protocol.fenced or (world.owner is not None and owner.token == world.owner.token)
    if not may_write:
        return replace(world, rechecked=world.rechecked | {row.id})
    if row.id not in {delivery.id for delivery in world.rows}:
        return world
    match settlement:
        case Done(recheck=recheck):
            done = world.writes(tuple(delivery for delivery in world.rows if delivery.id != row.id))
            return replace(done, rechecked=done.rechecked | {row.id}) if recheck else done
        case Again(again):
            return world.writes(_with(world.rows, again))
        case _:
            return world


def _with(rows: tuple[Delivery, ...], row: Delivery) -> tuple[Delivery, ...]:
    return tuple(row if delivery.id == row.id else delivery for delivery in rows)


def _with_owner(world: World, owner: Owner, changed: Owner) -> World:
    return replace(world, owner=changed) if owner is world.owner else replace(world, left_behind=changed)


@dataclass
class Table:
    """The rows of the golden table."""

    rows: list[str] = field(default_factory=list)

    def add(self, protocol: Protocol, verdict: Verdict) -> None:
        columns = (verdict.loses, verdict.repeats, verdict.stands, verdict.disorders)
        loses, repeats, stands, disorders = ("yes" if column else "no" for column in columns)
        self.rows.append(f"{protocol.name:<66}{verdict.states:>8}  {loses:<6}{repeats:<9}{stands:<8}{disorders}")

    def __str__(self) -> str:
        head = f"{'protocol':<66}{'states':>8}  {'loses':<6}{'repeats':<9}{'stands':<8}disorders"
        return "\n".join([head, *self.rows, ""])


def table() -> str:
    made = Table()
    for protocol in PROTOCOLS:
        made.add(protocol, check(protocol))
    return str(made)


if __name__ == "__main__":
    sys.stdout.write(table())
