"""`audit`: who changed what. A person sees the changes of the channels whose watches they may see."""

from dataclasses import replace

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from bot.domain.audit import AuditEntry
from bot.domain.catalogue import Pipeline
from bot.slack.features.audit import entry_line
from bot.slack.render import action_ids
from tests.builders import at
from tests.contract.office import ALERTS, ANN, BOB, CAROL, OPS, Office, office
from tests.service.test_poller import FAILED, ONE

ONE_O_CLOCK = "<!date^1795438800^{time} {date_short_pretty}|2026-11-23 13:00:00 UTC>"


def plain(answer: str) -> str:
    """Without the marks of code."""
    return answer.replace("`", "")


async def test_every_change_of_a_watch_is_recorded(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        with capture_logs() as lines:
            await it.type("watch orders-1 on failed")
            await it.type("watch orders-1 page @bob", BOB)
            await it.click(action_ids.STOP_ALL_PAGING, {"all": True}, BOB)
            await it.type("unwatch orders-1")
        answer = await it.type("audit")
    shown = [line.partition(" · ")[2] for line in plain(answer).split("\n") if line.startswith("•")]
    assert shown == [
        "ann removed watch orders-1: on failed page none",
        "bob changed watch orders-1: on failed page @bob → on failed page none",
        "bob changed watch orders-1: on failed page none → on failed page @bob",
        "ann added watch orders-1: on failed page none",
    ]
    logged = [line for line in lines if line["event"] == "setting_changed"]
    assert [(line["by"], line["before"], line["after"]) for line in logged][-1] == (ANN, "on failed page none", "")
    assert len(logged) == 4


async def test_notes_are_recorded_for_the_workspace(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await it.type('note orders-* "Call Bob"')
        await it.type('note orders-* "Call Ann"', BOB)
        await it.type("note orders-* none")
        answer = plain(await it.type("audit", CAROL, ALERTS))
    assert "ann removed note orders-*: Call Ann" in answer
    assert "bob changed note orders-*: Call Bob → Call Ann" in answer
    assert "ann added note orders-*: Call Bob" in answer


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("audit", {"orders-2", "orders-*"}),
        ("audit orders-2", {"orders-2", "orders-*"}),
        ("audit @ann", {"orders-2"}),
        ("audit @bob failed", {"orders-*"}),
        ("audit me", {"orders-2"}),
        ("audit FAILED", {"orders-*"}),
        ("audit nothing like that", set()),
    ],
)
async def test_changes_are_found_by_pipeline_person_and_words(
    fake_redis: redis.asyncio.Redis, command: str, found: set[str]
) -> None:
    async with office(fake_redis) as it:
        await it.type("watch orders-2 on degraded")
        await it.type("watch orders-* on failed", BOB)
        answer = plain(await it.type(command))
    assert {name for name in ("orders-2:", "orders-*:") if name in answer} == {f"{name}:" for name in found}


@pytest.mark.parametrize(
    ("command", "hints"),
    [
        ("audit orders-l", ["I couldn't find a pipeline called orders-l.", "/pipeline audit orders-1"]),
        ("audit @bbo", ["No person of this workspace is called @bbo. Pick the name"]),
        ("audit nothing like that", []),
        ("audit orders-2", []),
        ("audit @carol", []),
        ("audit zz-*", []),
        ("audit", []),
    ],
)
async def test_a_search_without_finds_names_the_wrong_word(
    fake_redis: redis.asyncio.Redis, command: str, hints: list[str]
) -> None:
    async with office(fake_redis) as it:
        answer = plain(await it.type(command))
    assert answer.startswith("I found no changes")
    for hint in hints:
        assert hint in answer
    assert ("\n" in answer) == bool(hints)


