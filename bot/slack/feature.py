"""The contract between the router and `features/`: commands and buttons, their input and their replies."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.answer import RefusalAnswer
from bot.domain.catalogue import Names
from bot.domain.permission import Broadcast
from bot.requests.services import RequestServices
from bot.slack.click import Click
from bot.slack.grammar.command_text import CommandText
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
    """`in_channel`: everyone in the channel sees it. `replace`: it replaces the clicked message.

    `home`: the person's new Home tab. Without `blocks`, there is no message beside it. `errors`: the problem of each
    block of a submitted modal. The modal shows them while it is open; otherwise `blocks` say the same.
    """

    blocks: Sequence[Block] = ()
    in_channel: bool = False
    replace: bool = False
    home: Sequence[Block] = ()
    errors: Mapping[str, str] = field(default_factory=dict)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One person's request. `names` are the pipelines' names that the parser knew.

    `confirmed`: the person saw the command's effect, and clicked. `parse` knows no names; `understand` parses a
    button's command with the pipelines' names.
    """

    services: Services
    asker: Asker
    parse: Callable[[str], "Command"]
    understand: Callable[[str], Awaitable["Understood"]]
    help_pages: Mapping[str, HelpPage]
    question: SavedQuestion = field(default_factory=SavedQuestion)
    names: Names | None = None
    confirmed: bool = False

    def refused(self, refusal: RefusalAnswer) -> Reply:
        return refused(refusal, self.services.render_context)

    def names_pipelines(self, typed: str) -> bool:
        """True if a corrected command is complete."""
        return bool(self.parse(escape(typed)).pipelines)


def refused(refusal: RefusalAnswer, render_context: RenderContext) -> Reply:
    return Reply(blocks=refusal_blocks(refusal, render_context))


class Command(ABC):
    """A parsed command. `run` looks up the pipelines, people and channels in it."""

    @property
    def changes(self) -> bool:
        """True if it writes. It then costs more of the person's limit, and a bot may finish it after a crash."""
        return False

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
    async def run(self, call: Call) -> Reply: ...


@dataclass(frozen=True, slots=True)
class UsageError(Command):
    """An invalid text: the mistake, and what to type instead (without the slash command's name)."""

    message: str
    hint: str = "help"
    in_goldrush: bool = False

    @property
    def needs_store(self) -> bool:
        return False

    async def run(self, call: Call) -> Reply:
        return call.refused(RefusalAnswer(reason=self.message, command=self.hint, in_goldrush=self.in_goldrush))


@dataclass(frozen=True, slots=True)
class Understood:
    """A parsed command, and the pipelines' names that the parser knew."""

    command: Command
    names: Names


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandWord:
    """A word that a command begins with. `place` orders the help.

    `takes_names`: more names may give its words another meaning. `changes`: even an invalid one counts as a write.
    `verbatim`: the parser keeps its last word as typed.
    """

    name: str
    parse: Callable[[CommandText], Command]
    """Raises `Refused`."""
    help: HelpPage
    place: int
    aliases: tuple[str, ...] = ()
    takes_names: bool = False
    changes: bool = False
    verbatim: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """`press` is None if the button only opens an address. `acknowledges`: other requests never delay the click.

    `opens`: it opens a modal and changes nothing. Slack allows 3 s for it, so it runs before the click is stored.
    """

    press: Callable[[Click, Call], Awaitable[Reply | None]] | None
    changes: bool = True
    acknowledges: bool = False
    opens: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """The commands, buttons and modals of one module in `features/`, buttons by action id, modals by callback id.

    `home` answers a person who opens the Home tab.
    """

    commands: tuple[CommandWord, ...] = ()
    buttons: Mapping[str, Button] = field(default_factory=dict)
    modals: Mapping[str, Callable[[Submission, Call], Awaitable[Reply]]] = field(default_factory=dict)
    home: Callable[[Call], Awaitable[Reply]] | None = None
