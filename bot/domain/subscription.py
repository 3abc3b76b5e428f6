"""What a `watch`, an `unwatch` or an *Undo* makes of a channel's watches. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.delivery import Delivery
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, Every, Target, TargetKind, UserId, Watch

UNDO_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What someone asks of a watch. None: nothing was said of it, so it stays. `targets` (): nobody."""

    events: frozenset[Event] | Every | None = None
    targets: tuple[Target, ...] | None = None
    by: UserId
    by_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One watch before and after. None: there was none, or there is none any more."""

    before: Watch | None = None
    after: Watch | None = None

    @property
    def id(self) -> str:
        watch = self.after or self.before
        return watch.id if watch else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """What takes a change back, as long as nothing else changed these watches."""

    id: str
    channel: ChannelId
    by: UserId
    by_name: str = ""
    at: datetime
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchChange:
    """One atomic change of one channel's watches. `version`: of the watches it was planned on.

    `undo` is kept for `UNDO_FOR`; `uses` is the id of the undo that this change uses up.
    """

    version: int
    channel: ChannelId
    edits: tuple[Edit, ...]
    told: tuple[Delivery, ...] = ()
    undo: Undo | None = None
    uses: str = ""
    wakes: bool = True
    """Where a watch is made or changed, a channel that rests wakes: somebody wants to hear there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many watches one channel may have, and how many of them may be patterns."""

    watches: int = 500
    patterns: int = 100


class Excess(StrEnum):
    WATCHES = "watches"
    PATTERNS = "patterns"


def wished(wish: Wish, channel: ChannelId, reference: str, before: Watch | None, *, label: str, at: datetime) -> Watch:
    """The watch as it is wanted. What was said replaces, what was not said stays."""
    events = before.events if before else None
    targets = before.targets if before else ()
    return Watch(
        channel=channel,
        reference=before.reference if before else reference,
        events=events if wish.events is None else None if wish.events is Every.EVENT else wish.events,
        targets=targets if wish.targets is None else wish.targets,
        made_by=wish.by,
        made_by_name=wish.by_name,
        made_at=at,
        label=label,
    )


def is_same(one: Watch | None, other: Watch | None) -> bool:
    """Whether two watches ask for the same."""
    return one is not None and other is not None and (one.events, one.targets) == (other.events, other.targets)


def excess(there: Iterable[Watch], edits: Sequence[Edit], limits: Limits) -> Excess | None:
    """What a channel would have too many of. A channel that has too many already may still change and end them."""
    added = [edit.after for edit in edits if edit.after and not edit.before]
    after = [*there, *added]
    if added and len(after) > limits.watches:
        return Excess.WATCHES
    if any(watch.pattern for watch in added) and sum(watch.pattern for watch in after) > limits.patterns:
        return Excess.PATTERNS
    return None


def no_longer_paged(edits: Iterable[Edit], by: UserId) -> Mapping[Target, tuple[Watch, ...]]:
    """The people whom a watch paged and pages no more, with these watches; whoever did it knows."""
    told: dict[Target, list[Watch]] = {}
    for edit in edits:
        left = edit.after.targets if edit.after else ()
        for target in edit.before.targets if edit.before else ():
            if edit.before and target.kind is TargetKind.USER and target.id != by and target not in left:
                told.setdefault(target, []).append(edit.before)
    return {target: tuple(watches) for target, watches in told.items()}


def undone(undo: Undo, there: Mapping[str, Watch]) -> tuple[Edit, ...] | None:
    """The edits that restore what was before; None where something else changed one of these watches since."""
    if any(there.get(edit.id) != edit.after for edit in undo.edits):
        return None
    return tuple(Edit(before=edit.after, after=edit.before) for edit in undo.edits)
