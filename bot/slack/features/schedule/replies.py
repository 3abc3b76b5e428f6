"""What the commands about schedules share: the person who changes one, and the answer."""

from dataclasses import replace

from bot.domain.answer import RefusalAnswer
from bot.domain.schedule_answer import Editor, ScheduleAnswer
from bot.slack.feature import Reply, Request
from bot.slack.render.phrases import is_direct
from bot.slack.render.schedules import schedule_answer_blocks


async def editor_of(request: Request) -> Editor:
    asker, name = request.asker, await request.services.permissions.name(request.asker)
    channel = None if is_direct(asker.channel) else asker.channel
    return Editor(
        by=asker.user,
        name=name,
        confirmed=request.confirmed,
        channel=channel,
        asked_at=request.asked_at,
        existed=request.existed,
    )


def reply_of(answer: ScheduleAnswer | RefusalAnswer, request: Request) -> Reply:
    if isinstance(answer, RefusalAnswer):
        return request.refused(answer)
    return Reply(blocks=schedule_answer_blocks(answer, request.question.text))


def asking(request: Request, command: str) -> Request:
    """The request, as if the person had typed this command: the button *Save* runs it."""
    return replace(request, question=replace(request.question, text=command))
