"""Which pipelines somebody means."""

import re
from dataclasses import replace
from fnmatch import translate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.catalogue import Pipeline, comparable, is_pattern, matches
from bot.domain.names import NEAREST, AmbiguousReference, Names, ResolvedReference, UnknownReference, resolve
from bot.domain.observation import PipelineId
from tests.builders import a_pipeline


def named(name: str, identity: str = "", project: str = "shop") -> Pipeline:
    return a_pipeline(name, pipeline_id=PipelineId(identity or f"pipe_{name}"), project=project)


CATALOGUE = [
    named("orders-eu", "pipe_0001"),
    named("Orders-US", "pipe_0002"),
    named("orders", "pipe_0003"),
    named("Base Swaps to Postgres", "pipe_00ab", "defi"),
    named("payments", "pipe_01ff", "Shop Two"),
    named("twin", "pipe_t1"),
    named("Twin", "pipe_t2"),
    named("weird[1]?", "pipe_w1", "[x]"),
    named("🐳 Whale Watch", "pipe_e1", "sea"),
    named("Bob's pipeline", "pipe_b1", "sea"),
    named("\u200fקו\u2060 ראשי", "pipe_r1", "b\u00a0c"),
    named("Cafe\u0301  noir", "pipe_c1", "b\u00a0c"),
]


def ids(pipelines: tuple[Pipeline, ...]) -> list[str]:
    return [pipeline.id for pipeline in pipelines]


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("orders-eu", ["pipe_0001"]),
        ("ORDERS-EU", ["pipe_0001"]),
        ("orders", ["pipe_0003"]),  # exactly that comes before what begins so
        ("orders-u", ["pipe_0002"]),
        ("base swaps", ["pipe_00ab"]),
        ("swaps", ["pipe_00ab"]),  # a word that only one name has
        ("Swaps to", ["pipe_00ab"]),
        ("eu", ["pipe_0001"]),
        ("orders us", ["pipe_0002"]),
        ("whale", ["pipe_e1"]),
        ("Whale Watch", ["pipe_e1"]),
        (":whale: Whale Watch", ["pipe_e1"]),
        (":whale:", ["pipe_e1"]),
        ("🐳", ["pipe_e1"]),
        ("Bob’s pipeline", ["pipe_b1"]),
        ("bob's PIPELINE", ["pipe_b1"]),
        ("bob's", ["pipe_b1"]),
        ("orders–eu", ["pipe_0001"]),  # a phone makes a dash of it
        ("pipe_01ff", ["pipe_01ff"]),
        ("PIPE_01FF", ["pipe_01ff"]),
        ("pipe_01", ["pipe_01ff"]),
        ("weird[1]?", ["pipe_w1"]),
        ("orders-*", ["pipe_0001", "pipe_0002"]),
        ("ORDERS*", ["pipe_0003", "pipe_0001", "pipe_0002"]),
        ("*swaps*", ["pipe_00ab"]),
        ("pipe_00*", ["pipe_00ab", "pipe_0003", "pipe_0001", "pipe_0002"]),
        ("project:defi", ["pipe_00ab"]),
        ("PROJECT:Shop Two", ["pipe_01ff"]),
        ("project:shop*", ["pipe_0003", "pipe_0001", "pipe_0002", "pipe_01ff", "pipe_t1", "pipe_t2"]),
        ("project:[x]", ["pipe_w1"]),
        ("weird[1]*", ["pipe_w1"]),
        ("*]?", ["pipe_w1"]),
        ("zzz*", []),
        ("project:zzz", []),
        ("project:", []),
        ("קו ראשי", ["pipe_r1"]),
        ("\u2068קו\u00a0ראשי\u2069", ["pipe_r1"]),
        ("קו רא*", ["pipe_r1"]),
        ("orders\u2060-\u200beu\ufeff", ["pipe_0001"]),
        ("café noir", ["pipe_c1"]),
        ("pipe_\u206000ab", ["pipe_00ab"]),
        ("project:b c", ["pipe_c1", "pipe_r1"]),
    ],
)
def test_resolve_finds_pipelines(reference: str, found: list[str]) -> None:
    resolution = resolve(reference, CATALOGUE)
    assert isinstance(resolution, ResolvedReference)
    assert ids(resolution.pipelines) == found


@pytest.mark.parametrize(
    ("reference", "candidates"),
    [
        ("twin", ["pipe_t1", "pipe_t2"]),
        ("order", ["pipe_0003", "pipe_0001", "pipe_0002"]),
        ("orders-", ["pipe_0001", "pipe_0002"]),
        ("pipe_000", ["pipe_0003", "pipe_0001", "pipe_0002"]),
    ],
)
def test_resolve_reports_ambiguous_references(reference: str, candidates: list[str]) -> None:
    resolution = resolve(reference, CATALOGUE)
    assert isinstance(resolution, AmbiguousReference)
    assert (resolution.reference, ids(resolution.candidates)) == (reference, candidates)


@pytest.mark.parametrize(
    ("reference", "nearest"),
    [
        ("ordrs-eu", "pipe_0001"),
        ("PAYMENT-S", "pipe_01ff"),
        ("swap", "pipe_00ab"),
    ],
)
def test_an_unknown_reference_has_nearest_names(reference: str, nearest: str) -> None:
    resolution = resolve(reference, CATALOGUE)
    assert isinstance(resolution, UnknownReference)
    assert resolution.reference == reference
    assert nearest in ids(resolution.nearest)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("Orders-EU", "orders-eu"),
        ("\u2068\u2060a\u2060_\u200bb\u200c\u200d\u2069\ufeff\u200e\u00ad", "a_b"),
        ("a \u00a0\t\u202fb", "a b"),
        ("e\u0301", "é"),
        (" a ", " a "),  # what goes before a * may end in a blank
        ("", ""),
    ],
)
def test_names_that_look_the_same_are_the_same(text: str, shape: str) -> None:
    assert comparable(text) == shape


