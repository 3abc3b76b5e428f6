"""Finds the feature that answers an interaction: a command, a click, a message, a form or an opened Home tab."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from bot.domain.answer import RefusalAnswer
from bot.domain.names import Names, UnknownReference, resolve
from bot.domain.watch import ChannelId, UserId
from bot.ports.interaction_store import Interaction
from bot.requests.threads import ThreadTopic
from bot.slack.click import Click
from bot.slack.feature import Button, Command, CommandWord, Reply, Request, Services, Understood, UsageError, refused
from bot.slack.features.help import ShortHelpCommand, is_greeting
from bot.slack.grammar.answer_words import ERROR, GROUP, joined_take_over
from bot.slack.grammar.in_thread import (
    foreign_name,
    meant_in_thread,
    names_its_own,
    only_person,
    says_all,
    with_pipeline,
    without_all,
    without_word,
)
from bot.slack.grammar.near_commands import NEAR_COMMANDS
from bot.slack.grammar.plain_questions import plain_command
from bot.slack.grammar.tokens import ParseError, Word, quoted, typed
from bot.slack.permissions import Asker
from bot.slack.render.blocks import context
from bot.slack.render.phrases import STILL_LISTING, is_direct
from bot.slack.render.process_words import not_sending
from bot.slack.render.saved_question import SavedQuestion
from bot.slack.render.thread_words import MENTION, not_in_thread, thread_help, which_member
from bot.slack.routes import ROUTES, Routes
from bot.slack.submission import Submission

MOST_AT_ONCE = 50  # pipelines of a group that `all` stands for: a command has at most 200 words
COMMAND, CLICK, MESSAGE, HOME, MODAL = "command", "click", "message", "home", "modal"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedInteraction:
    """An interaction that is ready to run, and what the inbox has to know about it before."""

    changes: bool
    """True if it writes."""
    acknowledges: bool
    """True if a person acknowledges a failure with it."""
    needs_store: bool
    """False if the text alone gives the answer, as for `help`."""
    check: str = "watches"
    """For a change: the command that shows what it changes."""
    run: Callable[[], Awaitable[Reply | None]]
    """Returns the answer, or None for a click without one. Raises StoreAway if it needs a store that is away."""
    begins_early: bool = False
    """True if it starts before it is stored, because Slack waits only 3 s. Such an interaction changes nothing."""


class Router:
    """Turns each interaction into a `ParsedInteraction` of the feature that answers it."""

    def __init__(self, services: Services, routes: Routes = ROUTES) -> None:
        self._services = services
        self._routes = routes

    def parse(self, interaction: Interaction) -> ParsedInteraction:
        if interaction.kind == CLICK:
            return self._parse_click(Click.from_payload(interaction.payload))
        if interaction.kind == MODAL:
            return self._parse_submission(Submission.from_payload(interaction.payload))
        asker = _asker(interaction.payload)
        if interaction.kind == HOME:
            return self._with_permission(self._parse_home(asker), asker)
        text = interaction.payload["text"]
        if interaction.kind != MESSAGE:
            return self.typed(text, asker)
        thread = interaction.payload.get("in_thread", "")
        return (self._in_threads() if thread else self).parse_message(text, asker, thread)

    def _in_threads(self) -> "Router":
        """The same, but its answers suggest mentions: slash commands don't work in threads."""
        context = replace(self._services.render_context, command=MENTION)
        return Router(replace(self._services, render_context=context), self._routes)

    def refused(self, refusal: RefusalAnswer) -> Reply:
        return refused(refusal, self._services.render_context)

    def typed(self, text: str, asker: Asker) -> ParsedInteraction:
        """Parses with the names known now. That shows whether the command writes; `run` may fetch a fresh listing."""
        text = joined_take_over(text)
        understood = self._parse_known(text, asker.channel)
        command = understood.command
        return ParsedInteraction(
            changes=command.changes or self._may_change(command, text),
            acknowledges=False,
            needs_store=command.needs_store,
            check=command.check,
            run=lambda: self._answer(text, understood, asker),
        )

    def parse_message(self, text: str, asker: Asker, thread: str) -> ParsedInteraction:
        """A mention or direct message. `thread`: the message at the top of the thread, if the text stands in one."""
        text = joined_take_over(text)
        greets = is_greeting(text) and self._routes.word(text) is None
        question = plain_command(text)
        parsed = self._parse_greeting(asker) if greets else self.typed(question or text, asker)
        if thread and not question:
            parsed = self._in_thread(parsed, text, asker, thread)
        return self._with_permission(parsed, asker)

    def _in_thread(self, parsed: ParsedInteraction, text: str, asker: Asker, thread: str) -> ParsedInteraction:
        """In the thread of a card, some commands mean the card's pipeline."""
        word = self._routes.word(text)
        if word and not word.in_thread:
            return parsed

        async def run() -> Reply | None:
            topic = await self._services.requests.threads.topic(asker.channel, thread)
            names = self._services.requests.references.names(asker.channel)
            if not topic.pipelines or (word and names_its_own(text, names)):
                return await parsed.run()
            if word and word.takes_group and only_person(text):
                return await parsed.run()
            if word is None:
                meant = meant_in_thread(text, self._routes.vocabulary)
                if not meant and "".join(text.split()[:1]).lower() in NEAR_COMMANDS:
                    return await parsed.run()
                return Reply(blocks=thread_help(topic.pipelines, typed(text), meant))
            if (word.takes_time or not word.takes_sentence) and (stray := foreign_name(text, names)):
                return _not_in_thread(topic, word, text, stray)
            everyone = says_all(text)
            bare = without_all(text) if everyone else text
            reference = _reference(topic, word, everyone=everyone)
            if reference is None:
                takes_all = word.takes_group or (word.takes_several and len(topic.pipelines) <= MOST_AT_ONCE)
                return Reply(
                    blocks=which_member(partial(_whole, bare, word=word), topic.pipelines, all_at_once=takes_all)
                )
            return await self.typed(_whole(bare, reference, word), asker).run()

        changes = parsed.changes or (word is not None and self._may_change_in_thread(text, word))
        return replace(parsed, changes=changes, needs_store=True, run=run)

    def _may_change_in_thread(self, text: str, word: CommandWord) -> bool:
        """True if the command writes once it has the thread's pipeline, as a note does."""
        try:
            whole = _whole(text, "pipe_0", word)
        except ParseError:
            return False
        return word.changes or self._routes.parse(whole).changes

    def _with_permission(self, parsed: ParsedInteraction, asker: Asker) -> ParsedInteraction:
        async def run() -> Reply | None:
            if refusal := await self._services.permissions.to_ask(asker):
                return self.refused(refusal)
            return await parsed.run()

        return replace(parsed, run=run)

    def _parse_home(self, asker: Asker) -> ParsedInteraction:
        request = self._request(asker, SavedQuestion())

        async def run() -> Reply:
            return self._warned(await self._routes.home(request))

        return ParsedInteraction(changes=False, acknowledges=False, needs_store=True, run=run)

    def _parse_greeting(self, asker: Asker) -> ParsedInteraction:
        """Answers a greeting with the short help."""
        request = self._request(asker, SavedQuestion())
        return ParsedInteraction(
            changes=False, acknowledges=False, needs_store=False, run=lambda: ShortHelpCommand().run(request)
        )

    def _parse_click(self, click: Click) -> ParsedInteraction:
        button = self._routes.buttons.get(click.action) or Button(press=None)
        return ParsedInteraction(
            changes=button.changes,
            acknowledges=button.acknowledges,
            needs_store=not button.opens,
            check="status" if button.acknowledges else "watches",
            run=lambda: self._press(button, click),
            begins_early=button.opens,
        )

    def _parse_submission(self, submission: Submission) -> ParsedInteraction:
        return ParsedInteraction(
            changes=True, acknowledges=False, needs_store=True, run=lambda: self._submit(submission)
        )

    async def _submit(self, submission: Submission) -> Reply:
        submit = self._routes.modals.get(submission.modal)
        if submit is None:
            return self.refused(RefusalAnswer(reason="This form is too old. Nothing was changed.", command="help"))
        return self._warned(await submit(submission, self._request(submission.asker, SavedQuestion())))

    async def _answer(self, text: str, understood: Understood, asker: Asker) -> Reply:
        understood = await self._parse_again(text, understood, asker.channel)
        question = SavedQuestion(text=text, shareable=not is_direct(asker.channel))
        reply = await understood.command.run(self._request(asker, question, understood.names))
        return self._warned(self._with_listing(reply)) if understood.command.needs_store else reply

    def _with_listing(self, reply: Reply) -> Reply:
        """During the first listing, answers count too few pipelines, and do not know some names."""
        if not reply.blocks or reply.says_still_listing or not self._services.is_still_listing():
            return reply
        return replace(reply, blocks=[*reply.blocks, *context(f":hourglass_flowing_sand: {STILL_LISTING}")])

    def _warned(self, reply: Reply) -> Reply:
        """The answer, with a warning above it while nobody sends: it comes directly, and alerts would not."""
        if not self._services.is_nobody_sending():
            return reply
        warning = not_sending()
        return replace(
            reply,
            blocks=[*warning, *reply.blocks] if reply.blocks else (),
            home=[*warning, *reply.home] if reply.home else (),
        )

    async def _press(self, button: Button, click: Click) -> Reply | None:
        if button.press is None:
            return None
        return await button.press(click, self._request(click.asker, click.question))

    def _request(self, asker: Asker, question: SavedQuestion, names: Names | None = None) -> Request:
        async def understand(text: str) -> Understood:
            return await self._parse_again(text, self._parse_known(text, asker.channel), asker.channel)

        return Request(
            services=self._services,
            asker=asker,
            parse=self._routes.parse,
            understand=understand,
            help_pages=self._routes.help_pages,
            question=question,
            names=names,
        )

    def _parse_known(self, text: str, channel: ChannelId) -> Understood:
        names = self._services.requests.references.names(channel)
        return Understood(self._routes.parse(text, names), names)

    async def _parse_again(self, text: str, understood: Understood, channel: ChannelId) -> Understood:
        """The same, or parsed again with a fresh listing if a name is unknown."""
        if not self._may_mean_more(text, understood):
            return understood
        names = await self._services.requests.references.fresh_names(channel)
        return Understood(self._routes.parse(text, names), names)

    def _may_mean_more(self, text: str, understood: Understood) -> bool:
        """True if more names might give the text another meaning."""
        command, names = understood.command, understood.names
        if isinstance(command, UsageError):
            word = self._routes.word(text)
            return word is not None and word.takes_names
        return any(
            isinstance(resolve(reference, names, suggest=False), UnknownReference) for reference in command.pipelines
        )

    def _may_change(self, command: Command, text: str) -> bool:
        """True for an invalid text that may become a command that writes, once a fresh listing has more names."""
        word = self._routes.word(text)
        return isinstance(command, UsageError) and word is not None and word.changes


