"""The help texts. Each command defines its own page. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.watch import ChannelId
from bot.slack.render.blocks import Block, sections
from bot.slack.render.phrases import is_direct

_INTRO = "*I watch GoldRush pipelines*, post their status changes here, and page someone when one fails."
_SHORT = (
    "I watch GoldRush pipelines. Ask me for example:",
    "`status orders-eu` · `list` · `watch orders-eu` · `watches`",
    "`help` shows everything that I can do.",
)
_TO_ONE_READER = {
    "this channel's": "your",
    "what this channel watches": "what you watch",
    "all pipelines of this channel": "all your pipelines",
}
_MORE = "More: `{c} help watch`, `{c} help status` …"


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpPage:
    """The help on one command. In both texts, `{c}` is the slash command."""

    overview: tuple[str, ...] = ()
    """The command's lines in the list of all commands."""
    topic: tuple[str, ...] = ()
    """The lines of `help COMMAND`."""


def help_blocks(
    topic: str | None, pages: Mapping[str, HelpPage], command: str, channel: ChannelId | None = None
) -> list[Block]:
    """In a direct message, the reader is the one who watches."""
    lines = help_lines(topic, pages, command)
    return sections([_to_one_reader(line) for line in lines] if is_direct(channel) else lines)


def _to_one_reader(line: str) -> str:
    for words, instead in _TO_ONE_READER.items():
        line = line.replace(words, instead)
    return line


def short_help_blocks() -> list[Block]:
    return sections(_SHORT)


def help_lines(topic: str | None, pages: Mapping[str, HelpPage], command: str) -> list[str]:
    """`pages` by command, in the order of the list."""
    page = pages.get(topic or "")
    lines = page.topic if page else ()
    overview = (_INTRO, *(line for page in pages.values() for line in page.overview), _MORE)
    return [line.replace("{c}", command) for line in lines or overview]
