"""The command `credits`: how many credits the GoldRush account has used, how fast, and when they run out."""

from dataclasses import dataclass

from bot.slack.feature import Command, CommandWord, Feature, Reply, Request
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.tokens import ParseError, typed
from bot.slack.mrkdwn import outside
from bot.slack.render.credit_words import credit_blocks
from bot.slack.render.help import HelpPage


@dataclass(frozen=True, slots=True)
class CreditsCommand(Command):
    """A parsed `credits`."""

    async def run(self, request: Request) -> Reply:
        answer = await request.services.requests.credits.answer()
        return Reply(blocks=credit_blocks(answer.state, answer.at, request.services.render_context.command))


def _parse(command_text: CommandText) -> Command:
    if command_text.words:
        extra = outside(typed(command_text.words[0].text))
        raise ParseError(f"`credits` takes no other word, but there is “{extra}”. Nothing was changed.", "credits")
    return CreditsCommand()


_HELP = HelpPage(
    overview=("`{c} credits` — how many GoldRush credits are used, and when they run out",),
    topic=(
        "*`{c} credits`* — the credits of the GoldRush account: used, left, the pace of the last days.",
        "It shows the date when they run out at that pace, and how many requests I make myself.",
        "I read them once an hour. The operator channel hears of them weekly, and when they last for 7 days or less.",
    ),
)

FEATURE = Feature(commands=(CommandWord(name="credits", parse=_parse, help_order=22, help=_HELP),))
