"""Chooses ports for servers that start a moment later."""

import fcntl
import os
import random
import socket
import tempfile
from collections import deque
from pathlib import Path
from typing import TextIO

HOST = "127.0.0.1"
RANGE = range(20_000, 32_768)  # below the ports that systems give to outgoing connections
HELD = 64

_held: deque[TextIO] = deque(maxlen=HELD)


def free_port() -> int:
    """A port that no other process here chooses too: this one keeps a lock on each of its last 64 ports.

    Raises:
        OSError: no port is free.
    """
    directory = Path(tempfile.gettempdir()) / f"pipeline-bot-ports-{os.getuid()}"
    directory.mkdir(exist_ok=True)
    for port in random.sample(RANGE, len(RANGE)):
        lock = (directory / str(port)).open("w")
        if _locks(lock) and _is_free(port):
            if len(_held) == HELD:
                _held[0].close()
            _held.append(lock)
            return port
        lock.close()
    raise OSError("no port is free")


def _locks(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((HOST, port)) != 0
