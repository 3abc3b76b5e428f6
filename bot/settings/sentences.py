"""Sentences about a setting that is missing or wrong. None contains a value."""

PREFIX = "PIPELINE_BOT_"

HOW_TO_GET = {
    "SLACK_BOT_TOKEN": (
        "the bot token (xoxb-…): https://api.slack.com/apps > your app > OAuth & Permissions, after you installed it"
    ),
    "SLACK_APP_TOKEN": (
        "an app-level token (xapp-…) with connections:write, for Socket Mode: "
        "https://api.slack.com/apps > your app > Basic Information > App-Level Tokens"
    ),
    "SLACK_SIGNING_SECRET": (
        "the signing secret, for HTTP mode: https://api.slack.com/apps > your app > Basic Information > App Credentials"
    ),
    "GOLDRUSH_SERVICE_KEY": (
        "a ServiceKey (a regular API key is refused): GoldRush Platform > account settings > Service Keys > "
        "Create Service Key"
    ),
}


TEAM_FORM = "the workspace's id (T…), which `pipeline-bot check` prints behind the workspace's name"


class SettingsError(Exception):
    """`faults` has one sentence for each fault: the setting, the fault and the fix, never a value."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def environment_name(field: str, alias: str | None) -> str:
    return alias or PREFIX + field.upper()


def missing(name: str) -> str:
    return f"{name} is missing: {HOW_TO_GET[name]}."


def not_valid(name: str, must_be: str, why: str = "") -> str:
    """`why` names the fault, if known. `must_be` describes every valid value."""
    reason = f"{why}. It must be" if why else "it must be"
    return f"{name} is not valid: {reason} {must_be}."
