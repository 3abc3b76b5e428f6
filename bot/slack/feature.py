"""What the router and `features/` exchange: a feature declares commands, buttons and modals, and answers requests."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.answer import RefusalAnswer
from bot.domain.cadence import EvenPolling
from bot.domain.names import Names
from bot.domain.permission import Broadcast
from bot.requests.services import RequestServices
from bot.slack.click import Click
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.tokens import can_be_typed, quoted, with_other_setup
from bot.slack.mrkdwn import escape
from bot.slack.outbound.directory import Directory
from bot.slack.outbound.modals import Modals
from bot.slack.permissions import Asker, Permissions
from bot.slack.render.blocks import Block, RenderedMessage, message
from bot.slack.render.help import HelpPage
from bot.slack.render.refusals import refusal_blocks
from bot.slack.render.render_context import RenderContext
from bot.slack.render.saved_question import SavedQuestion
from bot.slack.submission import Submission

MAX_TARGETS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to one request: a message, or a new Home tab."""

    blocks: Sequence[Block] = ()
    """The message. Empty for no message."""
    in_channel: bool = False
    """True if everyone in the channel sees it. Otherwise only the person does."""
    replace: bool = False
    """True if it replaces the clicked message."""
    home: Sequence[Block] = ()
    """The person's new Home tab. Empty if it stays as it is."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """The problem of each block of a submitted modal, shown in it. If it is closed by then, `blocks` say the same."""
    says_still_listing: bool = False
    """True if the message itself says that the first listing is under way. The router adds it to the others."""

    @property
    def message(self) -> RenderedMessage:
        return message(self.blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services that features call. All requests share them."""

    requests: RequestServices
    directory: Directory
    permissions: Permissions
    modals: Modals
    render_context: RenderContext
    broadcast: Broadcast = Broadcast.MEMBERS
    max_targets: int = MAX_TARGETS
    is_nobody_sending: Callable[[], bool] = lambda: False
    """True while no process of the bot sends messages. Answers to people go out all the same."""
    is_still_listing: Callable[[], bool] = lambda: False
    """True while the first listing is under way, so that answers may count too few pipelines."""
    polling: Callable[[], EvenPolling | None] = lambda: None
    """All polled pipelines, and the budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One person's request: who asks, and all that a feature needs to answer."""

    services: Services
    asker: Asker
    parse: Callable[[str], "Command"]
    """Parses a command without knowing any pipeline's name."""
    understand: Callable[[str], Awaitable["Understood"]]
    """Parses a button's command with the pipelines' names."""
    help_pages: Mapping[str, HelpPage]
    question: SavedQuestion = field(default_factory=SavedQuestion)
    """The typed text, or the question that a clicked button repeats."""
    names: Names | None = None
    """The pipelines' names that the parser knew. None for a button."""
    confirmed: bool = False
    """True if the person saw the command's effect and clicked to go on."""
    asked_at: datetime | None = None
    """When the bot asked the confirmed question, so that a repeated click means the same times. None: too long ago."""
    existed: bool = False
    """True if the person began to change something that existed then. It may be removed by now."""

    def refused(self, refusal: RefusalAnswer) -> Reply:
        if refusal.nearest:
            whole = with_other_setup(self.question.text, refusal.unknown, refusal.nearest)
            refusal = replace(refusal, command=whole or refusal.command)
        return refused(refusal, self.services.render_context)

    def names_pipelines(self, typed: str) -> bool:
        """True if a corrected command names at least one pipeline. An answer suggests only such a command."""
        return bool(self.parse(escape(typed)).pipelines)


def refused(refusal: RefusalAnswer, render_context: RenderContext) -> Reply:
    return Reply(blocks=refusal_blocks(refusal, render_context))


class Command(ABC):
    """A parsed command. `run` looks up its pipelines, people and channels, and does what it says."""

    @property
    def changes(self) -> bool:
        """True if it writes. It then costs more of the person's limit, and a bot may finish it after a crash."""
        return False

    @property
    def check(self) -> str:
        """For a command that writes: the command that shows what it changes."""
        return "watches"

    @property
    def needs_store(self) -> bool:
        return True

    @property
    def repeatable(self) -> bool:
        """True if a button may run it again, to share the answer or to show another page."""
        return False

    @property
    def confirmable(self) -> bool:
        """True if a button may run it after the person saw its effect."""
        return False

    @property
    def shows_watches(self) -> bool:
        """True if the answer shows what the channel watches."""
        return False

    @property
    def pipelines(self) -> Sequence[str]:
        """The references to pipelines. If one is unknown, a fresh listing may give the words another meaning."""
        return ()

    @abstractmethod
    async def run(self, request: Request) -> Reply: ...


