"""What the parts of a REDIS_URL mean."""

import pytest
from redis.asyncio.connection import parse_url

from bot.redis_address import RedisAddress, RedisKind, RedisNode, parse_redis_url
from bot.settings.redis_address import passwords_in


@pytest.mark.parametrize("url", ["redis://:pw@h:1/2", "rediss://h?ssl_cert_reqs=none", "unix:///tmp/valkey.sock?db=2"])
def test_the_address_of_one_server_stays_as_it_is(url: str) -> None:
    assert parse_redis_url(url) == RedisAddress(RedisKind.SERVER, url)


def test_a_sentinel_address_has_nodes_a_service_and_two_logins() -> None:
    address = parse_redis_url(
        "rediss+sentinel://ann:p%40@a,b:1,[::1]:2/mymaster?db=3&sentinel_username=bot&sentinel_password=%2Fx&ssl_cert_reqs=none"
    )
    assert address.kind is RedisKind.SENTINEL
    assert address.nodes == (RedisNode("a", 26379), RedisNode("b", 1), RedisNode("::1", 2))
    assert address.service == "mymaster"
    assert address.sentinel_login == {"username": "bot", "password": "/x"}
    options = dict(parse_url(address.url))
    assert options["host"] == "a"
    assert (options["username"], options["password"], options["db"]) == ("ann", "p@", 3)
    assert options["ssl_cert_reqs"] == "none"


def test_a_cluster_address_has_nodes_and_a_login() -> None:
    address = parse_redis_url("redis+cluster://:pw@[::1],b:6380/0?socket_timeout=3")
    assert (address.kind, address.nodes) == (RedisKind.CLUSTER, (RedisNode("::1", 6379), RedisNode("b", 6380)))
    options = dict(parse_url(address.url))
    assert (options["host"], options["port"], options["password"]) == ("::1", 6379, "pw")
    assert options["socket_timeout"] == 3


@pytest.mark.parametrize(
    "url", ["redis://:hush@h", "redis+sentinel://:hush@a,b/m?sentinel_password=hush", "redis+cluster://:hush@a"]
)
def test_the_text_of_an_address_shows_no_password(url: str) -> None:
    assert "hush" not in str(parse_redis_url(url))


def test_every_password_of_an_address_is_found() -> None:
    url = "redis+sentinel://:p%40@[::1]:1,[::2]/m?sentinel_password=%2Fx"
    assert passwords_in(url) == ("p%40", "p@", "/x")
    assert passwords_in("redis+cluster://ann:pw@a,b") == ("pw",)
