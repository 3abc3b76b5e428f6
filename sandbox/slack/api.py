"""`/api/<method>`: reads a call to Slack's Web API, checks token, rate and scope, and answers.

https://docs.slack.dev/apis/web-api/
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from aiohttp import web

from sandbox import retry_after, trouble
from sandbox.slack.faults import Fault, FaultKind, Moment
from sandbox.slack.journal import MOST_ENTRIES, Call
from sandbox.slack.methods import METHODS
from sandbox.slack.methods.call import Arguments, Method, TokenKind
from sandbox.slack.wire import JsonObject, SlackError
from sandbox.slack.workspace import APP_TOKEN, BOT_TOKEN, OTHER_APP_TOKEN, Workspace

_TOKENS = {BOT_TOKEN: TokenKind.BOT, APP_TOKEN: TokenKind.APP, OTHER_APP_TOKEN: TokenKind.APP}
_PAGES = {FaultKind.SERVER_ERROR: (500, "Server Error"), FaultKind.UNAVAILABLE: (503, "Service Unavailable")}
_READS = frozenset({"conversations.history", "conversations.replies"})
_HAPPENED = frozenset({FaultKind.NO_TS, FaultKind.TRUNCATED})
"""Faults of the answer, which exists only if the call took effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call, and when it arrived (monotonic)."""

    at: float
    agent: str
    method: str
    values: JsonObject
    token: str | None

    @property
    def channel(self) -> str | None:
        channel = self.values.get("channel")
        return channel if isinstance(channel, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    body: JsonObject
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        return json.dumps(self.body, ensure_ascii=False).encode()

    def rendered(self, scopes: str) -> web.Response:
        headers = {"Content-Type": "application/json; charset=utf-8", "x-oauth-scopes": scopes, **self.headers}
        return web.Response(status=self.status, body=self.encoded(), headers=headers)


class WebApi:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def handle(self, request: web.Request) -> web.StreamResponse:
        at, agent = self._workspace.clock.monotonic(), request.headers.get("User-Agent", "")
        unread = Question(at=at, agent=agent, method=request.match_info["method"], values={}, token=None)
        try:
            question = await _read(unread, request)
        except SlackError as refusal:
            return self._told(unread, Reply(body=refusal.body()))
        fault = self._workspace.faults.take(question.method)
        if fault is not None:
            return await self._strike(fault, request, question)
        return self._told(question, self._answer(question))

    def _answer(self, question: Question) -> Reply:
        """Checks the token, the rate and the scope before the arguments, as Slack does."""
        try:
            method = named_method(question.method)
            self._refuse_strangers(method, question.token)
            channel = self._bucket_of(question.channel)
            seconds = self._workspace.limits.take(question.method, channel)
            if seconds is not None:
                return throttled(str(seconds))
            if method.scope is not None:
                self._workspace.need_scope(method.scope)
            return Reply(body={"ok": True, **method.run(self._workspace, Arguments(question.values))})
        except SlackError as refusal:
            return Reply(body=refusal.body())

    def _refuse_strangers(self, method: Method, token: str | None) -> None:
        if method.token is TokenKind.ANY:
            return
        if token is None:
            raise SlackError("not_authed")
        kind = _TOKENS.get(token)
        if kind is None:
            raise SlackError("invalid_auth")
        if kind is not method.token:
            raise SlackError("not_allowed_token_type")
        if kind is TokenKind.BOT and (lost := self._workspace.installation.token_error) is not None:
            raise SlackError(lost)

    def _bucket_of(self, channel: str | None) -> str | None:
        """One channel has one limit, whether the call used its id, its name or a person."""
        if channel is None:
            return None
        directory = self._workspace.directory
        if channel in directory.users:
            return directory.im_id(channel)
        named = directory.named(channel.removeprefix("#"))
        return named.id if named is not None else channel

    async def _strike(self, fault: Fault, request: web.Request, question: Question) -> web.StreamResponse:
        """The fault applies before or after the call takes effect."""
        if fault.kind is FaultKind.LAND_LATE:
            self._workspace.background.start(self._land_late(question, fault.seconds))
            return await self._break_off(fault, request, question, Reply(body={}))
        match fault.kind:
            case FaultKind.STRIP_METADATA:
                values = {name: value for name, value in question.values.items() if name != "metadata"}
                return self._told(question, self._answer(replace(question, values=values)))
            case FaultKind.STALE:
                return self._told(question, self._answer_of_before(question, fault.seconds))
            case FaultKind.SLOW if fault.when is Moment.BEFORE:
                await asyncio.sleep(fault.seconds)
                return self._told(question, self._answer(question))
        happened = fault.when is Moment.AFTER or fault.kind in _HAPPENED
        reply = self._answer(question) if happened else Reply(body={})
        return await self._spoil(fault, request, question, reply)

    async def _spoil(self, fault: Fault, request: web.Request, question: Question, reply: Reply) -> web.StreamResponse:
        match fault.kind:
            case FaultKind.ERROR:
                return self._told(question, Reply(body={"ok": False, "error": fault.error}))
            case FaultKind.THROTTLED:
                return self._told(question, throttled(self._header(fault.retry_after)))
            case FaultKind.SERVER_ERROR | FaultKind.UNAVAILABLE:
                status, title = _PAGES[fault.kind]
                self._log(question, fault.kind.value, status)
                return web.Response(status=status, text=f"<html>{title}</html>", content_type="text/html")
            case FaultKind.NO_TS:
                return self._told(question, replace(reply, body=_without_ts(reply.body)))
            case FaultKind.SLOW:
                await asyncio.sleep(fault.seconds)
                return self._told(question, reply)
            case _:
                return await self._break_off(fault, request, question, reply)

    async def _break_off(
        self, fault: Fault, request: web.Request, question: Question, reply: Reply
    ) -> web.StreamResponse:
        """The call takes effect, but the caller gets no answer."""
        self._log(question, fault.kind.value, None)
        if fault.kind is FaultKind.RESET:
            return trouble.reset(request)
        if fault.kind is FaultKind.TRUNCATED:
            return await trouble.stop_short(request, reply.encoded())
        return await trouble.stay_silent(request)

    def _answer_of_before(self, question: Question, seconds: float) -> Reply:
        """Only reads can be stale. A write gets its normal answer."""
        if question.method not in _READS:
            return self._answer(question)
        with self._workspace.board.as_of(self._workspace.clock.now() - seconds):
            return self._answer(question)

    def _header(self, value: int | str | None) -> str | None:
        return None if value is None else retry_after.spelled(str(value), self._workspace.clock.now())

    async def _land_late(self, question: Question, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._answer(question)

    def _told(self, question: Question, reply: Reply) -> web.StreamResponse:
        error = reply.body.get("error")
        self._log(question, error, reply.status, reply.headers.get("Retry-After"))
        return reply.rendered(",".join(sorted(self._workspace.scopes)))

    def _log(self, question: Question, error: str | None, status: int | None, retry_after: str | None = None) -> None:
        call = Call(
            asked_at=question.at,
            at=self._workspace.clock.monotonic(),
            agent=question.agent,
            method=question.method,
            channel=question.channel,
            ok=error is None,
            error=error,
            status=status,
            retry_after=retry_after,
        )
        self._workspace.calls.append(call)
        del self._workspace.calls[:-MOST_ENTRIES]
        self._workspace.changes.notify()


def named_method(name: str) -> Method:
    method = METHODS.get(name)
    if method is None:
        raise SlackError("unknown_method", req_method=name)
    return method


def throttled(seconds: str | None) -> Reply:
    headers = {} if seconds is None else {"Retry-After": seconds}
    return Reply(status=429, body={"ok": False, "error": "ratelimited"}, headers=headers)


async def _read(question: Question, request: web.Request) -> Question:
    """Arguments from the query and a form or JSON body; the token from the header, or from a form."""
    values: JsonObject = dict(request.query)
    if request.method == "POST" and request.can_read_body:
        values.update(await _READERS.get(request.content_type, _refuse_type)(request))
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return replace(question, values=values, token=token)
    in_form = values.get("token") if request.content_type != "application/json" else None
    return replace(question, values=values, token=in_form if isinstance(in_form, str) else None)


async def _read_form(request: web.Request) -> JsonObject:
    return dict(await request.post())


async def _read_json(request: web.Request) -> JsonObject:
    try:
        body = json.loads(await request.text())
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(body, dict):
        raise SlackError("json_not_object")
    return body


async def _refuse_type(_: web.Request) -> JsonObject:
    raise SlackError("invalid_post_type")


_READERS: dict[str, Callable[[web.Request], Awaitable[JsonObject]]] = {
    "application/json": _read_json,
    "application/x-www-form-urlencoded": _read_form,
    "multipart/form-data": _read_form,
}


def _without_ts(body: JsonObject) -> JsonObject:
    stripped = {name: value for name, value in body.items() if name != "ts"}
    if isinstance(stripped.get("message"), dict):
        stripped["message"] = {name: value for name, value in stripped["message"].items() if name != "ts"}
    return stripped
