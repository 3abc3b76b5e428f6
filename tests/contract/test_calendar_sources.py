"""A schedule whose calendar answers 404, a web page, 10 MB or nothing: over real sockets, with the real reader."""

import shutil
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
import redis.asyncio

from bot.calendars.client import CalendarClient
from bot.calendars.reader import CalendarReader
from bot.domain.calendar import CalendarProblem
from bot.requests.calendar_reads import CalendarReads
from bot.requests.setup_changes import SetupChanges
from tests.contract.calendars import calendar_server, calendar_text
from tests.contract.probing import self_signed
from tests.fake_schedules import FakeFeed, FakePeople, person
from tests.service.test_calendar_reads import ANN, Schedules
from tests.service.test_poller import pipelines, running

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


async def test_the_last_good_copy_counts_while_the_calendar_fails(
    fake_redis: redis.asyncio.Redis, tmp_path: Path
) -> None:
    certificate = self_signed(tmp_path)
    client = CalendarClient(trusted=ssl.create_default_context(cafile=certificate))
    async with running(fake_redis, *pipelines(1)) as bot, calendar_server(certificate) as server:
        changes = SetupChanges(repository=bot.repository, setup_store=bot.store, clock=bot.clock)
        people = FakePeople({ANN: person(ANN, "Ann")})
        reads = CalendarReads(
            changes=changes, feed=CalendarReader(client), people=people, conversations=people, clock=bot.clock
        )
        it = Schedules(bot, FakeFeed(), people, changes, reads)
        begin, end = (bot.clock.now() + timedelta(days=days) for days in (-1, 9))
        good = calendar_text(f"DTSTART:{begin:%Y%m%dT%H%M%SZ}\nDTEND:{end:%Y%m%dT%H%M%SZ}\nSUMMARY:<@{ANN}>")
        server.serves(good)
        await it.save(server.url())
        await it.reads.refresh()
        assert (it.on_call(), it.copy.problem) == ((ANN,), None)
        for body, status, problem in (
            (b"not here", 404, CalendarProblem.NOT_FOUND),
            (b"<html>Sign in</html>", 200, CalendarProblem.NO_CALENDAR),
            (good + b"X" * 10_000_000, 200, CalendarProblem.TOO_LONG),
            (b"", 200, CalendarProblem.EMPTY),
        ):
            server.serves(body, status=status)
            await bot.clock.pass_time(900)
            await it.reads.refresh()
            assert (it.on_call(), it.copy.problem) == ((ANN,), problem)
        assert it.copy.failing_since is not None
        assert it.copy.failing_since < bot.clock.now()
        await bot.clock.pass_time(24 * 3600)
        assert it.on_call() == ()
        server.serves(good)
        await it.reads.refresh()
        assert (it.on_call(), it.copy.problem) == ((ANN,), None)
