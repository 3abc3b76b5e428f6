"""The Web API, one file a family of methods."""

from bot.sandbox.slack.methods import apps, chat, conversations, users, views
from bot.sandbox.slack.methods.call import Method

METHODS: dict[str, Method] = {
    **apps.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **users.METHODS,
    **views.METHODS,
}
