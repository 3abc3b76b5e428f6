"""What the app may do in the workspace: its token, scopes and event subscriptions, and how it loses them."""

from enum import StrEnum

from sandbox.slack import manifest


class Loss(StrEnum):
    REVOKED = "revoked"
    """The bot token is revoked. Slack sends `tokens_revoked`, and calls get `token_revoked`."""
    UNINSTALLED = "uninstalled"
    """The app is uninstalled. Slack sends `app_uninstalled` too, and calls get `account_inactive`."""
    INVALID = "invalid"
    """Slack does not know the token. It sends no event, and calls get `invalid_auth`."""
    NO_HISTORY_SCOPE = "no_history_scope"
    """conversations.history and .replies get `missing_scope`."""
    NO_METADATA_SCOPE = "no_metadata_scope"
    """Slack returns messages without their metadata."""


_ERRORS = {
    Loss.UNINSTALLED: "account_inactive",
    Loss.REVOKED: "token_revoked",
    Loss.INVALID: "invalid_auth",
}
_SCOPES = {
    Loss.NO_HISTORY_SCOPE: frozenset({"channels:history", "groups:history", "im:history"}),
    Loss.NO_METADATA_SCOPE: frozenset({"metadata.message:read"}),
}


class Installation:
    def __init__(self) -> None:
        self.scopes: set[str] = set(manifest.SCOPES)
        self.event_subscriptions: set[str] = set(manifest.EVENTS)
        self.messages_tab = manifest.MESSAGES_TAB
        self.home_tab = manifest.HOME_TAB
        self.losses: list[Loss] = []
        self.organization = False
        """Installed for a whole organization (Enterprise Grid): the token belongs to no single workspace."""

    def hear_everything(self) -> None:
        """Subscribes the app to every event that the sandbox can send."""
        self.event_subscriptions |= manifest.OTHER_EVENTS

    @property
    def token_error(self) -> str | None:
        """The error of every call with the bot token once the token is lost."""
        return next((error for loss, error in _ERRORS.items() if loss in self.losses), None)

    def lose(self, loss: Loss) -> None:
        if loss not in self.losses:
            self.losses.append(loss)
        self.scopes -= _SCOPES.get(loss, frozenset())

    def regain(self, loss: Loss) -> None:
        """A new installation restores the scopes."""
        if loss in self.losses:
            self.losses.remove(loss)
            self.scopes |= _SCOPES.get(loss, frozenset())
