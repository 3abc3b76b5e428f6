"""The settings that every message needs. Pure."""

from dataclasses import dataclass
from urllib.parse import quote

LONGEST_ID = 150
PIPELINE_ID = "{pipeline_id}"


@dataclass(frozen=True, slots=True)
class RenderContext:
    """The slash command's name, and the address of GoldRush's web page for links."""

    platform_url: str
    """May contain `{pipeline_id}`."""
    command: str

    @property
    def knows_pipelines(self) -> bool:
        """True if the address of a single pipeline is known."""
        return PIPELINE_ID in self.platform_url

    def link(self, pipeline_id: str) -> str:
        """A link to the pipeline if its address is known, else to the platform. The label says which."""
        if not self.knows_pipelines:
            return f"<{self.platform_url}|Open GoldRush Platform>"
        return f"<{self.address(pipeline_id)}|Open in GoldRush>"

    @property
    def home(self) -> str:
        """A link to GoldRush itself."""
        before = self.platform_url.partition(PIPELINE_ID)[0].partition("?")[0]
        return f"<{before if before.endswith('/') else before.rpartition('/')[0] + '/'}|Open GoldRush Platform>"

    def address(self, pipeline_id: str) -> str:
        """Cuts an overlong id, which could exceed Slack's limit. GoldRush's own ids are shorter."""
        return self.platform_url.replace(PIPELINE_ID, quote(pipeline_id[:LONGEST_ID], safe=""))
