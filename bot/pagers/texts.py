"""What a page says, as plain text. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bot.domain.catalogue import visible
from bot.domain.pager import PagedFailure, PagerAction, PagerEvent, PagingEnd
from bot.domain.transition import Event

NAMES_SHOWN = 15
LONGEST_NAME = 80
DRILL = "TEST: "
_HAPPENED: Mapping[Event, str] = {
    Event.FAILED: "failed",
    Event.UNREACHABLE: "can't be read",
    Event.DEGRADED: "is degraded",
    Event.GONE: "is gone",
    Event.LAGGING: "is lagging",
    Event.STALLED: "has stalled",
    Event.STUCK: "is stuck",
    Event.DRIFT: "has drifted",
}
REPEAT = "You may have got this message before: the service did not confirm it."


class PageText(NamedTuple):
    title: str
    body: str


def page_text(event: PagerEvent, *, may_repeat: bool = False) -> PageText:
    """The title says what happened, and the body since when and what to do."""
    lines = _lines(event)
    if event.drill:
        lines.append("This is a test. Nothing is wrong.")
    if may_repeat:
        lines.append(REPEAT)
    return PageText(title_of(event), "\n".join(lines))


def title_of(event: PagerEvent) -> str:
    """One line: who did what, or what happened."""
    title = problem = problem_of(event)
    if event.action is PagerAction.ACKNOWLEDGE:
        title = f"{_name(event.by_name) or 'Somebody'} acknowledged: {problem}"
    if event.action is PagerAction.RESOLVE:
        title = _end(event, problem)
    if event.action is PagerAction.TRIGGER and _may_grow(event):
        title = f"{problem}. Others may join this incident"
    return f"{DRILL}{title}" if event.drill else title


def _may_grow(event: PagerEvent) -> bool:
    """True for a group that has only one failure yet."""
    return len(event.failures) == 1 and event.failures[0].key != event.key and not event.drill


def problem_of(event: PagerEvent) -> str:
    """What the page is about, such as `orders-eu failed`."""
    if not event.failures:
        return visible(event.headline) or "The bot has a problem"
    if len(event.failures) == 1:
        failure = event.failures[0]
        return f"{_name(failure.pipeline.name)} {_what(failure)}"
    kinds = {_happened(failure) for failure in event.failures}
    happened = kinds.pop() if len(kinds) == 1 else "have problems"
    return f"{len(event.failures):,} pipelines {happened.replace('is ', 'are ').replace('has ', 'have ')}"


def _end(event: PagerEvent, problem: str) -> str:
    if event.end is PagingEnd.RESOLVED and event.by_name:
        return f"{_name(event.by_name)} resolved: {problem}"
    if event.end is not PagingEnd.RECOVERED:
        return f"Closed: {problem}"
    if len(event.failures) == 1:
        return f"{_name(event.failures[0].pipeline.name)} recovered"
    return f"All {len(event.failures):,} pipelines recovered" if event.failures else f"Over: {problem}"


def _lines(event: PagerEvent) -> list[str]:
    failures = event.failures
    if len(failures) > 1:
        lines = [_member(failure) for failure in failures[:NAMES_SHOWN]]
        left_out = len(failures) - NAMES_SHOWN
        lines += [f"and {left_out} more"] if left_out > 0 else []
    else:
        lines = [_since(failure) for failure in failures]
    if event.action is not PagerAction.TRIGGER:
        return lines
    return lines + _step(event) + _links(failures)


def _step(event: PagerEvent) -> list[str]:
    """Which step calls. A watch without a policy calls the same targets again."""
    if not event.policy:
        return [f"Call {event.step}: nobody has answered yet"] if event.step > 1 else []
    policy = f"of the policy {_name(event.policy)}"
    if event.last_resort:
        return [f"Last resort {policy}: nobody answered its steps"]
    rounds, step = divmod(event.step - 1, event.steps or event.step)
    return [f"Step {step + 1} {policy}" + (f", in round {rounds + 1}" if rounds else "")]


def _links(failures: Sequence[PagedFailure]) -> list[str]:
    link = next((failure.card_link for failure in failures if failure.card_link), "")
    return [f"Acknowledge it in Slack: {link}"] if link else []


def _member(failure: PagedFailure) -> str:
    return f"{_name(failure.pipeline.name)} {_what(failure)} {_when(failure)}"


def _since(failure: PagedFailure) -> str:
    words = _when(failure)
    return words[0].upper() + words[1:]


def _when(failure: PagedFailure) -> str:
    return f"{'before' if failure.first_seen else 'since'} {failure.since:%Y-%m-%d %H:%M:%S} UTC"


def _what(failure: PagedFailure) -> str:
    return failure.end_of_run or _happened(failure)


def _happened(failure: PagedFailure) -> str:
    return _HAPPENED.get(failure.event, f"is {failure.event.value}")


def _name(text: str) -> str:
    name = visible("".join(char if char.isprintable() else " " for char in text)).strip()
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
