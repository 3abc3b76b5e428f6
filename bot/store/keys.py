"""The names of all keys. They carry the workspace, in a hash tag: Redis Cluster keeps one workspace in one slot."""

from dataclasses import dataclass

from bot.domain.delivery import Lane
from bot.domain.watch import ChannelId, TeamId


@dataclass(frozen=True, slots=True)
class Keys:
    team: TeamId

    def __getitem__(self, name: str) -> str:
        return f"pipeline-bot:{{{self.team}}}:{name}"

    @property
    def every(self) -> str:
        """The pattern of all keys of the workspace, and of no other's."""
        return f"pipeline-bot:{{{self.team}}}:*"

    def hello(self, channel: ChannelId) -> str:
        return self[f"hello:{channel}"]

    def card(self, key: str) -> str:
        return self[f"card:{key}"]

    def group(self, key: str) -> str:
        return self[f"storm:{key}"]

    def burst(self, burst_id: str) -> str:
        return self[f"group:{burst_id}"]

    def growing(self, channel: ChannelId) -> str:
        return self[f"growing:{channel}"]

    def outbox(self, lane: Lane) -> str:
        return self[f"outbox:{lane.name}"]

    def lease(self, name: str) -> str:
        return self[f"lease:{name}"]

    def page_log(self, channel: ChannelId) -> str:
        return self[f"paged:{channel}"]

    def told(self, channel: ChannelId) -> str:
        return self[f"told:{channel}"]

    def undo(self, undo_id: str) -> str:
        return self[f"undo:{undo_id}"]

    def gesture(self, digest: str) -> str:
        return self[f"gesture:{digest}"]