class ConfirmableChange(Command):
    """A command that writes. It may show its effect and ask before it does."""

    @property
    def changes(self) -> bool:
        return True

    @property
    def confirmable(self) -> bool:
        return True


EXAMPLE_PIPELINE = "orders-eu"
"""Stands for any pipeline in the examples of the grammar."""


@dataclass(frozen=True, slots=True)
class UsageError(Command):
    """An invalid text. `run` answers with the mistake and with a command to type instead."""

    message: str
    hint: str = "help"
    """The command to type instead, without the slash command's name."""
    in_goldrush: bool = False
    """True if people can do this in GoldRush, so that the answer links to it."""

    @property
    def needs_store(self) -> bool:
        return False

    async def run(self, request: Request) -> Reply:
        hint = _with_known_pipeline(self.hint, request)
        return request.refused(RefusalAnswer(reason=self.message, command=hint, in_goldrush=self.in_goldrush))


def _with_known_pipeline(hint: str, request: Request) -> str:
    """The suggested command with a pipeline that exists in place of the example, so that it works as it stands."""
    words = hint.split(" ")
    if EXAMPLE_PIPELINE not in words:
        return hint
    known = example_pipeline(request)
    return " ".join(known if word == EXAMPLE_PIPELINE else word for word in words)


def example_pipeline(request: Request) -> str:
    """A pipeline as people type it, which exists if the bot knows any."""
    name = request.services.requests.queries.example(request.asker.channel, EXAMPLE_PIPELINE)
    return quoted(name) if name and can_be_typed(name) else EXAMPLE_PIPELINE


@dataclass(frozen=True, slots=True)
class Understood:
    """A parsed command, and the pipelines' names that the parser knew."""

    command: Command
    names: Names


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandWord:
    """One command of `/pipeline`: the word that it begins with, its parser and its help."""

    name: str
    parse: Callable[[CommandText], Command]
    """Raises `ParseError`."""
    help: HelpPage
    help_order: int
    """The command's position in the help, from 1."""
    aliases: tuple[str, ...] = ()
    takes_names: bool = False
    """True if it takes pipelines, so that a fresh listing may give its words another meaning."""
    changes: bool = False
    """True if it writes. Then even an invalid text counts as a write."""
    in_thread: bool = False
    """True if it means the card's pipeline in the thread of a card, unless the person names one."""
    takes_sentence: bool = False
    """True if a sentence without quotes follows the pipeline in a thread. Elsewhere it needs quotes."""
    takes_time: bool = False
    """True if a time may stand before that sentence."""
    takes_group: bool = False
    """True if `all` in a group's thread means the group: `group:KEY` stands in place of the pipeline."""
    takes_error: bool = False
    """True if it means the error of the thread there, not a pipeline: `error:KEY` stands in place of the pipeline."""
    takes_several: bool = False
    """True if it takes several pipelines, so that `all` in a group's thread stands for them."""
    verbatim: bool = False
    """True if the parser keeps the last word as typed, such as an address that ends with a full stop."""


Press = Callable[[Click, Request], Awaitable[Reply | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """What a click on a button does."""

    press: Press | None
    """None if the button only opens an address."""
    changes: bool = True
    acknowledges: bool = False
    """True if a person acknowledges a failure with it. Then other requests never delay the click."""
    opens: bool = False
    """True if it opens a modal and changes nothing. Slack allows 3 s, so it runs before the click is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """All that one module in `features/` offers. `routes.py` finds it under the name FEATURE."""

    commands: tuple[CommandWord, ...] = ()
    buttons: Mapping[str, Button] = field(default_factory=dict)
    """By action id."""
    modals: Mapping[str, Callable[[Submission, Request], Awaitable[Reply]]] = field(default_factory=dict)
    """What a submitted modal does, by callback id."""
    home: Callable[[Request], Awaitable[Reply]] | None = None
    """Renders the Home tab when a person opens it. Exactly one feature has this."""
