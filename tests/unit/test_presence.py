"""Whether a reader can get reads, from what the active scheduler announced."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.presence import ABSENT_SECONDS, Announced, ReadingSource, reader_obstacle
from tests.builders import at

OWN = ReadingSource(url="https://api.example.com/", fingerprint="1-abc", shared=False)
SHARED = replace(OWN, shared=True)
NOW = at(100)


@pytest.mark.parametrize(
    ("source", "age", "words"),
    [
        (SHARED, 0, None),
        (SHARED, ABSENT_SECONDS, None),
        (SHARED, ABSENT_SECONDS + 1, "no scheduler of the workspace T1 has run for 21 s"),
        (None, 0, "no scheduler of the workspace T1 has used this Redis: is PIPELINE_BOT_TEAM its id"),
        (OWN, 0, "the active scheduler reads by itself"),
        (
            replace(SHARED, url="https://other.example.com/", fingerprint="1-def"),
            0,
            "GOLDRUSH_API_URL is https://api.example.com/ here and https://other.example.com/ at the active scheduler",
        ),
        (replace(SHARED, fingerprint="1-def"), 0, "GOLDRUSH_SERVICE_KEY, or the bot's version, is not that"),
    ],
)
def test_a_reader_knows_what_keeps_reads_from_it(source: ReadingSource | None, age: float, words: str | None) -> None:
    announced = Announced(seen={}, source=source, source_at=NOW - timedelta(seconds=age) if source else None)
    obstacle = reader_obstacle(OWN, announced, "T1", NOW)
    assert (obstacle or "").startswith(words or "")
    assert (obstacle is None) is (words is None)
