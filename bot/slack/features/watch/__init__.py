"""The command `watch`, typed or filled in as a form: subscribes a channel to pipelines and patterns."""

from bot.domain.transition import SELECTABLE
from bot.slack.feature import Button, CommandWord, Feature
from bot.slack.features.watch.command import parse_watch
from bot.slack.features.watch.form import CALLBACK_ID, open_form, submit_form
from bot.slack.render import action_ids
from bot.slack.render.help import HelpPage

_EVENTS = ", ".join(event.value for event in SELECTABLE)

_HELP = HelpPage(
    overview=(
        "`{c} watch orders-eu page me` — post here, and page you when it fails; `page @ann` pages Ann",
        '`{c} watch "Base Swaps to Postgres" on failed,recovered` — post only these events',
        "`{c} watch orders-*` — every pipeline that matches, new ones too; `project:shop` works as well",
    ),
    topic=(
        "*`{c} watch PIPELINE … [on EVENT,…] [page TARGET …] [confirm N] [in #channel]`* — post changes, page people.",
        "PIPELINE: a name, an id, or a pattern such as `orders-*` or `project:shop`.",
        f"EVENT: {_EVENTS}, or all (the default). `lagging:1h` means from one hour behind on.",
        "TARGET: `me`, `@person`, `@usergroup`, `here`, `channel`. I page them on failure, whatever *on* says.",
        "To page them for other events instead: `page @ann for lagging:5m,stuck`. Name *failed* too to keep it.",
        "N: how many readings in a row must show a failure before I alert, 1 to 5.",
        "Example: `{c} watch orders-* on failed,degraded,recovered page @data-oncall in #data-alerts`",
        "To change a watch, type it again: parts that you leave out stay. `subscribe` works too.",
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
            help_order=3,
            help=_HELP,
        ),
    ),
    buttons={action_ids.OPEN_WATCH_FORM: Button(press=open_form, changes=False, opens=True)},
    modals={CALLBACK_ID: submit_form},
)
