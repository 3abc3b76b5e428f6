"""What happens to channels, and to the token: told by Slack's events, found by the daily look, over real sockets."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Container, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import cast

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from bot.delivery.suspensions import Suspensions
from bot.domain.delivery import in_slack
from bot.domain.notice import Notice, NoticeKind
from bot.domain.watch import ChannelId, SuspendReason
from bot.ports.chat import ChatAway
from bot.ports.store_errors import StoreAway
from bot.ports.watch_store import Watches
from bot.settings import Transport
from bot.slack.inbound import http_mode, socket_mode
from bot.slack.inbound.bolt_app import Listeners, build_app
from bot.slack.inbound.inbox import STORE_SECONDS, Inbox
from bot.slack.outbound.calls import call, web_client
from bot.slack.outbound.channel_ids import ChannelIds
from bot.slack.outbound.channel_monitor import EVERY_SECONDS, ChannelMonitor
from bot.slack.outbound.directory import Directory
from bot.slack.outbound.token_monitor import LOG_AGAIN_SECONDS, REINSTALL
from bot.slack.render.renderer import Renderer
from bot.state.repository import Repository
from sandbox.server import Sandbox
from sandbox.slack.directory import ChannelKind
from sandbox.slack.faults import Fault, FaultKind
from tests.builders import ALERTS, TEAM, a_delivery, a_message, a_watch
from tests.contract.test_store import an_announcement
from tests.fakes import FakeClock
from tests.stores import WholeStore

ROOM, FALLBACK, NEW = ChannelId("C0TEAM"), ChannelId("C0FALLBACK"), ChannelId("C0NEW")
BOT = "U0BOT"
LOOK = Renderer(command="/pipeline", platform_url="https://goldrush.dev/platform/")


@dataclass
class Yard:
    sandbox: Sandbox
    store: WholeStore
    clock: FakeClock
    channel_monitor: ChannelMonitor
    suspensions: Suspensions

    async def watches(self) -> Watches:
        return await self.store.watches()

    async def notices(self) -> list[tuple[ChannelId, Notice]]:
        """What is owed in direct messages, and to whom."""
        channels = [ChannelId(channel.id) for channel in self.sandbox.slack.directory.channels.values()]
        rows = [row for channel in channels for row in await self.store.owed(channel)]
        return [
            (ChannelId(row.receiver.id), row.body) for row in rows if isinstance(row.body, Notice) and row.body.channel
        ]

    def calls(self, method: str) -> int:
        return sum(call.method == method for call in self.sandbox.slack.calls)

    async def a_day_later(self) -> None:
        await self.clock.pass_time(EVERY_SECONDS)
        await self.channel_monitor.check_channels()


@pytest.fixture
async def yard(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Yard]:
    async with Sandbox.start() as sandbox:
        clock = FakeClock()
        store = WholeStore(fake_redis, TEAM, clock)
        client = web_client("xoxb-sandbox", f"{sandbox.url}/api/", ChannelIds(store.aliases))
        directory = Directory(client, clock, TEAM)
        repository = Repository(store, asyncio.Event())
        suspensions = Suspensions(
            store=store,
            repository=repository,
            conversations=directory,
            clock=clock,
            wake=asyncio.Event(),
            fallback=FALLBACK,
        )
        channel_monitor = ChannelMonitor(
            store=store, repository=repository, suspensions=suspensions, directory=directory, clock=clock, user=BOT
        )
        watch = replace(a_watch(channel=ROOM), made_at=clock.now())
        await store.add_watches([watch], a_message("announced", Notice(kind=NoticeKind.WATCHING, at=clock.now())))
        await channel_monitor.check_channels()
        yield Yard(sandbox, store, clock, channel_monitor, suspensions)


def archive(yard: Yard) -> None:
    yard.sandbox.slack.archive(ROOM)


def delete(yard: Yard) -> None:
    yard.sandbox.slack.delete_channel(ROOM)


def kick(yard: Yard) -> None:
    yard.sandbox.slack.kick_bot(ROOM)


def make_private_without_us(yard: Yard) -> None:
    yard.sandbox.slack.kick_bot(ROOM)
    yard.sandbox.slack.convert(ROOM, ChannelKind.PRIVATE)


HAPPENINGS = [
    (archive, "channel_archive", SuspendReason.ARCHIVED),
    (delete, "channel_deleted", SuspendReason.NOT_FOUND),
    (kick, "channel_left", SuspendReason.NOT_IN_CHANNEL),
    (kick, "member_left_channel", SuspendReason.NOT_IN_CHANNEL),
    (make_private_without_us, "group_left", SuspendReason.NOT_FOUND),
]


@pytest.mark.parametrize(
    ("happens", "event", "reason"), HAPPENINGS, ids=lambda value: getattr(value, "__name__", value)
)
@pytest.mark.parametrize("by_event", [True, False])
async def test_a_channel_without_access_is_suspended_and_its_maker_notified_once(
    yard: Yard, happens: Callable[[Yard], None], event: str, reason: SuspendReason, *, by_event: bool
) -> None:
    happens(yard)
    for _ in range(2):  # Slack may tell twice
        if by_event:
            await yard.channel_monitor.check_event({"type": event, "channel": ROOM, "user": BOT})
        else:
            await yard.a_day_later()
    watches = await yard.watches()
    assert watches.suspended == {ROOM: reason}
    assert [watch.channel for watch in watches.all] == [ROOM]  # nothing is deleted
    ((where, notice),) = await yard.notices()
    assert where.startswith("D")
    assert (notice.channel, notice.reason, notice.instead) == (ROOM, reason, FALLBACK)
    assert [watch.channel for watch in notice.watches] == [ROOM]
    words = LOOK.content(notice, a_delivery(), yard.clock.now()).text
    assert "can't post in" in words
    assert "nothing is lost" in words
    assert FALLBACK in words
    assert yard.calls("chat.postMessage") == 0  # a look posts nothing


@pytest.mark.parametrize("by_event", [True, False])
async def test_it_resumes_when_the_channel_returns(yard: Yard, *, by_event: bool) -> None:
    archive(yard)
    await yard.channel_monitor.check_event({"type": "channel_archive", "channel": ROOM})
    yard.sandbox.slack.unarchive(ROOM)
    if by_event:
        await yard.channel_monitor.check_event({"type": "channel_unarchive", "channel": ROOM})
    else:
        await yard.a_day_later()
    assert (await yard.watches()).suspended == {}
    assert yard.calls("chat.postMessage") == 0


async def test_a_channel_renamed_or_made_private_with_us_in_it_goes_on(yard: Yard) -> None:
    yard.sandbox.slack.rename(ROOM, "another-name")
    yard.sandbox.slack.convert(ROOM, ChannelKind.PRIVATE)
    await yard.a_day_later()
    assert (await yard.watches()).suspended == {}
    assert await yard.notices() == []


async def test_the_monitor_ignores_other_members_and_unwatched_channels(yard: Yard) -> None:
    calls = yard.calls("conversations.info")
    await yard.channel_monitor.check_event({"type": "member_left_channel", "channel": ROOM, "user": "U0ANN"})
    await yard.channel_monitor.check_event({"type": "channel_archive", "channel": "C0QUIET"})
    assert yard.calls("conversations.info") == calls


@asynccontextmanager
async def listening(yard: Yard, transport: Transport, store_seconds: float = STORE_SECONDS) -> AsyncIterator[None]:
    """The bot's own app, as Slack reaches it; only events are heard of."""
    slack = yard.sandbox.slack
    app = build_app(
        Listeners(inbox=cast("Inbox", None), channel_monitor=yard.channel_monitor, store_seconds=store_seconds),
        client=web_client("xoxb-sandbox", f"{yard.sandbox.url}/api/"),
        signing_secret="sandbox-signing-secret" if transport is Transport.HTTP else None,
        command="/pipeline",
    )
    if transport is Transport.HTTP:
        async with http_mode.http(app, 0) as port:
            slack.request_url = f"http://127.0.0.1:{port}/slack/events"
            yield
    else:
        answer = await call(web_client("xapp-sandbox", f"{yard.sandbox.url}/api/"), "apps.connections.open")
        async with socket_mode.listening(app, "xapp-sandbox", str(answer.body["url"])):
            await yard.sandbox.until(lambda: len(slack.delivery.sockets.open) == socket_mode.CONNECTIONS, 20)
            yield


