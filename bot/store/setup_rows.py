"""The rows of the setup and of the audit log."""

from collections.abc import Mapping
from functools import lru_cache

from bot.domain.audit import AuditEntry
from bot.domain.calendar import CalendarCopy, PendingCalendar
from bot.domain.credits_report import CreditsReport
from bot.domain.error_note import ErrorNote
from bot.domain.follow_ups import FollowUps
from bot.domain.on_call_setup import DefaultPolicy, SavedOverride, SavedPolicy, SavedSchedule, SavedShadow
from bot.domain.owners import Owner
from bot.domain.reach_check import ReachCheck
from bot.domain.schedule_state import ScheduleState
from bot.domain.setup import SetupRow
from bot.domain.silence import Maintenance, Mute, QuietHours
from bot.store import versions
from bot.store.codec import Codec

_ROWS: tuple[type[SetupRow], ...] = (
    SavedPolicy,
    SavedSchedule,
    SavedOverride,
    SavedShadow,
    DefaultPolicy,
    CalendarCopy,
    PendingCalendar,
    ScheduleState,
    ReachCheck,
    Mute,
    Maintenance,
    QuietHours,
    FollowUps,
    Owner,
    ErrorNote,
    CreditsReport,
)
_CODECS: Mapping[str, Codec[SetupRow]] = {row.kind.value: Codec(row, versions.unchanged) for row in _ROWS}
AUDIT_ENTRY = Codec(AuditEntry, versions.unchanged)


def encode_setup_row(row: SetupRow) -> str:
    return _CODECS[row.kind].encode(row)


@lru_cache(maxsize=5_000)  # most rows are unchanged when a bot reads all of them again
def decode_setup_row(key: bytes, raw: bytes) -> SetupRow:
    """
    Raises:
        ValueError: the row is damaged, or its kind is unknown.
    """
    kind = key.partition(b"|")[0].decode()
    if kind not in _CODECS:
        raise ValueError(f"a setting of the unknown kind {kind}")
    return _CODECS[kind].decode(raw)
