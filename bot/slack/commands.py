"""The slash command: acknowledged at once, answered by `response_url`. Each command is parse, call, render."""

from functools import partial

from bot.domain.answer import Answer, HelpAnswer, Refusal
from bot.domain.watch import ChannelId, UserId
from bot.slack.directory import Directory
from bot.slack.grammar import (
    Command,
    Help,
    List,
    Overview,
    Status,
    Unwatch,
    UsageError,
    Watch,
    Watches,
    parse,
)
from bot.slack.note_grammar import NoteCommand
from bot.slack.status_answers import PAGE_SIZE, Asked
from bot.slack.targets import closed, resolve_channel, resolve_targets
from bot.watching.requests import Requests


class Commands:
    """From the text that somebody typed in a channel to the answer."""

    def __init__(self, requests: Requests, directory: Directory) -> None:
        self._requests = requests
        self._directory = directory

    async def asked_again(self, asked: Asked, channel: ChannelId, user: UserId) -> Answer:
        """For shared answers and other pages: only what asks is asked again, never what changes something."""
        command = parse(asked.text)
        if not isinstance(command, Overview | Status | List):
            return Refusal(reason="This answer is too old to be turned to.", hint="help")
        return await self._answer(command, asked.page, channel, user)

    async def answer(self, text: str, channel: ChannelId, user: UserId) -> Answer:
        """Raises `StoreAway` where the answer needs the store and it does not answer."""
        return await self._answer(parse(text), 1, channel, user)

    async def _answer(self, command: Command | UsageError, page: int, channel: ChannelId, user: UserId) -> Answer:
        match command:
            case UsageError(message, hint):
                return Refusal(reason=message, hint=hint)
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
                return await self._requests.queries.watches(channel)
            case Watch() as command:
                return await self._watch(command, channel, user)
            case NoteCommand():
                return await self._note(command, channel, user)
            case Unwatch(references, word):
                there = await resolve_channel(word, channel, self._directory)
                return (
                    there
                    if isinstance(there, Refusal)
                    else await self._requests.subscriptions.unwatch(there, references, user)
                )

    async def _note(self, command: NoteCommand, channel: ChannelId, user: UserId) -> Answer:
        notes = self._requests.notes
        if not command.changes:
            return await notes.show(channel, command.kind, command.reference)
        return await notes.change(channel, command.kind, command.reference, command.text, by=user, by_name="")

    async def _watch(self, command: Watch, channel: ChannelId, user: UserId) -> Answer:
        there = await resolve_channel(command.channel, channel, self._directory)
        if isinstance(there, Refusal):
            return there
        targets = await resolve_targets(command.targets, self._directory)
        if isinstance(targets, Refusal):
            return targets
        return await self._requests.subscriptions.watch(
            there,
            command.references,
            events=command.events,
            targets=targets,
            by=user,
            closed=partial(closed, there, self._directory, there=command.channel is not None),
        )
