"""Buttons that only open an address. Slack still reports the click, and expects an acknowledgement."""

from bot.slack.feature import Button, Feature
from bot.slack.render import action_ids

FEATURE = Feature(buttons={action_ids.LINK: Button(press=None)})
