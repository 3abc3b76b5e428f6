"""`schedule`, `oncall` and `shadow`: each change shows its effect before it is saved."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import redis.asyncio

from bot.domain.on_call_setup import SavedOverride, SavedSchedule, SavedShadow, on_call_in
from bot.domain.setup import Setup
from bot.domain.watch import UserId
from bot.slack.render import action_ids
from tests.builders import a_setup_change, a_usergroup
from tests.contract.office import ALERTS, ANN, BOB, CAROL, GUEST, Office, office
from tests.contract.test_policies import plain, save, setup_of

WEEKLY = "schedule data = rotate @ann @bob every 1 week at 09:00 on monday in Europe/Berlin"


def without_dates(answer: str) -> str:
    """The dates as fallbacks, in UTC and to the minute."""
    return re.sub(r"<!date\^\d+\^[^|]*\|(\d+-\d+-\d+ \d+:\d+):\d+ UTC>", r"\1", plain(answer))


async def on_call_names(it: Office, at: datetime | None = None) -> tuple[str, ...]:
    found = on_call_in(await setup_of(it), "data", at or it.bot.clock.now())
    return tuple(found.people) if found else ()


async def schedules_of(it: Office) -> dict[str, str]:
    return {row.name: row.summary for row in (await setup_of(it)).all(SavedSchedule)}


async def test_a_rotation_shows_its_effect_and_is_saved_by_a_click(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        question = without_dates(await it.type(WEEKLY))
        assert await schedules_of(it) == {}
        answer = without_dates(await save(it, WEEKLY))
        assert await schedules_of(it) == {"data": WEEKLY.partition(" = ")[2]}
        assert await on_call_names(it) == (ANN,)
    for text in (question, answer):
        assert re.search(r"From now on: ann until \d+-\d+-\d+ 08:00, then bob", text), text
    assert "Create the schedule data?" in question
    assert "Handover at 09:00 in the time zone Europe/Berlin." in question
    assert "Saved for data." in answer


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("schedule data = rotate @ann", "rotate @ann every 1 week at 09:00 on monday in America/Costa_Rica"),
        ("schedule data = @ann, @bob daily at 8", "rotate @ann @bob every 1 day at 08:00 in America/Costa_Rica"),
        (
            "schedule data=rotate @ann @bob every 2 days at 20:00 in utc",
            "rotate @ann @bob every 2 days at 20:00 in UTC",
        ),
        (
            "schedule data rotate @ann and @bob every other week on friday at 5pm in europe/london",
            "rotate @ann @bob every 2 weeks at 17:00 on friday in Europe/London",
        ),
        (
            "schedule data = rotate @ann every wednesday at noon in Asia/Tokyo",
            "rotate @ann every 1 week at 12:00 on wednesday in Asia/Tokyo",
        ),
    ],
)
async def test_a_rotation_is_read_as_people_type_it(fake_redis: redis.asyncio.Redis, typed: str, means: str) -> None:
    async with office(fake_redis) as it:
        await save(it, typed)
        assert await schedules_of(it) == {"data": means}
        assert await on_call_names(it) == (ANN,)


@pytest.mark.parametrize(
    ("typed", "says", "corrected"),
    [
        ("schedule data = rotate", "Who takes turns?", "schedule data = rotate @ann @bob"),
        ("schedule data = rotate ann", "“ann” is no person", "schedule data = rotate @ann"),
        ("schedule data = rotate here", "“here” is no person", "schedule data = rotate @ann"),
        ("schedule data = rotate oncall:x", "is no person", "schedule data = rotate @ann"),
        ("schedule data = rotate @ann in berlin", "Did you mean Europe/Berlin?", "in Europe/Berlin"),
        ("schedule data = rotate @ann in mars", "such as Europe/Berlin", "schedule data = rotate"),
        ("schedule data = rotate @ann every 0 days", "every 3 days", "schedule data = rotate"),
        ("schedule data = rotate @ann every 99 weeks", "every 3 days", "schedule data = rotate"),
        ("schedule data = rotate @ann at 25:00", "09:00", "schedule data = rotate"),
        ("schedule data = rotate @ann on someday", "Name a weekday", "schedule data = rotate"),
        ("schedule data = rotate @ann on monday from 2026-12-08", "not on the weekday", "help schedule"),
        ("schedule data = rotate @nosuch", "no person or user group", ""),
        ("schedule data = calendar", "https address", "schedule data = calendar https://"),
        ("schedule data = calendar http://cal.example/secret", "must begin with https", "help schedule"),
        ("schedule take = rotate @ann", "has a meaning of its own", "schedule data = rotate"),
        ("schedule nosuch", "There is no schedule called nosuch", "schedule nosuch = rotate"),
        ("oncall take", "Until when?", "oncall take until 18:00"),
        ("oncall take data", "Until when?", "oncall take data until 18:00"),
        ("oncall take data until 18:00", "There is no schedule called data", "schedule data = rotate"),
        ("oncall give data until 18:00", "Who takes the shift?", "oncall give data to @bob until 18:00"),
        ("shadow data until 18:00", "Who should get copies?", "shadow data @carol for 2 weeks"),
        ("shadow data @carol", "Until when?", "shadow data @carol for 2 weeks"),
        ("oncall cancel", "Which schedule", "oncall"),
        ("oncall <!channel>", "can't be the name of a schedule", "/pipeline oncall"),
        ("oncall take *all* until 18:00", "can't be the name of a schedule", "/pipeline oncall"),
    ],
)
async def test_a_wrong_word_changes_nothing(
    fake_redis: redis.asyncio.Redis, typed: str, says: str, corrected: str
) -> None:
    async with office(fake_redis) as it:
        answer = plain(await it.type(typed))
        assert says in answer
        assert "Nothing was changed." in answer
        assert corrected in answer
        assert "secret" not in answer
        assert "<!channel>" not in answer
        assert await setup_of(it) == Setup()


async def test_on_call_says_who_until_when_who_is_next_and_why(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        assert "There is no schedule yet." in await it.type("oncall")
        await save(it, WEEKLY)
        await save(it, "oncall take data for 2h because Ann is at the dentist", CAROL)
        await save(it, "shadow data @bob for 2 weeks")
        listed, shown = without_dates(await it.type("oncall")), without_dates(await it.type("oncall DATA?"))
    assert re.search(r"• data: carol until [\d: -]+, then ann", listed)
    assert re.search(r"Why: carol, from [\d: -]+ until [\d: -]+, because Ann is at the dentist", shown)
    assert re.search(r"Shadow: bob gets copies, from [\d: -]+ until", shown)
    assert re.search(r"• from [\d: -]+08:00: bob", shown)
    assert "/pipeline oncall take data until 18:00 takes the shift." in shown


async def test_an_override_replaces_one_person_for_a_time(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        question = without_dates(await it.type("oncall take data for @ann for 90 min", BOB))
        assert "Save this for data?" in question
        assert re.search(r"bob instead of ann, from [\d: -]+ until", question)
        assert re.search(r"From now on: bob until [\d: -]+, then ann", question)
        assert re.search(r"Until now: ann until", question)
        await save(it, "oncall take data for @ann for 90 min", BOB)
        (row,) = (await setup_of(it)).all(SavedOverride)
        assert (row.person.id, row.instead_of and row.instead_of.id) == (BOB, ANN)
        assert row.end - row.start == timedelta(minutes=90)
        assert await on_call_names(it) == (BOB,)
        assert await on_call_names(it, row.end) == (ANN,)
        assert re.search(r"Cancelled for data:\nbob instead of ann", without_dates(await it.type("oncall cancel", BOB)))
        assert await on_call_names(it) == (ANN,)


async def test_a_shift_is_given_from_one_moment_until_another(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        await save(it, "oncall give data to @carol from 2026-12-04 18:00 until mon 09:00 because weekend", BOB)
        (row,) = (await setup_of(it)).all(SavedOverride)
    assert (row.start, row.end) == (datetime(2026, 12, 4, 17, tzinfo=UTC), datetime(2026, 12, 7, 8, tzinfo=UTC))
    assert (row.person.id, row.made_by, row.why) == (CAROL, BOB, "weekend")


async def test_a_shadow_ends_by_command(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        await save(it, "shadow data @carol for 1 week")
        assert len((await setup_of(it)).all(SavedShadow)) == 1
        assert await on_call_names(it) == (ANN,)  # a learner never counts
        assert "Cancelled for data" in plain(await it.type("shadow data @carol none"))
        assert "there is nothing to cancel" in await it.type("shadow remove data @carol")
        assert (await setup_of(it)).all(SavedShadow) == ()


async def test_an_edit_keeps_the_current_turn(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        edit = WEEKLY.replace("@ann @bob", "@carol @ann @bob")
        question = without_dates(await it.type(edit))
        assert re.search(r"From now on: ann until [\d: -]+, then bob", question)
        assert re.search(r"Until now: ann until [\d: -]+, then bob", question)
        await save(it, edit)
        assert await on_call_names(it) == (ANN,)
        assert "like that already" in await it.type(edit)


async def test_a_schedule_in_use_is_not_removed(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        await save(it, "oncall take data for 1h")
        await save(it, "policy ops = oncall:DATA then @bob")
        await it.type("watch orders-1 page oncall:data")
        answer = plain(await it.type("schedule remove data"))
        assert "The schedule data is in use. Nothing was changed." in answer
        assert "• the policy ops" in answer
        assert "First let these page somebody else" in answer
        assert "orders-1" in answer
        await it.type("unwatch orders-1")
        await it.type("policy remove ops")
        assert "is removed. It was rotate @ann @bob every 1 week" in plain(await it.type("schedule data none"))
        assert await setup_of(it) == Setup()


async def test_a_policy_shows_who_is_on_call(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        shown = without_dates(await it.type("policy ops = oncall:data wait 10m then @bob"))
        assert re.search(r"1\. At once: ann \(on call for data until [\d: -]+\)\n2\. After 10 min: bob", shown)
        await save(it, WEEKLY.replace("monday", "monday from 2027-12-06"))
        shown = plain(await it.type("policy ops = oncall:data wait 10m then @bob"))
        assert "1. At once: nobody (on call for data" in shown
        assert "2. At once: bob" in shown
        assert "Step 1 reaches nobody now: a page would go on to the next step at once." in shown


async def test_a_guest_changes_no_schedule(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        before = await setup_of(it)
        for typed in (
            WEEKLY,
            "schedule remove data",
            "oncall take data for 1h",
            "shadow data me for 1h",
            "oncall cancel data",
        ):
            assert "Only full members" in await it.type(typed, GUEST, ALERTS)
        assert await setup_of(it) == before
        assert "ann" in await it.type("oncall", GUEST)


async def test_an_edit_keeps_the_channel_and_the_group_of_a_schedule(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        (made,) = (await setup_of(it)).all(SavedSchedule)
        assert made.posts_in == ALERTS
        version = (await it.bot.store.watches()).version
        grouped = replace(made, group=a_usergroup())
        assert await it.bot.store.change_setup(a_setup_change(version, grouped))
        await it.bot.repository.refresh_watches()
        await save(it, WEEKLY.replace("@bob", "@carol"), channel="C0GENERAL")
        (edited,) = (await setup_of(it)).all(SavedSchedule)
        assert (edited.posts_in, edited.group) == (ALERTS, a_usergroup())


async def test_taking_over_from_oneself_is_refused(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        answer = await it.type("oncall take data for @ann for 2h")
        assert "A person can't take over from themselves. Nothing was changed." in answer


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("oncall take data from 2030-01-02 until 2030-01-01", "That override would end before it begins."),
        ("oncall take data from 2020-01-01 until 2020-01-02", "That override is over already."),
        ("shadow data @bob from 2030-01-02 until 2030-01-01", "That shadow would end before it begins."),
    ],
)
async def test_a_time_that_never_comes_is_refused(fake_redis: redis.asyncio.Redis, typed: str, says: str) -> None:
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        assert f"{says} Nothing was changed." in await it.type(typed)


async def test_a_repeated_command_makes_one_override(fake_redis: redis.asyncio.Redis) -> None:
    """A bot may die after it has written, and before it has answered. Another one then runs the command again."""
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        await save(it, "oncall take data for 2h", BOB)
        it.bot.clock.seconds += 40
        assert "like that already" in await save(it, "oncall take data for 2h", BOB)
        assert len((await setup_of(it)).all(SavedOverride)) == 1
        await save(it, "oncall take data for 4h", BOB)
        assert len((await setup_of(it)).all(SavedOverride)) == 2


async def test_a_repeated_click_makes_one_override_even_after_a_later_one(fake_redis: redis.asyncio.Redis) -> None:
    """A bot that dies after the change repeats the click at its next start."""
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        command = "oncall give data to <@U0BOB|bob> for 4h"
        await it.send(command)
        first = {"asked": command, "at": it.bot.clock.now().isoformat()}
        await it.click(action_ids.CONFIRM, first)
        await it.bot.clock.pass_time(30)
        later = {"asked": command.replace("U0BOB|bob", "U0CAROL|carol"), "at": it.bot.clock.now().isoformat()}
        await it.click(action_ids.CONFIRM, later)
        await it.bot.clock.pass_time(1200)
        assert "is like that already" in plain(await it.click(action_ids.CONFIRM, first))
        assert await on_call_names(it) == (CAROL,)
        assert len((await setup_of(it)).all(SavedOverride)) == 2


@pytest.mark.parametrize("command", ["oncall give data to <@U0BOB|bob> for 4h", "oncall take data for 4h"])
async def test_an_override_begins_when_it_is_confirmed(fake_redis: redis.asyncio.Redis, command: str) -> None:
    """Its end is the one that the person saw."""
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        question_at = it.bot.clock.now()
        await it.bot.clock.pass_time(600)
        confirmed = it.bot.clock.now()
        answer = plain(await it.click(action_ids.CONFIRM, {"asked": command, "at": question_at.isoformat()}, CAROL))
        (override,) = (await setup_of(it)).all(SavedOverride)
        assert (override.start, override.made_at, override.end) == (
            confirmed,
            confirmed,
            question_at + timedelta(hours=4),
        )
        assert f"<!date^{confirmed.timestamp():.0f}^" in answer
        assert f"<!date^{question_at.timestamp():.0f}^" not in answer


@pytest.mark.parametrize(
    "at", ["", "x", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00", "2026-11-23T10:59:00+00:00"]
)
async def test_the_time_of_a_question_counts_for_an_hour(fake_redis: redis.asyncio.Redis, at: str) -> None:
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        await it.click(action_ids.CONFIRM, {"asked": "oncall give data to <@U0BOB|bob> for 4h", "at": at})
        (override,) = (await setup_of(it)).all(SavedOverride)
        assert override.start == it.bot.clock.now()


@pytest.mark.parametrize(
    ("typed", "warns"),
    [
        ("oncall give data to @bob for @carol for 2h", True),
        ("oncall give data to @carol for @bob for 2h", True),
        ("oncall give data to @carol for @bob for 2 weeks", False),
        ("oncall give data to @carol for @ann for 2h", False),
        ("oncall give data to @bob for 2h", False),
    ],
)
async def test_an_override_that_changes_nothing_says_so(
    fake_redis: redis.asyncio.Redis, typed: str, *, warns: bool
) -> None:
    """Ann is on call now, and Bob in a week. Someone who gives away a shift that is nobody's must not rely on it."""
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        question = plain(await it.type(typed))
        assert ("isn't on call in that time, so this changes nothing" in question) is warns
        assert ("so this changes nothing" in await save(it, typed)) is warns


@pytest.mark.parametrize(
    ("typed", "user", "warns"),
    [
        ("oncall take data for 2h", ANN, True),
        ("oncall take data for 2h", BOB, False),
        ("oncall take data for 2 weeks", ANN, False),
        ("oncall take data for @ann for 2h", BOB, False),
    ],
)
async def test_a_shift_that_its_own_person_takes_changes_nothing(
    fake_redis: redis.asyncio.Redis, typed: str, user: UserId, *, warns: bool
) -> None:
    async with office(fake_redis) as it:
        await save(it, WEEKLY)
        words = "ann is on call in that time already, so this changes nothing"
        assert (words in plain(await it.type(typed, user))) is warns
        assert (words in plain(await save(it, typed, user))) is warns
