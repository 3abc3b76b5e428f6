"""Reads and changes the members of Slack's user groups.

Sources: https://docs.slack.dev/reference/methods/usergroups.users.update and .../usergroups.users.list (both Tier 2).
"""

from collections.abc import Collection, Mapping

from bot.domain.schedule_messages import GroupRefusal
from bot.domain.watch import UserId
from bot.slack.outbound.calls import SlackAnswer, SlackClient, call

_REFUSALS: Mapping[str, GroupRefusal] = {
    "missing_scope": GroupRefusal.NO_SCOPE,
    "permission_denied": GroupRefusal.FORBIDDEN,
    "access_denied": GroupRefusal.FORBIDDEN,
    "user_is_restricted": GroupRefusal.FORBIDDEN,
    "paid_teams_only": GroupRefusal.UNPAID,
    "plan_upgrade_required": GroupRefusal.UNPAID,
    "no_such_subteam": GroupRefusal.MISSING,
    "subteam_not_found": GroupRefusal.MISSING,
    "invalid_users": GroupRefusal.STRANGERS,
    "failed_for_some_users": GroupRefusal.STRANGERS,
}


class SlackUserGroups:
    """Implements `UserGroups`."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client

    async def members(self, group: str) -> frozenset[UserId] | GroupRefusal:
        answer = await call(self._client, "usergroups.users.list", usergroup=group)
        users = answer.body.get("users")
        if answer.ok and isinstance(users, list):
            return frozenset(UserId(str(user)) for user in users)
        return _refusal(answer)

    async def set_members(self, group: str, people: Collection[UserId]) -> GroupRefusal | None:
        answer = await call(self._client, "usergroups.users.update", usergroup=group, users=",".join(sorted(people)))
        return None if answer.ok else _refusal(answer)


def _refusal(answer: SlackAnswer) -> GroupRefusal:
    if answer.transient:
        return GroupRefusal.AWAY
    return _REFUSALS.get(answer.error, GroupRefusal.OTHER)
