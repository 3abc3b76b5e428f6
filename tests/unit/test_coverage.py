"""Which pipelines patterns cover, kept up to date over changes: always the same as matched from scratch."""

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.catalogue import Pipeline, comparable, matches
from bot.domain.coverage import Coverage
from bot.domain.name_index import NameIndex
from bot.domain.observation import PipelineId

WORDS = st.sampled_from(["orders", "orders-eu", "Orders-US", "fills", "a", ""])
PIPELINES = st.builds(
    Pipeline, id=st.sampled_from([PipelineId(f"pipe_{n}") for n in range(5)]), name=WORDS, project=WORDS
)
PATTERNS = st.sampled_from(
    ["*", "orders*", "ORDERS-*", "*-eu", "*d*-*", "pipe_*", "project:orders", "project:*", "project:o*s", "nosuch-*"]
)
CHANGES = st.one_of(
    st.tuples(st.just("add"), PATTERNS),
    st.tuples(st.just("remove"), PATTERNS),
    st.tuples(st.just("put"), PIPELINES),
    st.tuples(st.just("drop"), PIPELINES),
)


@given(st.lists(CHANGES, min_size=1, max_size=20), PIPELINES, PATTERNS)
def test_coverage_equals_matching_everything(
    changes: list[tuple[str, str | Pipeline]], stranger: Pipeline, unwatched: str
) -> None:
    catalogue = NameIndex()
    coverage = Coverage(catalogue.matching)
    for name, subject in changes:
        if isinstance(subject, str):
            pattern = comparable(subject)
            if name == "add":
                coverage.add(pattern)
            elif pattern in set(coverage):
                coverage.remove(pattern)
        else:
            before = catalogue.get(subject.id)
            (catalogue.put if name == "put" else lambda pipeline: catalogue.remove(pipeline.id))(subject)
            coverage.replace(before, catalogue.get(subject.id))
        for pattern in [*coverage, unwatched]:
            assert coverage.ids(pattern) == {it.id for it in catalogue.values() if matches(pattern, it)}
        assert coverage.ids_of_any(coverage) == {
            it.id for it in catalogue.values() if any(matches(pattern, it) for pattern in coverage)
        }
        for pipeline in [*catalogue.values(), stranger]:
            assert coverage.covering(pipeline) == {pattern for pattern in coverage if matches(pattern, pipeline)}
