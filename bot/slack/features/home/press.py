"""The clicks in the Home tab. Each one draws it again, with the answer at its top.

A click in the tab belongs to no channel, so its value names one. Anyone can forge that: each handler checks it again.
"""

from dataclasses import replace

from bot.domain.answer import RefusalAnswer
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId
from bot.requests.answer_terms import Terms
from bot.slack.click import Click
from bot.slack.feature import Reply, Request
from bot.slack.features.acknowledge import WRONG_CONVERSATION, person_and_conversation
from bot.slack.features.home.page import home
from bot.slack.render.acknowledge_words import acknowledge_words
from bot.slack.render.blocks import section
from bot.slack.render.phrases import is_direct

_ODD_CLICK = RefusalAnswer(reason="This button is too old. Nothing was changed.", hint="Click *Refresh*.")


async def press_refresh_home(_: Click, request: Request) -> Reply:
    return await home(request)


async def acknowledge_here(click: Click, request: Request) -> Reply:
    return await _answered(click, request, takes_over=False)


async def take_over_here(click: Click, request: Request) -> Reply:
    return await _answered(click, request, takes_over=True)


async def _answered(click: Click, request: Request, *, takes_over: bool) -> Reply:
    services, channel = request.services, _channel(click)
    acknowledgements, card = services.requests.acknowledgements, click.text("card")
    if refusal := await services.permissions.to_see(request.asker, channel):
        return await _refused(refusal, request)
    if not await acknowledgements.holds(channel, [card]):
        return await _refused(WRONG_CONVERSATION, request)
    name, place = await person_and_conversation(channel, request)
    answer = await acknowledgements.acknowledge(
        channel,
        PipelineId(click.text("pipeline")),
        card,
        click.user,
        name=name,
        place=place,
        terms=Terms(takes_over=takes_over),
    )
    return await home(request, section(acknowledge_words(answer, services.render_context)))


async def unsilence_here(click: Click, request: Request) -> Reply:
    """Runs the command that ends a silence, as if the person had typed it in that channel."""
    channel = _channel(click)
    if is_direct(channel) and channel != request.asker.channel:  # nobody checks who is in a direct conversation
        return await _refused(_ODD_CLICK, request)
    asker = replace(request.asker, channel=channel)
    there = replace(request, asker=asker, question=click.question, confirmed=True)
    understood = await request.understand(click.question.text)
    if not understood.command.confirmable:
        return await _refused(_ODD_CLICK, request)
    reply = await understood.command.run(replace(there, names=understood.names))
    return await home(request, *reply.blocks)


async def _refused(refusal: RefusalAnswer, request: Request) -> Reply:
    return await home(request, *request.refused(refusal).blocks)


def _channel(click: Click) -> ChannelId:
    return ChannelId(click.text("channel").strip("<#>"))
