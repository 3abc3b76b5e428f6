"""What Bolt may be given: payloads as Slack documents them pass, and nothing on which Bolt or a listener would trip."""

from random import Random
from types import MappingProxyType

import pytest
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.slack.click import Click
from bot.slack.inbound.bolt_app import texts_of
from bot.slack.inbound.clicks import read_click
from bot.slack.inbound.payloads import bolt_request, is_envelope, signable, well_formed
from tests.fuzz.slack_payloads import FORM, JSON, a_click, a_command, an_event

SIGNATURE = "v0=" + "0a" * 32
EVENT = an_event(Random(1))  # noqa: S311
CLICK = a_click(Random(1))  # noqa: S311


def signature(stamp: str = "1795602018", mac: str = SIGNATURE) -> dict[str, str]:
    return {"x-slack-request-timestamp": stamp, "X-Slack-Signature": mac}


@pytest.mark.parametrize(
    "payload",
    [
        a_command("status"),
        CLICK,
        EVENT,
        {**EVENT, "event": {"type": "channel_rename", "channel": {"id": "C1", "name": "x"}}},
        {**CLICK, "team": None, "enterprise": {"id": "E1"}, "is_enterprise_install": True},
        {"type": "url_verification", "challenge": "x"},
        {"ssl_check": "1", "token": "x"},
        {"type": "view_closed", "view": {"callback_id": "x", "type": "modal"}},
    ],
)
def test_a_payload_from_slack_passes(payload: dict[str, object]) -> None:
    assert well_formed(payload)
    AsyncBoltRequest(mode="socket_mode", body=payload)


@pytest.mark.parametrize(
    "payload",
    [
        *[None, [], "x", 1.5, {**EVENT, "event": None}, {**EVENT, "event": "x"}, {**EVENT, "event": {"type": []}}],
        *[
            {**EVENT, "authorizations": 1},
            {**EVENT, "authorizations": {"id": "x"}},
            {**EVENT, "authorizations": [None]},
        ],
        *[{**EVENT, "authorizations": [{"team": 5}]}, {**EVENT, "event": {"type": "message", "message": {"user": 5}}}],
        *[{key: value for key, value in EVENT.items() if key != "event"}, {**EVENT, "event": {}}],
        *[{**CLICK, "actions": []}, {**CLICK, "actions": [None]}, {**CLICK, "actions": [{}]}, {**CLICK, "actions": {}}],
        *[{key: value for key, value in CLICK.items() if key != "actions"}, {**CLICK, "channel": 1.5}],
        *[{**CLICK, "team": 1.5}, {**CLICK, "user": ["id"]}, {**CLICK, "team": {"id": 5}}, {"response_urls": None}],
        *[{"type": "view_closed", "view": None}, {"type": ["x"]}, {**a_command(""), "command": None}],
    ],
)
def test_a_payload_that_would_crash_bolt_is_dropped(payload: object) -> None:
    assert not well_formed(payload)


@pytest.mark.parametrize("reason", [None, "", "timeout"])
def test_an_envelope_may_say_why_it_comes_again(reason: object) -> None:
    assert is_envelope("events_api", "x", reason)


@pytest.mark.parametrize(
    ("type", "envelope_id", "reason"),
    [
        *[(None, "x", None), (["hello"], "x", None), ("hello", None, None), ("hello", "", None), ("hello", 5, None)],
        *[("hello", "x", {"id": 1}), ("hello", "x", 5), ("hello", "x", ["timeout"]), ("hello", "x", False)],
    ],
)
def test_an_envelope_that_bolt_cannot_read_is_none(type: object, envelope_id: object, reason: object) -> None:  # noqa: A002
    assert not is_envelope(type, envelope_id, reason)


def test_only_a_complete_signature_is_checked() -> None:
    assert signable(signature())
    assert signable({})  # Bolt answers it, and lets only Slack's look at the certificate pass


@pytest.mark.parametrize("stamp", ["", "x", "-1", "+1795602018", " 1", "1_0", "٣", "1.5", "9" * 400])
def test_a_time_that_is_none_is_refused(stamp: str) -> None:
    assert not signable(signature(stamp=stamp))


@pytest.mark.parametrize("mac", ["", "v0=", "v1=" + "0a" * 32, "v0=" + "é" * 64, SIGNATURE.upper(), SIGNATURE + "\n"])
def test_a_signature_that_is_none_is_refused(mac: str) -> None:
    assert not signable(signature(mac=mac))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        *[(JSON, b"\xff"), (JSON, b"{"), (JSON, b"[]"), (JSON, b'{"a":' * 100_000), (JSON, b"\xef\xbb\xbf{}")],
        *[(JSON, b'{"a":' + b"9" * 5000 + b"}"), (FORM, b"payload=Infinity"), (FORM, b"payload=%EF%BB%BF1")],
        *[(FORM, b"payload=" + b"[" * 100_000), (FORM, b'token=x&payload="')],
    ],
)
def test_an_unreadable_body_is_none(content_type: str, body: bytes) -> None:
    assert bolt_request("", {"Content-Type": content_type}, body) is None


def test_a_wrong_charset_does_not_prevent_reading() -> None:
    request = bolt_request("", {"Content-Type": f"{FORM}; charset=klingon"}, "text=Grüße".encode())
    assert request is not None
    assert request.body == {"text": "Grüße"}


def test_lone_surrogates_are_replaced() -> None:
    """JSON can hold half a surrogate pair, which no store and no log can."""
    facts = texts_of({"text": "a\ud83d", "channel": "C1", "page": 5}, ("text", "channel", "page", "absent"))
    assert facts == {"text": "a?", "channel": "C1", "page": "", "absent": ""}
    which, payload = read_click({**CLICK, "actions": [{"action_id": "x", "value": "\ud83d", "action_ts": "\ud83d"}]})
    "".join((which, *payload.values())).encode()


def test_a_deeply_nested_button_value_is_empty() -> None:
    payload = {"action": "x", "channel": "C1", "user": "U1", "ephemeral": "", "value": "[" * 100_000}
    assert Click.from_payload(MappingProxyType(payload)).facts == {}
