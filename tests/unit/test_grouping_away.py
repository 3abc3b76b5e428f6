"""What is told together after a while in which nothing could be said."""

import pytest

from bot.domain.backlog import ENTRIES_PER_MESSAGE, Backlog, Grouping
from bot.domain.delivery import Delivery, LaneKind, Priority
from bot.domain.digest import DIGEST_FROM
from bot.domain.grouping import regroup
from bot.domain.summary import Digest
from bot.domain.transition import Event
from tests.builders import TEAM
from tests.unit.test_grouping import DEPLOYMENT, Outbox, a_sync, key, pipeline, some


def gathered_away(rows: list[Delivery], *, over: bool) -> Grouping | None:
    cards = some(range(len(rows)), over=over)
    return regroup(Backlog(TEAM, rows, {card.content.key: card for card in cards}, {}, service_away=True))


def test_no_group_is_made_while_nothing_can_be_sent() -> None:
    """Its cards could not leave it any more, and would be told first when they are long over."""
    assert gathered_away([a_sync(number) for number in range(50)], over=False) is None


def test_failures_that_are_over_leave_the_pages_all_at_once() -> None:
    """One step for each would read the whole lane each time."""
    rows = [a_sync(number) for number in range(50)]
    found = gathered_away(rows, over=True)
    assert found is not None
    assert found.replaced == tuple(rows)
    moved = [found.row, *found.accompanied_by]
    assert [row.id for row in moved] == [row.id for row in rows]
    assert all(row.lane.kind is LaneKind.FEED and row.message.priority is Priority.RECOVERY for row in moved)


@pytest.mark.parametrize("pipelines", [DIGEST_FROM + 1, ENTRIES_PER_MESSAGE, 2 * ENTRIES_PER_MESSAGE + DIGEST_FROM + 1])
def test_a_flapping_pipeline_takes_one_digest_entry(pipelines: int) -> None:
    outbox = Outbox([], [])
    for _ in range(20):
        for number, card in enumerate(some(range(pipelines), DEPLOYMENT, over=True)):  # each time another story
            outbox.rows[key(number)] = a_sync(number, Priority.UPDATE)
            outbox.cards[key(number)] = card
        while outbox.regroup():
            pass
    digests = outbox.bodies(Digest)
    assert len(outbox.rows) == len(digests) == -(-pipelines // ENTRIES_PER_MESSAGE)
    entries = [entry for body in digests for entry in body.entries]
    assert sorted(entry.pipeline.id for entry in entries) == sorted(pipeline(number).id for number in range(pipelines))
    assert all(entry.counts[Event.FAILED] == entry.counts[Event.LIVE] == 20 for entry in entries)
