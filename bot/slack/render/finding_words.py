"""Words for findings: how far a pipeline is behind, what it should do, what usually happens. Pure."""

from collections.abc import Mapping, Sequence

from bot.domain.phase import Intent, Phase
from bot.domain.transition import Event, PipelineFinding
from bot.domain.usual_pace import Lag
from bot.slack.mrkdwn import duration, outside
from bot.slack.render import phrases

LAGGING = "*lagging*"
STALLED = "*stalled*"
NO_BLOCKS = "it reads no new blocks, although it is running"
FOUND: Mapping[Event, str] = {
    Event.LAGGING: f"is {LAGGING}",
    Event.STALLED: f"has {STALLED}",
    Event.STUCK: "is *stuck*",
    Event.DRIFT: "has *drifted*",
}
"""What follows the name of the pipeline."""


def behind(finding: PipelineFinding) -> str:
    """`41 min behind (1,240 blocks)`. Empty if nobody measured it."""
    blocks = phrases.blocks(finding.blocks) if finding.blocks else ""
    if finding.lag is None:
        return f"{blocks} behind" if blocks else ""
    return f"{duration(finding.lag.total_seconds())} behind{f' ({blocks})' if blocks else ''}"


def of_chain(finding: PipelineFinding) -> str:
    """Whether GoldRush itself has the chain on time. Empty if that is not known."""
    if not finding.chain or finding.chain_lag is None:
        return ""
    chain, late = outside(finding.chain, 40), finding.chain_lag.total_seconds()
    if not late:
        return f"{chain} itself is on time at GoldRush"
    needless = ": nothing to do here" if finding.is_of_the_chain else ""
    return f"{chain} itself is {duration(late)} behind at GoldRush{needless}"


def wanted(intent: Intent | None) -> str:
    """`should be paused`."""
    return f"should be {intent.value if intent else 'in another phase'}"


def usual_duration(finding: PipelineFinding) -> str:
    """`usually 3 min`. Empty if it is not known."""
    return f"usually {duration(finding.usual.total_seconds())}" if finding.usual else ""


def finding_fact(finding: PipelineFinding) -> str:
    """A finding as one fact of a row: `lagging: 41 min behind (1,240 blocks)`."""
    match finding.event:
        case Event.LAGGING:
            return f"lagging: {words}" if (words := behind(finding)) else "lagging"
        case Event.STUCK:
            return f"stuck ({words})" if (words := usual_duration(finding)) else "stuck"
        case Event.DRIFT:
            return "drifted"
        case _:
            return finding.event.value


def finding_sentence(finding: PipelineFinding, phase: Phase | None) -> str:
    """A finding with all that is known of it: `Drifted: it is stopped and should be running`."""
    word = "drifted" if finding.event is Event.DRIFT else finding.event.value
    stalled = finding.event is Event.STALLED
    detail = f": {NO_BLOCKS}" if stalled else entry_detail(finding.event, (finding,), phase)
    return phrases.sentence(f"{word}{detail}")


def lag_fact(lag: Lag) -> str:
    """A lag that is no problem: `12 s behind (6 blocks)`."""
    if lag.seconds < 1:
        return "no lag"
    blocks = f" ({phrases.blocks(lag.blocks)})" if lag.blocks else ""
    return f"{duration(lag.seconds)} behind{blocks}"


def entry_detail(event: Event, findings: Sequence[PipelineFinding], phase: Phase | None) -> str:
    """What the entry of a finding adds to its word: `: 41 min behind`, ` while deploying (usually 3 min)`."""
    finding = next((finding for finding in findings if finding.event is event), None)
    match event:
        case Event.LAGGING:
            return f": {words}" if finding and (words := behind(finding)) else ""
        case Event.STUCK:
            usual = usual_duration(finding) if finding else ""
            return f" while {phrases.phase_in_a_sentence(phase)}{f' ({usual})' if usual else ''}"
        case Event.DRIFT:
            is_now = phrases.phase_in_a_sentence(phase)
            return (
                f": it is {is_now} and {wanted(finding.intent)}" if finding and finding.intent else f": it is {is_now}"
            )
        case _:
            return ""
