"""The card as a console: *Snooze*, *Take over*, and the menu with a promise, *Resolve*, *Mute* and *Unwatch*."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TypeVar

from bot.domain.answer import AcknowledgeAllAnswer, AcknowledgeAnswer, RefusalAnswer
from bot.domain.wall_clock import next_moment
from bot.requests.acknowledgements import Terms
from bot.slack.click import Click
from bot.slack.feature import Button, Feature, Reply, Request
from bot.slack.features import mute, refresh, unwatch
from bot.slack.features.acknowledge import acknowledgement, on_its_card, person_and_conversation
from bot.slack.render import action_ids
from bot.slack.render.blocks import actions, button, section, time_picker, value
from bot.slack.render.console import CardAction, SnoozeTime

ChoiceT = TypeVar("ChoiceT", SnoozeTime, CardAction)

PROMISE = timedelta(minutes=20)
LONGEST_SNOOZE = timedelta(days=7)
MORNING = time(9)
_LENGTHS = {
    SnoozeTime.HALF_HOUR: timedelta(minutes=30),
    SnoozeTime.HOUR: timedelta(hours=1),
    SnoozeTime.FOUR_HOURS: timedelta(hours=4),
}
_ODD_TIME = RefusalAnswer(
    reason="A snooze ends in the future, within 7 days. Nothing was changed.", hint="Choose another time."
)
_ODD_CLICK = RefusalAnswer(reason="I don't know that choice. Nothing was changed.", hint="Use the card's own menu.")


async def _snooze(click: Click, request: Request) -> Reply:
    """The menu *Snooze*. Its last entry asks for a time."""
    choice = _choice(SnoozeTime, click.text("do"))
    if choice is None:
        return request.refused(_ODD_CLICK)
    now = request.services.requests.acknowledgements.now
    if choice is SnoozeTime.PICK:
        return _ask_for_time(click)
    if choice is SnoozeTime.MORNING:
        until = next_moment(now, MORNING, await request.services.permissions.facts.zone(click.user))
    else:
        until = now + _LENGTHS[choice]
    return await _answer(click, request, until=until, snoozed=True)


def _ask_for_time(click: Click) -> Reply:
    picker = actions(click.text("card"), time_picker(action_ids.SNOOZE_UNTIL))
    return Reply(blocks=[section("Until when should I stop paging? The times are in your time zone."), *picker])


async def _snooze_until(click: Click, request: Request) -> Reply:
    """The time that a person picked."""
    now, moment = request.services.requests.acknowledgements.now, click.facts.get("at")
    until = datetime.fromtimestamp(moment, UTC) if isinstance(moment, int) and 0 < moment < 2**33 else now
    if not now < until <= now + LONGEST_SNOOZE:
        return request.refused(_ODD_TIME)
    return await _answer(click, request, until=until, snoozed=True)


async def _take_over(click: Click, request: Request) -> Reply:
    return await _answer(click, request)


async def _answer(click: Click, request: Request, *, until: datetime | None = None, snoozed: bool = False) -> Reply:
    """The acknowledgement moves to this person."""
    acknowledgements, card = request.services.requests.acknowledgements, click.text("card")
    name, place = await person_and_conversation(click.channel, request)
    terms = Terms(until=until, snoozed=snoozed, takes_over=True)
    answer = await acknowledgements.acknowledge_member(
        click.channel, card, click.user, name=name, place=place, terms=terms
    )
    return _reply(answer, request)


async def _choose(click: Click, request: Request) -> Reply | None:
    """An entry of the card's menu."""
    match _choice(CardAction, click.text("do")):
        case CardAction.PROMISE:
            return await _answer(click, request, until=request.services.requests.acknowledgements.now + PROMISE)
        case CardAction.RESOLVE:
            return _ask_to_resolve(click)
        case CardAction.REFRESH:
            return await refresh.press_refresh(await _with_pipeline(click, request), request)
        case CardAction.MUTE:
            return await mute.press_mute(await _with_pipeline(click, request), request)
        case CardAction.UNWATCH:
            return await unwatch.press_unwatch(await _with_pipeline(click, request), request)
        case None:
            return request.refused(_ODD_CLICK)


def _ask_to_resolve(click: Click) -> Reply:
    """Nobody can take it back, so a slip of the thumb must not do it."""
    text = "End the paging for this failure? Nobody is called again, even if the pipeline stays FAILED."
    yes = button(action_ids.RESOLVE, "Resolve", value(card=click.text("card")), style="danger")
    return Reply(blocks=[section(text), *actions(f"{click.text('card')}-resolve", yes)])


async def _resolve(click: Click, request: Request) -> Reply:
    acknowledgements, card = request.services.requests.acknowledgements, click.text("card")
    name, place = await person_and_conversation(click.channel, request)
    return _reply(await acknowledgements.resolve(click.channel, card, click.user, name=name, place=place), request)


async def _with_pipeline(click: Click, request: Request) -> Click:
    """The click with the pipeline of its card: an option of a menu has no room for both."""
    pipeline_id = await request.services.requests.acknowledgements.pipeline_of(click.text("card"))
    return replace(click, facts={**click.facts, "pipeline": pipeline_id})


def _choice(kind: Callable[[str], ChoiceT], text: str) -> ChoiceT | None:
    try:
        return kind(text)
    except ValueError:
        return None


def _reply(answer: AcknowledgeAnswer | AcknowledgeAllAnswer, request: Request) -> Reply:
    return Reply(blocks=[section(acknowledgement(answer, request.services.render_context))])


FEATURE = Feature(
    buttons={
        action_ids.SNOOZE: Button(press=on_its_card(_snooze), acknowledges=True),
        action_ids.SNOOZE_UNTIL: Button(press=on_its_card(_snooze_until), acknowledges=True),
        action_ids.TAKE_OVER: Button(press=on_its_card(_take_over), acknowledges=True),
        action_ids.CARD_MENU: Button(press=on_its_card(_choose)),
        action_ids.RESOLVE: Button(press=on_its_card(_resolve), acknowledges=True),
    }
)
