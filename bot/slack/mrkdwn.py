"""Text for Slack: escaping, cutting to limits, times. Pure.

Source: https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

NAME_LIMIT = 75
REASON_LIMIT = 300
MINUTE, HOUR, DAY = 60, 3_600, 86_400
# mrkdwn has no escape for these, so lookalikes replace them.
_LOOKALIKES = str.maketrans({"*": "∗", "`": "ˋ", "~": "∼"})
_BRACKETS = str.maketrans({"<": "‹", ">": "›"})
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_FORMATTING = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_FENCE = "```"
_TURNS = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+")  # marks that change the direction of text
_EDGE_UNDERSCORE = re.compile(r"(?<!\w)_|_(?!\w)")
_SHORTCODE = re.compile(r":(?=[\w+'-]+:)")
NO_BREAK = "\u00a0"
_BREAKS = re.compile(
    r"(?P<kept>```[^`]*```|`[^`\n]*`|<[^<>\n]*>)|(?<=\d) (?=[a-z])|(?<=\d of) (?=\d)|(?<=\S) (?=[·—] )"
)
_UTC_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d)(?: UTC|(?= until \d{4}-\d\d-\d\d \d\d:\d\d UTC))")
_JOINER = "\u2060"  # invisible; beside it an underscore makes nothing italic, and a colon begins no emoji
_FIRST_STRONG, _POP = "\u2068", "\u2069"
_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")


def together(text: str) -> str:
    """The text with no line break between a number and its unit: `3 min`, `0 of 1 ready`, `5 pipelines`.

    No line begins with a separator, either.
    Leaves code and Slack's `<…>` forms alone, because people copy code and Slack reads the forms.
    """
    return _BREAKS.sub(lambda found: found["kept"] or NO_BREAK, text)


def escape(text: str) -> str:
    """The three characters that Slack wants escaped, and no others."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """Undoes `escape` once: `&amp;lt;` becomes the `&lt;` that someone typed."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def cut(text: str, limit: int) -> str:
    """Escapes the text and cuts it to `limit` characters, never within an entity."""
    escaped = [escape(character) for character in text[: limit + 1]]
    if sum(map(len, escaped)) <= limit and len(text) <= limit:
        return "".join(escaped)
    pieces, length = [], 0
    for piece in escaped:
        if length + len(piece) > limit - 1:
            break
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces).rstrip("\u200d\ufe0f ") + "…"


def outside(text: str, limit: int = NAME_LIMIT) -> str:
    """A name or reason from outside as one safe line: it pings nobody and changes neither format nor direction."""
    clean = _one_line(text).translate(_LOOKALIKES)
    clean = _EDGE_UNDERSCORE.sub(f"{_JOINER}_{_JOINER}", clean)
    clean = _SHORTCODE.sub(f":{_JOINER}", clean)
    if _RIGHT_TO_LEFT.search(clean):
        return f"{_FIRST_STRONG}{cut(clean, limit - 2)}{_POP}"
    return cut(clean, limit) or "(no name)"


def outside_with_times(text: str, limit: int = NAME_LIMIT) -> str:
    """As `outside`, with times such as `2026-11-23 14:00 UTC` in the reader's own zone."""
    return _UTC_TIME.sub(_in_own_zone, outside(text, limit))


def _in_own_zone(found: re.Match[str]) -> str:
    try:
        return date(datetime.fromisoformat(found[1]).replace(tzinfo=UTC))
    except ValueError:  # someone's own words
        return found[0]


def code(text: str, limit: int = NAME_LIMIT) -> str:
    """Text to type, as code, so that Slack formats nothing in it."""
    clean = _one_line(text).replace("`", "ˋ")
    return f"`{cut(clean, limit) or ' '}`"