def test_an_unknown_reference_unlike_any_name_has_no_nearest() -> None:
    assert resolve("xyzzy", CATALOGUE) == UnknownReference("xyzzy", ())
    assert resolve("orders", []) == UnknownReference("orders", ())


@pytest.mark.parametrize(
    ("reference", "grows"),
    [
        ("orders-*", True),
        ("*", True),
        ("project:shop", True),
        ("Project:shop", True),
        ("orders-eu", False),
        ("pipe_0001", False),
        ("my project:shop", False),
        ("a[b]?", False),
    ],
)
def test_wildcards_and_projects_are_patterns(reference: str, grows: bool) -> None:
    assert is_pattern(reference) is grows


@pytest.mark.parametrize(
    ("reference", "taken_in"),
    [
        ("pipe_0001", True),
        ("PIPE_0001", False),  # a stored reference is the id as the API writes it
        ("orders-eu", False),  # and no name: that may pass to another pipeline
        ("orders-*", True),
        ("*-EU", True),
        ("pipe_*", True),
        ("project:shop", True),
        ("project:sho", False),
        ("project:*", True),
        ("*", True),
    ],
)
def test_a_stored_reference_covers_its_pipelines(reference: str, taken_in: bool) -> None:
    assert matches(reference, CATALOGUE[0]) is taken_in


names = st.text(st.sampled_from("abAB01-_ []?é*\u2060\u00a0"), min_size=1, max_size=8)
catalogues = st.lists(
    st.builds(named, names, st.text(st.sampled_from("0123abc"), min_size=1, max_size=6).map("pipe_".__add__), names),
    max_size=12,
    unique_by=lambda pipeline: pipeline.id.lower(),
)


@given(catalogues, st.one_of(names, st.text(max_size=20)))
def test_any_reference_is_found_or_ambiguous_or_unknown(catalogue: list[Pipeline], reference: str) -> None:
    match resolve(reference, catalogue):
        case ResolvedReference(pipelines):
            assert is_pattern(reference) or len(pipelines) == 1
        case AmbiguousReference(_, candidates):
            assert len(candidates) > 1
            assert set(candidates) <= set(catalogue)
        case UnknownReference(_, nearest):
            assert len(nearest) <= NEAREST
            assert not any(comparable(pipeline.name) == comparable(reference) for pipeline in catalogue)


@given(catalogues)
def test_an_id_always_means_its_pipeline_unless_another_is_called_so(catalogue: list[Pipeline]) -> None:
    for pipeline in catalogue:
        resolution = resolve(pipeline.id, catalogue)
        if not any(comparable(other.name) == comparable(pipeline.id) for other in catalogue if other != pipeline):
            assert resolution == ResolvedReference((pipeline,))


@given(catalogues, names)
def test_a_pattern_covers_the_pipelines_that_it_finds(catalogue: list[Pipeline], reference: str) -> None:
    resolution = resolve(f"{reference}*", catalogue)
    assert isinstance(resolution, ResolvedReference)
    for pipeline in catalogue:
        assert (pipeline in resolution.pipelines) == matches(f"{reference}*", pipeline)
        begins = [comparable(text).startswith(comparable(reference)) for text in (pipeline.name, pipeline.id)]
        if "*" not in reference:
            assert (pipeline in resolution.pipelines) == any(begins)


def test_a_pipeline_without_a_project_is_in_none() -> None:
    homeless = replace(CATALOGUE[0], project="")
    assert not matches("project:shop", homeless)
    assert matches("project:*", homeless)


@given(st.text(st.sampled_from("ab*"), max_size=12), st.text(st.sampled_from("ab"), max_size=12))
def test_a_pattern_matches_like_the_shell(pattern: str, name: str) -> None:
    assert matches(f"{pattern}*", named(name or "c")) is bool(re.match(translate(f"{pattern}*"), name or "c"))


def test_nearest_names_are_found_among_many_and_among_very_long_ones() -> None:
    many = [*(named(f"payments-{number:05}" * 5) for number in range(2000)), named("orders-eu")]
    resolution = resolve("ordrs-eu", Names(many))
    assert isinstance(resolution, UnknownReference)
    assert resolution.nearest[0].name == "orders-eu"


def test_resolve_skips_nearest_names_without_suggest() -> None:
    assert resolve("ordrs-eu", CATALOGUE, suggest=False) == UnknownReference("ordrs-eu", ())


def test_a_word_that_several_names_have_may_mean_each_of_them() -> None:
    resolution = resolve("watch", [named("🐳 Whale Watch", "pipe_1"), named("the bird watch", "pipe_2"), named("x")])
    assert isinstance(resolution, AmbiguousReference)
    assert ids(resolution.candidates) == ["pipe_2", "pipe_1"]


def test_whole_names_match_before_parts_of_names() -> None:
    assert resolve(
        "sale feed", [named("⚡ sale-feed", "pipe_1"), named("big sale feed", "pipe_2")]
    ) == ResolvedReference((named("⚡ sale-feed", "pipe_1"),))


def test_a_former_name_matches_unless_another_pipeline_has_it() -> None:
    renamed, other = named("invoices", "pipe_1"), named("bills", "pipe_2")
    former = {renamed.id: "bills old"}
    assert resolve("Bills Old", Names([renamed, other], former)) == ResolvedReference((renamed,))
    assert resolve("bills", Names([renamed, other], {renamed.id: "bills"})) == ResolvedReference((other,))
