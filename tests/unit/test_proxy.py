"""Which proxy a request takes, as the variables of the environment say."""

import re

import pytest

from bot.proxy import Proxies, ProxyError, is_loopback

SLACK, SOCKET, PLAIN = (
    "https://slack.com/api/",
    "wss://wss-primary.slack.com/link/?ticket=1",
    "http://goldrush.internal/",
)
P, Q = "http://proxy.internal:3128", "http://ann:p%40ss@other.internal:8080"


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, SLACK, None),
        ({"HTTPS_PROXY": P}, SLACK, P),
        ({"https_proxy": P}, SLACK, P),
        ({"HTTPS_PROXY": Q, "https_proxy": P}, SLACK, P),
        ({"HTTPS_PROXY": Q, "https_proxy": ""}, SLACK, None),
        ({"HTTPS_PROXY": " "}, SLACK, None),
        ({"HTTPS_PROXY": Q}, SLACK, Q),
        ({"HTTPS_PROXY": "proxy.internal:3128"}, SLACK, P),
        ({"HTTPS_PROXY": "https://proxy.internal"}, SLACK, "https://proxy.internal"),
        ({"HTTPS_PROXY": "http://[2001:db8::1]:3128"}, SLACK, "http://[2001:db8::1]:3128"),
        ({"HTTPS_PROXY": P}, SOCKET, P),
        ({"HTTP_PROXY": P}, SLACK, None),
        ({"HTTP_PROXY": P}, PLAIN, P),
        ({"HTTP_PROXY": P, "REQUEST_METHOD": "GET"}, PLAIN, None),
        ({"ALL_PROXY": P}, SLACK, P),
        ({"all_proxy": P}, PLAIN, P),
        ({"ALL_PROXY": Q, "HTTPS_PROXY": P}, SLACK, P),
    ],
)
def test_the_variable_that_fits_the_scheme(environment: dict[str, str], url: str, proxy: str | None) -> None:
    assert Proxies.of_environment(environment).for_url(url) == proxy


@pytest.mark.parametrize(
    ("exceptions", "url", "direct"),
    [
        ("*", SLACK, True),
        ("slack.com", SLACK, True),
        (".slack.com", SLACK, True),
        ("*.slack.com", SLACK, True),
        ("SLACK.COM.", SLACK, True),
        ("https://slack.com", SLACK, True),
        ("slack.com", SOCKET, True),
        (".slack.com", SOCKET, True),
        ("slack.com:443", SLACK, True),
        ("slack.com:443", SOCKET, True),
        ("slack.com:8443", SLACK, False),
        ("lack.com", SLACK, False),
        ("com.slack", SLACK, False),
        ("a, slack.com ,b", SLACK, True),
        ("a slack.com b", SLACK, True),
        ("fd00::/8,slack.com", SLACK, True),
        ("fd00::/8", SLACK, False),
        ("10.0.0.0/8", "https://10.2.3.4/", True),
        ("10.0.0.0/8", "https://11.2.3.4/", False),
        ("10.2.3.4", "https://10.2.3.4/", True),
        ("10.2.3.4:443", "https://10.2.3.4/", True),
        ("fd00::/8", "https://[fd00::1]:8443/", True),
        ("[fd00::]/8", "https://[fd00::1]/", True),
        ("fd00::1", "https://[fd00::1]/", True),
        ("[fd00::1]:443", "https://[fd00::1]/", True),
        ("::/0", "https://[fd00::1]/", True),
        ("::/0", "https://10.2.3.4/", False),
        ("", SLACK, False),
        (",", SLACK, False),
        (".", SLACK, False),
        ("10.0.0.0/99,[::,fe80::%eth0,://,[,%zz,slack.com/", SLACK, True),
        ("10.0.0.0/99,[::,fe80::%eth0,://,[,%zz", SLACK, False),
        ("", "http://127.0.0.1:8080/", True),
        ("", "https://localhost/", True),
        ("", "ws://[::1]:1/", True),
        ("", "https://api.localhost./", True),
        ("", "https://127.9.9.9/", True),
    ],
)
def test_exceptions_hold_and_none_of_them_fails(exceptions: str, url: str, direct: bool) -> None:
    proxies = Proxies.of_environment({"HTTPS_PROXY": P, "HTTP_PROXY": P, "NO_PROXY": exceptions})
    assert proxies.for_url(url) == (None if direct else P)


@pytest.mark.parametrize(
    "value",
    ["socks5://hush:1", "socks5h://hush", "ftp://hush", "http://", "http://:1", "http://hush:port", "http://hush:99999",
     "http://hu sh", "http://[::1hush", "http://ann:hu#sh@h", "http://ann:hush/w@h", "http://h/hush", "http://hush..b",
     "http://ann:hush℀w@h"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_that_cannot_be_used_is_named_and_not_shown(name: str, value: str) -> None:
    proxies = Proxies.of_environment({name: value})
    with pytest.raises(ProxyError, match=rf"^{name} is not valid: ") as raised:
        proxies.for_url(SLACK)
    assert not re.search("hush|hu sh|hu#sh|::1", str(raised.value))
    assert proxies.for_url("http://127.0.0.1:1/") is None


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("a.localhost", True),
     ("LOCALHOST.", True), ("localhost.evil.example", False), ("notlocalhost", False), ("0.0.0.1", False),
     ("10.0.0.1", False), ("", False)],
)  # fmt: skip
def test_local_addresses_bypass_the_proxy(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
