"""Acknowledging, by button or with `ack`: a person says that they look at one failure, or at all of a message."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.answer import AcknowledgeAllAnswer, AcknowledgeAnswer, AcknowledgeFate, RefusalAnswer
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId
from bot.requests.references import NotOnePipeline
from bot.slack.click import Click
from bot.slack.feature import Button, Command, CommandWord, Feature, Press, Reply, Request
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.one_pipeline import one_pipeline
from bot.slack.grammar.tokens import can_be_typed, quoted
from bot.slack.mrkdwn import date, outside
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import section
from bot.slack.render.help import HelpPage
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import command_for, row, unresolved

WRONG_CONVERSATION = RefusalAnswer(
    reason="That button belongs to a card in another conversation. Nothing was changed.",
    hint="Use the button on the card itself.",
)

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AcknowledgeCommand(Command):
    """A parsed `ack`."""

    reference: str

    @property
    def changes(self) -> bool:
        return True

    @property
    def check(self) -> str:
        return f"status {quoted(self.reference)}"

    @property
    def pipelines(self) -> Sequence[str]:
        return (self.reference,)

    async def run(self, request: Request) -> Reply:
        services, asker = request.services, request.asker
        pipeline = await services.requests.references.only(self.reference, asker.channel, request.names)
        if isinstance(pipeline, NotOnePipeline):
            return Reply(blocks=unresolved(pipeline.unresolved, "ack", services.render_context))
        acknowledgements = services.requests.acknowledgements
        card = acknowledgements.open_failure_in(asker.channel, pipeline.id)
        if card is None:
            return request.refused(
                RefusalAnswer(
                    reason=f"*{outside(pipeline.name)}* has no open failure here. Nothing was changed.",
                    command=f"status {quoted(pipeline.name) if can_be_typed(pipeline.name) else pipeline.id}",
                )
            )
        name, place = await person_and_conversation(asker.channel, request)
        answer = await acknowledgements.acknowledge(
            asker.channel, pipeline.id, card, asker.user, name=name, place=place
        )
        return _reply(answer, request)


def _parse(command_text: CommandText) -> Command:
    return AcknowledgeCommand(one_pipeline(command_text, "ack"))


# --- press -----------------------------------------------------------------------------------------------------------


def on_its_card(press: Press) -> Press:
    """Refuses a click whose card is in another conversation: anyone can replay the value of a button."""

    async def checked(click: Click, request: Request) -> Reply | None:
        if not await request.services.requests.acknowledgements.holds(click.channel, [click.text("card")]):
            return request.refused(WRONG_CONVERSATION)
        return await press(click, request)

    return checked


async def _acknowledge(click: Click, request: Request) -> Reply:
    acknowledgements, card = request.services.requests.acknowledgements, click.text("card")
    name, place = await person_and_conversation(click.channel, request)
    answer = await acknowledgements.acknowledge(
        click.channel, PipelineId(click.text("pipeline")), card, click.user, name=name, place=place
    )
    return _reply(answer, request)


async def _acknowledge_one(click: Click, request: Request) -> Reply:
    """Acknowledges one failure, chosen from a list in a message about many."""
    acknowledgements, card = request.services.requests.acknowledgements, click.text("card")
    name, place = await person_and_conversation(click.channel, request)
    answer = await acknowledgements.acknowledge_member(click.channel, card, click.user, name=name, place=place)
    return _reply(answer, request)


async def _acknowledge_all(click: Click, request: Request) -> Reply:
    acknowledgements = request.services.requests.acknowledgements
    if not await acknowledgements.holds_group(click.channel, click.group):
        return request.refused(WRONG_CONVERSATION)
    name, place = await person_and_conversation(click.channel, request)
    answer = await acknowledgements.acknowledge_group(click.channel, click.group, click.user, name=name, place=place)
    return _reply(answer, request)


async def person_and_conversation(channel: ChannelId, request: Request) -> tuple[str, str]:
    """Looks up both at the same time, so that the acknowledgement isn't late."""
    permissions = request.services.permissions
    name, place = await asyncio.gather(permissions.name(request.asker), permissions.facts.conversation_name(channel))
    return name, place


# --- render ----------------------------------------------------------------------------------------------------------


def _reply(answer: AcknowledgeAnswer | AcknowledgeAllAnswer, request: Request) -> Reply:
    return Reply(blocks=[section(acknowledgement(answer, request.services.render_context))])


def acknowledgement(answer: AcknowledgeAnswer | AcknowledgeAllAnswer, render_context: RenderContext) -> str:
    if isinstance(answer, AcknowledgeAllAnswer):
        return acknowledged_all(answer, render_context)
    return acknowledged(answer, render_context)


