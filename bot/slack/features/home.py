"""The Home tab: the failures in channels that this person may see, and what they watch. Drawn when they open it."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.answer import FailuresAnswer, PipelineView, WatchesAnswer
from bot.domain.attention import Trouble, trouble
from bot.domain.permission import Denial, Person
from bot.domain.watch import ChannelId
from bot.slack.click import Click
from bot.slack.feature import Button, Feature, Reply, Request
from bot.slack.features.watches import watches_blocks
from bot.slack.mrkdwn import REASON_LIMIT, date, outside
from bot.slack.permissions import Asker, Permissions
from bot.slack.render import action_ids
from bot.slack.render.blocks import Block, actions, button, context, sections
from bot.slack.render.phrases import conversation, is_direct
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import row

MOST_CHANNELS = 20  # to check in Slack: each takes up to three calls
CHECK_SECONDS = 8.0  # for the checks of all channels: people wait for the tab
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
    visible_channels = _VisibleChannels(asker, services.permissions)
    places = [
        (failed_view.view, await visible_channels.first_visible(failed_view.channels)) for failed_view in answer.failed
    ]
    visible = [VisibleFailure(view, channel) for view, channel in places if channel]
    command = services.render_context.command
    return visible, _gaps(answer, command, complete=visible_channels.complete)


async def _refresh(_: Click, request: Request) -> Reply:
    return await home(request)


# --- permissions -----------------------------------------------------------------------------------------------------


class _VisibleChannels:
    """Finds out which channels one person may see.

    Asks Slack once about the person, and once about each of at most 20 channels. Stops asking after CHECK_SECONDS.
    """

    def __init__(self, asker: Asker, permissions: Permissions) -> None:
        self._asker = asker
        self._permissions = permissions
        self._visible = {asker.channel}
        self._hidden: set[ChannelId] = set()
        self._person: Person | None = None
        self._until = asyncio.get_running_loop().time() + CHECK_SECONDS
        self._stopped = False
        """True after the deadline, or after Slack failed."""
        self.complete = True
        """False if a channel was not checked."""

    async def first_visible(self, channels: Iterable[ChannelId]) -> ChannelId | None:
        """One of these channels that the person may see. None if there is none."""
        for channel in sorted(channels, key=self._visible.__contains__, reverse=True):
            if await self._sees(channel):
                return channel
        return None

    async def _sees(self, channel: ChannelId) -> bool:
        if channel in self._visible:
            return True
        if channel in self._hidden or is_direct(channel):  # somebody else's direct conversation
            return False
        if self._stopped or len(self._visible | self._hidden) > MOST_CHANNELS:
            self.complete = False
            return False
        try:
            async with asyncio.timeout_at(self._until):
                denial = await self._denial(channel)
        except TimeoutError:
            self._stopped, self.complete = True, False
            return False
        (self._hidden if denial else self._visible).add(channel)
        if denial and denial is not Denial.NO_SUCH_CHANNEL:  # Slack did not say
            self._stopped, self.complete = True, False
        return denial is None

    async def _denial(self, channel: ChannelId) -> Denial | None:
        if self._person is None:
            self._person = await self._permissions.facts.person(self._asker.user, team=self._asker.team)
        return await self._permissions.denial_to_see(self._asker, channel, self._person)


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
