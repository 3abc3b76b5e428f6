"""The bot's own receivers and inbox, in front of stand-ins that record every action."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import fakeredis
from slack_bolt.app.async_app import AsyncApp

from bot.delivery.suspensions import Suspensions
from bot.domain.answer import (
    AcknowledgeAllAnswer,
    AcknowledgeAnswer,
    AcknowledgeFate,
    FailuresAnswer,
    StatusAnswer,
    StopPagingAnswer,
    UndoAnswer,
    UndoFate,
    UnwatchAnswer,
    WatchesAnswer,
)
from bot.domain.assignment import Assignment
from bot.domain.card import Card
from bot.domain.names import Names
from bot.domain.observation import PipelineId
from bot.domain.silence_answer import SilenceAnswer
from bot.domain.watch import ChannelId, UserId, Watch
from bot.ports.telemetry import EventRecord, subscribed
from bot.requests.acknowledgements import Acknowledgements
from bot.requests.answer_terms import NO_TERMS, Terms
from bot.requests.audit_log import AuditLog
from bot.requests.calendar_reads import CalendarReads
from bot.requests.credits import Credits
from bot.requests.drills import Drills
from bot.requests.error_notes import ErrorNotes
from bot.requests.follow_ups import FollowUpStyles
from bot.requests.group_members import GroupMembers
from bot.requests.logs import Logs
from bot.requests.mutes import Mutes
from bot.requests.notes import Notes
from bot.requests.paging_stops import PagingStops
from bot.requests.past import Past
from bot.requests.policies import Policies
from bot.requests.postmortems import Postmortems
from bot.requests.queries import Queries
from bot.requests.references import References
from bot.requests.schedules import Schedules
from bot.requests.services import RequestServices
from bot.requests.setup_changes import SetupChanges
from bot.requests.subscriptions import Subscriptions
from bot.requests.threads import Threads
from bot.slack.feature import Command, Reply, Request, Understood
from bot.slack.grammar.command_text import NO_NAMES
from bot.slack.inbound.bolt_app import Listeners, build_app
from bot.slack.inbound.inbox import Inbox, StoredInteraction
from bot.slack.inbound.person_limits import PersonLimits
from bot.slack.inbound.respond import responses
from bot.slack.outbound.calls import web_client
from bot.slack.outbound.channel_monitor import ChannelMonitor
from bot.slack.outbound.directory import Directory
from bot.slack.render.blocks import section
from bot.slack.router import Router
from bot.state.repository import Repository
from sandbox.server import Sandbox
from tests.builders import TEAM, a_card, a_message, a_pipeline, a_watch, at
from tests.fake_logs import FakeLogs
from tests.fake_schedules import FakeFeed, FakeGroups, FakePeople
from tests.fakes import NO_CANVASES, FakeChat, FakeClock, settle
from tests.fuzz.http_requests import SECRET
from tests.permissions import services_of
from tests.stores import WholeStore

WATCHING = ChannelId("C0KEPT")  # watches something; no fuzz input names it

# The second is how the Socket Mode client logs an error of Bolt's; `socket_mode` removes the traceback.
SIGNS = ("Traceback", "Failed to run a request listener")


@dataclass
class Bot:
    """`acted` lists the bot's actions, oldest first. `tracebacks_seen` lists unexpected errors."""

    app: AsyncApp
    redis: fakeredis.FakeAsyncRedis
    store: WholeStore
    inbox: "HeardInbox"
    acted: list[str]
    tracebacks_seen: list["Trip"]
    watches: tuple[Watch, ...] = field(default=())

    async def quiet(self) -> None:
        """Waits until the bot has finished all accepted work."""
        await settle()
        await self.inbox.idle.wait()
        await settle()

    def gestures(self) -> int:
        """Counts the commands and clicks that the bot ran. Slack's events are hints and may run twice."""
        return sum(not action.startswith("event ") for action in self.acted)

    async def forget_gestures(self) -> None:
        """Forgets the seen gestures, so that a test can send them again."""
        for mark in await self.redis.keys("*gesture:*"):
            await self.redis.delete(mark)

    async def lost(self) -> str:
        """Names what changed or stayed unfinished; empty if nothing is lost."""
        await self.quiet()
        if (await self.store.watches()).in_channel(WATCHING) != self.watches:
            return "a watch"
        return "a gesture" if await self.store.unfinished_interactions() else ""