@pytest.mark.parametrize("secret", [None, "sandbox-signing-secret"])
def test_the_app_is_built_without_a_warning(caplog: pytest.LogCaptureFixture, secret: str | None) -> None:
    client = web_client("xoxb-sandbox", "http://127.0.0.1:1/api/")
    listeners = Listeners(inbox=cast("Inbox", None), channel_monitor=cast("ChannelMonitor", None))
    build_app(listeners, client=client, signing_secret=secret, command="/pipeline")
    assert caplog.messages == []


@pytest.mark.parametrize("transport", [Transport.SOCKET, Transport.HTTP])
async def test_an_event_is_handled_while_slack_answers_nothing(yard: Yard, transport: Transport) -> None:
    yard.sandbox.slack.set_fault("auth.test", Fault(kind=FaultKind.SERVER_ERROR))
    async with listening(yard, transport):
        archive(yard)
        async with asyncio.timeout(60):
            while (await yard.watches()).suspended != {ROOM: SuspendReason.ARCHIVED}:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("transport", [Transport.SOCKET, Transport.HTTP])
@pytest.mark.parametrize("slow", [False, True])
async def test_a_rename_event_is_acknowledged_after_it_is_stored(
    yard: Yard, transport: Transport, *, slow: bool
) -> None:
    tries = itertools.count(1)
    delivery = yard.sandbox.slack.delivery
    delivery.ack_seconds, delivery.event_retry_seconds = 3.0, (0.0, 0.0)

    async def away_at_first() -> None:
        if next(tries) < 3:
            if slow:
                await asyncio.Event().wait()
            raise StoreAway("no answer")

    yard.store.first["change_ids"] = away_at_first
    async with listening(yard, transport, store_seconds=0.1 if slow else STORE_SECONDS):
        with capture_logs() as logs:
            yard.sandbox.slack.change_id(ROOM)
            async with asyncio.timeout(60):
                while (there := (await yard.store.aliases()).current(ROOM)) == ROOM:
                    await asyncio.sleep(0.01)
                while len(acks := acknowledged(yard, "channel_id_changed")) < 3:
                    await asyncio.sleep(0.01)
    assert acks == [False, False, True]
    assert there in yard.sandbox.slack.directory.channels
    assert [entry["event"] for entry in logs] == ["store_away", "store_away", "channel_id_changed"]
    await yard.channel_monitor.check_channels()
    assert (await yard.watches()).suspended == {}


