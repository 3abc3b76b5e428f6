"""What counts as a change of a pipeline's configuration, and which changes may explain a failure."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.configuration import (
    KEPT_FOR,
    LOOKED_AGAIN,
    MOST_CHANGES,
    Configuration,
    ConfigurationChange,
    ConfigurationRead,
    ConfigurationRow,
    Part,
    PartChange,
    PartFate,
    changed_parts,
    changes_before,
    compared,
    compared_since,
)
from tests.builders import at

TRADES, SWAPS = "transform:trades", "transform:swaps"
KNOWN = {"topic": "a", "transform": "", TRADES: "b"}


def shown(hashes: dict[str, str], updated_at: datetime | None = None) -> Configuration:
    return Configuration(hashes=hashes, shows_transforms=Part.TRANSFORM in hashes, updated_at=updated_at)


def words(parts: tuple[PartChange, ...]) -> list[str]:
    return [f"{part.part} {part.table} {part.fate}".replace("  ", " ") for part in parts]


@pytest.mark.parametrize(
    ("hashes", "expected"),
    [
        (KNOWN, []),
        ({**KNOWN, "topic": "x"}, ["topic edited"]),
        ({**KNOWN, TRADES: "x"}, ["transform trades edited"]),
        ({**KNOWN, SWAPS: "c"}, ["transform swaps added"]),
        ({"topic": "a", "transform": ""}, ["transform trades removed"]),
        ({"topic": "a", "transform": "", SWAPS: "b"}, ["transform swaps added", "transform trades removed"]),
        ({"topic": "a"}, []),  # this answer says nothing about transforms
        ({**KNOWN, "destination": "d"}, []),  # the earlier answer said nothing about the destination
        ({"transform": "", TRADES: "x"}, ["transform trades edited"]),
    ],
)
def test_parts_that_both_answers_show_are_compared(hashes: dict[str, str], expected: list[str]) -> None:
    assert words(changed_parts(KNOWN, shown(hashes))) == expected


def test_transforms_that_were_unknown_are_not_new() -> None:
    assert changed_parts({"topic": "a"}, shown(KNOWN)) == ()


def test_the_first_answer_is_no_change() -> None:
    assert compared(None, shown(KNOWN), at(0)) == ConfigurationRow(looked_at=at(0), hashes=KNOWN, known_since=at(0))


def test_an_older_answer_changes_nothing() -> None:
    row = compared(None, shown(KNOWN), at(60))
    assert compared(row, shown({"topic": "x"}), at(60)) is row
    assert compared(row, shown({"topic": "x"}), at(0)) is row


def test_an_unchanged_row_is_written_once_an_hour() -> None:
    row = compared(None, shown(KNOWN), at(0))
    assert compared(row, shown(KNOWN), at(0) + LOOKED_AGAIN - timedelta(seconds=1)) is row
    assert compared(row, shown(KNOWN), at(0) + LOOKED_AGAIN).looked_at == at(0) + LOOKED_AGAIN


def test_goldrush_names_the_moment_if_it_lies_between_two_answers() -> None:
    row = compared(None, shown(KNOWN), at(0))
    exact = compared(row, shown({"topic": "x"}, at(240)), at(300)).changes[-1]
    assert (exact.at, exact.after, exact.exact) == (at(240), at(0), True)
    for other in (None, at(-1), at(0), at(300) + timedelta(hours=1)):
        vague = compared(row, shown({"topic": "x"}, other), at(300)).changes[-1]
        assert (vague.at, vague.after, vague.exact) == (at(300), at(0), False)


def test_a_clock_that_is_ahead_puts_no_change_into_the_future() -> None:
    row = compared(None, shown(KNOWN), at(0))
    change = compared(row, shown({"topic": "x"}, at(330)), at(300)).changes[-1]
    assert (change.at, change.exact) == (at(300), True)


def test_an_answer_that_leaves_a_part_out_does_not_forget_it() -> None:
    row = compared(None, shown(KNOWN), at(0))
    row = compared(row, shown({"topic": "x"}), at(60))
    assert words(compared(row, shown({**KNOWN, "topic": "x", TRADES: "y"}), at(120)).changes[-1].parts) == [
        "transform trades edited"
    ]


def test_old_changes_go() -> None:
    row = compared(None, shown({"topic": "0"}), at(0))
    for number in range(1, 20):
        row = compared(row, shown({"topic": str(number)}), at(number))
    assert len(row.changes) == MOST_CHANGES
    late = at(30) + KEPT_FOR
    assert [change.at for change in compared(row, shown({"topic": "x"}), late).changes] == [late]


HOUR = timedelta(hours=1)


def a_change(after: datetime, moment: datetime, *, exact: bool) -> ConfigurationChange:
    return ConfigurationChange(after=after, at=moment, exact=exact, parts=(PartChange(part=Part.TOPIC),))


@pytest.mark.parametrize(
    ("after", "moment", "exact", "explains"),
    [
        (-2.0, -1.0, True, True),
        (-26.0, -23.0, True, True),
        (-26.0, -25.0, True, False),
        (-1.0, 0.0, True, True),
        (-1.0, 0.5, True, False),  # somebody edited it after the failure
        (-1.0, 0.5, False, True),  # it may have been before
        (0.0, 0.5, False, False),
        (-25.0, -1.0, False, False),  # it may have been earlier
    ],
)
def test_only_a_change_of_the_day_before_may_explain(
    after: float, moment: float, *, exact: bool, explains: bool
) -> None:
    change = a_change(at(0) + after * HOUR, at(0) + moment * HOUR, exact=exact)
    row = ConfigurationRow(looked_at=at(0), hashes={}, changes=(change,))
    assert changes_before(row, at(0)) == ((change,) if explains else ())


def test_a_pipeline_without_a_row_did_not_change() -> None:
    assert changes_before(None, at(0)) == ()


ROW = ConfigurationRow(looked_at=at(60), hashes=KNOWN, known_since=at(0))


@pytest.mark.parametrize(
    ("row", "seen", "since"),
    [
        (ROW, KNOWN, at(0)),
        (ROW, {**KNOWN, "topic": "x"}, at(0)),
        (replace(ROW, known_since=None), KNOWN, at(60)),  # of an earlier version
        (replace(ROW, known_since=at(101)), KNOWN, None),
        (None, KNOWN, None),
        (ROW, {}, None),
        (ROW, {"topic": "a"}, None),  # it hides the transforms
        (replace(ROW, hashes={"topic": "a"}), {"topic": "a"}, at(0)),
    ],
)
def test_only_answers_from_before_and_after_the_failure_compare(
    row: ConfigurationRow | None, seen: dict[str, str], since: datetime | None
) -> None:
    read = ConfigurationRead(asked_at=at(110), configuration=shown(seen))
    assert compared_since(row, read, at(100)) == since
    assert compared_since(row, replace(read, asked_at=at(90)), at(100)) is None


def test_a_renewed_row_keeps_its_begin() -> None:
    row = compared(replace(ROW, known_since=None), shown(KNOWN), at(60) + LOOKED_AGAIN)
    assert (row.looked_at, row.known_since) == (at(60) + LOOKED_AGAIN, at(60))
    assert compared(row, shown({**KNOWN, "topic": "x"}), at(10_000)).known_since == at(60)


HASHES = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from("ab") for name in ("name", "topic", "transform", TRADES, SWAPS)}
).map(lambda hashes: hashes if Part.TRANSFORM in hashes else {k: v for k, v in hashes.items() if ":" not in k})


@given(st.lists(st.tuples(HASHES, st.integers(0, 50))))
def test_the_same_answer_again_is_never_a_change(answers: list[tuple[dict[str, str], int]]) -> None:
    """Whatever came before, in any order: an answer right after itself, or an older one, adds nothing."""
    row: ConfigurationRow | None = None
    for hashes, second in answers:
        newer = row is None or at(second) > row.looked_at
        row = compared(row, shown(hashes), at(second))
        if newer:
            again = compared(row, shown(hashes), at(second) + timedelta(seconds=1))
            assert again.changes == row.changes
        assert compared(row, shown({"name": "other"}), row.looked_at) is row


def test_fates_have_stable_values() -> None:
    """They are part of stored rows."""
    assert [fate.value for fate in PartFate] == ["edited", "added", "removed"]
