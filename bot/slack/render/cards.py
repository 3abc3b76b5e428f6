"""Renders an episode's messages: its card, and the timeline entries in the card's thread. Pure."""

from datetime import datetime, timedelta
from math import ceil

from bot.domain.card import Card, MovedCard, ThreadEntry
from bot.domain.delivery import Delivery
from bot.domain.episode import Episode, EpisodeKind, EpisodeOutcome
from bot.domain.watch import API_PIPELINE_ID, ChannelId
from bot.slack.mrkdwn import date, duration, outside, time_of_day
from bot.slack.render import phrases
from bot.slack.render.action_words import answer_line
from bot.slack.render.blocks import (
    Block,
    RenderedMessage,
    context,
    message,
    section,
)
from bot.slack.render.call_words import page_lines
from bot.slack.render.console import console
from bot.slack.render.credit_words import limit_line
from bot.slack.render.diagnosis import card_blocks, diagnosis_blocks, first_step, over_line
from bot.slack.render.entry_words import entry_words
from bot.slack.render.finding_steps import finding_step
from bot.slack.render.headlines import FAILED_BEFORE, headline
from bot.slack.render.note_words import guidance_lines
from bot.slack.render.paging import COPY, origins_context
from bot.slack.render.render_context import RenderContext
from bot.slack.render.run_words import SHORT_STEP
from bot.slack.render.silence_words import card_line

LATE_AFTER = timedelta(seconds=30)
POSSIBLE_REPEAT = "Possible repeat: I couldn't check whether an earlier copy of this message arrived."


def render_card(
    card: Card,
    delivery: Delivery,
    now: datetime,
    render_context: RenderContext,
    *,
    failed_again: datetime | None = None,
) -> RenderedMessage:
    """`failed_again`: when a newer failure began, which is open and has a card of its own."""
    is_api_card = card.pipeline.id == API_PIPELINE_ID
    blocks: list[Block] = [section(headline(card, failed_again))]
    if page_words := _page_words(card):
        blocks.append(section(page_words))
    if card.is_copy and card.episode.open:
        blocks += context(COPY)
    if card.episode.kind is EpisodeKind.FAILURE:
        blocks += _what_to_do(card, render_context.command)
    elif step := finding_step(card, render_context):
        blocks.append(section(step))
    if card.episode.open:
        blocks += origins_context(card.origins, card.channel)
    if card.episode.unanswered and not card.silence:  # a silence puts off the next call
        blocks += context(*page_lines(card.episode, card.channel))
    blocks += context(answer_line(card.episode, card.channel))
    if card.silence and card.episode.open:
        blocks += context(card_line(card.silence))
    if not is_api_card:
        blocks += context(*_facts(card), render_context.link(card.pipeline.id))
    blocks += context(phrases.stands_in_for(card.stands_in_for))
    blocks += footnotes(delivery, now)
    if not is_api_card or card.episode.answerable:
        blocks += console(card)
    return message(blocks)


def _what_to_do(card: Card, command: str) -> list[Block]:
    """Why it failed, then the next steps: those that somebody wrote down for it come first."""
    if not card.episode.open:
        guidance = "\n".join(guidance_lines(card.guidance))
        if card.episode.outcome is EpisodeOutcome.UNWATCHED:
            unpaged = [section(guidance)] if guidance and card.continues_in else []
            return [*unpaged, *context(over_line(card.episode))]
        return [*context(over_line(card.episode)), *context(guidance)]
    limit, diagnosis = limit_line([card], command), card.episode.latest_diagnosis
    step = SHORT_STEP if card.state.has_stopped_short else first_step(diagnosis)
    todo = [line for line in (*guidance_lines(card.guidance), step) if line]
    blocks = [*([section(limit)] if limit else []), *card_blocks(diagnosis)]
    return [*blocks, *([section("\n".join(todo))] if todo else [])]


def _page_words(card: Card) -> str:
    """The line that pages the targets of a failure until someone acknowledges or mutes it.

    Later edits of it ping nobody.
    """
    if not card.episode.unanswered or card.silence:
        return ""
    mentions = phrases.mentions(card.targets)
    return f":rotating_light: {mentions} please take a look and acknowledge." if mentions else ""


def _facts(card: Card) -> list[str]:
    observation = card.state.observation
    facts = [
        outside(card.pipeline.project, 60) if card.pipeline.project else "",
        outside(card.pipeline.id, 60),
        phrases.intent_words(card.pipeline, card.state) if card.episode.open else "",
        f"read at {time_of_day(observation.observed_at)}" if observation else "never read",
        _precision(card.episode),
        FAILED_BEFORE if card.episode.found_begun and card.episode.outcome is EpisodeOutcome.RECOVERED else "",
    ]
    return [fact for fact in facts if fact]


def _precision(episode: Episode) -> str:
    """The uncertainty of a downtime: the failure may have begun or ended just after the reading before."""
    if episode.outcome is not EpisodeOutcome.RECOVERED or not episode.timeline:
        return ""
    began = next((entry for entry in episode.timeline if entry.at == episode.began_at), None)
    ended = episode.timeline[-1]
    if began is None or ended.flap is not None:
        return ""  # it flapped: the timeline lacks most of it
    if began.after is None or ended.after is None:
        return ""
    off_by = max(began.at - began.after, ended.at - ended.after)
    if off_by > ended.at - began.at:  # "3 s, give or take 6 s" reads as less than nothing
        return f"downtime at most {duration(ceil((ended.at - began.after).total_seconds()))}"
    return f"downtime {phrases.give_or_take(off_by.total_seconds())}"


def footnotes(delivery: Delivery, now: datetime) -> list[Block]:
    """Says why the message came late, and that it may be a repeat."""
    return [*context(_lateness(delivery, now)), *possible_repeat(delivery)]


def possible_repeat(delivery: Delivery) -> list[Block]:
    return context(POSSIBLE_REPEAT if delivery.attempt.possible_repeat else "")


def _lateness(delivery: Delivery, now: datetime) -> str:
    """Says why and how late the message came. Names the reading before the change too, if it is much earlier."""
    message, delay = delivery.message, delivery.attempt.delay
    if now - message.made_at < LATE_AFTER:
        return ""
    late = duration((now - message.made_at).total_seconds())
    read = f"read at {time_of_day(message.made_at)}"
    if message.earliest and message.made_at - message.earliest >= LATE_AFTER:
        read = f"happened after {time_of_day(message.earliest)}, {read}"
    reason = phrases.DELAYS[delay] if delay else "other messages went first"
    return f":hourglass: Late by {late}: {read}, posted at {time_of_day(now)}, because {reason}."


def render_moved(moved: MovedCard, delivery: Delivery) -> RenderedMessage:
    """What remains of a single card after the message of a group shows its pipeline. It names only what stays true."""
    card = moved.card
    failed = f"*{outside(card.pipeline.name)}* failed at {date(card.episode.opened_at)}"
    return message([*context(f"{failed} and is now part of the group above"), *possible_repeat(delivery)])


# --- lines -----------------------------------------------------------------------------------------------


def render_entry(
    thread_entry: ThreadEntry, delivery: Delivery, now: datetime, *, failed_again: datetime | None = None
) -> RenderedMessage:
    """`failed_again`: as in `render_card`."""
    if thread_entry.diagnosis:
        return message([*diagnosis_blocks(thread_entry.diagnosis), *footnotes(delivery, now)])
    pipeline = thread_entry.pipeline if thread_entry.broadcast else None
    words = entry_words(thread_entry.entry, ChannelId(delivery.receiver.id), pipeline, failed_again=failed_again)
    return message([section(words), *footnotes(delivery, now)])
