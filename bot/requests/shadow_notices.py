"""Direct messages to learners whose shadow somebody else sets up or ends. They need no look-up: a shadow has one."""

from collections.abc import Iterable
from datetime import datetime

from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.on_call_setup import SavedShadow
from bot.domain.schedule_answer import Editor
from bot.domain.schedule_messages import ShadowChange
from bot.domain.watch import TeamId


def shadow_notices(
    team: TeamId, rows: Iterable[SavedShadow], editor: Editor, at: datetime, *, ended: bool = False
) -> tuple[Message, ...]:
    """One message for each learner. Nobody hears of their own act."""
    return tuple(
        Message(
            id=stable_key(team, "shadow", row.id, row.person.direct, str(ended), at.isoformat()),
            receiver=in_slack(team, row.person.direct),
            priority=Priority.UPDATE,
            body=ShadowChange(
                schedule=row.schedule,
                start=max(row.start, at),
                end=row.end,
                by=editor.by,
                by_name=editor.name,
                ended=ended,
            ),
            made_at=at,
        )
        for row in rows
        if row.person.direct and row.person.id != editor.by
    )
