"""`watch`: subscribes a channel to pipelines and patterns."""

from bot.domain.transition import SELECTABLE
from bot.slack.feature import CommandWord, Feature
from bot.slack.features.watch.command import parse_watch
from bot.slack.render.help import HelpPage

_EVENTS = ", ".join(event.value for event in SELECTABLE)

_HELP = HelpPage(
    overview=(
        "`{c} watch orders-eu page me` — tell this channel, and page you when it FAILS; `page @ann` pages Ann",
        '`{c} watch "Base Swaps to Postgres" on failed,recovered` — only of these',
        "`{c} watch orders-*` — a pattern takes in later ones too; so does `project:shop`",
    ),
    topic=(
        "*`{c} watch PIPELINE … [on EVENT,…] [page TARGET …] [in #channel]`*",
        "PIPELINE: a name, an id, or a pattern such as `orders-*` or `project:shop`.",
        f"EVENT: {_EVENTS}, or all (if nothing is said).",
        "TARGET: `me`, `@person`, `@usergroup`, `here`, `channel`. They are paged when it FAILS, whatever *on* says.",
        "Example: `{c} watch orders-* on failed,degraded,recovered page @data-oncall in #data-alerts`",
        "Watching again changes filter and targets. `subscribe` says the same.",
    ),
)

FEATURE = Feature(
    commands=(
        CommandWord(
            name="watch",
            parse=parse_watch,
            aliases=("subscribe",),
            takes_names=True,
            changes=True,
            place=3,
            help=_HELP,
        ),
    )
)
