"""The Web API, one file per family of methods."""

from sandbox.slack.methods import apps, chat, conversations, users, views
from sandbox.slack.methods.call import Method

METHODS: dict[str, Method] = {
    **apps.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **users.METHODS,
    **views.METHODS,
}
