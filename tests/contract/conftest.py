"""Runs the tests of what opens sockets on uvloop, as the bot does. The others use asyncio, which `FakeClock` needs."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

ON_UVLOOP = frozenset(
    {
        "test_app",
        "test_connect",
        "test_failover",
        "test_goldrush_client",
        "test_goldrush_connection",
        "test_hanging",
        "test_http_exposure",
        "test_inbound_http",
        "test_inbound_sockets",
        "test_metrics_server",
        "test_proxied",
        "test_socket_mode",
    }
)


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.path.stem in ON_UVLOOP:
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.SelectorEventLoop}
