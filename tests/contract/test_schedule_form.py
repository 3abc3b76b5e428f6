"""*New schedule*: from the button over the modal to the question, which *Save* answers, through Slack's sandbox."""

import json

import pytest
import redis.asyncio

from bot.domain.calendar import CalendarProblem
from bot.domain.watch import ChannelId, UserId
from bot.slack.features.schedule.form import CALENDAR, DAY, EVERY, NAME, PEOPLE, TIME, ZONE
from bot.slack.render import action_ids
from sandbox.slack.directory import User
from sandbox.slack.interactions import Choice
from tests.contract.office import ANN, BOB, GUEST
from tests.contract.test_policies import save, setup_of
from tests.contract.test_policy_form import held_in, saved_text, submit
from tests.contract.test_schedule_calendars import SECRET, calendar_of, saved
from tests.contract.test_schedules import schedules_of, without_dates
from tests.contract.test_watch_form import PATIENCE_SECONDS, Forms, forms

WEEKLY = "schedule data = rotate @bob @ann every 2 weeks at 17:30 on friday in Europe/London"


async def open_form(it: Forms, user: UserId = ANN, name: str = "") -> dict[str, object]:
    """From the Home tab, each field with what it holds at first. `name`: the schedule to edit."""
    await it.go_home(user)
    choice = Choice(action_id=action_ids.OPEN_SCHEDULE_FORM)
    if name:
        choice = Choice(action_id=action_ids.EDIT_SCHEDULE, value=json.dumps({"name": name}, separators=(",", ":")))
    assert (await it.office.sandbox.slack.click_in_view(user, choice)).ok
    await it.office.sandbox.until(lambda: it.office.sandbox.slack.views.top(user), seconds=PATIENCE_SECONDS)
    view = it.office.sandbox.slack.views.top(user)
    assert view
    return {block["block_id"]: held_in(block["element"]) for block in view["blocks"] if "element" in block}


