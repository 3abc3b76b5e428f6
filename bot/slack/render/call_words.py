"""The words of a call: the failures, why the call comes now, and the people it calls. Pure."""

from collections.abc import Mapping, Sequence

from bot.domain.episode import Episode
from bot.domain.escalation import Page, PageStatus
from bot.domain.notice import CallEndKind, CallReason, Notice, OpenFailure, PageCall
from bot.domain.watch import ChannelId, Target, TargetKind
from bot.slack.mrkdwn import outside, time_of_day
from bot.slack.render import finding_words, phrases

NAME_LIMIT = 60
NAMES_SHOWN = 20
CALLS_SHOWN = 3  # of a group: further ones come later
_REASONS: Mapping[CallReason, str] = {
    CallReason.STEP: "Nobody has acknowledged.",
    CallReason.REPEATED: "Nobody has acknowledged so far.",
    CallReason.FAILED_AGAIN: "",
    CallReason.NAMED: "",
    CallReason.LAST_RESORT: "Nobody answered in all rounds. This is the last call.",
    CallReason.NOBODY_ANSWERED: "*Nobody answered*, and there is no one left to page. Please take a look.",
}


def call_lines(notice: Notice, *, has_button: bool) -> list[str]:
    """What failed and since when, why this call comes now, and the people it calls.

    `has_button`: the message acknowledges all of them. Too many failures have no button.
    """
    call = notice.call or PageCall(reason=CallReason.STEP)
    people = [target for target in notice.targets if target.kind is not TargetKind.PAGER]
    pagers = [target for target in notice.targets if target.kind is TargetKind.PAGER]
    request = f"{phrases.mentions(people)} please take a look and acknowledge." if people else ""
    if pagers:
        request = f"{request}\nPaged outside Slack: {phrases.target_list(pagers)}.".strip()
    why = " ".join(part for part in (_reason(call), _step_words(call)) if part)
    where = "" if has_button else "Acknowledge on their cards."
    return [f":rotating_light: {_failed(notice.failures, call)}", *(line for line in (why, request, where) if line)]


def _reason(call: PageCall) -> str:
    if call.event:
        return ""
    if call.reason is not CallReason.PROMISE_MISSED:
        return _REASONS[call.reason]
    if call.snoozed and call.promised_by:
        return f"{phrases.someones(call.promised_by)} snooze is over."
    return f"The time that {phrases.person(call.promised_by) if call.promised_by else 'somebody'} asked for is over."


def over_lines(notice: Notice) -> list[str]:
    """Who answered each failure of a call that is over, and when. Mentions nobody."""
    lines = [_end(failure) for failure in notice.failures[:NAMES_SHOWN]]
    more = len(notice.failures) - NAMES_SHOWN
    rest = [f"… and {more:,} more. Their cards show more."] if more > 0 else []
    return [*lines, *rest, "This call is over."]


def _end(failure: OpenFailure) -> str:
    name, end = f"*{outside(failure.pipeline.name, NAME_LIMIT)}*", failure.end
    if end is None:
        return f":information_source: {name}: see its card."
    person, when = phrases.person(end.name), f"at {time_of_day(end.at)}"
    match end.kind:
        case CallEndKind.ACKNOWLEDGED:
            return f":eyes: {name}: {person} acknowledged {when}."
        case CallEndKind.SNOOZED:
            return f":zzz: {name}: {person} snoozed it {when}."
        case CallEndKind.RESOLVED:
            return f":no_bell: {name}: {person} ended the paging {when}."
        case CallEndKind.RECOVERED:
            return f":information_source: {name} recovered {when}."
        case CallEndKind.OVER:
            return f":information_source: {name} stopped needing you at {time_of_day(end.at)}. Its card says why."


