"""The answers to an acknowledgement, a snooze, a takeover or a resolution: what changed, and what to do next. Pure."""

from collections.abc import Sequence

from bot.domain.answer import AcknowledgeAllAnswer, AcknowledgeAnswer, AcknowledgeFate
from bot.domain.episode import EpisodeOutcome
from bot.slack.mrkdwn import date, outside
from bot.slack.render import phrases
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import command_for, row

_UNCHANGED = "Nothing was changed."


def acknowledge_words(answer: AcknowledgeAnswer | AcknowledgeAllAnswer, render_context: RenderContext) -> str:
    if isinstance(answer, AcknowledgeAllAnswer):
        return _all_words(answer, render_context)
    return _one_words(answer, render_context)


def _one_words(answer: AcknowledgeAnswer, render_context: RenderContext) -> str:
    name = f"*{outside(answer.pipeline.name)}*"
    match answer.fate:
        case AcknowledgeFate.ACKNOWLEDGED | AcknowledgeFate.RESOLVED if answer.changed:
            return _done(answer, name)
        case AcknowledgeFate.ACKNOWLEDGED | AcknowledgeFate.ALREADY_ACKNOWLEDGED | AcknowledgeFate.RESOLVED:
            return _done_before(answer, name)
        case AcknowledgeFate.OVER:
            return f"{_over(answer, name)} {_UNCHANGED}\n{_current_state(answer, render_context)}"
        case AcknowledgeFate.UNWATCHED if answer.watched:
            text = f"This failure of {name} was no longer watched here, so this card gets no further updates."
            return f"{text} {_UNCHANGED}\n{_current_state(answer, render_context)}"
        case AcknowledgeFate.UNWATCHED:
            text = f":no_bell: {name} is no longer watched, so there are no further updates on this failure."
            return f"{text} {_UNCHANGED}\n{_to_watch(answer, render_context)}"
        case AcknowledgeFate.UNKNOWN:
            text = f"{_not_kept(f'this failure of {name}')} The card gets no further updates."
            if answer.current or answer.watched:
                text = f"{text}\n{_current_state(answer, render_context)}"
            if answer.watched:
                return text
            return f"{text}\nIt isn't watched now. {_to_watch(answer, render_context)}"


def _done(answer: AcknowledgeAnswer, name: str) -> str:
    if answer.fate is AcknowledgeFate.RESOLVED:
        return f":no_bell: You ended the paging for {name}, although it hasn't recovered. Its card stays up to date."
    until = date(answer.until) if answer.until else ""
    if answer.snoozed:
        return f":zzz: You snoozed {name}. Nobody is paged until {until}; then the paging starts again."
    promise = f" If it still needs somebody at {until}, I page again." if until else ""
    if answer.taken_from:
        return f":eyes: You took over {name} from {phrases.person(answer.taken_from)}.{promise}"
    return f":eyes: You acknowledged {name}. Everyone who was paged can see it on the card.{promise}"


def _done_before(answer: AcknowledgeAnswer, name: str) -> str:
    when, by = f" at {date(answer.at)}" if answer.at else "", phrases.sentence(phrases.person(answer.by_name))
    until = f", until {date(answer.until)}" if answer.until else ""
    if answer.fate is AcknowledgeFate.RESOLVED:
        by = "You" if answer.own else by
        return f"{by} ended the paging for {name}{when}, so nobody is called again for it. {_UNCHANGED}"
    if answer.own:
        verb = "snoozed" if answer.snoozed else "acknowledged"
        keep = " *Take over* on its card keeps it without a time." if answer.until else ""
        return f"You already {verb} {name}{when}{until}. {_UNCHANGED}{keep}"
    verb = "snoozed" if answer.snoozed else "already acknowledged"
    return f"{by} {verb} {name}{when}{until}. {_UNCHANGED} *Take over* on its card makes it yours."


def _over(answer: AcknowledgeAnswer, name: str) -> str:
    """`This failure of orders-eu is over: it recovered at 14:03.`"""
    ended = answer.ended
    if ended is None or ended.closed_at is None:
        return f"This failure of {name} is over."
    recovered = ended.outcome is EpisodeOutcome.RECOVERED or not ended.timeline
    how = "recovered" if recovered else f"was {phrases.phase_in_a_sentence(ended.timeline[-1].phase)}"
    return f"This failure of {name} is over: it {how} at {date(ended.closed_at)}."


def _not_kept(failures: str) -> str:
    return f":information_source: I couldn't save your click: my database was emptied, so I no longer know {failures}."


def _current_state(answer: AcknowledgeAnswer, render_context: RenderContext) -> str:
    if answer.current:
        return "\n".join(f"Now: {row(view, answer.current.at)}" for view in answer.current.views)
    return f"Check its current state: {command_for('status', answer.pipeline, render_context)}"


def _to_watch(answer: AcknowledgeAnswer, render_context: RenderContext) -> str:
    return f"To watch it again: {command_for('watch', answer.pipeline, render_context)}"


def _all_words(answer: AcknowledgeAllAnswer, render_context: RenderContext) -> str:
    if answer.known == 0:
        text = f"{_not_kept('what this message shows')} The message gets no further updates."
        return f"{text}\n`{render_context.command}` shows this channel's pipelines and their current state."
    others = _with_others(answer.others)
    if answer.acknowledged == 0:
        return f"Nothing was changed: each failure {_settled(answer)}.{others}"
    failures = "1 failure" if answer.acknowledged == 1 else f"{answer.acknowledged} failures"
    until = date(answer.until) if answer.until else ""
    if answer.resolved:
        return f":no_bell: You ended the paging for {failures}. Nobody is called again. The card stays up to date."
    if answer.snoozed:
        quiet = f"Nobody is paged for them until {until}; then the paging starts again."
        return f":zzz: You snoozed {failures}. {quiet}{others}"
    promise = f" I page again for those that still need somebody at {until}." if until else ""
    names = f": {', '.join(f'*{outside(name)}*' for name in answer.names)}" if answer.names else ""
    return f":eyes: You acknowledged {failures}{names}.{promise}{others}"


def _settled(answer: AcknowledgeAllAnswer) -> str:
    if answer.resolved:
        return "is over or no longer watched, or its paging was ended before"
    return "is acknowledged, over or no longer watched"


def _with_others(others: Sequence[str]) -> str:
    """The people who keep a failure of the group."""
    if not others:
        return ""
    names = [phrases.person(name) for name in dict.fromkeys(others)]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    return f"\n{len(others):,} {'stays' if len(others) == 1 else 'stay'} with {listed}. *Show all* lets you take over."
