"""The account's credits in words: use, pace, the date when they run out, and the bot's own part. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bot.domain.card import Card
from bot.domain.catalogue import AccountLimit
from bot.domain.credits import PACE_DAYS, WARN_DAYS, CreditsState, Usage, outlook, own_requests
from bot.domain.notice import Notice
from bot.slack.mrkdwn import REASON_LIMIT, ago, date, duration, outside
from bot.slack.render.blocks import Block, context, section
from bot.slack.render.render_context import RenderContext

SHOWN_AGE = timedelta(minutes=1)
USED_UP = "The GoldRush credits are used up."
_BEFORE_THE_END = "Until then, the account's owner can raise the plan in GoldRush, or use less."


def credit_blocks(state: CreditsState, at: datetime, command: str) -> list[Block]:
    if state.usage is None:
        return [section(_unknown(state))]
    return _figures("*GoldRush credits*", state, at, _end_lines(state.usage, command))


def weekly_blocks(notice: Notice, render_context: RenderContext) -> list[Block]:
    state, head = notice.credits or CreditsState(), ":information_source: The weekly figures of the GoldRush account:"
    return _figures(head, state, notice.at, _end_lines(state.usage, render_context.command) if state.usage else ())


def _figures(head: str, state: CreditsState, at: datetime, end_lines: Sequence[str] = ()) -> list[Block]:
    """`end_lines`: empty if the head says when the credits run out."""
    if state.usage is None:
        return [section(f"{head}\n{_unknown(state)}")]
    lines = [head, *_usage_lines(state.usage), *end_lines, *_own_lines(state, at)]
    stale = [f"The last try failed: {outside(state.problem, REASON_LIMIT)}"] if state.problem else []
    return [section("\n".join(lines)), *context(_age(state.usage, at), *stale)]


def _age(usage: Usage, at: datetime) -> str:
    """Other figures beside GoldRush's are of now."""
    old = f", {ago(usage.at, at)}" if at - usage.at >= SHOWN_AGE else ""
    return f"GoldRush's figures are as of {date(usage.at)}{old}. I read them once an hour."


def low_blocks(notice: Notice, render_context: RenderContext) -> list[Block]:
    state = notice.credits or CreditsState()
    ends = outlook(state.usage).runs_out if state.usage else None
    if state.usage and state.usage.left == 0:
        head = f":warning: *{USED_UP}*"
        rest = _after_the_end(render_context.command)
    else:
        head = f":warning: *The GoldRush credits run out {_when(ends, notice.at)}*, if use goes on as it does now."
        rest = f"GoldRush doesn't say what happens to pipelines then. {_BEFORE_THE_END}"
    how = f"`{render_context.command} credits` shows the figures at any time."
    return [*_figures(f"{head}\n{rest}\n", state, notice.at), section(how)]


_LIMITS = {
    AccountLimit.OVER_LIMIT: "This GoldRush group is over its limit",
    AccountLimit.TRIAL_EXPIRED: "The free trial of this GoldRush group has expired",
}


def limit_line(cards: Iterable[Card], command: str) -> str:
    """For open failures. Empty if the listing says nothing of a limit."""
    failed = (card for card in cards if card.state.fails)
    limits = {card.pipeline.account_limit for card in failed}
    words = next((text for limit, text in _LIMITS.items() if limit in limits), "")
    return f":warning: {words}, which may be why. `{command} credits` shows its use." if words else ""


def _when(ends: datetime | None, at: datetime) -> str:
    if ends is None:
        return "soon"
    return f"in {duration(max(0.0, (ends - at).total_seconds()))}, on {date(ends, '{date_short_pretty}')}"


def _unknown(state: CreditsState) -> str:
    if not state.problem:
        return "I haven't read the use of GoldRush credits yet. I read it once an hour."
    return (
        f"I can't read the use of GoldRush credits: {outside(state.problem, REASON_LIMIT)}\n"
        "Pipelines are watched as always. I'll try again within the hour."
    )


def _usage_lines(usage: Usage) -> list[str]:
    found, lines = outlook(usage), []
    if usage.consumed is not None and usage.maximum and usage.left is not None:
        share = f"{100 * usage.consumed / usage.maximum:.0f} %"
        lines.append(
            f"{_number(usage.consumed)} of {_number(usage.maximum)} used ({share}), {_number(usage.left)} left"
        )
    elif usage.consumed is not None:
        lines.append(f"{_number(usage.consumed)} used. GoldRush names no limit.")
    if usage.flex:
        lines.append(f"Flex credits, as GoldRush lists them: {_number(usage.flex)}")
    if found.per_day is None:
        lines.append("Pace: unknown. GoldRush lists too few days.")
    else:
        lines.append(f"Pace: about {_number(found.per_day)} a day over the last {PACE_DAYS} days")
    return lines


def _end_lines(usage: Usage, command: str) -> list[str]:
    found = outlook(usage)
    if usage.left == 0:
        return [f"*{USED_UP}* {_after_the_end(command)}"]
    if found.runs_out:
        soon = found.days_left is not None and found.days_left <= WARN_DAYS
        step = f" {_BEFORE_THE_END}" if soon else ""
        return [f"At this pace they run out {_when(found.runs_out, usage.at)}.{step}"]
    return ["At this pace they last for more than a month."] if found.days_left is not None else []


def _after_the_end(command: str) -> str:
    return (
        "GoldRush doesn't say what happens to pipelines now, so they may stop or fail. "
        f"Check them with `{command} list failed`. The account's owner can raise the plan in GoldRush."
    )


def _own_lines(state: CreditsState, at: datetime) -> list[str]:
    count = own_requests(state, at)
    if count is None:
        return []
    when = "yesterday" if count.since is None else f"since {date(count.since)}"
    requests = f"{count.number:,} {'request' if count.number == 1 else 'requests'} to GoldRush {when}"
    own = state.usage.own if state.usage else None
    cost = "GoldRush doesn't say how many credits they cost." if own is None else f"My key used {_number(own)} credits."
    if not count.number and count.since:
        return [cost] if own is not None else []
    return [f"I made {requests}. {cost}"]


def _number(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 10 or amount == int(amount) else f"{amount:,.1f}"
