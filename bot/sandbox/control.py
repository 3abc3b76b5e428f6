"""The control API: the workspace's half, and what the page needs of both halves together.

What cannot be done is answered with `{"error": ...}` and a 4xx, whatever was sent.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, Protocol

import aiohttp
from aiohttp import web

from bot.sandbox import control_goldrush
from bot.sandbox.goldrush import GoldRush
from bot.sandbox.slack import page_view
from bot.sandbox.slack.delivery import Ack
from bot.sandbox.slack.directory import ChannelKind
from bot.sandbox.slack.faults import Fault, FaultKind, Moment
from bot.sandbox.slack.gestures import Choice
from bot.sandbox.slack.signed_http import HttpRefused
from bot.sandbox.slack.wire import JsonObject, Refused, SlackError
from bot.sandbox.slack.workspace import Workspace

MOST_ENTRIES = 1_000
DEFAULT_USER = "U0ANN"
DEFAULT_CHANNEL = "C0ALERTS"


class Controlled(control_goldrush.Controlled, Protocol):
    """The part of the sandbox that these calls reach."""

    @property
    def goldrush(self) -> GoldRush: ...

    @property
    def slack(self) -> Workspace: ...


class Body:
    """A request's JSON, asked field by field."""

    def __init__(self, fields: JsonObject) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        value = self.maybe_text(name)
        if value is None:
            raise ValueError(f"{name} is missing")
        return value

    def maybe_text(self, name: str) -> str | None:
        value = self._fields.get(name)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} must be text")
        return value

    def number(self, name: str, *, default: float) -> float:
        value = self._fields.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise ValueError(f"{name} must be a number, not below 0")
        return value

    def mapping(self, name: str) -> JsonObject:
        value = self._fields.get(name) or {}
        if not isinstance(value, dict) or not all(isinstance(inner, dict) for inner in value.values()):
            raise ValueError(f"{name} must be an object of objects")
        return value

    @property
    def fields(self) -> JsonObject:
        return self._fields


def routes(sandbox: Controlled) -> list[web.RouteDef]:
    control = Control(sandbox)
    posts = {
        "command": control.typed,
        "click": control.click,
        "view/click": control.click_in_view,
        "view/submit": control.submit_view,
        "view/close": control.close_view,
        "home": control.open_home,
        "faults": control.set_fault,
        "channels/{id}": control.change_channel,
        "request_url": control.set_request_url,
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
        """Everything the page shows; asking for a channel marks it read."""
        user = request.query.get("user", DEFAULT_USER)
        channel = request.query.get("channel", DEFAULT_CHANNEL)
        self._slack.directory.person(user)
        self._slack.directory.channel_seen_by(user, channel)
        page_view.mark_read(self._slack, channel, user)
        return {
            **page_view.surroundings(self._slack, user),
            "conversation": self._slack.conversation_view(channel, user),
            "pipelines": control_goldrush.pipeline_rows(self._sandbox.goldrush),
            "scenario": {"running": self._sandbox.scenario_running},
            "faults": [*control_goldrush.fault_rows(self._sandbox.goldrush), *_slack_faults(self._slack)],
        }

    async def typed(self, body: Body) -> Any:
        """As from the composer: a slash command, or a message. A command cannot be used in a thread."""
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

    async def set_fault(self, body: Body) -> Any:
        """For GoldRush or for Slack, as `target` says; the kind `none` takes one away."""
        match body.text("target"):
            case "goldrush":
                control_goldrush.set_fault(self._sandbox.goldrush, body.fields)
            case "slack":
                method = body.maybe_text("method") or "*"
                self._slack.set_fault(method, _read_fault(body))
            case other:
                raise ValueError(f"target must be goldrush or slack, not {other!r}")
        return {"ok": True}

    async def clear_faults(self, _: web.Request) -> Any:
        self._slack.faults.clear()
        self._slack.pulse.beat()
        control_goldrush.clear_faults(self._sandbox.goldrush)
        return {"ok": True}

    async def change_channel(self, body: Body) -> Any:
        channel = body.text("id")
        known = self._slack.directory.channels.get(channel)
        if known is None or known.kind is ChannelKind.IM:
            raise Refused(f"There is no channel {channel} to change.")
        match body.text("action"):
            case "archive":
                self._slack.archive(channel)
            case "unarchive":
                self._slack.unarchive(channel)
            case "rename":
                self._slack.rename(channel, body.text("name"))
            case "kick":
                self._slack.kick_bot(channel)
            case "invite":
                self._slack.invite_bot(channel)
            case other:
                raise ValueError(f"action must be archive, unarchive, rename, kick or invite, not {other!r}")
        return {"ok": True}

    async def set_request_url(self, body: Body) -> Any:
        """HTTP mode. Slack takes a Request URL only after it has answered a challenge."""
        url = body.maybe_text("url")
        if url:
            await self._slack.delivery.prove(url)
        self._slack.request_url = url or None
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
    """What stands in the path counts as a field too."""

    async def read(request: web.Request) -> Any:
        fields = await request.json()
        if not isinstance(fields, dict):
            raise Refused("The body is not a JSON object.")
        return await handler(Body(fields | dict(request.match_info)))

    return read


def _outcome(ack: Ack) -> JsonObject:
    """What the client shows of an act: nothing when all went well, else Slack's word for the failure."""
    return {"ok": ack.ok, "error": ack.error}


def _read_fault(body: Body) -> Fault | None:
    kind = body.text("kind")
    if kind == "none":
        return None
    if kind not in set(FaultKind):
        raise ValueError(f"kind must be none or one of {', '.join(FaultKind)}")
    times = int(body.number("times", default=0))
    return Fault(
        kind=FaultKind(kind),
        when=Moment(body.maybe_text("when") or "before"),
        error=body.maybe_text("error") or "internal_error",
        seconds=body.number("seconds", default=1.0),
        retry_after=int(body.number("retry_after", default=1)),
        times=times or None,
    )


def _slack_faults(slack: Workspace) -> list[JsonObject]:
    return [
        {"target": "slack", "method": method, "kind": fault.kind.value, "times": fault.times}
        for method, fault in slack.faults.active().items()
    ]


def _limit(request: web.Request) -> int:
    limit = request.query.get("limit", str(MOST_ENTRIES))
    if not limit.isdecimal() or int(limit) < 1:
        raise ValueError("limit must be a positive integer")
    return int(limit)
