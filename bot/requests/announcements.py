"""Announces a change of a channel's watches: in the channel, and to the people that a watch no longer pages."""

from datetime import datetime

from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.notice import Notice, NoticeKind
from bot.domain.subscription import Edit, Undo, no_longer_paged
from bot.domain.watch import ChannelId, UserId, Watch
from bot.state.repository import Repository


class Announcements:
    """Makes the messages about a change, and its undo. Writes nothing: the change itself enqueues them."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def undo(self, channel: ChannelId, by: UserId, by_name: str, at: datetime, edits: tuple[Edit, ...]) -> Undo:
        """The undo of a change, for the button in its announcement."""
        ids = "|".join(edit.id for edit in edits)
        key = stable_key(self._repository.team, channel, "undo", by, ids, at.isoformat())
        return Undo(id=key, channel=channel, by=by, by_name=by_name, at=at, edits=edits)

    def messages(
        self, kind: NoticeKind, undo: Undo, staying: tuple[Watch, ...] = (), failing: int = 0
    ) -> tuple[Message, ...]:
        """The messages about a change. `staying`, `failing`: as in `Notice`."""
        return (*self._in_channel(kind, undo, staying, failing), *self._to_unpaged(undo))

    def _in_channel(
        self, kind: NoticeKind, undo: Undo, staying: tuple[Watch, ...], failing: int
    ) -> tuple[Message, ...]:
        """Empty for a person's own conversation with the bot: there the answer is enough."""
        if undo.channel.startswith("D"):
            return ()
        after = tuple(self._repository.named(edit.after) for edit in undo.edits if edit.after)
        before = tuple(self._repository.named(edit.before) for edit in undo.edits if edit.before)
        ended = kind is NoticeKind.UNWATCHED
        notice = Notice(
            kind=kind,
            at=undo.at,
            by=undo.by,
            by_name=undo.by_name,
            watches=before if ended else after,
            before=() if ended else before,
            staying=staying,
            failing=failing,
            undo=undo.id,
        )
        return (self._message(undo.channel, notice, *(edit.id for edit in undo.edits)),)

    def _to_unpaged(self, undo: Undo) -> list[Message]:
        """Direct messages to the people that a watch no longer pages."""
        messages = []
        for target, watches in no_longer_paged(undo.edits, undo.by).items():
            notice = Notice(
                kind=NoticeKind.NOT_PAGED,
                at=undo.at,
                by=undo.by,
                by_name=undo.by_name,
                watches=tuple(self._repository.named(watch) for watch in watches),
                channel=undo.channel,
            )
            if target.direct:
                messages.append(self._message(target.direct, notice, undo.channel, *(watch.id for watch in watches)))
        return messages

    def _message(self, channel: ChannelId, notice: Notice, *parts: str) -> Message:
        key = stable_key(self._repository.team, channel, notice.kind, "|".join(parts), notice.at.isoformat())
        return Message(
            id=key,
            receiver=in_slack(self._repository.team, channel),
            priority=Priority.UPDATE,
            body=notice,
            made_at=notice.at,
        )
