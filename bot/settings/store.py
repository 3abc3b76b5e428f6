"""Settings of the store alone, for commands that need no tokens: after an uninstallation there may be none."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.settings.environment import names_in_file
from bot.settings.redis_address import REDIS_FORM, passwords_in, redis_fault
from bot.settings.sentences import PREFIX, SettingsError, not_valid


class StoreSettings(BaseSettings):
    """Where the data is: a Redis, or the directory of the embedded store."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8-sig", env_ignore_empty=True, extra="ignore"
    )

    redis_url: SecretStr | None = Field(default=None, alias="REDIS_URL")
    data_dir: Path = Path(".data")

    @classmethod
    def load(cls) -> Self:
        """
        Raises:
            SettingsError: the bot can't read the file.
        """
        names_in_file(Path(".env"))
        return cls()

    @property
    def url(self) -> str | None:
        """None means the embedded store.

        Raises:
            SettingsError: REDIS_URL is not valid.
        """
        text = self.redis_url.get_secret_value().strip() if self.redis_url else ""
        if text and (fault := redis_fault(text)):
            raise SettingsError([not_valid("REDIS_URL", REDIS_FORM, fault)])
        return text or None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that no output may contain.

        Raises:
            SettingsError: REDIS_URL is not valid.
        """
        return (self.url, *passwords_in(self.url)) if self.url else ()
