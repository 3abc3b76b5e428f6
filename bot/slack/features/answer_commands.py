"""The commands `ack`, `snooze`, `takeover` and `resolve`: what the buttons of a card do, typed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.answer import RefusalAnswer
from bot.domain.silence import LONGEST_WHY
from bot.requests.answer_terms import Terms
from bot.requests.references import NotOnePipeline
from bot.slack.feature import Command, CommandWord, Feature, Reply, Request
from bot.slack.features.acknowledge import WRONG_CONVERSATION, answer_card
from bot.slack.features.console import (
    LONGEST_SNOOZE,
    ask_how_long_to_snooze,
    ask_to_resolve,
    stale_reply,
)
from bot.slack.features.group_console import answer_group, ask_to_resolve_all
from bot.slack.grammar.answer_words import AnswerText, read_answer
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.tokens import ParseError, can_be_typed, quoted
from bot.slack.mrkdwn import outside
from bot.slack.render.blocks import actions, section
from bot.slack.render.console import group_snooze_menu
from bot.slack.render.help import HelpPage
from bot.slack.render.rows import unresolved
from bot.slack.render.silence_words import ending_command, silence_words

ACK, SNOOZE, TAKE_OVER, RESOLVE = "ack", "snooze", "takeover", "resolve"

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AnswerCommand(Command):
    """One of the four commands, parsed."""

    word: str
    answer: AnswerText

    @property
    def changes(self) -> bool:
        """`resolve`, and a `snooze` without a time, only ask."""
        return self.word in {ACK, TAKE_OVER} or (self.word == SNOOZE and self.answer.until is not None)

    @property
    def check(self) -> str:
        return f"status {quoted(self.answer.reference)}" if self.answer.reference else "status failed"

    @property
    def pipelines(self) -> Sequence[str]:
        return (self.answer.reference,) if self.answer.reference else ()

    async def run(self, request: Request) -> Reply:
        until = await self._until(request)
        if isinstance(until, Reply):
            return until
        terms = Terms(
            until=until,
            snoozed=self.word == SNOOZE,
            takes_over=self.word == TAKE_OVER,
            remark=self.answer.remark,
        )
        return await (self._of_group(request, terms) if self.answer.group else self._of_one(request, terms))

    async def _until(self, request: Request) -> datetime | Reply | None:
        """The end of the promise or snooze, or the refusal of it."""
        if self.answer.until is None:
            return None
        now = request.services.requests.acknowledgements.now
        until = self.answer.until.resolve(now, await request.services.permissions.facts.zone(request.asker.user))
        if now < until <= now + LONGEST_SNOOZE:
            return until
        reason = f"Name a time in the future, within {LONGEST_SNOOZE.days} days. Nothing was changed."
        return request.refused(RefusalAnswer(reason=reason, command=f"help {self.word}"))

    async def _of_one(self, request: Request, terms: Terms) -> Reply:
        services, channel = request.services, request.asker.channel
        pipeline = await services.requests.references.only(self.answer.reference, channel, request.names)
        if isinstance(pipeline, NotOnePipeline):
            return Reply(blocks=unresolved(pipeline.unresolved, self.word, services.render_context))
        key = services.requests.acknowledgements.open_failure_in(channel, pipeline.id)
        if key is None and (note := services.requests.acknowledgements.held_back_in(channel, pipeline)):
            name = outside(pipeline.name)
            reason = (
                f"*{name}* needs somebody, but it has no card here yet: {silence_words(note)}. Nothing was changed."
            )
            hint = f"To {self.word} it, end that first. Its card comes at once."
            return request.refused(RefusalAnswer(reason=reason, hint=hint, command=ending_command(note)))
        if key is None:
            return request.refused(
                RefusalAnswer(
                    reason=f"*{outside(pipeline.name)}* has no open failure here. Nothing was changed.",
                    command=f"status {quoted(pipeline.name) if can_be_typed(pipeline.name) else pipeline.id}",
                )
            )
        card = await services.requests.acknowledgements.card(key)
        if card is None or not card.episode.answerable:
            return await stale_reply(channel, key, request)
        if self.word == RESOLVE:
            return ask_to_resolve(card, self.answer.remark)
        if self.word == SNOOZE and terms.until is None:
            return ask_how_long_to_snooze(card)
        return await answer_card(channel, pipeline.id, key, request, terms)

    async def _of_group(self, request: Request, terms: Terms) -> Reply:
        channel, group = request.asker.channel, self.answer.group
        if not await request.services.requests.acknowledgements.holds_group(channel, group):
            return request.refused(WRONG_CONVERSATION)
        if self.word == RESOLVE:
            return await ask_to_resolve_all(channel, group, request, self.answer.remark)
        if self.word == SNOOZE and terms.until is None:
            menu = actions(f"{group}-snooze", group_snooze_menu(group))
            return Reply(blocks=[section("For how long should I stop paging for all of them?"), *menu])
        return await answer_group(channel, group, request, terms)


def _parser(word: str) -> Callable[[CommandText], Command]:
    def parse(command_text: CommandText) -> Command:
        answer = read_answer(command_text, word)
        if word == RESOLVE and answer.until:
            reason = "`resolve` ends the paging for good, so it takes no time. Nothing was changed. For a time"
            if answer.group:
                raise ParseError(f"{reason}, type `snooze all 1h` in this thread.", "help resolve")
            raise ParseError(f"{reason}:", f"snooze {quoted(answer.reference)} 1h", "help resolve")
        return AnswerCommand(word, answer)

    return parse


_TERMS = (
    "A time is `20m`, `for 2h` or `until 15:00`, in your time zone, at most 7 days ahead.",
    f"A remark has up to {LONGEST_WHY} characters, in quotes or after *because*. The card shows it.",
    "In the thread of a card, you need not name the pipeline. In the thread of a group, `all` means all of it.",
)
_HELP = {
    ACK: HelpPage(
        overview=("`{c} ack orders-eu` — say that you look at its failure, so that others need not",),
        topic=(
            '*`{c} ack PIPELINE [for 20m] ["looking"]`* — acknowledge its open failure, as its card does.',
            "With a time you promise to be back: if it still needs somebody then, I page again. Without one, I don't.",
            *_TERMS,
            "`acknowledge` works too. `takeover`, `snooze` and `resolve` do what the card's other buttons do.",
        ),
    ),
    SNOOZE: HelpPage(
        overview=("`{c} snooze orders-eu 1h` — stop its paging until then, then page again",),
        topic=(
            '*`{c} snooze PIPELINE [for 1h | until 09:00] ["why"]`* — nobody is paged until then.',
            "Without a time, I ask. If somebody else has the failure, it stays theirs; `takeover` moves it to you.",
            *_TERMS,
        ),
    ),
    TAKE_OVER: HelpPage(
        overview=(
            "`{c} takeover orders-eu` — take its failure from somebody; `{c} resolve orders-eu` ends its paging",
        ),
        topic=(
            '*`{c} takeover PIPELINE [for 20m] ["why"]`* — the acknowledgement moves to you. `take over` works too.',
            *_TERMS,
        ),
    ),
    RESOLVE: HelpPage(
        topic=(
            '*`{c} resolve PIPELINE ["why"]`* — end the paging for its open failure, even if it stays FAILED.',
            "I ask first, because nobody can take it back. The card stays up to date. The next failure pages again.",
            *_TERMS[1:],
        ),
    ),
}
_ALIASES = {ACK: ("acknowledge",)}

FEATURE = Feature(
    commands=tuple(
        CommandWord(
            name=word,
            aliases=_ALIASES.get(word, ()),
            parse=_parser(word),
            takes_names=True,
            in_thread=True,
            takes_sentence=True,
            takes_time=True,
            takes_group=True,
            changes=word != RESOLVE,
            help_order=9,
            help=page,
        )
        for word, page in _HELP.items()
    )
)