@dataclass(frozen=True, slots=True)
class Trip:
    """A traceback in the log: its kind and place, which all of its kind share, and its text."""

    where: str
    log_text: str


class HeardInbox(Inbox):
    """`idle` is set while no work is under way."""

    under_way = 0
    idle: asyncio.Event

    async def store(self, kind: str, id: str, payload: dict[str, str]) -> StoredInteraction:  # noqa: A002
        self.under_way += 1
        self.idle.clear()
        try:
            stored = await super().store(kind, id, payload)
        except BaseException:
            self._ended()
            raise
        return StoredInteraction(partial(self._answer, stored))

    async def _answer(self, stored: StoredInteraction) -> None:
        try:
            await stored.answer()
        finally:
            self._ended()

    def _ended(self) -> None:
        self.under_way -= 1
        if not self.under_way:
            self.idle.set()


@dataclass(frozen=True, slots=True)
class HeardCommand(Command):
    """Notes a text instead of running its command."""

    text: str
    acted: list[str]

    @property
    def repeatable(self) -> bool:
        return True

    @property
    def confirmable(self) -> bool:
        return True

    async def run(self, _: Request) -> Reply:
        self.acted.append(self.text)
        return Reply(blocks=[section("Heard.")])


class HeardRouter(Router):
    acted: list[str]

    def _parse_known(self, text: str, _: ChannelId) -> Understood:
        return Understood(self._routes.parse(text), NO_NAMES)

    async def _parse_again(self, text: str, understood: Understood, _: ChannelId) -> Understood:
        return replace(understood, command=HeardCommand(text, self.acted))


class HeardAcknowledgements(Acknowledgements):
    def __init__(self, acted: list[str]) -> None:
        self._acted = acted

    @property
    def now(self) -> datetime:
        return at(0)

    async def holds(self, channel: ChannelId, card_keys: Sequence[str]) -> bool:
        return True

    async def holds_group(self, channel: ChannelId, group_key: str) -> bool:
        return True

    async def acknowledge(
        self,
        channel: ChannelId,
        pipeline_id: PipelineId,
        card_key: str,
        by: UserId,
        *,
        name: str = "",
        place: str = "",
        terms: Terms = NO_TERMS,
    ) -> AcknowledgeAnswer:
        self._acted.append(f"acknowledge {pipeline_id}")
        return AcknowledgeAnswer(pipeline=a_pipeline(), fate=AcknowledgeFate.ACKNOWLEDGED, by=by)

    async def acknowledge_member(
        self,
        channel: ChannelId,
        card_key: str,
        by: UserId,
        *,
        name: str = "",
        place: str = "",
        terms: Terms = NO_TERMS,
    ) -> AcknowledgeAnswer:
        return await self.acknowledge(channel, PipelineId(card_key), card_key, by)

    async def acknowledge_group(
        self,
        channel: ChannelId,
        group_key: str,
        by: UserId,
        *,
        name: str = "",
        place: str = "",
        terms: Terms = NO_TERMS,
    ) -> AcknowledgeAllAnswer:
        self._acted.append(f"acknowledge all of {group_key}")
        return AcknowledgeAllAnswer(acknowledged=2, known=2)

    async def resolve(
        self, channel: ChannelId, card_key: str, by: UserId, *, name: str = "", place: str = "", remark: str = ""
    ) -> AcknowledgeAnswer:
        self._acted.append(f"resolve {card_key}")
        return AcknowledgeAnswer(pipeline=a_pipeline(), fate=AcknowledgeFate.RESOLVED, by=by)

    async def resolve_group(
        self, channel: ChannelId, group_key: str, by: UserId, *, name: str = "", place: str = "", remark: str = ""
    ) -> AcknowledgeAllAnswer:
        self._acted.append(f"resolve all of {group_key}")
        return AcknowledgeAllAnswer(acknowledged=2, known=2, resolved=True)

    async def card(self, card_key: str) -> Card | None:
        return replace(a_card(), key=card_key)

    async def described(self, channel: ChannelId, card_key: str, by: UserId) -> AcknowledgeAnswer:
        return AcknowledgeAnswer(pipeline=a_pipeline(), fate=AcknowledgeFate.OVER, by=by)

    async def pipeline_of(self, card_key: str) -> PipelineId:
        return PipelineId(card_key)

    async def members(self, channel: ChannelId, group_key: str) -> tuple[Card, ...]:
        return ()

    async def group_of(self, card_key: str) -> str:
        return ""


