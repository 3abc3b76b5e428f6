"""Ports for servers that start later."""

import multiprocessing
import socket

import pytest

from sandbox import ports
from sandbox.ports import HELD, free_port


def test_two_processes_never_choose_the_same_port() -> None:
    mine = {free_port() for _ in range(HELD)}
    with multiprocessing.get_context("spawn").Pool(1) as other:
        theirs = set(other.map(_chosen, range(HELD)))
    assert len(mine) == len(theirs) == HELD
    assert not mine & theirs


def _chosen(_: int) -> int:
    return free_port()


def test_a_port_in_use_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as server:
        server.bind((ports.HOST, 0))
        server.listen()
        taken = int(server.getsockname()[1])
        monkeypatch.setattr(ports, "RANGE", range(taken, taken + 1))
        with pytest.raises(OSError, match="no port is free"):
            free_port()