def _failed(failures: tuple[OpenFailure, ...], call: PageCall) -> str:
    if len(failures) == 1:
        (one,) = failures
        since = phrases.moment(one.since, first_seen=one.first_seen)
        if call.event:
            return f"*{outside(one.pipeline.name, NAME_LIMIT)}* {finding_words.FOUND[call.event]} and needs you."
        if call.reason is CallReason.FAILED_AGAIN:  # the call may come before the entry that says what came back
            return f"*{outside(one.pipeline.name, NAME_LIMIT)}* needs you again, since {since}."
        return f"*{outside(one.pipeline.name, NAME_LIMIT)}* still needs you, since {since}."
    if not failures:
        return "Pipelines still need you."
    names = ", ".join(f"*{outside(failure.pipeline.name, NAME_LIMIT)}*" for failure in failures[:NAMES_SHOWN])
    more = f" and {len(failures) - NAMES_SHOWN:,} more" if len(failures) > NAMES_SHOWN else ""
    if call.reason is CallReason.FAILED_AGAIN:
        return f"{len(failures):,} pipelines need you again: {names}{more}."
    return f"{len(failures):,} pipelines still need you: {names}{more}."


def _step_words(call: PageCall) -> str:
    """The place in the policy, for people who want to know why they were called."""
    if call.promised_until and call.reason is CallReason.PROMISE_MISSED:
        return f"It ended at {time_of_day(call.promised_until)}."
    if call.policy and call.step:
        return f"Step {call.step} of {call.steps} of policy *{outside(call.policy)}*."
    return ""


def page_lines(episode: Episode, channel: ChannelId) -> list[str]:
    """The state of the pages shown in this conversation: what reached nobody, and who is next."""
    return group_page_lines([episode], channel)


def group_page_lines(episodes: Sequence[Episode], channel: ChannelId) -> list[str]:
    """As `page_lines`, for several failures: each warning once, and each next call with its earliest time."""
    pages = [page for episode in episodes for page in _pages_in(episode, channel)]
    warnings = dict.fromkeys(line for page in pages if (line := _unreached(page)))
    timed = [_pages_in(episode, channel) for episode in episodes if not episode.flapping]  # else the timers wait
    waiting = [(page.next_at, page) for pages in timed for page in pages if page.next_at]
    calls: dict[tuple[str, tuple[Target, ...]], str] = {}
    for _, page in sorted(waiting, key=lambda pair: pair[0]):
        if line := _next(page):
            calls.setdefault((page.policy.name, _next_targets(page)), line)
    lines = [*calls.values()]
    if len(lines) > CALLS_SHOWN:
        lines = [*lines[:CALLS_SHOWN], f"{len(lines) - CALLS_SHOWN:,} more calls later"]
    return [*warnings, *lines, *_nobody_answered(timed)]


def _pages_in(episode: Episode, channel: ChannelId) -> list[Page]:
    return [page for page in episode.pages if channel in page.conversations]


def _nobody_answered(timed: Sequence[Sequence[Page]]) -> list[str]:
    """For the failures whose pages have all ended without an answer. `timed`: the pages of each failure."""
    over = sum(
        any(page.status is PageStatus.EXHAUSTED and page.notified for page in pages)
        and not any(page.next_at for page in pages)
        for pages in timed
    )
    if not over:
        return []
    return ["Nobody answered. No further calls." if over == len(timed) else f"Nobody answered for {over} of them."]


def _unreached(page: Page) -> str:
    numbers = [str(position + 1) for position in page.unreached if position < len(page.policy.steps)]
    if page.status is PageStatus.EXHAUSTED and not page.notified:
        return f":warning: {_policy(page)} reaches nobody."
    steps = "Step" if len(numbers) == 1 else "Steps"
    return f":warning: {steps} {', '.join(numbers)} of {_policy(page)} reached nobody." if numbers else ""


def _policy(page: Page) -> str:
    return f"policy *{outside(page.policy.name)}*" if page.policy.name else "the watch here"


def _next_targets(page: Page) -> tuple[Target, ...]:
    steps = page.policy.steps
    over = page.position >= len(steps) * (page.policy.rounds + 1)
    return page.policy.last_resort if over or not steps else steps[page.position % len(steps)].targets


def _next(page: Page) -> str:
    """The next call, unless somebody answers before."""
    if page.status is not PageStatus.ESCALATING or page.next_at is None or not page.policy.steps:
        return ""
    targets = _next_targets(page)
    by = f" by {_policy(page)}" if page.policy.name else ""
    return f"Next call{by} at {time_of_day(page.next_at)}: {phrases.target_list(targets)}" if targets else ""
