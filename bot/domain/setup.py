"""The settings that people make by command, besides watches and notes: policies, schedules, overrides and others. Pure.

A kind of setting is one class: a `SetupRow` with a `SetupKind`. `store/setup_rows.py` lists the classes, so that the
store can read them.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import ClassVar, TypeVar

from bot.domain.watch import ChannelId, UserId

LONGEST_NAME = 40
"""Of a policy or a schedule, in characters."""


class SetupKind(StrEnum):
    """The kinds of settings. The value is part of a row's key, so it never changes."""

    POLICY = "policy"
    SCHEDULE = "schedule"
    OVERRIDE = "override"
    SHADOW = "shadow"
    DEFAULT_POLICY = "default_policy"
    CALENDAR_COPY = "calendar_copy"
    SCHEDULE_STATE = "schedule_state"
    REACH_CHECK = "reach_check"
    PENDING_CALENDAR = "pending_calendar"
    MUTE = "mute"
    MAINTENANCE = "maintenance"
    QUIET_HOURS = "quiet_hours"
    FOLLOW_UPS = "follow_ups"
    OWNER = "owner"
    CREDITS_REPORT = "credits_report"
    ERROR_NOTE = "error_note"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupRow(ABC):
    """One setting, and the person who made it or last changed it."""

    kind: ClassVar[SetupKind]
    is_setting: ClassVar[bool] = True
    """False for a row that the bot makes by itself, and can make again. No audit entry tells of it."""
    made_by: UserId
    made_by_name: str = ""
    """Plain text."""
    made_at: datetime

    @property
    @abstractmethod
    def id(self) -> str:
        """Distinguishes the rows of one kind. A second row with this id replaces the first."""

    @property
    @abstractmethod
    def label(self) -> str:
        """The name of the setting, for lists and for the audit log."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """The value as people type it, in plain text and without secrets."""

    @property
    def audit_text(self) -> str:
        """What the audit log keeps of the value, in plain text and without secrets."""
        return self.summary

    @property
    def channel(self) -> ChannelId | None:
        """The channel to which the setting belongs. None: the workspace."""
        return None

    def is_newer_than(self, asked_at: datetime | None) -> bool:
        """True if somebody changed it after a person saw it. None: they saw it too long ago to tell."""
        return asked_at is None or self.made_at > asked_at

    @property
    def key(self) -> str:
        """Distinguishes all rows."""
        return f"{self.kind}|{self.id}"


RowT = TypeVar("RowT", bound=SetupRow)


@dataclass(frozen=True)
class Setup:
    """All settings of the workspace, as of one moment. Among them: `all(SavedPolicy)`, `get(SavedPolicy, "data")`."""

    rows: tuple[SetupRow, ...] = ()

    @cached_property
    def _by_kind(self) -> Mapping[type[SetupRow], Mapping[str, SetupRow]]:
        by_kind: dict[type[SetupRow], dict[str, SetupRow]] = {}
        for row in sorted(self.rows, key=lambda row: row.key):
            by_kind.setdefault(type(row), {})[row.id] = row
        return by_kind

    def all(self, kind: type[RowT]) -> tuple[RowT, ...]:
        """The rows of one kind, by id."""
        return tuple(row for row in self._by_kind.get(kind, {}).values() if isinstance(row, kind))

    def get(self, kind: type[RowT], row_id: str) -> RowT | None:
        """One row by its id. None: there is none."""
        row = self._by_kind.get(kind, {}).get(row_id)
        return row if isinstance(row, kind) else None


NO_SETUP = Setup()
