"""What the app holds of the workspace, and how it loses it: its token, its scopes."""

from enum import StrEnum


class Loss(StrEnum):
    REVOKED = "revoked"
    """The bot token is revoked: `tokens_revoked` is sent, calls answer `token_revoked`."""
    UNINSTALLED = "uninstalled"
    """The app is uninstalled: `app_uninstalled` is sent too, calls answer `account_inactive`."""
    INVALID = "invalid"
    """The token is not (or no longer) known: calls answer `invalid_auth`, and nothing was sent."""
    NO_HISTORY_SCOPE = "no_history_scope"
    """conversations.history and .replies answer `missing_scope`."""
    NO_METADATA_SCOPE = "no_metadata_scope"
    """Messages are read without their metadata."""


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
        self.losses: list[Loss] = []
        self.organization = False
        """Installed for a whole organization, as Enterprise Grid allows: the token names no workspace of its own."""

    @property
    def token_error(self) -> str | None:
        """What every call with the bot token is answered, where the token is lost."""
        return next((error for loss, error in _ERRORS.items() if loss in self.losses), None)

    def lose(self, loss: Loss) -> frozenset[str]:
        """The scopes that go with it."""
        if loss not in self.losses:
            self.losses.append(loss)
        return _SCOPES.get(loss, frozenset())

    def regain(self, loss: Loss) -> frozenset[str]:
        """The scopes that come back with it."""
        if loss not in self.losses:
            return frozenset()
        self.losses.remove(loss)
        return _SCOPES.get(loss, frozenset())