def acknowledged(answer: AcknowledgeAnswer, render_context: RenderContext) -> str:
    name = f"*{outside(answer.pipeline.name)}*"
    match answer.fate:
        case AcknowledgeFate.ACKNOWLEDGED | AcknowledgeFate.RESOLVED if answer.changed:
            return _done(answer, name)
        case AcknowledgeFate.ACKNOWLEDGED | AcknowledgeFate.ALREADY_ACKNOWLEDGED | AcknowledgeFate.RESOLVED:
            return _done_before(answer, name)
        case AcknowledgeFate.OVER:
            return f"This failure of {name} is over, so there is nothing to acknowledge. Its card shows how it ended."
        case AcknowledgeFate.UNWATCHED if answer.watched:
            text = f"This failure of {name} was no longer watched here, so this card gets no further updates."
            return f"{text}\n{_current_state(answer, render_context)}"
        case AcknowledgeFate.UNWATCHED:
            text = f":no_bell: {name} is no longer watched, so there are no further updates on this failure."
            return f"{text}\n{_to_watch(answer, render_context)}"
        case AcknowledgeFate.UNKNOWN:
            text = f"{_not_kept(f'this failure of {name}')} The card gets no further updates."
            if answer.current or answer.watched:
                text = f"{text}\n{_current_state(answer, render_context)}"
            if answer.watched:
                return text
            return f"{text}\nIt isn't watched now. {_to_watch(answer, render_context)}"


def _done(answer: AcknowledgeAnswer, name: str) -> str:
    if answer.fate is AcknowledgeFate.RESOLVED:
        return f":no_bell: You ended the paging for {name}, although it hasn't recovered. Its card stays up to date."
    until = date(answer.until) if answer.until else ""
    if answer.snoozed:
        before = f" {_person(answer.taken_from)} had it before." if answer.taken_from else ""
        return f":zzz: You snoozed {name}.{before} Nobody is paged until {until}; then the paging starts again."
    promise = f" If it still needs somebody at {until}, I page again." if until else ""
    if answer.taken_from:
        return f":eyes: You took over {name} from {phrases.person(answer.taken_from)}.{promise}"
    return f":eyes: You acknowledged {name}. Everyone who was paged can see it on the card.{promise}"


def _done_before(answer: AcknowledgeAnswer, name: str) -> str:
    when, by = f" at {date(answer.at)}" if answer.at else "", _person(answer.by_name)
    if answer.fate is AcknowledgeFate.RESOLVED:
        return f"{by} ended the paging for {name}{when}. Nothing was changed."
    if answer.snoozed:
        return f"{by} snoozed {name}{when}. Nothing was changed. *Take over* on its card makes it yours."
    return f"{by} already acknowledged {name}{when}. *Take over* on its card makes it yours."


def _person(name: str) -> str:
    """At the beginning of a sentence."""
    words = phrases.person(name)
    return f"{words[:1].upper()}{words[1:]}"


def _not_kept(failures: str) -> str:
    return f":information_source: I couldn't save your click: my database was emptied, so I no longer know {failures}."


def _current_state(answer: AcknowledgeAnswer, render_context: RenderContext) -> str:
    if answer.current:
        return "\n".join(f"Now: {row(view, answer.current.at)}" for view in answer.current.views)
    return f"Check its current state: {command_for('status', answer.pipeline, render_context)}"


def _to_watch(answer: AcknowledgeAnswer, render_context: RenderContext) -> str:
    return f"To watch it again: {command_for('watch', answer.pipeline, render_context)}"


def acknowledged_all(answer: AcknowledgeAllAnswer, render_context: RenderContext) -> str:
    if answer.known == 0:
        text = f"{_not_kept('these failures')} The message gets no further updates."
        return f"{text}\n`{render_context.command}` shows this channel's pipelines and their current state."
    number = answer.acknowledged
    if number == 0:
        return "There's nothing left to acknowledge: each failure is acknowledged, over or no longer watched."
    return f":eyes: You acknowledged {number} {'failure' if number == 1 else 'failures'}."


_HELP = HelpPage(
    overview=("`{c} ack orders-eu` — say that you look at its failure, so that others need not",),
    topic=(
        "*`{c} ack PIPELINE`* — acknowledge its open failure, as the button on the card does. It also stops its pages.",
        "In the thread of a card, `ack` alone is enough. `acknowledge` works too.",
    ),
)

FEATURE = Feature(
    commands=(
        CommandWord(
            name="ack",
            aliases=("acknowledge",),
            parse=_parse,
            takes_names=True,
            in_thread=True,
            changes=True,
            help_order=9,
            help=_HELP,
        ),
    ),
    buttons={
        action_ids.ACKNOWLEDGE: Button(press=on_its_card(_acknowledge), acknowledges=True),
        action_ids.ACKNOWLEDGE_ONE: Button(press=on_its_card(_acknowledge_one), acknowledges=True),
        action_ids.ACKNOWLEDGE_ALL: Button(press=_acknowledge_all, acknowledges=True),
    },
)
