"""A drill in Slack: the test that people get, the report, and the question before it. Pure."""

from bot.domain.drill import Drill, DrillHop
from bot.domain.notice import Notice
from bot.slack.mrkdwn import date, duration, outside
from bot.slack.render import phrases
from bot.slack.render.blocks import Block, section, sections

DRILL = ":satellite_antenna: *DRILL — nothing is wrong.*"
NO_LIMIT = 200


def drill_blocks(notice: Notice, receiver: str) -> list[Block]:
    """In the drill's own channel the report, elsewhere the test alone."""
    drill, who = notice.drill, phrases.person(notice.by_name)
    who = phrases.sentence(who)
    if drill is None or receiver != drill.channel:
        origin = f" from {phrases.conversation(notice.channel, 'their')}" if notice.channel else ""
        test = f"{who} tests whether a page{origin} reaches you. It has, and there is nothing to do."
        return [section(f"{DRILL}\n{test}")]
    over = drill.is_over(notice.at)
    policy = f" by the policy *{outside(drill.policy)}*" if drill.policy else ""
    head = f"{DRILL}\n{who} tests whether pages{policy} get through."
    status = _verdict(drill) if over else f"Running. The verdict follows by {date(drill.ends_at, '{time_secs}')}."
    return [*sections([head, *(_hop(hop, over=over) for hop in drill.hops), *_untested(drill)]), section(status)]


def _hop(hop: DrillHop, *, over: bool) -> str:
    name = outside(hop.name)
    if hop.refused:
        return f"• {name}: refused ({outside(hop.refused, NO_LIMIT)})"
    if hop.seconds is not None:
        return f"• {name}: accepted after {latency(hop.seconds)}"
    return f"• {name}: {'not accepted in time' if over else 'waiting'}"


def latency(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def _untested(drill: Drill) -> list[str]:
    if not drill.untested:
        return []
    return [f"• Not tested: {', '.join(outside(name) for name in drill.untested)}"]


def _verdict(drill: Drill) -> str:
    failed, number = drill.failed_hops, len(drill.hops)
    if not failed:
        slowest = max((hop.seconds or 0.0 for hop in drill.hops), default=0.0)
        every = "The only way works" if number == 1 else f"All {number:,} ways work"
        return f"*Verdict: passed.* {every}. The slowest took {latency(slowest)}."
    names = ", ".join(outside(hop.name) for hop in failed)
    return (
        f"*Verdict: failed.* {len(failed):,} of {number:,} ways don't work: {names}. Pages would not get there in time."
    )
