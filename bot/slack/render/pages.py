"""The pages of a long answer, and the buttons below an answer. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.answer import PipelineView
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import Block, actions, button, context, value
from bot.slack.render.saved_question import SavedQuestion

PAGE_SIZE = 20


def shared(question: SavedQuestion) -> list[Block]:
    return context(f"Shared by {phrases.who(question.shared_by)}") if question.shared else []


def within(question: SavedQuestion, total: int) -> SavedQuestion:
    """The question with an existing page. There may be fewer pages now than when the bot rendered the button."""
    return replace(question, page=min(question.page, max(1, -(-total // PAGE_SIZE))))


def page(views: Sequence[PipelineView], question: SavedQuestion) -> Sequence[PipelineView]:
    return views[(question.page - 1) * PAGE_SIZE : question.page * PAGE_SIZE]


def page_words(question: SavedQuestion, total: int) -> str:
    pages = -(-total // PAGE_SIZE)
    return f" · page {question.page} of {pages}" if pages > 1 else ""


def controls(question: SavedQuestion, total: int, only_id: str) -> list[Block]:
    """The buttons for sharing, and for the pages before and after.

    A shared answer has none, because it belongs to nobody. An answer without pipelines has none: others can't use it.
    """
    if question.shared or not total:
        return []
    back = value(asked=question.text, page=question.page - 1)
    on = value(asked=question.text, page=question.page + 1)
    here = value(asked=question.text, page=question.page)
    return actions(
        f"answer-{question.page}",
        button(action_ids.PREVIOUS, "‹ Previous", back) if question.page > 1 and back else None,
        button(action_ids.NEXT, "Next ›", on) if question.page * PAGE_SIZE < total and on else None,
        button(action_ids.REFRESH, "Refresh", value(pipeline=only_id)) if only_id else None,
        button(action_ids.SHARE, "Share to channel", here) if here else None,
    )
