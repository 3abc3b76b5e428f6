"""`schedule NAME = calendar …`, `schedule NAME group …` and `schedule NAME channel …`, as people type them."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta

import pytest
import redis.asyncio

from bot.domain.calendar import CalendarCopy, CalendarEvent, CalendarProblem, PendingCalendar
from bot.domain.on_call_setup import SavedSchedule, on_call_in
from bot.domain.permission import UnknownFact
from bot.domain.schedule_messages import GroupRefusal
from bot.domain.setup import Setup
from bot.domain.watch import UserId
from bot.ports.telemetry import EventRecord, subscribed
from bot.slack.permissions import Asker
from bot.slack.render import action_ids
from sandbox.slack import markup
from tests.contract.office import ALERTS, ANN, BOB, GUEST, QUIET, Office, office
from tests.contract.test_policies import plain, save, setup_of
from tests.fake_schedules import person

SECRET = "https://calendar.example.com/private-hunter2/basic.ics?token=abc&x=1"
FOLLOW = f"schedule data = calendar {SECRET}"
DAY = timedelta(days=1)


def calendar_of(it: Office, *titles: str, emails: Sequence[str] = ()) -> None:
    """The calendar has one shift, from yesterday for a week."""
    now = it.bot.clock.now()
    it.bot.people.known = {user: person(UserId(user), name) for user, name in ((ANN, "Ann"), (BOB, "Bob"))}
    it.bot.feed.events_at[SECRET] = [
        CalendarEvent(start=now - DAY, end=now + 6 * DAY, title=title, attendees=tuple(emails)) for title in titles
    ]


async def question(it: Office, text: str, user: UserId = ANN) -> tuple[str, str]:
    """The answer to a typed command, and the command behind its button *Save*."""
    raw = markup.for_command(text, it.sandbox.slack.directory, user)
    reply = await it.router.typed(raw, Asker(user=user, channel=ALERTS)).run()
    assert reply
    packed = json.dumps(reply.blocks)
    assert "hunter2" not in packed
    it.answers.append(packed)
    buttons = [element for block in reply.blocks if block["type"] == "actions" for element in block["elements"]]  # type: ignore[attr-defined]
    saving = [json.loads(button["value"])["asked"] for button in buttons if button["action_id"] == action_ids.CONFIRM]
    return plain(reply.message.text), saving[0] if saving else ""


async def click_save(it: Office, command: str, user: UserId = ANN) -> str:
    saving = {"asked": command, "at": it.bot.clock.now().isoformat()}
    return plain(await it.click(action_ids.CONFIRM, saving, user))


def saved(setup: Setup) -> SavedSchedule | None:
    return setup.get(SavedSchedule, "data")


@pytest.mark.parametrize(
    "typed",
    [
        FOLLOW,
        f"schedule data = calendar <{SECRET}>",
        f"schedule data = {SECRET}",
        f"schedule data calendar {SECRET.replace('https', 'webcal')} in Europe/Berlin",
    ],
)
async def test_a_calendar_is_read_shown_and_saved_by_a_click(fake_redis: redis.asyncio.Redis, typed: str) -> None:
    async with office(fake_redis) as it:
        calendar_of(it, "<@U0ANN>")
        text, saving = await question(it, typed)
        assert "Create the schedule data?" in text
        assert "From now on: Ann until" in text
        assert "Its address stays secret." in text
        assert saved(await setup_of(it)) is None
        assert re.fullmatch(r"schedule data = calendar saved:[0-9a-f]{16}", saving)
        reads = len(it.bot.feed.reads)
        assert "Saved for data." in await click_save(it, saving)
        setup = await setup_of(it)
        answer = on_call_in(setup, "data", it.bot.clock.now())
        assert answer is not None
        assert answer.people == (ANN,)
        assert len(it.bot.feed.reads) == reads, "the copy of the question counts"
        assert setup.all(PendingCalendar) == ()
        assert "hunter2" not in json.dumps(it.answers)


async def test_the_address_stays_out_of_answers_audit_and_log(fake_redis: redis.asyncio.Redis) -> None:
    records: list[EventRecord] = []
    async with office(fake_redis) as it:
        calendar_of(it, "<@U0ANN>")
        with subscribed(records.append):
            _, saving = await question(it, FOLLOW)
            await click_save(it, saving)
            for text in ("schedule data", "schedule", "oncall", "oncall data", "audit", "audit data"):
                await it.type(text)
        assert "calendar.example.com" in " ".join(it.answers)
        for shown in (json.dumps(it.answers), repr(records), repr((await it.bot.store.audit()).entries)):
            assert "hunter2" not in shown
            assert "token=abc" not in shown


@pytest.mark.parametrize(
    "typed",
    [
        f"shedule data = calendar {SECRET}",
        f"schedule data = calendr {SECRET} in Europe/Berln",
        f"schedule data = calendar {SECRET} in Europe/Berln",
        f"schedule data = calendar {SECRET} for @ann",
        f"schedule data = rotate @ann calendar {SECRET}",
        f"schedule {SECRET}",
        f"oncall data calendar {SECRET}",
        f"data calendar is at {SECRET} please",
        f"schedule data = calendar {SECRET.replace('https', 'http')}",
        f"schedule data = calendar {SECRET}{'x' * 2000}",
    ],
)
async def test_a_mistake_in_such_a_command_does_not_echo_the_address(
    fake_redis: redis.asyncio.Redis, typed: str
) -> None:
    async with office(fake_redis) as it:
        calendar_of(it, "<@U0ANN>")
        text, saving = await question(it, typed)
        assert not saving
        assert "hunter2" not in text


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (CalendarProblem.NOT_FOUND, "it no longer exists (404)"),
        (CalendarProblem.NO_CALENDAR, "it answers with a web page"),
        (CalendarProblem.TOO_LONG, "it's larger than 2 MB"),
        (CalendarProblem.EMPTY, "it's empty"),
    ],
)
async def test_a_calendar_that_cannot_be_read_is_refused(
    fake_redis: redis.asyncio.Redis, problem: CalendarProblem, words: str
) -> None:
    async with office(fake_redis) as it:
        it.bot.feed.problem = problem
        text, saving = await question(it, FOLLOW)
        assert f"I can't follow the calendar at calendar.example.com: {words}" in text
        assert "Nothing was changed." in text
        assert not saving
        assert (await setup_of(it)).rows == ()


async def test_a_question_names_events_without_people_and_the_missing_scope(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        calendar_of(it, "", emails=("ann@x.example",))
        now = it.bot.clock.now()
        later = CalendarEvent(start=now + DAY, end=now + 2 * DAY, title="", attendees=("ann@x.example",))
        it.bot.feed.events_at[SECRET].append(later)
        text, _ = await question(it, FOLLOW)
        assert "names nobody that I can find" in text
        it.bot.people.known = {"ann@x.example": UnknownFact.NO_SCOPE}
        text, _ = await question(it, FOLLOW)
        assert "people by e-mail only. I need the scope users:read.email" in text
        assert "@x.example" not in text


async def test_only_the_person_who_asked_can_save_and_not_for_long(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        calendar_of(it, "<@U0ANN>")
        _, saving = await question(it, FOLLOW)
        assert "This question is too old." in await click_save(it, saving, BOB)
        await it.bot.clock.pass_time(3601)
        assert "This question is too old." in await click_save(it, saving)
        await it.bot.requests.calendars.refresh()
        assert (await setup_of(it)).rows == ()


async def test_a_guest_changes_no_schedule(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        calendar_of(it, "<@U0ANN>")
        await question(it, FOLLOW, GUEST)
        assert it.bot.feed.reads == []
        assert (await setup_of(it)).rows == ()


async def test_a_new_source_keeps_channel_and_group(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        calendar_of(it, "<@U0BOB>")
        await save(it, "schedule data = rotate @ann")
        await save(it, "schedule data group @data-oncall")
        await save(it, "schedule data channel here")
        _, saving = await question(it, FOLLOW)
        await click_save(it, saving)
        row = saved(await setup_of(it))
        assert row is not None
        assert row.group is not None
        assert (row.posts_in, row.group.id, row.rotation) == (ALERTS, "S0ONCALL", None)
        assert (await setup_of(it)).all(CalendarCopy)


# --- channel and group -----------------------------------------------------------------------------------------------


async def test_a_schedule_gets_a_channel_and_loses_it_again(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, "schedule data = rotate @ann")
        for typed, channel in (("#quiet", QUIET), ("here", ALERTS), ("none", None)):
            text = await save(it, f"schedule data channel {typed}")
            row = saved(await setup_of(it))
            assert row is not None
            assert row.posts_in == channel, text


async def test_a_channel_of_others_is_refused(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, "schedule data = rotate @ann")
        await it.send("schedule data channel <#G0NOSUCH|secret>")
        assert "Nothing was changed." in it.answers[-1]


async def test_a_group_shows_the_effect_and_gets_the_people_on_call_at_once(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, "schedule data = rotate @ann @bob")
        text, saving = await question(it, "schedule data group @data-oncall")
        assert "@data-oncall has exactly the people on call. Others lose their place." in text
        assert it.bot.groups.updates == []
        assert "Saved for data." in await click_save(it, saving)
        assert it.bot.groups.updates == [{ANN}]
        assert "@data-oncall has exactly the people on call." in plain(await it.type("schedule data"))
        await save(it, "schedule data group none")
        row = saved(await setup_of(it))
        assert row is not None
        assert row.group is None


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (GroupRefusal.FORBIDDEN, "this workspace doesn't let apps change user groups"),
        (GroupRefusal.UNPAID, "this workspace's Slack plan has no user groups"),
        (GroupRefusal.NO_SCOPE, "the app lacks the scope usergroups:write"),
    ],
)
async def test_a_group_that_slack_does_not_let_the_bot_change_is_refused(
    fake_redis: redis.asyncio.Redis, refusal: GroupRefusal, words: str
) -> None:
    async with office(fake_redis) as it:
        await save(it, "schedule data = rotate @ann")
        it.bot.groups.refusal = refusal
        text = await save(it, "schedule data group @data-oncall")
        assert f"I can't update @data-oncall: {words}" in text
        assert "Nothing was changed." in text
        row = saved(await setup_of(it))
        assert row is not None
        assert row.group is None


async def test_two_schedules_cannot_share_a_group(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await save(it, "schedule data = rotate @ann")
        await save(it, "schedule web = rotate @bob")
        await save(it, "schedule data group @data-oncall")
        text = await save(it, "schedule web group @data-oncall")
        assert "@data-oncall already follows the schedule data." in text


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("schedule data group", "Name one user group."),
        ("schedule data group @bob", "That is a person, and no user group."),
        ("schedule data group here", "Name one user group."),
        ("schedule data channel", "Name one channel."),
        ("schedule nosuch group @data-oncall", "no schedule"),
    ],
)
async def test_a_mistake_is_explained(fake_redis: redis.asyncio.Redis, typed: str, words: str) -> None:
    async with office(fake_redis) as it:
        await save(it, "schedule data = rotate @ann")
        text = await it.type(typed)
        assert words in plain(text)
        assert "Nothing was changed." in text