def acknowledged(yard: Yard, event: str) -> list[bool]:
    """Whether the bot acknowledged each delivery of this event."""
    log = yard.sandbox.slack.delivery.log
    return [entry.ack.ok for entry in log if entry.payload["event"]["type"] == event and entry.ack is not None]


async def id_changes(yard: Yard) -> Mapping[str, object]:
    """The event, which nobody has heard yet."""
    yard.sandbox.slack.change_id(ROOM)
    (new,) = [channel for channel in yard.sandbox.slack.directory.channels if channel.startswith("C0MOVED")]
    return {"type": "channel_id_changed", "old_channel_id": ROOM, "new_channel_id": new}


async def test_an_id_change_is_stored_once_redis_is_back(yard: Yard) -> None:
    """Slack announces it four times within minutes, and never again."""

    async def away() -> None:
        raise StoreAway("no answer")

    event = await id_changes(yard)
    yard.store.first["change_ids"] = away
    for _ in range(4):
        with pytest.raises(StoreAway):
            await yard.channel_monitor.store_id_change(event)
    del yard.store.first["change_ids"]
    await yard.channel_monitor.check_channels()
    assert (await yard.store.aliases()).current(ROOM) == event["new_channel_id"]
    await yard.a_day_later()
    assert (await yard.watches()).suspended == {}
    assert await yard.notices() == []


