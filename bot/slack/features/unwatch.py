"""The command `unwatch`, and the *Unwatch* button of a card: both remove watches of a channel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.domain.answer import RefusalAnswer, UnwatchAnswer
from bot.domain.watch import ChannelId, Watch
from bot.slack.channels import channel_to_change
from bot.slack.click import Click
from bot.slack.feature import Button, Command, CommandWord, ConfirmableChange, Feature, Reply, Request
from bot.slack.features.acknowledge import WRONG_CONVERSATION
from bot.slack.grammar.clause_reader import ClauseReader
from bot.slack.grammar.clauses import EVENTS, ChannelWord, ClauseKind, watches_in
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.drafts import Draft, channel_in, refuse_mistakes
from bot.slack.grammar.tokens import EVERYTHING, ParseError, quoted, typed
from bot.slack.mrkdwn import code, escape, outside
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import Block, sections
from bot.slack.render.change_buttons import UNCHANGED, WATCHES_SHOWN, answer_undo_blocks, confirm_blocks
from bot.slack.render.help import HelpPage
from bot.slack.render.notices import unwatched_failures
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import unresolved

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnwatchCommand(ConfirmableChange):
    """A parsed `unwatch`."""

    references: tuple[str, ...] | None
    """The pipelines and patterns, as typed. None for every watch of the channel."""
    channel: ChannelWord | None = None

    @property
    def check(self) -> str:
        return watches_in(self.channel)

    @property
    def pipelines(self) -> Sequence[str]:
        return self.references or ()

    async def run(self, request: Request) -> Reply:
        services, asker = request.services, request.asker
        channel = await channel_to_change(self.channel, asker, services.directory, services.permissions)
        if isinstance(channel, RefusalAnswer):
            return request.refused(channel)
        name = await services.permissions.name(asker)
        answer = await services.requests.subscriptions.unwatch(
            channel, self.references, asker.user, name, names=request.names
        )
        return _reply(answer, request)


def _parse(command_text: CommandText) -> Command:
    draft = ClauseReader(command_text.text, command_text.names, ("in",)).read(command_text.words)
    if not draft.names and not draft.all:
        raise ParseError("Which pipeline should I stop watching? Nothing was changed.", "watches", "help unwatch")
    if len(draft.names) == 1 and _means_all(draft.names[0].lower(), command_text):
        right = replace(draft, all=True, names=[]).command("unwatch")
        raise ParseError("To remove every watch, type *all*. Nothing was changed.", right, "unwatch all")
    _refuse_half(draft)
    refuse_mistakes(draft, "unwatch", command_text, "help unwatch")
    channel = channel_in(draft, "unwatch orders-eu in #data-alerts")
    if draft.all and draft.names:
        named = replace(draft, all=False)
        message = "*all* removes every watch of the channel, so it can't take a pipeline. Nothing was changed."
        raise ParseError(message, named.command("unwatch"))
    return UnwatchCommand(None if draft.all else tuple(dict.fromkeys(draft.names)), channel)


def _means_all(name: str, command_text: CommandText) -> bool:
    """True for a word like *everything*, unless it is quoted or a pipeline's name."""
    typed_plainly = any(word.lower == name for word in command_text.words)
    return name in EVERYTHING and typed_plainly and not command_text.names.with_name(name)


def _refuse_half(draft: Draft) -> None:
    """Refuses events and targets, because `unwatch` removes a whole watch. Suggests a `watch` that changes them."""
    named = " ".join(quoted(name) for name in draft.names) or "orders-eu"
    in_channel = "".join(f" in {item.corrected}" for item in draft.items(ClauseKind.CHANNEL)[:1])
    if targets := draft.items(ClauseKind.TARGET):
        raise ParseError(
            f"`unwatch` removes a whole watch, so it can't take “{outside(typed(targets[0].text))}”. Nothing was "
            "changed. To page nobody:",
            f"watch {named} page none{in_channel}",
        )
    if events := draft.items(ClauseKind.EVENT):
        remaining = [event for event in EVENTS if event not in {item.corrected for item in events}]
        raise ParseError(
            f"`unwatch` removes a whole watch, so it can't take “{outside(events[0].text)}”. Nothing was changed. To "
            "watch the other events only:",
            f"watch {named} on {','.join(remaining)}{in_channel}" if remaining and draft.correctable else "",
            "help watch",
        )


# --- press -----------------------------------------------------------------------------------------------------------


async def press_unwatch(click: Click, request: Request) -> Reply:
    services, asker, card = request.services, request.asker, click.text("card")
    if card and not await services.requests.acknowledgements.holds(click.channel, [card]):
        return request.refused(WRONG_CONVERSATION)
    if refusal := await services.permissions.to_change(asker, click.channel):
        return request.refused(refusal)
    name = await services.permissions.name(asker)
    answer = await services.requests.subscriptions.unwatch(click.channel, [click.text("pipeline")], click.user, name)
    return _reply(answer, request)


# --- render ----------------------------------------------------------------------------------------------------------


