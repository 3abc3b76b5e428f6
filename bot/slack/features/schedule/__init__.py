"""The command `schedule`, typed or filled in as a form: rotations, calendars, and what follows a schedule."""

from bot.slack.feature import Button, CommandWord, Feature
from bot.slack.features.schedule.command import ShowScheduleCommand, parse_schedule
from bot.slack.features.schedule.form import CALLBACK_ID, open_schedule_form, submit_schedule_form
from bot.slack.features.schedule.replies import editor_of, reply_of
from bot.slack.grammar.schedule_words import EXAMPLE
from bot.slack.render import action_ids
from bot.slack.render.help import HelpPage

__all__ = ["FEATURE", "ShowScheduleCommand", "editor_of", "reply_of"]

_HELP = HelpPage(
    overview=("`{c} schedule` — who takes turns on call",),
    topic=(
        f"*`{{c}} {EXAMPLE}`* — Ann and Bob take turns of a week.",
        "Also `every 2 days`, `every day`, `every 2 weeks`, `from 2026-12-07`. Without a time zone, yours counts.",
        "`{c} schedule data = calendar https://…` follows a calendar in iCalendar format. Its address stays secret.",
        "Don't type that as a mention: everyone in the channel could read the address.",
        "`{c} schedule data channel #data-alerts` posts handovers and problems there too. `none` ends it.",
        "`{c} schedule data group @data-oncall` keeps that user group equal to the people on call. `none` ends it.",
        "`{c} schedule` lists all, and opens a form. `{c} schedule data` shows one.",
        "`{c} schedule remove data` removes it.",
        "`{c} watch orders-* page oncall:data` pages the person on call.",
        "I show the effect before I save it. An edit keeps the turn of the person on call.",
    ),
)

FEATURE = Feature(
    commands=(
        CommandWord(
            name="schedule",
            parse=parse_schedule,
            changes=True,
            verbatim=True,
            help_order=13,
            help=_HELP,
        ),
    ),
    buttons={
        action_ids.OPEN_SCHEDULE_FORM: Button(press=open_schedule_form, changes=False, opens=True),
        action_ids.EDIT_SCHEDULE: Button(press=open_schedule_form, changes=False, opens=True),
    },
    modals={CALLBACK_ID: submit_schedule_form},
)
