"""`response_url`: five answers within thirty minutes, even in channels without the bot.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import itertools
import json
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from sandbox.clock import Clock
from sandbox.slack.directory import Channel, Directory
from sandbox.slack.drafts import read_draft
from sandbox.slack.messages import Board, Draft, Message
from sandbox.slack.wire import JsonObject, SlackError

MOST_USES = 5
LIFE_SECONDS = 1800.0


@dataclass(slots=True, kw_only=True)
class Grant:
    """The right to answer through one response_url."""

    user: str
    channel: str
    origin: Message | None
    """The message with the clicked button. A command has none."""
    expires_at: float
    uses_left: int = MOST_USES


class Answerable(Protocol):
    """The part of the workspace that an answer reaches."""

    clock: Clock
    base_url: str
    board: Board
    directory: Directory

    def post(
        self,
        method: str,
        channel: Channel,
        draft: Draft,
        *,
        thread_ts: str | None = None,
        ephemeral_to: str | None = None,
    ) -> Message: ...

    def rewrite(self, method: str, message: Message, draft: Draft) -> None: ...

    def erase(self, method: str, message: Message) -> None: ...


class ResponseUrls:
    def __init__(self, workspace: Answerable) -> None:
        self._workspace = workspace
        self._numbers = itertools.count(1)
        self._grants: dict[str, Grant] = {}

    def issue(self, user: str, channel: str, origin: Message | None = None) -> str:
        token = f"answer-{next(self._numbers)}"
        expires_at = self._workspace.clock.monotonic() + LIFE_SECONDS
        self._grants[token] = Grant(user=user, channel=channel, origin=origin, expires_at=expires_at)
        return f"{self._workspace.base_url}/response/{token}"

    async def handle(self, request: web.Request) -> web.Response:
        """A used or expired URL answers 404 with the reason."""
        try:
            self._use(request.match_info["token"], _payload(await request.read()))
        except SlackError as error:
            status = 404 if error.error in {"used_url", "expired_url"} else 400
            return web.json_response(error.body(), status=status)
        return web.json_response({"ok": True})

    def answer(self, user: str, channel: str, body: JsonObject) -> None:
        """The answer in the ack of a command."""
        grant = Grant(user=user, channel=channel, origin=None, expires_at=0.0)
        self._apply(grant, body, "ack")

    def _use(self, token: str, body: JsonObject) -> None:
        grant = self._grants.get(token)
        if grant is None or grant.expires_at < self._workspace.clock.monotonic():
            raise SlackError("expired_url")
        if grant.uses_left <= 0:
            raise SlackError("used_url")
        self._apply(grant, body, "response_url")
        grant.uses_left -= 1

    def _apply(self, grant: Grant, body: JsonObject, method: str) -> None:
        origin = grant.origin
        if origin is not None and not self._workspace.board.holds(origin):
            origin = None
        if origin is not None and body.get("delete_original") is True:
            self._workspace.erase(method, origin)
            return
        draft = read_draft(body)
        if origin is not None and body.get("replace_original") is True:
            self._workspace.rewrite(method, origin, draft)
            return
        in_channel = body.get("response_type") == "in_channel"
        thread_ts = body.get("thread_ts")
        if thread_ts is not None and self._workspace.board.head(grant.channel, str(thread_ts)) is None:
            raise SlackError("thread_not_found")
        self._workspace.post(
            method,
            self._workspace.directory.channels[grant.channel],
            draft,
            thread_ts=thread_ts,
            ephemeral_to=None if in_channel else grant.user,
        )


def _payload(content: bytes) -> JsonObject:
    try:
        body = json.loads(content)
    except ValueError:
        raise SlackError("invalid_payload") from None
    if not isinstance(body, dict):
        raise SlackError("invalid_payload")
    return body
