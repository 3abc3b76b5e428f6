"""api.test, auth.test, bots.info, apps.connections.open."""

from sandbox.slack.directory import APP_ID, BOT_ID, BOT_USER, TEAM_DOMAIN, TEAM_ID, TEAM_NAME
from sandbox.slack.methods.call import Arguments, Method, TokenKind
from sandbox.slack.wire import JsonObject, SlackError
from sandbox.slack.workspace import Workspace


def api_test(workspace: Workspace, arguments: Arguments) -> JsonObject:  # noqa: ARG001
    """Echoes its arguments. The argument `error` makes it fail with that name."""
    error = arguments.text("error")
    sent = {name: value for name, value in arguments.values.items() if name != "token"}
    if error is not None:
        raise SlackError(error, args=sent)
    return {"args": sent}


def auth_test(workspace: Workspace, arguments: Arguments) -> JsonObject:  # noqa: ARG001
    return {
        "url": f"https://{TEAM_DOMAIN}.slack.com/",
        "team": TEAM_NAME,
        "user": workspace.directory.users[BOT_USER].name,
        "team_id": TEAM_ID,
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "is_enterprise_install": workspace.installation.organization,
    }


def bots_info(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """The app of a bot."""
    if arguments.text("bot") != BOT_ID:
        raise SlackError("bot_not_found")
    name = workspace.directory.users[BOT_USER].name
    return {"bot": {"id": BOT_ID, "deleted": False, "name": name, "app_id": APP_ID, "user_id": BOT_USER}}


def connections_open(workspace: Workspace, arguments: Arguments) -> JsonObject:  # noqa: ARG001
    """The URL of a new socket. It works once, and only for a short time."""
    ticket = workspace.delivery.sockets.issue_ticket()
    return {"url": f"{workspace.base_url.replace('http', 'ws', 1)}/link/{ticket}"}


METHODS = {
    "api.test": Method(run=api_test, token=TokenKind.ANY),
    "auth.test": Method(run=auth_test),
    "bots.info": Method(run=bots_info, scope="users:read"),
    "apps.connections.open": Method(run=connections_open, token=TokenKind.APP),
}