def _reference(topic: ThreadTopic, word: CommandWord, *, everyone: bool) -> str | None:
    """What a command in a thread means. None: the person has to choose. `everyone`: the person typed `all`."""
    if word.takes_error:
        return f"{ERROR}{topic.key}"
    if len(topic.pipelines) == 1:
        return quoted(topic.pipelines[0].id)
    if everyone and word.takes_group:
        return f"{GROUP}{topic.key}"
    if everyone and word.takes_several and len(topic.pipelines) <= MOST_AT_ONCE:
        return " ".join(quoted(pipeline.id) for pipeline in topic.pipelines)
    return None


def _not_in_thread(topic: ThreadTopic, word: CommandWord, text: str, stray: Word) -> Reply:
    bare, remark = without_word(text, stray), f'{text[: stray.start]}"{stray.text}"{text[stray.end :]}'
    several = len(topic.pipelines) > 1 or not word.takes_sentence
    return Reply(
        blocks=not_in_thread(stray.text, partial(_whole, bare, word=word), "" if several else remark, topic.pipelines)
    )


def _whole(text: str, reference: str, word: CommandWord) -> str:
    return with_pipeline(text, reference, takes_sentence=word.takes_sentence, takes_time=word.takes_time)


def _asker(payload: Mapping[str, str]) -> Asker:
    """The person who typed. Payloads that older versions stored have fewer fields."""
    return Asker(
        user=UserId(payload["user"]),
        channel=ChannelId(payload["channel"]),
        team=payload.get("team", ""),
        handle=payload.get("handle", ""),
        channel_name=payload.get("channel_name", ""),
    )
