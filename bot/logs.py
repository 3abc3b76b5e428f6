"""Logs: one line an event, for people at a terminal and as JSON elsewhere; never a secret."""

import logging
import re
import sys
from collections.abc import Mapping

import structlog
from structlog.typing import EventDict, Processor

# What is shown, and behind it the secret. A password for Redis may hold any sign, so all up to the last @ goes.
_SECRETS = re.compile(
    r"""
      (?P<shown> xox[a-z]- | xapp- | \bcqt_ | \bbearer\s+ | \bhooks\.slack(?:-gov)?\.com/ ) [^\s'"]+
    | (?P<named> [?&](?:password|secret|ticket|token)= ) [^\s'"&]+
    | (?: (?<=redis://) | (?<=rediss://) ) \S* (?=@)
    | (?<=://) [^/?#\s]*:[^/?#\s]* (?=@)
    """,
    re.IGNORECASE | re.VERBOSE,
)


def _redacted(text: str) -> str:
    return _SECRETS.sub(lambda found: f"{found['shown'] or found['named'] or ''}…", text)


def _clean(value: object) -> object:
    """As it may be written down, however deep the secret lies in it."""
    match value:
        case str():
            return _redacted(value)
        case None | int() | float():
            return value
        case Mapping():
            return {_redacted(str(name)): _clean(each) for name, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(each) for each in value]
        case _:
            return _redacted(repr(value))


def _redact(_: object, __: str, event: EventDict) -> EventDict:
    """structlog's own entries, which the formatter takes out again, begin with an underscore."""
    return {name: value if name.startswith("_") else _clean(value) for name, value in event.items()}


def configure(level: str) -> None:
    """Everything goes to standard error, the libraries' own warnings included."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact,
    ]
    renderer: Processor = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("bot").setLevel(level.upper())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
