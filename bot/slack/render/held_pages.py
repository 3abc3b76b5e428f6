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
from bot.slack.render.phrases import pipelines

MOST_ROWS = 30


def render_held_pages(held: HeldPages, delivery: Delivery, now: datetime) -> RenderedMessage:
    """Carries no late mark, because the summary waits on purpose."""
    entries = sorted(held.entries, key=lambda entry: entry.pipeline.name.lower())
    about = pipelines(len(entries))
    head = f":no_bell: *I held back direct messages about {about}*. You get at most {held.limit} pages an hour."
    rows = [digest_row(entry) for entry in entries[:MOST_ROWS]]
    if len(entries) > MOST_ROWS:
        rows.append(f"… and {len(entries) - MOST_ROWS:,} more")
    until = time_of_day(now + PERIOD)
    foot = f"The cards in the channels still mention you. If I hold back more, the next summary comes at {until}."
    stop = stop_paging(pipelines=" ".join(entry.pipeline.id for entry in entries[:MOST_ROWS]))
    return message(
        [section(head), *sections(rows), section(foot), *possible_repeat(delivery), *actions(f"stop-{held.key}", stop)]
    )
