"""One atomic change of the setup. Pure."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.audit import AuditEntry, clipped_value
from bot.domain.delivery import Message
from bot.domain.setup import SetupRow
from bot.domain.watch import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupEdit:
    """One row before and after, of one kind and id. `before` None: it is new. `after` None: it ends."""

    before: SetupRow | None = None
    after: SetupRow | None = None

    @property
    def row(self) -> SetupRow:
        """The later one of both."""
        row = self.after or self.before
        if row is None:
            raise ValueError("an edit without rows")
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupChange:
    """The edits of one request. The store writes all of them, or none."""

    version: int
    """The version of the watches and the setup on which the change was planned. The store refuses another version."""
    by: UserId | None
    """None: the bot itself, such as at the end of a mute."""
    by_name: str = ""
    at: datetime
    edits: tuple[SetupEdit, ...]
    announcements: tuple[Message, ...] = ()

    @property
    def audit(self) -> tuple[AuditEntry, ...]:
        """What the audit log keeps of the change."""
        return tuple(
            AuditEntry(
                at=self.at,
                by=self.by,
                by_name=self.by_name,
                subject=edit.row.kind,
                label=edit.row.label,
                channel=edit.row.channel,
                before=clipped_value(edit.before.audit_text) if edit.before else "",
                after=clipped_value(edit.after.audit_text) if edit.after else "",
            )
            for edit in self.edits
            if edit.row.is_setting
        )