def code_block(lines: Sequence[str], limit: int) -> str:
    """Lines from outside as a block of code of at most `limit` characters.

    Nothing in them can end the block, ping anybody or turn the direction of text. If they are too long together, each
    gets an equal share.
    """
    share = (limit - len(_FENCE) * 2 - 1) // max(1, len(lines)) - 1
    clean = [_FORMATTING.sub(" ", _TURNS.sub("", line.expandtabs(2))).replace("`", "ˋ").rstrip() for line in lines]
    whole = sum(len(escape(line)) + 1 for line in clean) <= limit - len(_FENCE) * 2 - 1
    inside = "\n".join(escape(line) if whole else cut(line, share) for line in clean)
    return f"{_FENCE}\n{inside if inside.strip() else ' '}\n{_FENCE}"


def plain_cut(text: str, limit: int) -> str:
    """One line for Slack's plain text, which needs no escapes: at most `limit` characters, never empty."""
    clean = _one_line(text).translate(_BRACKETS)
    return (clean if len(clean) <= limit else f"{clean[: limit - 1]}…") or "(no name)"


def _one_line(text: str) -> str:
    return " ".join(_CONTROLS.sub(" ", _TURNS.sub("", text)).split())


def date(at: datetime, form: str = "{time} {date_short_pretty}") -> str:
    """The time in the reader's own zone, with UTC as the fallback for other clients.

    Slack capitalises the first letter of the result. The time comes first, so `today` stays lower case.
    """
    return f"<!date^{int(at.timestamp())}^{form}|{at:%Y-%m-%d %H:%M:%S} UTC>"


def time_of_day(at: datetime) -> str:
    return date(at, "{time_secs}")


def duration(seconds: float, *, at_least: bool = False) -> str:
    """A duration in people's words: `6 s`, `1 min 30 s`, `3 min`, `2 h 10 min`, `1 day 4 h`, `3 days`.

    Rounded to the nearest; down where the text says "at least".
    """
    unit = _unit(seconds)
    rounded = max(0, int(seconds / unit + (0 if at_least else 0.5)) * unit)
    if rounded < MINUTE:
        return f"{rounded} s"
    if rounded < 2 * MINUTE:
        return _two(rounded, (MINUTE, "min"), (1, "s"))
    if rounded < HOUR:
        return f"{rounded // MINUTE} min"
    if rounded < DAY:
        return _two(rounded, (HOUR, "h"), (MINUTE, "min"))
    if rounded < 2 * DAY:
        return _two(rounded, (DAY, "day"), (HOUR, "h"))
    return f"{rounded // DAY} days"


def _unit(seconds: float) -> int:
    """The smallest unit that a duration of this size shows."""
    return next((unit for until, unit in ((2 * MINUTE, 1), (DAY, MINUTE), (2 * DAY, HOUR)) if seconds < until), DAY)


def _two(seconds: int, large: tuple[int, str], small: tuple[int, str]) -> str:
    number, rest = divmod(seconds, large[0])
    smaller = rest // small[0]
    return f"{number} {large[1]} {smaller} {small[1]}" if smaller else f"{number} {large[1]}"


def span(began: datetime, ended: datetime, *, or_earlier: bool = False) -> str:
    """`10:03 – 10:10 today`, or a single time if less than a minute lies between them."""
    seconds = (ended - began).total_seconds()
    if seconds < MINUTE:
        return f"until {date(ended)}" if or_earlier else date(began)
    first = date(began, "{time}" if seconds < DAY / 2 else "{time} {date_short_pretty}")
    return f"{first} or earlier – {date(ended)}" if or_earlier else f"{first} – {date(ended)}"


def in_one_minute(one: datetime, other: datetime) -> bool:
    """True if the two times, as `date` shows them, read the same."""
    return int(one.timestamp() // MINUTE) == int(other.timestamp() // MINUTE)


def from_to(began: datetime, ended: datetime) -> str:
    """`from 10:03 today to 10:10 today`, or a single time if less than a minute lies between them."""
    if (ended - began).total_seconds() < MINUTE:
        return f"at {date(began)}"
    return f"from {date(began)} to {date(ended)}"


def ago(at: datetime, now: datetime) -> str:
    seconds = (now - at).total_seconds()
    return f"{duration(seconds)} ago" if seconds >= 1 else "just now"
