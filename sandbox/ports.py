"""Chooses ports for servers that start a moment later."""

import fcntl
import os
import random
import socket
import tempfile
from collections import deque
from pathlib import Path

HOST = "127.0.0.1"
RANGE = range(20_000, 32_768)  # below the ports that systems give to outgoing connections
HELD = 64

_held: deque[int] = deque(maxlen=HELD)  # file descriptors: the end of the process closes them, and the locks with them


def free_port() -> int:
    """A port that no other process here chooses too: this one keeps a lock on each of its last 64 ports.

    Raises:
        OSError: no port is free.
    """
    directory = Path(tempfile.gettempdir()) / f"pipeline-bot-ports-{os.getuid()}"
    directory.mkdir(exist_ok=True)
    for port in random.sample(RANGE, len(RANGE)):
        lock = os.open(directory / str(port), os.O_WRONLY | os.O_CREAT, 0o600)
        if _locks(lock) and _is_free(port):
            if len(_held) == HELD:
                os.close(_held[0])
            _held.append(lock)
            return port
        os.close(lock)
    raise OSError("no port is free")


def _locks(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((HOST, port)) != 0
