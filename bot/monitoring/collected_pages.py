"""The progress of one listing, page by page. Pure."""

from dataclasses import dataclass, field

from bot.domain.observation import PipelineId
from bot.ports.pipeline_api import ListingPage


@dataclass(slots=True)
class CollectedPages:
    """The pages read so far.

    GoldRush does not document the members of `pagination`. The last page is one that says so, an empty one, or one that
    brings nothing new.
    """

    begun_at: float
    """In monotonic seconds."""
    found: set[PipelineId] = field(default_factory=set)
    pages: int = 0
    ended: bool = False
    absent: set[PipelineId] = field(default_factory=set)
    """No page shows them, and GoldRush does not have them."""
    as_leader: bool = False
    """The bot led while it read the last page."""
    checks: int = 0
    """How many pipelines without a page were read one by one."""
    total: int | None = None
    """How many pipelines GoldRush says there are, if it says so."""
    _doubtful: bool = False

    def add(self, page: ListingPage) -> None:
        before = len(self.found)
        self.found.update(pipeline.id for pipeline in page.pipelines)
        self.pages += 1
        self.total = page.total
        self._doubtful |= page.skipped > 0 or (page.total is not None and page.total < len(self.found))
        self.ended = not page.more or len(self.found) == before

    @property
    def complete(self) -> bool:
        """True if the pages show every pipeline.

        An empty listing proves nothing: a fault is likelier than a group without pipelines.
        """
        whole = bool(self.found) and (self.total is None or self.total == len(self.found))
        return self.ended and whole and not self._doubtful
