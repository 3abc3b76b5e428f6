"""PagerDuty's signed webhook (v3), decoded. Pure.

Sources: https://developer.pagerduty.com/docs/webhooks-overview and
https://developer.pagerduty.com/docs/verifying-webhook-signatures
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime

from bot.domain.pager import PagerChange, PagerStatus

VERSION = "v1="
MOST_SIGNATURES = 16
LONGEST_ID = 200
LONGEST_NAME = 80


def has_valid_signature(secret: str, body: bytes, signatures: str) -> bool:
    """True if one of the signatures is right. During a rotation PagerDuty signs with each secret."""
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    given = [part.strip() for part in signatures.split(",")[:MOST_SIGNATURES]]
    tokens = [part.removeprefix(VERSION) for part in given if part.startswith(VERSION)]
    matches = [hmac.compare_digest(expected.encode(), token.encode(errors="replace")) for token in tokens]
    return bool(secret) and any(matches)


def decode_change(body: bytes) -> PagerChange | None:
    """The change that a signed webhook reports. None if it is about something else, or if no person made it.

    The bot's own messages come back as the integration's changes.

    Raises:
        ValueError: it is no webhook of PagerDuty.
    """
    try:
        event = json.loads(body)["event"]
        event_type, event_id = str(event["event_type"]), event["id"]
        incident = event["data"]
        at = datetime.fromisoformat(str(event["occurred_at"]))
    except (KeyError, TypeError, RecursionError) as exc:
        raise ValueError("no webhook of PagerDuty") from exc
    if not isinstance(event_id, str) or not event_id.isascii() or not 0 < len(event_id) <= LONGEST_ID:
        raise ValueError("an event without an id")  # nobody could recognize its repeat
    status = _STATUS.get(event_type)
    agent = event.get("agent")
    if status is None or not _is_person(agent) or not isinstance(incident, dict) or at.tzinfo is None:
        return None
    key = incident.get("incident_key")
    if not isinstance(key, str) or not key:
        return None
    return PagerChange(key=key[:255], status=status, by_name=_name(agent), event_id=event_id, at=at)


def change_of_incident(incident: object) -> PagerChange | None:
    """The state of an incident, as the REST API shows it. None if it waits, or if no person changed it."""
    if not isinstance(incident, dict):
        return None
    key, status = incident.get("incident_key"), incident.get("status")
    by = incident.get("last_status_change_by")
    if not isinstance(key, str) or status not in list(PagerStatus) or not _is_person(by):
        return None
    at = _time(incident.get("last_status_change_at"))
    return PagerChange(key=key, status=PagerStatus(status), by_name=_name(by), at=at)


_STATUS: Mapping[str, PagerStatus] = {
    "incident.acknowledged": PagerStatus.ACKNOWLEDGED,
    "incident.resolved": PagerStatus.RESOLVED,
}


def _is_person(agent: object) -> bool:
    return isinstance(agent, dict) and agent.get("type") in ("user_reference", "user")


def _time(text: object) -> datetime | None:
    """None if it is no time with a zone."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else None


def _name(agent: object) -> str:
    name = agent.get("summary") if isinstance(agent, dict) else None
    text = name if isinstance(name, str) else ""
    return "".join(char for char in text if char.isprintable())[:LONGEST_NAME] or "Somebody in PagerDuty"
