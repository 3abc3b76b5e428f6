"""The card as a console: *Snooze*, *Take over*, and the menu with a promise, *Resolve*, *Mute* and *Unwatch*."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar

from bot.domain.answer import AcknowledgeAllAnswer, RefusalAnswer
from bot.domain.card import Card
from bot.domain.silence import LONGEST_WHY
from bot.domain.wall_clock import next_moment
from bot.domain.watch import ChannelId
from bot.requests.answer_terms import Terms
from bot.slack.click import Click
from bot.slack.feature import Button, Feature, Press, Reply, Request
from bot.slack.features import logs, mute, refresh, unwatch
from bot.slack.features.acknowledge import answer_reply, on_its_card, person_and_conversation
from bot.slack.mrkdwn import outside
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import actions, button, section, time_picker, value
from bot.slack.render.console import CardAction, SnoozeTime, snooze_menu

ChoiceT = TypeVar("ChoiceT", bound=StrEnum)

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
ODD_CLICK = RefusalAnswer(reason="I don't know that choice. Nothing was changed.", hint="Use the card's own menu.")


async def _snooze(click: Click, request: Request) -> Reply:
    """The menu *Snooze*. Its last entry asks for a time."""
    choice = choice_in(SnoozeTime, click.text("do"))
    if choice is None:
        return request.refused(ODD_CLICK)
    if choice is SnoozeTime.PICK:
        return await _ask_for_time(click, request)
    return await _answer(click, request, Terms(until=await snooze_end(choice, request), snoozed=True))


async def _ask_for_time(click: Click, request: Request) -> Reply:
    card = await request.services.requests.acknowledgements.card(click.text("card"))
    if card and not card.episode.answerable:
        return await stale_reply(click.channel, card.key, request)
    return ask_until(click.text("card"), action_ids.SNOOZE_UNTIL)


async def stale_reply(channel: ChannelId, card: str, request: Request) -> Reply:
    """For a failure that nobody can answer any more: what became of it."""
    answer = await request.services.requests.acknowledgements.described(channel, card, request.asker.user)
    return answer_reply(answer, request)


def on_known_card(press: Press) -> Press:
    """As `on_its_card`, for a button that names nothing but its card."""

    async def checked(click: Click, request: Request) -> Reply | None:
        if await request.services.requests.acknowledgements.card(click.text("card")) is None:
            return answer_reply(AcknowledgeAllAnswer(acknowledged=0, known=0), request)
        return await press(click, request)

    return on_its_card(checked)


async def snooze_end(choice: SnoozeTime, request: Request) -> datetime:
    """When a snooze of this length ends."""
    now = request.services.requests.acknowledgements.now
    if length := _LENGTHS.get(choice):
        return now + length
    return next_moment(now, MORNING, await request.services.permissions.facts.zone(request.asker.user))


def ask_until(key: str, action_id: str) -> Reply:
    """Asks for a time. The block's id names the card or group: a picker has no value of its own."""
    picker = actions(key, time_picker(action_id))
    return Reply(blocks=[section("Until when should I stop paging? The times are in your time zone."), *picker])


def picked_time(click: Click, request: Request) -> datetime | Reply:
    """The time that a person picked, or the refusal of it."""
    now, moment = request.services.requests.acknowledgements.now, click.facts.get("at")
    until = datetime.fromtimestamp(moment, UTC) if isinstance(moment, int) and 0 < moment < 2**33 else now
    return until if now < until <= now + LONGEST_SNOOZE else request.refused(_ODD_TIME)


def promised(request: Request) -> datetime:
    """When the person who promises to be back is back."""
    return request.services.requests.acknowledgements.now + PROMISE


async def _snooze_until(click: Click, request: Request) -> Reply:
    until = picked_time(click, request)
    return until if isinstance(until, Reply) else await _answer(click, request, Terms(until=until, snoozed=True))


async def _take_over(click: Click, request: Request) -> Reply:
    return await _answer(click, request, Terms(takes_over=True))


