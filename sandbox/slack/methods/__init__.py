"""The Web API, one file per family of methods."""

from sandbox.slack.methods import apps, canvases, chat, conversations, scheduled, users, views
from sandbox.slack.methods.call import Method

METHODS: dict[str, Method] = {
    **apps.METHODS,
    **canvases.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **scheduled.METHODS,
    **users.METHODS,
    **views.METHODS,
}
