"""The buttons *Previous*, *Next* and *Share to channel*: each asks the question behind an answer again."""

from dataclasses import replace

from bot.domain.answer import RefusalAnswer
from bot.slack.click import Click
from bot.slack.feature import Button, Feature, Reply, Request
from bot.slack.render import action_ids
from bot.slack.render.saved_question import SavedQuestion


async def _turn(click: Click, request: Request) -> Reply:
    return replace(await _answer(click.question, request), replace=True)


async def _share(click: Click, request: Request) -> Reply:
    """A shared answer holds only facts about pipelines, and the name of the person who shared it."""
    by = await request.services.permissions.name(request.asker)
    return await _answer(replace(click.question, shared=True, shared_by=by), request)


async def _answer(question: SavedQuestion, request: Request) -> Reply:
    """Runs a command that only asks, never one that changes something."""
    understood = await request.understand(question.text)
    if not understood.command.repeatable:
        return request.refused(RefusalAnswer(reason="This answer is too old for its buttons to work.", command="help"))
    if understood.command.shows_watches and (
        refusal := await request.services.permissions.to_see(request.asker, request.asker.channel)
    ):
        return request.refused(refusal)
    return await understood.command.run(replace(request, question=question, names=understood.names))


FEATURE = Feature(
    buttons={
        action_ids.PREVIOUS: Button(press=_turn, changes=False),
        action_ids.NEXT: Button(press=_turn, changes=False),
        action_ids.SHARE: Button(press=_share),
    }
)
