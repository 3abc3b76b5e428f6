"""Where the pictures are taken: the sandbox and the bot as a process, on a clock that the scenes move.

The day is always the same, so two runs show the same times to within seconds.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import redis.asyncio
from playwright.async_api import async_playwright

from bot.domain.watch import TeamId
from bot.store.keys import Keys
from sandbox.clock import Clock
from sandbox.demo import pagers
from sandbox.server import Sandbox
from sandbox.slack.directory import BOT_USER, TEAM_ID, Channel
from sandbox.slack.entries import elements
from sandbox.slack.messages import Message
from tests.journey.rig import ALERTS, ANN, BOB, PATIENCE, TEAM, Rig
from tests.journey.valkey import Valkey
from tests.pictures.camera import Camera

BEGIN = datetime(2030, 1, 15, 14, 0, tzinfo=UTC)
"""A Tuesday that is still to come: the bots' time never goes back."""
BOT_FOLLOWS = 1.0  # seconds between two looks at the bots' shared time
CAUGHT_UP = 2.6  # seconds: by then the bot, which asks every 2 s, has the stage's time
BACKUPS_CHECKED = 8.0  # seconds: it compares its scheduled messages every 5 s
READ_BY = 2.5  # seconds: it reads each pipeline twice a second
OPS = "C0OPS"
CAROL = "U0CAROL"
AT_REST = ("usdc-approvals", "ETH backfill 2024")
SETTINGS = {
    "PIPELINE_BOT_BLIND_SECONDS": "86400",  # a jump of the clock is no gap in the readings
    "PIPELINE_BOT_PROMISED_SECONDS": "86400",
    "PIPELINE_BOT_CATALOGUE_SECONDS": "5",
    "PIPELINE_BOT_PAGES_PER_HOUR": "1000",
    "PIPELINE_BOT_MEASURE_SECONDS": "60",  # no jump of the clock shortens it
    "OPERATOR_CHANNEL": OPS,
}


class StageClock(Clock):
    """Passes as real time does, and jumps when a scene says so."""

    def __init__(self) -> None:
        self.jump(BEGIN.timestamp() - self.now())


class SharedTime:
    """Keeps the bots' time, which they share through Redis, equal to the stage's."""

    def __init__(self, client: redis.asyncio.Redis, clock: StageClock) -> None:
        self._client = client
        self._clock = clock
        self._key = Keys(TeamId(TEAM_ID))["clock"]

    async def write(self) -> None:
        seconds, microseconds = await self._client.time()
        latest = int(self._clock.now() * 1_000_000)
        await self._client.hset(self._key, mapping={"latest": latest, "clock": seconds * 1_000_000 + microseconds})

    async def keep(self) -> None:
        while True:
            await self.write()
            await asyncio.sleep(BOT_FOLLOWS)


