"""The command `help`: explains all commands, or one of them."""

import difflib
from dataclasses import dataclass

from bot.slack.feature import Command, CommandWord, Feature, Reply, Request
from bot.slack.grammar.clauses import EVENTS
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.tokens import ParseError, typed
from bot.slack.mrkdwn import outside
from bot.slack.render.help import HelpPage, help_blocks, short_help_blocks

NEAR = 0.7  # `wach` is near, `me` is not near `mute`
_GREETINGS = frozenset(("", "hello", "hi", "hey", "hello there", "good morning", "thanks", "thank you", "ping"))


@dataclass(frozen=True, slots=True)
class HelpCommand(Command):
    topic: str | None = None

    @property
    def needs_store(self) -> bool:
        return False

    async def run(self, request: Request) -> Reply:
        command = request.services.render_context.command
        return Reply(blocks=help_blocks(self.topic, request.help_pages, command, request.asker.channel))


@dataclass(frozen=True, slots=True)
class ShortHelpCommand(Command):
    """Answers a greeting, or a bare mention of the bot. No word of `/pipeline` stands for it: see `is_greeting`."""

    @property
    def needs_store(self) -> bool:
        return False

    async def run(self, _: Request) -> Reply:
        return Reply(blocks=short_help_blocks())


def is_greeting(text: str) -> bool:
    """The router asks this for a direct message or mention. A slash command without words gets the full help."""
    return text.strip(" .,!?:").lower() in _GREETINGS


def _parse(command_text: CommandText) -> Command:
    """`help`, `help COMMAND`, or `help EVENT`: the help on `watch` explains the events."""
    if not command_text.words:
        return HelpCommand()
    vocabulary = command_text.vocabulary
    topic = vocabulary.command(command_text.words[0].lower.lstrip("/"))
    topic = "watch" if topic.partition(":")[0] in EVENTS else topic
    if topic not in vocabulary.commands:
        near = difflib.get_close_matches(topic, [*vocabulary.commands, *vocabulary.aliases], n=1, cutoff=NEAR)
        meant = f"Did you mean *{near[0]}*?" if near else f"There is help on {', '.join(sorted(vocabulary.commands))}."
        raise ParseError(
            f"I have no help on “{outside(typed(command_text.words[0].text))}”. Nothing was changed. {meant}",
            f"help {near[0]}" if near else "help",
        )
    if len(command_text.words) > 1:
        raise ParseError(
            f"`help` takes one command, so it can't take “{outside(typed(command_text.words[1].text))}”. "
            "Nothing was changed.",
            f"help {topic}",
        )
    return HelpCommand(topic)


# Its own page is empty: `help help` shows the list of all commands, and that list needs no line for it.
FEATURE = Feature(commands=(CommandWord(name="help", parse=_parse, help_order=99, help=HelpPage()),))
