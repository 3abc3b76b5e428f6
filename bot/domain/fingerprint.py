"""A fingerprint of an error: equal for the same fault of another block, record, time or place. Pure."""

import hashlib
import re

LONGEST = 600  # characters of the error that count
SHORTEST = 8  # letters that must be left, or else the error says nothing

# What differs from one failure to the next, most specific first. The text stands for it.
_MASKS = tuple(
    (re.compile(pattern, re.IGNORECASE), mask)
    for pattern, mask in (
        (r"\b(status(?:[ _]?code)?|sqlstate|exit code|errno|code|http)[ :=]{1,3}(\d{1,3}|[0-9a-z]{5})\b", r"\1_\2"),
        (r"\b\d{4}[-/]\d\d[-/]\d\d(?:[T ,]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?", "TIME"),
        (r"\b\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\b", "TIME"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "ID"),
        (r"\bpipe[_-][0-9a-z]{6,}\b|\b(?:pod|pipeline)-[\w-]{6,}|\bcovalent-[\w-]{6,}", "ID"),
        (r"\b0x[0-9a-f]*", "HEX"),
        (r"\b(?=[0-9a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b", "HEX"),
        (r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?\b|\[(?=[^\]]*:)[0-9a-f:]{2,39}\](?::\d{1,5})?", "HOST"),
        (r"\b[a-z][a-z0-9+.-]{1,30}://[^\s'\",;)\]]+", "URL"),
        (r"\b(?=[1-9a-z]*[0-9])(?=[1-9a-z]*[a-z])[1-9a-z]{32,88}\b", "ID"),
        # A request's id at AWS, and base64.
        (r"\b(?-i:(?=[A-Z]{0,99}\d)(?=\d{0,99}[A-Z])[A-Z\d]{10,100})\b", "ID"),
        (
            r"(?<![\w+/])(?-i:(?=[^\W\d]{0,99}\d)(?=[a-z\d+/]{0,99}[A-Z])(?=[A-Z\d+/]{0,99}[a-z])[\w+/]{24,200}={0,2})",
            "ID",
        ),
        (r"\b(?:\d+(?:[.,]\d+)*(?:h|ms|m|us|µs|ns|s)){1,5}\b", "N"),
        (r"\b\d+(?:[.,]\d+)*(?:%| ?[kmgtp]i?b|[kmgt])?\b", "N"),
    )
)
# Values in brackets, such as the key of a record: (tx_hash)=(0x…).
_VALUES = re.compile(r"=\s?\([^)]{0,300}\)")
_PREFIX = re.compile(
    r"^(?:\W|TIME|\b(?:FATAL|PANIC|ERROR|ERR|WARN(?:ING)?|INFO|CRITICAL|E)\b|\[[^\]]{0,60}\]|\blevel=\w+|\bmsg=|\bts=\S+)+",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"\s+")


def masked(error: str) -> str:
    """The error without what differs from one failure to the next."""
    text = _VALUES.sub("=(…)", error[:LONGEST])
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return _BLANKS.sub(" ", _PREFIX.sub("", text)).strip().lower()


def fingerprint(error: str) -> str | None:
    """16 hex digits. None: the error says too little to recognise it."""
    text = masked(error)
    if sum(letter.isalpha() for letter in text) < SHORTEST:
        return None
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]
