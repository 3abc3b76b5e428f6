"""Acknowledging, by button or with `ack`: a person says that they look at one failure, or at all of a message."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.answer import AcknowledgeAllAnswer, AcknowledgeAnswer, RefusalAnswer
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId
from bot.requests.references import NotOnePipeline
from bot.slack.click import Click
from bot.slack.feature import Button, Command, CommandWord, Feature, Press, Reply, Request
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.one_pipeline import one_pipeline
from bot.slack.grammar.tokens import can_be_typed, quoted
from bot.slack.mrkdwn import outside
from bot.slack.render import action_ids
from bot.slack.render.acknowledge_words import acknowledge_words
from bot.slack.render.blocks import section
from bot.slack.render.help import HelpPage
from bot.slack.render.rows import unresolved

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


async def person_and_conversation(channel: ChannelId, request: Request) -> tuple[str, str]:
    """Looks up both at the same time, so that the acknowledgement isn't late."""
    permissions = request.services.permissions
    name, place = await asyncio.gather(permissions.name(request.asker), permissions.facts.conversation_name(channel))
    return name, place


# --- render ----------------------------------------------------------------------------------------------------------


def _reply(answer: AcknowledgeAnswer | AcknowledgeAllAnswer, request: Request) -> Reply:
    return Reply(blocks=[section(acknowledge_words(answer, request.services.render_context))])


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
    },
)
