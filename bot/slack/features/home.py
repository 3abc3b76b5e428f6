"""The Home tab: the failures in channels that this person may see, and what they watch. Drawn when they open it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.answer import FailuresAnswer, PipelineView, WatchesAnswer
from bot.domain.attention import Trouble, trouble
from bot.domain.watch import ChannelId
from bot.slack.click import Click
from bot.slack.feature import Button, Feature, Reply, Request
from bot.slack.features.watches import watches_blocks
from bot.slack.mrkdwn import REASON_LIMIT, date, outside
from bot.slack.render import action_ids
from bot.slack.render.blocks import Block, actions, button, context, sections
from bot.slack.render.phrases import conversation, is_direct
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import row
from bot.slack.visible_channels import VisibleChannels

FAILURES_SHOWN = 20
DIVIDER: Block = {"type": "divider"}


@dataclass(frozen=True, slots=True)
class VisibleFailure:
    """A failed pipeline, and a channel that watches it and that the person may see."""

    view: PipelineView
    channel: ChannelId


async def home(request: Request) -> Reply:
    failures, gaps = await _visible_failures(request)
    watches = await request.services.requests.queries.watches(request.asker.channel)
    return Reply(home=home_blocks(failures, gaps, watches, request.services.render_context))


async def failure_lines(request: Request, now: datetime) -> list[str]:
    """The failures in channels that the person may see, and why some may be missing."""
    failures, gaps = await _visible_failures(request)
    return [*_failed(failures, gaps, now, request.services.render_context.command), *gaps]


async def _visible_failures(request: Request) -> tuple[list[VisibleFailure], list[str]]:
    services, asker = request.services, request.asker
    answer = services.requests.queries.failures(asker.channel)
    visible_channels = VisibleChannels(asker, services.permissions)
    places = [
        (failed_view.view, failed_view.silences, await visible_channels.first_visible(failed_view.channels))
        for failed_view in answer.failed
    ]
    visible = [
        VisibleFailure(replace(view, silence=silences.get(channel)), channel)
        for view, silences, channel in places
        if channel
    ]
    command = services.render_context.command
    return visible, _gaps(answer, command, complete=visible_channels.complete)


async def _refresh(_: Click, request: Request) -> Reply:
    return await home(request)


# --- render ----------------------------------------------------------------------------------------------------------


def home_blocks(
    failures: Sequence[VisibleFailure], gaps: Sequence[str], watches: WatchesAnswer, render_context: RenderContext
) -> list[Block]:
    command = render_context.command
    return [
        *sections([*_failed(failures, gaps, watches.at, command), *gaps]),
        *actions("failures", button(action_ids.REFRESH_HOME, "Refresh", "")),
        DIVIDER,
        *watches_blocks(watches, render_context),
        *actions("watches", button(action_ids.OPEN_WATCH_FORM, "Watch a pipeline", "")),
        DIVIDER,
        *sections(
            [
                "*Type this in a channel, or here under Messages*",
                f"`{command} status orders-eu` — the current state of one pipeline",
                f"`{command} watch orders-eu page me` — post its changes there, and page you when it fails",
                f"`{command} help` — everything that I can do",
            ]
        ),
        *context(f"As of {date(watches.at)}", render_context.home),
    ]


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
    return lines if number <= FAILURES_SHOWN else [*lines, f"… and {number - FAILURES_SHOWN} more"]


def _counted(failures: Sequence[VisibleFailure], now: datetime) -> str:
    """`2 pipelines have failed, 1 has not recovered yet`."""
    recovering = sum(trouble(failure.view.state, now) is Trouble.RECOVERING for failure in failures)
    parts: list[str] = []
    for number, words in ((len(failures) - recovering, "failed"), (recovering, "not recovered yet")):
        if number:
            noun = "" if parts else " pipeline" if number == 1 else " pipelines"
            parts.append(f"{number}{noun} {'has' if number == 1 else 'have'} {words}")
    return ", ".join(parts)


def _watcher(channel: ChannelId) -> str:
    return "watched by you" if is_direct(channel) else conversation(channel, "your")


def _gaps(answer: FailuresAnswer, command: str, *, complete: bool) -> list[str]:
    """Why failures may be missing."""
    if not answer.anything_watched:
        return [f"*No pipeline is watched yet.* `{command} list failed` looks for failures among all pipelines."]
    lines = []
    if answer.outage:
        lines.append(f":warning: I have no fresh readings: {outside(answer.outage, REASON_LIMIT)}")
    elif answer.unread:
        lines.append(":warning: I haven't read all watched pipelines yet, so failures may be missing here.")
    if not complete:
        lines.append(":warning: I couldn't check all channels, so failures may be missing here.")
    return lines


FEATURE = Feature(
    home=home,
    buttons={action_ids.REFRESH_HOME: Button(press=_refresh, changes=False)},
)
