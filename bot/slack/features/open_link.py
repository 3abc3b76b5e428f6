"""Buttons that only open an address. Slack reports the click all the same, and wants it acknowledged."""

from bot.slack.feature import Button, Feature
from bot.slack.render import action_ids

FEATURE = Feature(buttons={action_ids.LINK: Button(press=None)})
