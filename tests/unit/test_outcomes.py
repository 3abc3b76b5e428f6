"""What Slack's answer to a post or an update means."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.delivery import Posted, RefusalKind, Refused, Unknown
from bot.domain.watch import SuspendReason
from bot.slack.outbound.outcomes import outcome_of, retry_after

SECOND = timedelta(seconds=1)
# https://docs.slack.dev/reference/methods/chat.postMessage and /chat.update, by what is to be done about them
KINDS: Mapping[RefusalKind, list[str]] = {
    RefusalKind.WORKSPACE: [
        *["account_inactive", "access_denied", "ekm_access_denied", "invalid_auth", "missing_scope", "no_permission"],
        *["not_allowed_token_type", "not_authed", "org_login_required", "team_access_not_granted"],
        *["team_added_to_org", "token_expired", "token_revoked", "two_factor_setup_required"],
    ],
    RefusalKind.CONTENT: [
        *["attachment_payload_limit_exceeded", "block_mismatch", "invalid_attachments", "invalid_blocks"],
        *["invalid_blocks_format", "markdown_text_conflict", "msg_blocks_too_long", "msg_too_long", "no_text"],
        *["only_one_table_allowed", "too_many_attachments"],
    ],
    RefusalKind.CARD_GONE: ["message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"],
    RefusalKind.OTHER: ["accesslimited", "deprecated_endpoint", "some_error_of_next_year", "message_limit_exceeded"],
}
SUSPENDED = {
    "channel_not_found": SuspendReason.NOT_FOUND,
    "is_archived": SuspendReason.ARCHIVED,
    "is_inactive": SuspendReason.ARCHIVED,
    "not_in_channel": SuspendReason.NOT_IN_CHANNEL,
    "restricted_action": SuspendReason.RESTRICTED,
    "restricted_action_read_only_channel": SuspendReason.RESTRICTED,
    "restricted_action_thread_only_channel": SuspendReason.RESTRICTED,
    "restricted_action_non_threadable_channel": SuspendReason.RESTRICTED,
    "restricted_action_thread_locked": SuspendReason.RESTRICTED,
    "restricted_action_of_next_year": SuspendReason.RESTRICTED,
    "messages_tab_disabled": SuspendReason.RESTRICTED,
    "user_is_restricted": SuspendReason.RESTRICTED,
    "cannot_dm_bot": SuspendReason.RESTRICTED,
    "user_disabled": SuspendReason.RESTRICTED,
}
AMBIGUOUS = [
    *["fatal_error", "internal_error", "request_timeout", "service_unavailable"],
    *["duplicate_message_not_found", "duplicate_channel_not_found"],
]


@pytest.mark.parametrize(("kind", "error"), [(kind, error) for kind, errors in KINDS.items() for error in errors])
def test_refusals_are_sorted_by_reaction(kind: RefusalKind, error: str) -> None:
    assert outcome_of(200, {"ok": False, "error": error}, {}) == Refused(kind=kind, error=error)


@pytest.mark.parametrize(("error", "reason"), SUSPENDED.items())
def test_a_refusing_channel_is_suspended_with_its_reason(error: str, reason: SuspendReason) -> None:
    refused = outcome_of(200, {"ok": False, "error": error}, {})
    assert refused == Refused(kind=RefusalKind.CHANNEL, error=error, suspend=reason)


@pytest.mark.parametrize("error", AMBIGUOUS)
def test_part_of_the_work_may_have_been_done(error: str) -> None:
    unknown = outcome_of(200, {"ok": False, "error": error}, {})
    assert isinstance(unknown, Unknown)
    assert error in unknown.detail


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
@pytest.mark.parametrize("body", [{}, {"ok": False, "error": "not_in_channel"}, {"ok": True, "ts": "1.0"}])
def test_behind_a_server_error_nothing_is_known(status: int, body: dict[str, object]) -> None:
    assert isinstance(outcome_of(status, body, {}), Unknown)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {}),
        (429, {"ok": False, "error": "ratelimited"}),
        (429, {"ok": True, "ts": "1.0"}),
        (200, {"ok": False, "error": "ratelimited"}),
        (200, {"ok": False, "error": "rate_limited"}),
    ],
)
def test_a_429_carries_its_wait(status: int, body: dict[str, object]) -> None:
    wanted = Refused(kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=timedelta(seconds=7))
    assert outcome_of(status, body, {"Retry-After": "7"}) == wanted


def test_a_post_without_ts_is_unknown() -> None:
    assert outcome_of(200, {"ok": True, "ts": "1795435202.000100"}, {}) == Posted("1795435202.000100")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ok": True},
        {"ok": True, "ts": ""},
        {"ok": True, "ts": 5},
        {"ok": True, "ts": None},
        {"ok": "yes"},
        {"ok": False},
    ],
)
@pytest.mark.parametrize("status", [200, 204, 302, 404])
def test_an_answer_that_says_neither_is_unknown(status: int, body: dict[str, object]) -> None:
    assert isinstance(outcome_of(status, body, {}), Unknown)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "30"}, timedelta(seconds=30)),
        ({"retry-after": "30"}, timedelta(seconds=30)),
        ({"RETRY-AFTER": "0"}, timedelta()),
        ({"Retry-After": "99999"}, timedelta(hours=1)),
        ({"Retry-After": "999999999999999999999"}, SECOND),
        ({"Retry-After": "1.5"}, SECOND),
        ({"Retry-After": "-1"}, SECOND),
        ({"Retry-After": ""}, SECOND),
        ({"Retry-After": "soon"}, SECOND),
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:00 GMT"}, SECOND),
        ({"Retry-After": "²"}, SECOND),
        ({"Retry-After": "٣"}, timedelta(seconds=3)),
        ({}, SECOND),
    ],
)
def test_retry_after(headers: dict[str, str], wait: timedelta) -> None:
    assert retry_after(headers) == wait


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(["ok", "error", "ts"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=30), st.just([]), st.just({"a": 1})),
    ),
    st.dictionaries(st.sampled_from(["Retry-After", "retry-after", "X"]), st.text(max_size=10)),
)
def test_every_answer_has_an_outcome(status: int, body: dict[str, object], headers: dict[str, str]) -> None:
    outcome = outcome_of(status, body, headers)
    if isinstance(outcome, Posted):
        assert body["ok"] is True
        assert outcome.message_id == body["ts"]
    if isinstance(outcome, Refused) and outcome.retry_after:
        assert timedelta() <= outcome.retry_after <= timedelta(hours=1)
