"""The confirmation button: runs a command whose effect the person has seen. Checks every permission again."""

from dataclasses import replace

from bot.domain.answer import RefusalAnswer
from bot.slack.click import Click
from bot.slack.feature import Button, Feature, Reply, Request
from bot.slack.render import action_ids
from bot.slack.render.blocks import section


async def run_confirmed(click: Click, request: Request) -> Reply:
    """Runs the command that a button holds. Its answer takes the place of the question."""
    understood = await request.understand(click.question.text)
    if not understood.command.confirmable:
        refusal = RefusalAnswer(reason="This question is too old. Nothing was changed.", command="help")
        return replace(request.refused(refusal), replace=True)
    asked_at = click.asked_at(request.services.requests.schedules.now)
    confirmed = replace(
        request,
        question=click.question,
        names=understood.names,
        confirmed=True,
        asked_at=asked_at,
        existed=click.existed,
    )
    return replace(await understood.command.run(confirmed), replace=True)


async def _cancel(click: Click, request: Request) -> Reply:
    del click, request
    return Reply(blocks=[section("Cancelled. Nothing was changed.")], replace=True)


FEATURE = Feature(
    buttons={
        action_ids.CONFIRM: Button(press=run_confirmed),
        action_ids.CANCEL: Button(press=_cancel, changes=False),
    }
)
