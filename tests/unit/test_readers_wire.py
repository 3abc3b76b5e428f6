"""Batches and results on their way through Redis."""

from datetime import UTC, datetime

import pytest

from bot.domain.observation import PipelineId, ReadSequence
from bot.domain.phase import Phase
from bot.ports.pipeline_api import (
    ApiError,
    Forbidden,
    Malformed,
    NotFound,
    Status,
    StrayNotFound,
    Throttled,
    Unauthorized,
    Unavailable,
)
from bot.ports.reads import ReadRequest, ReadResult, Unread
from bot.readers.wire import Batch, decode_results, encode_results, read_result, result_entry, source_of

AT = datetime(2026, 11, 30, 5, 0, 0, 123456, tzinfo=UTC)
REQUESTS = [
    ReadRequest(pipeline_id=PipelineId(f"pipe_{number}"), sequence=ReadSequence(7, 100 + number)) for number in range(3)
]


def returned(outcome: Status | ApiError) -> ReadResult:
    """The result of the second request, after its way through Redis."""
    entry = result_entry(1, ReadResult(request=REQUESTS[0], outcome=outcome, at=AT))
    number, entries = decode_results(encode_results(42, [entry]).encode())
    assert number == 42
    index, result = read_result(entries[0], REQUESTS)
    assert index == 1
    assert isinstance(result, ReadResult)
    return result


def test_a_read_that_began_not_in_time_comes_back_unread() -> None:
    entry = result_entry(1, Unread(request=REQUESTS[0]))
    _, entries = decode_results(encode_results(42, [entry]).encode())
    assert read_result(entries[0], REQUESTS) == (1, Unread(request=REQUESTS[1]))


@pytest.mark.parametrize(
    "status",
    [
        Status(phase=Phase.RUNNING),
        Status(phase=Phase("Reticulating"), replicas=3, ready=0, uid="w-1", start_time=AT),
        Status(phase=Phase("Unavailable"), replicas=1, ready=1),  # the name of an error
        Status(phase=Phase("Unavailable"), replicas=None, ready=None, uid="uid", start_time=AT),
    ],
)
def test_a_status_comes_back_as_it_was_read(status: Status) -> None:
    result = returned(status)
    assert isinstance(result.outcome, Status)
    assert result.outcome == status
    assert result.outcome.phase.value == status.phase.value
    assert (result.request, result.at) == (REQUESTS[1], AT)


@pytest.mark.parametrize("kind", [Unauthorized, Forbidden, NotFound, Throttled, Unavailable, Malformed, StrayNotFound])
@pytest.mark.parametrize("retry_after", [None, 0.0, 30.5])
def test_each_error_comes_back_as_itself(kind: type[ApiError], retry_after: float | None) -> None:
    outcome = returned(kind("It said no.", retry_after, plain="No.")).outcome
    assert type(outcome) is kind
    assert (str(outcome), outcome.retry_after, outcome.plain) == ("It said no.", retry_after, "No.")


def test_an_unknown_kind_of_error_comes_back_as_its_nearest_known_one() -> None:
    class Muddled(StrayNotFound):
        pass

    assert type(returned(Muddled("?")).outcome) is StrayNotFound


def test_a_batch_comes_back_from_the_arguments_of_its_task() -> None:
    batch = Batch(number=3, results="key", until=5.5, begin_by=2.5, spacing=0.25, pipelines=[PipelineId("pipe_1")])
    assert Batch.of(batch.arguments) == batch


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (1, "key", 5.5),
        (1, "key", 5.5, []),
        ("1", "key", 5.5, 2.5, 0.25, []),
        (1, "key", 5.5, 2.5, 0.25, "ids"),
    ],
)
def test_other_arguments_are_no_batch(arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="no batch"):
        Batch.of(arguments)


@pytest.mark.parametrize("text", [b"{}", b"[]", b'["a"]', b"nonsense"])
def test_damaged_results_are_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (json's own, or ours)
        decode_results(text)


@pytest.mark.parametrize(
    "entry", [[], ["0"], [9], [9, 1.5, "RUNNING", 1, 1, None, None], [-1, 1.5, "NotFound", "gone", None]]
)
def test_damaged_entries_are_refused(entry: list[object]) -> None:
    with pytest.raises(ValueError, match=r"no (result|such request)"):
        read_result(entry, REQUESTS)


def test_a_source_names_address_and_key_and_shows_neither() -> None:
    one = source_of("https://api.covalenthq.com/", "cqt_secret")
    assert one != source_of("https://api.covalenthq.com/", "cqt_other")
    assert one != source_of("https://elsewhere.example/", "cqt_secret")
    assert "secret" not in one
    assert "covalent" not in one
