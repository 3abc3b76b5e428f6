"""Finds the faults of settings that are fine by themselves but don't fit together."""

from pydantic import Field

from bot.proxy import ProxyError, proxy_for
from bot.settings.environment import EnvironmentSettings, Transport
from bot.settings.http_address import http_fault, is_exposed, without_query
from bot.settings.roles import ALL, NEED_BOT_TOKEN, NEED_SERVICE_KEY, Role, role_fault, roles_in
from bot.settings.sentences import HOW_TO_GET, PREFIX, TEAM_FORM, missing

_ADDRESSES = ("SLACK_API_URL", "GOLDRUSH_API_URL", "WATCHDOG_URL")
_PAGERDUTY_ADDRESSES = ("PAGERDUTY_EVENTS_URL", "PAGERDUTY_API_URL")
_TRUE = {"true", "1", "yes", "on", "t", "y"}  # as pydantic reads a bool


class Combinations(EnvironmentSettings):
    """Finds the faults of settings that don't fit together.

    Reads leniently, so that these faults are reported along with the faults of single settings.
    """

    slack_bot_token: str | None = Field(default=None, alias="SLACK_BOT_TOKEN")
    slack_app_token: str | None = Field(default=None, alias="SLACK_APP_TOKEN")
    slack_signing_secret: str | None = Field(default=None, alias="SLACK_SIGNING_SECRET")
    goldrush_service_key: str | None = Field(default=None, alias="GOLDRUSH_SERVICE_KEY")
    redis_url: str | None = Field(default=None, alias="REDIS_URL")
    slack_api_url: str = Field(default="https://slack.com/api/", alias="SLACK_API_URL")
    goldrush_api_url: str = Field(default="https://api.covalenthq.com", alias="GOLDRUSH_API_URL")
    watchdog_url: str = Field(default="", alias="WATCHDOG_URL")
    pagerduty_events_url: str = Field(default="https://events.pagerduty.com", alias="PAGERDUTY_EVENTS_URL")
    pagerduty_api_url: str = Field(default="https://api.pagerduty.com", alias="PAGERDUTY_API_URL")
    pagers: str = Field(default="", alias="PAGERS")
    role: str = ALL
    team: str | None = None
    transport: str = Transport.AUTO
    port: str = Field(default="3000", alias="PORT")
    metrics_port: str | None = None
    allow_plain_http: str = "false"

    @property
    def _addresses(self) -> tuple[str, ...]:
        """The addresses that a request would use."""
        return (*_ADDRESSES, *(_PAGERDUTY_ADDRESSES if "=pagerduty://" in self.pagers else ()))

    def faults(self) -> list[str]:
        """One sentence for each fault. With an unknown role, nobody knows which secrets are missing."""
        roles = roles_in(self.role) if role_fault(self.role) is None else frozenset[Role]()
        return [
            *(self._role_faults(roles) if roles else ()),
            *(self._transport_faults() if Role.SLACK in roles else ()),
            *(self._port_faults() if Role.SLACK in roles else ()),
            *self._plain_http_faults(),
            *self._proxy_faults(),
        ]

    def _role_faults(self, roles: frozenset[Role]) -> list[str]:
        """Each role needs only some of the secrets. All but `all` share their data through a Redis."""
        faults = []
        if roles & NEED_BOT_TOKEN and not self.slack_bot_token:
            faults.append(missing("SLACK_BOT_TOKEN"))
        if roles & NEED_SERVICE_KEY and not self.goldrush_service_key:
            faults.append(missing("GOLDRUSH_SERVICE_KEY"))
        if not roles & NEED_BOT_TOKEN and not self.team:
            faults.append(f"{PREFIX}TEAM is missing: a reader has no bot token to ask for it. It is {TEAM_FORM}.")
        if len(roles) < len(Role) and not self.redis_url:
            faults.append(
                "REDIS_URL is missing: processes with different roles share one Redis. "
                f"Set it, or set {PREFIX}ROLE=all to run everything in one process."
            )
        return faults

    def _transport_faults(self) -> list[str]:
        if self.transport == Transport.SOCKET and not self.slack_app_token:
            return [missing("SLACK_APP_TOKEN")]
        if self.transport == Transport.HTTP and not self.slack_signing_secret:
            return [missing("SLACK_SIGNING_SECRET")]
        if self.slack_app_token or self.slack_signing_secret:
            return []
        both = (
            "SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both missing, and one of them is needed. "
            f"SLACK_APP_TOKEN is {HOW_TO_GET['SLACK_APP_TOKEN']}. "
            f"SLACK_SIGNING_SECRET is {HOW_TO_GET['SLACK_SIGNING_SECRET']}."
        )
        return [both]

    def _port_faults(self) -> list[str]:
        is_http = self.transport == Transport.HTTP or (self.transport == Transport.AUTO and not self.slack_app_token)
        if not is_http or self.metrics_port != self.port or self.port == "0":
            return []
        return [
            f"PORT and {PREFIX}METRICS_PORT are the same, and two servers can't listen on one port. Change one of them."
        ]

    def _plain_http_faults(self) -> list[str]:
        if self.allow_plain_http.lower() in _TRUE:
            return []
        return [
            f"{name} begins with http://, so its secrets would cross the network unencrypted. Use https://. "
            f"If the network itself is safe, set {PREFIX}ALLOW_PLAIN_HTTP=true."
            for name in self._addresses
            if http_fault(url := without_query(getattr(self, name.lower()))) is None and is_exposed(url)
        ]

    def _proxy_faults(self) -> list[str]:
        """Checks only the proxy variables that a request would use."""
        faults = []
        for name in self._addresses:
            url = without_query(getattr(self, name.lower()))
            try:
                if http_fault(url) is None:
                    proxy_for(url)
            except ProxyError as exc:
                faults.append(str(exc))
        return faults
