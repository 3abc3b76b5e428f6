"""A refusal: why nothing was changed, and what to do instead. Pure."""

from bot.domain.answer import RefusalAnswer
from bot.slack.mrkdwn import code
from bot.slack.render.blocks import Block, context, sections
from bot.slack.render.render_context import RenderContext

LONGEST_COMMAND = 300


def refusal_blocks(refusal: RefusalAnswer, render_context: RenderContext) -> list[Block]:
    lines = [f":information_source: {refusal.reason}"]
    if refusal.command:
        lines.append(code(f"{render_context.command} {refusal.command}", LONGEST_COMMAND))
    if refusal.hint:
        lines.append(refusal.hint)
    return [*sections(lines), *(context(render_context.home) if refusal.in_goldrush else [])]
