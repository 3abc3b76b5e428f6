"""Which protocols lose and which repeat, over every interleaving: the golden table, and what it must say of ours."""

from pathlib import Path

from tests.proofs import model

GOLDEN = Path(__file__).parent / "model.txt"


def test_the_table_of_protocols_is_as_it_was() -> None:
    assert model.table() == GOLDEN.read_text()


def test_ours_neither_loses_nor_repeats_nor_disorders() -> None:
    ours = [line for line in GOLDEN.read_text().splitlines() if line.startswith("ours")]
    sound = [line for line in ours if "not noticed" not in line and "without" not in line and "stalls" not in line]
    assert len(sound) == 6
    assert all(line.split()[-4:] == ["no"] * 4 for line in sound)
    (stalls,) = (line for line in ours if "stalls" in line)
    assert stalls.split()[-4:] == ["no", "yes", "no", "no"]  # a repeat that is taken away again
