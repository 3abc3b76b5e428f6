"""Splits a long answer into pages, and makes the buttons below an answer. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.answer import PipelineView
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import Block, actions, button, context, value
from bot.slack.render.saved_question import SavedQuestion

PAGE_SIZE = 20  # pipelines


def shared_by(question: SavedQuestion) -> list[Block]:
    """The name of the person who shared the answer. Empty if nobody did."""
    return context(f"Shared by {phrases.person(question.shared_by)}") if question.shared else []


def on_existing_page(question: SavedQuestion, total: int, size: int = PAGE_SIZE) -> SavedQuestion:
    """The question with an existing page. There may be fewer pages now than when the bot rendered the button."""
    return replace(question, page=min(question.page, max(1, -(-total // size))))


def views_on_page(views: Sequence[PipelineView], question: SavedQuestion) -> Sequence[PipelineView]:
    return views[(question.page - 1) * PAGE_SIZE : question.page * PAGE_SIZE]


def page_number(question: SavedQuestion, total: int, size: int = PAGE_SIZE) -> str:
    pages = -(-total // size)
    return f" · page {question.page} of {pages}" if pages > 1 else ""


def answer_buttons(question: SavedQuestion, total: int, only_id: str, size: int = PAGE_SIZE) -> list[Block]:
    """The buttons for sharing in a channel, and for the previous and the next page.

    A shared answer has none, because no single person may turn its pages. An answer without pipelines has none,
    because it helps nobody else. `only_id`: the pipeline of an answer about one pipeline, to refresh it.
    """
    if question.shared or not total:
        return []
    previous_page = value(asked=question.text, page=question.page - 1)
    next_page = value(asked=question.text, page=question.page + 1)
    this_page = value(asked=question.text, page=question.page)
    return actions(
        f"answer-{question.page}",
        button(action_ids.PREVIOUS, "‹ Previous", previous_page) if question.page > 1 and previous_page else None,
        button(action_ids.NEXT, "Next ›", next_page) if question.page * size < total and next_page else None,
        button(action_ids.REFRESH, "Refresh", value(pipeline=only_id)) if only_id else None,
        button(action_ids.SHARE, "Share to channel", this_page) if this_page and question.shareable else None,
    )
