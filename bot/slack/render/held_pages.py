"""The summary of direct pages that were held back. Pure."""

from datetime import datetime

from bot.domain.delivery import Delivery
from bot.domain.held_pages import PERIOD
from bot.domain.summary import HeldPages
from bot.slack.mrkdwn import time_of_day
from bot.slack.render.blocks import RenderedMessage, actions, message, section, sections
from bot.slack.render.cards import possible_repeat
from bot.slack.render.groups import digest_row
from bot.slack.render.paging import stop_paging

MOST_ROWS = 30


def render_held_pages(held: HeldPages, delivery: Delivery, now: datetime) -> RenderedMessage:
    """Carries no late mark, because the summary waits on purpose."""
    entries = sorted(held.entries, key=lambda entry: entry.pipeline.name.lower())
    pipelines = "1 pipeline" if len(entries) == 1 else f"{len(entries):,} pipelines"
    head = f":no_bell: *I held back direct messages about {pipelines}*. You get at most {held.limit} pages an hour."
    rows = [digest_row(entry) for entry in entries[:MOST_ROWS]]
    if len(entries) > MOST_ROWS:
        rows.append(f"… and {len(entries) - MOST_ROWS:,} more")
    until = time_of_day(now + PERIOD)
    foot = f"The cards in the channels still mention you. If I hold back more, the next summary comes at {until}."
    stop = stop_paging(pipelines=" ".join(entry.pipeline.id for entry in entries[:MOST_ROWS]))
    return message(
        [section(head), *sections(rows), section(foot), *possible_repeat(delivery), *actions(f"stop-{held.key}", stop)]
    )
