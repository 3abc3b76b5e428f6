"""Classifies Slack's answers to a post or an update. Pure.

Sources: the error tables of https://docs.slack.dev/reference/methods/chat.postMessage and
https://docs.slack.dev/reference/methods/chat.update
"""

from collections.abc import Mapping
from datetime import timedelta

from bot.domain.delivery import Outcome, Posted, RefusalKind, Refused, Unknown
from bot.domain.watch import SuspendReason
from bot.headers import header

_CHANNEL: Mapping[str, SuspendReason] = {
    "channel_not_found": SuspendReason.NOT_FOUND,
    "is_archived": SuspendReason.ARCHIVED,
    "is_inactive": SuspendReason.ARCHIVED,  # chat.update's error for an archived channel
    "not_in_channel": SuspendReason.NOT_IN_CHANNEL,
    "restricted_action": SuspendReason.RESTRICTED,
    "messages_tab_disabled": SuspendReason.RESTRICTED,
    "user_is_restricted": SuspendReason.RESTRICTED,
    "cannot_dm_bot": SuspendReason.RESTRICTED,
    "user_disabled": SuspendReason.RESTRICTED,
}
_WORKSPACE = frozenset(
    {
        "account_inactive",
        "access_denied",
        "ekm_access_denied",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "team_added_to_org",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
_CONTENT = frozenset(
    {
        "attachment_payload_limit_exceeded",
        "block_mismatch",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "markdown_text_conflict",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "only_one_table_allowed",
        "too_many_attachments",
    }
)
_CARD_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
# After these errors, Slack may have done part of the work.
_AMBIGUOUS = frozenset(
    {
        "duplicate_channel_not_found",
        "duplicate_message_not_found",
        "fatal_error",
        "internal_error",
        "request_timeout",
        "service_unavailable",
    }
)


def outcome_of(status: int, body: Mapping[str, object], headers: Mapping[str, str]) -> Outcome:
    """The outcome of one answered request: HTTP status, JSON body, headers."""
    error = str(body.get("error") or "")
    if status == 429 or error in {"ratelimited", "rate_limited"}:
        return Refused(kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=retry_after(headers))
    if status >= 500 or error in _AMBIGUOUS:
        return Unknown(f"HTTP {status} {error}".strip())
    ts = body.get("ts")
    if body.get("ok") is True:
        return Posted(ts) if isinstance(ts, str) and ts else Unknown("ok without ts")
    if not error:
        return Unknown(f"HTTP {status} without a readable answer")
    return _refused(error)


def _refused(error: str) -> Refused:
    if error in _CHANNEL or error.startswith("restricted_action"):
        return Refused(kind=RefusalKind.CHANNEL, error=error, suspend=_CHANNEL.get(error, SuspendReason.RESTRICTED))
    if error in _WORKSPACE:
        return Refused(kind=RefusalKind.WORKSPACE, error=error)
    if error in _CONTENT:
        return Refused(kind=RefusalKind.CONTENT, error=error)
    if error in _CARD_GONE:
        return Refused(kind=RefusalKind.CARD_GONE, error=error)
    return Refused(kind=RefusalKind.OTHER, error=error)


def retry_after(headers: Mapping[str, str]) -> timedelta:
    """Slack's Retry-After in whole seconds. An unreadable value counts as one second."""
    raw = header(headers, "retry-after")
    seconds = int(raw) if raw.isdecimal() and len(raw) < 6 else 1
    return timedelta(seconds=min(seconds, 3600))