@dataclass
class Stage:
    """What a scene works with."""

    rig: Rig
    camera: Camera
    clock: StageClock
    shared_time: SharedTime

    @property
    def sandbox(self) -> Sandbox:
        return self.rig.sandbox

    # --- as a person -------------------------------------------------------------------------------------------------

    async def ask(self, text: str, *, user: str = ANN, channel: str = ALERTS) -> Message:
        """Types a command and waits for the ephemeral answer."""
        await self.rig.ask(text, user=user, channel=channel)
        return self.sandbox.slack.ephemerals(channel, user)[-1]

    async def save(self, text: str, *, user: str = ANN, channel: str = ALERTS) -> None:
        """Types a command that asks before it writes, and confirms. It does not ask if it would change nothing."""
        answer = await self.ask(text, user=user, channel=channel)
        if "confirm" in {element["action_id"] for _, element in elements(answer.all_blocks())}:
            await self.confirm(answer, user=user)

    async def confirm(self, question: Message, *, user: str = ANN) -> None:
        """The answer takes the question's place."""
        before = question.text
        await self.rig.click(question, "confirm", user=user)
        await self.sandbox.until(lambda: question.text != before, PATIENCE)

    async def answered(self, press: Callable[[], Any], *, user: str = ANN, channel: str = ALERTS) -> Message:
        """Does something, and waits for the next answer that only this person sees."""
        before = len(self.sandbox.slack.ephemerals(channel, user))
        await press()
        await self.sandbox.until(lambda: len(self.sandbox.slack.ephemerals(channel, user)) > before, PATIENCE)
        return self.sandbox.slack.ephemerals(channel, user)[-1]

    async def card_after(self, act: Callable[[], Any], name: str, *, channel: str = ALERTS) -> Message:
        """Does something, and waits for the next message that names this pipeline, outside threads."""
        before = {message.ts for message in self.sandbox.slack.messages(channel)}

        def new_card() -> Message | None:
            roots = self.sandbox.slack.messages(channel)
            return next((root for root in roots if root.ts not in before and name in root.text), None)

        act()
        found = await self.sandbox.until(new_card, PATIENCE)
        assert found is not None
        return found

    async def anywhere(self, *words: str, channel: str = ALERTS) -> Message:
        """Waits for a message or a reply with all the words."""

        def latest() -> Message | None:
            roots = self.sandbox.slack.messages(channel)
            every = [message for root in roots for message in (root, *root.replies)]
            return next((message for message in reversed(every) if all(word in message.text for word in words)), None)

        found = await self.sandbox.until(latest, PATIENCE)
        assert found is not None
        return found

    async def view(self, title: str, *, user: str = ANN) -> None:
        """Waits until this person sees a form with this title, past its loading view."""

        def opened() -> bool:
            view = self.sandbox.slack.views.top(user)
            return view is not None and title in view["title"]["text"] and view.get("submit") is not None

        await self.sandbox.until(opened, PATIENCE)

    async def home(self, picture: str, *, user: str = ANN) -> None:
        """Opens the App Home, waits until the bot has published it, and takes its picture."""
        views = self.sandbox.slack.views
        before = (views.home(user) or {}).get("hash")
        self.sandbox.slack.open_home(user)
        await self.sandbox.until(lambda: (views.home(user) or {}).get("hash") != before, PATIENCE)
        await self.camera.home(picture, user=user)

    async def shows(self, message: Message, words: str) -> None:
        await self.sandbox.until(lambda: words in message.text, PATIENCE)

    # --- time --------------------------------------------------------------------------------------------------------

    async def pass_time(self, *, minutes: float) -> None:
        """In steps, so that the bot serves each timer before the next one is due."""
        left = minutes * 60
        while left > 0:
            step, wait = (60.0, BACKUPS_CHECKED) if self._backups() else (120.0, CAUGHT_UP)
            self.clock.jump(min(left, step))
            await self.shared_time.write()
            await asyncio.sleep(wait)
            left -= step

    def _backups(self) -> bool:
        """True if Slack would post a page by itself. The bot must see each minute, to delete it in time."""
        return any(message.channel != OPS for message in self.sandbox.slack.scheduled.pending())

    async def let_read(self) -> None:
        """Gives the bot time to read each watched pipeline, and to write what it saw."""
        await asyncio.sleep(READ_BY)

    async def skip(self, *, hours: float) -> None:
        """One jump, for scenes without timers."""
        self.clock.jump(hours * 3600)
        await self.shared_time.write()
        await asyncio.sleep(CAUGHT_UP)
        await self.let_read()

    def time_of_day(self, *, minutes: float) -> str:
        """In Berlin, so many minutes from now."""
        at = datetime.fromtimestamp(self.clock.now(), ZoneInfo("Europe/Berlin")) + timedelta(minutes=minutes)
        return at.strftime("%H:%M")

    async def calm(self) -> None:
        """Ends what the scene began, and waits until the bot has no episode left to continue."""
        for pipeline in [*self.sandbox.goldrush.pipelines.values(), *self.sandbox.goldrush.removed.values()]:
            if pipeline.name not in AT_REST:
                self.sandbox.goldrush.set_phase(pipeline.id, "RUNNING")
        while self.sandbox.slack.views.top(ANN):
            await self.sandbox.slack.close_view(ANN)
        await self.let_read()
        for channel in (ALERTS, TEAM):
            await self.save("unwatch all", user=BOB, channel=channel)  # Ann's screen stays free of answers
        await self.pass_time(minutes=12)


@asynccontextmanager
async def staged(directory: Path, into: Path, browser_path: str) -> AsyncIterator[Stage]:
    clock = StageClock()
    async with (
        Valkey(directory / "redis") as valkey,
        redis.asyncio.Redis.from_url(valkey.url) as client,
        Sandbox.start(clock=clock) as sandbox,
        async_playwright() as playwright,
    ):
        shared_time = SharedTime(client, clock)
        await shared_time.write()
        keeping = asyncio.create_task(shared_time.keep())
        sandbox.goldrush.rate_limit = None
        people = [ANN, BOB, CAROL, BOT_USER]
        sandbox.slack.directory.channels[OPS] = Channel(id=OPS, name="pipeline-ops", members=people)
        rig = Rig(sandbox, directory / "data", http=False, settings=SETTINGS | pagers(sandbox))
        rig.settings |= {"REDIS_URL": valkey.url, "GOLDRUSH_API_KEY": sandbox.goldrush.regular_api_key}
        await rig.start()
        try:
            async with Camera.opened(playwright, browser_path, sandbox.url, into, clock) as camera:
                yield Stage(rig, camera, clock, shared_time)
        finally:
            await rig.stop()
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
