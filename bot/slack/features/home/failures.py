"""The failures in channels that one person may see, and why some may be missing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.answer import FailuresAnswer, PipelineView
from bot.domain.attention import Trouble, trouble
from bot.domain.watch import ChannelId
from bot.slack.feature import Request
from bot.slack.render import action_ids
from bot.slack.render.blocks import Block, button, section, sections, value
from bot.slack.render.phrases import conversation, is_direct
from bot.slack.render.rows import row
from bot.slack.render.stale_states import reason_and_step
from bot.slack.visible_channels import VisibleChannels

FAILURES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class VisibleFailure:
    """A failed pipeline, and a channel that watches it and that the person may see."""

    view: PipelineView
    channel: ChannelId
    card: str = ""
    """The key of its card there. Empty if there is none that people can acknowledge."""


async def failure_lines(request: Request, now: datetime) -> list[str]:
    """The failures in channels that the person may see, and why some may be missing."""
    visible = VisibleChannels(request.asker, request.services.permissions)
    failures, gaps = await visible_failures(request, visible)
    return [*_failed(failures, gaps, now, request.services.render_context.command), *gaps]


async def visible_failures(
    request: Request, visible_channels: VisibleChannels
) -> tuple[list[VisibleFailure], list[str]]:
    requests = request.services.requests
    answer = requests.queries.failures(request.asker.channel)
    places = [
        (failed_view.view, failed_view.silences, await visible_channels.first_visible(failed_view.channels))
        for failed_view in answer.failed
    ]
    visible = [
        VisibleFailure(
            replace(view, silence=silences.get(channel)),
            channel,
            requests.acknowledgements.open_failure_in(channel, view.pipeline.id) or "",
        )
        for view, silences, channel in places
        if channel
    ]
    command = request.services.render_context.command
    return visible, _gaps(answer, command, complete=visible_channels.complete)


# --- render ----------------------------------------------------------------------------------------------------------


def failure_blocks(failures: Sequence[VisibleFailure], gaps: Sequence[str], now: datetime, command: str) -> list[Block]:
    """As `failure_lines`, with a button for each failure."""
    first, *rows = _failed(failures, gaps, now, command) or [""]
    shown = failures[:FAILURES_SHOWN]
    lines = [section(line, answer_button(failure)) for line, failure in zip(rows, shown, strict=False)]
    return [*sections(filter(None, [first])), *lines, *sections([*rows[len(shown) :], *gaps])]


def answer_button(failure: VisibleFailure) -> Block | None:
    """*Acknowledge*, or *Take over* if somebody has it."""
    if not failure.card:
        return None
    return button_for(failure.view.pipeline.id, failure.card, failure.channel, taken=bool(failure.view.acknowledged))


def button_for(pipeline: str, card: str, channel: ChannelId, *, taken: bool) -> Block:
    """The channel is a mention, so that its id is translated like any other."""
    data = value(pipeline=pipeline, card=card, channel=f"<#{channel}>")
    if taken:
        return button(action_ids.HOME_TAKE_OVER, "Take over", data)
    return button(action_ids.HOME_ACKNOWLEDGE, "Acknowledge", data, style="primary")


def _failed(failures: Sequence[VisibleFailure], gaps: Sequence[str], now: datetime, command: str) -> list[str]:
    if not failures and gaps:
        return []  # an all-clear would be false
    if not failures:
        where = f"in the channels that you can see. `{command} list failed` also finds unwatched ones."
        return [f"*No watched pipeline has failed* {where}"]
    number = len(failures)
    lines = [f"*{_counted(failures, now)}*"]
    lines += [
        f"{row(visible_failure.view, now)} · {_watcher(visible_failure.channel)}"
        for visible_failure in failures[:FAILURES_SHOWN]
    ]
    return lines if number <= FAILURES_SHOWN else [*lines, f"… and {number - FAILURES_SHOWN:,} more"]


def _counted(failures: Sequence[VisibleFailure], now: datetime) -> str:
    """`2 pipelines have failed, 1 has not recovered yet`."""
    recovering = sum(trouble(failure.view.state, now) is Trouble.RECOVERING for failure in failures)
    parts: list[str] = []
    for number, words in ((len(failures) - recovering, "failed"), (recovering, "not recovered yet")):
        if number:
            noun = "" if parts else " pipeline" if number == 1 else " pipelines"
            parts.append(f"{number:,}{noun} {'has' if number == 1 else 'have'} {words}")
    return ", ".join(parts)


def _watcher(channel: ChannelId) -> str:
    return "watched by you" if is_direct(channel) else conversation(channel, "your")


def _gaps(answer: FailuresAnswer, command: str, *, complete: bool) -> list[str]:
    """Why failures may be missing."""
    if not answer.anything_watched:
        return [f"*No pipeline is watched yet.* `{command} list failed` looks for failures among all pipelines."]
    lines = []
    if answer.outage:
        lines.append(f":warning: I have no fresh readings: {reason_and_step(answer.outage, None)}")
    elif answer.unread:
        lines.append(":warning: I haven't read all watched pipelines yet, so failures may be missing here.")
    if not complete:
        lines.append(":warning: I couldn't check all channels, so failures may be missing here.")
    return lines
