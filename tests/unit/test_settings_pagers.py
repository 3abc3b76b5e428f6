"""PAGERS: each fault names the pager, and no text or log contains an address."""

import pytest

from bot.settings.pagers import PagerService, pagers_fault, pagers_in, secrets_in

KEY = "0123456789abcdef0123456789ABCDEF"
HOOK = "https://hooks.slack.com/triggers/T0123/456/0a1b2c3d4e5f"
GOOD = f"ops=pagerduty://{KEY} flow={HOOK} night=ntfys://my-secret-topic team_2=json://localhost/x"


def test_a_pager_has_a_name_a_service_and_a_secret() -> None:
    assert pagers_fault(GOOD) is None
    assert [(pager.name, pager.service) for pager in pagers_in(GOOD)] == [
        ("ops", PagerService.PAGERDUTY),
        ("flow", PagerService.WORKFLOW),
        ("night", PagerService.APPRISE),
        ("team_2", PagerService.APPRISE),
    ]
    assert pagers_in(GOOD)[0].secret == KEY
    assert KEY not in repr(pagers_in(GOOD))


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (KEY, "pager 1 is not NAME=ADDRESS"),
        (f"pagerduty://{KEY}", "pager 1 is not NAME=ADDRESS"),
        (f"ops=pagerduty://{KEY} {HOOK}", "pager 2 is not NAME=ADDRESS"),
        (f"Ops=pagerduty://{KEY}", "the name of pager 1"),
        (f"{'a' * 41}=pagerduty://{KEY}", "the name of pager 1"),
        ("ops=pagerduty://short", "ops needs the 32 characters"),
        (f"ops=pagerduty://{KEY}@token", "ops needs the 32 characters"),
        (f"ops=pagerduty://{KEY} ops={HOOK}", "the name ops stands there twice"),
        ("flow=https://example.com/triggers/secret", "flow begins with https://"),
        ("flow=https://hooks.slack.com/services/T1/B1/secret", "flow begins with https://"),
        ("flow=http://hooks.slack.com/triggers/T1/B1/secret", "flow begins with http://"),
        ("flow=https://hooks.slack.com.evil.example/triggers/secret", "flow begins with https://"),
        ("night=nonsense://secret-topic", "night has an address that Apprise can't use"),
        (" ".join(f"p{n}=pagerduty://{KEY}" for n in range(51)), "more than 50"),
    ],
)
def test_each_fault_names_the_pager_but_quotes_no_secret(value: str, fault: str) -> None:
    reported = pagers_fault(value) or ""
    assert fault in reported
    assert "secret" not in reported
    assert KEY not in reported


def test_all_faults_are_reported_at_once() -> None:
    assert (pagers_fault("ops=pagerduty://x night=nonsense://y") or "").count(";") == 1


def test_no_part_of_an_address_reaches_a_log() -> None:
    secrets = set(secrets_in("ops=pagerduty://" + KEY + " mail=mailtos://ann:pass%20word@example.com?to=bob"))
    assert {KEY, "pass%20word", "pass word", "example.com"} <= secrets
