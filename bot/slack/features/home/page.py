"""Draws the Home tab of one person, when they open it and after each click in it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.answer import WatchesAnswer
from bot.domain.schedule_view import ScheduleView
from bot.domain.watch import UserId
from bot.slack.feature import Reply, Request
from bot.slack.features.home.duty import (
    OwnSilence,
    VisibleAssignment,
    assignment_blocks,
    on_call_blocks,
    own_assignments,
    own_silences,
    silences_of_mine,
)
from bot.slack.features.home.failures import VisibleFailure, failure_blocks, visible_failures
from bot.slack.features.watches import watches_blocks
from bot.slack.mrkdwn import date
from bot.slack.render import action_ids
from bot.slack.render.blocks import Block, actions, button, context, sections
from bot.slack.render.on_call_forms import policy_form_buttons, schedule_form_buttons
from bot.slack.render.render_context import RenderContext
from bot.slack.visible_channels import VisibleChannels

DIVIDER: Block = {"type": "divider"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePage:
    """All that the tab of one person shows."""

    user: UserId
    failures: Sequence[VisibleFailure] = ()
    gaps: Sequence[str] = ()
    """Why failures may be missing."""
    assignments: Sequence[VisibleAssignment] = ()
    schedules: Sequence[ScheduleView] = ()
    policies: Sequence[str] = ()
    """Their names."""
    watches: WatchesAnswer
    silences: Sequence[OwnSilence] = ()
    knows_all_silences: bool = True


async def home(request: Request, *notice: Block) -> Reply:
    """`notice`: the answer to a click, above everything else."""
    services, asker = request.services, request.asker
    visible = VisibleChannels(asker, services.permissions)
    (failures, gaps), (silences, complete) = await asyncio.gather(
        visible_failures(request, visible), own_silences(request)
    )
    page = HomePage(
        user=asker.user,
        failures=failures,
        gaps=gaps,
        assignments=await own_assignments(request, visible),
        schedules=services.requests.schedules.all(),
        policies=services.requests.policies.names,
        watches=await services.requests.queries.watches(asker.channel),
        silences=silences,
        knows_all_silences=complete,
    )
    blocks = home_blocks(page, services.render_context)
    return Reply(home=[*notice, DIVIDER, *blocks] if notice else blocks)


# --- render ----------------------------------------------------------------------------------------------------------


def home_blocks(page: HomePage, render_context: RenderContext) -> list[Block]:
    command, watches = render_context.command, page.watches
    failures = _without_assigned(page)
    return [
        *assignment_blocks(page.assignments, watches.at),
        *failure_blocks(failures, page.gaps, watches.at, command),
        *actions("failures", button(action_ids.REFRESH_HOME, "Refresh", "")),
        DIVIDER,
        *on_call_blocks(page.schedules, page.user, command),
        *schedule_form_buttons([view.saved.name for view in page.schedules]),
        *policy_form_buttons(page.policies),
        DIVIDER,
        *watches_blocks(replace(watches, silences=()), render_context),
        *actions("watches", button(action_ids.OPEN_WATCH_FORM, "Watch a pipeline", "")),
        *_set_off(silences_of_mine(page.silences, complete=page.knows_all_silences)),
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


def _set_off(blocks: list[Block]) -> list[Block]:
    return [DIVIDER, *blocks] if blocks else []


def _without_assigned(page: HomePage) -> list[VisibleFailure]:
    """The failures that are assigned to the person have their buttons above."""
    assigned = {visible.assignment.pipeline.id for visible in page.assignments}
    return [replace(failure, card="") if failure.view.pipeline.id in assigned else failure for failure in page.failures]
