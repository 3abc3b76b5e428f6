"""Reads settings from the environment or a file."""

from enum import StrEnum

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.settings.sentences import PREFIX

ENCODING = "utf-8-sig"  # some editors begin a file with a byte order mark; it must not become part of the first name


class Transport(StrEnum):
    """How Slack reaches the bot. AUTO means Socket Mode if SLACK_APP_TOKEN is set, otherwise HTTP."""

    AUTO = "auto"
    SOCKET = "socket"
    HTTP = "http"


class EnvironmentSettings(BaseSettings):
    """Strips each value, since one from a file may end in a newline. A blank value counts as missing."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file_encoding=ENCODING, env_ignore_empty=True, extra="ignore"
    )

    @model_validator(mode="before")
    @classmethod
    def _strip(cls, given: dict[str, object]) -> dict[str, object]:
        stripped = {name: value.strip() if isinstance(value, str) else value for name, value in given.items()}
        return {name: value for name, value in stripped.items() if value != ""}
