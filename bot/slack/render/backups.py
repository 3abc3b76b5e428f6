"""Messages that Slack posts when the bot could not prevent it. Pure.

Slack fixes their text long before it posts them, so they name moments and no durations.
"""

from collections.abc import Sequence

from bot.domain.backup import BackupContent, EscalationBackup, LateStep, SilenceWarning
from bot.domain.episode import EpisodeKind
from bot.domain.on_call_setup import target_text
from bot.domain.permission import Broadcast
from bot.domain.watch import Target, TargetKind
from bot.slack.mrkdwn import date, outside
from bot.slack.render import phrases
from bot.slack.render.blocks import RenderedMessage, message, section, sections
from bot.slack.render.render_context import RenderContext

NAMED = 20
TROUBLES = {
    EpisodeKind.FAILURE: "failed",
    EpisodeKind.DEGRADED: "was degraded",
    EpisodeKind.UNREADABLE: "was unreadable",
    EpisodeKind.LAG: "fell behind",
    EpisodeKind.DRIFT: "drifted",
    EpisodeKind.DEPLOYMENT: "was stuck",
    EpisodeKind.PAUSE: "was stuck",
}


def render_backup(
    content: BackupContent, render_context: RenderContext, broadcast: Broadcast = Broadcast.MEMBERS
) -> RenderedMessage:
    match content:
        case SilenceWarning():
            return _silence(content, render_context)
        case EscalationBackup():
            return _escalation(content, render_context, broadcast)


def _silence(content: SilenceWarning, render_context: RenderContext) -> RenderedMessage:
    head = f":rotating_light: *I have been silent since {date(content.since, '{time}')}. Don't trust green.*"
    meaning = (
        "I couldn't confirm since then that I read the pipelines and deliver messages. Failures may go unreported, "
        "and pages unsent."
    )
    cure = (
        f"Look at the pipelines yourself: {render_context.home}. If you run this bot: see whether its process runs, "
        "and what `/readyz` and its log say. I'll post here when I'm back."
    )
    return message([section(f"{head}\n{meaning}"), section(cure)])


def _escalation(content: EscalationBackup, render_context: RenderContext, broadcast: Broadcast) -> RenderedMessage:
    """Mentions the people, because it is their page."""
    steps = content.steps
    targets = tuple(dict.fromkeys(target for step in steps for target in step.targets))
    named = [target for target in targets if broadcast is Broadcast.MEMBERS or not target.is_broadcast]
    who = phrases.mentions(target for target in named if target.kind is not TargetKind.PAGER)
    lines = [":rotating_light: *Backup page: I couldn't deliver this page in time.*", *filter(None, [who])]
    lines += [_line(step) for step in steps[:NAMED]]
    if len(steps) > NAMED:
        lines.append(f"… and {len(steps) - NAMED:,} more")
    lines += _pagers(targets)
    caveat = (
        "Slack posted this because I gave no sign of life. It may be late: the card shows whether somebody answered. "
        f"While I'm silent, no button works, so write here who looks at it. {render_context.home}"
    )
    return message([*sections(lines), section(caveat)])


def _line(step: LateStep) -> str:
    trouble = outside(step.end_of_run) if step.end_of_run else TROUBLES.get(step.kind, "had a problem")
    due = date(step.due_at, "{time}")
    what = f"The page to {', '.join(map(_name, step.targets))}" if step.targets else "The report that nobody answered"
    return f"• *{outside(step.pipeline.name)}* {trouble} {date(step.since)}. {what} was due at {due}."


def _name(target: Target) -> str:
    return outside(target_text(target))


def _pagers(targets: Sequence[Target]) -> list[str]:
    pagers = [_name(target) for target in targets if target.kind is TargetKind.PAGER]
    return [f"Slack can't reach {', '.join(pagers)}."] if pagers else []
