"""Buttons: acknowledge, refresh, unwatch, share, turn the page. A stale button answers with what is true now."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from bot.domain.answer import Answer, ListAnswer, Refusal, StatusAnswer
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId, UserId
from bot.requests.requests import Requests
from bot.slack.commands import Commands
from bot.slack.inbound.payloads import readable
from bot.slack.inbound.respond import Respond
from bot.slack.permissions import Asker, Permissions
from bot.slack.render import action_ids
from bot.slack.render.renderer import Look
from bot.slack.render.status_answers import Asked

NOT_HERE = Refusal(
    reason="That button belongs to a card in another conversation. Nothing was changed.",
    hint="Use the button on the card itself.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """A click as Slack tells of it (https://docs.slack.dev/reference/interaction-payloads/block_actions-payload).

    `facts` is what the button carries; nothing in it is believed that is not looked up again.
    """

    action: str
    channel: ChannelId
    user: UserId
    ephemeral: bool
    team: str = ""
    handle: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, told: Mapping[str, str]) -> Self:
        """From what `told_of` made of it."""
        return cls(
            action=told["action"],
            channel=ChannelId(told["channel"]),
            user=UserId(told["user"]),
            ephemeral=bool(told["ephemeral"]),
            team=told.get("team", ""),
            handle=told.get("handle", ""),
            facts=_facts(told["value"]),
        )

    @property
    def asker(self) -> Asker:
        return Asker(user=self.user, channel=self.channel, team=self.team, handle=self.handle, clicked=True)

    def text(self, name: str) -> str:
        fact = self.facts.get(name)
        return fact if isinstance(fact, str) else ""

    @property
    def asked(self) -> Asked:
        page = self.facts.get("page")
        return Asked(text=self.text("asked"), page=max(1, page) if isinstance(page, int) else 1)


def told_of(body: Mapping[str, object]) -> tuple[str, dict[str, str]]:
    """What tells this click from every other, however often Slack delivers it; and all that is needed to act on it."""
    action, user, place = _first(body.get("actions")), _object(body.get("user")), _object(body.get("container"))
    channel = _object(body.get("channel")).get("id") or place.get("channel_id")
    told = {
        "action": action.get("action_id"),
        "channel": channel,
        "user": user.get("id"),
        "team": user.get("team_id"),
        "handle": user.get("name") or user.get("username"),
        "ephemeral": "yes" if place.get("is_ephemeral") else "",
        "value": action.get("value") or _object(action.get("selected_option")).get("value"),
        "response_url": body.get("response_url"),
    }
    which = f"{action.get('action_ts')} {action.get('action_id')} {user.get('id')} {place.get('message_ts')}"
    if action.get("action_id") == action_ids.CONFIRM:  # each question is answered once, however often it is clicked
        which = f"{action_ids.CONFIRM} {user.get('id')} {channel} {action.get('value')}"
    return readable(which), {name: readable(value) for name, value in told.items()}


class Actions:
    def __init__(self, requests: Requests, commands: Commands, look: Look, permissions: Permissions) -> None:
        self._requests = requests
        self._commands = commands
        self._look = look
        self._permissions = permissions

    async def on(self, click: Click, respond: Respond) -> None:
        match click.action:
            case action_ids.ACKNOWLEDGE:
                await self._say(await self._acknowledge(click), Asked(), respond)
            case action_ids.ACKNOWLEDGE_ALL:
                await self._say(await self._acknowledge_all(click), Asked(), respond)
            case action_ids.ACKNOWLEDGE_ONE:
                await self._say(await self._acknowledge_one(click), Asked(), respond)
            case action_ids.REFRESH:
                asked = Asked(text=f"status {click.text('pipeline')}")
                await self._say(await self._refresh(click), asked, respond, replace=click.ephemeral)
            case action_ids.UNWATCH | action_ids.UNDO | action_ids.CONFIRM:
                confirms = click.action == action_ids.CONFIRM
                await self._say(await self._changed(click), click.asked, respond, replace=confirms)
            case action_ids.SHARE:
                await self._share(click, respond)
            case action_ids.PREVIOUS | action_ids.NEXT:
                await self._say(await self._ask(click, click.asked), click.asked, respond, replace=True)
            case action_ids.STOP_PAGING:
                stopped = await self._requests.stops.stop(click.user, await self._paged_for(click))
                await self._say(stopped, Asked(), respond)
            case action_ids.STOP_ALL_PAGING:
                await self._say(await self._requests.stops.stop(click.user, None), Asked(), respond, replace=True)
            case _:
                return  # a button that only opens an address

    async def _acknowledge(self, click: Click) -> Answer:
        card = click.text("card")
        if not await self._requests.acknowledgements.stands_in(click.channel, [card]):
            return NOT_HERE
        name, place = await self._who_and_where(click)
        return await self._requests.acknowledgements.acknowledge(
            click.channel, PipelineId(click.text("pipeline")), card, click.user, name=name, place=place
        )

    async def _acknowledge_all(self, click: Click) -> Answer:
        group = click.text("group") or click.text("storm")
        if not await self._requests.acknowledgements.group_stands_in(click.channel, group):
            return NOT_HERE
        name, place = await self._who_and_where(click)
        return await self._requests.acknowledgements.acknowledge_group(
            click.channel, group, click.user, name=name, place=place
        )

    async def _refresh(self, click: Click) -> Answer:
        """An answer that only its reader sees carries no card, and shows what anyone may ask for."""
        card = click.text("card")
        if card and not await self._requests.acknowledgements.stands_in(click.channel, [card]):
            return NOT_HERE
        return await self._requests.queries.refresh(click.channel, PipelineId(click.text("pipeline")))

    async def _unwatch(self, click: Click) -> Answer:
        card = click.text("card")
        if card and not await self._requests.acknowledgements.stands_in(click.channel, [card]):
            return NOT_HERE
        if refusal := await self._permissions.to_change(click.asker, click.channel):
            return refusal
        name = await self._permissions.name(click.asker)
        return await self._requests.subscriptions.unwatch(click.channel, [click.text("pipeline")], click.user, name)

    async def _changed(self, click: Click) -> Answer:
        """What became of a click that changes watches."""
        if click.action == action_ids.CONFIRM:
            return await self._commands.confirmed(click.asked.text, click.asker)
        return await (self._undo(click) if click.action == action_ids.UNDO else self._unwatch(click))

    async def _undo(self, click: Click) -> Answer:
        if refusal := await self._permissions.to_change(click.asker, click.channel):
            return refusal
        name = await self._permissions.name(click.asker)
        return await self._requests.subscriptions.undo(click.channel, click.text("undo"), click.user, name)

    async def _who_and_where(self, click: Click) -> tuple[str, str]:
        """Asked side by side: neither is worth a later acknowledgement."""
        facts = self._permissions.facts
        name, place = await asyncio.gather(self._permissions.name(click.asker), facts.place_words(click.channel))
        return name, place

    async def _acknowledge_one(self, click: Click) -> Answer:
        """Chosen in a message that tells of many failures: the card says which pipeline it is."""
        card = click.text("card")
        if not await self._requests.acknowledgements.stands_in(click.channel, [card]):
            return NOT_HERE
        name, place = await self._who_and_where(click)
        return await self._requests.acknowledgements.acknowledge_member(
            click.channel, card, click.user, name=name, place=place
        )

    async def _paged_for(self, click: Click) -> list[PipelineId]:
        """One pipeline, those of a group's message, or those of a summary."""
        named = [PipelineId(each) for each in f"{click.text('pipeline')} {click.text('pipelines')}".split()]
        group = click.text("group") or click.text("storm")
        return [*named, *(await self._requests.stops.pipelines_of(group) if group else ())]

    async def _share(self, click: Click, respond: Respond) -> None:
        """A shared answer holds only facts about pipelines, and the name of the person who shared it."""
        by = await self._permissions.name(click.asker)
        asked = Asked(text=click.asked.text, page=click.asked.page, shared=True, shared_by=by)
        answer = await self._ask(click, asked)
        shows = isinstance(answer, StatusAnswer | ListAnswer) and bool(answer.views)
        await self._say(answer, asked if shows else click.asked, respond, in_channel=shows)

    async def _ask(self, click: Click, asked: Asked) -> Answer:
        """Asks again: what is shared, or turned to, is what is true now."""
        return await self._commands.asked_again(asked, click.asker)

    async def _say(
        self,
        answer: Answer,
        asked: Asked,
        respond: Respond,
        *,
        in_channel: bool = False,
        replace: bool = False,
    ) -> None:
        """`replace`: the answer takes the place of the message that was clicked: an answer to the same person."""
        await respond(self._look.answer(answer, asked).as_response(in_channel=in_channel, replace=replace))


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _first(value: object) -> Mapping[str, object]:
    return _object(value[0]) if isinstance(value, list) and value else {}


def _facts(value: object) -> Mapping[str, object]:
    try:
        return _object(json.loads(value)) if isinstance(value, str) else {}
    except (ValueError, RecursionError):
        return {}
