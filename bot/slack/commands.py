"""The slash command: acknowledged at once, answered by `response_url`. Each command is parse, call, render."""

from dataclasses import replace
from functools import partial

from bot.domain.answer import Answer, HelpAnswer, Refusal
from bot.domain.catalogue import Names, Unknown, resolve
from bot.domain.permission import Broadcast
from bot.domain.subscription import Wish
from bot.domain.watch import ChannelId, Target
from bot.requests.requests import Requests
from bot.slack.grammar.grammar import (
    Command,
    Help,
    List,
    Overview,
    Status,
    Unwatch,
    UsageError,
    Watch,
    Watches,
    depends_on_names,
    parse,
)
from bot.slack.grammar.note_grammar import NoteCommand
from bot.slack.outbound.directory import Directory
from bot.slack.permissions import Asker, Permissions
from bot.slack.render.status_answers import PAGE_SIZE, Asked
from bot.slack.target_cap import too_many, too_many_words
from bot.slack.targets import channel_to_change, channel_to_see, closed, resolve_targets

MAX_TARGETS = 20


class Commands:
    """From the text that somebody typed in a channel to the answer."""

    def __init__(
        self,
        requests: Requests,
        directory: Directory,
        permissions: Permissions,
        broadcast: Broadcast = Broadcast.MEMBERS,
        *,
        max_targets: int = MAX_TARGETS,
    ) -> None:
        self._requests = requests
        self._directory = directory
        self._permissions = permissions
        self._broadcast = broadcast
        self._max_targets = max_targets

    async def asked_again(self, asked: Asked, asker: Asker) -> Answer:
        """For shared answers and other pages: only what asks is asked again, never what changes something."""
        command = await self._understood(asked.text, asker.channel)
        if not isinstance(command, Overview | Status | List):
            return Refusal(reason="This answer is too old to be turned to.", hint="help")
        if _tells_what_is_watched(command) and (refusal := await self._permissions.to_see(asker, asker.channel)):
            return refusal
        return await self._answer(command, asked.page, asker)

    def needs_no_store(self, text: str, channel: ChannelId) -> bool:
        """True if the typed text alone decides the answer."""
        return isinstance(parse(text, self._requests.references.names(channel)), Help | UsageError)

    async def _understood(self, text: str, channel: ChannelId) -> Command | UsageError:
        """Read with the names that are known; where that leaves something open, with those of a fresh listing."""
        references = self._requests.references
        names = references.names(channel)
        command = parse(text, names)
        if _is_clear(command, text, names):
            return command
        return parse(text, await references.fresh_names(channel))

    async def answer(self, text: str, asker: Asker) -> Answer:
        """
        Raises:
            StoreAway: the answer needs the store and it does not answer.
        """
        return await self._answer(await self._understood(text, asker.channel), 1, asker)

    async def confirmed(self, text: str, asker: Asker) -> Answer:
        """The asker was shown what this does, and clicked. Everything is looked at again."""
        command = await self._understood(text, asker.channel)
        if not isinstance(command, Watch | Unwatch):
            return Refusal(reason="This question is too old. Nothing was changed.", hint="help")
        return await self._answer(command, 1, asker, confirmed=True)

    async def _answer(
        self, command: Command | UsageError, page: int, asker: Asker, *, confirmed: bool = False
    ) -> Answer:
        channel = asker.channel
        match command:
            case UsageError(message, hint, in_goldrush):
                return Refusal(reason=message, hint=hint, in_goldrush=in_goldrush)
            case Help(topic):
                return HelpAnswer(topic=topic)
            case Overview():
                status = await self._requests.queries.status(channel, ())
                return status if status.views else HelpAnswer()
            case Status(references, states):
                return await self._requests.queries.status(channel, references, states)
            case List(words, states):
                first = (page - 1) * PAGE_SIZE
                return await self._requests.queries.browse(channel, words, first, PAGE_SIZE, states)
            case Watches():
                return await self._watches(command, asker)
            case Watch():
                return await self._watch(command, asker, confirmed=confirmed)
            case NoteCommand():
                return await self._note(command, asker)
            case Unwatch():
                return await self._unwatch(command, asker)

    async def _watches(self, command: Watches, asker: Asker) -> Answer:
        there = await channel_to_see(command.channel, asker, self._directory, self._permissions)
        if isinstance(there, Refusal):
            return there
        answer = await self._requests.queries.watches(there)
        return replace(answer, here=there == asker.channel)

    async def _note(self, command: NoteCommand, asker: Asker) -> Answer:
        notes = self._requests.notes
        if not command.changes:
            return await notes.show(asker.channel, command.kind, command.reference)
        if refusal := await self._permissions.to_change(asker, asker.channel):
            return refusal
        name = await self._permissions.name(asker)
        return await notes.change(
            asker.channel, command.kind, command.reference, command.text, by=asker.user, by_name=name
        )

    async def _unwatch(self, command: Unwatch, asker: Asker) -> Answer:
        there = await channel_to_change(command.channel, asker, self._directory, self._permissions)
        if isinstance(there, Refusal):
            return there
        name = await self._permissions.name(asker)
        return await self._requests.subscriptions.unwatch(there, command.references, asker.user, name)

    async def _watch(self, command: Watch, asker: Asker, *, confirmed: bool) -> Answer:
        there = await channel_to_change(command.channel, asker, self._directory, self._permissions)
        if isinstance(there, Refusal):
            return there
        targets = await self._targets(command, asker)
        if isinstance(targets, Refusal):
            return targets
        name = await self._permissions.name(asker)
        return await self._requests.subscriptions.watch(
            there,
            command.references,
            Wish(events=command.events, targets=targets, by=asker.user, by_name=name),
            closed=partial(closed, there, self._directory, there=command.channel is not None, named=asker.channel_name),
            confirmed=confirmed,
        )

    async def _targets(self, command: Watch, asker: Asker) -> tuple[Target, ...] | Refusal | None:
        """Each once. None: nothing was said of them."""
        words = command.targets
        if words is None:
            return None
        if refusal := too_many_words(words, self._max_targets):
            return refusal
        targets = await resolve_targets(words, asker, self._directory, self._permissions, self._broadcast)
        if isinstance(targets, Refusal):
            return targets
        return too_many(targets, self._max_targets) or tuple(dict.fromkeys(targets))


def _tells_what_is_watched(command: Overview | Status | List) -> bool:
    """Without the name of a pipeline, the answer is about what the channel watches."""
    if isinstance(command, Status):
        return all(each.lower() in command.states for each in command.references)
    return isinstance(command, Overview)


def _is_clear(command: Command | UsageError, text: str, names: Names) -> bool:
    """Whether it would be read the same way with more names."""
    match command:
        case UsageError():
            return not depends_on_names(text)
        case Status(references) | Watch(references) | Unwatch(references):
            return all(not isinstance(resolve(each, names, suggest=False), Unknown) for each in references or ())
        case _:
            return True
