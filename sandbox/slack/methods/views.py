"""views.*: https://docs.slack.dev/reference/methods/views.open and its neighbours."""

from sandbox.slack.methods.call import Arguments, Method
from sandbox.slack.wire import JsonObject, SlackError
from sandbox.slack.workspace import Workspace


def open_view(workspace: Workspace, arguments: Arguments) -> JsonObject:
    view = workspace.views.open(arguments.required("trigger_id"), arguments.json_object("view"))
    return _changed(workspace, view)


def push(workspace: Workspace, arguments: Arguments) -> JsonObject:
    view = workspace.views.push(arguments.required("trigger_id"), arguments.json_object("view"))
    return _changed(workspace, view)


def update(workspace: Workspace, arguments: Arguments) -> JsonObject:
    view = workspace.views.update(
        arguments.json_object("view"),
        view_id=arguments.text("view_id"),
        external_id=arguments.text("external_id"),
        known=arguments.text("hash"),
    )
    return _changed(workspace, view)


def publish(workspace: Workspace, arguments: Arguments) -> JsonObject:
    user = arguments.required("user_id")
    if not workspace.installation.home_tab:
        raise SlackError("not_enabled")
    if user not in workspace.directory.users:
        raise SlackError("user_not_found")
    view = workspace.views.publish(user, arguments.json_object("view"), arguments.text("hash"))
    return _changed(workspace, view)


def _changed(workspace: Workspace, view: JsonObject) -> JsonObject:
    workspace.changes.notify()
    return {"view": view}


METHODS = {
    "views.open": Method(run=open_view),
    "views.push": Method(run=push),
    "views.update": Method(run=update),
    "views.publish": Method(run=publish),
}
