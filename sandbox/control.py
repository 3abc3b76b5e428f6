"""The control API: the calls about the Slack workspace, and the state that the page draws.

Every request that cannot be done gets a 4xx with `{"error": ...}`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, Protocol

import aiohttp
from aiohttp import web

from sandbox import control_faults, control_goldrush, pager_view
from sandbox.clock import Clock
from sandbox.control_body import Body
from sandbox.passing_time import PassingTime
from sandbox.slack import page_view
from sandbox.slack.delivery import Ack
from sandbox.slack.directory import ChannelKind
from sandbox.slack.interactions import Choice
from sandbox.slack.signed_http import HttpRefused
from sandbox.slack.wire import JsonObject, Refused, SlackError

MOST_ENTRIES = 1_000
DEFAULT_USER = "U0ANN"
DEFAULT_CHANNEL = "C0ALERTS"


class Controlled(control_goldrush.Controlled, control_faults.Breakable, pager_view.PagersOwner, Protocol):
    """The part of the sandbox that these calls reach."""

    @property
    def clock(self) -> Clock: ...

    @property
    def passing_time(self) -> PassingTime: ...


def routes(sandbox: Controlled) -> list[web.RouteDef]:
    control = Control(sandbox)
    posts = {
        "command": control.typed,
        "click": control.click,
        "view/click": control.click_in_view,
        "view/submit": control.submit_view,
        "view/close": control.close_view,
        "home": control.open_home,
        "messages_tab": control.open_messages_tab,
        "faults": control.set_fault,
        "channels/{id}": control.change_channel,
        "messages/edit": control.edit_message,
        "messages/delete": control.delete_message,
        "request_url": control.set_request_url,
        "time": control.let_time_pass,
    }
    logs = {"accepted": control.accepted, "calls": control.calls, "deliveries": control.deliveries}
    return [
        web.get("/sandbox/state", answering(control.state)),
        web.delete("/sandbox/faults", answering(control.clear_faults)),
        *(web.post(f"/sandbox/{path}", answering(with_body(call))) for path, call in posts.items()),
        *(web.get(f"/sandbox/{path}", answering(call)) for path, call in logs.items()),
    ]


class Control:
    def __init__(self, sandbox: Controlled) -> None:
        self._sandbox = sandbox
        self._slack = sandbox.slack

    async def state(self, request: web.Request) -> Any:
        """Everything the page shows, and marks the shown channel as read. The default is the first visible channel."""
        user = request.query.get("user", DEFAULT_USER)
        self._slack.directory.person(user)
        channel = request.query.get("channel") or self._first_channel(user)
        self._slack.directory.channel_seen_by(user, channel)
        page_view.mark_read(self._slack, channel, user)
        return {
            **page_view.surroundings(self._slack, user),
            "channel": channel,
            "conversation": self._slack.conversation_view(channel, user),
            "scheduled": page_view.scheduled(self._slack, channel),
            "pagers": pager_view.shown(self._sandbox),
            "pipelines": control_goldrush.pipeline_rows(self._sandbox.goldrush),
            "time": {"now": self._sandbox.clock.now(), "left": self._sandbox.passing_time.left},
            "usage": control_goldrush.usage_row(self._sandbox.goldrush),
            "scenario": {"running": self._sandbox.scenario_running},
            "faults": control_faults.rows(self._sandbox),
            "process": control_faults.process(self._sandbox),
            "breakable": control_faults.breakable(self._sandbox),
        }

    def _first_channel(self, user: str) -> str:
        directory = self._slack.directory
        visible = [channel.id for channel in directory.channels.values() if directory.sees(user, channel)]
        return DEFAULT_CHANNEL if DEFAULT_CHANNEL in visible else visible[0]

    async def typed(self, body: Body) -> Any:
        """A person sends a slash command or a message. Slack takes no command in a thread."""
        user, channel, text = body.text("user"), body.text("channel"), body.text("text").strip()
        thread_ts = body.maybe_text("thread_ts")
        if not text:
            raise ValueError("text is empty")
        if not text.startswith("/"):
            message = self._slack.say(user, channel, text, thread_ts)
            return {"ok": True, "ts": message.ts}
        command, _, rest = text.partition(" ")
        if thread_ts is not None:
            raise Refused(f"{command} is not supported in threads. Sorry!")
        return _outcome(await self._slack.run_command(user, channel, command, rest))

    async def click(self, body: Body) -> Any:
        ack = await self._slack.click(
            body.text("user"),
            body.text("channel"),
            body.text("ts"),
            body.text("action_id"),
            block_id=body.maybe_text("block_id"),
            value=body.maybe_text("value"),
            option=body.maybe_text("option"),
        )
        return _outcome(ack)

    async def click_in_view(self, body: Body) -> Any:
        choice = Choice(
            action_id=body.text("action_id"),
            block_id=body.maybe_text("block_id"),
            value=body.maybe_text("value"),
            option=body.maybe_text("option"),
        )
        return _outcome(await self._slack.click_in_view(body.text("user"), choice))

    async def submit_view(self, body: Body) -> Any:
        return _outcome(await self._slack.submit_view(body.text("user"), body.mapping("values")))

    async def close_view(self, body: Body) -> Any:
        await self._slack.close_view(body.text("user"))
        return {"ok": True}

    async def open_home(self, body: Body) -> Any:
        self._slack.open_home(body.text("user"))
        return {"ok": True}

    async def open_messages_tab(self, body: Body) -> Any:
        return {"ok": True, "channel": self._slack.open_messages_tab(body.text("user")).id}

    async def edit_message(self, body: Body) -> Any:
        self._slack.edit_message(body.text("user"), body.text("channel"), body.text("ts"), body.text("text"))
        return {"ok": True}

    async def set_fault(self, body: Body) -> Any:
        await control_faults.strike(self._sandbox, body)
        return {"ok": True}

    async def clear_faults(self, _: web.Request) -> Any:
        await control_faults.fix_all(self._sandbox)
        return {"ok": True}

    async def change_channel(self, body: Body) -> Any:
        channel = body.text("id")
        known = self._slack.directory.channels.get(channel)
        if known is None or known.kind is ChannelKind.IM:
            raise Refused(f"There is no channel {channel} to change.")
        change = self.changes(channel, body).get(body.text("action"))
        if change is None:
            raise ValueError(f"action must be one of {', '.join(self.changes(channel, body))}")
        change()
        return {"ok": True}

    def changes(self, channel: str, body: Body) -> dict[str, Callable[[], None]]:
        """Each change of a channel, by the name of its action."""
        slack = self._slack
        return {
            "archive": lambda: slack.archive(channel),
            "unarchive": lambda: slack.unarchive(channel),
            "rename": lambda: slack.rename(channel, body.text("name")),
            "kick": lambda: slack.kick_bot(channel),
            "invite": lambda: slack.invite_bot(channel),
            "join": lambda: slack.join(channel, body.text("user")),
            "leave": lambda: slack.leave(channel, body.text("user")),
            "make_private": lambda: slack.convert(channel, ChannelKind.PRIVATE),
            "make_public": lambda: slack.convert(channel, ChannelKind.PUBLIC),
            "change_id": lambda: slack.change_id(channel),
            "make_read_only": lambda: slack.set_read_only(channel, read_only=True),
            "make_writable": lambda: slack.set_read_only(channel, read_only=False),
            "delete": lambda: slack.delete_channel(channel),
        }

    async def delete_message(self, body: Body) -> Any:
        """An admin may delete any message."""
        self._slack.delete_message(body.text("channel"), body.text("ts"))
        return {"ok": True}

    async def set_request_url(self, body: Body) -> Any:
        """HTTP mode. Slack takes a Request URL only after it has answered a challenge."""
        url = body.maybe_text("url")
        if url:
            await self._slack.delivery.prove(url)
        self._slack.request_url = url or None
        return {"ok": True}

    async def let_time_pass(self, body: Body) -> Any:
        """Answers once the seconds have passed for everybody."""
        await self._sandbox.passing_time.let_pass(body.maybe_number("seconds") or 0.0)
        return {"ok": True}

    async def accepted(self, request: web.Request) -> Any:
        return [asdict(entry) for entry in self._slack.accepted[-_limit(request) :]]

    async def calls(self, request: web.Request) -> Any:
        return [asdict(entry) for entry in self._slack.calls[-_limit(request) :]]

    async def deliveries(self, request: web.Request) -> Any:
        return [asdict(entry) for entry in self._slack.delivery.log[-_limit(request) :]]


Handler = Callable[[web.Request], Awaitable[Any]]


def answering(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        try:
            return web.json_response(await handler(request))
        except Refused as refusal:
            return web.json_response({"error": str(refusal)}, status=409)
        except SlackError as refusal:
            return web.json_response({"error": refusal.error}, status=409)
        except (ValueError, HttpRefused, aiohttp.ClientError, TimeoutError) as error:
            return web.json_response({"error": str(error) or type(error).__name__}, status=400)

    return answer


def with_body(handler: Callable[[Body], Awaitable[Any]]) -> Handler:
    """Fields come from the JSON body and from the path."""

    async def read(request: web.Request) -> Any:
        fields = await request.json()
        if not isinstance(fields, dict):
            raise Refused("The body is not a JSON object.")
        return await handler(Body(fields | dict(request.match_info)))

    return read


def _outcome(ack: Ack) -> JsonObject:
    """The result of an interaction; `error` is Slack's name for the failure."""
    return {"ok": ack.ok, "error": ack.error}


def _limit(request: web.Request) -> int:
    limit = request.query.get("limit", str(MOST_ENTRIES))
    if not limit.isdecimal() or int(limit) < 1:
        raise ValueError("limit must be a positive integer")
    return int(limit)
