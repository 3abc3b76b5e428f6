"""Acknowledging by button: a person says that they look at a failure."""

import asyncio

from bot.domain.answer import AcknowledgeAllAnswer, AcknowledgeAnswer, RefusalAnswer
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId
from bot.requests.answer_terms import NO_TERMS, Terms
from bot.slack.click import Click
from bot.slack.feature import Button, Feature, Press, Reply, Request
from bot.slack.render import action_ids
from bot.slack.render.acknowledge_words import acknowledge_words
from bot.slack.render.blocks import section

WRONG_CONVERSATION = RefusalAnswer(
    reason="That button belongs to a card in another conversation. Nothing was changed.",
    hint="Use the button on the card itself.",
)

# --- press -----------------------------------------------------------------------------------------------------------


def on_its_card(press: Press) -> Press:
    """Refuses a click whose card is in another conversation: anyone can replay the value of a button."""

    async def checked(click: Click, request: Request) -> Reply | None:
        if not await request.services.requests.acknowledgements.holds(click.channel, [click.text("card")]):
            return request.refused(WRONG_CONVERSATION)
        return await press(click, request)

    return checked


async def _acknowledge(click: Click, request: Request) -> Reply:
    return await answer_card(click.channel, PipelineId(click.text("pipeline")), click.text("card"), request)


async def _acknowledge_one(click: Click, request: Request) -> Reply:
    """Acknowledges one failure, chosen from a list in a message about many."""
    acknowledgements, card = request.services.requests.acknowledgements, click.text("card")
    name, place = await person_and_conversation(click.channel, request)
    answer = await acknowledgements.acknowledge_member(click.channel, card, click.user, name=name, place=place)
    return answer_reply(answer, request)


async def answer_card(
    channel: ChannelId, pipeline_id: PipelineId, card: str, request: Request, terms: Terms = NO_TERMS
) -> Reply:
    """Acknowledges, snoozes or takes over the failure that this card shows."""
    name, place = await person_and_conversation(channel, request)
    answer = await request.services.requests.acknowledgements.acknowledge(
        channel, pipeline_id, card, request.asker.user, name=name, place=place, terms=terms
    )
    return answer_reply(answer, request)


async def _acknowledge_called(click: Click, request: Request) -> Reply:
    """Acknowledges the failures that a call names, each unless somebody has it."""
    acknowledgements, cards = request.services.requests.acknowledgements, click.text("cards").split()
    if not await acknowledgements.holds(click.channel, cards):
        return request.refused(WRONG_CONVERSATION)
    name, place = await person_and_conversation(click.channel, request)
    answer = await acknowledgements.acknowledge_called(click.channel, cards, click.user, name=name, place=place)
    return answer_reply(answer, request)


async def person_and_conversation(channel: ChannelId, request: Request) -> tuple[str, str]:
    """Looks up both at the same time, so that the acknowledgement isn't late."""
    permissions = request.services.permissions
    name, place = await asyncio.gather(permissions.name(request.asker), permissions.facts.conversation_name(channel))
    return name, place


def answer_reply(answer: AcknowledgeAnswer | AcknowledgeAllAnswer, request: Request) -> Reply:
    return Reply(blocks=[section(acknowledge_words(answer, request.services.render_context))])


FEATURE = Feature(
    buttons={
        action_ids.ACKNOWLEDGE: Button(press=on_its_card(_acknowledge), acknowledges=True),
        action_ids.ACKNOWLEDGE_CALLED: Button(press=_acknowledge_called, acknowledges=True),
        action_ids.ACKNOWLEDGE_ONE: Button(press=on_its_card(_acknowledge_one), acknowledges=True),
    },
)
