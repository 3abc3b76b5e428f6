"""Direct messages to people whose shift somebody else takes, gives away or gives back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.on_call_setup import SavedOverride
from bot.domain.schedule_answer import Editor
from bot.domain.schedule_messages import ShiftChange
from bot.domain.setup import Setup
from bot.domain.shift_change import changed_people
from bot.domain.watch import ChannelId, TeamId, UserId
from bot.ports.chat import ChatAway
from bot.ports.conversations import DirectConversations
from bot.ports.telemetry import emit
from bot.ports.telemetry.requests import ShiftChangeNotTold

MOST_TOLD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftEdit:
    """Overrides that begin or end with one request, in the setups before and after it."""

    before: Setup
    after: Setup
    rows: Sequence[SavedOverride]
    at: datetime
    cancelled: bool = False


class ShiftNotices:
    """Nobody hears of their own act. A person who comes on call at once hears it from the handover."""

    def __init__(self, conversations: DirectConversations, team: TeamId) -> None:
        self._conversations = conversations
        self._team = team

    async def conversations(self, edit: ShiftEdit, editor: Editor) -> Mapping[UserId, ChannelId]:
        """The direct conversations of the people to tell. Slack opens them, so this comes before the write."""
        found: dict[UserId, ChannelId] = {}
        for person in list(dict.fromkeys(person for person, _, _ in _told(edit, editor)))[:MOST_TOLD]:
            try:
                conversation = await self._conversations.direct(person)
            except ChatAway as exc:
                emit(ShiftChangeNotTold(person=person, problem=str(exc)))
                continue
            if conversation:
                found[person] = conversation
        return found

    def messages(
        self, edit: ShiftEdit, editor: Editor, conversations: Mapping[UserId, ChannelId]
    ) -> tuple[Message, ...]:
        return tuple(
            Message(
                id=stable_key(self._team, "shift", row.id, conversations[person], str(edit.cancelled)),
                receiver=in_slack(self._team, conversations[person]),
                priority=Priority.UPDATE,
                body=_body(row, edit, editor, gains=gains),
                made_at=edit.at,
            )
            for person, row, gains in _told(edit, editor)
            if person in conversations
        )


def _told(edit: ShiftEdit, editor: Editor) -> Iterator[tuple[UserId, SavedOverride, bool]]:
    """Each person to tell, the override, and whether they come on call by the change."""
    for row in edit.rows:
        changed = changed_people(edit.before, edit.after, row, edit.at)
        yield from ((person, row, False) for person in changed.lost if person != editor.by)
        if row.start > edit.at:
            yield from ((person, row, True) for person in changed.gained if person != editor.by)


def _body(row: SavedOverride, edit: ShiftEdit, editor: Editor, *, gains: bool) -> ShiftChange:
    return ShiftChange(
        schedule=row.schedule,
        person=row.person,
        start=max(row.start, edit.at),
        end=row.end,
        why=row.why,
        by=editor.by,
        by_name=editor.name,
        gains=gains,
        cancelled=edit.cancelled,
    )
