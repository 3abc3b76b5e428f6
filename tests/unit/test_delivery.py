"""A delivery's next step: what is decided before a call, after it, and after a look; and which row goes first."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.card import Body, Notice, NoticeKind, StormLines, SyncCard, SyncStorm, ThreadLine
from bot.domain.delivery import (
    BACKOFF,
    BETWEEN_LOOKS,
    LANDS_WITHIN,
    LONGEST_BACKOFF,
    LOOKS,
    PAGE_UNREADABLE_FOR,
    UNREADABLE_FOR,
    Again,
    Delivery,
    Done,
    Drop,
    Gone,
    Look,
    NotSeen,
    Park,
    Posted,
    Priority,
    Refusal,
    Refused,
    Seen,
    Send,
    Sighting,
    State,
    Step,
    Unknown,
    Unreadable,
    Wait,
    after_look,
    after_send,
    decide,
    in_order,
    story_of,
)
from bot.domain.watch import ParkReason
from tests.builders import a_delivery, a_pipeline, an_episode, at
from tests.fakes import NOON

QUEUED = a_delivery()
SENDING = a_delivery(state=State.SENDING, sent_at=NOON, attempts=1)
LANDED = NOON + LANDS_WITHIN
SECOND = timedelta(seconds=1)


# --- before ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delivery", "now", "idempotent", "step"),
    [
        (QUEUED, NOON, False, Send()),
        (replace(QUEUED, not_before=at(5)), at(4), False, Wait(at(5))),
        (replace(QUEUED, not_before=at(5)), at(5), False, Send()),
        (SENDING, NOON, False, Wait(LANDED)),
        (SENDING, LANDED - SECOND, False, Wait(LANDED)),
        (SENDING, LANDED, False, Look()),
        (replace(SENDING, not_before=at(60)), at(30), False, Wait(at(60))),
        (replace(SENDING, not_before=at(5)), at(5), False, Wait(LANDED)),
        (replace(SENDING, not_before=at(60)), at(60), False, Look()),
        (replace(SENDING, sent_at=None), NOON, False, Wait(LANDED)),  # when it was sent is not known: from now on
        (SENDING, NOON, True, Send()),  # an update of a card that is there may be repeated at once
        (replace(SENDING, not_before=at(5)), at(4), True, Wait(at(5))),
        (QUEUED, NOON, True, Send()),
    ],
)
def test_what_is_done_next(delivery: Delivery, now: datetime, idempotent: bool, step: Step) -> None:
    assert decide(delivery, now, idempotent=idempotent) == step


moments = st.floats(0, 10_000).map(at)
deliveries = st.builds(
    a_delivery,
    priority=st.sampled_from(Priority),
    state=st.sampled_from(State),
    attempts=st.integers(0, 100),
    sent_at=st.one_of(st.none(), moments),
    looks=st.integers(0, LOOKS - 1),
    not_before=st.one_of(st.none(), moments),
    plain=st.booleans(),
    possible_repeat=st.booleans(),
)


@given(deliveries, moments)
def test_what_may_be_there_is_never_posted_without_a_look(delivery: Delivery, now: datetime) -> None:
    step = decide(delivery, now, idempotent=False)
    if delivery.state is State.SENDING:
        assert not isinstance(step, Send)
        if delivery.sent_at and now < delivery.sent_at + LANDS_WITHIN:
            assert isinstance(step, Wait)  # it could still land behind the look
    if isinstance(step, Wait):
        assert step.until > now


# --- after a call ----------------------------------------------------------------------------------------------------


def refused(kind: Refusal, error: str = "x", wait: float | None = None, park: ParkReason | None = None) -> Refused:
    retry_after = timedelta(seconds=wait) if wait is not None else None
    return Refused(kind=kind, error=error, retry_after=retry_after, park=park)


AGAIN = replace(SENDING, state=State.QUEUED)
TIMES_OF_BACKOFF = [(0, 2), (1, 4), (2, 8), (6, 128), (7, 256), (8, 300), (11, 300), (1000, 300)]


@pytest.mark.parametrize(
    ("outcome", "settlement"),
    [
        (Posted("1.0"), Done("1.0")),
        (Unknown("timeout"), Again(replace(SENDING, not_before=at(4)))),
        (refused(Refusal.RATE_LIMITED, wait=30), Again(replace(SENDING, looks=LOOKS - 1, not_before=at(30)))),
        (refused(Refusal.RATE_LIMITED), Again(replace(SENDING, looks=LOOKS - 1, not_before=at(1)))),
        (refused(Refusal.CHANNEL, park=ParkReason.ARCHIVED), Park(AGAIN, ParkReason.ARCHIVED)),
        (refused(Refusal.CHANNEL), Park(AGAIN, ParkReason.NOT_FOUND)),
        (refused(Refusal.CONTENT), Again(replace(AGAIN, plain=True))),
        (refused(Refusal.CARD_GONE, "message_not_found"), Gone("message_not_found")),
        (refused(Refusal.WORKSPACE), Again(replace(AGAIN, not_before=at(4)))),
        (refused(Refusal.WORKSPACE, wait=60), Again(replace(AGAIN, not_before=at(60)))),
        (refused(Refusal.NOT_SENT), Again(replace(AGAIN, not_before=at(4)))),
        (refused(Refusal.NOT_SENT, wait=1), Again(replace(AGAIN, not_before=at(4)))),
    ],
)
def test_what_an_outcome_leads_to(outcome: Posted | Refused | Unknown, settlement: object) -> None:
    assert after_send(SENDING, outcome, NOON) == settlement


def test_what_is_refused_even_as_plain_text_is_dropped() -> None:
    settlement = after_send(replace(SENDING, plain=True), refused(Refusal.CONTENT, "no_text"), NOON)
    assert settlement == Drop("Slack refused even the plain text: no_text")


@pytest.mark.parametrize(("attempts", "seconds"), TIMES_OF_BACKOFF)
@pytest.mark.parametrize("outcome", [Unknown("reset"), refused(Refusal.NOT_SENT), refused(Refusal.WORKSPACE)])
def test_it_waits_ever_longer_and_never_too_long(outcome: Refused | Unknown, attempts: int, seconds: float) -> None:
    settlement = after_send(replace(SENDING, attempts=attempts), outcome, NOON)
    assert isinstance(settlement, Again)
    assert settlement.delivery.not_before == at(seconds)
    assert BACKOFF <= timedelta(seconds=seconds) <= LONGEST_BACKOFF


outcomes = st.one_of(
    st.just(Posted("1.0")),
    st.builds(Unknown, st.text()),
    st.builds(
        Refused,
        kind=st.sampled_from(Refusal),
        error=st.text(),
        retry_after=st.one_of(st.none(), st.timedeltas(timedelta(), timedelta(hours=1))),
        park=st.one_of(st.none(), st.sampled_from(ParkReason)),
    ),
)


@given(deliveries, outcomes, moments)
def test_only_a_definite_no_allows_to_send_without_a_look(
    delivery: Delivery, outcome: Posted | Refused | Unknown, now: datetime
) -> None:
    given_away = replace(delivery, state=State.SENDING, sent_at=now)
    settlement = after_send(given_away, outcome, now)
    if isinstance(settlement, Again):
        definite = isinstance(outcome, Refused) and outcome.kind is not Refusal.RATE_LIMITED
        assert (settlement.delivery.state is State.QUEUED) == definite
    if isinstance(settlement, Again | Park):
        same = replace(
            settlement.delivery, state=given_away.state, plain=given_away.plain, looks=given_away.looks,
            not_before=given_away.not_before,
        )  # fmt: skip
        assert same == given_away  # the rest of the row is as it was


# --- after a look ----------------------------------------------------------------------------------------------------

ONCE_MORE = replace(SENDING, state=State.QUEUED, looks=0, not_before=None)
PAGE = replace(SENDING, priority=Priority.PAGE)
UNREADABLE = Unreadable("missing_scope")


@pytest.mark.parametrize(
    ("delivery", "sighting", "now", "settlement"),
    [
        (SENDING, Seen(("1.0",)), LANDED, Done("1.0", found=True)),
        (SENDING, Seen(("1.0", "2.0")), LANDED, Done("1.0", found=True)),
        (SENDING, NotSeen(), LANDED, Again(replace(SENDING, looks=1, not_before=LANDED + BETWEEN_LOOKS))),
        (replace(SENDING, looks=1), NotSeen(), LANDED, Again(ONCE_MORE)),
        (
            replace(SENDING, looks=1, possible_repeat=True),
            NotSeen(),
            LANDED,
            Again(replace(ONCE_MORE, possible_repeat=True)),
        ),
        (SENDING, UNREADABLE, LANDED, Again(replace(SENDING, not_before=LANDED + BETWEEN_LOOKS))),
        (SENDING, Unreadable("x", 30 * SECOND), LANDED, Again(replace(SENDING, not_before=LANDED + 30 * SECOND))),
        (SENDING, Unreadable("x", 90 * SECOND), LANDED, Again(replace(SENDING, not_before=LANDED + UNREADABLE_FOR))),
        (
            SENDING,
            UNREADABLE,
            LANDED + UNREADABLE_FOR - SECOND,
            Again(replace(SENDING, not_before=LANDED + UNREADABLE_FOR - SECOND + BETWEEN_LOOKS)),
        ),
        (SENDING, UNREADABLE, LANDED + UNREADABLE_FOR, Again(replace(ONCE_MORE, possible_repeat=True))),
        (PAGE, UNREADABLE, LANDED, Again(replace(PAGE, not_before=LANDED + BETWEEN_LOOKS))),
        (PAGE, Unreadable("x", 90 * SECOND), LANDED, Again(replace(PAGE, not_before=LANDED + PAGE_UNREADABLE_FOR))),
        (
            PAGE,
            UNREADABLE,
            LANDED + PAGE_UNREADABLE_FOR,
            Again(replace(ONCE_MORE, priority=Priority.PAGE, possible_repeat=True)),
        ),
    ],
)
def test_what_a_look_leads_to(delivery: Delivery, sighting: Sighting, now: datetime, settlement: object) -> None:
    assert after_look(delivery, sighting, now) == settlement


sightings = st.lists(
    st.one_of(
        st.just(NotSeen()),
        st.builds(Unreadable, st.just("x"), st.one_of(st.none(), st.timedeltas(timedelta(), timedelta(hours=1)))),
    ),
    min_size=200,
    max_size=200,
)


@given(sightings, st.sampled_from(Priority))
def test_however_the_looks_go_it_is_sent_again_within_bounds(looks: list[Sighting], priority: Priority) -> None:
    delivery, now = replace(SENDING, priority=priority), NOON
    patience = PAGE_UNREADABLE_FOR if priority is Priority.PAGE else UNREADABLE_FOR
    absent = 0
    for sighting in looks:
        step = decide(delivery, now, idempotent=False)
        while isinstance(step, Wait):
            now = step.until
            step = decide(delivery, now, idempotent=False)
        if isinstance(step, Send):
            break
        settlement = after_look(delivery, sighting, now)
        assert isinstance(settlement, Again)
        delivery = settlement.delivery
        absent += isinstance(sighting, NotSeen)
    assert decide(delivery, now, idempotent=False) == Send()
    assert delivery.possible_repeat or absent >= LOOKS
    assert now - LANDED <= 2 * patience + BETWEEN_LOOKS


# --- which goes first ------------------------------------------------------------------------------------------------


def a_line(story: str) -> ThreadLine:
    return ThreadLine(card_key=story, pipeline=a_pipeline(), line=an_episode().lines[0])


def rows(*told: tuple[str, Body, Priority]) -> list[Delivery]:
    return [a_delivery(name, body, priority=priority) for name, body, priority in told]


def order(those: list[Delivery], posted: Mapping[str, bool]) -> list[str]:
    return [row.id for row in in_order(those, posted)]


NOTICE = Notice(kind=NoticeKind.WATCHING, at=NOON)
PAGING, FAILURE, RECOVERY, UPDATE = Priority


@pytest.mark.parametrize(
    ("those", "posted", "wanted"),
    [
        ([], {}, []),
        (
            [("old", SyncCard("old"), UPDATE), ("new", SyncCard("new"), FAILURE), ("page", SyncCard("page"), PAGING)],
            {},
            ["page", "new", "old"],
        ),
        ([("a", SyncCard("a"), FAILURE), ("b", SyncCard("b"), FAILURE)], {}, ["a", "b"]),
        ([("1", a_line("a"), UPDATE), ("2", a_line("a"), UPDATE)], {"a": True}, ["1"]),
        ([("1", a_line("a"), UPDATE)], {"a": False}, []),
        ([("1", a_line("a"), UPDATE)], {}, []),
        ([("1", a_line("a"), UPDATE), ("a", SyncCard("a"), UPDATE)], {"a": True}, ["a", "1"]),
        ([("n", NOTICE, UPDATE), ("a", SyncCard("a"), UPDATE)], {}, ["a", "n"]),
        (
            [("1", a_line("a"), UPDATE), ("2", a_line("b"), UPDATE), ("3", a_line("b"), RECOVERY)],
            {"a": True, "b": True},
            ["2", "1"],  # the end of b hurries its story on, and comes last in it
        ),
        (
            [
                ("s", SyncStorm("s"), UPDATE),
                ("1", StormLines(storm_key="s", lines=()), UPDATE),
                ("a", SyncCard("a"), FAILURE),
            ],
            {"s": True},
            ["a", "s", "1"],
        ),
    ],
)
def test_the_order_of_rows(those: list[tuple[str, Body, Priority]], posted: dict[str, bool], wanted: list[str]) -> None:
    assert order(rows(*those), posted) == wanted


stories = st.sampled_from(["a", "b", "c"])
bodies = st.one_of(
    stories.map(SyncCard),
    stories.map(SyncStorm),
    stories.map(a_line),
    stories.map(lambda story: StormLines(storm_key=story, lines=())),
    st.just(NOTICE),
)
outboxes = st.lists(st.tuples(bodies, st.sampled_from(Priority)), max_size=15).map(
    lambda those: rows(*((f"{place}", body, priority) for place, (body, priority) in enumerate(those)))
)


@given(outboxes, st.dictionaries(stories, st.booleans()))
def test_lines_never_overtake_their_story_and_the_urgent_goes_first(
    those: list[Delivery], posted: dict[str, bool]
) -> None:
    ordered = in_order(those, posted)
    lines = [row for row in ordered if story_of(row.body) is not None]
    oldest: dict[str, Delivery] = {}
    for row in those:
        oldest.setdefault(story_of(row.body) or "", row)
    # Of each story whose card is there its oldest line, and no other; of the rest everything.
    assert {story_of(row.body) for row in lines} == {
        story for row in those if (story := story_of(row.body)) and posted.get(story)
    }
    assert all(row is oldest[story_of(row.body) or ""] for row in lines)
    assert len(ordered) - len(lines) == sum(story_of(row.body) is None for row in those)

    def urgency(row: Delivery) -> Priority:
        story = story_of(row.body)
        return min(each.priority for each in those if each is row or (story and story_of(each.body) == story))

    ranks = [(urgency(row), not isinstance(row.body, SyncCard | SyncStorm)) for row in ordered]
    assert ranks == sorted(ranks)


@given(outboxes)
def test_a_whole_outbox_is_told_in_order(those: list[Delivery]) -> None:
    """Taken one after the other, every row comes, and the lines of a story in their order."""
    left, told = list(those), list[Delivery]()
    while left:
        first = in_order(left, dict.fromkeys("abc", True))[0]
        told.append(first)
        left.remove(first)
    for story in "abc":
        assert [row for row in told if story_of(row.body) == story] == [
            row for row in those if story_of(row.body) == story
        ]
