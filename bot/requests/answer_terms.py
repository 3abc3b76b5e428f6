"""The time and the remark of an acknowledgement."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a person adds to an acknowledgement."""

    until: datetime | None = None
    """The paging goes on then, unless the failure is over. None: it does not."""
    snoozed: bool = False
    """The person asks for quiet until then, and promises nothing."""
    takes_over: bool = False
    """The acknowledgement moves to this person, if somebody else has it."""
    remark: str = ""
    """What the person says about it, as plain text."""


NO_TERMS = Terms()
