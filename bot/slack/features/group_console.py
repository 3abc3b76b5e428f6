"""The buttons of a group's message that act on all of its failures: *Acknowledge all*, *Snooze all*, and the menu."""

from collections.abc import Callable

from bot.domain.silence import LONGEST_WHY
from bot.domain.watch import ChannelId
from bot.requests.answer_terms import NO_TERMS, Terms
from bot.slack.click import Click
from bot.slack.feature import Button, Feature, Press, Reply, Request
from bot.slack.features.acknowledge import WRONG_CONVERSATION, answer_reply, person_and_conversation
from bot.slack.features.console import ODD_CLICK, ask_until, choice_in, picked_time, promised, snooze_end, who_has
from bot.slack.features.group_members import ON_PAGE, UNKNOWN_GROUP, press_show_members
from bot.slack.features.postmortem import press_group_postmortem
from bot.slack.render import action_ids
from bot.slack.render.blocks import actions, button, context, section, value
from bot.slack.render.console import GroupAction, SnoozeTime, member_logs
from bot.slack.render.diagnosis_batch import group_log_blocks
from bot.slack.render.group_card import by_importance
from bot.slack.render.phrases import pipelines


def on_its_group(press: Press, key_of: Callable[[Click], str] = lambda click: click.group) -> Press:
    """Refuses a click whose group is in another conversation: anyone can replay the value of a button."""

    async def checked(click: Click, request: Request) -> Reply | None:
        if not await request.services.requests.acknowledgements.holds_group(click.channel, key_of(click)):
            return request.refused(WRONG_CONVERSATION)
        return await press(click, request)

    return checked


async def answer_group(channel: ChannelId, group: str, request: Request, terms: Terms = NO_TERMS) -> Reply:
    """Acknowledges, snoozes or takes over the failures of a group."""
    acknowledgements = request.services.requests.acknowledgements
    name, place = await person_and_conversation(channel, request)
    answer = await acknowledgements.acknowledge_group(
        channel, group, request.asker.user, name=name, place=place, terms=terms
    )
    return answer_reply(answer, request)


async def _acknowledge_all(click: Click, request: Request) -> Reply:
    return await answer_group(click.channel, click.group, request)


async def _snooze_all(click: Click, request: Request) -> Reply:
    choice = choice_in(SnoozeTime, click.text("do"))
    if choice is None:
        return request.refused(ODD_CLICK)
    if choice is SnoozeTime.PICK:
        return ask_until(click.group, action_ids.SNOOZE_ALL_UNTIL)
    until = await snooze_end(choice, request)
    return await answer_group(click.channel, click.group, request, Terms(until=until, snoozed=True))


async def _snooze_all_until(click: Click, request: Request) -> Reply:
    until = picked_time(click, request)
    if isinstance(until, Reply):
        return until
    return await answer_group(click.channel, click.text("card"), request, Terms(until=until, snoozed=True))


async def _choose(click: Click, request: Request) -> Reply | None:
    """An entry of the group's menu."""
    match choice_in(GroupAction, click.text("do")):
        case GroupAction.PROMISE:
            return await answer_group(click.channel, click.group, request, Terms(until=promised(request)))
        case GroupAction.RESOLVE:
            return await ask_to_resolve_all(click.channel, click.group, request)
        case GroupAction.MEMBERS:
            return await press_show_members(click, request)
        case GroupAction.LOGS:
            return await _show_logs(click, request)
        case None:
            return request.refused(ODD_CLICK)


async def _show_logs(click: Click, request: Request) -> Reply:
    """The lines that the bot keeps. To read one log now, a person chooses the pipeline below them."""
    if refusal := await request.services.permissions.to_see_log(request.asker):
        return request.refused(refusal)
    members = await request.services.requests.acknowledgements.members(click.channel, click.group)
    if not members:
        return request.refused(UNKNOWN_GROUP)
    cards = by_importance(members)
    choice = actions(f"{click.group}-logs", member_logs(cards[:ON_PAGE]))
    others = "*Show all* has *Logs of …* for the others." if len(cards) > ON_PAGE and choice else ""
    return Reply(blocks=[*group_log_blocks(cards), *choice, *context(others)])


async def ask_to_resolve_all(channel: ChannelId, group: str, request: Request, remark: str = "") -> Reply:
    """Nobody can take it back, so a slip of the thumb must not do it."""
    members = await request.services.requests.acknowledgements.members(channel, group)
    if not members:
        return request.refused(UNKNOWN_GROUP)
    number = sum(card.episode.answerable for card in members)
    if number == 0:
        text = "There is no paging left to end: each failure is over or no longer watched, or its paging was ended."
        return Reply(blocks=[section(f"{text} Nothing was changed.")])
    text = f"End the paging for {pipelines(number)} of this message? Nobody is called again, even if they stay FAILED."
    text += who_has(members)
    yes = button(action_ids.RESOLVE_ALL, "Resolve all", value(group=group, remark=remark), style="danger")
    return Reply(blocks=[section(text), *actions(f"{group}-resolve", yes)])


async def _resolve_all(click: Click, request: Request) -> Reply:
    acknowledgements = request.services.requests.acknowledgements
    name, place = await person_and_conversation(click.channel, request)
    answer = await acknowledgements.resolve_group(
        click.channel, click.group, click.user, name=name, place=place, remark=click.text("remark")[:LONGEST_WHY]
    )
    return answer_reply(answer, request)


FEATURE = Feature(
    buttons={
        action_ids.ACKNOWLEDGE_ALL: Button(press=on_its_group(_acknowledge_all), acknowledges=True),
        action_ids.SNOOZE_ALL: Button(press=on_its_group(_snooze_all), acknowledges=True),
        action_ids.SNOOZE_ALL_UNTIL: Button(
            press=on_its_group(_snooze_all_until, lambda click: click.text("card")), acknowledges=True
        ),
        action_ids.GROUP_MENU: Button(press=on_its_group(_choose)),
        action_ids.GROUP_LOGS: Button(press=on_its_group(_show_logs), changes=False),
        action_ids.GROUP_POSTMORTEM: Button(press=on_its_group(press_group_postmortem)),
        action_ids.RESOLVE_ALL: Button(press=on_its_group(_resolve_all), acknowledges=True),
    }
)
