"""The canvases of the workspace: documents that stand as tabs in a channel."""

from dataclasses import dataclass, field

MOST_CHARACTERS = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    id: str
    channel: str
    title: str
    markdown: str


@dataclass(slots=True)
class Canvases:
    enabled: bool = False
    """An administrator may switch canvases off for a whole workspace. The page shows none, so they begin like that."""
    is_free_team: bool = False
    """A channel then has one canvas as a tab at most."""
    made: list[Canvas] = field(default_factory=list)
