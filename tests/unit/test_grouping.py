"""What is told together: groups, what changes in them, lines of one thread, and catching up."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.backlog import ENTRIES_PER_MESSAGE, Backlog, Grouping
from bot.domain.card import Pointer, PostedCard, PostedGroup, SyncCard, SyncGroup, ThreadEntry, TimelineBatch
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import AttemptState, Delivery, LaneKind, Priority
from bot.domain.digest import DIGEST_FROM
from bot.domain.episode import EpisodeKind, EpisodeOutcome, TimelineEntry
from bot.domain.failure_groups import MOST_MEMBERS, WAIT
from bot.domain.grouping import BATCH_FROM, MOST_OF_GROUP, regroup
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import Observation, PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Record, plan_reading
from bot.domain.summary import Digest
from bot.domain.transition import Event
from tests.builders import (
    ANN,
    ORDERS,
    TEAM,
    a_card,
    a_delivery,
    a_pipeline,
    a_routing,
    an_episode,
    an_observation,
    at,
    changed,
)
from tests.fakes import NOON

Kind = TypeVar("Kind")
NOW = at(60)
FAILURE, DEPLOYMENT = EpisodeKind.FAILURE, EpisodeKind.DEPLOYMENT


def pipeline(number: int) -> Pipeline:
    return a_pipeline(f"orders-{number}", pipeline_id=PipelineId(f"pipe_{number:04}"))


def key(number: int) -> str:
    return f"card-{number:04}"


def line(revision: int, *events: Event, phase: Phase | None = Phase.RUNNING) -> TimelineEntry:
    return TimelineEntry(revision=revision, at=at(revision), events=events or (Event.LIVE,), phase=phase)


def a_posted(number: int = 1, kind: EpisodeKind = FAILURE, *, over: bool = False, **fields: Any) -> PostedCard:
    """A card, as yet in no message. Its story: two lines."""
    timeline = (line(1, Event.FAILED, phase=Phase.FAILED), line(2))
    episode = replace(an_episode(kind, revision=2), pipeline_id=pipeline(number).id, timeline=timeline)
    if over:
        episode = replace(episode, closed_at=at(2), outcome=EpisodeOutcome.RECOVERED)
    content = replace(a_card(episode, pipeline=pipeline(number)), key=key(number))
    return replace(PostedCard(content=content, revision=2), **fields)


def a_sync(number: int = 1, priority: Priority = Priority.FAILURE, **fields: Any) -> Delivery:
    return changed(a_delivery(key(number), priority=priority), **fields)


def a_row_of(
    number: int, entry: TimelineEntry, priority: Priority = Priority.UPDATE, *, broadcast: bool = False
) -> Delivery:
    body = ThreadEntry(card_key=key(number), pipeline=pipeline(number), entry=entry, broadcast=broadcast)
    return a_delivery(f"line-{number}-{entry.revision}", body, priority=priority, made_at=entry.at)


def _only_lines(*rows: Delivery) -> tuple[ThreadEntry, ...]:
    return tuple(row.body for row in rows if isinstance(row.body, ThreadEntry))


def gathered(rows: Sequence[Delivery], cards: Iterable[PostedCard] = (), recent: Sequence[str] = ()) -> Grouping | None:
    by_key = {card.content.key: card for card in cards}
    return regroup(Backlog(TEAM, rows, by_key, groups_of(by_key.values()), recent, NOW))


def groups_of(cards: Iterable[PostedCard]) -> dict[str, PostedGroup]:
    members: dict[str, list[PostedCard]] = {}
    for card in cards:
        if card.group:
            members.setdefault(card.group, []).append(card)
    return {key: PostedGroup(cards=tuple(cards), size=len(cards)) for key, cards in members.items()}


def some(numbers: Iterable[int], kind: EpisodeKind = FAILURE, **fields: Any) -> list[PostedCard]:
    return [a_posted(number, kind, **fields) for number in numbers]


# --- groups ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "together"), [(1, 0), (3, 0), (4, 4), (70, 70), (MOST_MEMBERS + 1, MOST_MEMBERS)])
def test_failures_that_wait_at_once_are_a_group(count: int, together: int) -> None:
    rows = [a_sync(number, made_at=at(-number)) for number in range(count)]
    found = gathered(rows, some(range(count)))
    if not together:
        assert found is None
        return
    assert found is not None
    assert found.row.id == key(0)  # the group is looked up by the card that it grew from
    assert found.row.body == SyncGroup(key(0))
    assert found.replaced == tuple(rows[:together])
    assert found.joins == tuple(key(number) for number in range(together))
    assert not found.merges
    assert not found.message_id
    assert found.row.message.priority is Priority.FAILURE
    assert found.row.message.made_at == at(1 - together)  # as late as the first of them
    assert found == gathered(rows, some(range(count)))  # a restart makes the same of it


@pytest.mark.parametrize(("posted", "waiting", "together"), [(1, 2, False), (1, 3, True), (3, 1, True), (2, 1, False)])
def test_failures_grow_into_the_message_of_the_first(*, posted: int, waiting: int, together: bool) -> None:
    cards = [*some(range(posted), message_id="1.0"), *some(range(posted, posted + waiting))]
    rows = [a_sync(number) for number in range(posted, posted + waiting)]
    found = gathered(rows, cards, [key(number) for number in range(posted)])
    assert (found is not None) == together
    if found is None:
        return
    assert (found.row.id, found.row.body, found.message_id) == (key(0), SyncGroup(key(0)), "1.0")
    assert found.row.lane.kind is LaneKind.FEED  # like every update
    assert found.row.not_before is None
    assert found.replaced == tuple(rows)
    assert found.joins == tuple(key(number) for number in range(posted + waiting))
    assert [row.body for row in found.accompanied_by] == [
        Pointer(card_key=key(number), message_id="1.0") for number in range(1, posted)
    ]


@pytest.mark.parametrize(
    "fields",
    [{"over": True}, {"message_id": None, "removed": True}, {"summarized_revision": 1, "message_id": None}],
    ids=["over", "deleted", "held back"],
)
def test_only_a_shown_open_failure_grows(fields: dict[str, Any]) -> None:
    cards = [a_posted(0, **{"message_id": "1.0"} | fields), *some((1, 2, 3))]
    assert gathered([a_sync(1), a_sync(2), a_sync(3)], cards, [key(0)]) is None
    assert gathered([a_sync(1), a_sync(2), a_sync(3)], [a_posted(0, message_id="1.0"), *cards[1:]], [key(0)])


def test_a_failure_under_way_counts_and_stays_single() -> None:
    rows = [a_sync(0, count=1, state=AttemptState.SENDING), a_sync(1), a_sync(2), a_sync(3)]
    found = gathered(rows, some(range(4)))
    assert found is not None
    assert found.joins == (key(1), key(2), key(3))


def test_a_posted_group_takes_one_more_by_an_update() -> None:
    cards = [*some(range(4), group=key(0), message_id="1.0"), a_posted(4)]
    found = gathered([a_sync(4)], cards, [key(0)])
    assert found is not None
    assert (found.row.id, found.joins, found.message_id) == (key(0), (key(4),), "1.0")
    assert found.row.not_before == NOW + WAIT  # others may follow
    assert gathered([a_sync(4)], cards) is None  # the group took none for a while


@pytest.mark.parametrize(
    ("row", "card"),
    [
        (a_sync(3, count=1), a_posted(3)),  # it was tried, and may be there
        (a_sync(3, state=AttemptState.SENDING), a_posted(3)),
        (a_sync(3), a_posted(3, message_id="1.0")),
        (a_sync(3), a_posted(3, removed=True)),
        (a_sync(3), a_posted(3, over=True)),
        (a_sync(3), a_posted(3, DEPLOYMENT)),
        (a_row_of(3, line(2)), a_posted(3)),
    ],
)
def test_only_untried_failures_form_a_group(row: Delivery, card: PostedCard) -> None:
    found = gathered([a_sync(1), a_sync(2), row], [*some((1, 2)), card])
    assert found is None or not isinstance(found.row.body, SyncGroup)
    assert gathered([a_sync(1), a_sync(2), a_sync(3), a_sync(4)], some((1, 2, 3, 4))) is not None


@pytest.mark.parametrize(("size", "more", "joining"), [(4, 1, 1), (4, 5, 5), (MOST_MEMBERS - 1, 5, 1), (0, 2, 0)])
def test_a_waiting_group_takes_new_failures_up_to_its_limit(size: int, more: int, joining: int) -> None:
    """`size` 0: the group is forgotten."""
    rows = [a_delivery("group", SyncGroup("group")), *(a_sync(number) for number in range(more))]
    found = gathered(rows, [*some(range(more)), *some(range(1000, 1000 + size), group="group")])
    assert (found.joins if found else ()) == tuple(key(number) for number in range(joining))
    assert found is None or found.row.id == "group"


def test_changes_in_a_group_are_one_update() -> None:
    cards = [*some((1, 2), group="group", message_id="1.0"), a_posted(3, group="another", message_id="2.0")]
    rows = [a_sync(2, Priority.RECOVERY), a_sync(3, Priority.UPDATE), a_sync(1, Priority.UPDATE, count=1)]
    found = gathered(rows, cards)
    assert found is not None
    assert found.row == changed(rows[0], id="group", body=SyncGroup("group"))
    assert found.replaced == (rows[0], rows[2])


def test_lines_of_a_group_go_into_its_thread_together() -> None:
    cards = [*some((1, 2), group="group", message_id="1.0"), a_posted(3, group="another", message_id="2.0")]
    rows = [a_row_of(1, line(3)), a_row_of(3, line(3)), a_row_of(2, line(4), Priority.RECOVERY)]
    found = gathered(rows, cards)
    assert found is not None
    assert found.replaced == (rows[0], rows[2])
    assert found.row.body == TimelineBatch(thread_key="group", of_group=True, entries=_only_lines(rows[0], rows[2]))
    assert (found.row.message.priority, found.row.message.made_at) == (Priority.RECOVERY, at(3))
    assert found.row.id not in {row.id for row in rows}


def test_a_long_group_timeline_takes_several_messages() -> None:
    rows = [a_row_of(number, line(3)) for number in range(MOST_OF_GROUP + 5)]
    found = gathered(rows, some(range(MOST_OF_GROUP + 5), group="group", message_id="1.0"))
    assert found is not None
    assert found.replaced == tuple(rows[:MOST_OF_GROUP])


# --- what was over before it could be told ----------------------------------------------------------------------------


@pytest.mark.parametrize("priority", [Priority.PAGE, Priority.FAILURE])
def test_a_failure_over_before_it_was_sent_moves_to_the_feed(priority: Priority) -> None:
    row = a_sync(1, priority)
    assert gathered([row], [a_posted(1, over=True)]) == Grouping(
        row=changed(row, priority=Priority.RECOVERY), replaced=(row,)
    )
    assert gathered([row], [a_posted(1)]) is None
    refused, perhaps_posted = changed(row, count=1), changed(row, count=1, uncertain=True)
    moved = gathered([refused], [a_posted(1, over=True)])
    assert moved == Grouping(row=changed(refused, priority=Priority.RECOVERY), replaced=(refused,))
    assert gathered([perhaps_posted], [a_posted(1, over=True)]) is None
    assert gathered([row], [a_posted(1, over=True, message_id="1.0")]) is None


def feed_of(numbers: Iterable[int]) -> list[Delivery]:
    return [a_sync(number, Priority.UPDATE, made_at=at(number)) for number in numbers]


@pytest.mark.parametrize(("count", "together"), [(10, 0), (11, 11), (30, 30), (31, 30)])
def test_too_many_episodes_become_a_digest(count: int, together: int) -> None:
    rows = feed_of(range(count))
    found = gathered(rows, some(range(count), DEPLOYMENT))
    assert DIGEST_FROM == 10
    if not together:
        assert found is None
        return
    assert found is not None
    assert isinstance(found.row.body, Digest)
    assert found.row.body.key == found.row.id
    assert [entry.pipeline for entry in found.row.body.entries] == [pipeline(number) for number in range(together)]
    assert found.forgets == tuple(key(number) for number in range(together))
    assert (found.row.message.priority, found.row.message.made_at) == (Priority.RECOVERY, at(0))
    (entry, *_) = found.row.body.entries
    assert entry.counts == {Event.FAILED: 1, Event.LIVE: 1}
    assert (entry.since, entry.until, entry.last) == (at(1), at(2), line(2))


def test_a_waiting_digest_takes_one_more_episode() -> None:
    rows = feed_of(range(11))
    first = gathered(rows, some(range(11), DEPLOYMENT))
    assert first is not None
    again, new = a_row_of(3, line(9, Event.DEGRADED)), a_sync(40, Priority.UPDATE)
    found = gathered([first.row, again, new], some((40,), DEPLOYMENT))
    assert found is not None
    assert found.merges
    assert found.row.id == first.row.id
    assert isinstance(found.row.body, Digest)
    entries = {entry.pipeline.id: entry for entry in found.row.body.entries}
    assert len(entries) == 12
    of_three = entries[pipeline(3).id]
    assert of_three.counts == {Event.FAILED: 1, Event.LIVE: 1, Event.DEGRADED: 1}
    assert (of_three.since, of_three.until, of_three.last) == (at(1), at(9), line(9, Event.DEGRADED))
    # Where it was given to Slack already, what comes later goes its own way.
    assert gathered([changed(first.row, state=AttemptState.SENDING), again, new], some((40,), DEPLOYMENT)) is None
    assert gathered([changed(first.row, count=1), again, new], some((40,), DEPLOYMENT)) is None


@pytest.mark.parametrize("sent", [{"state": AttemptState.SENDING, "count": 1}, {"count": 1}])
def test_a_second_digest_counts_nothing_twice(sent: dict[str, Any]) -> None:
    first = gathered(feed_of(range(11)), some(range(11), DEPLOYMENT))
    assert first is not None
    goes_on = a_posted(3, DEPLOYMENT)
    episode = goes_on.content.episode.with_entry(line(9, Event.DEGRADED))
    goes_on = replace(goes_on, content=replace(goes_on.content, episode=episode), revision=9)
    new = [*feed_of(range(40, 51)), a_sync(3, Priority.UPDATE)]
    found = gathered([changed(first.row, **sent), *new], [*some(range(40, 51), DEPLOYMENT), goes_on])
    assert found is not None
    assert isinstance(found.row.body, Digest)
    (counts,) = [entry.counts for entry in found.row.body.entries if entry.pipeline == pipeline(3)]
    assert counts == {Event.DEGRADED: 1}


def _gathered_stories(*readings: Observation) -> dict[Event, int]:
    """What is counted of one pipeline, beside ten others, when all is gathered once more after each reading."""
    others = range(50, 51 + DIGEST_FROM)
    outbox = Outbox(feed_of(others), some(others, DEPLOYMENT))
    record = Record(pipeline_id=ORDERS)
    for reading in readings:
        plan = plan_reading(record, reading, a_routing())
        record = plan.record
        for card in plan.cards:
            outbox.cards[card.key] = PostedCard(content=card, revision=card.revision)
        for row in plan.messages:
            outbox.rows[row.id] = Delivery(message=replace(row, priority=Priority.UPDATE))
        while outbox.regroup():
            pass
    entries = [entry for body in outbox.bodies(Digest) for entry in body.entries]
    (counts,) = [entry.counts for entry in entries if entry.pipeline.name == "orders-eu"]
    return {event: number for event, number in counts.items() if event is not Event.RUNNING}


def _went(*phases: Phase) -> list[Observation]:
    return [an_observation(phase, number) for number, phase in enumerate((Phase.RUNNING, *phases))]


@pytest.mark.parametrize(
    ("readings", "counts"),
    [
        (_went(Phase.DEPLOYING, Phase.RUNNING), {Event.DEPLOYING: 1, Event.LIVE: 1}),
        (_went(Phase.STOPPING, Phase.STOPPED), {Event.STOPPING: 1, Event.STOPPED: 1}),
        (
            _went(Phase.DEPLOYING, Phase.RUNNING, Phase.DEPLOYING, Phase.RUNNING),
            {Event.DEPLOYING: 2, Event.LIVE: 2},
        ),
        (
            _went(Phase.PAUSED, Phase.FAILED, Phase.RUNNING),
            {Event.PAUSED: 1, Event.FAILED: 1, Event.LIVE: 1, Event.RECOVERED: 1},
        ),
        (
            _went(Phase.DEPLOYING, Phase.FAILED, Phase.DEPLOYING, Phase.RUNNING),
            {Event.DEPLOYING: 2, Event.FAILED: 1, Event.LIVE: 1, Event.RECOVERED: 1},
        ),
    ],
)
def test_a_digest_counts_each_event_once(readings: list[Observation], counts: dict[Event, int]) -> None:
    """Though a story goes on after it was counted, and though what ends one story begins another."""
    assert _gathered_stories(*readings) == counts


def test_a_digest_takes_the_ends_of_posted_cards() -> None:
    numbers = range(DIGEST_FROM + 1)
    ends = replace(line(2), downtime_seconds=1.0)
    rows = [a_row_of(number, ends) for number in numbers]
    found = gathered(rows, some(numbers, over=True, message_id="1.0"))
    assert found is not None
    assert isinstance(found.row.body, Digest)
    assert len(found.row.body.entries) == len(rows)


def test_an_open_failure_is_in_no_digest() -> None:
    rows = feed_of(range(12))
    cards = [*some(range(11), DEPLOYMENT), a_posted(11)]
    found = gathered(rows, cards)
    assert found is not None
    assert rows[11] not in found.replaced
    lines = [a_row_of(11, line(3))]
    assert gathered([*feed_of(range(10)), *lines], [*some(range(10), DEPLOYMENT), a_posted(11)]) is None


def test_lines_of_cards_that_are_there_are_caught_up_with_and_the_cards_stay() -> None:
    rows = [a_row_of(number, line(3, Event.DEGRADED)) for number in range(11)]
    found = gathered(rows, some(range(11), message_id="1.0"))
    assert found is not None
    assert isinstance(found.row.body, Digest)
    assert found.forgets == ()
    assert all(entry.counts == {Event.DEGRADED: 1} for entry in found.row.body.entries)


# --- broadcasts ------------------------------------------------------------------------------------------------------

END = a_row_of(1, line(2), Priority.RECOVERY, broadcast=True)


@pytest.mark.parametrize("count", [0, 2])
def test_the_end_needs_no_broadcast_if_a_card_that_waits_announces_it(count: int) -> None:
    card = a_sync(1, Priority.RECOVERY, count=count)
    posted = a_posted(1, over=True)
    quiet = a_row_of(1, line(2), Priority.RECOVERY)
    assert gathered([card, END], [posted]) == Grouping(row=quiet, replaced=(), merges=True)
    assert gathered([card, quiet], [posted]) is None


@pytest.mark.parametrize(
    ("card", "posted"),
    [
        (a_sync(1, Priority.RECOVERY), a_posted(1, over=True, message_id="1.0")),
        (changed(a_sync(1, Priority.RECOVERY), state=AttemptState.SENDING, count=1), a_posted(1, over=True)),
        (changed(a_sync(1, Priority.RECOVERY), count=1, uncertain=True), a_posted(1, over=True)),
        (changed(a_sync(1, Priority.RECOVERY), possible_repeat=True), a_posted(1, over=True)),
        (a_sync(1, Priority.RECOVERY), a_posted(1, over=True, removed=True)),
        (a_sync(1, Priority.RECOVERY), a_posted(1, over=True, summarized_revision=2)),
        (a_sync(1, Priority.RECOVERY), a_posted(1)),
        (a_sync(2, Priority.RECOVERY), a_posted(1, over=True)),
    ],
    ids=["posted", "being sent", "uncertain", "possible repeat", "deleted", "held", "still open", "another card"],
)
def test_every_other_end_stays_a_broadcast(card: Delivery, posted: PostedCard) -> None:
    assert gathered([card, END], [posted]) is None


def test_a_batch_needs_no_broadcast_either() -> None:
    """The lane may combine the entries before the card comes into it."""
    cards = [a_posted(1, over=True)]
    batch = gathered([*(a_row_of(1, line(number)) for number in range(3, 6)), END], cards)
    assert batch is not None
    assert isinstance(batch.row.body, TimelineBatch)
    assert batch.row.body.broadcast
    found = gathered([a_sync(1, Priority.RECOVERY), batch.row], cards)
    assert found == Grouping(
        row=changed(batch.row, body=replace(batch.row.body, broadcast=False)), replaced=(), merges=True
    )


# --- one thread ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "together"), [(3, False), (4, True), (30, True), (31, True), (100, True)])
def test_many_lines_of_one_thread_are_one_message(count: int, together: bool) -> None:
    rows = [a_row_of(1, line(number), broadcast=number == 2) for number in range(count)]
    found = gathered(rows, [a_posted(1, message_id="1.0")])
    assert BATCH_FROM == 4
    if not together:
        assert found is None
        return
    assert found is not None
    assert isinstance(found.row.body, TimelineBatch)
    assert found.replaced == tuple(rows)
    assert (found.row.body.thread_key, found.row.body.of_group, found.row.body.broadcast) == (key(1), False, True)
    assert len(found.row.body.entries) + found.row.body.left_out == count
    revisions = [entry.entry.revision for entry in found.row.body.entries]
    assert revisions == sorted(revisions)
    half = min(count, ENTRIES_PER_MESSAGE) // 2
    assert revisions[:half] == list(range(half))
    assert revisions[-half:] == list(range(count - half, count))


def test_lines_that_wait_take_in_one_more() -> None:
    cards = [a_posted(1, message_id="1.0")]
    first = gathered([a_row_of(1, line(number)) for number in range(40)], cards)
    assert first is not None
    more = a_row_of(1, line(99), Priority.RECOVERY, broadcast=True)
    found = gathered([first.row, more], cards)
    assert found is not None
    assert found.merges
    assert found.row.id == first.row.id
    assert found.replaced == (more,)
    assert isinstance(found.row.body, TimelineBatch)
    assert (len(found.row.body.entries), found.row.body.left_out, found.row.body.broadcast) == (
        ENTRIES_PER_MESSAGE,
        11,
        True,
    )
    assert found.row.body.entries[-1] == more.body
    assert found.row.message.priority is Priority.RECOVERY
    assert gathered([changed(first.row, count=1), more], cards) is None
    assert gathered([found.row], cards) is None


# --- whatever waits --------------------------------------------------------------------------------------------------


posted = st.builds(
    a_posted,
    st.integers(1, ENTRIES_PER_MESSAGE),
    st.sampled_from([FAILURE, FAILURE, DEPLOYMENT]),
    over=st.booleans(),
    message_id=st.sampled_from([None, None, "1.0"]),
    group=st.sampled_from([None, None, None, "group"]),
)
worlds = st.lists(posted, max_size=14, unique_by=lambda card: card.content.key)
states: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {}, {}, {"count": 1}, {"state": AttemptState.SENDING, "count": 1}]
)


@st.composite
def backlogs(draw: st.DrawFn) -> tuple[list[Delivery], list[PostedCard]]:
    """Every card that is not there is owed; of some a line is owed too, or several."""
    cards = draw(worlds)
    rows: list[Delivery] = []
    for card in cards:
        number = int(card.content.key[-4:])
        if card.message_id is None or draw(st.booleans()):
            rows.append(changed(a_sync(number, draw(st.sampled_from(Priority))), **draw(states)))
        for revision in range(3, 3 + draw(st.sampled_from([0, 0, 1, 5]))):
            event = draw(st.sampled_from([Event.DEGRADED, Event.RESTARTED, Event.RECOVERED]))
            row = a_row_of(number, line(revision, event), draw(st.sampled_from([Priority.RECOVERY, Priority.UPDATE])))
            rows.append(changed(row, **draw(states)))
    rows.append(a_delivery("notice", Notice(kind=NoticeKind.WATCHING, at=NOON), priority=Priority.UPDATE))
    return draw(st.permutations(rows)), cards


class Outbox:
    """What the store does with a gathering, in a few lines."""

    def __init__(self, rows: Sequence[Delivery], cards: Sequence[PostedCard]) -> None:
        self.rows = {row.id: row for row in rows}
        self.cards = {card.content.key: card for card in cards}
        self.forgotten: dict[str, PostedCard] = {}

    def regroup(self) -> bool:
        """One more; False where every lane is as it can be."""
        for kind in LaneKind:
            rows = [row for row in self.rows.values() if row.lane.kind is kind]
            found = regroup(Backlog(TEAM, rows, self.cards, groups_of(self.cards.values()), now=NOW))
            if found:
                self._take(found)
                return True
        return False

    def _take(self, found: Grouping) -> None:
        for row in found.replaced:
            del self.rows[row.id]
        if found.merges:
            assert found.row.id in self.rows
            self.rows[found.row.id] = found.row
        for row in (found.row, *found.accompanied_by):
            self.rows.setdefault(row.id, row)
        for key in found.joins:
            self.cards[key] = replace(self.cards[key], group=found.row.id)
        for key in found.forgets:
            self.forgotten[key] = self.cards.pop(key)

    def bodies(self, kind: type[Kind]) -> list[Kind]:
        return [row.body for row in self.rows.values() if isinstance(row.body, kind)]


def settled(rows: Sequence[Delivery], cards: Sequence[PostedCard]) -> Outbox:
    outbox = Outbox(rows, cards)
    for _ in range(3 * len(rows) + 3):
        if not outbox.regroup():
            return outbox
    raise AssertionError("there is always one thing more to gather")


@given(backlogs())
def test_grouping_terminates_and_every_card_is_sent(
    world: tuple[list[Delivery], list[PostedCard]],
) -> None:
    rows, cards = world
    outbox = settled(rows, cards)
    by_itself = {body.card_key for body in outbox.bodies(SyncCard)}
    groups = {body.group_key for body in outbox.bodies(SyncGroup)}
    caught_up = {entry.pipeline.id for body in outbox.bodies(Digest) for entry in body.entries}
    for row in rows:
        if not isinstance(row.body, SyncCard):
            continue
        card = outbox.cards.get(row.id)
        if card is None:
            assert outbox.forgotten[row.id].content.pipeline.id in caught_up
        else:
            assert row.id in by_itself or card.group in groups


@given(backlogs())
def test_grouping_leaves_tried_messages_alone(world: tuple[list[Delivery], list[PostedCard]]) -> None:
    rows, cards = world
    outbox = settled(rows, cards)
    for row in rows:
        shown = isinstance(row.body, SyncCard) and (card := outbox.cards.get(row.id)) and card.group and card.message_id
        if row.attempt.state is AttemptState.SENDING and not shown:  # an update may be repeated
            assert outbox.rows[row.id] == row


@given(backlogs())
def test_open_failures_and_pages_are_never_only_counted(world: tuple[list[Delivery], list[PostedCard]]) -> None:
    rows, cards = world
    outbox = settled(rows, cards)
    for card in outbox.forgotten.values():
        assert card.message_id is None
        assert not (card.content.episode.open and card.content.episode.kind is FAILURE)
    assert all(row.lane.kind is LaneKind.FEED for row in outbox.rows.values() if isinstance(row.body, Digest))
    # A failure that opens is told by a card or a line of a group's message, and before the feed.
    for row in rows:
        waits = outbox.cards.get(row.id)
        if waits and waits.content.episode.open and waits.content.episode.kind is FAILURE and row.message.priority <= 1:
            successor = outbox.rows.get(row.id) or outbox.rows[waits.group or ""]
            assert successor.lane.kind is LaneKind.PAGES


@pytest.mark.parametrize("fields", [{}, {"count": 1, "state": AttemptState.SENDING}], ids=["no room", "under way"])
def test_a_line_stays_while_its_card_is_unsent(fields: dict[str, Any]) -> None:
    """Of thirty-one stories the last has no room in the message, or goes its own way already."""
    last = a_row_of(30, line(3, Event.DEGRADED))
    outbox = settled([*feed_of(range(30)), a_sync(30, Priority.UPDATE, **fields), last], some(range(31), DEPLOYMENT))
    assert key(30) in outbox.cards
    assert last.id in outbox.rows


@given(backlogs())
def test_every_line_is_sent_after_grouping(world: tuple[list[Delivery], list[PostedCard]]) -> None:
    """By itself, with others, or counted: in a catch-up, or in the middle of a long thread. (The one exception is the
    fault above.)"""
    rows, cards = world
    outbox = settled(rows, cards)
    caught_up = {entry.pipeline.id for body in outbox.bodies(Digest) for entry in body.entries}
    together = {(entry.card_key, entry.entry) for body in outbox.bodies(TimelineBatch) for entry in body.entries}
    left_out = {body.thread_key for body in outbox.bodies(TimelineBatch) if body.left_out}
    for row in rows:
        if isinstance(row.body, ThreadEntry) and row.id not in outbox.rows:
            shown_once = (row.body.card_key, row.body.entry) in together or row.body.card_key in left_out
            yet_to_come = row.body.card_key in outbox.cards and outbox.cards[row.body.card_key].message_id is None
            assert shown_once or yet_to_come or row.body.pipeline.id in caught_up


@pytest.mark.parametrize("flag", ["uncertain", "possible_repeat"])
def test_grouping_keeps_the_lookup_of_possibly_sent_messages(flag: str) -> None:
    """Its row was tried, and was looked for in vain: it may yet land, or nobody could read whether it had."""
    fields: dict[str, Any] = {"count": 1, flag: True}
    tried = changed(a_row_of(2, line(3)), **fields)
    rows = [a_row_of(1, line(3)), tried]
    outbox = settled(rows, some((1, 2), group="group", message_id="1.0"))
    assert all(getattr(row.attempt, flag) for row in outbox.rows.values() if tried.body in _lines_of(row))


def _lines_of(row: Delivery) -> tuple[object, ...]:
    return row.body.entries if isinstance(row.body, TimelineBatch) else (row.body,)


@given(backlogs())
def test_no_message_is_longer_than_it_may_be(world: tuple[list[Delivery], list[PostedCard]]) -> None:
    rows, cards = world
    outbox = settled(rows, cards)
    batches = outbox.bodies(TimelineBatch)
    assert all(len(body.entries) <= (MOST_OF_GROUP if body.of_group else ENTRIES_PER_MESSAGE) for body in batches)
    assert all(len(body.entries) <= ENTRIES_PER_MESSAGE for body in outbox.bodies(Digest))


@given(backlogs())
def test_a_grouped_message_has_the_highest_priority_and_earliest_time(
    world: tuple[list[Delivery], list[PostedCard]],
) -> None:
    outbox = Outbox(*world)
    before = dict(outbox.rows)
    while outbox.regroup():
        replaced = [row for delivery_id, row in before.items() if outbox.rows.get(delivery_id) != row]
        for new in (row for delivery_id, row in outbox.rows.items() if before.get(delivery_id) != row):
            assert new.message.made_at == min(row.message.made_at for row in replaced)
            feed_only = isinstance(new.body, Digest | SyncCard)  # a card that is over by now goes by itself
            assert new.message.priority == (
                Priority.RECOVERY if feed_only else min(row.message.priority for row in replaced)
            )
        before = dict(outbox.rows)


def test_an_acknowledged_pipeline_in_a_digest_shows_its_state() -> None:
    answered = TimelineEntry(revision=3, at=at(3), events=(Event.ACKNOWLEDGED,), by=ANN)
    rows = [a_row_of(number, entry) for number in range(11) for entry in (line(2, Event.DEGRADED), answered)]
    found = gathered(rows, some(range(11), message_id="1.0"))
    assert found is not None
    assert isinstance(found.row.body, Digest)
    assert {entry.last.phase for entry in found.row.body.entries} == {Phase.RUNNING}


def test_the_lines_of_a_group_go_into_the_message_that_waits_already() -> None:
    """However often its pipelines go up and down while nothing can be sent."""
    cards = some((1, 2), group="group", message_id="1.0")
    outbox = settled([a_row_of(1, line(3)), a_row_of(2, line(3))], cards)
    (waiting,) = outbox.rows.values()
    for revision in range(4, 60):
        outbox = settled([waiting, a_row_of(1, line(revision)), a_row_of(2, line(revision))], cards)
        (waiting,) = outbox.rows.values()
    assert isinstance(waiting.body, TimelineBatch)
    assert waiting.body.of_group
    assert len(waiting.body.entries) + waiting.body.left_out == 2 * 57
