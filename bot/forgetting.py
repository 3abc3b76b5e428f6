"""`pipeline-bot forget TEAM` deletes a workspace's data, after someone uninstalled the app there."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from bot.domain.watch import TeamId
from bot.store.clock import RedisClock
from bot.store.connect import opened
from bot.store.forget import WorkspaceData, forget, workspace_data
from bot.store.scripts import Scripts

RUNS_WITHIN = timedelta(seconds=60)
"""The leading bot writes a heartbeat every 2 s. Another one takes over after 10 s without one."""

Ask = Callable[[str], str]
Say = Callable[[str], None]


class NotForgottenError(Exception):
    """The command deleted nothing. The text says why, and what to do."""


def team_id(text: str) -> TeamId:
    """
    Raises:
        NotForgottenError: the text is no workspace id.
    """
    if not re.fullmatch(r"T[A-Z0-9]{2,}", text):
        raise NotForgottenError(
            f"“{text}” is not a workspace id, so nothing was deleted. "
            "An id begins with T: see `team` in the log line `ready`."
        )
    return TeamId(text)


async def forget_team(team: TeamId, *, url: str | None, data_dir: Path, force: bool, ask: Ask | None, say: Say) -> None:
    """Asks before deleting, unless `ask` is None.

    Raises:
        NotForgottenError: nothing was deleted.
        StoreAway: the store doesn't answer.
    """
    if url is None and _is_missing(data_dir):
        say(f"There is no data directory {data_dir}, so there is no data for {team}.")
        return
    async with opened(url, data_dir, team) as client:
        found = await workspace_data(client, team)
        if found.keys == 0:
            say(f"There is no data for {team}.")
            return
        now = (await RedisClock(Scripts(client, team)).time()).latest
        _refuse_while_it_runs(team, found, now, force=force)
        say(f"Data of {team}: {_words(found)}.")
        if ask is not None and ask(f"Type {team} to delete all of it for good") != team:
            raise NotForgottenError("That is not the workspace's id, so nothing was deleted.")
        deleted = await forget(client, team)
    say(f"Deleted {_number(deleted, 'key')} of {team}, and nothing else. Messages in Slack stay as they are.")


def _is_missing(data_dir: Path) -> bool:
    return not data_dir.is_dir()


def _refuse_while_it_runs(team: TeamId, found: WorkspaceData, now: datetime, *, force: bool) -> None:
    if force or found.last_heartbeat is None:
        return
    age = now - found.last_heartbeat
    if age <= RUNS_WITHIN:
        raise NotForgottenError(
            f"A bot seems to be running for {team}: its last heartbeat is {max(0, round(age.total_seconds()))} s old. "
            "Nothing was deleted. Stop the bot and wait a minute, or use --force."
        )


def _words(found: WorkspaceData) -> str:
    return ", ".join(
        (
            _number(found.keys, "key"),
            _number(found.watches, "watch", "watches"),
            _number(found.pipelines, "pipeline"),
            _number(found.notes, "runbook or note", "runbooks and notes"),
            _number(found.setup, "setting"),
            _number(found.deliveries, "message not sent yet", "messages not sent yet"),
        )
    )


def _number(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
