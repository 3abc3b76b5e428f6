"""Lines that several answers share: a pipeline, a suspended channel, unknown names. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bot.domain.answer import PipelineView, UnresolvedReference
from bot.domain.attention import Trouble, began_at, trouble
from bot.domain.catalogue import Pipeline, comparable, is_pattern
from bot.domain.names import AmbiguousReference, Names, ResolvedReference, resolve
from bot.domain.watch import ChannelId, SuspendReason
from bot.slack.grammar.tokens import can_be_typed, quoted, with_other_name, without_name
from bot.slack.mrkdwn import ago, code, date, outside
from bot.slack.render import phrases, stale_states
from bot.slack.render.action_words import answered_words
from bot.slack.render.blocks import Block, sections
from bot.slack.render.change_buttons import UNCHANGED
from bot.slack.render.deployment_headlines import expected_words
from bot.slack.render.finding_words import finding_fact, lag_fact
from bot.slack.render.render_context import RenderContext
from bot.slack.render.silence_words import silence_words

CANDIDATES = 10
EXPLAINED = 10  # unknown words that get a line of their own


def age(view: PipelineView, now: datetime) -> str:
    observation = view.state.observation
    return f"read {ago(observation.observed_at, now)}" if observation else "never read"


def row(view: PipelineView, now: datetime) -> str:
    """One pipeline in one line. A stale state comes with its age and without facts."""
    return f"{stale_states.symbol(view)} *{outside(view.pipeline.name)}* — {_state_and_facts(view, now)}"


def row_below_name(view: PipelineView, now: datetime) -> str:
    """The same line below one that names the pipeline."""
    return f"{stale_states.symbol(view)} {_state_and_facts(view, now)}"


def _state_and_facts(view: PipelineView, now: datetime) -> str:
    return " · ".join(fact for fact in (stale_states.aged_state_words(view, now), *_facts(view, now)) if fact)


def _facts(view: PipelineView, now: datetime) -> list[str]:
    observation = view.state.observation
    answered, since = answered_words(view.acknowledged, view.resolved), _since(view, now)
    muted = silence_words(view.silence) if view.silence else ""
    if observation is None or stale_states.is_stale(view):
        return [since, answered, muted]
    return [
        phrases.replicas(observation.phase, observation.ready, observation.replicas),
        phrases.intent_words(view.pipeline, view.state),
        *map(finding_fact, view.state.findings),
        *pace_facts(view),
        since,
        answered,
        muted,
        age(view, now),
    ]


def pace_facts(view: PipelineView) -> list[str]:
    """An overdue deployment, a lag that is no problem, and until when the bot takes a standstill for a rest."""
    learning = f"still learning when it rests, until {date(view.learning_until)}" if view.learning_until else ""
    overdue = expected_words(view.overdue) if view.overdue else ""
    return [overdue[:1].lower() + overdue[1:], lag_fact(view.lag) if view.lag else "", learning]


def _since(view: PipelineView, now: datetime) -> str:
    """When the pipeline failed or got stuck. Empty for the others: people ask since when something is wrong."""
    kind, state = trouble(view.state, now), view.state
    since = began_at(kind, state) if kind else None
    if since is None:
        return ""
    moment = phrases.moment(since, first_seen=state.first_seen and since == state.since)
    still = kind is not Trouble.RECOVERING and not stale_states.is_stale(view)
    return f"since {moment}" if still else f"failed at {moment}"


def trying_again(channel: ChannelId | None, reason: SuspendReason, render_context: RenderContext) -> str:
    """Says that the bot tries to post again: the question itself made it do so."""
    tried = f":warning: I couldn't post here: {phrases.SUSPEND_REASONS[reason]}. I'm trying again now."
    return f"{tried}\nIf nothing comes, {phrases.how_to_resume(channel, reason, render_context.command, here=True)}"


def unresolved(
    references: Sequence[UnresolvedReference],
    command: str,
    render_context: RenderContext,
    text: str = "",
    complete: Callable[[str], bool] = bool,
) -> list[Block]:
    """What the names could mean, and that nothing was changed.

    `text` is the command as typed. The answer offers it again with each wrong word corrected.

    `complete`: true if a corrected command still names a pipeline.
    """
    lines: list[str] = []
    alone = len(references) == 1
    for reference in references[:EXPLAINED]:
        chosen, among = _chosen(reference)
        lines.append(_problem(reference, render_context))
        for pipeline in chosen:
            project = f" · {outside(pipeline.project, 60)}" if pipeline.project else ""
            candidate = f"• *{outside(pipeline.name)}*{project}"
            right = _name_of(pipeline, reference.reference, among)
            typed = _corrected(text, {reference.reference: right}) or f"{command} {right}"
            lines.append(
                f"{candidate} · {code(f'{render_context.command} {typed}', 300)}" if alone or not text else candidate
            )
    if more := references[EXPLAINED:]:
        names = ", ".join(f"“{outside(reference.reference, 40)}”" for reference in more[:EXPLAINED])
        rest = f" and {len(more) - EXPLAINED:,} more" if len(more) > EXPLAINED else ""
        lines.append(f":grey_question: I also couldn't find these: {names}{rest}.")
    corrected = _all_corrected(references, render_context, text, complete)
    return sections([*lines, *corrected, UNCHANGED]) if lines else []


def _problem(reference: UnresolvedReference, render_context: RenderContext) -> str:
    name = outside(reference.reference)
    if isinstance(reference, AmbiguousReference):
        return f":point_right: “{name}” could mean {len(reference.candidates):,} pipelines. Which one?"
    near = (
        " Did you mean one of these?" if reference.nearest else f" `{render_context.command} list` shows all pipelines."
    )
    return f":grey_question: I couldn't find a pipeline called *{name}*.{near}"


def _chosen(reference: UnresolvedReference) -> tuple[Sequence[Pipeline], Names | None]:
    """The pipelines that a reference could mean, and the candidates that a suggested name must distinguish."""
    if isinstance(reference, AmbiguousReference):
        return reference.candidates[:CANDIDATES], Names(reference.candidates)
    return reference.nearest, None


def _name_of(pipeline: Pipeline, reference: str, among: Names | None) -> str:
    """The name that means this pipeline in a command, or its id."""
    by_id = among is not None and not _alone(pipeline, reference, among)
    return quoted(pipeline.name) if can_be_typed(pipeline.name) and not by_id else pipeline.id


def _corrected(text: str, names: Mapping[str, str]) -> str:
    """The command as typed, with these words replaced. Empty if one of them is not found."""
    for wrong, right in names.items():
        text = with_other_name(text, wrong, right) if text else ""
    return text


def _all_corrected(
    references: Sequence[UnresolvedReference], render_context: RenderContext, text: str, complete: Callable[[str], bool]
) -> list[str]:
    """The whole command with the nearest name for each wrong word, and without the words that have none."""
    choices = [(reference.reference, *_chosen(reference)) for reference in references]
    if not text or (len(references) == 1 and choices[0][1]):
        return []
    typed = _corrected(text, {word: _name_of(chosen[0], word, among) for word, chosen, among in choices if chosen})
    left_out = [word for word, chosen, _ in choices if not chosen]
    for word in left_out:
        typed = without_name(typed, word) if typed else ""
    if not typed or not complete(typed):
        return []
    head = "For example" if len(left_out) < len(choices) else "Without it" if len(left_out) == 1 else "Without them"
    return [f"{head}: {code(f'{render_context.command} {typed}', 300)}"]


def _alone(pipeline: Pipeline, reference: str, among: Names) -> bool:
    """True if the pipeline's name is longer than the typed text, contains it, and means no other candidate."""
    name, typed = comparable(pipeline.name), comparable(reference)
    resolution = resolve(pipeline.name, among, suggest=False)
    return (
        typed != name
        and typed in name
        and not is_pattern(pipeline.name)
        and resolution == ResolvedReference((pipeline,))
    )


def command_for(command: str, pipeline: Pipeline, render_context: RenderContext, *, by_id: bool = False) -> str:
    name = quoted(pipeline.name) if can_be_typed(pipeline.name) and not by_id else pipeline.id
    return code(f"{render_context.command} {command} {name}", 150)
