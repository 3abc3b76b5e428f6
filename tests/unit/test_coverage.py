"""What patterns take in and who watches a pipeline, reused over changes: always the same as matched from scratch."""

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.catalogue import Pipeline
from bot.domain.coverage import Coverage, Watchers
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId, Watch, audiences, grouped
from tests.builders import a_watch, watched_ids

WORDS = st.sampled_from(["orders", "orders-eu", "Orders-US", "fills", "a", ""])
PIPELINES = st.builds(
    Pipeline, id=st.sampled_from([PipelineId(f"pipe_{n}") for n in range(5)]), name=WORDS, project=WORDS
)
CATALOGUES = st.lists(PIPELINES, unique_by=lambda pipeline: pipeline.id, max_size=5)
REFERENCES = st.sampled_from(
    [
        "*",
        "orders*",
        "ORDERS-*",
        "*-eu",
        "*d*-*",
        "pipe_*",
        "project:orders",
        "project:*",
        "pipe_1",
        "pipe_2",
        "nosuch-*",
    ]
)
WATCHES = st.lists(
    st.builds(a_watch, REFERENCES, channel=st.sampled_from([ChannelId("C1"), ChannelId("C2")])), max_size=8
)


@given(st.lists(st.tuples(CATALOGUES, WATCHES), min_size=1, max_size=5), PIPELINES)
def test_coverage_equals_matching_everything(
    changes: list[tuple[list[Pipeline], list[Watch]]], stranger: Pipeline
) -> None:
    coverage = Coverage()
    for catalogue, watches in changes:
        coverage, watchers = coverage.updated(catalogue), Watchers(watches)
        assert watchers.ids(coverage) == watched_ids(catalogue, watches)
        for pipeline in [*catalogue, stranger]:
            assert grouped(watchers.watches_of(pipeline, coverage)) == audiences(pipeline, watches)


def test_a_catalogue_that_patterns_see_unchanged_is_not_matched_again() -> None:
    catalogue = [Pipeline(id=PipelineId("pipe_1"), name="orders-eu", project="shop")]
    coverage = Coverage(catalogue)
    assert coverage.ids("orders-*") == {"pipe_1"}
    again = [Pipeline(id=PipelineId("pipe_1"), name="orders-eu", project="shop", bounded=True)]
    assert coverage.updated(again) is coverage


def test_a_changed_pipeline_recomputes_only_itself() -> None:
    names = ("orders-eu", "orders-us", "fills")
    catalogue = [Pipeline(id=PipelineId(f"pipe_{n}"), name=name) for n, name in enumerate(names)]
    coverage = Coverage(catalogue)
    assert coverage.ids("orders-*") == {"pipe_0", "pipe_1"}
    renamed = [*catalogue[1:], Pipeline(id=PipelineId("pipe_0"), name="old-orders")]
    later = coverage.updated(renamed)
    assert later.ids("orders-*") == {"pipe_1"}
    assert later.ids("old-*") == {"pipe_0"}
    assert coverage.ids("orders-*") == {"pipe_0", "pipe_1"}