class HeardNotes(Notes):
    """No click asks for a note, and the recorder takes commands before they get here."""

    def __init__(self) -> None:
        pass


class HeardMutes(Mutes):
    """No channel has silences, and no click can mute."""

    def __init__(self) -> None:
        pass

    @property
    def channels(self) -> tuple[ChannelId, ...]:
        return ()

    async def check(
        self, channel: ChannelId, references: Sequence[str], *, names: Names | None = None
    ) -> SilenceAnswer:
        return SilenceAnswer(channel=channel, unwatched=tuple(references), at=at(0))


class HeardPast(Past):
    """As `HeardNotes`."""

    def __init__(self) -> None:
        pass


class HeardReferences(References):
    def __init__(self) -> None:
        """No fuzz input asks for a name."""


class HeardStops(PagingStops):
    def __init__(self, acted: list[str]) -> None:
        self._acted = acted

    async def pipelines_of(self, group_key: str) -> tuple[PipelineId, ...]:
        return (PipelineId(group_key),)

    async def stop(self, person: UserId, pipeline_ids: Collection[PipelineId] | None) -> StopPagingAnswer:
        self._acted.append(f"stop paging {person} for {pipeline_ids}")
        return StopPagingAnswer(by=person, pipelines=(), stopped=(), others=0, at=at(0))


class HeardQueries(Queries):
    def __init__(self, acted: list[str]) -> None:
        self._acted = acted

    async def refresh(self, channel: ChannelId, pipeline_id: PipelineId) -> StatusAnswer:
        self._acted.append(f"refresh {pipeline_id}")
        return StatusAnswer(views=(), at=at(0))

    def failures(self, channel: ChannelId) -> FailuresAnswer:
        self._acted.append(f"home of {channel}")
        return FailuresAnswer(failed=(), at=at(0))

    def assigned_to(self, user: UserId) -> tuple[Assignment, ...]:
        return ()

    def example(self, channel: ChannelId, placeholder: str) -> str:
        return ""

    async def watches(self, channel: ChannelId) -> WatchesAnswer:
        return WatchesAnswer(channel=channel, watches=(), at=at(0))


class HeardSubscriptions(Subscriptions):
    def __init__(self, acted: list[str]) -> None:
        self._acted = acted

    async def unwatch(
        self,
        channel: ChannelId,
        references: Sequence[str] | None,
        by: UserId,
        by_name: str = "",
        *,
        names: Names | None = None,
    ) -> UnwatchAnswer:
        self._acted.append(f"unwatch {references}")
        return UnwatchAnswer(channel=channel, at=at(0))

    async def undo(self, channel: ChannelId, undo_id: str, by: UserId, by_name: str = "") -> UndoAnswer:
        self._acted.append(f"undo {undo_id}")
        return UndoAnswer(channel=channel, fate=UndoFate.GONE)


class HeardGuardian(ChannelMonitor):
    acted: list[str]

    async def check_event(self, event: Mapping[str, object]) -> None:
        self.acted.append(f"event {event.get('type')}")
        await super().check_event(event)


async def _nothing_new() -> None:
    """Does nothing: no other bot writes."""


