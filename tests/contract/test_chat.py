"""The Chat port and the directory over real sockets, against the sandbox's Slack and its faults."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.card import Card, Group, ThreadEntry
from bot.domain.delivery import (
    Absent,
    Attempt,
    AttemptState,
    Delivery,
    Found,
    Lookup,
    LookupResult,
    Outcome,
    Posted,
    RefusalKind,
    Refused,
    Unknown,
    Unreadable,
    in_slack,
)
from bot.domain.episode import TimelineEntry
from bot.domain.phase import Phase
from bot.domain.protocol import lookup_start
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, SuspendReason, UserId
from bot.ports.chat import ChatAway
from bot.slack.outbound.calls import web_client
from bot.slack.outbound.chat import HISTORY_PAGES, SlackChat
from bot.slack.outbound.directory import Admission, Directory
from bot.slack.render.renderer import Renderer
from sandbox.server import Sandbox
from sandbox.slack.faults import Fault, FaultKind, Moment
from tests.builders import TEAM, a_card, a_message, a_pipeline, changed
from tests.fakes import US, FakeClock

ALERTS, QUIET, PRIVATE = ChannelId("C0ALERTS"), ChannelId("C0QUIET"), ChannelId("G0OPS")
LOOK = Renderer(command="/pipeline", platform_url="https://goldrush.dev/platform/")


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start() as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime.fromtimestamp(0, UTC))


@pytest.fixture
def directory(sandbox: Sandbox, clock: FakeClock) -> Directory:
    return Directory(web_client("xoxb-sandbox", f"{sandbox.url}/api/"), clock, TEAM)


@pytest.fixture
def poster(sandbox: Sandbox, directory: Directory) -> SlackChat:
    return SlackChat(web_client("xoxb-sandbox", f"{sandbox.url}/api/"), LOOK.content, US)


def now(sandbox: Sandbox) -> datetime:
    return datetime.fromtimestamp(sandbox.clock.now(), UTC)


def a_delivery(sandbox: Sandbox, key: str = "key-1", channel: ChannelId = ALERTS) -> Delivery:
    at = now(sandbox)
    return Delivery(
        message=a_message(key, channel=channel, made_at=at), attempt=Attempt(state=AttemptState.SENDING, sent_at=at)
    )


async def post(
    poster: SlackChat, sandbox: Sandbox, delivery: Delivery | None = None, card: Card | None = None
) -> Outcome:
    delivery = delivery or a_delivery(sandbox)
    content = card or a_card(channel=ChannelId(delivery.receiver.id))
    return await poster.post(delivery, content, parent_id=None, now=now(sandbox))


async def look(poster: SlackChat, delivery: Delivery, parent_id: str | None = None) -> LookupResult:
    (lookup_result,) = await poster.find([a_trace(delivery, parent_id)])
    return lookup_result


def stamps(lookup_result: LookupResult) -> tuple[str, ...]:
    return lookup_result.message_ids if isinstance(lookup_result, Found) else ()


def a_trace(delivery: Delivery, parent_id: str | None = None) -> Lookup:
    return Lookup(
        receiver=delivery.receiver,
        key=delivery.id,
        oldest=lookup_start(delivery),
        parent_id=parent_id,
    )


async def test_a_post_is_there_with_its_key_and_can_be_found_updated_and_deleted(
    sandbox: Sandbox, poster: SlackChat
) -> None:
    delivery = a_delivery(sandbox)
    assert await look(poster, delivery) == Absent()
    posted = await post(poster, sandbox, delivery)
    assert isinstance(posted, Posted)
    assert stamps(await look(poster, delivery)) == (posted.message_id,)
    assert await look(poster, changed(delivery, id="another")) == Absent()
    updated = await poster.update(delivery, a_card(), message_id=posted.message_id, now=now(sandbox))
    assert updated == Posted(posted.message_id)
    assert stamps(await look(poster, delivery)) == (posted.message_id,)  # an update keeps the key
    sandbox.slack.set_fault("chat.delete", Fault(kind=FaultKind.SERVER_ERROR, times=1))
    assert not await poster.delete(in_slack(TEAM, ALERTS), posted.message_id)
    assert await poster.delete(in_slack(TEAM, ALERTS), posted.message_id)
    assert sandbox.slack.messages(ALERTS) == []
    assert await poster.delete(in_slack(TEAM, ALERTS), posted.message_id)  # it is not there


async def test_a_line_is_posted_found_and_broadcast_in_its_thread(sandbox: Sandbox, poster: SlackChat) -> None:
    root = await post(poster, sandbox)
    assert isinstance(root, Posted)
    line = TimelineEntry(
        revision=2, at=now(sandbox), events=(Event.RECOVERED,), phase=Phase.RUNNING, downtime_seconds=3
    )
    entry_body = ThreadEntry(card_key="key-1", pipeline=a_pipeline(), entry=line, broadcast=True)
    delivery = changed(a_delivery(sandbox, "line-1"), body=entry_body)
    posted = await poster.post(delivery, entry_body, parent_id=root.message_id, now=now(sandbox))
    assert isinstance(posted, Posted)
    (card,) = sandbox.slack.messages(ALERTS)
    assert [(reply.ts, reply.broadcast) for reply in card.replies] == [(posted.message_id, True)]
    assert stamps(await look(poster, delivery, root.message_id)) == (posted.message_id,)


async def test_a_message_is_found_among_many_pages(sandbox: Sandbox, poster: SlackChat) -> None:
    delivery = a_delivery(sandbox)
    posted = await post(poster, sandbox, delivery)
    for number in range(40):
        sandbox.slack.say("U0ANN", ALERTS, f"and another thing, number {number}")
    assert isinstance(posted, Posted)
    assert stamps(await look(poster, delivery)) == (posted.message_id,)


async def test_one_history_page_answers_all_lookups(sandbox: Sandbox, poster: SlackChat) -> None:
    first, absent, second = (a_delivery(sandbox, key) for key in ("key-1", "key-2", "key-3"))
    posted = [await post(poster, sandbox, delivery) for delivery in (first, second)]
    sightings = await poster.find([a_trace(delivery) for delivery in (first, absent, second)])
    assert [lookup.message_ids if isinstance(lookup, Found) else () for lookup in sightings] == [
        (posted[0].message_id,) if isinstance(posted[0], Posted) else None,
        (),
        (posted[1].message_id,) if isinstance(posted[1], Posted) else None,
    ]
    assert sum(call.method == "conversations.history" for call in sandbox.slack.calls) == 1


async def test_a_card_is_found_in_the_group_that_tells_of_it(sandbox: Sandbox, poster: SlackChat) -> None:
    cards = tuple(replace(a_card(), key=f"{number}" * 32) for number in range(3))
    group = Group(key="group", channel=ALERTS, cards=cards)
    posted = await poster.post(a_delivery(sandbox, "group"), group, parent_id=None, now=now(sandbox))
    assert isinstance(posted, Posted)
    found = await look(poster, a_delivery(sandbox, "1" * 32))
    assert isinstance(found, Found)
    assert (found.message_ids, found.group) == ((posted.message_id,), "group")


async def test_a_lookup_starts_after_the_last_known_message(sandbox: Sandbox, poster: SlackChat) -> None:
    """Slack may grant no more than fifteen messages a minute."""
    before = await post(poster, sandbox, a_delivery(sandbox, "before"))
    assert isinstance(before, Posted)
    delivery = changed(a_delivery(sandbox), after_id=before.message_id)
    assert await look(poster, changed(delivery, id="before")) == Absent()
    posted = await post(poster, sandbox, delivery)
    assert isinstance(posted, Posted)
    found = await look(poster, delivery)
    assert isinstance(found, Found)
    assert found.message_ids == (posted.message_id,)


async def test_a_lookup_counts_its_hits_when_a_later_page_fails(sandbox: Sandbox, poster: SlackChat) -> None:
    sandbox.slack.limits.history_page = 15
    old = a_delivery(sandbox, "old")
    await post(poster, sandbox, old)
    for number in range(HISTORY_PAGES * 15):
        sandbox.slack.say("U0ANN", ALERTS, f"and another thing, number {number}")
    late = a_delivery(sandbox, "late")
    await post(poster, sandbox, late)
    sightings = await poster.find([a_trace(old), a_trace(late)])
    assert sightings[0] == Unreadable("too many messages to look through")
    assert isinstance(sightings[1], Found)


async def test_a_lookup_ignores_messages_of_other_apps(
    sandbox: Sandbox, directory: Directory, poster: SlackChat
) -> None:
    delivery = a_delivery(sandbox)
    await post(poster, sandbox, delivery)
    client = web_client("xoxb-sandbox", f"{sandbox.url}/api/")
    other = SlackChat(client, LOOK.content, "U0OTHER")
    assert await look(other, delivery) == Absent()


async def test_a_message_that_slack_kept_without_its_mark_is_not_found(sandbox: Sandbox, poster: SlackChat) -> None:
    sandbox.slack.set_fault("chat.postMessage", Fault(kind=FaultKind.STRIP_METADATA))
    assert isinstance(await post(poster, sandbox), Posted)
    assert await look(poster, a_delivery(sandbox)) == Absent()


@pytest.mark.parametrize(
    ("fault", "lands"),
    [
        (Fault(kind=FaultKind.RESET, when=Moment.AFTER), True),
        (Fault(kind=FaultKind.RESET, when=Moment.BEFORE), False),
        (Fault(kind=FaultKind.SERVER_ERROR, when=Moment.AFTER), True),
        (Fault(kind=FaultKind.SERVER_ERROR, when=Moment.BEFORE), False),
        (Fault(kind=FaultKind.TRUNCATED), True),
        (Fault(kind=FaultKind.NO_TS), True),
    ],
    ids=lambda value: f"{value.kind}-{value.when}" if isinstance(value, Fault) else "",
)
async def test_a_lost_answer_is_unknown_until_a_lookup(
    sandbox: Sandbox, poster: SlackChat, fault: Fault, *, lands: bool
) -> None:
    delivery = a_delivery(sandbox)
    sandbox.slack.set_fault("chat.postMessage", fault)
    assert isinstance(await post(poster, sandbox, delivery), Unknown)
    found = await look(poster, delivery)
    assert isinstance(found, Found) is lands
    assert sum(call.method == "chat.postMessage" for call in sandbox.slack.calls) == 1  # nothing is sent twice


@pytest.mark.parametrize("error", ["internal_error", "fatal_error"])
async def test_errors_that_may_be_half_done_are_unknown(sandbox: Sandbox, poster: SlackChat, error: str) -> None:
    sandbox.slack.set_fault("chat.postMessage", Fault(kind=FaultKind.ERROR, error=error))
    assert isinstance(await post(poster, sandbox), Unknown)


async def test_a_429_says_when_to_come_back(sandbox: Sandbox, poster: SlackChat) -> None:
    sandbox.slack.set_fault("chat.postMessage", Fault(kind=FaultKind.THROTTLED, retry_after=30))
    outcome = await post(poster, sandbox)
    assert outcome == Refused(kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=timedelta(seconds=30))


async def test_each_channel_error_has_its_own_suspend_reason(sandbox: Sandbox, poster: SlackChat) -> None:
    async def refused(channel: ChannelId) -> SuspendReason | None:
        outcome = await post(poster, sandbox, a_delivery(sandbox, channel=channel))
        assert isinstance(outcome, Refused)
        assert outcome.kind is RefusalKind.CHANNEL
        return outcome.suspend

    sandbox.slack.archive(ALERTS)
    assert await refused(ALERTS) is SuspendReason.ARCHIVED
    assert await refused(QUIET) is SuspendReason.NOT_IN_CHANNEL
    assert await refused(ChannelId("C0NOSUCH")) is SuspendReason.NOT_FOUND


async def test_a_card_that_was_deleted_is_gone(sandbox: Sandbox, poster: SlackChat) -> None:
    posted = await post(poster, sandbox)
    assert isinstance(posted, Posted)
    sandbox.slack.delete_message(ALERTS, posted.message_id)
    outcome = await poster.update(a_delivery(sandbox), a_card(), message_id=posted.message_id, now=now(sandbox))
    assert isinstance(outcome, Refused)
    assert outcome.kind is RefusalKind.CARD_GONE


async def test_an_unreadable_history_says_why(sandbox: Sandbox, poster: SlackChat) -> None:
    sandbox.slack.scopes.discard("channels:history")
    assert await look(poster, a_delivery(sandbox)) == Unreadable("missing_scope")
    sandbox.slack.scopes.add("channels:history")
    sandbox.slack.scopes.discard("metadata.message:read")
    assert isinstance(await look(poster, a_delivery(sandbox)), Unreadable)
    sandbox.slack.scopes.add("metadata.message:read")
    sandbox.slack.set_fault("conversations.history", Fault(kind=FaultKind.THROTTLED, retry_after=7))
    assert await look(poster, a_delivery(sandbox)) == Unreadable("ratelimited", timedelta(seconds=7))


async def test_no_connection_at_all_means_not_sent(sandbox: Sandbox, directory: Directory) -> None:
    poster = SlackChat(web_client("xoxb-sandbox", "http://127.0.0.1:1/api/"), LOOK.content, US)
    outcome = await post(poster, sandbox)
    assert isinstance(outcome, Refused)
    assert outcome.kind is RefusalKind.NOT_SENT


# --- the directory ---------------------------------------------------------------------------------------------------


async def test_without_its_scopes_the_directory_still_lets_people_watch(sandbox: Sandbox, directory: Directory) -> None:
    sandbox.slack.scopes -= {"channels:read", "groups:read", "im:write"}
    assert await directory.admission(QUIET) is Admission.MEMBER  # unknown beforehand: the first message tells
    assert await directory.direct(UserId("U0ANN")) is None


def opened(sandbox: Sandbox) -> int:
    return sum(call.method == "conversations.open" for call in sandbox.slack.calls)


async def test_a_conversation_that_many_ask_for_at_once_is_asked_for_once(
    sandbox: Sandbox, directory: Directory
) -> None:
    found = await asyncio.gather(*(directory.direct(UserId("U0ANN")) for _ in range(9)))
    assert len(set(found)) == 1
    assert found[0] is not None
    assert opened(sandbox) == 1


async def test_that_slack_allows_none_is_remembered_for_a_minute(
    sandbox: Sandbox, directory: Directory, clock: FakeClock
) -> None:
    assert set(await asyncio.gather(*(directory.direct(UserId("U0GONE")) for _ in range(9)))) == {None}
    await clock.pass_time(59)
    assert await directory.direct(UserId("U0GONE")) is None
    assert opened(sandbox) == 1
    await clock.pass_time(2)
    assert await directory.direct(UserId("U0GONE")) is None
    assert opened(sandbox) == 2


async def test_conversations_are_not_asked_for_while_slack_wants_to_be_left_alone(
    sandbox: Sandbox, directory: Directory, clock: FakeClock
) -> None:
    sandbox.slack.set_fault("conversations.open", Fault(kind=FaultKind.THROTTLED, retry_after=30, times=1))
    for seconds in (0, 29):  # it holds for the method, whoever is meant
        await clock.pass_time(seconds)
        for user in ("U0ANN", "U0BOB"):
            with pytest.raises(ChatAway):
                await directory.direct(UserId(user))
    assert opened(sandbox) == 1
    await clock.pass_time(2)
    assert await directory.direct(UserId("U0ANN")) is not None


async def test_admission(sandbox: Sandbox, directory: Directory) -> None:
    assert await directory.admission(ALERTS) is Admission.MEMBER
    assert await directory.admission(PRIVATE) is Admission.UNSEEN
    assert await directory.admission(QUIET) is Admission.MEMBER  # joined: it is public, and the scope is there
    assert "U0BOT" in sandbox.slack.directory.channels[QUIET].members
    sandbox.slack.kick_bot(QUIET)
    sandbox.slack.scopes.discard("channels:join")
    assert await directory.admission(QUIET) is Admission.OUTSIDE
    sandbox.slack.archive(ALERTS)
    assert await directory.admission(ALERTS) is Admission.ARCHIVED
