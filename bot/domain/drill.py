"""A drill: a test that goes every way that a page would go, and reports how long each one took. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.escalation import Policy
from bot.domain.observation import PipelineId
from bot.domain.receipt import Receipt, ReceiptRow
from bot.domain.watch import ChannelId, Target, TargetKind, UserId, Watch

PATIENCE = timedelta(minutes=2)
"""A receiver that takes longer does not take pages in time."""
PAUSE = timedelta(minutes=5)
"""From one drill of a channel to the next: each one interrupts people."""
MOST_HOPS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillHop:
    """One receiver of the test, and its answer."""

    receiver: str
    """`Receiver.name`."""
    name: str
    """Plain text."""
    seconds: float | None = None
    """How long it took until the receiver's service accepted the test. None: not yet."""
    refused: str = ""
    """Why the receiver will never get it."""
    is_pager: bool = False
    ended: bool = False
    """A pager got the end of the test, or will get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """One drill of a channel. Its row says what to do next, so that any sender can finish it."""

    id: str
    channel: ChannelId
    policy: str = ""
    """The name of the policy. Empty: the people and groups that the channel's watches page."""
    by: UserId
    by_name: str = ""
    """Plain text."""
    started_at: datetime
    hops: tuple[DrillHop, ...] = ()
    untested: tuple[str, ...] = ()
    """The targets that no test can reach alone, as plain text."""
    delivery: str = ""
    """The id of the channel's message, which becomes the report."""
    message_id: str = ""
    """The chat's id of that message, once known."""
    is_shown: bool = False
    """The message shows what the bot knows."""
    is_reported: bool = False
    """The verdict is out. The row stays until another drill may start."""

    @property
    def pipeline_id(self) -> PipelineId:
        """The receipts of the drill are those of a pipeline that does not exist."""
        return PipelineId(f"drill-{self.id}")

    @property
    def ends_at(self) -> datetime:
        return self.started_at + PATIENCE

    def is_over(self, now: datetime) -> bool:
        """True if there is a verdict."""
        return now >= self.ends_at or not self.open_hops

    @property
    def open_hops(self) -> tuple[DrillHop, ...]:
        return tuple(hop for hop in self.hops if hop.seconds is None and not hop.refused)

    def hops_to_end(self, now: datetime) -> tuple[DrillHop, ...]:
        """The pagers that need the end of the test now: they have it, or there is a verdict."""
        return tuple(
            hop
            for hop in self.hops
            if hop.is_pager and not hop.ended and (hop.seconds is not None or self.is_over(now))
        )

    @property
    def failed_hops(self) -> tuple[DrillHop, ...]:
        """After the end: the receivers that a page would not reach in time."""
        return tuple(hop for hop in self.hops if hop.seconds is None)


def with_receipts(drill: Drill, receipts: Iterable[ReceiptRow]) -> Drill:
    """The drill as the receivers have answered so far. Of several answers the first one counts."""
    answers: dict[str, Receipt] = {}
    for receipt in receipts:
        if isinstance(receipt, Receipt):
            answers.setdefault(receipt.conversation, receipt)
    return replace(drill, hops=tuple(_answered(hop, answers.get(hop.receiver)) for hop in drill.hops))


def _answered(hop: DrillHop, receipt: Receipt | None) -> DrillHop:
    if receipt is None:
        return hop
    if receipt.refused:
        return replace(hop, refused=receipt.refused)
    return replace(hop, seconds=receipt.seconds)


def targets_to_test(watches: Iterable[Watch], policy: Policy | None) -> tuple[Target, ...]:
    """Those of the policy, of all its steps and of its last resort. Without a policy those of the watches."""
    if policy:
        steps: Sequence[Target] = [target for step in policy.steps for target in step.targets]
        targets = [*steps, *policy.last_resort]
    else:
        targets = [target for watch in watches for target in watch.targets]
    return tuple({target.identity: target for target in reversed(targets)}.values())[::-1]


def is_tested_alone(target: Target) -> bool:
    """True if the target has a receiver of its own. A group or `here` is mentioned in the channel, and a drill pings
    nobody there."""
    return target.kind in {TargetKind.USER, TargetKind.PAGER}
