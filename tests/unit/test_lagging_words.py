"""`lagging:5m`: how people type the lag, where a watch keeps it, and what gets refused."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.audit_entries import watch_text
from bot.domain.subscription import Wish, edited_watch, is_same
from bot.domain.transition import Event
from bot.domain.watch import Every, Watch
from bot.slack.feature import UsageError
from bot.slack.features.watch.command import WatchCommand
from bot.slack.render import phrases
from bot.store.codec import WATCH
from tests.builders import ALERTS, ANN, ORDERS, a_person, a_watch, at
from tests.routes import parse

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LAGGING = frozenset({Event.LAGGING})


def watch(text: str) -> WatchCommand:
    command = parse(text)
    assert isinstance(command, WatchCommand), command
    return command


def refused(text: str) -> UsageError:
    command = parse(text)
    assert isinstance(command, UsageError), command
    return command


@pytest.mark.parametrize(
    ("words", "lag"),
    [
        ("lagging", None),
        ("lagging:5m", 5 * MINUTE),
        ("lagging:1h", HOUR),
        ("lagging=90m", 90 * MINUTE),
        ("lagging:1h30m", 90 * MINUTE),
        ("LAGGING:5M", 5 * MINUTE),
        ("lagging&gt;5m", 5 * MINUTE),
        ("lagging&gt;=5min", 5 * MINUTE),
        ("lagging &gt; 5m", 5 * MINUTE),
        ("lagging &gt; 5 min", 5 * MINUTE),
        ("lagging: 5m", 5 * MINUTE),
        ("lagging 5m", 5 * MINUTE),
        ("lagging:5m.", 5 * MINUTE),
        ("lagging:7d", timedelta(days=7)),
    ],
)
def test_the_lag_is_understood_in_each_spelling(words: str, lag: timedelta | None) -> None:
    command = watch(f"watch orders-eu on {words}")
    assert (command.references, command.events, command.lag_from) == (("orders-eu",), LAGGING, lag)


@pytest.mark.parametrize(
    "words", ["failed,lagging:5m", "lagging:5m,failed", "failed lagging:5m", "lagging&gt;5m failed"]
)
def test_the_lag_stands_among_other_events(words: str) -> None:
    command = watch(f"watch orders-eu on {words} page @ann in #data-alerts")
    assert command.events == frozenset({Event.FAILED, Event.LAGGING})
    assert command.lag_from == 5 * MINUTE
    assert command.targets
    assert command.channel


def test_a_page_has_its_lag_too() -> None:
    command = watch("watch orders-eu page @ann for failed,lagging:1h")
    assert command.page_for == frozenset({Event.FAILED, Event.LAGGING})
    assert command.lag_from == HOUR


@pytest.mark.parametrize(
    ("event", "words"), [("stalled", "stalled"), ("stuck", "stuck"), ("drift", "drift"), ("drift", "drifting")]
)
def test_each_finding_can_be_chosen_and_paged_for(event: str, words: str) -> None:
    assert refused_or_events(f"watch orders-eu on {words}") == event
    assert watch(f"watch orders-eu page @ann for {event}").page_for == frozenset({Event(event)})


def refused_or_events(text: str) -> str:
    """The event of the command, or of the corrected one."""
    command = parse(text)
    if isinstance(command, UsageError):
        command = parse(command.hint)
    assert isinstance(command, WatchCommand)
    assert isinstance(command.events, frozenset)
    return ",".join(sorted(command.events))


@pytest.mark.parametrize(
    "words", ["lagging:soon", "lagging:0m", "lagging:30s", "lagging:90s", "lagging:8d", "lagging:5", "lagging&gt;-5m"]
)
def test_another_lag_is_refused_with_the_word_and_an_example(words: str) -> None:
    refusal = refused(f"watch orders-eu on failed,{words} page @ann")
    assert "Nothing was changed" in refusal.message
    assert words.partition("&")[0].partition(":")[0] in refusal.message
    assert refusal.hint == "watch orders-eu on failed,lagging:5m page @ann"


@pytest.mark.parametrize("words", ["laging:5m", "lag:5m", "behind&gt;5m", "failed laging:5m"])
def test_a_misspelled_event_keeps_its_lag(words: str) -> None:
    assert refused(f"watch orders-eu on {words}").hint.endswith("lagging:5m")


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ("laging:5m", "lagging:5m"),
        ("laging", "lagging"),
        ("lag:5m", "lagging:5m"),
        ("stuk", "stuck"),
        ("stuk,laging:1h", "stuck,lagging:1h"),
        ("failed,laging:5m", "failed,lagging:5m"),
        ("fialed", "failed"),
        ("dirft in #data", "drift in #data"),
    ],
)
@pytest.mark.parametrize("target", ["@ann", "@ann @bob", "me"])
@pytest.mark.parametrize("clause", ["page {} for", "page {} on"])
def test_a_misspelled_event_is_no_part_of_a_name(clause: str, target: str, words: str, right: str) -> None:
    begun = f"watch orders-eu {clause.format(target)}"
    refusal = refused(f"{begun} {words}")
    assert "There is no event called" in refusal.message
    assert refusal.hint == f"{begun} {right}"


@pytest.mark.parametrize("words", ["lagging:", "lagging&gt;", "lagging=", "failed,lagging:"])
def test_a_lag_that_is_missing_is_refused(words: str) -> None:
    refusal = refused(f"watch orders-eu on {words} page @ann")
    assert "I can't read the lag in *lagging" in refusal.message
    assert "lagging:5m page @ann" in refusal.hint


def test_one_watch_has_one_lag() -> None:
    refusal = refused("watch orders-eu on lagging:5m page @ann for lagging:1h")
    assert refusal.message == ("A watch has one lag, and you named *lagging:5m* and *lagging:1h*. Nothing was changed.")


def test_a_pipeline_may_have_the_name_of_an_event() -> None:
    assert watch('watch "lagging" on failed').references == ("lagging",)


# --- the watch -------------------------------------------------------------------------------------------------------


def edited(before: Watch | None, text: str) -> Watch:
    command = watch(text)
    wish = Wish(events=command.events, lag_from=command.lag_from, page_for=command.page_for, by=ANN)
    wish = replace(wish, targets=(a_person(),)) if command.targets else wish
    return edited_watch(wish, ALERTS, ORDERS, before, label="orders-eu", at=at(0))


@pytest.mark.parametrize(
    ("text", "lag"),
    [
        ("watch orders-eu page @ann", HOUR),
        ("watch orders-eu page @ann for lagging", HOUR),
        ("watch orders-eu on failed,lagging:5m", 5 * MINUTE),
        ("watch orders-eu on failed,lagging", None),
        ("watch orders-eu on all", None),
    ],
)
def test_a_change_keeps_the_lag_unless_it_names_the_event_again(text: str, lag: timedelta | None) -> None:
    before = edited(None, "watch orders-eu on lagging:1h")
    after = edited(before, text)
    assert (before.lag_from, after.lag_from) == (HOUR, lag)
    assert not is_same(before, after)


@pytest.mark.parametrize("lag", [5 * MINUTE, HOUR, 90 * MINUTE, 24 * HOUR])
def test_the_shown_command_restores_the_watch(lag: timedelta) -> None:
    original = replace(
        a_watch(events=frozenset({Event.FAILED, Event.LAGGING}), targets=(a_person(),)),
        page_for=LAGGING,
        label="orders-eu",
        lag_from=lag,
    )
    command = watch(f"watch {phrases.watch_command(original)}")
    assert (command.events, command.page_for, command.lag_from) == (original.events, LAGGING, lag)


def test_a_watch_of_all_events_may_have_its_lag() -> None:
    original = replace(a_watch(), label="orders-eu", lag_from=HOUR)
    command = watch(f"watch {phrases.watch_command(original)}")
    assert (command.events, command.lag_from) == (Every.EVENT, HOUR)


def test_a_watch_shows_its_lag() -> None:
    lagging = replace(a_watch(events=LAGGING), lag_from=90 * MINUTE)
    assert phrases.watch_words(lagging).endswith("— lagging (from 1 h 30 min)")
    paging = replace(lagging, targets=(a_person(),), page_for=LAGGING)
    assert phrases.watch_words(paging).endswith("— lagging (from 1 h 30 min), pages @ann on lagging")
    paging = replace(paging, events=frozenset({Event.FAILED}))
    assert phrases.watch_words(paging).endswith("— failed, pages @ann on lagging (from 1 h 30 min)")
    assert phrases.watch_words(replace(lagging, events=None)).endswith("— all events (lagging from 1 h 30 min)")
    assert "(from" not in phrases.watch_words(replace(lagging, events=frozenset({Event.FAILED})))
    assert watch_text(lagging) == "on lagging:90m page none"
    assert watch_text(replace(lagging, events=None)) == "on all,lagging:90m page none"


def test_the_row_of_a_watch_keeps_the_lag_and_an_earlier_row_has_none() -> None:
    lagging = replace(a_watch(events=LAGGING), lag_from=HOUR)
    assert WATCH.decode(WATCH.encode(lagging)) == lagging
    older = WATCH.encode(a_watch()).replace(',"lag_from":null', "")
    assert "lag_from" not in older
    assert WATCH.decode(older) == a_watch()


def test_all_events_page_for_the_findings_too() -> None:
    command = watch("watch orders-eu on all page @ann for all")
    assert command.events is Every.EVENT
    assert command.page_for
    assert command.page_for >= {Event.LAGGING, Event.STALLED, Event.STUCK, Event.DRIFT}
