"""The command `audit`: who changed what, when, and from what to what. Shows only what the person may see."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.domain.audit import AuditEntry
from bot.domain.catalogue import Pipeline, is_pattern
from bot.domain.names import AmbiguousReference, ResolvedReference, resolve
from bot.domain.watch import ChannelId, TargetKind, UserId
from bot.requests.audit_log import AuditAnswer, AuditSearch
from bot.slack.feature import Command, CommandWord, Feature, Reply, Request
from bot.slack.grammar.clauses import target_of
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.tokens import typed
from bot.slack.mrkdwn import code, date, outside, outside_with_times
from bot.slack.render import phrases
from bot.slack.render.blocks import Block, context, section, sections
from bot.slack.render.help import HelpPage
from bot.slack.render.pagination import PAGE_SIZE, answer_buttons
from bot.slack.render.rows import unresolved
from bot.slack.render.saved_question import SavedQuestion

MOST_CHANNELS = 20
"""Channels that one question checks: each costs two calls to Slack."""
VALUE_SHOWN = 120
_CHANNEL = re.compile(r"(?<=; channel )([CG][A-Z0-9]+)\b")  # as in `SavedSchedule.audit_text`

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AuditCommand(Command):
    """A parsed `audit`. Without words: this channel's changes and the workspace's. With words: a search."""

    words: tuple[str, ...] = ()
    by: UserId | None = None
    by_asker: bool = False
    people: tuple[str, ...] = ()
    """The names typed after @. They are among the words too."""

    @property
    def repeatable(self) -> bool:
        return True

    @property
    def shows_watches(self) -> bool:
        return True

    async def run(self, request: Request) -> Reply:
        asker = request.asker
        if refusal := await request.services.permissions.to_see(asker, asker.channel):
            return request.refused(refusal)
        search = AuditSearch(
            words=self.words,
            by=asker.user if self.by_asker else self.by,
            pipelines=self._pipelines(request),
        )
        searches = bool(self.words or self.by or self.by_asker) and not request.question.shared
        may_see = _checked(request) if searches else _only(asker.channel)
        most = request.question.page * PAGE_SIZE + 1
        answer = await request.services.requests.audit_log.find(search, may_see, most)
        blocks = audit_blocks(answer, request.question, asker.channel, searches=searches)
        if not answer.entries:
            blocks += await self._unknown_names(request)
        return Reply(blocks=blocks, in_channel=request.question.shared)

    async def _unknown_names(self, request: Request) -> list[Block]:
        """Names that may be typing errors. A name in the log needs no check: it may be of a pipeline that is gone."""
        services = request.services
        blocks: list[Block] = []
        for person in self.people:
            found = await services.directory.named(person)
            if not found.matches.entries and found.gap is None:
                hint = "Pick the name from the list that Slack offers after @."
                blocks.append(section(f"No person of this workspace is called *@{outside(person)}*. {hint}"))
        name = " ".join(word for word in self.words if word not in self.people)
        if name and not is_pattern(name):
            found_names = await services.requests.references.resolve([name], request.asker.channel, names=request.names)
            near = [it for it in found_names.unresolved if isinstance(it, AmbiguousReference) or it.nearest]
            blocks += unresolved(near, "audit", services.render_context)
        return blocks

    def _pipelines(self, request: Request) -> tuple[Pipeline, ...]:
        name = " ".join(self.words)
        if not name or is_pattern(name):
            return ()
        names = request.names or request.services.requests.references.names(request.asker.channel)
        found = resolve(name, names, suggest=False)
        return found.pipelines if isinstance(found, ResolvedReference) else ()


def _only(channel: ChannelId) -> Callable[[ChannelId], Awaitable[bool]]:
    async def may_see(other: ChannelId) -> bool:
        return other == channel

    return may_see


def _checked(request: Request) -> Callable[[ChannelId], Awaitable[bool]]:
    """Asks Slack about each channel, up to a limit. The person's own direct messages are theirs, others are not."""
    asker, permissions, checked = request.asker, request.services.permissions, set[ChannelId]()

    async def may_see(channel: ChannelId) -> bool:
        if channel == asker.channel:
            return True
        if phrases.is_direct(channel) or len(checked) >= MOST_CHANNELS:
            return False
        checked.add(channel)
        return await permissions.denial_to_see(asker, channel) is None

    return may_see


def _parse(command_text: CommandText) -> Command:
    words, by, by_asker = list[str](), None, False
    people: list[str] = []
    for word in command_text.words:
        target = None if word.quoted and not word.picked else target_of(word.text, picked=word.picked)
        if target and target.kind is TargetKind.USER and target.id:
            by = UserId(target.id)
        elif target and target.kind is TargetKind.USER and target.me:
            by_asker = True
        else:
            parts = [part for part in typed(word.text).lstrip("@").split() if part]
            words += parts
            people += parts if target and target.kind is TargetKind.USER else []
    return AuditCommand(tuple(words), by, by_asker, tuple(people))


# --- render ----------------------------------------------------------------------------------------------------------


def audit_blocks(answer: AuditAnswer, question: SavedQuestion, channel: ChannelId, *, searches: bool) -> list[Block]:
    first = (question.page - 1) * PAGE_SIZE
    shown = answer.entries[first : first + PAGE_SIZE]
    scope = "that you may see" if searches else "of this channel and of the workspace"
    if not shown:
        return [section(f"I found no changes {scope}. I keep them for 90 days.")]
    blocks = sections([f"*Changes {scope}*, latest first", *(entry_line(entry, channel) for entry in shown)])
    if not answer.complete:
        blocks += context("There are more changes than I read at once. Search for fewer words, a name or a person.")
    return [*blocks, *answer_buttons(question, len(answer.entries), "")]


def entry_line(entry: AuditEntry, here: ChannelId) -> str:
    by = phrases.person(entry.by_name) if entry.by or entry.by_name else "The bot"
    elsewhere = entry.channel is not None and entry.channel != here
    where = f" in {phrases.conversation(entry.channel, 'their')}" if entry.channel and elsewhere else ""
    subject = entry.subject.replace("_", " ")
    name = code(entry.label) if is_pattern(entry.reference) else f"*{outside(entry.label)}*"
    return f"• {date(entry.at)} · {by} {_verb(entry)} {subject} {name}{where}{_values(entry)}"


def _verb(entry: AuditEntry) -> str:
    if not entry.before:
        return "added"
    return "changed" if entry.after else "removed"


def _values(entry: AuditEntry) -> str:
    values: Sequence[str] = [_value(value) for value in (entry.before, entry.after) if value]
    return f": {' → '.join(values)}" if values else ""


def _value(text: str) -> str:
    """As code, since people type most values. A value with a time or a channel is plain text: code shows neither."""
    shown = _CHANNEL.sub(r"<#\1>", outside_with_times(text, VALUE_SHOWN))
    return shown if "<!date^" in shown or "<#" in shown else code(text, VALUE_SHOWN)


_HELP = HelpPage(
    overview=("`{c} audit` — who changed what, latest first",),
    topic=(
        "*`{c} audit [PIPELINE | @user | WORDS]`* — who changed watches, notes, policies and schedules, and how.",
        "Also who acknowledged, snoozed or took over a failure, and who ended its paging.",
        "I keep that for 90 days.",
        "Without words: the changes of this channel and of the workspace.",
        "With words: all changes that you may see. You see a channel's changes if you may see its watches.",
    ),
)

FEATURE = Feature(commands=(CommandWord(name="audit", parse=_parse, help_order=20, help=_HELP),))
