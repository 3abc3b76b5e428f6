"""An index of names that has changed answers like one that was just built."""

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import name_index
from bot.domain.catalogue import Pipeline, name_words
from bot.domain.name_index import NameIndex
from bot.domain.observation import PipelineId

IDS = [PipelineId(f"pipe_{number}") for number in range(4)]
NAMES = ["orders-eu", "Orders EU", "eu-eu", "orders", ":fire: fills", "fills`eu", "Fills  Übersee"]
PIPELINES = st.builds(Pipeline, id=st.sampled_from(IDS), name=st.sampled_from(NAMES))


def answers(index: NameIndex) -> list[object]:
    words = {part for name in NAMES for part in (name_words(name), *name_words(name).split())}
    return [
        [sorted(index.with_words(text)) for text in sorted(words)],
        [index.with_name(text) for text in ("orders-eu", "orders eu", "pipe_1")],
        [index.with_prefix(text) for text in ("orders", "pipe_")],
        [index.matching(text) for text in ("*", "orders*", "*eu")],
        list(index.in_order),
        index.names,
        index.longest,
    ]


@given(st.lists(PIPELINES | st.sampled_from(IDS), max_size=30))
def test_a_changed_index_answers_like_a_new_one(changes: list[Pipeline | PipelineId]) -> None:
    index = NameIndex()
    for change in changes:
        if isinstance(change, Pipeline):
            index.put(change)
        else:
            index.remove(change)
    assert answers(index) == answers(NameIndex(index.values()))


def test_words_of_removed_pipelines_do_not_pile_up() -> None:
    index = NameIndex([Pipeline(id=IDS[0], name="orders"), Pipeline(id=IDS[1], name="orders")])
    for number in range(3 * name_index.LEFT_OVER):
        index.put(Pipeline(id=IDS[0], name=f"orders-{number % 7}"))
    assert len(index.with_words("orders")) == 2
    assert index.left_over <= name_index.LEFT_OVER + len(index)
