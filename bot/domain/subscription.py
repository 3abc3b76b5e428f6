"""Plans how `watch`, `unwatch` and *Undo* change a channel's watches. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.delivery import Message
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, Every, Target, TargetKind, UserId, Watch

UNDO_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The parts of a watch that a command names. None: the command does not name this part, so it stays."""

    events: frozenset[Event] | Every | None = None
    targets: tuple[Target, ...] | None = None
    """Empty: page nobody."""
    page_for: frozenset[Event] | None = None
    """The events that page `targets`; counts only with them. None: FAILED alone."""
    confirm: int | None = None
    """So many readings in a row must show a problem before the channel hears of it."""
    lag_from: timedelta | None = None
    """The lag of `lagging:5m`."""
    by: UserId
    by_name: str = ""

    def lag_after(self, before: Watch | None) -> timedelta | None:
        """The lag of the watch. `on lagging` without a lag resets it, as `on all` does."""
        resets = self.events is Every.EVENT or (isinstance(self.events, frozenset) and Event.LAGGING in self.events)
        return self.lag_from or (None if resets or before is None else before.lag_from)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One watch before and after. `before` None: the watch is new. `after` None: the watch ends."""

    before: Watch | None = None
    after: Watch | None = None

    @property
    def id(self) -> str:
        watch = self.after or self.before
        return watch.id if watch else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """A change that a person may undo, while nothing else has changed the same watches."""

    id: str
    channel: ChannelId
    by: UserId
    by_name: str = ""
    at: datetime
    edits: tuple[Edit, ...]
    """The edits of the change itself; `undone` reverses them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchChange:
    """One atomic change of one channel's watches."""

    version: int
    """The version of the watches on which the change was planned. The store refuses it for another version."""
    channel: ChannelId
    edits: tuple[Edit, ...]
    announcements: tuple[Message, ...] = ()
    undo: Undo | None = None
    """Stored for `UNDO_FOR`, so that a person can undo this change."""
    uses: str = ""
    """The id of the undo that this change uses up, if it is one."""
    by: UserId | None = None
    """The person who makes the change. None: the bot itself."""
    by_name: str = ""
    resumes: bool = True
    """A new or changed watch resumes a suspended channel: somebody wants messages there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchLimits:
    """The most watches of one channel, and the most patterns among them."""

    watches: int = 500
    patterns: int = 100


class Excess(StrEnum):
    """The limit that a change would exceed."""

    WATCHES = "watches"
    PATTERNS = "patterns"


def edited_watch(
    wish: Wish, channel: ChannelId, reference: str, before: Watch | None, *, label: str, at: datetime
) -> Watch:
    """The watch after the command: it changes the parts that the command names, and keeps the others."""
    events = before.events if before else None
    targets = before.targets if before else ()
    return Watch(
        channel=channel,
        reference=before.reference if before else reference,
        events=events if wish.events is None else None if wish.events is Every.EVENT else wish.events,
        targets=targets if wish.targets is None else wish.targets,
        page_for=(before.page_for if before else None) if wish.targets is None else wish.page_for,
        confirm=wish.confirm or (before.confirm if before else 1),
        lag_from=wish.lag_after(before),
        made_by=wish.by,
        made_by_name=wish.by_name,
        made_at=at,
        label=label,
    )


def is_same(watch: Watch | None, other: Watch | None) -> bool:
    """True if both watches have the same effect."""
    if watch is None or other is None:
        return False
    parts = [
        (each_one.events, each_one.targets, each_one.page_for, each_one.confirm, each_one.lag_from)
        for each_one in (watch, other)
    ]
    return parts[0] == parts[1]


def excess(current: Iterable[Watch], edits: Sequence[Edit], limits: WatchLimits) -> Excess | None:
    """The limit that these edits would exceed. A channel beyond a limit may still change and end its watches."""
    added = [edit.after for edit in edits if edit.after and not edit.before]
    after = [*current, *added]
    if added and len(after) > limits.watches:
        return Excess.WATCHES
    if any(watch.pattern for watch in added) and sum(watch.pattern for watch in after) > limits.patterns:
        return Excess.PATTERNS
    return None


def no_longer_paged(edits: Iterable[Edit], by: UserId) -> Mapping[Target, tuple[Watch, ...]]:
    """The people that a watch no longer pages, with these watches. Leaves out the person who made the change."""
    unpaged: dict[Target, list[Watch]] = {}
    for edit in edits:
        remaining = edit.after.targets if edit.after else ()
        for target in edit.before.targets if edit.before else ():
            if edit.before and target.kind is TargetKind.USER and target.id != by and target not in remaining:
                unpaged.setdefault(target, []).append(edit.before)
    return {target: tuple(watches) for target, watches in unpaged.items()}


def undone(undo: Undo, current: Mapping[str, Watch]) -> tuple[Edit, ...] | None:
    """The edits that restore the earlier watches; None if something else changed one of them since."""
    if any(current.get(edit.id) != edit.after for edit in undo.edits):
        return None
    return tuple(Edit(before=edit.after, after=edit.before) for edit in undo.edits)
