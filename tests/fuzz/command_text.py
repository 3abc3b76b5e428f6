"""Fuzzes the text after the slash command. It yields a command or a usage error, and an answer that Slack accepts."""

from random import Random
from time import thread_time

from bot.domain.answer import Answer, HelpAnswer, RefusalAnswer, StatusAnswer
from bot.domain.names import ResolvedReference, resolve
from bot.domain.observation import PipelineId
from bot.slack.feature import Command, UsageError
from bot.slack.features.status import StatusCommand
from bot.slack.features.unwatch import UnwatchCommand
from bot.slack.features.watch.command import WatchCommand
from bot.slack.mrkdwn import escape
from bot.slack.render.saved_question import SavedQuestion
from bot.slack.routes import LONGEST_TEXT
from tests.builders import a_pipeline, at
from tests.fuzz.mangle import NASTY, mangled, random_text, seeded
from tests.fuzz.tally import Tally
from tests.routes import ALIASES, COMMANDS, parse
from tests.unit.rendering import LOOK, valid

SLOWEST_SECONDS = 1.0  # of CPU: a busy machine changes no verdict
EXAMPLES = (
    *["", "status", "list", "list orders, eu", "watches", "help", "help watch", "unwatch all", "subscriptions"],
    *["status orders-eu orders-us", 'status "Base Swaps to Postgres", “orders eu”', "unwatch orders-* in #data-team"],
    "watch orders-* on failed,degraded,recovered page <!subteam^S0ONCALL|@data-oncall> in <#C0TEAM|data-team>",
    "watch project:shop page <@U0ANN|ann>,here, @bob on fialed",
    "subscribe <http://orders.eu|orders.eu> R&amp;D on all page @here <mailto:ann@b.io|ann@b.io>",
    *["watch a page pagerduty", "statsu orders-eu", "watch a in general", 'watch "on" on on', "pipe_3e86"],
)
WORDS = (
    *[*COMMANDS, *ALIASES, "on", "page", "in", "all", "failed", "fialed", "here", "@ann", "#ops", "orders-*"],
    *["<@U0ANN|ann>", "<#C0TEAM|>", "<!subteam^S0ON|@x>", "<!everyone>", "<https://a.io|a.io>", '"a b"', "“c”", "&lt;"],
    "project:",
)
CATALOGUE = [
    a_pipeline(name, pipeline_id=PipelineId(f"pipe_{number:04}"))
    for number, name in enumerate(
        ("orders-eu", "orders-us", "Base Swaps to Postgres", "on", "<!channel>", 'a "b"', "管道")
    )
]


async def fuzz(inputs: int, seed: int, tally: Tally) -> None:
    rng = seeded(seed, tally.boundary)
    for _ in range(inputs):
        text = a_text(rng)
        try:
            accepted = check(text)
        except Exception as exc:  # noqa: BLE001  what it is is what is looked for
            accepted = False
            tally.broken(f"{type(exc).__name__}: {exc}"[:200], text)
        tally.count(accepted=accepted)


def a_text(rng: Random) -> str:
    match rng.randrange(10):
        case 0:
            return random_text(rng, rng.choice((10, 100, LONGEST_TEXT + 5)))
        case 1:
            return (rng.choice(WORDS) + rng.choice(NASTY)) * rng.randint(1, 400)
        case 2 | 3 | 4:
            between = rng.choice((" ", " ", ",", ""))
            return between.join(rng.choice((*WORDS, *NASTY)) for _ in range(rng.randint(0, 40)))
        case _:
            return mangled(rng, rng.choice(EXAMPLES))


def check(text: str) -> bool:
    """Returns whether the text is a command. An `AssertionError` says what is wrong with the result."""
    began = thread_time()
    command = parse(text)
    assert thread_time() - began < SLOWEST_SECONDS, "it takes long"
    assert isinstance(command, Command | UsageError), "neither a command nor a usage error"
    valid(LOOK.answer(_answer(command), SavedQuestion(text=text)), posted=False)
    if isinstance(command, UsageError):
        again = parse(escape(command.hint))
        circle = isinstance(again, UsageError) and again.hint == command.hint
        assert command.message, "refused without a reason"
        assert not circle, "what is hinted is refused with the same hint"
    return not isinstance(command, UsageError)


def _answer(command: Command | UsageError) -> Answer:
    match command:
        case UsageError(message, hint):
            return RefusalAnswer(reason=message, command=hint)
        case StatusCommand(references) | WatchCommand(references) | UnwatchCommand(references) if references:
            found = [resolve(reference, CATALOGUE) for reference in references]
            unknown = tuple(reference for reference in found if not isinstance(reference, ResolvedReference))
            return StatusAnswer(views=(), unresolved=unknown, at=at(0))
        case _:
            return HelpAnswer()
