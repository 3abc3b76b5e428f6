"""The command `policy`, typed or filled in as a form: who is paged, in which order, until somebody answers."""

from bot.slack.feature import Button, CommandWord, Feature
from bot.slack.features.policy.command import parse_policy, refuse_spaced_name, without_equals
from bot.slack.features.policy.form import CALLBACK_ID, open_policy_form, submit_policy_form
from bot.slack.grammar.policy_words import EXAMPLE
from bot.slack.render import action_ids
from bot.slack.render.help import HelpPage

__all__ = ["FEATURE", "refuse_spaced_name", "without_equals"]

_HELP = HelpPage(
    overview=("`{c} policy` — who is paged, in which order, until somebody answers",),
    topic=(
        f"*`{{c}} {EXAMPLE}`* — page Ann; after 5 min without an answer the person on call; and so on.",
        "A step names `@person`, `@usergroup`, `here`, `channel`, `owner`, `oncall:SCHEDULE` or `pager:NAME`.",
        "`repeat 2` begins again twice. `last pager:ops` comes after all rounds. I show the effect before I save it.",
        "`{c} policy` (`policies` too) lists all, and opens a form. `{c} policy data` shows who it would reach now.",
        "`{c} policy remove data` removes it.",
        "`{c} watch orders-* page policy:data` uses it.",
        "`{c} policy default data` uses it for this channel's watches without targets.",
        "`{c} policy default data in workspace`: for all channels. `{c} policy default data operator`: for my trouble.",
    ),
)

FEATURE = Feature(
    commands=(
        CommandWord(
            name="policy",
            parse=parse_policy,
            aliases=("policies",),
            changes=True,
            help_order=12,
            help=_HELP,
        ),
    ),
    buttons={
        action_ids.OPEN_POLICY_FORM: Button(press=open_policy_form, changes=False, opens=True),
        action_ids.EDIT_POLICY: Button(press=open_policy_form, changes=False, opens=True),
    },
    modals={CALLBACK_ID: submit_policy_form},
)
