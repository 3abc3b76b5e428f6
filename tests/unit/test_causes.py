"""What an error means, and which errors are the same."""

import re
from collections import defaultdict
from itertools import combinations

import pytest

from bot.domain.causes import CAUSES, UNKNOWN, cause_named, cause_of
from bot.domain.fingerprint import fingerprint
from tests.corpora.errors import KnownError, known_errors, other_errors

ERRORS = list(known_errors())
ALL = [*ERRORS, *other_errors()]


@pytest.mark.parametrize("error", ALL, ids=lambda error: f"{error.family}-{error.cause}")
def test_the_table_names_the_cause(error: KnownError) -> None:
    assert cause_of(error.text).slug == error.cause


def test_the_corpus_has_every_cause() -> None:
    assert {error.cause for error in ALL} == {cause.slug for cause in CAUSES}


def test_the_lines_around_count_if_the_error_itself_says_nothing() -> None:
    assert cause_of("worker stopped", 'pq: duplicate key value violates unique constraint "a"').slug == "constraint"
    assert cause_of("", "") is UNKNOWN


def test_a_cause_of_a_newer_version_is_unknown() -> None:
    assert cause_named("cosmic_rays") is UNKNOWN
    assert all(cause_named(cause.slug) is cause for cause in CAUSES)


def test_fingerprints_join_the_errors_of_a_family_and_no_others() -> None:
    prints = {error: fingerprint(error.text) for error in ERRORS}
    assert len({error.family for error in ERRORS}) == 20
    pairs = list(combinations(ERRORS, 2))
    joined = [(one, other) for one, other in pairs if prints[one] == prints[other]]
    wrongly = [(one.text, other.text) for one, other in joined if one.family != other.family]
    missing = [
        (one.text, other.text) for one, other in pairs if one.family == other.family and prints[one] != prints[other]
    ]
    assert (len(joined), wrongly, missing) == (20 * 10, [], [])


@pytest.mark.parametrize("text", ["", "12345", "0x5f", "2026-11-23T10:11:12Z ERROR", "code 7"])
def test_an_error_without_words_has_no_fingerprint(text: str) -> None:
    assert fingerprint(text) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            'duplicate key value violates unique constraint "swaps_pkey"',
            'duplicate key value violates unique constraint "fills_pkey"',
        ),
        ("webhook answered status 503", "webhook answered status 404"),
        ('column "fee" does not exist', 'column "pool" does not exist'),
    ],
)
def test_errors_that_need_another_fix_have_other_fingerprints(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_each_cause_is_short_and_says_what_to_do() -> None:
    by_slug = defaultdict(list)
    for cause in CAUSES:
        by_slug[cause.slug].append(cause)
        assert cause.words[0].islower() or cause.words.startswith("ClickHouse")
        assert cause.first_step.endswith(".")
        assert len(cause.first_step) <= 120
        assert cause.slug == "unknown" or re.search(r"\b(?:resume|redeploy)\b", cause.first_step, re.IGNORECASE), cause
    assert all(len(causes) == 1 for causes in by_slug.values())
