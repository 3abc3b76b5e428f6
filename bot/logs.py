"""Logs: one line an event, for people at a terminal and as JSON elsewhere; never a secret."""

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, Processor

_SECRETS = re.compile(r"(xox[a-z]-|xapp-|Bearer\s+)[^\s'\"]+|(?<=://)[^/@\s]*:[^/@\s]*(?=@)")


def _redacted(text: str) -> str:
    return _SECRETS.sub(lambda found: f"{found.group(1) or ''}…", text)


def _redact(_: object, __: str, event: EventDict) -> EventDict:
    return {name: _redacted(value) if isinstance(value, str) else value for name, value in event.items()}


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
