"""The patterns of secrets, for logs and for texts that reach a channel."""

import re

REDACTED = "[redacted]"

_NAMES = r"authorization|cookie|passwd|password|pwd|secret|signature|ticket|token|(?:api|service|routing)[_-]?key"
_NAMES_A_SECRET = re.compile(rf"(?:{_NAMES})$", re.IGNORECASE)

# Each form is a named group with the text that stays, and the secret behind it. A password for Redis may hold any
# character, so everything up to the last @ is hidden.
_SECRETS = re.compile(
    rf"""
      (?P<shown> xox[a-z]- | xapp- | \bpagerduty:// | \bcqt_ | \bbearer\s+ | \bhooks\.slack(?:-gov)?\.com/ ) [^\s'"]+
    | (?P<named> (?:{_NAMES})= ['"]? ) [^\s'"&,)]+
    | (?P<quoted> ['"] [\w-]* (?:{_NAMES}) ['"] \s* : \s* b?['"] ) [^'"]+
    | (?P<header> \bauthorization ['"]? \s*[:=,]\s* (?:b?['"])? (?:(?:basic|bearer)\s+)? ) [^\s'"]+
    | (?: (?<=redis://) | (?<=rediss://) ) \S* (?=@)
    | (?<=://) [^/?#\s]+ (?=@)
    | \beyJ[\w-]+\.[\w.-]+
    """,
    re.IGNORECASE | re.VERBOSE,
)

# Forms that many harmless texts have too. Long hex or base64 may be a secret; the id of a pipeline is not.
_SUSPECTS = re.compile(
    rf"""
      (?P<scheme> \bbasic\s+ ) \S+
    | (?P<user> :// ) \S* (?=@)
    | (?P<named> (?:{_NAMES}) \W{{0,3}}[=:] (?! \W* (?:basic|bearer|redacted)\b ) \W{{0,3}} ) [^\s&]+
    | (?<![\w+/=-]) (?! pipe_[0-9a-f]+ (?![\w+/=-]) ) [\w+/=-]{{20,}}
    """,
    re.IGNORECASE | re.VERBOSE,
)


def names_a_secret(name: str) -> bool:
    return _NAMES_A_SECRET.search(name) is not None


def hide_secrets(text: str, instead: str) -> str:
    """For our own texts: hides only certain secrets."""
    return _SECRETS.sub(lambda found: _shown(found) + instead, text)


def hide_suspects(text: str) -> str:
    """For texts of others: also hides what may be a secret."""
    return _SUSPECTS.sub(lambda found: _shown(found) + REDACTED, hide_secrets(text, REDACTED))


def _shown(found: re.Match[str]) -> str:
    return next((text for text in found.groupdict().values() if text), "")
