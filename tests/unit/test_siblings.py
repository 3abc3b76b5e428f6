"""The pipelines that are read next after one has failed."""

from dataclasses import replace

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.monitoring.siblings import QUIET_SECONDS, Siblings
from tests.builders import a_pipeline


def pipeline(name: str, *, project: str = "", destination: str = "") -> Pipeline:
    return replace(a_pipeline(name, pipeline_id=PipelineId(name), project=project), destination=destination)


ONE = pipeline("one", project="shop", destination="warehouse")
TWO = pipeline("two", project="money", destination="warehouse")
THREE = pipeline("three", project="shop")
ALONE = pipeline("alone")


def complete(*pipelines: Pipeline) -> Siblings:
    siblings = Siblings(pipelines)
    while not siblings.are_complete:
        siblings.add_some(2)
    return siblings


def test_pipelines_of_one_destination_or_project_are_siblings_the_destination_first() -> None:
    siblings = complete(THREE, ONE, TWO, ALONE)
    assert siblings.of_failed(ONE, 0.0) == ["two", "three"]
    assert siblings.of_failed(ALONE, 0.0) == []
    assert siblings.of_failed(pipeline("new", project="shop"), QUIET_SECONDS) == ["three", "one"]


def test_a_second_failure_brings_a_group_forward_only_after_a_while() -> None:
    siblings = complete(ONE, TWO, THREE)
    assert siblings.of_failed(ONE, 100.0)
    assert siblings.of_failed(TWO, 100.0 + QUIET_SECONDS - 1) == []
    assert siblings.of_failed(TWO, 100.0 + QUIET_SECONDS) == ["one"]


def test_the_index_takes_some_pipelines_at_a_time() -> None:
    siblings = Siblings([ONE, TWO, THREE])
    siblings.add_some(2)
    assert not siblings.are_complete
    assert siblings.of_failed(ONE, 0.0) == ["two"]
    siblings.add_some(2)
    assert siblings.are_complete
    assert Siblings().are_complete
