"""Recognizes a token in the wrong setting, and names what it is."""

import re

_WHAT_IT_IS = (
    ("xoxb-", "the bot token (xoxb-…), which belongs in SLACK_BOT_TOKEN"),
    ("xapp-", "the app-level token (xapp-…), which belongs in SLACK_APP_TOKEN"),
    ("xoxp-", "a user token (xoxp-…), which the bot does not use"),
    ("xoxe", "a token that expires (xoxe…): turn off token rotation for the app, then reinstall it"),
    ("xox", "a Slack token of another kind, which the bot does not use"),
    ("cqt_", "a GoldRush key (cqt_…)"),
)
_GOLDRUSH = {"GOLDRUSH_SERVICE_KEY", "GOLDRUSH_API_KEY"}
_BEGINS_WITH = {"SLACK_BOT_TOKEN": "xoxb-", "SLACK_APP_TOKEN": "xapp-"}


def token_fault(name: str, value: str) -> str | None:
    """The fault, as the first clause of a sentence; None if the token fits."""
    if not re.fullmatch(r"[\x21-\x7e]+", value):
        return "it contains spaces, line breaks or characters that no such secret has"
    begins_with = _BEGINS_WITH.get(name)
    if begins_with and value.startswith(begins_with):
        return None
    for start, kind in _WHAT_IT_IS:
        if value.lower().startswith(start) and not (name in _GOLDRUSH and start == "cqt_"):
            return f"it is {kind}"
    return f"it does not begin with {begins_with}" if begins_with else None
