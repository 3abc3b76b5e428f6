"""The names of all keys. The workspace is a hash tag, so Redis Cluster keeps one workspace in one slot."""

from dataclasses import dataclass

from bot.domain.delivery import Lane, Receiver
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId, TeamId

SCHEMA = 2
"""The version of the key names: 1 has new names, 2 has `aliases`.

A bot of an older version must not write to keys of a newer one.
"""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one workspace. `keys[name]` is the full name of a key that exists once."""

    team: TeamId

    def __getitem__(self, name: str) -> str:
        return f"pipeline-bot:{{{self.team}}}:{name}"

    @property
    def all_keys_pattern(self) -> str:
        """A pattern for all keys of this workspace, and no others."""
        return f"pipeline-bot:{{{self.team}}}:*"

    def history(self, pipeline_id: PipelineId) -> str:
        return self[f"history:{pipeline_id}"]

    def hello(self, receiver: Receiver) -> str:
        return self[f"hello:{receiver.name}"]

    def card(self, key: str) -> str:
        return self[f"card:{key}"]

    def group(self, key: str) -> str:
        return self[f"group:{key}"]

    def burst(self, burst_id: str) -> str:
        return self[f"burst:{burst_id}"]

    def growing(self, receiver: Receiver) -> str:
        return self[f"growing:{receiver.name}"]

    def outbox(self, lane: Lane) -> str:
        """
        Raises:
            ValueError: the lane belongs to another team, whose rows must never mix with this team's.
        """
        if lane.receiver.team != self.team:
            raise ValueError(f"a delivery of team {lane.receiver.team} reached the store of team {self.team}")
        return self[f"outbox:{lane.name}"]

    def lease(self, name: str) -> str:
        return self[f"lease:{name}"]

    def page_log(self, receiver: Receiver) -> str:
        return self[f"page_log:{receiver.name}"]

    def suspend_notice(self, channel: ChannelId) -> str:
        return self[f"suspend_notice:{channel}"]

    def undo(self, undo_id: str) -> str:
        return self[f"undo:{undo_id}"]

    def interaction(self, digest: str) -> str:
        return self[f"interaction:{digest}"]
