"""Answers to a click on *Acknowledge*. Pure."""

from bot.domain.answer import AcknowledgeAllAnswer, AcknowledgeAnswer, Fate
from bot.slack.render import phrases
from bot.slack.render.cards import RenderContext
from bot.slack.render.mrkdwn import date, outside
from bot.slack.render.rows import command_for, row


def acknowledgement(answer: AcknowledgeAnswer | AcknowledgeAllAnswer, render_context: RenderContext) -> str:
    return (
        acknowledged(answer, render_context)
        if isinstance(answer, AcknowledgeAnswer)
        else acknowledged_all(answer, render_context)
    )


def acknowledged(answer: AcknowledgeAnswer, render_context: RenderContext) -> str:
    name = f"*{outside(answer.pipeline.name)}*"
    match answer.fate:
        case Fate.ACKNOWLEDGED:
            return f":eyes: You acknowledged {name}. The card says so, and everybody who was paged sees it."
        case Fate.ANSWERED:
            when = f" at {date(answer.at)}" if answer.at else ""
            by = phrases.who(answer.by_name)
            return f"{by[:1].upper()}{by[1:]} acknowledged {name} already{when}."
        case Fate.OVER:
            return f"This failure of {name} is over, so there is nothing to acknowledge. Its card says how it ended."
        case Fate.UNWATCHED if answer.watched:
            told = f"This failure of {name} was no longer watched here, so this card gets no further updates."
            return f"{told}\n{_how_it_stands(answer, render_context)}"
        case Fate.UNWATCHED:
            told = f":no_bell: {name} is no longer watched, so there are no further updates on this failure."
            return f"{told}\n{_to_watch(answer, render_context)}"
        case Fate.UNKNOWN:
            told = f"{_not_kept(f'this failure of {name}')} The card gets no further updates."
            if answer.stands or answer.watched:
                told = f"{told}\n{_how_it_stands(answer, render_context)}"
            if answer.watched:
                return told
            return f"{told}\nIt is not watched now, so it gets no further updates: {_to_watch(answer, render_context)}"


def _not_kept(those: str) -> str:
    since = "my memory (Redis) was emptied since"
    return f":information_source: Your click was not kept: {since}, and I know nothing of {those} any more."


def _how_it_stands(answer: AcknowledgeAnswer, render_context: RenderContext) -> str:
    if answer.stands:
        return "\n".join(f"Now: {row(view, answer.stands.at)}" for view in answer.stands.views)
    return f"{command_for('status', answer.pipeline, render_context)} says how it stands now."


def _to_watch(answer: AcknowledgeAnswer, render_context: RenderContext) -> str:
    return f"{command_for('watch', answer.pipeline, render_context)} watches it again."


def acknowledged_all(answer: AcknowledgeAllAnswer, render_context: RenderContext) -> str:
    if answer.known == 0:
        told = f"{_not_kept('these failures')} The message gets no further updates."
        return f"{told}\n`{render_context.command}` says what is watched here now, and how it stands."
    number = answer.acknowledged
    if number == 0:
        return "There is nothing left to acknowledge: each is answered, over or no longer watched. The message says so."
    return f":eyes: You acknowledged {number} {'failure' if number == 1 else 'failures'}. The message says so."
