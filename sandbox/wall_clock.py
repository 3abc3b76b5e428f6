"""Runs a program whose wall clock others can set while it runs.

`python -m sandbox.wall_clock FILE MODULE [ARGUMENT ...]` runs a module as `python -m MODULE` would, with Python's wall
clock off by the seconds in FILE. `ClockOffset` writes that file. The program itself has no setting for this.

It changes `time.time`, `datetime.now` and everything built on them. It does not change the monotonic clock,
`date.today`, other programs, or C libraries that ask the kernel.
"""

import datetime as dt
import mmap
import runpy
import struct
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

_SECONDS = struct.Struct("d")


class ClockOffset:
    """Sets how many seconds the program's wall clock is ahead, or behind if negative."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(_SECONDS.pack(0.0))

    @property
    def seconds(self) -> float:
        return float(_SECONDS.unpack(self.path.read_bytes())[0])

    def turn_to(self, seconds: float) -> None:
        """Writes in place, because the program maps the file into its memory. So a read costs nothing."""
        with self.path.open("r+b") as file:
            file.write(_SECONDS.pack(seconds))


def put_off(ahead: Callable[[], float]) -> None:
    """From now on, Python's wall clock is `ahead()` seconds ahead.

    Call this before any module imports the name `datetime`.
    """
    real = time.time  # noqa: TID251  this is what is turned

    def now() -> float:
        return real() + ahead()

    moments: dict[str, Callable[[float | None], time.struct_time]] = {
        "gmtime": time.gmtime,
        "localtime": time.localtime,
    }
    for name, moment in moments.items():
        setattr(time, name, _of_now(moment, now))
    time.time = now  # noqa: TID251  likewise
    time.time_ns = lambda: int(now() * 1_000_000_000)
    _turn_datetime(now)


def _of_now(
    moment: Callable[[float | None], time.struct_time], now: Callable[[], float]
) -> Callable[[float | None], time.struct_time]:
    def of(seconds: float | None = None) -> time.struct_time:
        return moment(now() if seconds is None else seconds)

    return of


def _turn_datetime(now: Callable[[], float]) -> None:
    """A subclass replaces `datetime`, because `datetime.now` asks the kernel and the class cannot be changed.

    C code still creates instances of the real class, so `isinstance` must accept them.
    """
    real = dt.datetime

    class AnyMoment(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real)

        def __subclasscheck__(cls, other: type) -> bool:
            return issubclass(other, real)

    class Turned(dt.datetime, metaclass=AnyMoment):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return cls.fromtimestamp(now(), tz)

        @classmethod
        def today(cls) -> Any:
            return cls.fromtimestamp(now())

        @classmethod
        def utcnow(cls) -> Any:
            return cls.fromtimestamp(now(), dt.UTC).replace(tzinfo=None)

    Turned.__name__ = Turned.__qualname__ = real.__name__
    Turned.__module__ = real.__module__
    dt.datetime = Turned  # type: ignore[misc]  # that is the point
    _teach_msgspec(Turned, real)


def _teach_msgspec(turned: type[dt.datetime], real: type[dt.datetime]) -> None:
    """msgspec knows only the real class: it takes a subclass in an annotation for an unknown type."""

    def decoded(kind: type, value: object) -> object:
        if kind is turned and isinstance(value, str):
            return real.fromisoformat(value)
        raise NotImplementedError(f"msgspec can't decode {kind}")

    def encoded(value: object) -> object:
        if isinstance(value, turned):
            return real.fromisoformat(value.isoformat())  # the text must be msgspec's own: scripts compare rows
        raise NotImplementedError(f"msgspec can't encode {type(value)}")

    for owner, name in ((msgspec.json, "Decoder"), (msgspec, "convert")):
        setattr(owner, name, partial(getattr(owner, name), dec_hook=decoded))
    for owner, name in ((msgspec.json, "encode"), (msgspec, "to_builtins")):
        setattr(owner, name, partial(getattr(owner, name), enc_hook=encoded))


def main(file: str, program: str, *arguments: str) -> None:
    with open(file, "rb") as handle:  # noqa: PTH123  pathlib's own would do, but mmap wants the descriptor
        clock_offset = mmap.mmap(handle.fileno(), _SECONDS.size, access=mmap.ACCESS_READ)
    put_off(lambda: float(_SECONDS.unpack_from(clock_offset)[0]))
    sys.argv = [program, *arguments]
    runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