async def test_an_id_change_that_redis_lost_is_restored(yard: Yard, fake_redis: redis.asyncio.Redis) -> None:
    event = await id_changes(yard)
    await yard.channel_monitor.store_id_change(event)
    await fake_redis.delete(yard.store._keys["aliases"])
    await yard.channel_monitor.check_channels()
    assert (await yard.store.aliases()).current(ROOM) == event["new_channel_id"]


async def test_events_of_old_and_new_id_are_about_one_channel(yard: Yard) -> None:
    event = await id_changes(yard)
    await yard.channel_monitor.store_id_change(event)
    await yard.channel_monitor.check_event({"type": "channel_deleted", "channel": ROOM})
    assert (await yard.watches()).suspended == {}
    assert await yard.notices() == []
    new = str(event["new_channel_id"])
    yard.sandbox.slack.archive(new)
    await yard.channel_monitor.check_event({"type": "channel_archive", "channel": new})
    assert (await yard.watches()).suspended == {ROOM: SuspendReason.ARCHIVED}
    ((_, notice),) = await yard.notices()
    assert notice.channel == ROOM


async def test_a_late_refusal_of_the_old_id_suspends_for_a_minute_at_most(yard: Yard) -> None:
    event = await id_changes(yard)
    await yard.channel_monitor.store_id_change(event)
    await yard.store.suspend_now(ROOM, SuspendReason.NOT_FOUND)
    await yard.channel_monitor.check_event(event)
    await yard.channel_monitor.check_channels()
    assert (await yard.watches()).suspended == {}


@pytest.mark.parametrize("error", [StoreAway("written to just now"), RuntimeError("a mistake of ours")])
async def test_a_failed_write_of_an_id_does_not_stop_the_other_checks(yard: Yard, error: Exception) -> None:
    async def refused() -> None:
        raise error

    yard.store.first["change_ids"] = refused
    renamed = {"type": "channel_id_changed", "old_channel_id": "C0QUIET", "new_channel_id": NEW, "event_ts": "1.0"}
    with pytest.raises(type(error)):
        await yard.channel_monitor.store_id_change(renamed)
    archive(yard)
    calls = yard.calls("auth.test")
    with pytest.raises(type(error)):
        await yard.a_day_later()
    assert (await yard.watches()).suspended == {ROOM: SuspendReason.ARCHIVED}
    assert yard.calls("auth.test") == calls + 1


async def test_a_repeated_rename_event_changes_nothing_after_a_rename_back(yard: Yard) -> None:
    there = {"type": "channel_id_changed", "old_channel_id": ROOM, "new_channel_id": NEW, "event_ts": "1.0"}
    back = {"type": "channel_id_changed", "old_channel_id": NEW, "new_channel_id": ROOM, "event_ts": "2.0"}
    with capture_logs() as logs:
        for event in (there, back, there):
            await yard.channel_monitor.store_id_change(event)
    assert (await yard.store.aliases()).current(NEW) == ROOM
    assert [(entry["old"], entry["new"]) for entry in logs] == [(ROOM, NEW), (NEW, ROOM)]


@pytest.mark.parametrize("bent", ["", "%(", "C0 TEAM"])
async def test_an_invalid_rename_event_is_not_stored(yard: Yard, bent: str) -> None:
    for old, new in ((bent, NEW), (ROOM, bent), (ROOM, ROOM)):
        await yard.channel_monitor.store_id_change(
            {"type": "channel_id_changed", "old_channel_id": old, "new_channel_id": new}
        )
    assert (await yard.store.aliases()).by_id == {}