@asynccontextmanager
async def under_fire(sandbox: Sandbox, *, signing: bool) -> AsyncIterator[Bot]:
    clock, acted = FakeClock(), list[str]()
    redis = fakeredis.FakeAsyncRedis()
    store = WholeStore(redis, TEAM, clock)
    watch = a_watch(channel=WATCHING)
    await store.add_watches([watch], a_message(channel=WATCHING))
    slack = web_client("xoxb-sandbox", f"{sandbox.url}/api/")
    directory = Directory(slack, clock, TEAM)
    repository = Repository(store, asyncio.Event())
    suspensions = Suspensions(
        store=store, repository=repository, conversations=FakeChat(), clock=clock, wake=asyncio.Event(), fallback=None
    )
    channel_monitor = HeardGuardian(
        store=store, repository=repository, suspensions=suspensions, directory=directory, clock=clock, user="U0BOT"
    )
    channel_monitor.acted = acted
    changes = SetupChanges(repository=repository, setup_store=store, clock=clock)
    requests = RequestServices(
        references=HeardReferences(),
        queries=HeardQueries(acted),
        subscriptions=HeardSubscriptions(acted),
        acknowledgements=HeardAcknowledgements(acted),
        mutes=HeardMutes(),
        notes=HeardNotes(),
        stops=HeardStops(acted),
        audit_log=AuditLog(store),
        follow_ups=FollowUpStyles(repository=repository, changes=changes),
        postmortems=Postmortems(
            repository=repository,
            cards=store,
            configurations=store,
            history=store,
            store=store,
            leases=store,
            canvases=NO_CANVASES,
            clock=clock,
        ),
        credits=Credits(store=store, clock=clock),
        error_notes=ErrorNotes(repository=repository, cards=store, changes=changes),
        policies=Policies(repository=repository, changes=changes, clock=clock),
        schedules=Schedules(repository=repository, changes=changes, conversations=directory, clock=clock),
        calendars=CalendarReads(
            changes=changes, feed=FakeFeed(), people=FakePeople(), conversations=directory, clock=clock
        ),
        group_members=GroupMembers(changes=changes, groups=FakeGroups(), clock=clock),
        drills=Drills(repository=repository, store=store, conversations=directory, clock=clock),
        past=HeardPast(),
        logs=Logs(repository=repository, references=HeardReferences(), reads=FakeLogs()),
        threads=Threads(repository=repository, cards=store, threads=store),
    )
    router = HeardRouter(services_of(requests, clock))
    router.acted = acted
    inbox = HeardInbox(store=store, router=router, clock=clock, catch_up=_nothing_new, respond=responses(slack))
    inbox._limits = inbox._acknowledgements = PersonLimits(clock, 10**9)  # all input comes from one person
    inbox.idle = asyncio.Event()
    inbox.idle.set()
    app = build_app(
        Listeners(inbox=inbox, channel_monitor=channel_monitor, bot_user="U0BOT"),
        client=slack,
        signing_secret=SECRET if signing else None,
        command="/pipeline",
    )
    with tracebacks() as tracebacks_seen:
        yield Bot(
            app=app,
            redis=redis,
            store=store,
            inbox=inbox,
            acted=acted,
            tracebacks_seen=tracebacks_seen,
            watches=(watch,),
        )
    await redis.aclose()


class _Tripped(logging.Handler):
    """Records every log record of a library that carries an exception or the text of one."""

    def __init__(self, tracebacks_seen: list[Trip]) -> None:
        super().__init__()
        self._tripped = tracebacks_seen

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            self._tripped.append(_trip(record.exc_info[1], f"{record.name}: {record.getMessage()}"))
        elif any(sign in record.getMessage() for sign in SIGNS):
            self._tripped.append(Trip(f"a traceback in a message of {record.name}", record.getMessage()))


@contextmanager
def tracebacks() -> Iterator[list[Trip]]:
    """Collects every exception in our event records and in the libraries' logs."""
    tracebacks_seen: list[Trip] = []

    def hear(record: EventRecord) -> None:
        if isinstance(error := getattr(record, "exception", None), BaseException):
            tracebacks_seen.append(_trip(error, record.event))

    handler, root = _Tripped(tracebacks_seen), logging.getLogger()
    root.addHandler(handler)
    try:
        with subscribed(hear):
            yield tracebacks_seen
    finally:
        root.removeHandler(handler)


def _trip(error: BaseException, log_text: str) -> Trip:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/bot/" in frame.filename] or frames
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in (*ours[-1:], *frames[-1:])]
    return Trip(f"{type(error).__name__} at {' > '.join(dict.fromkeys(places))}", f"{log_text}: {error}")
