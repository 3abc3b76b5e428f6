"""Reads the events of a calendar: downloads it, and has another process work out its events."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from bot.calendars import expansion
from bot.calendars.client import CalendarClient
from bot.domain.calendar import CalendarAddress, CalendarEvent, CalendarProblem, CalendarUnreadable
from bot.ports.calendar_feed import CalendarEvents

CPU_SECONDS = 10  # a calendar of 1.6 MB, with 8,200 events, took 2.7 s
EXPANSION_SECONDS = 60.0  # for a busy machine
_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")  # what Python itself may need


class CalendarReader:
    """Implements `CalendarFeed`."""

    def __init__(self, client: CalendarClient) -> None:
        self._client = client

    async def events(self, address: CalendarAddress, first: datetime, last: datetime, zone: str) -> CalendarEvents:
        text = await self._client.download(address)
        return await expand(text, first, last, zone)


async def expand(
    text: bytes,
    first: datetime,
    last: datetime,
    zone: str,
    *,
    cpu_seconds: int = CPU_SECONDS,
    seconds: float = EXPANSION_SECONDS,
) -> CalendarEvents:
    """The events between two moments. Times and dates without a zone are in `zone`.

    Raises:
        CalendarUnreadable
    """
    # The file, not the module: so the program finds itself wherever the bot is installed.
    program = (sys.executable, "-I", expansion.__file__)
    arguments = (first.isoformat(), last.isoformat(), zone, str(cpu_seconds))
    process = await asyncio.create_subprocess_exec(
        *program,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # a traceback may quote an e-mail
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
    )
    try:
        async with asyncio.timeout(seconds):
            written, _ = await process.communicate(text)
    except TimeoutError:
        raise CalendarUnreadable(CalendarProblem.TOO_MUCH) from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode == expansion.BROKEN:
        raise CalendarUnreadable(CalendarProblem.BROKEN)
    if process.returncode != 0:  # also if a limit ended it
        raise CalendarUnreadable(CalendarProblem.TOO_MUCH)
    found = json.loads(written)
    return CalendarEvents(events=tuple(map(_event, found["events"])), complete=found["complete"])


def _event(row: dict[str, str | Sequence[str]]) -> CalendarEvent:
    start, end = (datetime.fromisoformat(str(row[name])).astimezone(UTC) for name in ("start", "end"))
    return CalendarEvent(
        start=start,
        end=end,
        title=str(row["title"]),
        attendees=tuple(row["attendees"]),
        organizer=str(row["organizer"]),
    )
