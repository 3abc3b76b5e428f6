"""Changes the setup, and reads the audit log. The setup itself is read with the watches."""

from typing import Protocol

from bot.domain.audit import AuditPage
from bot.domain.setup_change import SetupChange


class SetupStore(Protocol):
    """A change counts only if nobody changed watches, notes or setup since they were read."""

    async def change_setup(self, change: SetupChange) -> bool:
        """Changes, announces and records the setup in one step.

        False: another bot changed something first. Nothing was changed; plan again.
        """
        ...

    async def audit(self, before: str = "", count: int = 100) -> AuditPage:
        """The latest entries before a position of an earlier page."""
        ...
