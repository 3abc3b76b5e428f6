"""The names of the keys in Redis. docs/architecture.md lists all keys under "Keys", and what each holds.

The workspace is a hash tag, so Redis Cluster keeps one workspace in one slot.
"""

from dataclasses import dataclass

from bot.domain.delivery import Lane, Receiver
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId, TeamId

SCHEMA = 3
"""The version of the key names, which the key `schema` holds. `migration.py` brings older data to it.

Version 1 renamed keys: `parked` became `suspended`. In version 2, `aliases` replaced three keys about channel ids.
In version 3, cards, groups and bursts became texts, because one command can read or write many texts.
In the same version, the hash `pipelines` replaced the single row `catalogue`.
A bot of an older version must not write to keys of a newer one.
"""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one workspace.

    A key that exists once per workspace has no method: its user writes `keys["watches"]`. A family of keys has one.
    """

    team: TeamId

    def __getitem__(self, name: str) -> str:
        """The full name of a key, from its name within the workspace."""
        return f"pipeline-bot:{{{self.team}}}:{name}"

    @property
    def all_keys_pattern(self) -> str:
        """A pattern for all keys of this workspace, and no others."""
        return f"pipeline-bot:{{{self.team}}}:*"

    def history(self, pipeline_id: PipelineId) -> str:
        """The pipeline's transitions, oldest first."""
        return self[f"history:{pipeline_id}"]

    def receipts(self, pipeline_id: PipelineId) -> str:
        """Who was notified of the pipeline's transitions and who was not, oldest first."""
        return self[f"receipts:{pipeline_id}"]

    def thread(self, receiver: Receiver, message_id: str) -> str:
        """The `Card.key` or `Group.key` of the message at the top of a thread. Kept as long as the receipts."""
        return self[f"thread:{receiver.name}:{message_id}"]

    def hello(self, receiver: Receiver) -> str:
        """Exists for 30 days after the bot greeted the receiver, so that it greets once."""
        return self[f"hello:{receiver.name}"]

    def card(self, card_key: str) -> str:
        """The content of one card. `card_key` is `Card.key`."""
        return self[f"card:{card_key}"]

    def posted(self, card_key: str) -> str:
        """The progress of one card: its message, and how much of the content that message shows."""
        return self[f"posted:{card_key}"]

    def group(self, group_key: str) -> str:
        """The `Card.key` of each card in a group's message. `group_key` is `Group.key`."""
        return self[f"group:{group_key}"]

    def recent(self, receiver: Receiver) -> str:
        """The failure cards and groups that the receiver got lately, by time."""
        return self[f"recent:{receiver.name}"]

    def incidents(self, receiver: Receiver) -> str:
        """What this pager has open: `Incident`, by its key."""
        return self[f"incidents:{receiver.name}"]

    def pager_answer(self, digest: str) -> str:
        """Marks an answer of a person at a pager as applied, for two days. `digest` is a hash of the event's id."""
        return self[f"pager_answer:{digest}"]

    def outbox(self, lane: Lane) -> str:
        """The ids of the lane's unsent deliveries, in order.

        Only this method checks the team, because each new delivery comes here.

        Raises:
            ValueError: the lane belongs to another team, whose rows must never mix with this team's.
        """
        if lane.receiver.team != self.team:
            raise ValueError(f"a delivery of team {lane.receiver.team} reached the store of team {self.team}")
        return self[f"outbox:{lane.name}"]

    def lease(self, name: str) -> str:
        """The bot that owns a lane, or another named lease."""
        return self[f"lease:{name}"]

    def page_log(self, receiver: Receiver) -> str:
        """The times of one person's direct pages and summaries within the last hour."""
        return self[f"page_log:{receiver.name}"]

    def calls(self, receiver: Receiver) -> str:
        """The edits that will end the receiver's posted calls."""
        return self[f"calls:{receiver.name}"]

    def suspend_notice(self, channel: ChannelId) -> str:
        """What the last notice about the channel's suspension said, so that the bot doesn't repeat it."""
        return self[f"suspend_notice:{channel}"]

    def reads(self, source: str) -> str:
        """The stream of batches for readers of this source: an address of GoldRush with a ServiceKey, hashed."""
        return self[f"reads:{source}"]

    def read_results(self, scheduler: str) -> str:
        """The results for one scheduler process. Goes a minute after the last one."""
        return self[f"read_results:{scheduler}"]

    def leader_replies(self, process: str) -> str:
        """The leader's replies to the calls of one process. Goes a minute after the last one."""
        return self[f"leader_replies:{process}"]

    def postmortem(self, message_id: str) -> str:
        """Exists for 30 days after this postmortem was enqueued, so that a second click posts no other."""
        return self[f"postmortem:{message_id}"]

    def canvas(self, message_id: str) -> str:
        """Exists for 30 days after the bot began to make this postmortem's canvas, so that it makes no other."""
        return self[f"canvas:{message_id}"]

    def undo(self, undo_id: str) -> str:
        """The watches before a change, for *Undo*."""
        return self[f"undo:{undo_id}"]

    def interaction(self, digest: str) -> str:
        """Marks a command or click as seen, for 25 hours. `digest` is a hash of its id."""
        return self[f"interaction:{digest}"]
