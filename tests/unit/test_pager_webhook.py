"""PagerDuty's webhook and its REST rows, decoded: nothing that it sends, or does not send, breaks the bot."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest

from bot.domain.pager import PagerStatus
from bot.pagers.webhook import LONGEST_ID, MOST_SIGNATURES, change_of_incident, decode_change, has_valid_signature

SECRET, BODY = "current", b"{}"
GOOD = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
OLD = hmac.new(b"rotated away", BODY, hashlib.sha256).hexdigest()
EVENT: Mapping[str, Any] = {
    "id": "01EVENT",
    "event_type": "incident.acknowledged",
    "occurred_at": "2026-11-30T03:00:00Z",
    "agent": {"type": "user_reference", "summary": "Ann"},
    "data": {"incident_key": "k"},
}
ROW: Mapping[str, Any] = {
    "incident_key": "k",
    "status": "acknowledged",
    "last_status_change_by": {"type": "user_reference", "summary": "Ann"},
    "last_status_change_at": "2026-11-30T03:00:00Z",
}


def webhook(**changes: object) -> bytes:
    return json.dumps({"event": {**EVENT, **changes}}).encode()


@pytest.mark.parametrize(
    ("header", "valid"),
    [
        (f"v1={GOOD}", True),
        (f"v1={OLD},v1={GOOD}", True),  # during a rotation
        (f"v1={GOOD}, v1={OLD}", True),
        (f"v1={GOOD},v2=anything", True),
        (f"v1={OLD}", False),  # after it
        (GOOD, False),
        (f"v2={GOOD}", False),
        (f"v1={GOOD.upper()}", False),
        (f"v1={GOOD[:-1]}", False),
        ("v1=", False),
        ("v1=\ud800", False),
        ("", False),
        (",".join(["v1=0"] * MOST_SIGNATURES + [f"v1={GOOD}"]), False),
    ],
)
def test_a_signature_is_valid_if_one_of_the_secrets_made_it(header: str, valid: bool) -> None:
    assert has_valid_signature(SECRET, BODY, header) is valid


@pytest.mark.parametrize(
    "event_type",
    [
        "incident.triggered",
        "incident.unacknowledged",
        "incident.reassigned",
        "incident.reopened",
        "incident.escalated",
        "incident.delegated",
        "pagey.ping",
    ],
)
def test_only_an_acknowledgement_and_a_resolve_are_answers(event_type: str) -> None:
    assert decode_change(webhook(event_type=event_type)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"agent": None},
        {"agent": []},
        {"agent": {"type": ["user_reference"]}},
        {"agent": {"type": "inbound_integration_reference"}},
        {"data": None},
        {"data": [1]},
        {"data": {"incident_key": None}},
        {"data": {"incident_key": ""}},
        {"event_type": ["incident.acknowledged"]},
        {"occurred_at": "2026-11-30T03:00:00"},
    ],
)
def test_a_change_without_a_person_is_no_answer(changes: Mapping[str, object]) -> None:
    assert decode_change(webhook(**changes)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"id": None},
        {"id": 5},
        {"id": "\ud800"},
        {"id": "x" * (LONGEST_ID + 1)},
        {"occurred_at": "yesterday"},
        {"occurred_at": 5},
    ],
)
def test_an_event_that_could_be_replayed_is_refused(changes: Mapping[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_change(webhook(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"status": ["acknowledged"]},
        {"status": "triggered"},
        {"incident_key": 5},
        {"last_status_change_by": {"type": ["user"]}},
        {"last_status_change_by": {"type": "service_reference"}},
        {"last_status_change_by": None},
    ],
)
def test_a_row_without_a_person_is_no_answer(changes: Mapping[str, object]) -> None:
    assert change_of_incident({**ROW, **changes}) is None


@pytest.mark.parametrize("at", [None, 5, "yesterday", "2026-11-30T03:00:00"])
def test_a_row_without_a_valid_time_still_counts(at: object) -> None:
    change = change_of_incident({**ROW, "last_status_change_at": at})
    assert change is not None
    assert (change.status, change.at) == (PagerStatus.ACKNOWLEDGED, None)
