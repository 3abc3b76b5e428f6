"""The command `follow-ups`: where a channel gets the end of a failure and later calls."""

from dataclasses import dataclass

from bot.domain.answer import RefusalAnswer
from bot.domain.follow_ups import FollowUpStyle
from bot.slack.channels import channel_to_change, channel_to_see
from bot.slack.feature import Command, CommandWord, Feature, Reply, Request
from bot.slack.grammar.clauses import ChannelWord, ClauseKind, channel_of, kind_of
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.tokens import ParseError
from bot.slack.mrkdwn import outside
from bot.slack.render.follow_ups import EFFECTS, follow_ups_blocks
from bot.slack.render.help import HelpPage


@dataclass(frozen=True, slots=True)
class ShowFollowUpsCommand(Command):
    """`follow-ups`: the channel's style."""

    channel: ChannelWord | None = None

    async def run(self, request: Request) -> Reply:
        services, asker = request.services, request.asker
        channel = await channel_to_see(self.channel, asker, services.directory, services.permissions)
        if isinstance(channel, RefusalAnswer):
            return request.refused(channel)
        style = services.requests.follow_ups.style(channel)
        return Reply(blocks=follow_ups_blocks(channel, style, None, services.render_context))


@dataclass(frozen=True, slots=True)
class FollowUpsCommand(Command):
    """`follow-ups STYLE`: changes the channel's style."""

    style: FollowUpStyle
    channel: ChannelWord | None = None

    @property
    def changes(self) -> bool:
        return True

    @property
    def check(self) -> str:
        return "follow-ups"

    async def run(self, request: Request) -> Reply:
        services, asker = request.services, request.asker
        channel = await channel_to_change(self.channel, asker, services.directory, services.permissions)
        if isinstance(channel, RefusalAnswer):
            return request.refused(channel)
        name = await services.permissions.name(asker)
        answer = await services.requests.follow_ups.set_style(channel, self.style, by=asker.user, by_name=name)
        return Reply(blocks=follow_ups_blocks(channel, answer.style, answer.before, services.render_context))


def _parse(command_text: CommandText) -> Command:
    words = [word for word in command_text.words if word.lower not in {"in", "to", "the"}]
    styles = {style.value: style for style in FollowUpStyle}
    style = styles.get(words[0].lower) if words else None
    rest = words[1:] if style else words
    channel = None
    if rest and kind_of(rest[0]) is ClauseKind.CHANNEL and rest[0].lower not in styles:
        channel, rest = channel_of(rest[0].text, picked=rest[0].picked), rest[1:]
    if rest:
        raise ParseError(
            f"“{outside(rest[0].text)}” is no style. Choose *thread*, *broadcast* or *channel*. Nothing was changed.",
            "follow-ups thread",
            "help follow-ups",
        )
    return FollowUpsCommand(style, channel) if style else ShowFollowUpsCommand(channel)


_HELP = HelpPage(
    overview=("`{c} follow-ups thread` — post the end of a failure and later calls only in its thread",),
    topic=(
        "*`{c} follow-ups thread | broadcast | channel [in #channel]`* — what follows a failure's card.",
        *(
            f"*{style}*{' (default)' if style is FollowUpStyle.BROADCAST else ''}: {EFFECTS[style]}"
            for style in EFFECTS
        ),
        "A call pings its people in each style. A call to `here` or `channel` appears in the channel in each style.",
        "`{c} follow-ups` shows the style. `followups` works too.",
    ),
)

FEATURE = Feature(
    commands=(
        CommandWord(
            name="follow-ups",
            parse=_parse,
            aliases=("followups",),
            changes=True,
            help_order=17,
            help=_HELP,
        ),
    )
)
