"""The pages of a long answer, and the buttons below an answer. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.answer import PipelineView
from bot.slack.render import action_ids, phrases
from bot.slack.render.asked import Asked
from bot.slack.render.blocks import Block, actions, button, context, value

PAGE_SIZE = 20


def shared(asked: Asked) -> list[Block]:
    return context(f"Shared by {phrases.who(asked.shared_by)}") if asked.shared else []


def within(asked: Asked, total: int) -> Asked:
    """There may be fewer pages by now than when the button was drawn."""
    return replace(asked, page=min(asked.page, max(1, -(-total // PAGE_SIZE))))


def page(views: Sequence[PipelineView], asked: Asked) -> Sequence[PipelineView]:
    return views[(asked.page - 1) * PAGE_SIZE : asked.page * PAGE_SIZE]


def page_words(asked: Asked, total: int) -> str:
    pages = -(-total // PAGE_SIZE)
    return f" · page {asked.page} of {pages}" if pages > 1 else ""


def controls(asked: Asked, total: int, only_id: str) -> list[Block]:
    """Share, and the neighbours of this page. A shared answer carries none: it belongs to nobody. Neither does one that
    shows no pipeline: it is of use to nobody else."""
    if asked.shared or not total:
        return []
    back = value(asked=asked.text, page=asked.page - 1)
    on = value(asked=asked.text, page=asked.page + 1)
    here = value(asked=asked.text, page=asked.page)
    return actions(
        f"answer-{asked.page}",
        button(action_ids.PREVIOUS, "‹ Previous", back) if asked.page > 1 and back else None,
        button(action_ids.NEXT, "Next ›", on) if asked.page * PAGE_SIZE < total and on else None,
        button(action_ids.REFRESH, "Refresh", value(pipeline=only_id)) if only_id else None,
        button(action_ids.SHARE, "Share to channel", here) if here else None,
    )
