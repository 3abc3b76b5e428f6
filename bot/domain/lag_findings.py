"""Turns the judgement about a pipeline's measurements into the findings that its card shows. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.chains import chain_label
from bot.domain.lag import Judgement
from bot.domain.transition import Event, PipelineFinding, PipelineState
from bot.domain.usual_pace import Lag

NOTICEABLE = 0.2  # of a lag: a smaller change redraws no card


def lag_findings(judgement: Judgement, state: PipelineState, at: datetime) -> tuple[PipelineFinding, ...]:
    """The findings that hold now. `state` has those that held before."""
    findings = []
    before, lag = state.finding(Event.LAGGING), judgement.lag
    if judgement.over:
        threshold = timedelta(seconds=max(judgement.over))
        finding = before or PipelineFinding(event=Event.LAGGING, since=at)
        if lag is not None and _is_noticeable(finding, lag):
            measured = _with_lag(finding, lag)
            catches_up = finding.is_of_the_chain and not measured.is_of_the_chain and not judgement.is_own
            finding = finding if catches_up else measured
        findings.append(replace(finding, threshold=threshold))
    if judgement.stalled_since is not None:
        stalled = state.finding(Event.STALLED) or PipelineFinding(event=Event.STALLED, since=judgement.stalled_since)
        findings.append(replace(stalled, since=judgement.stalled_since))
    return tuple(findings)


def _is_noticeable(finding: PipelineFinding, lag: Lag) -> bool:
    """True if the card should show the lag as it is now."""
    if finding.lag is None or _chain_lag(lag) != finding.chain_lag:
        return True
    seconds = finding.lag.total_seconds()
    return abs(lag.seconds - seconds) >= NOTICEABLE * seconds


def _with_lag(finding: PipelineFinding, lag: Lag) -> PipelineFinding:
    return replace(
        finding,
        lag=timedelta(seconds=round(lag.seconds)),
        blocks=lag.blocks,
        chain=chain_label(lag.chain) if lag.chain else "",
        chain_lag=_chain_lag(lag),
    )


def _chain_lag(lag: Lag) -> timedelta | None:
    """In whole minutes: a chain with a steady delay changes no card."""
    if lag.chain_seconds is None:
        return None
    return timedelta(minutes=round(lag.chain_seconds / 60))
