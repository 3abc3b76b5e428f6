"""Writes what the leader found out about one pipeline, and reports the transitions."""

from bot.domain.observation import PipelineId
from bot.domain.plan import Plan
from bot.ports.leadership import LeadershipStatus
from bot.ports.store_errors import LeadershipLost
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import TransitionDetected
from bot.state.repository import MakePlan, Repository


async def write_as_leader(
    repository: Repository, leadership: LeadershipStatus, pipeline_id: PipelineId, make: MakePlan
) -> Plan | None:
    """Returns the written plan. None: nothing is to be written, or another bot leads: that one finds it again.

    Raises:
        StoreAway: the plan may or may not be written.
    """
    lease = leadership.lease
    if lease is None:
        return None
    try:
        plan = await repository.write(pipeline_id, make, lease=lease)
    except LeadershipLost:
        return None
    if plan:
        report_transitions(plan)
    return plan


def report_transitions(plan: Plan) -> None:
    """For the log and the metrics."""
    for transition in plan.transitions:
        phase, reason = transition.phase and str(transition.phase), transition.reason or None
        became = transition.event.value
        emit(TransitionDetected(pipeline=plan.record.pipeline_id, became=became, phase=phase, reason=reason))