async def test_a_name_in_the_log_needs_no_pipeline(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await it.type("watch orders-1")
        await it.bot.repository.save_page([Pipeline(id=ONE, name="orders-new")])
        answer = plain(await it.type("audit orders-1"))
    assert "ann added watch orders-1" in answer
    assert "couldn't find" not in answer


@pytest.mark.parametrize(("person", "sees"), [(ANN, True), (CAROL, False)])
async def test_a_private_channels_changes_are_for_its_members(
    fake_redis: redis.asyncio.Redis, person: str, *, sees: bool
) -> None:
    async with office(fake_redis) as it:
        it.sandbox.slack.invite_bot(OPS)
        await it.type("watch orders-1 on failed", ANN, OPS)
        searched = await it.type("audit orders-1", person, ALERTS)  # type: ignore[arg-type]
        listed = await it.type("audit", person, ALERTS)  # type: ignore[arg-type]
        shared = await it.click(action_ids.SHARE, {"asked": "audit orders-1"}, person)  # type: ignore[arg-type]
    assert ("orders-1" in searched) is sees
    assert "orders-1" not in listed  # of another channel
    assert "added" not in shared  # everyone in the channel would see it


async def test_changes_in_direct_messages_are_for_that_person(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        direct = await it.directory.direct(ANN)
        assert direct
        await it.type("watch orders-1", ANN, direct)
        assert "orders-1" in await it.type("audit", ANN, direct)
        assert "added" not in await it.type("audit orders-1", BOB)


async def test_a_long_log_has_pages(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        for number in range(23):
            await it.type(f'note orders-{number}* "x"')
        first = await it.type("audit note")
        second = await it.click(action_ids.NEXT, {"asked": "audit note", "page": 2})
    assert (first.count("•"), second.count("•")) == (20, 3)


async def test_an_entry_names_all_parts_of_a_watch(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await it.type("watch orders-1 on failed page @bob for failed,degraded confirm 2")
        assert "on failed page @bob for degraded,failed confirm 2" in await it.type("audit")


async def test_each_answer_to_a_failure_is_recorded(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await it.bot.watch(ONE)
        await it.bot.poll(20)
        it.bot.api.statuses[ONE] = FAILED
        await it.bot.poll(20)
        with capture_logs() as lines:
            await it.type("ack orders-1")
            await it.bot.clock.pass_time(1)
            await it.type("takeover orders-1", BOB)
            await it.bot.clock.pass_time(1)
            await it.type("snooze orders-1 for 1h", BOB)
            await it.bot.clock.pass_time(1)
            await it.click(action_ids.RESOLVE, {"card": card_in(it), "confirmed": True}, ANN)
        answer = plain(await it.type("audit orders-1", CAROL))
    shown = [line.partition(" · ")[2] for line in answer.split("\n") if "failure" in line]
    assert shown == [
        f"ann changed failure orders-1: snoozed until {ONE_O_CLOCK} by bob → paging ended",
        f"bob changed failure orders-1: acknowledged by bob → snoozed until {ONE_O_CLOCK}",
        "bob changed failure orders-1: acknowledged by ann → acknowledged",
        "ann changed failure orders-1: not acknowledged → acknowledged",
    ]
    assert next(line["after"] for line in lines if line["event"] == "setting_changed") == "acknowledged"


def test_a_person_of_an_outside_pager_has_a_name_and_no_id() -> None:
    entry = AuditEntry(at=at(0), by_name="Grace", subject="failure", label="orders-1", after="acknowledged", before="x")
    assert "Grace changed failure" in entry_line(entry, ALERTS)


def card_in(it: Office) -> str:
    episode = it.bot.repository.record(ONE).episode
    return (episode.card_in(ALERTS) or "") if episode else ""


def test_the_channel_of_a_schedule_has_its_name() -> None:
    entry = AuditEntry(at=at(0), by_name="Ann", subject="schedule", label="data", after="rotate @Bob; channel C0TEAM")
    assert entry_line(entry, ALERTS).endswith("added schedule *data*: rotate @Bob; channel <#C0TEAM>")
    typed = replace(entry, subject="note", after="<#C0TEAM> <!here>")
    assert "<#C0TEAM>" not in entry_line(typed, ALERTS)
