"""The button *Show all* of a group: its pipelines page by page, for the person who asks. Each has its own actions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.domain.answer import RefusalAnswer
from bot.domain.card import Card
from bot.requests.answer_terms import NO_TERMS, Terms
from bot.slack.click import Click
from bot.slack.feature import Button, Feature, Press, Reply, Request
from bot.slack.features.acknowledge import WRONG_CONVERSATION
from bot.slack.features.console import ODD_CLICK, ask_how_long_to_snooze, ask_to_resolve, choice_in, stale_reply
from bot.slack.features.mute import press_mute
from bot.slack.features.postmortem import press_postmortem
from bot.slack.features.unwatch import press_unwatch
from bot.slack.render import action_ids, phrases
from bot.slack.render.acknowledge_words import acknowledge_words
from bot.slack.render.blocks import Block, actions, button, context, section, value
from bot.slack.render.console import MemberAction, member_logs, member_menu
from bot.slack.render.group_card import by_importance, member_row
from bot.slack.render.render_context import RenderContext

ON_PAGE = 15  # members: with their menus, more might exceed the size of a message
UNKNOWN_GROUP = RefusalAnswer(
    reason="I no longer know these failures, so there is nothing to show. Nothing was changed.", command="status"
)

# --- press -----------------------------------------------------------------------------------------------------------


async def press_show_members(click: Click, request: Request) -> Reply:
    page = click.facts.get("page")
    number = page if isinstance(page, int) else 1
    return await _page(click, click.group, number, request)


_AS_ON_CARD: Mapping[MemberAction | None, Press] = {
    MemberAction.UNWATCH: press_unwatch,
    MemberAction.MUTE: press_mute,
    MemberAction.POSTMORTEM: press_postmortem,
}


async def _act(click: Click, request: Request) -> Reply | None:
    """An entry of a member's menu. An acknowledgement shows the page again; other entries ask first, or say more."""
    acknowledgements, key = request.services.requests.acknowledgements, click.text("card")
    if not await acknowledgements.holds(click.channel, [key]):
        return request.refused(WRONG_CONVERSATION)
    group = await acknowledgements.group_of(key)
    members = await acknowledgements.members(click.channel, group) or ()
    card = next((member for member in members if member.key == key), None)
    if card is None:
        return request.refused(UNKNOWN_GROUP)
    on_card = replace(click, facts={"pipeline": card.pipeline.id, "card": key})
    terms, choice = NO_TERMS, choice_in(MemberAction, click.text("do"))
    if press := _AS_ON_CARD.get(choice):
        return await press(on_card, request)
    match choice:
        case MemberAction.SNOOZE | MemberAction.RESOLVE if not card.episode.answerable:
            return await stale_reply(click.channel, key, request)
        case MemberAction.SNOOZE:
            return ask_how_long_to_snooze(card)
        case MemberAction.RESOLVE:
            return ask_to_resolve(card)
        case MemberAction.TAKE_OVER:
            terms = Terms(takes_over=True)
        case None:
            return request.refused(ODD_CLICK)
    name = await request.services.permissions.name(request.asker)
    place = await request.services.permissions.facts.conversation_name(click.channel)
    answer = await acknowledgements.acknowledge(
        click.channel, card.pipeline.id, key, click.user, name=name, place=place, terms=terms
    )
    number = 1 + by_importance(members).index(card) // ON_PAGE
    done = section(acknowledge_words(answer, request.services.render_context))
    return await _page(click, group, number, request, done)


async def _page(click: Click, group: str, number: int, request: Request, *above: Block) -> Reply:
    members = await request.services.requests.acknowledgements.members(click.channel, group)
    if members is None:
        return request.refused(WRONG_CONVERSATION)
    if not members:
        return request.refused(UNKNOWN_GROUP)
    blocks = [*above, *member_blocks(members, group, number, request.services.render_context)]
    return Reply(blocks=blocks, replace=click.ephemeral)


# --- render ----------------------------------------------------------------------------------------------------------


def member_blocks(members: Sequence[Card], group: str, number: int, render_context: RenderContext) -> list[Block]:
    """One page of a group's members, those without an acknowledgement first."""
    pages = -(-len(members) // ON_PAGE)
    number = min(max(1, number), pages)
    first = (number - 1) * ON_PAGE
    on_page = by_importance(members)[first : first + ON_PAGE]
    still = sum(card.episode.open for card in members)
    head = f"*{still} of {phrases.pipelines(len(members))}* still failing"
    place = (
        f"{first + 1} to {first + len(on_page)} of {len(members):,} · page {number:,} of {pages}" if pages > 1 else ""
    )
    return [
        section(head),
        *context(place),
        *(section(member_row(card, render_context), member_menu(card)) for card in on_page),
        *actions(
            f"members-{number}",
            member_logs(on_page),
            _turn("‹ Previous", group, number - 1) if number > 1 else None,
            _turn("Next ›", group, number + 1) if number < pages else None,
        ),
    ]


def _turn(label: str, group: str, number: int) -> Block:
    action = action_ids.PREVIOUS_MEMBERS if label.startswith("‹") else action_ids.NEXT_MEMBERS
    return button(action, label, value(group=group, page=number))


FEATURE = Feature(
    buttons={
        action_ids.SHOW_MEMBERS: Button(press=press_show_members, changes=False),
        action_ids.PREVIOUS_MEMBERS: Button(press=press_show_members, changes=False),
        action_ids.NEXT_MEMBERS: Button(press=press_show_members, changes=False),
        action_ids.MEMBER_ACTION: Button(press=_act, acknowledges=True),
    }
)
