"""Reads of single pipelines for people, and the promised age of readings."""

from datetime import datetime
from typing import Protocol

from bot.domain.observation import PipelineId

NO_ANSWER = "no answer came in time. Try again in a minute."
NO_DATABASE = "I can't reach my database"
NOBODY_READS = "I'm not reading pipelines right now. If this lasts longer than a minute, tell the people who run me."


class StatusReads(Protocol):
    """Reads a pipeline at once for a person, and says how fresh the polling keeps all others."""

    @property
    def promised_seconds(self) -> float:
        """The greatest age of a polled pipeline's reading in normal operation."""
        ...

    @property
    def nobody_polls(self) -> bool:
        """True if no bot of this workspace has polled for a while. Then readings just grow older."""
        ...

    @property
    def others_read_since(self) -> datetime | None:
        """Another bot polls: it has read all closely watched pipelines since then. None: this bot polls, or nobody."""
        ...

    @property
    def outage(self) -> str | None:
        """The API's problem, while the bot that polls can't read it."""
        ...

    def promised(self, pipeline_id: PipelineId) -> float | None:
        """The same for one pipeline, since those at rest are read less often. None: the bot does not poll it."""
        ...

    def waits_until(self) -> datetime | None:
        """The end of a wait that GoldRush asked for, if it is longer than a person would wait."""
        ...

    async def read_now(self, pipeline_id: PipelineId, *, older_than: float = 0.0) -> str | None:
        """Reads the pipeline. Returns the problem, in words for people; None if the read succeeded.

        A bot that does not poll asks the leader, which need not read it if its last reading is younger than
        `older_than` seconds.
        """
        ...
