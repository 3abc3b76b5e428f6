"""What came before a failure: the changes and the earlier failures, on the card and in the thread."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.configuration import ConfigurationChange, Part, PartChange, PartFate
from bot.domain.diagnosis import LeftOut
from bot.domain.observation import PipelineId
from bot.domain.seen_before import SeenBefore
from bot.slack.mrkdwn import date
from bot.slack.render.background_words import change_words, seen_words
from tests.builders import at
from tests.unit.rendering import says
from tests.unit.test_diagnosis_words import a_diagnosis, in_thread, on_card

TRADES = PartChange(part=Part.TRANSFORM, table="trades")
FOUR_MIN = ConfigurationChange(after=at(-600), at=at(-239), exact=True, parts=(TRADES,))
WHEN = date(at(-86400))
EARLIER = SeenBefore(pipeline_id=PipelineId("pipe_us"), name="orders-us", at=at(-86400))


def changed(*parts: PartChange, **more: Any) -> str:
    return change_words(replace(FOUR_MIN, parts=parts or FOUR_MIN.parts, **more), at(1))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (changed(), "transform `trades` edited 4 min before the failure"),
        (changed(PartChange(part=Part.DESTINATION)), "destination changed 4 min before the failure"),
        (
            changed(replace(TRADES, fate=PartFate.REMOVED), replace(TRADES, table="swaps", fate=PartFate.ADDED)),
            "transform `trades` removed, transform `swaps` added 4 min before the failure",
        ),
        (
            changed(*(PartChange(part=part) for part in (Part.NAME, Part.TOPIC, Part.ABI, Part.STOP, Part.START))),
            "name changed, topic changed, ABI changed and 2 more 4 min before the failure",
        ),
        (changed(at=at(1)), "transform `trades` edited just before the failure"),
        (changed(at=at(301)), "transform `trades` edited 5 min after the failure"),
        (
            changed(exact=False),
            f"transform `trades` edited from {date(at(-600))} to {date(at(-239))}",
        ),
        (
            changed(PartChange(part=Part.TRANSFORM, table="<!here>`x`")),
            "transform `&lt;!here&gt;ˋxˋ` edited 4 min before the failure",
        ),
    ],
)
def test_a_change_in_words(words: str, expected: str) -> None:
    assert words == expected


def test_the_card_says_while_the_changes_are_unchecked() -> None:
    unchecked = "I couldn't check yet what somebody changed before the failure."
    assert unchecked in "\n".join(on_card(a_diagnosis(left_out=(LeftOut.CHANGES,))))
    assert unchecked not in "\n".join(on_card(a_diagnosis(left_out=(LeftOut.CHANGES,), changes=(FOUR_MIN,))))
    assert unchecked not in "\n".join(on_card(a_diagnosis()))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (EARLIER, f"same error at {WHEN} on *orders-us*"),
        (replace(EARLIER, name=""), f"same error at {WHEN}"),
        (
            replace(EARLIER, recovered_after=timedelta(minutes=25), occurrences=3),
            f"same error at {WHEN} on *orders-us*, recovered after 25 min · seen 3 times in the 90 days before",
        ),
        (
            replace(EARLIER, name="", acknowledged_by="<!channel>"),
            f"same error at {WHEN}, acknowledged by &lt;!channel&gt;",
        ),
    ],
)
def test_an_earlier_failure_in_words(seen: SeenBefore, expected: str) -> None:
    assert seen_words(seen) == expected


def test_the_card_shows_the_latest_of_each_and_the_thread_all() -> None:
    older = replace(FOUR_MIN, at=at(-7199), parts=(PartChange(part=Part.DESTINATION),))
    diagnosis = a_diagnosis(changes=(FOUR_MIN, older), seen=EARLIER)
    card, thread = "\n".join(on_card(diagnosis)), "\n".join(says(in_thread(diagnosis)))
    assert ":gear: Transform `trades` edited 4 min before the failure · 1 earlier in the thread" in card
    assert f":repeat: Same error at {WHEN} on *orders-us*" in card
    assert "destination changed" not in card
    assert "• transform `trades` edited 4 min before the failure" in thread
    assert "• destination changed 2 h before the failure" in thread
    assert "• same error at" in thread


def test_a_failure_without_a_past_says_nothing_about_it() -> None:
    assert ":gear:" not in str(on_card(a_diagnosis()))
    assert ":repeat:" not in str(on_card(a_diagnosis()))
