"""A program: runs the embedded Valkey while a bot uses it.

Each bot holds a shared lock on a file in the data directory. The system releases the lock when the bot ends,
even by kill -9. Once no bot holds it, the keeper stops the store: every write is on the disk, and the next bot starts
it again. A bot that starts meanwhile waits for the lock, so it never finds a store that is about to stop.

Service managers send SIGTERM to the bot and to all processes it started. The store must outlive the bot's stop. So
keeper and store block SIGTERM, and the keeper stops the store by SIGINT.

python keeper.py LOCK COMMAND …
"""

import fcntl
import os
import signal
import subprocess
import sys
import threading


def main(lock: str, *command: str) -> int:
    """Runs `command` until the file `lock` is free. Returns the command's exit status."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # the store inherits the mask
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as store:  # noqa: S603 (as given)
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
        threading.Thread(target=_stop_when_free, args=(descriptor, store), daemon=True).start()
        return store.wait()


def _stop_when_free(descriptor: int, store: "subprocess.Popen[bytes]") -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    store.send_signal(signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
