"""The pipelines that a ServiceKey can see, and the patterns that match them. Pure."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from bot.domain.observation import PipelineId
from bot.domain.phase import Intent

PROJECT_PREFIX = "project:"
CACHED = 32_768  # patterns of a large workspace
# Soft hyphens, joiners, marks and changes of direction, which pasted names contain.
_UNSEEN = re.compile(r"[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+")
_BLANKS = re.compile(r"\s+")
_ALIKE = str.maketrans(dict.fromkeys("‘’‛ʼ´`", "'") | dict.fromkeys("‐‑‒–—−", "-"))  # substitutions that keyboards make
_SHORTCODE = re.compile(r":[\w+'-]+:")  # an emoji, as Slack writes it
_WORD = re.compile(r"\w+")
_PLAIN = re.compile(r"[!-_a-~]+(?: [!-_a-~]+)*")  # ASCII without a backtick: only its case can differ


class AccountLimit(StrEnum):
    """Why GoldRush may refuse to run a group's pipelines. The values are part of stored rows."""

    OVER_LIMIT = "over_limit"
    TRIAL_EXPIRED = "trial_expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRange:
    """The blocks that a bounded pipeline reads."""

    stop: int
    """The last one."""
    start: int | None = None
    """The first one. None: unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline as the API lists it."""

    id: PipelineId
    name: str
    project: str = ""
    intent: Intent | None = None
    """Its owner's wish, never the phase. None: unknown."""
    bounded: bool = False
    """It ends by itself when its input ends (`execution_mode`)."""
    destination: str = ""
    """The same for all pipelines that write to one destination: a hash. Empty: unknown."""
    destination_type: str = ""
    """Such as `postgres`. Empty: unknown."""
    owner: str = ""
    """GoldRush's id of the person who made it, never an e-mail. Empty: unknown."""
    blocks: BlockRange | None = None
    """Only for a bounded pipeline with an end block."""
    chain: str = ""
    """The chain that it reads, such as `base-mainnet`. Empty: unknown."""
    account_limit: AccountLimit | None = None
    """What the listing says of its group. None: nothing of the kind."""


def visible(text: str) -> str:
    """The text without invisible characters, with single plain blanks."""
    return _BLANKS.sub(" ", _UNSEEN.sub("", text))


def comparable(text: str) -> str:
    """The form for comparing names: equal for texts that look alike to people, in any case."""
    if _PLAIN.fullmatch(text):
        return text.lower()
    return unicodedata.normalize("NFC", visible(text)).lower().translate(_ALIKE)


def name_words(text: str) -> str:
    """The words of a name, without emoji and punctuation."""
    shown = comparable(text)
    without_emoji = _SHORTCODE.sub(" ", shown) if ":" in shown else shown
    return " ".join(_WORD.findall(without_emoji) or _WORD.findall(shown))


def is_pattern(reference: str) -> bool:
    """True if a reference may match many pipelines: `orders-*`, `project:NAME`. Others mean one pipeline."""
    return "*" in reference or reference.lower().startswith(PROJECT_PREFIX)


def matches(pattern: str, pipeline: Pipeline) -> bool:
    """True if a stored reference (a pattern, or an id) covers this pipeline."""
    if not is_pattern(pattern):
        return pattern == pipeline.id
    wanted = comparable(pattern)
    if wanted.startswith(PROJECT_PREFIX):
        return _fits(wanted.removeprefix(PROJECT_PREFIX), comparable(pipeline.project))
    return _fits(wanted, comparable(pipeline.name)) or _fits(wanted, comparable(pipeline.id))


def _fits(pattern: str, text: str) -> bool:
    return fitting(pattern)(text)


@lru_cache(maxsize=CACHED)
def fitting(pattern: str) -> Callable[[str], bool]:
    """A test for texts. Only `*` is special.

    fnmatch compiles each pattern, which costs more than matching hundreds of texts.
    """
    first, *rest = pattern.split("*")
    if not rest:
        return lambda text: text == first
    *middle, last = rest
    shortest = len(first) + len(last)

    def fits(text: str) -> bool:
        if not text.startswith(first) or not text.endswith(last) or len(text) < shortest:
            return False
        start, end = len(first), len(text) - len(last)
        for part in middle:
            found = text.find(part, start, end)
            if found < 0:
                return False
            start = found + len(part)
        return True

    return fits
