"""docs/security.md says who may do what. Every cell that can be tried is tried, with both values of the setting."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis.asyncio

from bot.domain.permission import Broadcast, WhoMayWatch
from bot.domain.watch import ChannelId, UserId
from bot.slack.render import action_ids
from sandbox.slack.directory import PARTNER_TEAM_ID, TEAM_ID
from tests.contract.office import ALERTS, ANN, BOB, CAROL, GUEST, OPS, PARTNER, QUIET, SHARED, Office, office
from tests.service.test_poller import FAILED, ONE

SECURITY = Path(__file__).parents[2] / "docs" / "security.md"
UNTRIED = {
    "cannot type there",
    "no command",
    "sees no card",
    "gets no direct pages",
    "no: Slack offers them no command",
}
DIRECT = {ANN: ChannelId("D0ANN"), CAROL: ChannelId("D0CAROL"), GUEST: ChannelId("D0GIL")}


@dataclass(frozen=True)
class Someone:
    """A person, where they type, and the channel that it is about."""

    it: Office
    user: UserId
    home: ChannelId
    there: ChannelId
    team: str = TEAM_ID

    async def type(self, text: str) -> str:
        return await self.it.send(text.format(f"<#{self.there}>"), self.user, self.home)

    async def click(self, action: str, value: dict[str, str], channel: ChannelId | None = None) -> str:
        return await self.it.click(action, value, self.user, channel or self.there, self.team)


async def status(someone: Someone) -> bool:
    return all(
        [
            "orders-1" in await someone.type("status pipe_0001"),
            "orders-1" in await someone.type("list"),
            "orders-1 — the newest lines of its log" in await someone.type("logs pipe_0001"),
        ]
    )


async def watches(someone: Someone) -> bool:
    return "orders-1" in await someone.type("watches")


async def watches_in(someone: Someone) -> bool:
    return "orders-1" in await someone.type("watches in {}")


async def watch(someone: Someone) -> bool:
    watched = "now watches" in await someone.type("watch pipe_0002 in {}")
    return [watched, "no longer" in await someone.type("unwatch pipe_0001 in {}")] == [True, True]


async def unwatch(someone: Someone) -> bool:
    return "no longer watches" in await someone.click(action_ids.UNWATCH, {"pipeline": ONE})


async def acknowledge(someone: Someone) -> bool:
    someone.it.bot.api.statuses |= {ONE: FAILED}
    await someone.it.bot.poll(20)
    episode = someone.it.bot.repository.record(ONE).episode
    assert episode
    key = next(key for key, channel in episode.cards.items() if channel == someone.there)
    refreshed = "orders-1" in await someone.click(action_ids.REFRESH, {"pipeline": ONE, "card": key})
    return refreshed and "You acknowledged" in await someone.click(
        action_ids.ACKNOWLEDGE, {"pipeline": ONE, "card": key}
    )


async def logs(someone: Someone) -> bool:
    shown = "orders-1 — the newest lines of its log" in await someone.click(action_ids.LOGS, {"pipeline": ONE})
    draft = await someone.click(action_ids.POSTMORTEM, {"pipeline": ONE})
    assert shown == ("I no longer know this failure" in draft)
    return shown


async def stop_paging(someone: Someone) -> bool:
    await someone.it.send(f"watch pipe_0001 page <@{someone.user}>", BOB, ALERTS)
    return "no longer page you" in await someone.click(action_ids.STOP_PAGING, {"pipeline": ONE}, DIRECT[someone.user])


async def note(someone: Someone) -> bool:
    noted = "failure cards now show" in await someone.type('note pipe_0001 "Restart it"')
    return noted and "failure cards now show" in await someone.type("runbook pipe_0001 https://wiki.example.com/a")


async def on_call(someone: Someone) -> bool:
    """As a click on *Save* runs it."""
    texts = (
        "policy data = <@U0ANN>",
        "schedule data = rotate <@U0ANN>",
        "oncall take data for 1h",
        "shadow data me for 1h",
    )
    saved = [await someone.click(action_ids.CONFIRM, {"asked": text}, someone.home) for text in texts]
    done = ["aved" in answer for answer in saved]
    assert all(done) or not any(done)
    return all(done)


async def broadcast(someone: Someone) -> bool:
    return "pages @channel" in await someone.type("watch pipe_0001 page channel in {}")


ROWS: dict[str, Callable[[Someone], Awaitable[bool]]] = {
    "`status`": status,
    "`watches`, in that channel": watches,
    "`watches in #channel`, public": watches_in,
    "`watches in #channel`, private": watches_in,
    "`watch` and `unwatch`": watch,
    "*Unwatch*": unwatch,
    "*Acknowledge*": acknowledge,
    "*Logs*, *Draft postmortem*": logs,
    "*Stop paging me*": stop_paging,
    "`note` and `runbook`": note,
    "`policy`, `schedule`": on_call,
    "`page here`": broadcast,
}


def someone(it: Office, column: int, *, private: bool) -> Someone:
    channel = OPS if private else SHARED
    return [
        Someone(it, ANN, channel, channel),
        Someone(it, CAROL, ALERTS, channel),
        Someone(it, GUEST, channel, channel),
        Someone(it, GUEST, SHARED, OPS if private else QUIET),
        Someone(it, PARTNER, SHARED, SHARED, PARTNER_TEAM_ID),
    ][column]


def cells() -> list[tuple[str, int, str]]:
    lines = SECURITY.read_text().partition("## Who may do what\n")[2].partition("\n\n`PIPELINE")[0].strip().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]
    return [(row[0], column, cell.strip("| ")) for row in rows for column, cell in enumerate(row[1:])]


def experiment(row: str) -> Callable[[Someone], Awaitable[bool]]:
    return next(tried for start, tried in ROWS.items() if row.startswith(start))


@pytest.mark.parametrize("setting", WhoMayWatch)
@pytest.mark.parametrize(("row", "column", "cell"), [tried for tried in cells() if tried[2] not in UNTRIED])
async def test_each_cell_of_the_security_table_is_true(
    fake_redis: redis.asyncio.Redis, row: str, column: int, cell: str, setting: WhoMayWatch
) -> None:
    private = "private" in row
    async with office(fake_redis, who_may_watch=setting) as it:
        for channel in (OPS, SHARED, QUIET):
            it.sandbox.slack.invite_bot(channel)
            await it.send("watch pipe_0001", BOB, channel)
        if private and column == 2:
            it.sandbox.slack.directory.channels[OPS].members.append(GUEST)
        may = await experiment(row)(someone(it, column, private=private))
        by_setting = "by setting" in cell and setting is WhoMayWatch.EVERYONE
        assert may == (by_setting or cell.startswith(("yes", "on a card they can see")))


def test_every_cell_is_known_and_most_are_tried() -> None:
    known = ("yes", "no", "on a card they can see")
    entries = cells()
    assert len(entries) == 5 * len(ROWS)
    assert all(cell in UNTRIED or cell.startswith(known) for _, _, cell in entries)
    assert sum(cell not in UNTRIED for _, _, cell in entries) > 35


async def test_broadcasts_switched_off_are_off_for_everybody(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis, broadcast=Broadcast.NOBODY) as it:
        it.sandbox.slack.invite_bot(SHARED)
        assert not await broadcast(someone(it, 0, private=False))
