"""Messages that Slack posts when the bot could not prevent it. Pure.

Slack fixes their text long before it posts them, so they name moments and no durations.
"""

from bot.domain.backup import BackupContent
from bot.slack.mrkdwn import date
from bot.slack.render.blocks import RenderedMessage, message, section
from bot.slack.render.render_context import RenderContext


def render_backup(content: BackupContent, render_context: RenderContext) -> RenderedMessage:
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
