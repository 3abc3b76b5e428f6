"""What people need to know about the bot's own processes. Pure."""

from bot.slack.render.blocks import Block, section

NOT_SENDING = (
    ":warning: I can't send messages right now, so alerts and pages wait. "
    "Tell the people who run me that my sender isn't running."
)


def not_sending() -> list[Block]:
    """Goes above every answer while no process sends."""
    return [section(NOT_SENDING)]