async def _answer(click: Click, request: Request, terms: Terms) -> Reply:
    acknowledgements, card = request.services.requests.acknowledgements, click.text("card")
    name, place = await person_and_conversation(click.channel, request)
    answer = await acknowledgements.acknowledge_member(
        click.channel, card, click.user, name=name, place=place, terms=terms
    )
    return answer_reply(answer, request)


async def _choose(click: Click, request: Request) -> Reply | None:
    """An entry of the card's menu."""
    match choice_in(CardAction, click.text("do")):
        case CardAction.PROMISE:
            return await _answer(click, request, Terms(until=promised(request)))
        case CardAction.RESOLVE:
            return await _ask_to_resolve(click, request)
        case CardAction.REFRESH:
            return await refresh.press_refresh(await _with_pipeline(click, request), request)
        case CardAction.LOGS:
            return await logs.press_logs(click, request)
        case CardAction.MUTE:
            return await mute.press_mute(await _with_pipeline(click, request), request)
        case CardAction.UNWATCH:
            return await unwatch.press_unwatch(await _with_pipeline(click, request), request)
        case None:
            return request.refused(ODD_CLICK)


async def _ask_to_resolve(click: Click, request: Request) -> Reply:
    card = await request.services.requests.acknowledgements.card(click.text("card"))
    if card is None or not card.episode.answerable:
        return await stale_reply(click.channel, click.text("card"), request)
    return ask_to_resolve(card)


def ask_to_resolve(card: Card, remark: str = "") -> Reply:
    """Nobody can take it back, so a slip of the thumb must not do it."""
    since = phrases.moment(card.episode.began_at, first_seen=card.episode.found_begun)
    text = (
        f"End the paging for *{outside(card.pipeline.name)}*, open since {since}? Nobody is called again, even if the "
        f"pipeline stays FAILED. The card stays up to date.{who_has([card])}"
    )
    yes = button(action_ids.RESOLVE, "Resolve", value(card=card.key, remark=remark), style="danger")
    return Reply(blocks=[section(text), *actions(f"{card.key}-resolve", yes)])


def who_has(cards: Sequence[Card]) -> str:
    """`Acknowledged by carol.`, so that nobody ends another person's work unknowingly."""
    answers = [card.episode.acknowledged for card in cards if card.episode.answerable and card.episode.acknowledged]
    names = sorted({phrases.person(answer.name) for answer in answers})
    return f" Acknowledged by {', '.join(names)}." if names else ""


def ask_how_long_to_snooze(card: Card) -> Reply:
    text = f"For how long should I stop paging for *{outside(card.pipeline.name)}*?"
    return Reply(blocks=[section(text), *actions(f"{card.key}-snooze", snooze_menu(card.key))])


async def _resolve(click: Click, request: Request) -> Reply:
    return await resolve_card(click.channel, click.text("card"), request, click.text("remark")[:LONGEST_WHY])


async def resolve_card(channel: ChannelId, card: str, request: Request, remark: str = "") -> Reply:
    name, place = await person_and_conversation(channel, request)
    answer = await request.services.requests.acknowledgements.resolve(
        channel, card, request.asker.user, name=name, place=place, remark=remark
    )
    return answer_reply(answer, request)


async def _with_pipeline(click: Click, request: Request) -> Click:
    """The click with the pipeline of its card: an option of a menu has no room for both."""
    pipeline_id = await request.services.requests.acknowledgements.pipeline_of(click.text("card"))
    return replace(click, facts={**click.facts, "pipeline": pipeline_id})


def choice_in(kind: Callable[[str], ChoiceT], text: str) -> ChoiceT | None:
    try:
        return kind(text)
    except ValueError:
        return None


FEATURE = Feature(
    buttons={
        action_ids.SNOOZE: Button(press=on_known_card(_snooze), acknowledges=True),
        action_ids.SNOOZE_UNTIL: Button(press=on_known_card(_snooze_until), acknowledges=True),
        action_ids.TAKE_OVER: Button(press=on_known_card(_take_over), acknowledges=True),
        action_ids.CARD_MENU: Button(press=on_known_card(_choose)),
        action_ids.RESOLVE: Button(press=on_known_card(_resolve), acknowledges=True),
    }
)
