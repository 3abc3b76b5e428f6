"""GoldRush's answers as plain bytes: every row of what may come, and that nothing but an `ApiError` is ever raised."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.domain.catalogue import AccountLimit, BlockRange, Pipeline
from bot.domain.observation import PipelineId
from bot.domain.phase import Intent, Phase
from bot.goldrush import wire
from bot.goldrush.refusal import redacted, retry_after_seconds
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

T = TypeVar("T")

NOW = {"Date": "Fri, 01 May 2026 10:00:00 GMT"}
KEY = SecretStr("made-up-service-key")
ID = PipelineId("pipe_3e8678c5fc9e48a7bf9879ca729")
OPENAPI = Path(__file__).parents[3] / "shared" / "goldrush" / "openapi.yaml"


def envelope(data: object, **changes: object) -> bytes:
    return json.dumps({"data": data, "error": False, "error_message": None, "error_code": None} | changes).encode()


def complaint(message: object, code: object = None) -> bytes:
    return envelope(None, error=True, error_message=message, error_code=code)


def decode_status(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Status:
    return wire.decode_status(status, headers or {}, body, service_key=KEY)


def decode_pipeline(body: bytes, status: int = 200) -> Pipeline:
    return wire.decode_pipeline(status, {}, body, pipeline_id=ID, service_key=KEY)


def decode_page(body: bytes, status: int = 200) -> tuple[tuple[Pipeline, ...], bool]:
    page = wire.decode_page(status, {}, body, service_key=KEY)
    return page.pipelines, page.more


def status_of(**fields: object) -> Status:
    return decode_status(envelope({"status": "RUNNING"} | fields))


def item_of(**fields: object) -> Pipeline:
    (pipeline,), _ = decode_page(envelope({"items": [{"id": ID} | fields]}))
    return pipeline


class TestPaths:
    def test_every_path_ends_in_a_slash(self) -> None:
        assert wire.page_path(3) == "/platform/pipeline-api/?page_number=3&page_size=50"
        assert wire.pipeline_path(ID) == f"/platform/pipeline-api/{ID}/"
        assert wire.status_path(ID) == f"/platform/pipeline-api/{ID}/status/"

    def test_an_id_from_outside_cannot_change_the_path(self) -> None:
        assert wire.status_path(PipelineId("../x?y")) == "/platform/pipeline-api/..%2Fx%3Fy/status/"

    @given(st.text(st.characters()))  # lone surrogates too
    def test_any_id_is_one_segment_or_none(self, text: str) -> None:
        try:
            path = wire.status_path(PipelineId(text))
        except NotFound:
            return
        segment = re.fullmatch(r"/platform/pipeline-api/([^/?#\s]+)/status/", path)
        assert segment is not None
        assert segment[1] not in {".", ".."}

    @pytest.mark.parametrize("text", ["", ".", "..", "x" * 100_000])
    def test_an_impossible_pipeline_id_is_not_requested(self, text: str) -> None:
        with pytest.raises(NotFound):
            wire.pipeline_path(PipelineId(text))


class TestStatus:
    def test_all_fields(self) -> None:
        fields = {"replicas": 3, "ready": 2, "uid": "covalent-postgres-pipe-fa28", "start_time": "2026-05-01T09:30:00Z"}
        assert status_of(**fields) == Status(
            phase=Phase.RUNNING,
            replicas=3,
            ready=2,
            uid="covalent-postgres-pipe-fa28",
            start_time=datetime(2026, 5, 1, 9, 30, tzinfo=UTC),
        )

    def test_all_but_the_phase_may_be_absent(self) -> None:
        assert decode_status(b'{"data": {"status": "FAILED"}}') == Status(phase=Phase.FAILED)

    @pytest.mark.parametrize("name", ["HIBERNATING", "Suspended by admin", "名前"])
    def test_an_unknown_phase_is_kept_as_it_came(self, name: str) -> None:
        phase = status_of(status=name).phase
        assert phase.value == name
        assert not phase.known

    @pytest.mark.parametrize("name", ["failed", "Failed", " FAILED\n"])
    def test_case_and_blanks_around_a_phase_do_not_matter(self, name: str) -> None:
        assert status_of(status=name).phase is Phase.FAILED

    @pytest.mark.parametrize("value", [None, "", "  ", "\x00", 3, True, ["FAILED"], {"phase": "FAILED"}])
    def test_no_phase_is_no_answer(self, value: object) -> None:
        with pytest.raises(Malformed, match="names no phase"):
            status_of(status=value)

    @pytest.mark.parametrize("value", [None, True, False, 1.0, 1.5, 1e400, -1, 10**30, "2", [], {}])
    def test_an_invalid_count_is_unreported(self, value: object) -> None:
        if value == float("inf"):
            body = b'{"data": {"status": "RUNNING", "replicas": 1e400, "ready": -1e400}}'
            status = decode_status(body)
        else:
            status = status_of(replicas=value, ready=value)
        assert (status.replicas, status.ready) == (None, None)

    def test_zero_is_a_count(self) -> None:
        assert status_of(ready=0).ready == 0

    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("2023-11-07T05:31:56Z", datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC)),
            ("2023-11-07T05:31:56.123456789Z", datetime(2023, 11, 7, 5, 31, 56, 123456, tzinfo=UTC)),
            ("2023-11-07T05:31:56+02:00", datetime(2023, 11, 7, 3, 31, 56, tzinfo=UTC)),
            ("2023-11-07 05:31:56", datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC)),
            ("2023-11-07", datetime(2023, 11, 7, tzinfo=UTC)),
            ("0001-01-01T00:00:00Z", None),
            ("1970-01-01T00:00:00Z", None),
            ("0001-01-01T00:00:00+12:00", None),
            ("9999-12-31T23:59:59-12:00", None),
            ("yesterday", None),
            ("2023-13-07T05:31:56Z", None),
            ("", None),
            (1699335116, None),
            (None, None),
        ],
    )
    def test_start_time_is_read_leniently_and_is_utc(self, text: object, moment: datetime | None) -> None:
        read = status_of(start_time=text).start_time
        assert read == moment
        assert read is None or read.tzinfo is UTC

    @pytest.mark.parametrize("uid", [None, "", 5, ["x"]])
    def test_an_invalid_uid_is_none(self, uid: object) -> None:
        assert status_of(uid=uid).uid is None


class TestEnvelope:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"   ",
            b"<!doctype html><title>Sign in</title>",
            b"null",
            b"[]",
            b'"RUNNING"',
            b'{"data": {"status": "RUNNING"}',
            b'{"data": {"status": "RUNNING"}} trailing',
            b'\xef\xbb\xbf{"data": {"status": "RUNNING"}}',
            b'{"data": {"status": "RUNNING", "uid": "\xff\xfe"}}',
            '{"data": {"status": "RUNNING"}}'.encode("utf-16"),
            b'{"data": {"status": "RUNNING", "ready": NaN}}',
            b'{"data": {"status": "RUNNING", "ready": -Infinity}}',
            b'{"data": {"status": "RUNNING", "status": "FAILED"}}',
            b'{"data": {"status": "RUNNING", "ready": 1' + b"0" * 5000 + b"}}",
            b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b'{"data": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        ],
    )
    def test_a_body_that_is_no_json_object_is_malformed(self, body: bytes) -> None:
        for decode in (decode_status, decode_pipeline, decode_page):
            with pytest.raises(Malformed, match="not the JSON object") as caught:
                decode(body)
            assert caught.value.__cause__ is None  # it would carry the body
            assert caught.value.__context__ is None

    @pytest.mark.parametrize("data", [None, [], "RUNNING", 5, True])
    def test_no_data_is_malformed(self, data: object) -> None:
        for decode in (decode_status, decode_pipeline, decode_page):
            with pytest.raises(Malformed, match="holds no data"):
                decode(envelope(data))

    def test_data_left_out_is_malformed(self) -> None:
        with pytest.raises(Malformed, match="holds no data"):
            decode_status(b'{"error": false}')

    @pytest.mark.parametrize(
        ("code", "shown"),
        [
            ("503", "Runtime away. (code 503)"),
            (503, "Runtime away. (code 503)"),
            (None, "Runtime away."),
            ("", "Runtime away."),
            (True, "Runtime away."),
            ([5], "Runtime away."),
        ],
    )
    def test_success_that_calls_itself_an_error_is_none(self, code: object, shown: str) -> None:
        body = envelope({"status": "FAILED"}, error=True, error_message="Runtime away.", error_code=code)
        with pytest.raises(Malformed, match="calls it an error") as caught:
            decode_status(body)
        assert str(caught.value).endswith(f": {shown}.") or str(caught.value).endswith(f": {shown}")

    def test_an_error_without_words(self) -> None:
        with pytest.raises(Malformed, match="calls it an error"):
            decode_status(envelope({"status": "FAILED"}, error=True, error_message=7))

    @pytest.mark.parametrize("value", [None, False, "false", 0, 1])
    def test_only_true_is_an_error(self, value: object) -> None:
        assert decode_status(envelope({"status": "RUNNING"}, error=value)).phase is Phase.RUNNING


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "kind", "says"),
        [
            (401, Unauthorized, "missing, wrong or revoked.*Service Keys > Create Service Key.*GOLDRUSH_SERVICE_KEY"),
            (403, Forbidden, "regular API key.*ServiceKey is needed.*no access to this pipeline"),
            (404, NotFound, "no such pipeline, or it is not visible"),
            (429, Throttled, "too many requests"),
            (402, Unavailable, "credits"),
            (408, Unavailable, "I'll retry"),
            (500, Unavailable, "answered 500"),
            (503, Unavailable, "answered 503"),
            (599, Unavailable, "answered 599"),
            (301, Unavailable, "redirect.*n't follow"),
            (302, Unavailable, "redirect.*n't follow"),
            (304, Unavailable, "redirect.*n't follow"),
            (204, Malformed, "answered 204"),
            (400, Malformed, "answered 400"),
            (422, Malformed, "answered 422"),
            (0, Malformed, "answered 0"),
        ],
    )
    @pytest.mark.parametrize("body", [complaint("No luck.", 17), complaint(None)])
    def test_each_status_has_its_error_and_sentence(
        self, status: int, kind: type[ApiError], says: str, body: bytes
    ) -> None:
        for decode in (decode_status, decode_pipeline, decode_page):
            with pytest.raises(kind, match=says) as caught:
                decode(body, status)
            assert type(caught.value) is kind
            assert not re.search(r"GOLDRUSH_|Service ?Key|documentation|No luck", caught.value.plain)
            assert ("No luck. (code 17)" in str(caught.value)) is (b"No luck" in body and not 300 <= status < 400)

    @pytest.mark.parametrize("code", ["401", 401])
    def test_a_code_that_repeats_the_status_is_left_out(self, code: object) -> None:
        with pytest.raises(Unauthorized, match=r"GoldRush says: No valid API key was provided\.$"):
            decode_status(complaint("No valid API key was provided.", code), 401)

    STRAYS = (
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b"<h1>Not Found</h1>",
        b"404: Not Found",
        b'{"message":"no Route matched with those values"}',
        b'{"error": "not found"}',
        b'{"error": true}',
        b'{"error": "true", "error_message": "x", "error_code": "404"}',
        b'{"error": 1, "error_message": "x", "error_code": "404"}',
        b'{"error": false, "error_message": null, "error_code": null, "data": null}',
        b'\xef\xbb\xbf{"error": true, "error_message": "x"}',
    )

    @pytest.mark.parametrize("body", STRAYS)
    def test_a_404_in_another_form_never_says_that_a_pipeline_is_gone(self, body: bytes) -> None:
        for decode in (decode_status, decode_pipeline, decode_page):
            with pytest.raises(StrayNotFound, match="GOLDRUSH_API_URL"):
                decode(body, 404)

    @pytest.mark.parametrize("body", STRAYS)
    @pytest.mark.parametrize("status", [401, 403])
    def test_a_refusal_in_another_form_rejects_no_key(self, body: bytes, status: int) -> None:
        for decode in (decode_status, decode_pipeline, decode_page):
            with pytest.raises(Unavailable, match=f"answered {status}|was {status}.*gateway or proxy"):
                decode(body, status)

    def test_the_envelope_of_the_shared_error_page_has_no_data(self) -> None:
        with pytest.raises(NotFound):
            decode_status(b'{"error": true, "error_message": "Pipeline not found.", "error_code": "404"}', 404)

    @pytest.mark.parametrize("status", [429, 502])
    def test_a_refusal_needs_no_valid_body(self, status: int) -> None:
        with pytest.raises((Throttled, Unavailable)):
            decode_status(b"<h1>Bad Gateway</h1>", status)

    def test_a_503_carries_its_retry_after_too(self) -> None:
        with pytest.raises(Unavailable) as caught:
            decode_status(b"<h1>Maintenance</h1>", 503, {"Retry-After": "120"})
        assert caught.value.retry_after == 120.0

    def test_retry_after_travels_with_the_error(self) -> None:
        with pytest.raises(Throttled) as caught:
            decode_status(b"", 429, {"RETRY-AFTER": "7"})
        assert caught.value.retry_after == 7.0


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("7", 7.0),
            (" 7 ", 7.0),
            ("1.5", 1.5),
            ("0", 0.0),
            ("-3", 0.0),
            ("86400", 3600.0),
            ("9" * 6000, 3600.0),
            ("Fri, 01 May 2026 10:00:30 GMT", 30.0),
            ("Fri, 01 May 2026 12:00:30 +0200", 30.0),
            ("Fri, 01 May 2026 10:00:30 -0000", 30.0),
            ("Fri, 01 May 2026 09:00:00 GMT", 0.0),
            ("Fri, 01 May 2099 09:00:00 GMT", 3600.0),
            ("", None),
            ("soon", None),
            ("nan", None),
            ("inf", None),
            ("1e3", None),
            ("٧", None),
            ("Fri, 01 May 99999999999999999999 10:00:30 GMT", None),
        ],
    )
    def test_seconds_or_a_date(self, value: str, seconds: float | None) -> None:
        assert retry_after_seconds(NOW | {"Retry-After": value}) == seconds

    def test_absent(self) -> None:
        assert retry_after_seconds(NOW | {"Content-Type": "text/html"}) is None

    @pytest.mark.parametrize("headers", [{}, {"date": "today"}])
    def test_a_date_means_nothing_without_the_clock_that_wrote_it(self, headers: dict[str, str]) -> None:
        assert retry_after_seconds(headers | {"retry-after": "Fri, 01 May 2026 10:00:30 GMT"}) is None
        assert retry_after_seconds(headers | {"retry-after": "30"}) == 30.0

    @given(st.text(), st.text())
    def test_a_body_is_bounded_under_any_headers(self, value: str, date: str) -> None:
        seconds = retry_after_seconds({"retry-after": value, "date": date})
        assert seconds is None or 0.0 <= seconds <= 3600.0


class TestRedaction:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("Bearer abc.def is not valid", "Bearer [redacted] is not valid"),
            ("authorization: basic dXNlcjpwYXNz", "authorization: basic [redacted]"),
            ("sink postgres://writer:hunter2@db.example.com/a", "sink postgres://[redacted]@db.example.com/a"),
            ("postgres://u:p/w@rd@db/x failed", "postgres://[redacted]@db/x failed"),
            ("GET /x?token=abc&page=2", "GET /x?token=[redacted]&page=2"),
            ('{"password": "hunter2", "user": 1}', '{"password": "[redacted]", "user": 1}'),
            ("api_key=abc", "api_key=[redacted]"),
            ("jwt eyJhbGciOi.eyJzdWIi.c2ln end", "jwt [redacted] end"),
            ("digest d41d8cd98f00b204e9800998ecf8427e end", "digest [redacted] end"),
            ("key AKIAIOSFODNN7EXAMPLE end", "key [redacted] end"),
            ("key made-up-service-key!", "key [redacted]!"),
            (f"Pipeline {ID} not found", f"Pipeline {ID} not found"),
            ("No valid API key was provided.", "No valid API key was provided."),
            ("two\n  lines\t here", "two lines here"),
        ],
    )
    def test_a_secret_in_a_complaint_is_hidden(self, text: str, shown: str) -> None:
        assert redacted(text, KEY) == shown

    def test_the_rest_is_cut(self) -> None:
        assert redacted("no " * 500) == ("no " * 67)[:199] + "…"

    def test_a_secret_is_found_even_across_the_cut(self) -> None:
        for length in (180, 190, 195, 199, 200):
            shown = redacted("a " * (length // 2) + "postgres://writer:hunter2@db", KEY)
            assert "hunter2"[:3] not in shown
            assert len(shown) <= 200

    def test_half_a_secret_at_the_inner_bound_is_dropped(self) -> None:
        text = "x" * 970 + " postgres://writer:hunter2passphrase@db.example.com " + "more " * 100
        assert redacted(text) == "[redacted]"

    def test_a_text_made_to_be_slow_is_not(self) -> None:
        assert redacted("://" * 300_000 + " @") == ""  # ends within the test's timeout: that is the point

    def test_a_delivery_without_a_key_is_not_looked_up(self) -> None:
        assert redacted("made-up") == "made-up"

    @given(st.text(), st.text(), st.sampled_from([200, 400, 401, 403, 404, 429, 500]))
    def test_the_key_is_in_no_error(self, before: str, after: str, status: int) -> None:
        with pytest.raises(ApiError) as caught:
            decode_status(complaint(before + KEY.get_secret_value() + after, KEY.get_secret_value()), status)
        assert KEY.get_secret_value() not in repr(caught.value)


class TestPipeline:
    def test_all_fields(self) -> None:
        data = {"id": ID, "name": "orders-eu", "project": "shop", "status": "paused", "execution_mode": "bounded"}
        expected = Pipeline(id=ID, name="orders-eu", project="shop", intent=Intent.PAUSED, bounded=True)
        assert decode_pipeline(envelope(data)) == expected

    @pytest.mark.parametrize("data", [{}, {"id": None}])
    def test_an_absent_id_is_the_one_asked_for(self, data: dict[str, object]) -> None:
        assert decode_pipeline(envelope(data)) == Pipeline(id=ID, name=ID)

    @pytest.mark.parametrize("other", ["pipe_other", "", 5, ID.upper()])
    def test_another_pipeline_is_no_answer(self, other: object) -> None:
        with pytest.raises(Malformed, match="another pipeline"):
            decode_pipeline(envelope({"id": other, "name": "orders-eu"}))


class TestItems:
    @pytest.mark.parametrize(
        ("value", "intent"),
        [
            ("running", Intent.RUNNING),
            ("Paused", Intent.PAUSED),
            ("archived", None),
            ("", None),
            (None, None),
            (1, None),
        ],
    )
    def test_intent(self, value: object, intent: Intent | None) -> None:
        assert item_of(status=value).intent is intent

    @pytest.mark.parametrize(("given", "word"), [("Postgres", "postgres"), ("quill", "quill"), (None, ""), (7, "")])
    def test_the_type_of_a_destination_is_an_open_word(self, given: object, word: str) -> None:
        assert item_of(destination_type=given).destination_type == word

    def test_equal_destinations_get_one_key_and_secrets_do_not_count(self) -> None:
        shown = {"type": "postgres", "url": "postgresql://db/one", "password": "******"}
        one = item_of(destination_type="postgres", destination_config=shown).destination
        assert one
        assert item_of(destination_type="postgres", destination_config=dict(reversed(shown.items()))).destination == one
        assert item_of(destination_type="postgres", destination_config=shown | {"token": "******"}).destination == one
        other = shown | {"url": "postgresql://db/two"}
        assert item_of(destination_type="postgres", destination_config=other).destination != one
        assert item_of(destination_type="kafka", destination_config=shown).destination != one

    def test_the_owner_is_an_id_and_the_e_mail_stays_beside_the_pipelines(self) -> None:
        made = {"id": "user_1", "email": "dana@acme.example", "full_name": "Dana"}
        body = envelope({"items": [{"id": ID, "created_by": made}]})
        page = wire.decode_page(200, {}, body)
        assert [pipeline.owner for pipeline in page.pipelines] == ["user_1"]
        assert page.emails == {"user_1": "dana@acme.example"}
        assert "acme" not in repr(page)

    @pytest.mark.parametrize("made", [None, "Dana", {}, {"email": "dana@acme.example"}, {"id": 5}])
    def test_without_an_id_the_owner_is_unknown(self, made: object) -> None:
        page = wire.decode_page(200, {}, envelope({"items": [{"id": ID, "created_by": made}]}))
        assert ([pipeline.owner for pipeline in page.pipelines], page.emails) == ([""], {})

    @pytest.mark.parametrize(
        ("group", "limit"),
        [
            ({"is_over_limit": True, "is_free_trial_expired": True}, AccountLimit.OVER_LIMIT),
            ({"is_over_limit": False, "is_free_trial_expired": True}, AccountLimit.TRIAL_EXPIRED),
            ({"is_over_limit": False, "is_free_trial_expired": False}, None),
            ({"is_over_limit": "true"}, None),
            ({}, None),
            (None, None),
            ("group_1", None),
        ],
    )
    def test_a_group_over_its_limit(self, group: object, limit: AccountLimit | None) -> None:
        assert item_of(group=group).account_limit is limit

    @pytest.mark.parametrize("config", [None, {}, "postgres", [], {"password": "******"}])
    def test_a_destination_without_a_shown_configuration_is_unknown(self, config: object) -> None:
        assert item_of(destination_type="postgres", destination_config=config).destination == ""

    @pytest.mark.parametrize(
        ("value", "bounded"), [("bounded", True), ("Bounded", True), ("unbounded", False), ("", False), (None, False)]
    )
    def test_execution_mode(self, value: object, bounded: bool) -> None:
        assert item_of(execution_mode=value).bounded is bounded

    @pytest.mark.parametrize(
        ("start", "stop", "blocks"),
        [
            ("18908895", "21525890", BlockRange(start=18908895, stop=21525890)),
            ("0", "1", BlockRange(start=0, stop=1)),
            ("", "0", None),
            ("", "21525890", BlockRange(stop=21525890)),
            (None, " 21525890 ", BlockRange(stop=21525890)),
            ("21525890", "21525890", BlockRange(stop=21525890)),
            ("earliest", "21525890", BlockRange(stop=21525890)),
            ("18908895", "", None),
            ("18908895", None, None),
            ("18908895", "latest", None),
            ("18908895", "-5", None),
            ("18908895", "9" * 40, None),
            ("18908895", "²", None),
        ],
    )
    def test_the_blocks_of_a_bounded_pipeline(
        self, start: str | None, stop: str | None, blocks: BlockRange | None
    ) -> None:
        data = {"execution_start_from": start, "execution_stop_from": stop}
        assert item_of(execution_mode="bounded", **data).blocks == blocks
        assert item_of(execution_mode="unbounded", **data).blocks is None

    @pytest.mark.parametrize("name", [None, "", "  ", 7, ["a"]])
    def test_a_nameless_pipeline_goes_by_its_id(self, name: object) -> None:
        assert item_of(name=name).name == ID

    def test_names_can_be_written_and_are_bounded(self) -> None:
        assert item_of(name="a\ud800b\x00c").name == "a b c"
        assert item_of(name="👩‍👩‍👧 → ∆").name == "👩‍👩‍👧 → ∆"
        assert len(item_of(name="x" * 10_000).name) == 256

    @pytest.mark.parametrize("other", [{}, {"id": ""}, {"id": " x "}, {"id": 5}, {"id": "x" * 300}, None, "pipe_1", []])
    def test_items_without_a_usable_id_are_skipped(self, other: object) -> None:
        assert decode_page(envelope({"items": [other, {"id": ID}]}))[0] == (Pipeline(id=ID, name=ID),)

    def test_a_page_of_nothing_usable_does_not_pass_for_an_empty_one(self) -> None:
        with pytest.raises(Malformed, match="no pipeline with an id"):
            decode_page(envelope({"items": [{"id": 5}, None]}))

    @pytest.mark.parametrize("items", [[], None])
    def test_an_empty_page_is_the_last(self, items: object) -> None:
        assert decode_page(envelope({"items": items, "pagination": {"has_more": True}})) == ((), False)

    @pytest.mark.parametrize("data", [{}, {"items": {}}, {"items": "none"}, {"items": 0}])
    def test_no_list_is_malformed(self, data: object) -> None:
        with pytest.raises(Malformed, match="no list"):
            decode_page(envelope(data))

    @pytest.mark.parametrize(
        ("pagination", "more"),
        [
            ({"has_more": False}, False),
            ({"has_more": True}, True),
            ({"has_more": "no"}, True),
            ({"has_more": None}, True),
            ({}, True),
            (None, True),
            ([], True),
        ],
    )
    def test_there_may_be_more_unless_it_says_no(self, pagination: object, more: bool) -> None:
        assert decode_page(envelope({"items": [{"id": ID}], "pagination": pagination}))[1] is more

    def test_pagination_left_out(self) -> None:
        assert decode_page(envelope({"items": [{"id": ID}]}))[1] is True


TEXT = st.text(st.characters())  # lone surrogates too: JSON can spell them
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(["FAILED", "paused", ID]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["status", "replicas", "ready", "uid", "start_time", "items", "id", "name", "pagination"])
            | st.text(max_size=3),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)
STATUSES = st.integers(-1, 1000) | st.sampled_from([200, 200, 200, 401, 403, 404, 429])
HEADERS = st.dictionaries(st.sampled_from(["Retry-After", "date", "x"]), st.text(), max_size=3)


def answered(decode: Callable[[], T]) -> T | None:
    """None where it raised an `ApiError`, whose sentence can be written. Any other exception fails the test."""
    try:
        return decode()
    except ApiError as error:
        sentence = str(error)
    assert sentence.encode()
    return None


def assert_answers_or_refuses(status: int, headers: Mapping[str, str], body: bytes) -> None:
    if read := answered(lambda: decode_status(body, status, headers)):
        assert read.phase.strip()
        assert read.phase.encode()
        assert all(count is None or count >= 0 for count in (read.replicas, read.ready))
        assert read.start_time is None or read.start_time.tzinfo is UTC
    page = answered(lambda: decode_page(body, status))
    alone = answered(lambda: decode_pipeline(body, status))
    for pipeline in (*(page[0] if page else ()), *((alone,) if alone else ())):
        assert pipeline.id
        assert pipeline.id.encode()
        assert pipeline.name.encode()


@given(STATUSES, HEADERS, st.binary())
def test_any_bytes(status: int, headers: dict[str, str], body: bytes) -> None:
    assert_answers_or_refuses(status, headers, body)


@given(STATUSES, HEADERS, JSON)
def test_any_json(status: int, headers: dict[str, str], value: object) -> None:
    assert_answers_or_refuses(status, headers, json.dumps(value).encode())


@given(STATUSES, JSON, JSON, JSON, JSON)
def test_any_envelope(status: int, data: object, error: object, message: object, code: object) -> None:
    body = envelope(data, error=error, error_message=message, error_code=code)
    assert_answers_or_refuses(status, {}, body)


def examples() -> list[tuple[str, dict[str, object]]]:
    """(operationId, body) of the examples for the three calls that we make."""
    spec = yaml.safe_load(OPENAPI.read_text()) if OPENAPI.exists() else {"paths": {}}
    found = []
    for operations in spec["paths"].values():
        get = operations.get("get", {})
        answer = get.get("responses", {}).get("200", {})
        while "$ref" in answer:
            answer = spec["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
        content = answer.get("content", {}).get("application/json", {})
        found += [(get["operationId"], example["value"]) for example in content.get("examples", {}).values()]
    return found


@pytest.mark.skipif(not OPENAPI.exists(), reason="the collected API description does not lie beside this checkout")
def test_the_examples_of_the_api_description_decode() -> None:
    decoded = set()
    for operation, body in examples():
        data, raw = body["data"], json.dumps(body).encode()
        assert isinstance(data, dict)
        match operation:
            case "getPipelineStatus":
                read = decode_status(raw)
                assert (read.phase.value, read.replicas, read.ready) == (
                    data["status"],
                    data["replicas"],
                    data["ready"],
                )
                assert read.uid == data["uid"]
                assert read.start_time == datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
            case "getPipeline":
                pipeline = decode_pipeline(raw)
                assert (pipeline.id, pipeline.name, pipeline.project) == (data["id"], data["name"], data["project"])
                assert (pipeline.intent, pipeline.bounded) == (Intent.RUNNING, False)
            case "listPipelines":
                pipelines, more = decode_page(raw)
                assert [pipeline.name for pipeline in pipelines] == [item["name"] for item in data["items"]]
                assert more is data["pagination"]["has_more"]
        decoded.add(operation)
    assert decoded >= {"getPipelineStatus", "getPipeline", "listPipelines"}
