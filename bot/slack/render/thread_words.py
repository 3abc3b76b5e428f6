"""Answers in the thread of a card or group: what the bot understands there, and which pipelines it is about. Pure."""

from collections.abc import Callable, Sequence

from bot.domain.catalogue import Pipeline
from bot.slack.grammar.tokens import can_be_typed, quoted
from bot.slack.mrkdwn import code, outside
from bot.slack.render.blocks import Block, sections
from bot.slack.render.phrases import pipelines

MEMBERS_SHOWN = 20
MENTION = "@bot"
"""Stands before a command in a thread, because slash commands don't work there."""


def thread_help(about: Sequence[Pipeline], typed: str = "", meant: str = "") -> list[Block]:
    """For words that are no command. `typed`: these words. `meant`: the command that they resemble."""
    one = len(about) == 1
    name = outside(about[0].name) if one else pipelines(len(about))
    hint = "You need not name it:" if one else "Name one of them:"
    unknown = f"I don't understand “{outside(typed)}”. Nothing was changed." if typed else ""
    guess = f"Did you mean this? {code(f'{MENTION} {meant}', 150)}" if meant else ""
    return sections(
        [
            *filter(None, (unknown, guess)),
            f"This thread is about *{name}*. {hint}",
            "`ack` · `why` · `logs` · `history` · `status` · `mute for 2h` · `note Restart the sink first` · `runbook https://…`",
            "`ack 20m looking` · `snooze 1h` · `take over` · `resolve`",
            "`help` shows everything that I can do.",
        ]
    )


def which_member(whole: Callable[[str], str], about: Sequence[Pipeline], *, all_at_once: bool) -> list[Block]:
    """For a command in a group's thread that names no pipeline. `whole`: the command with a name."""
    lines = [f"This thread is about {pipelines(len(about))}. Which one? Nothing was changed."]
    if all_at_once:
        lines.append(f"• all of them · {_with_mention(whole('all'))}")
    return sections([*lines, *_members(whole, about)])


def not_in_thread(name: str, whole: Callable[[str], str], remark: str, about: Sequence[Pipeline]) -> list[Block]:
    """For a name of no pipeline in this thread. `remark`: the command that takes it as a remark instead, if any."""
    lines = [f"“{outside(name)}” isn't in this thread. Nothing was changed. The thread is about:"]
    more = [f"If “{outside(name)}” is a remark, put it in quotes: {_with_mention(remark)}"] if remark else []
    return sections([*lines, *_members(whole, about), *more])


def _members(whole: Callable[[str], str], about: Sequence[Pipeline]) -> list[str]:
    """Each with its command."""
    lines: list[str] = []
    for pipeline in about[:MEMBERS_SHOWN]:
        name = quoted(pipeline.name) if can_be_typed(pipeline.name) else pipeline.id
        lines.append(f"• *{outside(pipeline.name)}* · {_with_mention(whole(name))}")
    if len(about) > MEMBERS_SHOWN:
        lines.append(f"… and {len(about) - MEMBERS_SHOWN:,} more")
    return lines


def _with_mention(command: str) -> str:
    return code(f"{MENTION} {command}", 150)
