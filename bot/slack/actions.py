"""Buttons: acknowledge, refresh, unwatch, share, turn the page. A stale button answers with what is true now."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from bot.domain.answer import AcknowledgeAnswer, Answer
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId, UserId
from bot.slack import action_ids
from bot.slack.commands import Commands
from bot.slack.inbound import readable
from bot.slack.look import Look
from bot.slack.respond import Respond
from bot.slack.status_answers import Asked
from bot.watching.requests import Requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """A click as Slack tells of it (https://docs.slack.dev/reference/interaction-payloads/block_actions-payload).

    `facts` is what the button carries; nothing in it is believed that is not looked up again.
    """

    action: str
    channel: ChannelId
    user: UserId
    ephemeral: bool
    facts: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, told: Mapping[str, str]) -> Self:
        """From what `told_of` made of it."""
        return cls(
            action=told["action"],
            channel=ChannelId(told["channel"]),
            user=UserId(told["user"]),
            ephemeral=bool(told["ephemeral"]),
            facts=_facts(told["value"]),
        )

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
        "ephemeral": "yes" if place.get("is_ephemeral") else "",
        "value": action.get("value"),
        "response_url": body.get("response_url"),
    }
    which = f"{action.get('action_ts')} {action.get('action_id')} {user.get('id')} {place.get('message_ts')}"
    return readable(which), {name: readable(value) for name, value in told.items()}


class Actions:
    def __init__(self, requests: Requests, commands: Commands, look: Look) -> None:
        self._requests = requests
        self._commands = commands
        self._look = look

    async def on(self, click: Click, respond: Respond) -> None:
        match click.action:
            case action_ids.ACKNOWLEDGE:
                await self._say(await self._acknowledge(click), Asked(), respond)
            case action_ids.ACKNOWLEDGE_ALL:
                many = await self._requests.acknowledgements.acknowledge_storm(
                    click.channel, click.text("storm"), click.user
                )
                await self._say(many, Asked(), respond)
            case action_ids.REFRESH:
                pipeline = PipelineId(click.text("pipeline"))
                answer: Answer = await self._requests.queries.refresh(click.channel, pipeline)
                await self._say(answer, Asked(text=f"status {pipeline}"), respond, replace=click.ephemeral)
            case action_ids.UNWATCH:
                answer = await self._requests.subscriptions.unwatch(click.channel, [click.text("pipeline")], click.user)
                await self._say(answer, Asked(), respond)
            case action_ids.SHARE:
                asked = Asked(text=click.asked.text, page=click.asked.page, shared=True)
                await self._say(await self._ask(click, asked), asked, respond, in_channel=True)
            case action_ids.PREVIOUS | action_ids.NEXT:
                await self._say(await self._ask(click, click.asked), click.asked, respond, replace=True)
            case _:
                return  # a button that only opens an address

    async def _acknowledge(self, click: Click) -> AcknowledgeAnswer:
        pipeline, card = PipelineId(click.text("pipeline")), click.text("card")
        return await self._requests.acknowledgements.acknowledge(click.channel, pipeline, card, click.user)

    async def _ask(self, click: Click, asked: Asked) -> Answer:
        """Asks again: what is shared, or turned to, is what is true now."""
        return await self._commands.asked_again(asked, click.channel, click.user)

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
