"""The routes of all features, as tests use them."""

from bot.domain.names import Names
from bot.slack.feature import Command
from bot.slack.grammar.command_text import NO_NAMES
from bot.slack.routes import ROUTES

COMMANDS = ROUTES.vocabulary.commands
ALIASES = ROUTES.vocabulary.aliases
help_lines = ROUTES.help_lines


def parse(text: str, names: Names = NO_NAMES) -> Command:
    return ROUTES.parse(text, names)