async def test_the_daily_check_finds_and_logs_a_missed_rename(yard: Yard) -> None:
    await id_changes(yard)
    await yard.a_day_later()
    assert (await yard.watches()).suspended == {ROOM: SuspendReason.NOT_FOUND}
    ((where, notice),) = await yard.notices()
    assert where.startswith("D")
    assert (notice.channel, notice.reason) == (ROOM, SuspendReason.NOT_FOUND)


async def test_a_slack_that_cannot_be_asked_at_the_event_is_asked_within_a_minute(yard: Yard) -> None:
    archive(yard)
    yard.sandbox.slack.set_fault("conversations.info", Fault(kind=FaultKind.SERVER_ERROR, times=1))
    await yard.channel_monitor.check_event({"type": "channel_archive", "channel": ROOM})
    assert (await yard.watches()).suspended == {}
    await yard.clock.pass_time(60)
    await yard.channel_monitor.check_channels()
    assert (await yard.watches()).suspended == {ROOM: SuspendReason.ARCHIVED}


async def test_each_channel_is_checked_once_a_day(yard: Yard) -> None:
    calls = yard.calls("conversations.info")
    for _ in range(60):
        await yard.clock.pass_time(60)
        await yard.channel_monitor.check_channels()
    assert yard.calls("conversations.info") == calls
    await yard.a_day_later()
    assert yard.calls("conversations.info") == calls + 1


class MuteDirectory(Directory):
    """Slack gives no answer about some channels. `requested` lists the channels that the bot asked about."""

    def __init__(self, mute: Container[str]) -> None:
        self.mute = mute
        self.requested: list[ChannelId] = []

    async def token_refusal(self) -> str | None:
        return None

    async def posting_obstacle(self, channel: ChannelId) -> SuspendReason | None:
        self.requested.append(channel)
        if channel in self.mute:
            raise ChatAway(f"Slack does not say how {channel} is")
        return None


async def watched_by_many(
    yard: Yard, mute: Container[str], count: int = 25
) -> tuple[ChannelMonitor, MuteDirectory, list[ChannelId]]:
    channels = [ROOM, *(ChannelId(f"C{number:04}") for number in range(count - 1))]
    directory = MuteDirectory(mute)
    for channel in channels[1:]:
        await yard.store.add_watches([a_watch(channel=channel)], an_announcement(f"of {channel}", channel))
    channel_monitor = ChannelMonitor(
        store=yard.store,
        repository=Repository(yard.store, asyncio.Event()),
        suspensions=yard.suspensions,
        directory=directory,
        clock=yard.clock,
        user=BOT,
    )
    return channel_monitor, directory, sorted(channels)


async def test_a_check_reads_no_watches_that_the_bot_knows(yard: Yard) -> None:
    async def read_all() -> None:
        raise AssertionError("100,000 watches take seconds")

    yard.store.first["watches"] = read_all
    archive(yard)
    await yard.a_day_later()
    yard.store.first.clear()
    assert (await yard.store.watches()).suspended == {ROOM: SuspendReason.ARCHIVED}


@pytest.mark.parametrize("mute", [1, 2, 5])
async def test_unknown_channels_are_checked_again_and_delay_no_others(yard: Yard, mute: int) -> None:
    names = {f"C{number:04}" for number in range(mute)}
    channel_monitor, directory, channels = await watched_by_many(yard, names)
    for _ in range(8):
        with suppress(ChatAway):
            await channel_monitor.check_channels()
        await yard.clock.pass_time(60)
    calls = Counter(directory.requested)
    assert calls.keys() == set(channels)
    assert {calls[channel] for channel in channels if channel not in names} == {1}
    directory.mute = ()
    for _ in range(mute):
        with suppress(ChatAway):
            await channel_monitor.check_channels()
        await yard.clock.pass_time(60)
    assert Counter(directory.requested)[channels[0]] == calls[channels[0]] + 1
    assert len(directory.requested) == calls.total() + mute


