"""How long the readers of the polling have answered nothing. Readers in other processes may all be dead."""

NEVER = float("-inf")


class ReaderSilence:
    """Times are in monotonic seconds."""

    def __init__(self) -> None:
        self._answered_at = NEVER
        """When the last result of the polling came."""
        self._unheard_until = NEVER
        """Until then this bot did not lead or had no store, so no reader could answer it."""
        self._since: float | None = None
        """Since then, readers have answered nothing, and at least one read is lost."""

    def seconds(self, now: float) -> float:
        """0 if they answer."""
        return 0.0 if self._since is None else now - self._since

    def note_answer(self, now: float) -> None:
        self._since, self._answered_at = None, now

    def note_lost(self, begun_at: float) -> None:
        """A read that began then has got no result in time."""
        if self._since is None:
            self._since = max(begun_at, self._answered_at, self._unheard_until)

    def excuse(self, until: float) -> None:
        """Reads and results go through the store. The silence until then says nothing about the readers."""
        self._since, self._unheard_until = None, until

    def restart(self) -> None:
        """This bot begins to lead."""
        self._since = None
