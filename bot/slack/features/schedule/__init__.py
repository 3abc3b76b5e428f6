"""The command `schedule`: rotations, calendars, and the channel and user group that follow a schedule."""

from bot.slack.features.schedule.command import FEATURE, ShowScheduleCommand
from bot.slack.features.schedule.replies import editor_of, reply_of

__all__ = ["FEATURE", "ShowScheduleCommand", "editor_of", "reply_of"]
