"""Reads the settings from the environment or a `.env` file. Reports all faults at once, each with its fix."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from bot.domain.backlog import GroupRule
from bot.domain.cadence import Cadence
from bot.domain.flapping import FlapWindow
from bot.domain.history import HistoryLimits
from bot.domain.permission import Broadcast, WhoMayWatch
from bot.domain.subscription import WatchLimits
from bot.domain.watch import ChannelId
from bot.settings.cadence import (
    CATALOGUE_SECONDS,
    READ_TIMEOUT_SECONDS,
    REQUESTS_PER_SECOND,
    CadenceNumbers,
)
from bot.settings.combinations import Combinations
from bot.settings.environment import EnvironmentSettings, Transport, names_in_file
from bot.settings.http_address import http_fault, is_exposed, without_query
from bot.settings.names import unknown_names
from bot.settings.pagers import PAGERS_FORM, PagerAddress, pagers_fault, pagers_in, secrets_in
from bot.settings.redis_address import REDIS_FORM, passwords_in, redis_fault
from bot.settings.roles import ALL, NEED_BOT_TOKEN, NEED_SERVICE_KEY, ROLES_FORM, Role, role_fault, roles_in
from bot.settings.sentences import HOW_TO_GET, PREFIX, TEAM_FORM, SettingsError, environment_name, not_valid
from bot.settings.tokens import token_fault

__all__ = [
    "ENV_FILE",
    "HOW_TO_GET",
    "NO_SECRET",
    "PREFIX",
    "Role",
    "Settings",
    "SettingsError",
    "Transport",
    "ignored_names",
    "is_exposed",
]

ENV_FILE = Path(".env")
QUOTES = ("''", '""', "‘’", "“”", "„“", "``")

Seconds = Annotated[float, Field(gt=0, le=86_400, description="a number of seconds above 0, at most 86400")]
Channel = Annotated[
    str | None,
    Field(
        pattern=r"^[CG][A-Z0-9]{2,}$",
        description="a channel's id (C… or G…), shown at the bottom of the channel's details in Slack",
    ),
]
HTTPS_FORM = "an address like https://host/path"
NO_SECRET = SecretStr("")  # the process needs none in its role; `Combinations` reports a missing one


class Settings(EnvironmentSettings):
    """All settings of the bot; docs/settings.md describes each one.

    Settings of Slack, GoldRush and Redis keep their usual names. The bot's own begin with PIPELINE_BOT_.
    """

    model_config = SettingsConfigDict(env_file=ENV_FILE)

    slack_bot_token: SecretStr = Field(default=NO_SECRET, alias="SLACK_BOT_TOKEN")
    slack_app_token: SecretStr | None = Field(default=None, alias="SLACK_APP_TOKEN")
    slack_signing_secret: SecretStr | None = Field(default=None, alias="SLACK_SIGNING_SECRET")
    slack_api_url: str = Field(default="https://slack.com/api/", alias="SLACK_API_URL", description=HTTPS_FORM)
    goldrush_service_key: SecretStr = Field(default=NO_SECRET, alias="GOLDRUSH_SERVICE_KEY")
    goldrush_api_key: SecretStr | None = Field(
        default=None, alias="GOLDRUSH_API_KEY", description="an API key of GoldRush, which is no ServiceKey"
    )
    goldrush_api_url: str = Field(
        default="https://api.covalenthq.com", alias="GOLDRUSH_API_URL", description=HTTPS_FORM
    )
    redis_url: SecretStr | None = Field(default=None, alias="REDIS_URL", description=REDIS_FORM)
    pagers: SecretStr | None = Field(default=None, alias="PAGERS", description=PAGERS_FORM)
    pagerduty_events_url: str = Field(
        default="https://events.pagerduty.com/v2/enqueue", alias="PAGERDUTY_EVENTS_URL", description=HTTPS_FORM
    )
    pagerduty_api_url: str = Field(
        default="https://api.pagerduty.com", alias="PAGERDUTY_API_URL", description=HTTPS_FORM
    )
    pagerduty_api_token: SecretStr | None = Field(
        default=None, alias="PAGERDUTY_API_TOKEN", description="a read-only REST API key of PagerDuty"
    )
    pagerduty_webhook_secret: SecretStr | None = Field(
        default=None, alias="PAGERDUTY_WEBHOOK_SECRET", description="the signing secret of a PagerDuty webhook (v3)"
    )
    operator_channel: Channel = Field(default=None, alias="OPERATOR_CHANNEL")
    fallback_channel: Channel = Field(default=None, alias="FALLBACK_CHANNEL")
    watchdog_url: SecretStr | None = Field(default=None, alias="WATCHDOG_URL", description=HTTPS_FORM)
    port: int = Field(default=3000, alias="PORT", ge=0, le=65_535, description="a whole number from 0 to 65535")

    role: str = Field(default=ALL, description=ROLES_FORM)
    team: str | None = Field(default=None, pattern=r"^T[A-Z0-9]{2,}$", description=TEAM_FORM)
    transport: Transport = Field(default=Transport.AUTO, description="auto, socket or http")
    http_host: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9.:_-]+$", description="an IP address or host name of this machine"
    )
    http_connections: int = Field(default=200, ge=8, le=100_000, description="a whole number from 8 to 100000")
    webhook_port: int | None = Field(
        default=None, ge=0, le=65_535, description="a whole number from 0 to 65535, or empty"
    )
    metrics_port: int | None = Field(
        default=None, ge=0, le=65_535, description="a whole number from 0 to 65535, or empty"
    )
    metrics_host: str = Field(
        default="127.0.0.1", pattern=r"^[A-Za-z0-9.:_-]+$", description="an IP address or host name of this machine"
    )
    command: str = Field(
        default="/pipeline",
        pattern=r"^/[a-z0-9_-]{1,31}$",
        description="a slash and 1 to 31 lowercase letters, digits, hyphens or underscores",
    )
    platform_url: str = Field(
        default="https://goldrush.dev/platform/",
        pattern=r"^https?://\S+$",
        description="an address that begins with https:// or http://",
    )
    max_targets: int = Field(default=20, ge=1, le=1000, description="a whole number from 1 to 1000")
    commands_per_minute: int = Field(default=30, ge=1, le=10_000, description="a whole number from 1 to 10000")
    max_watches_per_channel: int = Field(default=500, ge=1, le=10_000, description="a whole number from 1 to 10000")
    max_patterns_per_channel: int = Field(default=100, ge=1, le=10_000, description="a whole number from 1 to 10000")
    single_failures: int = Field(default=3, ge=1, le=100, description="a whole number from 1 to 100")
    group_seconds: float = Field(default=30.0, ge=1, le=600, description="a number of seconds from 1 to 600")
    pages_per_hour: int = Field(default=10, ge=1, le=1000, description="a whole number from 1 to 1000")
    flap_enter_percent: float = Field(default=30, gt=0, le=100, description="a number above 0, up to 100")
    flap_leave_percent: float = Field(default=20, gt=0, le=100, description="a number above 0, up to 100")
    history_days: int = Field(default=90, ge=1, le=3650, description="a whole number from 1 to 3650")
    history_transitions: int = Field(default=500, ge=1, le=10_000, description="a whole number from 1 to 10000")
    data_dir: Path = Field(default=Path(".data"), description="the path of a directory")
    allow_plain_http: bool = Field(default=False, description="true or false")
    requests_per_second: float = Field(
        default=REQUESTS_PER_SECOND.default,
        ge=REQUESTS_PER_SECOND.least,
        le=REQUESTS_PER_SECOND.most,
        description="a number of requests a second from 0.1 to 10000",
    )
    read_timeout_seconds: float = Field(
        default=READ_TIMEOUT_SECONDS.default,
        ge=READ_TIMEOUT_SECONDS.least,
        le=READ_TIMEOUT_SECONDS.most,
        description="a number of seconds from 0.1 to 60",
    )
    steady_seconds: Seconds = 5.0
    transient_seconds: Seconds = 3.0
    at_rest_seconds: Seconds = 60.0
    fresh_failure_seconds: Seconds = 120.0
    promised_seconds: float | None = Field(
        default=None, gt=0, le=86_400, description="a number of seconds above 0, at most 86400"
    )
    catalogue_seconds: float = Field(
        default=CATALOGUE_SECONDS.default,
        ge=CATALOGUE_SECONDS.least,
        le=CATALOGUE_SECONDS.most,
        description="a number of seconds from 1 to 86400",
    )
    measure_seconds: float = Field(default=300.0, ge=10, le=86_400, description="a number of seconds from 10 to 86400")
    blind_seconds: float = Field(default=300.0, ge=10, le=86_400, description="a number of seconds from 10 to 86400")
    """Five heartbeats at least, or the bot would announce a gap whenever Redis is slow."""
    who_may_watch: WhoMayWatch = Field(default=WhoMayWatch.MEMBERS, description="members or everyone")
    broadcast: Broadcast = Field(default=Broadcast.MEMBERS, description="members or nobody")
    log_level: str = Field(
        default="info", pattern=r"^(debug|info|warning|error)$", description="debug, info, warning or error"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _has_no_quotes(cls, value: object) -> object:
        if isinstance(value, str) and len(value) > 1 and value[0] + value[-1] in QUOTES:
            raise ValueError("it has quotes around it, so remove them")
        return value

    @field_validator("slack_bot_token", "slack_app_token", "slack_signing_secret", "goldrush_service_key")
    @classmethod
    def _is_such_a_token(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value:
            _refuse(lambda text: token_fault((info.field_name or "").upper(), text), value.get_secret_value())
        return value

    @field_validator("role")
    @classmethod
    def _is_role(cls, value: str) -> str:
        _refuse(role_fault, value)
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _refuse(redis_fault, value.get_secret_value())
        return value

    @field_validator("watchdog_url")
    @classmethod
    def _is_watchdog(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _refuse(http_fault, without_query(value.get_secret_value()))
        return value

    @field_validator("pagers")
    @classmethod
    def _is_pagers(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _refuse(pagers_fault, value.get_secret_value())
        return value

    @field_validator("pagerduty_api_token", "pagerduty_webhook_secret", "goldrush_api_key")
    @classmethod
    def _is_printable(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None:
            _refuse(lambda text: token_fault((info.field_name or "").upper(), text), value.get_secret_value())
        return value

    @field_validator("slack_api_url", "goldrush_api_url", "pagerduty_events_url", "pagerduty_api_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        _refuse(http_fault, value)
        return value.rstrip("/") + "/"

    @property
    def roles(self) -> frozenset[Role]:
        """What this process does."""
        return roles_in(self.role)

    @property
    def reads_goldrush(self) -> bool:
        return bool(self.roles & NEED_SERVICE_KEY)

    @property
    def api_key(self) -> SecretStr:
        """For the status of the chains; empty if it is not set."""
        return self.goldrush_api_key or NO_SECRET

    @property
    def reads_chains(self) -> bool:
        return Role.SCHEDULER in self.roles and bool(self.api_key.get_secret_value())

    @property
    def has_remote_readers(self) -> bool:
        """True if this process schedules reads, and others make them."""
        return Role.SCHEDULER in self.roles and Role.READER not in self.roles

    @property
    def reads_for_others(self) -> bool:
        """True if a scheduler in another process hands reads to this one."""
        return Role.READER in self.roles and Role.SCHEDULER not in self.roles

    @property
    def shares_reads(self) -> bool:
        """True if the reads are shared between this process and others."""
        return self.has_remote_readers or self.reads_for_others

    @property
    def calls_slack(self) -> bool:
        return bool(self.roles & NEED_BOT_TOKEN)

    @property
    def operator(self) -> ChannelId | None:
        """The channel of the people who run the bot."""
        return ChannelId(self.operator_channel) if self.operator_channel else None

    @property
    def fallback(self) -> ChannelId | None:
        """The channel that gets the messages of suspended channels."""
        return ChannelId(self.fallback_channel) if self.fallback_channel else None

    @property
    def cadence(self) -> Cadence:
        return Cadence(
            steady_seconds=self.steady_seconds,
            transient_seconds=min(self.transient_seconds, self.steady_seconds),
            at_rest_seconds=self.at_rest_seconds,
            fresh_failure_seconds=self.fresh_failure_seconds,
            promised_seconds=self.promised_seconds,
        )

    @property
    def flap_window(self) -> FlapWindow:
        """When a pipeline counts as flapping."""
        enter, leave = self.flap_enter_percent / 100, self.flap_leave_percent / 100
        return FlapWindow(enter_above=enter, leave_below=min(leave, enter))

    @property
    def watch_limits(self) -> WatchLimits:
        return WatchLimits(watches=self.max_watches_per_channel, patterns=self.max_patterns_per_channel)

    @property
    def group_rule(self) -> GroupRule:
        return GroupRule(most_single=self.single_failures, within=timedelta(seconds=self.group_seconds))

    @property
    def history_limits(self) -> HistoryLimits:
        return HistoryLimits(age=timedelta(days=self.history_days), transitions=self.history_transitions)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that no output may contain, including each spelling of the password in REDIS_URL."""
        given = [getattr(self, name) for name in type(self).model_fields]
        values = [value.get_secret_value() for value in given if isinstance(value, SecretStr) and value]
        pagers = secrets_in(self.pagers.get_secret_value()) if self.pagers else ()
        return (*values, *pagers, *(passwords_in(self.store_url) if self.store_url else ()))

    @property
    def pager_addresses(self) -> tuple[PagerAddress, ...]:
        """The outside pagers that people may page by name."""
        return pagers_in(self.pagers.get_secret_value()) if self.pagers else ()

    @property
    def webhook_secret(self) -> str:
        """Empty if PagerDuty sends nothing."""
        return self.pagerduty_webhook_secret.get_secret_value() if self.pagerduty_webhook_secret else ""

    @property
    def signing_secret(self) -> str:
        """Needed in HTTP mode; empty if it is not set."""
        return self.slack_signing_secret.get_secret_value() if self.slack_signing_secret else ""

    @property
    def store_url(self) -> str | None:
        """None means the embedded store."""
        return self.redis_url.get_secret_value() if self.redis_url else None

    @model_validator(mode="after")
    def _choose(self) -> Self:
        if self.transport is Transport.AUTO:
            self.transport = Transport.SOCKET if self.slack_app_token else Transport.HTTP
        return self

    @classmethod
    def load(cls, env_file: Path | None = ENV_FILE) -> Self:
        """Reads and checks all settings.

        Raises:
            SettingsError: it holds all faults at once.
        """
        names_in_file(env_file)
        faults: list[str] = []
        settings: Self | None = None
        try:
            settings = cls(_env_file=env_file)  # type: ignore[call-arg]  # an argument of pydantic-settings
        except ValidationError as exc:
            faults = [_fault(str(error["loc"][0]), str(error["type"]), error.get("ctx", {})) for error in exc.errors()]
        faults += Combinations(_env_file=env_file).faults()  # type: ignore[call-arg]
        faults += CadenceNumbers(_env_file=env_file).faults()  # type: ignore[call-arg]
        if faults or settings is None:
            raise SettingsError(list(dict.fromkeys(faults)))
        return settings


def ignored_names(env_file: Path | None = ENV_FILE) -> list[str]:
    """One sentence for each name in the environment or the file that looks like a misspelled setting."""
    known = [environment_name(name, field.alias) for name, field in Settings.model_fields.items()]
    return unknown_names(os.environ, names_in_file(env_file), known)


def _refuse(fault_in: Callable[[str], str | None], value: str) -> None:
    if why := fault_in(value):
        raise ValueError(why)


def _fault(location: str, kind: str, context: dict[str, object]) -> str:
    """Replaces pydantic's text, which speaks of patterns and types and may quote the value."""
    name, must_be = _described()[location]
    return not_valid(name, must_be, str(context["error"]) if kind == "value_error" else "")


def _described() -> dict[str, tuple[str, str]]:
    """Name and description of each setting, under every name by which pydantic may report it."""
    described = {}
    for field_name, field in Settings.model_fields.items():
        name = environment_name(field_name, field.alias)
        described[field_name] = described[name] = (name, field.description or HOW_TO_GET[name])
    return described
