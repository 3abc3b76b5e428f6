"""The commands `mute` and `unmute`, and the button that asks how long to mute a card's pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from bot.domain.answer import RefusalAnswer
from bot.domain.setup import SetupKind
from bot.domain.silence import LONGEST_MUTE, LONGEST_UNTIL_LIVE, LONGEST_WHY
from bot.domain.silence_answer import Author, MuteWish, SilenceAnswer
from bot.slack.channels import channel_to_change
from bot.slack.click import Click
from bot.slack.feature import Button, Command, CommandWord, ConfirmableChange, Feature, Reply, Request, example_pipeline
from bot.slack.features.confirm import run_confirmed
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.references import references_in
from bot.slack.grammar.silence_times import FOR_EVER, MuteTime, read_mute_time
from bot.slack.grammar.silences import moment_in, read_references, read_silence
from bot.slack.grammar.time_first import refuse_time_first
from bot.slack.grammar.tokens import ALL, EVERYTHING, ParseError
from bot.slack.mrkdwn import outside
from bot.slack.render import action_ids
from bot.slack.render.help import HelpPage
from bot.slack.render.silence_answers import ask_how_long, silence_blocks, silences_blocks
from bot.slack.render.silence_words import typed_reference

_EXAMPLE = "mute orders-eu for 2h"

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MuteCommand(Command):
    """A parsed `mute`. Without a time, the answer asks for one."""

    references: tuple[str, ...]
    time: MuteTime | None = None
    zone: str = ""
    why: str = ""

    @property
    def changes(self) -> bool:
        return self.time is not None

    @property
    def check(self) -> str:
        return "mute"

    @property
    def confirmable(self) -> bool:
        return self.time is not None

    @property
    def pipelines(self) -> Sequence[str]:
        return self.references

    async def run(self, request: Request) -> Reply:
        author = await author_of(request, self.zone)
        if isinstance(author, RefusalAnswer):
            return request.refused(author)
        mutes = request.services.requests.mutes
        if self.time is None:
            return await _ask(author, self.references, request, self.why)
        wish = MuteWish(until=self.time.until, live_for=self.time.live_for, why=self.why)
        return silence_reply(await mutes.mute(author, self.references, wish, names=request.names), "mute", request)


@dataclass(frozen=True, slots=True)
class UnmuteCommand(ConfirmableChange):
    """A parsed `unmute`. `references` None: all mutes of the channel."""

    references: tuple[str, ...] | None

    @property
    def check(self) -> str:
        return "mute"

    @property
    def pipelines(self) -> Sequence[str]:
        return self.references or ()

    async def run(self, request: Request) -> Reply:
        author = await author_of(request)
        if isinstance(author, RefusalAnswer):
            return request.refused(author)
        answer = await request.services.requests.mutes.unmute(author, self.references, names=request.names)
        return silence_reply(answer, "unmute", request)


@dataclass(frozen=True, slots=True)
class ListSilences(Command):
    """Lists the channel's silences: all, or those of one kind."""

    kinds: tuple[SetupKind, ...]

    @property
    def shows_watches(self) -> bool:
        return True

    async def run(self, request: Request) -> Reply:
        if refusal := await request.services.permissions.to_see(request.asker, request.asker.channel):
            return request.refused(refusal)
        answer = request.services.requests.mutes.listed(request.asker.channel)
        name = example_pipeline(request)
        return Reply(blocks=silences_blocks(answer, request.services.render_context, self.kinds, name))


async def author_of(request: Request, zone: str = "") -> Author | RefusalAnswer:
    """The person and the channel, after the permission checks. `zone`: the typed one, instead of the person's own."""
    services, asker = request.services, request.asker
    channel = await channel_to_change(None, asker, services.directory, services.permissions)
    if isinstance(channel, RefusalAnswer):
        return channel
    own = ZoneInfo(zone) if zone else await services.permissions.facts.zone(asker.user)
    return Author(channel=channel, by=asker.user, name=await services.permissions.name(asker), zone=own)


def silence_reply(answer: SilenceAnswer | RefusalAnswer, command: str, request: Request) -> Reply:
    if isinstance(answer, RefusalAnswer):
        return request.refused(answer)
    blocks = silence_blocks(
        answer, request.question.text, command, request.services.render_context, request.names_pipelines
    )
    return Reply(blocks=blocks)


