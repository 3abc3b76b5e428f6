"""The subscriber that logs: one line per event, readable at a terminal and JSON elsewhere; never a secret.

It hides secrets in three ways: by their form, by the name before them, and by the values of the settings.
"""

import dataclasses
import logging
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import TracebackType

import structlog
from structlog.typing import EventDict, Processor

from bot.ports.telemetry import EventRecord, Level, subscribe
from bot.redaction import hide_secrets, names_a_secret

SHORTEST_SECRET = 6
"""In characters. A shorter value could be a part of any word."""
_HIDDEN = "…"
_BOT = logging.getLogger("bot")
_LEVELS = {
    Level.DEBUG: logging.DEBUG,
    Level.INFO: logging.INFO,
    Level.WARNING: logging.WARNING,
    Level.ERROR: logging.ERROR,
}


class Redaction:
    """A processor of structlog. No line contains one of the values in `secrets`."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, _: object, __: str, event: EventDict) -> EventDict:
        """Leaves structlog's own entries, which begin with an underscore; the formatter removes them."""
        return {name: value if name.startswith("_") else self._named(name, value) for name, value in event.items()}

    def text(self, text: str) -> str:
        """The text without secrets."""
        hidden = self._values.sub(_HIDDEN, text) if self._values else text
        return hide_secrets(hidden, _HIDDEN)

    def clean(self, value: object) -> object:
        """The value without secrets, however deep they are in it."""
        match value:
            case str():
                return self.text(value)
            case None | int() | float():
                return value
            case Mapping():
                return {self.text(str(name)): self._named(str(name), item) for name, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.clean(item) for item in value]
            case _:
                return self.text(repr(value))

    def _named(self, name: str, value: object) -> object:
        """Hides any value whose name says that it is secret. If its form is known, the form stays visible."""
        cleaned = self.clean(value)
        secret = isinstance(value, str | bytes) and value and names_a_secret(name)
        return _HIDDEN if secret and cleaned in (value, repr(value)) else cleaned


def _log_uncaught(kind: type[BaseException], exc: BaseException, trace: TracebackType | None) -> None:
    """Logs an exception that nothing caught; Python would print its secrets."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, exc, trace)
        return
    structlog.get_logger("bot").critical("stopped_by_a_fault", exc_info=(kind, exc, trace))


def log_record(record: EventRecord) -> None:
    """Subscribes to event records: writes each one as a line."""
    if record.level is Level.DEBUG and not _BOT.isEnabledFor(logging.DEBUG):  # thousands a second
        return
    fields = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    shown = {name: _plain(value) for name, value in fields.items() if value is not None}
    if "exception" in shown:
        shown["exc_info"] = shown.pop("exception")
    structlog.get_logger("bot").log(_LEVELS[record.level], record.event, **shown)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def configure(level: str, secrets: Iterable[str] = ()) -> None:
    """Logs to standard error: event records, warnings of libraries and of Python, and uncaught exceptions."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        Redaction(secrets),
    ]
    renderer: Processor = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("bot").setLevel(level.upper())
    logging.captureWarnings(True)  # noqa: FBT003 (its one argument)
    sys.excepthook = _log_uncaught
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    subscribe(log_record)
