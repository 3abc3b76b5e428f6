"""A stand-in for PagerDuty: the Events API v2, its incidents over REST, and its signed webhook (v3).

https://developer.pagerduty.com/docs/events-api-v2-overview
https://developer.pagerduty.com/docs/webhooks-overview
"""

import asyncio
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.background import Background
from sandbox.clock import Clock

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
API_TOKEN = "u+sandboxsandboxsand"  # noqa: S105 (of the sandbox only)
WEBHOOK_SECRET = "sandbox-webhook-secret"  # noqa: S105 (of the sandbox only)
TRIES = 100  # PagerDuty itself repeats for about 20 minutes
RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 1.0
ANSWER_SECONDS = 5.0
HANGS_SECONDS = 30.0
MOST_LOGGED = 1000


class PagerFault(StrEnum):
    """How the Events API fails."""

    BUSY = "429"
    BROKEN = "503"
    BROKEN_AFTER = "503_after_accept"
    """It takes the event, and then answers 503."""
    HANGING = "hanging"
    """It does not answer."""
    HANGING_AFTER = "hanging_after_accept"


@dataclass
class PagerIncident:
    """One incident. A trigger after its end opens another one under the same key."""

    id: str
    key: str
    title: str
    severity: str
    status: str = "triggered"
    triggers: int = 1
    acknowledged_by: str = ""
    changed_at: str = ""
    link: str = ""
    """The address of the client that opened it."""
    log: list[str] = field(default_factory=list)


