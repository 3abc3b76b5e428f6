"""The *Refresh* button: reads one pipeline afresh."""

from dataclasses import replace

from bot.domain.observation import PipelineId
from bot.slack.click import Click
from bot.slack.feature import Button, Call, Feature, Reply
from bot.slack.features.acknowledge import NOT_HERE
from bot.slack.features.status import status_blocks
from bot.slack.render import action_ids


async def _press(click: Click, call: Call) -> Reply:
    """An ephemeral answer has no card. Anyone may ask for what it shows."""
    requests, card, pipeline = call.services.requests, click.text("card"), click.text("pipeline")
    if card and not await requests.acknowledgements.holds(click.channel, [card]):
        return replace(call.refused(NOT_HERE), replace=click.ephemeral)
    answer = await requests.queries.refresh(click.channel, PipelineId(pipeline))
    question = replace(call.question, text=f"status {pipeline}")
    return Reply(blocks=status_blocks(answer, question, call.services.render_context), replace=click.ephemeral)


FEATURE = Feature(buttons={action_ids.REFRESH: Button(press=_press, changes=False)})
