"""Settings from the environment or a `.env` file. All faults are told at once, each with its cure."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.domain.watch import ChannelId

PREFIX = "PIPELINE_BOT_"
Seconds = Annotated[float, Field(gt=0, le=86_400)]

HOW_TO_GET = {
    "SLACK_BOT_TOKEN": (
        "the bot token (xoxb-…): https://api.slack.com/apps > your app > OAuth & Permissions, once installed"
    ),
    "SLACK_APP_TOKEN": (
        "for Socket Mode: an app-level token (xapp-…) with connections:write: "
        "https://api.slack.com/apps > your app > Basic Information > App-Level Tokens"
    ),
    "SLACK_SIGNING_SECRET": (
        "for HTTP mode: the signing secret: https://api.slack.com/apps > your app > Basic Information > App Credentials"
    ),
    "GOLDRUSH_SERVICE_KEY": (
        "a ServiceKey (a regular API key is refused): GoldRush Platform > account settings > Service Keys > "
        "Create Service Key"
    ),
}


class Transport(StrEnum):
    """How Slack reaches the bot. AUTO: by Socket Mode where there is a SLACK_APP_TOKEN, else by HTTP."""

    AUTO = "auto"
    SOCKET = "socket"
    HTTP = "http"


class SettingsError(Exception):
    """`faults` holds one sentence a fault: which setting, what is wrong, how to mend it. Never a value."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class _Read(BaseSettings):
    """A value out of a file may end in a newline; blanks alone are no value."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _strip(cls, given: dict[str, object]) -> dict[str, object]:
        stripped = {name: value.strip() if isinstance(value, str) else value for name, value in given.items()}
        return {name: value for name, value in stripped.items() if value != ""}


class Settings(_Read):
    """Names of others' settings are their makers'; ours begin with PIPELINE_BOT_."""

    model_config = SettingsConfigDict(env_file=".env", populate_by_name=True)

    slack_bot_token: SecretStr = Field(alias="SLACK_BOT_TOKEN")
    slack_app_token: SecretStr | None = Field(default=None, alias="SLACK_APP_TOKEN")
    slack_signing_secret: SecretStr | None = Field(default=None, alias="SLACK_SIGNING_SECRET")
    slack_api_url: str = Field(default="https://slack.com/api/", alias="SLACK_API_URL")
    goldrush_service_key: SecretStr = Field(alias="GOLDRUSH_SERVICE_KEY")
    goldrush_api_url: str = Field(default="https://api.covalenthq.com", alias="GOLDRUSH_API_URL")
    redis_url: SecretStr | None = Field(default=None, alias="REDIS_URL")
    operator_channel: str | None = Field(default=None, alias="OPERATOR_CHANNEL", pattern=r"^[CG][A-Z0-9]{2,}$")
    fallback_channel: str | None = Field(default=None, alias="FALLBACK_CHANNEL", pattern=r"^[CG][A-Z0-9]{2,}$")
    port: int = Field(default=3000, alias="PORT", ge=0, le=65_535)

    transport: Transport = Transport.AUTO
    command: str = Field(default="/pipeline", pattern=r"^/[a-z0-9_-]{1,31}$")
    platform_url: str = Field(default="https://goldrush.dev/platform/", pattern=r"^https?://")
    data_dir: Path = Path(".data")
    requests_per_second: float = Field(default=4.0, gt=0, le=1000)
    read_timeout_seconds: Seconds = 5.0
    steady_seconds: Seconds = 15.0
    transient_seconds: Seconds = 3.0
    at_rest_seconds: Seconds = 60.0
    fresh_failure_seconds: Seconds = 120.0
    catalogue_seconds: Seconds = 300.0
    blind_seconds: Seconds = 300.0
    log_level: str = Field(default="info", pattern=r"^(debug|info|warning|error)$")

    @field_validator("slack_bot_token", "slack_app_token", "slack_signing_secret", "goldrush_service_key")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[\x21-\x7e]+", value.get_secret_value()):
            raise ValueError("it holds blanks or characters that no such secret has")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"(rediss?|unix)://\S+", value.get_secret_value()):
            raise ValueError("it is no address that begins with redis://, rediss:// or unix://")
        return value

    @field_validator("slack_api_url", "goldrush_api_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if not re.fullmatch(r"https?://[^/\s:]+(:\d{1,5})?(/\S*)?", value):
            raise ValueError("it is no address that begins with https://")
        return value.rstrip("/") + "/"

    @property
    def operator(self) -> ChannelId | None:
        return ChannelId(self.operator_channel) if self.operator_channel else None

    @property
    def fallback(self) -> ChannelId | None:
        return ChannelId(self.fallback_channel) if self.fallback_channel else None

    @property
    def store_url(self) -> str | None:
        """None: the embedded store."""
        return self.redis_url.get_secret_value() if self.redis_url else None

    @model_validator(mode="after")
    def _choose(self) -> Self:
        if self.transport is Transport.AUTO:
            self.transport = Transport.SOCKET if self.slack_app_token else Transport.HTTP
        return self

    @classmethod
    def load(cls, env_file: Path | None = Path(".env")) -> Self:
        """Reads and checks everything.

        Raises:
            SettingsError: with all faults at once.
        """
        faults: list[str] = []
        settings: Self | None = None
        try:
            settings = cls(_env_file=env_file)  # type: ignore[call-arg]  # pydantic-settings' own argument
        except ValidationError as exc:
            faults = [_fault(str(error["loc"][0]), str(error["type"]), str(error["msg"])) for error in exc.errors()]
        faults += _Chosen(_env_file=env_file).faults()  # type: ignore[call-arg]
        if faults or settings is None:
            raise SettingsError(faults)
        return settings


class _Chosen(_Read):
    """The transport, looked at by itself so that what it lacks is told together with the other faults."""

    slack_app_token: str | None = Field(default=None, alias="SLACK_APP_TOKEN")
    slack_signing_secret: str | None = Field(default=None, alias="SLACK_SIGNING_SECRET")
    transport: str = Transport.AUTO

    def faults(self) -> list[str]:
        if self.transport == Transport.SOCKET and not self.slack_app_token:
            return [_fault("SLACK_APP_TOKEN", "missing", "")]
        if self.transport == Transport.HTTP and not self.slack_signing_secret:
            return [_fault("SLACK_SIGNING_SECRET", "missing", "")]
        if self.slack_app_token or self.slack_signing_secret:
            return []
        both = (
            "SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both missing, and one of them is needed. "
            f"SLACK_APP_TOKEN is {HOW_TO_GET['SLACK_APP_TOKEN']}. "
            f"SLACK_SIGNING_SECRET is {HOW_TO_GET['SLACK_SIGNING_SECRET']}."
        )
        return [both]


def _fault(name: str, kind: str, message: str) -> str:
    name = name if name.isupper() else PREFIX + name.upper()
    cure = HOW_TO_GET.get(name, "see .env.example")
    if kind == "missing":
        return f"{name} is missing: {cure}."
    return f"{name} is not valid ({message}): {cure}."
