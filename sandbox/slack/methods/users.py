"""users.* and usergroups.*: https://docs.slack.dev/reference/methods/users.list and its neighbours."""

from sandbox.slack.methods.call import Arguments, Method, page_of
from sandbox.slack.wire import JsonObject, SlackError
from sandbox.slack.workspace import Workspace


def info(workspace: Workspace, arguments: Arguments) -> JsonObject:
    user = workspace.directory.users.get(arguments.required("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": user.as_json()}


def list_users(workspace: Workspace, arguments: Arguments) -> JsonObject:
    page, cursor = page_of(list(workspace.directory.users.values()), arguments, default=100, most=1000)
    return {"members": [user.as_json() for user in page], "response_metadata": {"next_cursor": cursor}}


def list_groups(workspace: Workspace, arguments: Arguments) -> JsonObject:
    with_users = arguments.flag("include_users")
    disabled_too = arguments.flag("include_disabled")
    groups = [
        usergroup for usergroup in workspace.directory.usergroups.values() if disabled_too or not usergroup.disabled
    ]
    return {"usergroups": [group.as_json() | ({"users": list(group.users)} if with_users else {}) for group in groups]}


def group_users(workspace: Workspace, arguments: Arguments) -> JsonObject:
    group = workspace.directory.usergroups.get(arguments.required("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


METHODS = {
    "users.info": Method(run=info, scope="users:read"),
    "users.list": Method(run=list_users, scope="users:read"),
    "usergroups.list": Method(run=list_groups, scope="usergroups:read"),
    "usergroups.users.list": Method(run=group_users, scope="usergroups:read"),
}
