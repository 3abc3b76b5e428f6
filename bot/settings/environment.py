"""Reads settings from the environment or a file."""

from enum import StrEnum
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.settings.sentences import PREFIX, SettingsError

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


def names_in_file(env_file: Path | None) -> list[str]:
    """The names that the file sets; none if there is no file.

    Raises:
        SettingsError: the bot can't read the file. python-dotenv would skip a broken line, and name no file.
    """
    if env_file is None or not env_file.is_file():
        return []
    try:
        with env_file.open(encoding=ENCODING) as lines:
            bindings = list(parse_stream(lines))
    except OSError as exc:
        raise SettingsError(
            [f"The bot can't read {env_file.name} ({exc.strerror}): check its owner and mode."]
        ) from None
    except UnicodeDecodeError:
        raise SettingsError([f"The bot can't read {env_file.name}: save it as UTF-8."]) from None
    if broken := [str(binding.original.line) for binding in bindings if binding.error]:
        which = f"line{'s' if len(broken) > 1 else ''} {', '.join(broken)}"
        raise SettingsError([f"The bot can't read {which} of {env_file.name}: write NAME=value, and close each quote."])
    return [binding.key for binding in bindings if binding.key is not None]
