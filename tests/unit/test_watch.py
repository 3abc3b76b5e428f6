"""Who hears what of which pipeline."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.transition import SELECTABLE, Event
from bot.domain.watch import ONLY_BELOW_CARDS, Audience, ChannelId, Target, TargetKind, UserId, Watch, audiences
from tests.builders import ALERTS, ORDERS, a_person, a_pipeline, a_watch, watched_ids

OTHER = ChannelId("C0OTHER")
HERE = Target(kind=TargetKind.HERE)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({Event.FAILED}, {Event.FAILED}),
        ({Event.LIVE}, {Event.LIVE}),
        ({Event.UNREACHABLE}, {Event.UNREACHABLE, Event.BACK}),
        ({Event.GONE}, {Event.GONE, Event.BACK}),
        ({Event.RECOVERED}, {Event.RECOVERED, Event.BACK}),
        ({Event.FAILED, Event.RECOVERED}, {Event.FAILED, Event.RECOVERED, Event.BACK}),
        ({Event.LAGGING}, {Event.LAGGING, Event.CAUGHT_UP}),
        ({Event.STALLED}, {Event.STALLED, Event.MOVING}),
        ({Event.STUCK}, {Event.STUCK}),
        ({Event.DRIFT}, {Event.DRIFT, Event.ALIGNED}),
        (set(SELECTABLE), {*SELECTABLE, Event.BACK, Event.CAUGHT_UP, Event.MOVING, Event.ALIGNED}),
        (set(), set()),
        (None, set(Event)),
    ],
)
def test_an_event_filter_passes_the_chosen_events_and_their_ends(
    chosen: set[Event] | None, expected: set[Event]
) -> None:
    watch = a_watch(events=None if chosen is None else frozenset(chosen))
    assert {event for event in Event if watch.wants(event)} == expected | ONLY_BELOW_CARDS


def test_the_id_is_that_of_channel_and_reference_in_any_case() -> None:
    assert a_watch("orders-*").id == a_watch("ORDERS-*", targets=(HERE,), made_by=UserId("U0BOB")).id
    different = {a_watch(one, channel=there).id for one in ("orders-*", "orders-eu") for there in (ALERTS, OTHER)}
    assert len(different) == 4


@pytest.mark.parametrize(("reference", "pattern"), [(ORDERS, False), ("orders-*", True), ("project:shop", True)])
def test_a_watch_covers_its_pipeline(reference: str, pattern: bool) -> None:
    assert a_watch(reference).covers(a_pipeline())
    assert a_watch(reference).pattern is pattern


def test_a_channel_gets_each_event_once_for_all_its_watches() -> None:
    failures, lives = a_watch(events=frozenset({Event.FAILED})), a_watch("orders-*", events=frozenset({Event.LIVE}))
    audience = Audience(ALERTS, (failures, lives))
    assert audience.wants(Event.FAILED)
    assert audience.wants(Event.LIVE)
    assert not audience.wants(Event.PAUSED)


def test_a_target_of_two_watches_is_paged_once() -> None:
    one, other = a_watch(targets=(a_person(), HERE)), a_watch("orders-*", targets=(HERE, a_person("U0BOB"), a_person()))
    assert Audience(ALERTS, (one, other)).targets == (a_person(), HERE, a_person("U0BOB"))


def test_audiences_stand_in_the_order_in_which_they_began() -> None:
    elsewhere, here, again = a_watch(channel=OTHER), a_watch(), a_watch("orders-*", channel=OTHER)
    of_another = a_watch("payments-*", channel=ChannelId("C0THIRD"))
    assert audiences(a_pipeline(), [elsewhere, here, of_another, again]) == (
        Audience(OTHER, (elsewhere, again)),
        Audience(ALERTS, (here,)),
    )


def test_a_watched_pipeline_is_polled_once_listed_or_not() -> None:
    catalogue = [a_pipeline("orders-eu"), a_pipeline("orders-us", pipeline_id="pipe_0002")]  # type: ignore[arg-type]
    watches = [a_watch(ORDERS), a_watch(ORDERS, channel=OTHER), a_watch("ORDERS-*"), a_watch("pipe_unlisted")]
    assert watched_ids(catalogue, watches) == {ORDERS, "pipe_0002", "pipe_unlisted"}
    assert watched_ids(catalogue, []) == frozenset()


references = st.sampled_from([ORDERS, "orders-*", "*", "project:shop", "payments", "project:x*"])
watches = st.lists(st.builds(a_watch, references, channel=st.sampled_from([ALERTS, OTHER])), max_size=8)


@given(watches)
def test_every_watch_that_covers_is_in_one_audience(drawn_watches: list[Watch]) -> None:
    by_channel = audiences(a_pipeline(), drawn_watches)
    assert len({audience.channel for audience in by_channel}) == len(by_channel)
    covering = [watch for audience in by_channel for watch in audience.watches]
    assert len(covering) == len([watch for watch in drawn_watches if watch.covers(a_pipeline())])
    assert all(watch.channel == audience.channel for audience in by_channel for watch in audience.watches)
    assert (ORDERS in watched_ids([a_pipeline()], drawn_watches)) == bool(covering)
