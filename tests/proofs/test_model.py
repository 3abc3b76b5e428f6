"""Compares delivery protocols over every interleaving: which lose, repeat or reorder messages. Ours must do none."""

from pathlib import Path

import pytest

from tests.proofs import model

pytestmark = pytest.mark.timeout(1800)  # the model bounds the search, not the time

GOLDEN = Path(__file__).parent / "model.txt"


@pytest.fixture(scope="module")
def table() -> str:
    return model.table()


def test_the_table_of_protocols_is_unchanged(table: str) -> None:
    assert table == GOLDEN.read_text()


def test_ours_never_loses_repeats_or_reorders(table: str) -> None:
    ours = [line for line in table.splitlines() if line.startswith("ours")]
    sound = [line for line in ours if not any(word in line for word in ("not noticed", "without", "stalls"))]
    assert len(sound) == 6
    assert [line.split()[-4:] for line in sound] == [["no"] * 4] * 6
    (stalls,) = (line for line in ours if "stalls" in line and "without" not in line)
    assert stalls.split()[-4:] == ["no", "yes", "no", "no"]  # it repeats, then deletes the duplicate