class PagerDuty:
    """One account with one service. `on_change` runs after each change."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self._background = Background()
        self._session: aiohttp.ClientSession | None = None
        self.on_change: Callable[[], None] = lambda: None
        self.incidents: list[PagerIncident] = []
        self.events: list[Mapping[str, Any]] = []
        """Each accepted event, oldest first."""
        self.requests = 0
        """Of the Events API, refused ones included."""
        self.faults: list[PagerFault] = []
        """The fault of each of the next requests."""
        self.stays: PagerFault | None = None
        """The fault of all requests."""
        self.retry_after: int | None = None
        self.webhook_url: str | None = None
        self.webhook_answers: list[int] = []
        """The status of each answer to a webhook; 0: none came."""

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/pagerduty/v2/enqueue", self._enqueue),
            web.get("/pagerduty/incidents", self._list),
            web.get("/pagerduty/users/me", self._me),
        ]

    async def close(self) -> None:
        await self._background.close()
        if self._session is not None:
            await self._session.close()

    def incident(self, key: str) -> PagerIncident | None:
        """The latest incident of this key."""
        return next((incident for incident in reversed(self.incidents) if incident.key == key), None)

    # --- the Events API ----------------------------------------------------------------------------------------------

    async def _enqueue(self, request: web.Request) -> web.Response:
        self.requests += 1
        fault = self.faults.pop(0) if self.faults else self.stays
        raw = await request.read()
        self.on_change()
        match fault:
            case PagerFault.BUSY:
                headers = {"Retry-After": f"{self.retry_after}"} if self.retry_after is not None else {}
                return web.Response(status=429, headers=headers)
            case PagerFault.BROKEN:
                return web.Response(status=503)
            case PagerFault.HANGING:
                await asyncio.sleep(HANGS_SECONDS)
                return web.Response(status=503)
        answer = self._accept(raw)
        if fault is PagerFault.HANGING_AFTER:
            await asyncio.sleep(HANGS_SECONDS)
        return web.Response(status=503) if fault is PagerFault.BROKEN_AFTER else answer

    def _accept(self, raw: bytes) -> web.Response:
        event, errors = _parsed(raw)
        if errors:
            body = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
            return web.json_response(body, status=400)
        key = event.get("dedup_key") or f"key-{next(self._numbers)}"
        self.events = [*self.events, {**event, "dedup_key": key}][-MOST_LOGGED:]
        self._apply(event["event_action"], key, event.get("payload") or {}, event.get("client_url", ""))
        body = {"status": "success", "message": "Event processed", "dedup_key": key}
        return web.json_response(body, status=202)

    def _apply(self, action: str, key: str, payload: Mapping[str, Any], link: str) -> None:
        incident = self.incident(key)
        is_open = incident is not None and incident.status != "resolved"
        if action == "trigger" and incident is not None and is_open:
            incident.triggers += 1
            incident.log.append("triggered again")
        elif action == "trigger":
            incident = PagerIncident(
                id=f"Q{next(self._numbers):06d}",
                key=key,
                title=payload["summary"],
                severity=payload["severity"],
                link=link,
            )
            incident.log.append("triggered")
            self.incidents.append(incident)
            self._notify(incident, "incident.triggered", None)
        elif incident is not None and is_open:
            self._change(incident, {"acknowledge": "acknowledged", "resolve": "resolved"}[action], None)
        self.on_change()

    # --- people in PagerDuty -----------------------------------------------------------------------------------------

    def act(self, key: str, status: str, person: str) -> None:
        """A person acknowledges or resolves an incident.

        Raises:
            ValueError: there is no such incident, or it is over.
        """
        incident = self.incident(key)
        if incident is None or incident.status == "resolved":
            raise ValueError(f"there is no open incident with the key {key}")
        if status not in {"acknowledged", "resolved"}:
            raise ValueError("status must be acknowledged or resolved")
        self._change(incident, status, person)
        self.on_change()

    def _change(self, incident: PagerIncident, status: str, person: str | None) -> None:
        if incident.status == status:
            return
        incident.status = status
        incident.changed_at = datetime.fromtimestamp(self._clock.now(), UTC).isoformat()
        incident.acknowledged_by = person or "" if status == "acknowledged" else incident.acknowledged_by
        incident.log.append(f"{status} by {person or 'the integration'}")
        self._notify(incident, f"incident.{status}", person)

    # --- the webhook -------------------------------------------------------------------------------------------------

    def _notify(self, incident: PagerIncident, event_type: str, person: str | None) -> None:
        if self.webhook_url:
            body = json.dumps({"event": self.webhook_event(incident, event_type, person)}).encode()
            self._background.start(self._deliver(self.webhook_url, body))

    def webhook_event(self, incident: PagerIncident, event_type: str, person: str | None) -> dict[str, Any]:
        user = {"id": "PUSER01", "summary": person, "type": "user_reference"}
        integration = {"id": "PINTEG1", "summary": "Events API v2", "type": "inbound_integration_reference"}
        at = datetime.fromtimestamp(self._clock.now(), UTC)
        return {
            "id": f"01EVENT{next(self._numbers):08d}",
            "event_type": event_type,
            "resource_type": "incident",
            "occurred_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "agent": user if person else integration,
            "client": {"name": "PagerDuty"},
            "data": {"type": "incident", "title": incident.title, **_row(incident)},
        }

    async def _deliver(self, url: str, body: bytes) -> None:
        for number in range(TRIES):
            status = await self.send_webhook(url, body)
            if status and status < 500 and status != 429:
                return
            await asyncio.sleep(min(RETRY_SECONDS * 2**number, LONGEST_RETRY_SECONDS))

    async def send_webhook(self, url: str, body: bytes, signature: str | None = None) -> int:
        """One delivery, signed with two secrets as during a rotation. 0: no answer."""
        headers = {"Content-Type": "application/json", "X-PagerDuty-Signature": signature or signatures(body)}
        self._session = self._session or aiohttp.ClientSession()
        try:
            timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
            async with self._session.post(url, data=body, headers=headers, timeout=timeout) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError):
            status = 0
        self.webhook_answers.append(status)
        self.on_change()
        return status

    # --- the REST API ------------------------------------------------------------------------------------------------

    async def _list(self, request: web.Request) -> web.Response:
        if refusal := _unauthorized(request):
            return refusal
        key = request.query.get("incident_key")
        rows = [_row(incident) for incident in reversed(self.incidents) if key in (None, incident.key)]
        return web.json_response({"incidents": rows[:100], "limit": 100, "offset": 0, "more": False})

    async def _me(self, request: web.Request) -> web.Response:
        return _unauthorized(request) or web.json_response({"user": {"id": "PUSER01", "name": "Sandbox"}})

    def view(self) -> dict[str, Any]:
        """For the page and the control API."""
        return {
            "incidents": [vars(incident) for incident in reversed(self.incidents)],
            "requests": self.requests,
            "events": self.events,
            "fault": self.stays,
            "webhook": {"url": self.webhook_url, "answers": self.webhook_answers},
        }


def signatures(body: bytes, secret: str = WEBHOOK_SECRET) -> str:
    return f"v1={'0' * 64},v1={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _row(incident: PagerIncident) -> dict[str, Any]:
    by = {"id": "PUSER01", "summary": incident.acknowledged_by, "type": "user_reference"}
    return {
        "id": incident.id,
        "status": incident.status,
        "incident_key": incident.key,
        "acknowledgements": [{"acknowledger": by}] if incident.acknowledged_by else [],
        "last_status_change_by": by if incident.acknowledged_by else None,
        "last_status_change_at": incident.changed_at or None,
    }


def _unauthorized(request: web.Request) -> web.Response | None:
    if request.headers.get("Authorization") == f"Token token={API_TOKEN}":
        return None
    return web.json_response({"error": {"message": "Invalid Credentials"}}, status=401)


def _parsed(raw: bytes) -> tuple[Mapping[str, Any], list[str]]:
    """The event, and what is wrong with it."""
    try:
        event = json.loads(raw)
        return event, _errors(event)
    except (ValueError, AttributeError, TypeError):
        return {}, ["JSON parse error"]


def _errors(event: Mapping[str, Any]) -> list[str]:
    errors = []
    if event.get("routing_key") != ROUTING_KEY:
        errors.append("Invalid routing key")
    if event.get("event_action") not in {"trigger", "acknowledge", "resolve"}:
        errors.append("'event_action' must be trigger, acknowledge or resolve")
    if len(event.get("dedup_key", "")) > 255:
        errors.append("'dedup_key' is longer than 255 characters")
    if event.get("event_action") != "trigger":
        return errors if event.get("dedup_key") else [*errors, "'dedup_key' is missing"]
    payload = event.get("payload") or {}
    errors += [f"'payload.{name}' is missing" for name in ("summary", "source", "severity") if not payload.get(name)]
    if len(payload.get("summary") or "") > 1024:
        errors.append("'payload.summary' is longer than 1024 characters")
    if payload.get("severity") not in {"critical", "error", "warning", "info"}:
        errors.append("'payload.severity' is invalid")
    return errors
