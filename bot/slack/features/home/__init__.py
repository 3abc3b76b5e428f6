"""The Home tab: what has failed, what is the person's own, who is on call, what they watch, and what is muted."""

from bot.slack.feature import Button, Feature
from bot.slack.features.home.failures import failure_lines
from bot.slack.features.home.page import home
from bot.slack.features.home.press import acknowledge_here, press_refresh_home, take_over_here, unsilence_here
from bot.slack.render import action_ids

__all__ = ["FEATURE", "failure_lines"]

FEATURE = Feature(
    home=home,
    buttons={
        action_ids.REFRESH_HOME: Button(press=press_refresh_home, changes=False),
        action_ids.HOME_ACKNOWLEDGE: Button(press=acknowledge_here, acknowledges=True),
        action_ids.HOME_TAKE_OVER: Button(press=take_over_here, acknowledges=True),
        action_ids.HOME_UNSILENCE: Button(press=unsilence_here),
    },
)
