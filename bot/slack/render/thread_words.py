"""Answers in the thread of a card or group: what the bot understands there, and which pipelines it is about. Pure."""

from collections.abc import Sequence

from bot.domain.catalogue import Pipeline
from bot.slack.grammar.tokens import can_be_typed, quoted
from bot.slack.mrkdwn import code, outside
from bot.slack.render.blocks import Block, sections
from bot.slack.render.phrases import pipelines

MEMBERS_SHOWN = 20


def thread_help(about: Sequence[Pipeline]) -> list[Block]:
    """For words that are no command."""
    one = len(about) == 1
    name = outside(about[0].name) if one else pipelines(len(about))
    hint = "You need not name it:" if one else "Name one of them:"
    return sections(
        [
            f"This thread is about *{name}*. {hint}",
            "`ack` · `why` · `history` · `status` · `mute for 2h` · `note Restart the sink first` · `runbook https://…`",
            "`ack 20m looking` · `snooze 1h` · `take over` · `resolve`",
            "`help` shows everything that I can do.",
        ]
    )


def which_member(command: str, rest: str, about: Sequence[Pipeline], *, all_at_once: bool) -> list[Block]:
    """For a command in a group's thread that names no pipeline. `rest`: its other words."""
    lines = [f"This thread is about {pipelines(len(about))}. Which one? Nothing was changed."]
    if all_at_once:
        lines.append(f"• all of them · {code(f'{command} all {rest}'.strip(), 150)}")
    for pipeline in about[:MEMBERS_SHOWN]:
        name = quoted(pipeline.name) if can_be_typed(pipeline.name) else pipeline.id
        lines.append(f"• *{outside(pipeline.name)}* · {code(f'{command} {name} {rest}'.strip(), 150)}")
    if len(about) > MEMBERS_SHOWN:
        lines.append(f"… and {len(about) - MEMBERS_SHOWN:,} more")
    return sections(lines)
