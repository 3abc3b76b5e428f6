"""Combining what waits for one pager: it pages nobody for no reason, and a group ends with its last failure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from bot.domain.backlog import DEFAULT_GROUP_RULE, GroupRule
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Attempt, AttemptState, Delivery, Receiver, ReceiverKind
from bot.domain.observation import PipelineId
from bot.domain.pager import PagedFailure, PagerAction, PagerEvent, PagingEnd
from bot.domain.pager_lane import LARGEST_INCIDENT, Incident, combined_pages
from bot.domain.pager_messages import pager_messages, renewing_messages
from bot.domain.protocol import LANDS_WITHIN
from tests.builders import TEAM
from tests.fakes import NOON

OPS = Receiver(TEAM, ReceiverKind("pagerduty"), "ops")
TRIGGER, ACKNOWLEDGE, RESOLVE = PagerAction.TRIGGER, PagerAction.ACKNOWLEDGE, PagerAction.RESOLVE


def a_failure(name: str) -> PagedFailure:
    return PagedFailure(key=f"key-{name}", pipeline=Pipeline(id=PipelineId(f"pipe_{name}"), name=name), since=NOON)


def an_event(action: PagerAction, name: str, *, step: int = 1) -> PagerEvent:
    failure = a_failure(name)
    return PagerEvent(action=action, key=failure.key, failures=(failure,), step=step)


def rows_of(action: PagerAction, *names: str, step: int = 1) -> list[Delivery]:
    events = [an_event(action, name, step=step) for name in names]
    return [
        Delivery(message=message)
        for event in events
        for message in pager_messages(event, OPS, NOON, occasion=(f"{step}",))
    ]


@dataclass
class PagerLane:
    """One lane with its incidents, as the store keeps them. `sent` holds what the pager got: action and key."""

    rows: list[Delivery] = field(default_factory=list)
    incidents: dict[str, Incident] = field(default_factory=dict)
    seconds: float = 0.0
    sent: list[PagerEvent] = field(default_factory=list)
    rule: GroupRule = DEFAULT_GROUP_RULE

    def add(self, rows: Iterable[Delivery]) -> None:
        self.rows += rows
        at = NOON + timedelta(seconds=self.seconds)
        for _ in range(10):
            change = combined_pages(OPS, self.rows, self.incidents.values(), at, self.rule)
            if change is None:
                return
            by_id = {row.id: row for row in self.rows if row not in change.replaced}
            by_id |= {row.id: row for row in change.rows}
            self.rows = list(by_id.values())
            self.incidents |= {incident.key: incident for incident in change.incidents}
            for key in change.ended:
                self.incidents.pop(key, None)
        raise AssertionError("it never settles")

    def send(self) -> Sequence[PagerEvent]:
        """Sends all rows, and returns what went out."""
        events = [row.body for row in self.rows if isinstance(row.body, PagerEvent)]
        self.rows.clear()
        self.sent += events
        return events


OF_TWO = GroupRule(most_single=2)
"""Three failures are a group."""


def actions(events: Iterable[PagerEvent]) -> list[tuple[PagerAction, list[str]]]:
    return [(event.action, [failure.pipeline.name for failure in event.failures]) for event in events]


def test_a_single_failure_keeps_its_own_key_from_page_to_end() -> None:
    lane = PagerLane()
    for action in (TRIGGER, ACKNOWLEDGE, RESOLVE):
        lane.add(rows_of(action, "a"))
        lane.send()
    assert [(event.action, event.key) for event in lane.sent] == [
        (TRIGGER, "key-a"),
        (ACKNOWLEDGE, "key-a"),
        (RESOLVE, "key-a"),
    ]
    assert lane.incidents == {}


def test_a_failure_that_ended_before_any_attempt_pages_nobody() -> None:
    lane = PagerLane()
    lane.add([*rows_of(TRIGGER, "a", "b"), *rows_of(RESOLVE, "a")])
    assert actions(lane.send()) == [(TRIGGER, ["b"])]


def test_an_end_still_goes_out_if_an_earlier_page_did() -> None:
    lane = PagerLane()
    lane.add(rows_of(TRIGGER, "a"))
    lane.send()
    lane.add([*rows_of(TRIGGER, "a", step=2), *rows_of(ACKNOWLEDGE, "a"), *rows_of(RESOLVE, "a")])
    assert actions(lane.send()) == [(RESOLVE, ["a"])]


def of_unknown_fate(row: Delivery) -> Delivery:
    return row.with_attempt(Attempt(state=AttemptState.SENDING, count=1, sent_at=NOON))


@pytest.mark.parametrize("answer", [ACKNOWLEDGE, RESOLVE])
def test_a_page_of_unknown_fate_is_not_repeated_once_it_is_answered(answer: PagerAction) -> None:
    lane = PagerLane()
    lane.add(rows_of(TRIGGER, "a"))
    lane.rows = [of_unknown_fate(lane.rows[0])]
    lane.add(rows_of(answer, "a"))
    (row,) = lane.rows
    assert row.not_before == NOON + LANDS_WITHIN  # the page may still land, and its answer comes after it
    assert actions(lane.send()) == [(answer, ["a"])]


def test_a_group_of_unknown_fate_is_not_repeated_once_all_of_it_is_answered() -> None:
    lane = PagerLane(rule=OF_TWO)
    lane.add(rows_of(TRIGGER, "a", "b", "c"))
    lane.rows = [of_unknown_fate(lane.rows[0])]
    lane.add(rows_of(ACKNOWLEDGE, "a", "b"))
    assert len(lane.rows) == 1
    lane.add(rows_of(ACKNOWLEDGE, "c"))
    (row,) = lane.rows
    assert row.not_before == NOON + LANDS_WITHIN
    assert actions(lane.send()) == [(ACKNOWLEDGE, ["a", "b", "c"])]


def test_a_page_of_unknown_fate_is_repeated_while_nobody_answers() -> None:
    lane = PagerLane()
    lane.add(rows_of(TRIGGER, "a"))
    lane.rows = [of_unknown_fate(lane.rows[0])]
    lane.add(rows_of(TRIGGER, "a", step=2))
    assert actions(lane.send()) == [(TRIGGER, ["a"]), (TRIGGER, ["a"])]


def test_several_new_failures_become_one_incident_that_ends_with_the_last() -> None:
    lane = PagerLane(rule=OF_TWO)
    lane.add(rows_of(TRIGGER, "a", "b", "c"))
    (page,) = lane.send()
    assert actions([page]) == [(TRIGGER, ["a", "b", "c"])]
    assert page.key not in {"key-a", "key-b", "key-c"}
    lane.add(rows_of(RESOLVE, "a", "c"))
    assert lane.send() == []
    lane.add(rows_of(RESOLVE, "b"))
    (end,) = lane.send()
    assert (end.action, end.key) == (RESOLVE, page.key)
    assert lane.incidents == {}


def test_a_group_is_acknowledged_once_nobody_need_act_on_any_of_it() -> None:
    lane = PagerLane(rule=OF_TWO)
    lane.add(rows_of(TRIGGER, "a", "b", "c"))
    lane.send()
    lane.add(rows_of(ACKNOWLEDGE, "a"))
    lane.add(rows_of(RESOLVE, "b"))
    assert lane.send() == []
    lane.add(rows_of(ACKNOWLEDGE, "c"))
    assert actions(lane.send()) == [(ACKNOWLEDGE, ["a", "c"])]


def test_the_end_of_the_last_unacknowledged_failure_acknowledges_the_rest() -> None:
    lane = PagerLane(rule=OF_TWO)
    lane.add(rows_of(TRIGGER, "a", "b", "c"))
    lane.send()
    lane.add(rows_of(ACKNOWLEDGE, "a", "b"))
    lane.add(rows_of(RESOLVE, "c"))
    assert actions(lane.send()) == [(ACKNOWLEDGE, ["a", "b"])]


def test_a_group_whose_failures_end_at_once_after_an_answer_ends_at_the_pager() -> None:
    lane = PagerLane(rule=OF_TWO)
    lane.add(rows_of(TRIGGER, "a", "b", "c"))
    lane.send()
    lane.add(rows_of(ACKNOWLEDGE, "b"))
    lane.add(rows_of(RESOLVE, "a", "c", "b"))
    assert actions(lane.send()) == [(RESOLVE, ["a", "b", "c"])]
    assert lane.incidents == {}


def test_new_failures_join_a_young_group_under_its_key() -> None:
    lane = PagerLane(rule=OF_TWO)
    lane.add(rows_of(TRIGGER, "a", "b", "c"))
    (page,) = lane.send()
    lane.add(rows_of(TRIGGER, "d"))
    (grown,) = lane.send()
    assert (grown.key, len(grown.failures)) == (page.key, 4)
    lane.seconds = DEFAULT_GROUP_RULE.within.total_seconds()
    lane.add(rows_of(TRIGGER, "e"))
    assert [event.key for event in lane.send()] == ["key-e"]


def test_a_group_that_somebody_looks_at_takes_no_more() -> None:
    lane = PagerLane(rule=OF_TWO)
    lane.add(rows_of(TRIGGER, "a", "b", "c"))
    lane.add(rows_of(ACKNOWLEDGE, "a"))
    lane.send()
    lane.add(rows_of(TRIGGER, "d"))
    assert [event.key for event in lane.send()] == ["key-d"]


def test_a_later_step_pages_once_for_a_whole_group() -> None:
    lane = PagerLane(rule=OF_TWO)
    lane.add(rows_of(TRIGGER, "a", "b", "c"))
    lane.send()
    lane.add(rows_of(RESOLVE, "a"))
    lane.add(rows_of(TRIGGER, "b", "c", step=2))
    assert actions(lane.send()) == [(TRIGGER, ["b", "c"])]


def test_a_later_step_of_single_failures_forms_no_group() -> None:
    """Otherwise their own incidents would stay open for ever."""
    lane = PagerLane()
    for name in "abc":
        lane.add(rows_of(TRIGGER, name))
        lane.send()
    lane.add(rows_of(TRIGGER, "a", "b", "c", step=2))
    assert [event.key for event in lane.send()] == ["key-a", "key-b", "key-c"]


def test_a_group_that_waits_names_only_open_failures() -> None:
    lane = PagerLane(rule=OF_TWO)
    lane.add(rows_of(TRIGGER, "a", "b", "c"))
    lane.add(rows_of(RESOLVE, "b"))
    assert actions(lane.send()) == [(TRIGGER, ["a", "c"])]


def test_a_group_that_ended_before_any_attempt_pages_nobody() -> None:
    lane = PagerLane(rule=OF_TWO)
    lane.add(rows_of(TRIGGER, "a", "b", "c"))
    lane.add(rows_of(RESOLVE, "a", "b", "c"))
    assert [event.action for event in lane.send()] in ([], [RESOLVE])


def test_a_page_that_starts_again_leaves_its_group() -> None:
    lane = PagerLane(rule=OF_TWO)
    lane.add(rows_of(TRIGGER, "a", "b", "c"))
    (page,) = lane.send()
    event = an_event(TRIGGER, "a")
    lane.add(Delivery(message=message) for message in renewing_messages(event, OPS, NOON, occasion=("1", "0")))
    assert [(event.action, event.key) for event in lane.send()] == [(TRIGGER, "key-a")]
    lane.add(rows_of(RESOLVE, "b", "c"))
    assert [(event.action, event.key) for event in lane.send()] == [(RESOLVE, page.key)]


def test_a_single_page_that_starts_again_ends_its_incident_first() -> None:
    lane = PagerLane()
    lane.add(rows_of(TRIGGER, "a"))
    lane.send()
    lane.add(
        Delivery(message=message) for message in renewing_messages(an_event(TRIGGER, "a"), OPS, NOON, occasion=("1",))
    )
    end, page = lane.send()
    assert (end.action, end.end, page.action) == (RESOLVE, PagingEnd.RENEWED, TRIGGER)
    assert list(lane.incidents) == ["key-a"]


def test_no_incident_grows_without_limit() -> None:
    lane = PagerLane()
    lane.add(rows_of(TRIGGER, *(f"p{n}" for n in range(LARGEST_INCIDENT + 5))))
    sizes = sorted(len(event.failures) for event in lane.send())
    assert sizes[-1] == LARGEST_INCIDENT
    assert sum(sizes) == LARGEST_INCIDENT + 5


def test_a_page_about_the_bot_itself_ends_by_its_key() -> None:
    lane = PagerLane()
    for action in (TRIGGER, RESOLVE):
        event = PagerEvent(action=action, key="api", headline="GoldRush rejected the ServiceKey")
        lane.add(Delivery(message=message) for message in pager_messages(event, OPS, NOON, occasion=()))
        lane.send()
    assert [event.action for event in lane.sent] == [TRIGGER, RESOLVE]
    assert lane.incidents == {}


def test_a_drill_stands_alone() -> None:
    lane = PagerLane(rule=OF_TWO)
    drill = replace(an_event(TRIGGER, "drill"), drill=True)
    lane.add(
        [
            *rows_of(TRIGGER, "a", "b", "c"),
            *(Delivery(message=message) for message in pager_messages(drill, OPS, NOON, occasion=())),
        ]
    )
    assert sorted(event.key for event in lane.send() if event.drill) == ["key-drill"]


def test_an_answer_at_the_pager_is_counted_but_not_sent_back() -> None:
    lane = PagerLane(rule=OF_TWO)
    lane.add(rows_of(TRIGGER, "a", "b", "c"))
    lane.send()
    for name in "abc":
        (message,) = pager_messages(replace(an_event(RESOLVE, name), origin="ops"), OPS, NOON, occasion=())
        lane.add([Delivery(message=message)])
    assert lane.send() == []
    assert lane.incidents == {}


def test_an_answer_at_one_pager_reaches_the_others() -> None:
    lane = PagerLane()
    lane.add(rows_of(TRIGGER, "a"))
    lane.send()
    (message,) = pager_messages(replace(an_event(ACKNOWLEDGE, "a"), origin="night"), OPS, NOON, occasion=())
    lane.add([Delivery(message=message)])
    assert actions(lane.send()) == [(ACKNOWLEDGE, ["a"])]


def test_a_drill_sends_its_page_and_its_end_at_once() -> None:
    lane = PagerLane()
    for action in (TRIGGER, RESOLVE):
        event = replace(an_event(action, "drill"), drill=True)
        lane.rows += [Delivery(message=message) for message in pager_messages(event, OPS, NOON, occasion=())]
    lane.add([])
    assert [event.action for event in lane.send()] == [TRIGGER, RESOLVE]
    assert lane.incidents == {}


def test_as_in_slack_more_failures_than_stand_alone_become_one_incident() -> None:
    names = "abcd"
    for count in range(1, 5):
        lane = PagerLane()
        lane.add(rows_of(TRIGGER, *names[:count]))
        assert len(lane.send()) == (count if count <= DEFAULT_GROUP_RULE.most_single else 1)


def test_failures_that_already_have_incidents_count_for_the_next_one() -> None:
    lane = PagerLane()
    for name in "abc":
        lane.add(rows_of(TRIGGER, name))
    assert [event.key for event in lane.send()] == ["key-a", "key-b", "key-c"]
    lane.add(rows_of(TRIGGER, "d"))
    (group,) = lane.send()
    assert group.key != "key-d"
    lane.add(rows_of(TRIGGER, "e"))
    assert [(event.key, len(event.failures)) for event in lane.send()] == [(group.key, 2)]
    lane.add(rows_of(RESOLVE, "d", "e"))
    assert [(event.action, event.key) for event in lane.send()] == [(RESOLVE, group.key)]


def test_failures_from_longer_ago_do_not_count() -> None:
    lane = PagerLane()
    lane.add(rows_of(TRIGGER, "a", "b", "c"))
    lane.send()
    lane.seconds = DEFAULT_GROUP_RULE.within.total_seconds()
    lane.add(rows_of(TRIGGER, "d"))
    assert [event.key for event in lane.send()] == ["key-d"]
