"""users.* and usergroups.*: https://docs.slack.dev/reference/methods/users.list and its neighbours."""

from sandbox.slack.methods.call import Arguments, Method, page_of
from sandbox.slack.wire import JsonObject, SlackError
from sandbox.slack.workspace import Workspace


def info(workspace: Workspace, arguments: Arguments) -> JsonObject:
    user = workspace.directory.users.get(arguments.required("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": user.as_json()}


def lookup_by_email(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """https://docs.slack.dev/reference/methods/users.lookupByEmail : neither bots nor deactivated accounts."""
    email = arguments.required("email").lower()
    for user in workspace.directory.users.values():
        if user.email.lower() == email and not user.deleted and not user.is_bot:
            return {"user": user.as_json()}
    raise SlackError("users_not_found")


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


def update_group_users(workspace: Workspace, arguments: Arguments) -> JsonObject:
    """https://docs.slack.dev/reference/methods/usergroups.users.update"""
    directory = workspace.directory
    if not directory.paid:
        raise SlackError("paid_teams_only")
    if not directory.apps_manage_groups:
        raise SlackError("permission_denied")
    group = directory.usergroups.get(arguments.required("usergroup"))
    if group is None or group.disabled:
        raise SlackError("no_such_subteam")
    users = arguments.names("users", default="")
    if not users:
        raise SlackError("no_users_provided")
    people = [directory.users.get(user) for user in users]
    if not all(person and not person.deleted and not person.is_bot and not person.guest for person in people):
        raise SlackError("invalid_users")
    group.users = tuple(dict.fromkeys(users))
    workspace.changes.notify()
    return {"usergroup": group.as_json() | {"users": list(group.users)}}


METHODS = {
    "users.info": Method(run=info, scope="users:read"),
    "users.list": Method(run=list_users, scope="users:read"),
    "users.lookupByEmail": Method(run=lookup_by_email, scope="users:read.email"),
    "usergroups.list": Method(run=list_groups, scope="usergroups:read"),
    "usergroups.users.list": Method(run=group_users, scope="usergroups:read"),
    "usergroups.users.update": Method(run=update_group_users, scope="usergroups:write"),
}
