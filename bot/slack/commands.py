"""The slash command: acknowledged at once, answered by `response_url`. Each command is parse, call, render."""

from bot.domain.answer import Answer, HelpAnswer, Refusal
from bot.domain.watch import ChannelId, UserId
from bot.slack.answers import PAGE_SIZE
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
from bot.slack.targets import resolve_channel, resolve_targets
from bot.watching.desk import Desk


class Commands:
    """From the text that somebody typed in a channel to the answer."""

    def __init__(self, desk: Desk, directory: Directory) -> None:
        self._desk = desk
        self._directory = directory

    async def answer(self, text: str, channel: ChannelId, user: UserId) -> Answer:
        """Raises `StoreAway` where the answer needs the store and it does not answer."""
        match parse(text):
            case UsageError(message, hint):
                return Refusal(reason=message, hint=hint)
            case Help(topic):
                return HelpAnswer(topic=topic)
            case Overview():
                status = await self._desk.status(channel, ())
                return status if status.views else HelpAnswer()
            case Status(references):
                return await self._desk.status(channel, references)
            case List(words, page):
                return await self._desk.browse(channel, words, (page - 1) * PAGE_SIZE, PAGE_SIZE)
            case Watches():
                return await self._desk.watches(channel)
            case Watch() as command:
                return await self._watch(command, channel, user)
            case Unwatch(references, word):
                there = await resolve_channel(word, channel, self._directory)
                return there if isinstance(there, Refusal) else await self._desk.unwatch(there, references, user)

    async def _watch(self, command: Watch, channel: ChannelId, user: UserId) -> Answer:
        there = await resolve_channel(command.channel, channel, self._directory)
        if isinstance(there, Refusal):
            return there
        targets = await resolve_targets(command.targets, self._directory)
        if isinstance(targets, Refusal):
            return targets
        return await self._desk.watch(there, command.references, events=command.events, targets=targets, by=user)


__all__ = ["Command", "Commands"]
