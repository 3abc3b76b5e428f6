"""The *Refresh* button: reads one pipeline now, and answers with its state."""

from dataclasses import replace

from bot.domain.observation import PipelineId
from bot.slack.click import Click
from bot.slack.feature import Button, Feature, Reply, Request
from bot.slack.features.acknowledge import WRONG_CONVERSATION
from bot.slack.features.status import status_blocks
from bot.slack.render import action_ids


async def press_refresh(click: Click, request: Request) -> Reply:
    """The button of a card works only in its channel. The button of an answer has no card and needs no check."""
    requests, card, pipeline = request.services.requests, click.text("card"), click.text("pipeline")
    if card and not await requests.acknowledgements.holds(click.channel, [card]):
        return replace(request.refused(WRONG_CONVERSATION), replace=click.ephemeral)
    answer = await requests.queries.refresh(click.channel, PipelineId(pipeline))
    question = replace(request.question, text=f"status {pipeline}")
    return Reply(blocks=status_blocks(answer, question, request.services.render_context), replace=click.ephemeral)


FEATURE = Feature(buttons={action_ids.REFRESH: Button(press=press_refresh, changes=False)})
