"""Calls that wait in a lane become one message for the same people, without the failures that somebody has answered."""

from dataclasses import replace

from bot.delivery.pending import PendingDelivery
from bot.domain.backlog import Backlog, with_changes
from bot.domain.call_merging import merge_calls
from bot.domain.card import PostedCard, SyncCard, SyncGroup
from bot.domain.delivery import Delivery
from bot.domain.episode import Acknowledgement
from bot.domain.notice import CallReason, Notice, NoticeKind, OpenFailure, PageCall
from bot.domain.observation import PipelineId
from bot.domain.watch import Target, TargetKind
from tests.builders import ANN, TEAM, a_card, a_delivery, a_pipeline, an_episode, at

PAGE_ANN, PAGE_BOB = (Target(kind=TargetKind.USER, id=user) for user in ("U0ANN", "U0BOB"))


def a_call(row: str, card: str, *targets: Target, minute: int = 0, pipeline: str = "") -> Delivery:
    failed = a_pipeline(pipeline_id=PipelineId(f"pipe_{pipeline or card}"))
    failure = OpenFailure(pipeline=failed, card_key=card, since=at(60 * minute))
    notice = Notice(
        kind=NoticeKind.CALL_AGAIN,
        at=at(60 * minute),
        targets=targets,
        failures=(failure,),
        call=PageCall(reason=CallReason.REPEATED, step=minute),
    )
    return a_delivery(row, notice)


def backlog(*rows: Delivery, cards: dict[str, PostedCard] | None = None) -> Backlog:
    return Backlog(team=TEAM, rows=rows, cards=cards or {})


def posted(key: str, *, acknowledged: bool = False) -> PostedCard:
    answer = Acknowledgement(by=ANN, at=at(9)) if acknowledged else None
    card = replace(a_card(replace(an_episode(), acknowledged=answer)), key=key)
    return PostedCard(content=card, revision=1, message_id="1.0")


def test_calls_of_the_same_people_become_one_with_the_latest_reason() -> None:
    rows = [
        a_call("a", "one", PAGE_ANN),
        a_call("b", "two", PAGE_ANN, minute=1),
        a_call("c", "one", PAGE_ANN, minute=5),
    ]
    grouping = merge_calls(backlog(*rows), rows)
    assert grouping is not None
    assert {row.id for row in grouping.replaced} == {"a", "b", "c"}
    body = grouping.row.body
    assert isinstance(body, Notice)
    assert [failure.card_key for failure in body.failures] == ["one", "two"]
    assert body.call is not None
    assert body.call.step == 5


def test_calls_after_the_promises_of_several_people_name_none_of_them() -> None:
    for names, named in ((("Bob", "Bob"), "Bob"), (("Ann", "Bob"), "")):
        rows = [missed(a_call(card, card, PAGE_ANN), name) for card, name in zip(("one", "two"), names, strict=True)]
        grouping = merge_calls(backlog(*rows), rows)
        assert grouping is not None
        assert isinstance(grouping.row.body, Notice)
        assert grouping.row.body.call == PageCall(reason=CallReason.PROMISE_MISSED, promised_by=named)


def missed(row: Delivery, name: str) -> Delivery:
    call = PageCall(reason=CallReason.PROMISE_MISSED, promised_by=name)
    assert isinstance(row.body, Notice)
    return with_changes(row, body=replace(row.body, call=call))


def test_calls_of_other_people_stay_apart() -> None:
    rows = [a_call("a", "one", PAGE_ANN), a_call("b", "one", PAGE_BOB)]
    assert merge_calls(backlog(*rows), rows) is None


def test_an_answered_failure_leaves_the_call() -> None:
    rows = [a_call("a", "one", PAGE_ANN), a_call("b", "two", PAGE_ANN)]
    cards = {"one": posted("one", acknowledged=True), "two": posted("two")}
    grouping = merge_calls(backlog(*rows, cards=cards), rows)
    assert grouping is not None
    assert isinstance(grouping.row.body, Notice)
    assert [failure.card_key for failure in grouping.row.body.failures] == ["two"]


def test_if_all_are_answered_one_row_stays_and_the_worker_drops_it() -> None:
    rows = [a_call("a", "one", PAGE_ANN), a_call("b", "two", PAGE_ANN)]
    cards = {key: posted(key, acknowledged=True) for key in ("one", "two")}
    grouping = merge_calls(backlog(*rows, cards=cards), rows)
    assert grouping is not None
    assert not PendingDelivery(grouping.row, ()).worth_sending


def test_a_pipeline_that_failed_again_is_named_once() -> None:
    rows = [a_call("a", "one", PAGE_ANN), a_call("b", "again", PAGE_ANN, minute=5, pipeline="one")]
    grouping = merge_calls(backlog(*rows), rows)
    assert grouping is not None
    assert isinstance(grouping.row.body, Notice)
    assert [failure.card_key for failure in grouping.row.body.failures] == ["again"]


def unposted(key: str, *targets: Target) -> PostedCard:
    card = replace(a_card(), key=key, targets=targets)
    return PostedCard(content=card, revision=1)


def test_a_card_that_waits_calls_in_place_of_a_repeated_call() -> None:
    """After an hour without Slack each failure has its card and several calls."""
    card, call = a_delivery("one", SyncCard("one")), a_call("a", "one", PAGE_ANN, minute=5)
    waiting = backlog(card, call, cards={"one": unposted("one", PAGE_ANN)})
    grouping = merge_calls(waiting, [card, call])
    assert grouping is not None
    assert (grouping.row.id, grouping.merges) == ("a", True)
    assert not PendingDelivery(grouping.row, ()).worth_sending
    assert merge_calls(waiting, [card, grouping.row]) is None


def test_a_group_that_waits_calls_in_place_of_a_repeated_call() -> None:
    group, call = a_delivery("g", SyncGroup("g")), a_call("a", "one", PAGE_ANN, minute=5)
    member = replace(unposted("one", PAGE_ANN), group="g")
    assert merge_calls(backlog(group, call, cards={"one": member}), [group, call]) is not None


def test_a_card_that_waits_does_not_replace_a_call_of_other_people() -> None:
    card, call = a_delivery("one", SyncCard("one")), a_call("a", "one", PAGE_BOB, minute=5)
    assert merge_calls(backlog(card, call, cards={"one": unposted("one", PAGE_ANN)}), [card, call]) is None


def test_a_card_of_unknown_fate_does_not_replace_a_call() -> None:
    """It may be in the channel for long, and mention nobody who was called since."""
    card, call = a_delivery("one", SyncCard("one")), a_call("a", "one", PAGE_ANN, minute=5)
    assert merge_calls(backlog(card, call, cards={"one": unposted("one", PAGE_ANN)}), [call]) is None
