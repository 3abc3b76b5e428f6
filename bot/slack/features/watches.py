"""The command `watches`: what a channel watches, who added it, and who is paged."""

from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.answer import RefusalAnswer, WatchedView, WatchesAnswer
from bot.slack.channels import channel_to_see
from bot.slack.feature import Command, CommandWord, Feature, Reply, Request
from bot.slack.grammar.clauses import ChannelWord, ClauseKind, channel_of, kind_of
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.references import is_signed, references_in
from bot.slack.grammar.tokens import ALL, EVERYTHING, ParseError, Word, bare, quoted, typed
from bot.slack.mrkdwn import date, outside
from bot.slack.render import phrases
from bot.slack.render.blocks import Block, section, sections
from bot.slack.render.change_buttons import WATCHES_SHOWN
from bot.slack.render.follow_ups import follow_ups_line
from bot.slack.render.help import HelpPage
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import row_below_name, trying_again
from bot.slack.render.silence_answers import silence_lines

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WatchesCommand(Command):
    channel: ChannelWord | None = None

    async def run(self, request: Request) -> Reply:
        services, asker = request.services, request.asker
        channel = await channel_to_see(self.channel, asker, services.directory, services.permissions)
        if isinstance(channel, RefusalAnswer):
            return request.refused(channel)
        answer = await services.requests.queries.watches(channel)
        return Reply(blocks=watches_blocks(replace(answer, here=channel == asker.channel), services.render_context))


def _parse(command_text: CommandText) -> Command:
    words = command_text.words
    if words and words[0].means("in"):
        words = words[1:]
        if not words:
            raise ParseError("Name one channel after *in*. Nothing was changed.", "watches in #data-alerts")
    elif words and kind_of(words[0]) is ClauseKind.CHANNEL:
        raise ParseError("Put *in* before the channel. Nothing was changed.", f"watches in {_as_channel(words[0])}")
    elif words:
        names_none = any(is_signed(word) for word in words) or words[0].lower in {ALL, *EVERYTHING}
        named = [] if names_none else [quoted(reference) for reference in references_in(command_text)]
        suggestion = " ".join(["status", *named]) if named else ""
        raise ParseError(
            "`watches` takes no pipeline: it shows all watches of a channel. Nothing was changed.",
            suggestion,
            "watches",
        )
    if not words:
        return WatchesCommand()
    if len(words) > 1 or kind_of(words[0]) is not ClauseKind.CHANNEL:
        channels = [_as_channel(word) for word in words if kind_of(word) is ClauseKind.CHANNEL]
        channel = channels[0] if channels else f"#{bare(words[0].text)}"
        shown = next((word for word in words if kind_of(word) is not ClauseKind.CHANNEL), words[-1])
        if shown.means("here") and len(words) == 1:
            return WatchesCommand()
        raise ParseError(
            f"I couldn't find a channel in “{outside(typed(shown.text))}”: a channel begins with #. "
            "Nothing was changed.",
            f"watches in {channel}",
            "watches",
        )
    return WatchesCommand(channel_of(words[0].text, picked=words[0].picked))


def _as_channel(word: Word) -> str:
    return f"#{bare(word.text)}"


# --- render ----------------------------------------------------------------------------------------------------------


def watches_blocks(answer: WatchesAnswer, render_context: RenderContext) -> list[Block]:
    who, verb = phrases.watcher(answer.channel, here=answer.here), phrases.watches_verb(answer.channel)
    if not answer.watches:
        hint = (
            f"`{render_context.command} list` shows all pipelines, `{render_context.command} watch NAME` watches one."
        )
        where = " in your direct messages" if phrases.is_direct(answer.channel) else ""
        return [section(f"{who} {verb} nothing{where}. {hint}")]
    lines = [f"*{who} {verb}*{' · suspended' if answer.suspended else ''}"]
    if answer.suspended:
        lines.append(trying_again(answer.channel, answer.suspended, render_context))
    lines += [line for view in answer.watches[:WATCHES_SHOWN] for line in _watched(view, answer.at)]
    if len(answer.watches) > WATCHES_SHOWN:
        lines.append(f"… and {len(answer.watches) - WATCHES_SHOWN:,} more watches")
    lines += silence_lines(answer.silences, render_context)
    lines += [line for line in [follow_ups_line(answer.follow_ups)] if line]
    return sections(lines)


def _watched(view: WatchedView, now: datetime) -> list[str]:
    made = f"added by {phrases.person(view.watch.made_by_name)} on {date(view.watch.made_at, '{date_short}')}"
    head = f"• {phrases.watch_words(view.watch)} · {made}"
    if view.watch.pattern:
        return [f"{head} · {phrases.pipelines(len(view.covers))} now"]
    return [head, *(f"    {row_below_name(pipeline, now)}" for pipeline in view.covers)]


_HELP = HelpPage(
    overview=("`{c} watches` — what this channel watches, who added it, and who is paged",),
    topic=(
        "*`{c} watches [in #channel]`* — what a channel watches, who added it and when, and who is paged.",
        "`subscriptions` works too.",
    ),
)

FEATURE = Feature(
    commands=(
        CommandWord(
            name="watches",
            parse=_parse,
            aliases=("subscriptions",),
            help_order=5,
            help=_HELP,
        ),
    )
)
