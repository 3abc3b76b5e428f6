"""Where a channel gets the end of a failure and later calls: in the thread, in both, or in the channel alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.delivery.pending import PendingDelivery
from bot.domain.backlog import Backlog
from bot.domain.call_merging import merge_calls
from bot.domain.calls import call_messages
from bot.domain.card import PostedCard, ThreadEntry, TimelineBatch
from bot.domain.delivery import AttemptState, Delivery
from bot.domain.escalation import Policy, PolicyStep, opened_page
from bot.domain.follow_ups import FollowUps, FollowUpStyle, call_style
from bot.domain.grouping import regroup
from bot.domain.notice import CallReason, Notice, NoticeKind, OpenFailure, PageCall
from bot.domain.page_progress import Call
from bot.domain.phase import Phase
from bot.domain.routing import Routing
from bot.domain.setup import Setup
from bot.domain.watch import Target, TargetKind
from bot.slack.outbound.chat import is_broadcast
from tests.builders import (
    ALERTS,
    ANN,
    TEAM,
    a_card,
    a_delivery,
    a_person,
    a_routing,
    a_watch,
    an_episode,
    an_observation,
    at,
)
from tests.unit.test_episode import story
from tests.unit.test_plan import lines

THREAD, BROADCAST, CHANNEL = FollowUpStyle
HERE = Target(kind=TargetKind.HERE)


def in_style(style: FollowUpStyle) -> Routing:
    row = FollowUps(made_in=ALERTS, style=style, made_by=ANN, made_at=at(0))
    return replace(a_routing(a_watch()), setup=Setup((row,)))


def entries_of_a_failure(style: FollowUpStyle) -> list[ThreadEntry]:
    readings = (
        an_observation(Phase.FAILED, 1),
        an_observation(Phase.DEPLOYING, 2, ready=0),
        an_observation(Phase.RUNNING, 3),
    )
    plans = story(*readings, routing=in_style(style))
    return [entry for plan in plans for entry in lines(plan.messages)]


def place(body: ThreadEntry | TimelineBatch | Notice, *, of: Sequence[PostedCard] = ()) -> tuple[str | None, bool]:
    """The thread that gets the message, and whether the channel sees it too."""
    posted = of or (a_posted_card(),)
    pending = PendingDelivery(a_delivery(body=body), tuple(posted))
    parent = pending.parent_id
    return parent, parent is not None and is_broadcast(pending.content)


def a_posted_card(key: str = "k", message: str = "1.1") -> PostedCard:
    return PostedCard(content=replace(a_card(an_episode()), key=key), revision=1, message_id=message)


@pytest.mark.parametrize(
    ("style", "change", "end"),
    [
        (THREAD, ("1.1", False), ("1.1", False)),
        (BROADCAST, ("1.1", False), ("1.1", True)),
        (CHANNEL, ("1.1", False), (None, False)),
    ],
)
def test_the_end_of_a_failure_goes_where_the_channel_wants_it(
    style: FollowUpStyle, change: tuple[str | None, bool], end: tuple[str | None, bool]
) -> None:
    deploying, recovered = entries_of_a_failure(style)
    assert (place(deploying), place(recovered)) == (change, end)


@pytest.mark.parametrize(
    ("style", "end"), [(THREAD, ("1.1", False)), (BROADCAST, ("1.1", True)), (CHANNEL, (None, False))]
)
def test_a_batch_goes_where_its_entries_go(style: FollowUpStyle, end: tuple[str | None, bool]) -> None:
    entries = entries_of_a_failure(style)
    rows = [a_delivery(str(number), replace(entry, card_key="k")) for number, entry in enumerate(entries * 10)]
    found = regroup(Backlog(team=TEAM, rows=rows, cards={"k": a_posted_card()}))
    assert found is not None
    assert isinstance(found.row.body, TimelineBatch)
    assert place(found.row.body) == end


def test_a_message_that_may_be_in_the_channel_is_looked_for_there() -> None:
    """The group may have failed again since the attempt, so that its batch would now stay in the thread."""
    batch = TimelineBatch(thread_key="g", of_group=True, entries=(), broadcast=True, in_channel=True)
    row = a_delivery(body=batch)
    sending = replace(row, attempt=replace(row.attempt, state=AttemptState.SENDING, parent_id=None))
    assert PendingDelivery(sending, (a_posted_card(),)).parent_id is None


def a_call(style: FollowUpStyle, *targets: Target) -> Notice:
    policy = Policy(name="data", steps=(PolicyStep(targets=targets, wait=timedelta(minutes=5)),))
    words = PageCall(reason=CallReason.STEP)
    call = Call(page=opened_page("page", policy, at(0), (ALERTS,)), targets=targets, direct=(), words=words)
    (message,) = call_messages([call], an_episode(), [ALERTS], in_style(style), at(300))
    assert isinstance(message.body, Notice)
    assert message.body.targets == targets
    return message.body


@pytest.mark.parametrize(
    ("style", "target", "expected"),
    [
        (THREAD, a_person(), ("1.1", False)),
        (THREAD, HERE, ("1.1", True)),
        (BROADCAST, a_person(), ("1.1", True)),
        (CHANNEL, a_person(), (None, False)),
        (CHANNEL, HERE, (None, False)),
    ],
)
def test_a_later_call_goes_where_its_people_see_it(
    style: FollowUpStyle, target: Target, expected: tuple[str | None, bool]
) -> None:
    assert place(a_call(style, target)) == expected


def test_a_call_to_here_never_stays_in_the_thread_alone() -> None:
    setup = in_style(THREAD).setup
    assert call_style(setup, ALERTS, (a_person(), HERE)) is BROADCAST
    assert call_style(setup, ALERTS, (a_person(),)) is THREAD


def in_thread_only(row: str, card: str) -> Delivery:
    failure = OpenFailure(pipeline=a_card().pipeline, card_key=card, since=at(0))
    notice = Notice(
        kind=NoticeKind.CALL_AGAIN,
        at=at(0),
        targets=(a_person(),),
        failures=(failure,),
        in_thread=True,
        broadcast=False,
    )
    return a_delivery(row, notice)


@pytest.mark.parametrize(("messages", "merges"), [(("1.1", "1.1"), True), (("1.1", "2.2"), False)])
def test_calls_of_several_threads_stay_in_their_threads(messages: tuple[str, str], merges: bool) -> None:
    rows = [in_thread_only("a", "one"), in_thread_only("b", "two")]
    cards = {key: a_posted_card(key, message) for key, message in zip(("one", "two"), messages, strict=True)}
    found = merge_calls(Backlog(team=TEAM, rows=tuple(rows), cards=cards), rows)
    assert (found is not None) is merges
