"""Addresses that look like this machine and are another's (issue 8, H12)."""

import pytest

from bot.settings.http_address import http_fault, is_exposed


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example",
        "http://localhost:80@evil.example",
        "http://localhost\\@evil.example",
        "http://evil.example#localhost",
        "http://evil.example?localhost",
        "http://[::1].evil.example",
        "http://[::1]evil.example",
        "http://localhost。evil.example",
        "http://evil。localhost",
        "http://localhost%2eevil.example",
        "http://localhost\t.evil.example",
        "http://0.0.0.0",
        "http://[fe80::1]",
        "http://127.1",
        "http://2130706433",
        "http:///evil.example",
        "HTTP://evil.example",
    ],
)
def test_no_other_host_is_taken_for_this_machine(url: str) -> None:
    assert http_fault(url) or is_exposed(url)


@pytest.mark.parametrize(
    "url", ["http://localhost", "http://LOCALHOST.:80/a", "http://127.0.0.2:8080", "http://[::1]", "http://[::1]:80/"]
)
def test_this_machine_may_be_spoken_to_plainly(url: str) -> None:
    assert http_fault(url) is None
    assert not is_exposed(url)


@pytest.mark.parametrize(
    ("url", "exposed"),
    [
        ("redis://redis.internal", True),
        ("rediss://redis.internal", False),
        ("redis+sentinel://127.0.0.1,localhost:26380/mymaster", False),
        ("redis+sentinel://127.0.0.1,redis.internal/mymaster", True),
        ("redis+cluster://:pw@[::1]:6379,10.0.0.1", True),
        ("rediss+cluster://10.0.0.1", False),
        ("unix:///tmp/valkey.sock", False),
    ],
)
def test_an_address_of_redis_is_exposed_if_one_host_is_elsewhere_without_tls(url: str, exposed: bool) -> None:
    assert is_exposed(url) is exposed