def _reply(answer: UnwatchAnswer, request: Request) -> Reply:
    text, render_context = request.question.text, request.services.render_context
    return Reply(blocks=unwatch_blocks(answer, text, render_context, complete=request.names_pipelines))


def unwatch_blocks(
    answer: UnwatchAnswer, text: str, render_context: RenderContext, *, complete: Callable[[str], bool]
) -> list[Block]:
    if answer.unresolved:
        return unresolved(answer.unresolved, "unwatch", render_context, text, complete)
    if answer.would_end:
        return _would_end(answer, render_context)
    who, direct = phrases.watcher(answer.channel), phrases.is_direct(answer.channel)
    no_longer = "no longer watch" if direct else "no longer watches"
    lines = [f":no_bell: {who} {no_longer} {phrases.watch_words(watch)}" for watch in answer.removed]
    does_not = "don't watch" if direct else "doesn't watch"
    lines += [f"{who} {does_not} *{outside(name)}*. Nothing was changed there." for name in answer.not_watched]
    still = f"{who} still {phrases.watches_verb(answer.channel)}"
    shown = answer.still_watched[:WATCHES_SHOWN]
    lines += [
        f"{still} {phrases.watch_words(watch)}. To stop that: {_to_end([watch], render_context)}" for watch in shown
    ]
    if len(answer.still_watched) > len(shown):
        lines.append(f"… and {len(answer.still_watched) - len(shown):,} more stay")
    if answer.failing:
        lines.append(unwatched_failures(answer.failing, who))
    undo = answer_undo_blocks(answer.undo, answer.channel)
    if answer.still_covered_by:
        return [*sections(lines), *_still_covered(answer, render_context), *undo]
    nothing = f"{who} {phrases.watches_verb(answer.channel)} nothing. {UNCHANGED}"
    return [*sections(lines or [nothing]), *undo]


def _would_end(answer: UnwatchAnswer, render_context: RenderContext) -> list[Block]:
    """The watches that match a pattern, and the command that ends them."""
    number = len(answer.would_end)
    watches = "1 watch" if number == 1 else f"{number:,} watches"
    who, no = phrases.watcher(answer.channel), "have" if phrases.is_direct(answer.channel) else "has"
    lines = [f"{who} {no} no watch on that pattern. Nothing was changed. It matches {watches}:"]
    shown = answer.would_end[:WATCHES_SHOWN]
    lines += [f"• {phrases.watch_words(watch)}: {_to_end([watch], render_context)}" for watch in shown]
    if number > len(shown):
        lines.append(f"… and {number - len(shown):,} more")
    ends = "Remove this watch" if number == 1 else f"Remove these {number:,} watches"
    return [*sections(lines), *confirm_blocks(ends, _unwatch_command(answer.would_end, answer.channel), answer.at)]


def _still_covered(answer: UnwatchAnswer, render_context: RenderContext) -> list[Block]:
    """Patterns that still watch the pipelines, and the command that ends these patterns."""
    covering, who = answer.still_covered_by, phrases.watcher(answer.channel)
    named = ", ".join(f"*{outside(name)}*" for name in answer.covered)
    verb = f"{'still ' if answer.removed else ''}{phrases.watches_verb(answer.channel)}"
    patterns = ", ".join(code(watch.reference) for watch in covering)
    noun = "the pattern" if len(covering) == 1 else "the patterns"
    lines = [f"{who} {verb} {named} through {noun} {patterns}. That stays. Stop watching {noun}?"]
    lines += [f"• {phrases.watch_words(watch)}: {_to_end([watch], render_context)}" for watch in covering]
    ends = f"Unwatch {covering[0].reference}" if len(covering) == 1 else f"Unwatch {len(covering):,} patterns"
    return [*sections(lines), *confirm_blocks(ends, _unwatch_command(covering, answer.channel), answer.at)]


def _to_end(watches: Sequence[Watch], render_context: RenderContext) -> str:
    named = " ".join(phrases.watch_name(watch) for watch in watches)
    return code(f"{render_context.command} unwatch {named}", 150)


def _unwatch_command(watches: Sequence[Watch], channel: ChannelId) -> str:
    """Names pipelines by id, so that a rename doesn't change which watch ends."""
    named = " ".join(escape(quoted(watch.reference)) for watch in watches)
    in_channel = "" if phrases.is_direct(channel) else f" in {phrases.conversation(channel, 'your')}"
    return f"unwatch {named}{in_channel}"


_HELP = HelpPage(
    overview=("`{c} unwatch orders-eu` — stop watching; `{c} unwatch all` stops watching everything",),
    topic=(
        "*`{c} unwatch PIPELINE … | all [in #channel]`* — stop watching: no more updates, no more pages.",
        "`unsubscribe` works too.",
    ),
)

FEATURE = Feature(
    commands=(
        CommandWord(
            name="unwatch",
            parse=_parse,
            aliases=("unsubscribe",),
            takes_names=True,
            changes=True,
            help_order=4,
            help=_HELP,
        ),
    ),
    buttons={action_ids.UNWATCH: Button(press=press_unwatch)},
)
