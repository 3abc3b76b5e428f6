"""The *Undo* button: reverts a change of watches. A used button leaves its message."""

from bot.domain.answer import UndoAnswer, UndoFate
from bot.domain.subscription import UNDO_FOR, Edit
from bot.slack.click import Click
from bot.slack.feature import Button, Feature, Reply, Request
from bot.slack.mrkdwn import duration
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import Block, context, section, sections
from bot.slack.render.change_buttons import UNCHANGED, without_buttons


async def _press(click: Click, request: Request) -> Reply:
    services = request.services
    if refusal := await services.permissions.to_change(request.asker, click.channel):
        return request.refused(refusal)
    name = await services.permissions.name(request.asker)
    answer = await services.requests.subscriptions.undo(click.channel, click.text("undo"), click.user, name)
    if not click.shown:
        return Reply(blocks=undo_answer_blocks(answer))
    outcome = context(f"Undone by {phrases.person(name)}") if _is_announced(answer) else undo_answer_blocks(answer)
    return Reply(blocks=[*without_buttons(click.shown), *outcome], in_channel=True, replace=True)


def _is_announced(answer: UndoAnswer) -> bool:
    """True if the channel gets a message about the restored watches."""
    return answer.fate is UndoFate.DONE and not phrases.is_direct(answer.channel)


def undo_answer_blocks(answer: UndoAnswer) -> list[Block]:
    match answer.fate:
        case UndoFate.DONE:
            in_channel = (
                "" if phrases.is_direct(answer.channel) else f" in {phrases.conversation(answer.channel, 'your')}"
            )
            return sections([f"Undone{in_channel}:", *(_restored(edit) for edit in answer.edits)])
        case UndoFate.CHANGED_SINCE:
            return [section(f"Someone changed these watches since, so I can't undo this. {UNCHANGED}")]
        case UndoFate.GONE:
            until = duration(UNDO_FOR.total_seconds())
            return [section(f"There's nothing to undo: it was already undone, or it's older than {until}.")]


def _restored(edit: Edit) -> str:
    if edit.after:
        return f"• Watched again: {phrases.watch_words(edit.after)}"
    return f"• No longer watched: {phrases.watch_words(edit.before)}" if edit.before else ""


FEATURE = Feature(buttons={action_ids.UNDO: Button(press=_press)})
