"""Changes the setup: plans on the known setup, writes only if nobody changed it since, and plans again if so."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from bot.domain.audit import AuditEntry
from bot.domain.delivery import Message
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupChange, SetupEdit
from bot.domain.watch import UserId
from bot.ports.clock import Clock
from bot.ports.setup_store import SetupStore
from bot.ports.store_errors import StoreAway
from bot.requests.audit_log import emit_changes
from bot.state.repository import ATTEMPTS, Repository

LATEST_READ = 100
"""Entries of the audit log. A change of just now is among them."""
AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupPlan(Generic[AnswerT]):
    """What a request changes, and its answer. Without edits, the store is not asked."""

    answer: AnswerT
    edits: tuple[SetupEdit, ...] = ()
    announcements: tuple[Message, ...] = ()


class SetupChanges:
    """The one way to write the setup. Every service with settings of its own calls `write`."""

    def __init__(self, *, repository: Repository, setup_store: SetupStore, clock: Clock) -> None:
        self._repository = repository
        self._setup_store = setup_store
        self._clock = clock

    @property
    def setup(self) -> Setup:
        """As this process knows it."""
        return self._repository.watches.setup

    async def latest_change(self, wanted: Callable[[AuditEntry], bool], since: datetime) -> AuditEntry | None:
        """The latest wanted change in the audit log. None: there was none since.

        Raises:
            StoreAway: the log can't be read.
        """
        page = await self._setup_store.audit(count=LATEST_READ)
        return next((entry for entry in page.entries if entry.at >= since and wanted(entry)), None)

    async def write(
        self,
        make: Callable[[Setup, datetime], SetupPlan[AnswerT]],
        *,
        by: UserId | None,
        by_name: str = "",
    ) -> AnswerT:
        """Plans from the setup and the time, and writes. Calls `make` again if another bot changed something first.

        Raises:
            StoreAway: nothing is written, or the reply was lost. A second try does no harm.
        """
        for _ in range(ATTEMPTS):
            version, at = self._repository.watches.version, self._clock.now()
            plan = make(self.setup, at)
            if not plan.edits:
                return plan.answer
            change = SetupChange(
                version=version,
                by=by,
                by_name=by_name,
                at=at,
                edits=plan.edits,
                announcements=plan.announcements,
            )
            written = await self._setup_store.change_setup(change)
            await self._repository.refresh_watches()
            if written:
                emit_changes(change.audit)
                return plan.answer
        raise StoreAway(f"other bots changed the setup first, {ATTEMPTS} times in a row")