async def test_a_new_rotation_shows_its_effect_before_it_is_saved(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await open_form(it)
        values = {NAME: "data", PEOPLE: [ANN, BOB], EVERY: "2 weeks", TIME: "17:30", DAY: "friday"}
        answer = without_dates(await submit(it, {**values, ZONE: "Europe/London"}))
        assert "Create the schedule data?" in answer
        assert "From now on: ann until" in answer
        assert "Handover at 17:30 in the time zone Europe/London." in answer
        assert await schedules_of(it.office) == {}
        question = saved_text(it.office)
        await it.office.click(action_ids.CONFIRM, {"asked": question}, ANN, ChannelId("D0ANN"))
        expected = "rotate @ann @bob every 2 weeks at 17:30 on friday in Europe/London"
        assert await schedules_of(it.office) == {"data": expected}


async def test_without_a_zone_the_persons_own_counts(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        fields = await open_form(it)
        answer = await submit(it, {**fields, NAME: "data", PEOPLE: [BOB], EVERY: "3 days"})
        assert "Handover at 09:00 in the time zone America/Costa_Rica." in answer
        assert saved_text(it.office) == f"schedule data = rotate <@{BOB}> every 3 days at 09:00"


async def test_a_schedule_opens_with_what_is_saved(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await save(it.office, WEEKLY)
        fields = await open_form(it, name="data")
        assert "is like that already" in await submit(it, fields)
        fields = await open_form(it, name="data")
        assert "Change the schedule data?" in await submit(it, {**fields, TIME: "18:00"})


async def test_a_calendar_is_followed_and_its_address_stays_secret(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        calendar_of(it.office, "<@U0ANN>")
        fields = await open_form(it)
        answer = await submit(it, {**fields, NAME: "data", CALENDAR: SECRET})
        assert "Create the schedule data?" in answer
        question = saved_text(it.office)
        assert "Saved for" in await it.office.click(action_ids.CONFIRM, {"asked": question}, ANN, ChannelId("D0ANN"))
        row = saved(await setup_of(it.office))
        assert row
        assert row.calendar
        fields = await open_form(it, name="data")
        view = json.dumps(it.office.sandbox.slack.views.top(ANN))
        assert "calendar.example.com" in view
        for text in (view, json.dumps(it.said()), question):
            assert "hunter2" not in text


@pytest.mark.parametrize(
    ("values", "block", "error"),
    [
        ({NAME: "my rota", PEOPLE: [BOB]}, NAME, "use one word of letters, digits and hyphens"),
        ({NAME: "data"}, PEOPLE, "Choose people, or type a calendar's address: one of both. Nothing was changed."),
        ({NAME: "data", PEOPLE: [BOB], CALENDAR: SECRET}, CALENDAR, "one of both"),
        ({NAME: "data", PEOPLE: [BOB], ZONE: "berlin"}, ZONE, "Did you mean Europe/Berlin?"),
        ({NAME: "data", PEOPLE: ["U0GONE"]}, PEOPLE, "Nothing was changed."),
        (
            {NAME: "data", CALENDAR: "http://calendar.example.com/private-hunter2"},
            CALENDAR,
            "I can't follow that calendar",
        ),
        ({NAME: "data", CALENDAR: SECRET}, CALENDAR, "I can't follow the calendar at calendar.example.com"),
    ],
)
async def test_a_wrong_field_is_explained_in_the_form(
    fake_redis: redis.asyncio.Redis, values: dict[str, object], block: str, error: str
) -> None:
    async with forms(fake_redis) as it:
        it.office.bot.feed.problem = CalendarProblem.NOT_FOUND
        fields = await open_form(it)
        answer = await submit(it, {**fields, **values})
        assert error in answer
        assert "hunter2" not in answer
        assert list(it.errors()) == [block]
        assert await schedules_of(it.office) == {}


async def test_a_guest_can_make_no_schedule(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await open_form(it, GUEST)
        assert "Nothing was changed." in await submit(it, {NAME: "data", PEOPLE: [BOB]}, GUEST)


async def test_an_edit_of_a_removed_schedule_says_so(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await save(it.office, WEEKLY)
        await it.go_home()
        choice = Choice(action_id=action_ids.EDIT_SCHEDULE, value='{"name":"data"}')
        await it.office.type("schedule remove data")
        assert "There is no schedule called data." in await it.refused(choice)


async def test_an_edit_of_a_schedule_that_is_removed_meanwhile_says_so(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await save(it.office, WEEKLY)
        await open_form(it, name="data")
        await it.office.type("schedule remove data")
        answer = await submit(it, {NAME: "data", PEOPLE: [BOB]})
        assert "Somebody removed it after you began to change it. Save creates it again." in answer
        assert "Create the schedule data?" in answer


async def test_a_rotation_of_many_people_is_opened_and_saved(fake_redis: redis.asyncio.Redis) -> None:
    """A rotation calls one person at a time, so the limit of a page's targets doesn't count."""
    async with forms(fake_redis) as it:
        users = [f"U0PERSON{number}" for number in range(25)]
        people = {user: User(id=user, name=user.lower(), real_name=user) for user in users}
        it.office.sandbox.slack.directory.users.update(people)
        mentions = " ".join(f"<@{user}>" for user in users)
        await it.office.click(action_ids.CONFIRM, {"asked": f"schedule data = rotate {mentions}"})
        fields = await open_form(it, name="data")
        assert fields[PEOPLE] == users
        assert "is like that already" in await submit(it, fields)
        many = f"schedule other = rotate {mentions} {' '.join(f'<@U0X{number}>' for number in range(26))}"
        assert "A rotation has 50 people at most, and you named 51." in await it.office.send(many)


@pytest.mark.parametrize("edited", ["", "other"])
async def test_a_name_that_another_schedule_has_is_an_error_in_the_form(
    fake_redis: redis.asyncio.Redis, edited: str
) -> None:
    async with forms(fake_redis) as it:
        await save(it.office, WEEKLY)
        await save(it.office, WEEKLY.replace("schedule data", "schedule other"))
        fields = await open_form(it, name=edited)
        errors = await submit(it, {**fields, NAME: "Data", PEOPLE: [BOB]})
        assert "There is a schedule called data already." in errors
        assert "Choose another name, or change it with Edit a schedule. Nothing was changed." in errors