async def test_an_unknown_channel_is_checked_every_time(yard: Yard) -> None:
    channel_monitor, directory, channels = await watched_by_many(yard, {"C0000"}, 10)
    for look in range(4):
        with pytest.raises(ChatAway):
            await channel_monitor.check_channels()
        assert directory.requested.count(ChannelId("C0000")) == look + 1
        await yard.clock.pass_time(60)
    assert set(directory.requested) == set(channels)


async def test_a_slack_that_is_away_as_a_whole_is_asked_little(yard: Yard) -> None:
    channel_monitor, directory, channels = await watched_by_many(
        yard, [ROOM, *(f"C{number:04}" for number in range(24))]
    )
    with pytest.raises(ChatAway):
        await channel_monitor.check_channels()
    assert directory.requested == channels[:2]


@pytest.mark.parametrize("error", ["token_revoked", "account_inactive", "invalid_auth"])
@pytest.mark.parametrize("by_event", [True, False])
async def test_a_refused_token_is_logged_with_its_fix_and_suspends_nothing(
    yard: Yard, error: str, *, by_event: bool
) -> None:
    await yard.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.ARCHIVED)
    yard.sandbox.slack.set_fault("*", Fault(kind=FaultKind.ERROR, error=error))
    with capture_logs() as logs:
        if by_event:
            await yard.channel_monitor.check_event({"type": "tokens_revoked", "tokens": {"bot": [BOT]}})
        for _ in range(round(LOG_AGAIN_SECONDS / 60) + 1):
            await yard.channel_monitor.check_channels()
            await yard.clock.pass_time(60)
    records = [entry for entry in logs if entry["event"] == "slack_token_refused"]
    assert {(entry["log_level"], entry["error"], entry["fix"]) for entry in records} == {("error", error, REINSTALL)}
    assert len(records) == 2  # at once, and again after a quarter of an hour
    assert yard.calls("conversations.info") <= 1  # of the first look
    yard.sandbox.slack.faults.clear()
    with capture_logs() as logs:
        await yard.channel_monitor.check_channels()
    assert [entry["event"] for entry in logs][:1] == ["slack_token_accepted"]


async def test_only_a_person_s_token_that_is_revoked_is_no_trouble(yard: Yard) -> None:
    with capture_logs() as logs:
        await yard.channel_monitor.check_event({"type": "tokens_revoked", "tokens": {"oauth": ["U0ANN"]}})
    assert logs == []


async def test_in_which_channels_the_bot_is(yard: Yard) -> None:
    directory = yard.channel_monitor._directory
    there = await directory.memberships()
    assert ROOM in there
    archive(yard)
    assert set(await directory.memberships()) == set(there) - {ROOM}
    yard.sandbox.slack.set_fault("users.conversations", Fault(kind=FaultKind.SERVER_ERROR, times=1))
    with pytest.raises(ChatAway):
        await directory.memberships()
    yard.sandbox.slack.scopes -= {"channels:read", "groups:read"}
    assert await directory.memberships() == ()


@pytest.mark.parametrize(("count", "found"), [(450, 450), (1300, 1000)])
async def test_of_very_many_channels_it_knows_the_first_thousand(yard: Yard, count: int, found: int) -> None:
    channels = yard.sandbox.slack.directory.channels
    ours = [channel for channel in channels.values() if BOT in channel.members]
    names = [ChannelId(f"C{number:04}") for number in range(count - len(ours))]
    channels.update({name: replace(channels[ROOM], id=name) for name in names})
    there = await yard.channel_monitor._directory.memberships()
    assert list(there) == [channel.id for channel in channels.values() if BOT in channel.members][:found]
    assert yard.calls("users.conversations") == -(-found // 200)
