"""Sends payloads to the bot: through an open socket, or else by signed HTTP.

The bot has three seconds to acknowledge: https://docs.slack.dev/tools/bolt-python/concepts/acknowledge .
Slack sends an event again at once, after one minute and after five: https://docs.slack.dev/apis/events-api .
"""

import asyncio
import itertools
import json
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import aiohttp

from sandbox.background import Background
from sandbox.changes import Changes
from sandbox.clock import Clock
from sandbox.slack.delivery_faults import DEAFENING, DeliveryFault, DeliveryFaultKind, DeliveryFaults
from sandbox.slack.journal import MOST_ENTRIES
from sandbox.slack.signed_http import HttpRefused, SignedHttp
from sandbox.slack.sockets import NobodyListens, Sockets
from sandbox.slack.wire import JsonObject, Refused


class Kind(StrEnum):
    COMMAND = "slash_commands"
    INTERACTIVE = "interactive"
    EVENT = "events_api"


class Transport(StrEnum):
    SOCKET = "socket"
    HTTP = "http"
    NONE = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The result of sending one payload. `error` is Slack's name for a failure; `payload` came with the ack."""

    transport: Transport
    error: str | None = None
    payload: JsonObject | None = None
    no_retry: bool = False

    @property
    def ok(self) -> bool:
        return self.error is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    number: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One attempt, for the log."""

    at: float
    kind: Kind
    payload: JsonObject
    retry: Retry | None
    ack: Ack


RETRY_REASONS = {
    "operation_timeout": "http_timeout",
    "dispatch_failed": "connection_failed",
    "http_client_error": "http_error",
    "http_service_error": "http_error",
}


class Delivery:
    def __init__(self, clock: Clock, changes: Changes, background: Background, secret: str) -> None:
        self._clock = clock
        self._changes = changes
        self._envelopes = itertools.count(1)
        self._background = background
        self.sockets = Sockets(clock, changes)
        self.http = SignedHttp(clock, secret)
        self.request_url: str | None = None
        self.ack_seconds = 3.0
        self.event_retry_seconds: tuple[float, ...] = (0.0, 60.0, 300.0)
        self.log: list[Delivered] = []
        self._delivery_faults = DeliveryFaults()
        self._overtaken: asyncio.Event | None = None
        """Set when the payload that waits may go."""

    @property
    def transport(self) -> Transport:
        if self.sockets.open:
            return Transport.SOCKET
        return Transport.HTTP if self.request_url else Transport.NONE

    async def send(self, kind: Kind, payload: JsonObject, retry: Retry | None = None) -> Ack:
        """Makes one attempt under the active faults. Never raises: the ack has Slack's name for a failure."""
        overtaken = await self._held_back()
        ack = await self._attempt(kind, payload, retry)
        if overtaken is not None:
            overtaken.set()
        if self.transport is Transport.HTTP and self._delivery_faults.take(DeliveryFaultKind.TWICE) is not None:
            self._background.start(self._once_more(kind, payload, 0.0))
        if (again := self._delivery_faults.take(DeliveryFaultKind.AGAIN)) is not None:
            self._background.start(self._once_more(kind, payload, again.wait))
        return ack

    def set_fault(self, delivery_fault: DeliveryFault) -> None:
        if delivery_fault.kind in DEAFENING:
            self.sockets.deafen(1 if delivery_fault.kind is DeliveryFaultKind.ONE_DEAF else None)
        else:
            self._delivery_faults.set(delivery_fault)
        self._changes.notify()

    def clear_fault(self, kind: DeliveryFaultKind | None = None) -> None:
        """Fixes one kind of fault, or all of them."""
        if kind is None:
            self._delivery_faults.clear()
        elif kind not in DEAFENING:
            self._delivery_faults.end(kind)
        if kind is None or kind in DEAFENING:
            self.sockets.heal()
        self._changes.notify()

    def delivery_faults(self) -> list[DeliveryFault]:
        """The active faults. Deaf sockets count until the bot has replaced them."""
        deaf = (
            [DeliveryFault(kind=DeliveryFaultKind.DEAF, times=self.sockets.deaf_count)]
            if self.sockets.deaf_count
            else []
        )
        return [*self._delivery_faults.active(), *deaf]

    def repeat(self) -> None:
        """Sends the last payload again, unchanged, in a new envelope or with a new signature."""
        if not self.log:
            raise Refused("Slack has not sent anything to the bot yet.")
        last = self.log[-1]
        self._background.start(self._once_more(last.kind, last.payload, 0.0))

    async def _once_more(self, kind: Kind, payload: JsonObject, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._attempt(kind, payload, Retry(number=1, reason="http_timeout") if kind is Kind.EVENT else None)

    async def _held_back(self) -> asyncio.Event | None:
        """Waits until the next payload has overtaken this one. If one waits, returns the event that releases it."""
        if self._overtaken is not None:
            overtaken, self._overtaken = self._overtaken, None
            return overtaken
        delivery_fault = self._delivery_faults.take(DeliveryFaultKind.OUT_OF_ORDER)
        if delivery_fault is None:
            return None
        mine = self._overtaken = asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(delivery_fault.wait):
                await mine.wait()
        if self._overtaken is mine:
            self._overtaken = None
        return None

    async def _attempt(self, kind: Kind, payload: JsonObject, retry: Retry | None) -> Ack:
        transport = self.transport
        try:
            if transport is Transport.SOCKET:
                ack = await self._down_a_socket(kind, payload, retry)
            elif self.request_url:
                ack = await self._over_http(self.request_url, kind, payload, retry)
            else:
                ack = Ack(transport=transport, error="dispatch_failed")
        except TimeoutError:
            ack = Ack(transport=transport, error="operation_timeout")
        except (NobodyListens, aiohttp.ClientError):
            ack = Ack(transport=transport, error="dispatch_failed")
        except HttpRefused as refused:
            ack = Ack(transport=transport, error=str(refused))
        entry = Delivered(at=self._clock.monotonic(), kind=kind, payload=payload, retry=retry, ack=ack)
        self.log.append(entry)
        del self.log[:-MOST_ENTRIES]
        self._changes.notify()
        return ack

    def emit(self, event: JsonObject) -> None:
        """Sends an event in the background, with Slack's retries."""
        self._background.start(self._send_with_retries(event))

    async def prove(self, url: str) -> None:
        """Slack's challenge, which only the app's own Request URL answers. Raises HttpRefused for any other."""
        challenge = f"challenge-{next(self._envelopes)}"
        body = {"token": "deprecated-verification-token", "challenge": challenge, "type": "url_verification"}
        answer = await self.http.post_json(url, body, self.ack_seconds)
        echoed = answer.payload or {}
        if challenge not in (echoed.get("challenge"), echoed.get("text")):
            raise HttpRefused("Your URL didn't respond with the value of the challenge parameter.")

    async def close(self) -> None:
        await self.sockets.close(None)
        await self.http.close()

    async def _send_with_retries(self, event: JsonObject) -> None:
        ack = await self.send(Kind.EVENT, event)
        for number, seconds in enumerate(self.event_retry_seconds, start=1):
            if ack.ok or ack.no_retry:
                return
            await asyncio.sleep(seconds)
            reason = RETRY_REASONS[ack.error or "operation_timeout"]
            ack = await self.send(Kind.EVENT, event, Retry(number=number, reason=reason))

    async def _down_a_socket(self, kind: Kind, payload: JsonObject, retry: Retry | None) -> Ack:
        envelope: JsonObject = {
            "type": kind.value,
            "envelope_id": f"envelope-{next(self._envelopes)}",
            "payload": payload,
            "accepts_response_payload": kind is not Kind.EVENT,
        }
        if kind is Kind.EVENT:
            envelope["retry_attempt"] = retry.number if retry else 0
            envelope["retry_reason"] = retry.reason if retry else ""
        twice = self._delivery_faults.take(DeliveryFaultKind.TWICE) is not None
        breaks_off = self._delivery_faults.take(DeliveryFaultKind.REFRESH_MID_ACK) is not None
        answer = await self.sockets.deliver(envelope, self.ack_seconds, copies=2 if twice else 1, breaks_off=breaks_off)
        return Ack(transport=Transport.SOCKET, payload=answer)

    async def _over_http(self, url: str, kind: Kind, payload: JsonObject, retry: Retry | None) -> Ack:
        if kind is Kind.EVENT:
            extra = {"x-slack-retry-num": str(retry.number), "x-slack-retry-reason": retry.reason} if retry else {}
            answer = await self.http.post_json(url, payload, self.ack_seconds, extra)
        elif kind is Kind.COMMAND:
            answer = await self.http.post_form(url, payload, self.ack_seconds)
        else:
            answer = await self.http.post_form(url, {"payload": json.dumps(payload)}, self.ack_seconds)
        return Ack(transport=Transport.HTTP, payload=answer.payload, no_retry=answer.no_retry)