def _parse_mute(command_text: CommandText) -> Command:
    if not command_text.words:
        return ListSilences((SetupKind.MUTE, SetupKind.MAINTENANCE, SetupKind.QUIET_HOURS))
    refuse_time_first(command_text, "mute")
    parts = read_silence(command_text, read_mute_time, _EXAMPLE)
    if not parts.references:
        raise ParseError("Which pipeline should I mute? Nothing was changed.", _EXAMPLE, "help mute")
    if FOR_EVER & {*parts.unread.lower().split()}:
        raise ParseError(
            f"A mute needs an end, at most in {LONGEST_MUTE.days} days. Nothing was changed. If nobody needs the "
            "messages, unwatch the pipeline.",
            f"mute {' '.join(map(typed_reference, parts.references))} for 2h",
            _EXAMPLE,
            "help mute",
        )
    if parts.unread:
        raise ParseError(
            f"I can't read the time in “{outside(parts.unread)}”. Nothing was changed. For example:",
            f"mute {' '.join(map(typed_reference, parts.references))} for 2h",
            _EXAMPLE,
        )
    names, moment = moment_in(parts.references) if parts.time is None else ([], "")
    if names and moment:
        raise ParseError(
            f"Put *until* before “{outside(moment)}”. Nothing was changed.",
            f"mute {' '.join(map(typed_reference, names))} until {moment}",
            _EXAMPLE,
        )
    return MuteCommand(parts.references, parts.time, parts.zone, parts.why)


def _parse_unmute(command_text: CommandText) -> Command:
    words = command_text.words
    if not words:
        return ListSilences((SetupKind.MUTE,))
    if len(words) == 1 and words[0].lower in {ALL, *EVERYTHING} and not command_text.names.with_name(words[0].lower):
        return UnmuteCommand(None)
    return UnmuteCommand(read_references(command_text, words) or tuple(references_in(command_text)))


# --- press -----------------------------------------------------------------------------------------------------------


async def _ask(author: Author, references: Sequence[str], request: Request, why: str = "") -> Reply:
    mutes = request.services.requests.mutes
    targets = await mutes.check(author.channel, references, names=request.names)
    if isinstance(targets, SilenceAnswer):
        return silence_reply(targets, "mute", request)
    wanted = {str(target.id) for target in targets}
    silences = mutes.listed(author.channel).silences
    current = [note for note in silences if note.kind is SetupKind.MUTE and note.reference in wanted]
    return Reply(blocks=ask_how_long(targets, why, mutes.now.isoformat(), current))


async def press_mute(click: Click, request: Request) -> Reply:
    """*Mute* on a card: asks for how long."""
    author = await author_of(request)
    if isinstance(author, RefusalAnswer):
        return request.refused(author)
    return await _ask(author, [click.text("pipeline")], request)


_MUTE_HELP = HelpPage(
    overview=("`{c} mute orders-eu for 2h` — hold back its messages here; `{c} unmute orders-eu` ends that",),
    topic=(
        "*`{c} mute PIPELINE … | channel [for 2h | until 09:00 | until live 30m] [because …]`*",
        "No messages about it come here, and nobody is paged from here. Without a time, I ask.",
        f"`until live 30m` ends once it has been live for 30 min, in any case after {LONGEST_UNTIL_LIVE.days} days.",
        "Clock times are in your time zone, or add `in Europe/Berlin`. `channel` means all that this channel watches.",
        f"A mute lasts {LONGEST_MUTE.days} days at most. A reason has up to {LONGEST_WHY} characters.",
        "`{c} mute` alone lists mutes, planned maintenance and quiet hours.",
        "Other channels still get everything. Answers show the true state. At the end I say what is wrong.",
    ),
)
_UNMUTE_HELP = HelpPage(
    topic=("*`{c} unmute PIPELINE … | channel | all`* — end mutes of this channel, and say what is wrong.",),
)
FEATURE = Feature(
    commands=(
        CommandWord(
            name="mute",
            parse=_parse_mute,
            takes_names=True,
            in_thread=True,
            takes_several=True,
            changes=True,
            help_order=13,
            help=_MUTE_HELP,
        ),
        CommandWord(
            name="unmute",
            parse=_parse_unmute,
            takes_names=True,
            in_thread=True,
            takes_several=True,
            changes=True,
            help_order=14,
            help=_UNMUTE_HELP,
        ),
    ),
    buttons={
        action_ids.MUTE: Button(press=press_mute, changes=False),
        action_ids.MUTE_1H: Button(press=run_confirmed),
        action_ids.MUTE_4H: Button(press=run_confirmed),
        action_ids.MUTE_MORNING: Button(press=run_confirmed),
    },
)
