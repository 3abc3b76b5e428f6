"""The form for a schedule: a modal that does the same as `schedule NAME = …`, and asks before it saves, too."""

from dataclasses import replace

from bot.domain.answer import RefusalAnswer
from bot.domain.calendar import LONGEST_CALENDAR_ADDRESS
from bot.domain.on_call_setup import SavedSchedule, name_key
from bot.domain.rotation import TurnUnit
from bot.domain.schedule_answer import ScheduleAnswer
from bot.domain.setup import LONGEST_NAME
from bot.domain.setup_names import name_problem
from bot.domain.wall_clock import DAY_NAMES, zone_named, zones_like
from bot.domain.watch import ChannelId
from bot.requests.schedules import MOST_PEOPLE
from bot.slack.click import Click
from bot.slack.feature import Reply, Request, UsageError
from bot.slack.features.schedule.calendar import SaveCalendarCommand
from bot.slack.features.schedule.command import SaveScheduleCommand
from bot.slack.features.schedule.replies import asking, editor_of, reply_of
from bot.slack.features.watch.opening import PREVIEWED, field_refusal, open_modal
from bot.slack.grammar.schedule_words import UNCHANGED, CalendarWords
from bot.slack.mrkdwn import outside
from bot.slack.render.blocks import Block, context, input_block, option, plain
from bot.slack.render.on_call_forms import name_taken
from bot.slack.submission import Submission

CALLBACK_ID = "schedule"
NAME, PEOPLE, EVERY, TIME, DAY, ZONE, CALENDAR = (  # the blocks
    "name",
    "people",
    "every",
    "time",
    "day",
    "zone",
    "calendar",
)
_TURNS = ("1 day", "2 days", "3 days", "1 week", "2 weeks", "3 weeks", "4 weeks")
_WEEK, _MORNING = "1 week", "09:00"


# --- open ------------------------------------------------------------------------------------------------------------


async def open_schedule_form(click: Click, request: Request) -> Reply | None:
    """Empty, or with the schedule that the click names."""
    name = click.text("name")
    answer = request.services.requests.schedules.show(name) if name else None
    if isinstance(answer, RefusalAnswer):
        return request.refused(answer)
    saved = answer.view.saved if answer else None
    return await open_modal(click, request, lambda direct: schedule_form(direct, saved))


def schedule_form(direct: ChannelId, saved: SavedSchedule | None) -> Block:
    """The modal. It never holds the address of a calendar: that is a secret."""
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "private_metadata": f"{direct} {saved.name}" if saved else direct,
        "title": plain("Edit a schedule" if saved else "New schedule"),
        "submit": plain("Preview"),
        "close": plain("Cancel"),
        "blocks": [
            _name_input(saved),
            *_rotation_inputs(saved),
            _calendar_input(saved),
            *context(PREVIEWED),
        ],
    }


def _name_input(saved: SavedSchedule | None) -> Block:
    element = {"type": "plain_text_input", "placeholder": plain("data"), "max_length": LONGEST_NAME}
    initial = {"initial_value": saved.name} if saved else {}
    hint = "Another name makes another schedule." if saved else "One word. Policies and watches name it: oncall:data"
    return input_block(NAME, "Name", {**element, **initial}, hint=hint)


def _rotation_inputs(saved: SavedSchedule | None) -> list[Block]:
    rotation = saved.rotation if saved else None
    people = {"type": "multi_users_select", "placeholder": plain("Choose"), "max_selected_items": MOST_PEOPLE}
    if rotation:
        people["initial_users"] = [person.id for person in rotation.people]
    turn = _turn(rotation.every, rotation.unit) if rotation else _WEEK
    turns = {text: option(text, text) for text in (*_TURNS, turn)}
    days = [option(day.capitalize(), day) for day in DAY_NAMES]
    weekday = rotation.anchor.weekday() if rotation and rotation.unit is TurnUnit.WEEKS else 0
    time = f"{rotation.handover:%H:%M}" if rotation else _MORNING
    zone = {"type": "plain_text_input", "placeholder": plain("Europe/Berlin"), "max_length": 60}
    if rotation:
        zone["initial_value"] = rotation.zone
    every = {"type": "static_select", "options": list(turns.values()), "initial_option": turns[turn]}
    return [
        input_block(PEOPLE, "People who take turns", people, hint="In the order of their turns.", optional=True),
        input_block(EVERY, "Each turn lasts", every, optional=True),
        input_block(TIME, "Handover at", {"type": "timepicker", "initial_time": time}, optional=True),
        input_block(
            DAY,
            "Handover on",
            {"type": "static_select", "options": days, "initial_option": days[weekday]},
            hint="Only for turns of weeks.",
            optional=True,
        ),
        input_block(ZONE, "Time zone", zone, hint="Empty: your time zone in Slack.", optional=True),
    ]


