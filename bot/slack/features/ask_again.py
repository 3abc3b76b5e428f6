"""*Previous*, *Next* and *Share to channel*: ask a question again. The answer shows the current state."""

from dataclasses import replace

from bot.domain.answer import RefusalAnswer
from bot.slack.click import Click
from bot.slack.feature import Button, Call, Feature, Reply
from bot.slack.render import action_ids
from bot.slack.render.saved_question import SavedQuestion


async def _turn(click: Click, call: Call) -> Reply:
    return replace(await _answer(click.question, call), replace=True)


async def _share(click: Click, call: Call) -> Reply:
    """A shared answer holds only facts about pipelines, and the name of the person who shared it."""
    by = await call.services.permissions.name(call.asker)
    return await _answer(replace(click.question, shared=True, shared_by=by), call)


async def _answer(question: SavedQuestion, call: Call) -> Reply:
    """Runs a command that only asks, never one that changes something."""
    understood = await call.understand(question.text)
    if not understood.command.repeatable:
        return call.refused(RefusalAnswer(reason="This answer is too old for its buttons to work.", command="help"))
    if understood.command.shows_watches and (
        refusal := await call.services.permissions.to_see(call.asker, call.asker.channel)
    ):
        return call.refused(refusal)
    return await understood.command.run(replace(call, question=question, names=understood.names))


FEATURE = Feature(
    buttons={
        action_ids.PREVIOUS: Button(press=_turn, changes=False),
        action_ids.NEXT: Button(press=_turn, changes=False),
        action_ids.SHARE: Button(press=_share),
    }
)
