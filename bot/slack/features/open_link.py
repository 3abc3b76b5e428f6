"""Link buttons: a click opens an address in the browser, and the bot does nothing.

Slack still reports the click and expects an acknowledgement, so the button needs a listener.
"""

from bot.slack.feature import Button, Feature
from bot.slack.render import action_ids

FEATURE = Feature(buttons={action_ids.LINK: Button(press=None)})