def _calendar_input(saved: SavedSchedule | None) -> Block:
    element = {"type": "plain_text_input", "placeholder": plain("https://…"), "max_length": LONGEST_CALENDAR_ADDRESS}
    hint = "In iCalendar format, in place of people. It is a secret: I never show it."
    if saved and saved.calendar:
        hint = f"It follows a calendar at {saved.calendar.address.host} now. I never show the address: type it again."
    return input_block(CALENDAR, "Or the address of a calendar", element, hint=hint, optional=True)


def _turn(every: int, unit: TurnUnit) -> str:
    noun = "day" if unit is TurnUnit.DAYS else "week"
    return f"{every} {noun}{'' if every == 1 else 's'}"


# --- submit ----------------------------------------------------------------------------------------------------------


async def submit_schedule_form(submission: Submission, request: Request) -> Reply:
    name, address = submission.text_in(NAME).strip(), submission.text_in(CALENDAR).strip()
    people, typed_zone = submission.texts_in(PEOPLE), submission.text_in(ZONE).strip()
    if problem := name_problem(name):
        return field_refusal(
            NAME, f"“{outside(name)}” can't be the name of a schedule: {problem}. {UNCHANGED}", request
        )
    existing = request.services.requests.schedules.show(name)
    if isinstance(existing, ScheduleAnswer) and name_key(submission.edited) != name_key(name):
        return field_refusal(NAME, name_taken("schedule", existing.view.saved.name), request)
    if bool(people) == bool(address):
        block = CALENDAR if address else PEOPLE
        return field_refusal(block, f"Choose people, or type a calendar's address: one of both. {UNCHANGED}", request)
    zone = zone_named(typed_zone) if typed_zone else None
    if typed_zone and zone is None:
        near = zones_like(typed_zone)
        guess = f"Did you mean {near[0]}?" if near else "Type it as Europe/Berlin."
        return field_refusal(ZONE, f"I don't know the time zone “{outside(typed_zone)}”. {guess} {UNCHANGED}", request)
    if refusal := await request.services.permissions.to_change(request.asker, request.asker.channel):
        return field_refusal(NAME, refusal, request)
    request = replace(request, existed=name_key(submission.edited) == name_key(name))
    key = zone.key if zone else ""
    if address:
        return await _follow(SaveCalendarCommand(name, CalendarWords(address, key)), request)
    return await _rotate(name, _rotation_words(submission, key), request)


async def _follow(command: SaveCalendarCommand, request: Request) -> Reply:
    pending = await command.proposed(request)
    if isinstance(pending, RefusalAnswer):
        return field_refusal(CALENDAR, pending, request)
    return await command.answered(pending, request)


async def _rotate(name: str, words: str, request: Request) -> Reply:
    text = f"schedule {name} = {words}"
    command = request.parse(text)
    if isinstance(command, UsageError):
        return field_refusal(PEOPLE, command.message, request)
    if not isinstance(command, SaveScheduleCommand):
        return field_refusal(NAME, f"Choose another name. {UNCHANGED}", request)
    wish = await command.wish(request)
    if isinstance(wish, RefusalAnswer):
        return field_refusal(PEOPLE, wish, request)
    answer = await request.services.requests.schedules.rotate(name, wish, await editor_of(request))
    if isinstance(answer, RefusalAnswer):
        return field_refusal(PEOPLE, answer, request)
    return reply_of(answer, asking(request, text))


def _rotation_words(submission: Submission, zone: str) -> str:
    """The rotation as a command names it, which *Save* runs."""
    every = submission.text_in(EVERY) or _WEEK
    words = ["rotate", *(f"<@{user}>" for user in submission.texts_in(PEOPLE)), f"every {every}"]
    words.append(f"at {submission.text_in(TIME) or _MORNING}")
    if "week" in every:
        words.append(f"on {submission.text_in(DAY) or DAY_NAMES[0]}")
    return " ".join([*words, *([f"in {zone}"] if zone else [])])
