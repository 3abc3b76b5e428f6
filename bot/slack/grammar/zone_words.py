"""Reads the time zone after *in*. Pure."""

from bot.domain.wall_clock import zone_named, zones_like
from bot.slack.grammar.tokens import ParseError, Word, corrected
from bot.slack.mrkdwn import outside


def read_zone(word: Word, text: str, example: str) -> str:
    """The IANA name. `text`: the whole command, which the suggestion repeats with the right zone.

    Raises:
        ParseError: there is no such zone.
    """
    if zone := zone_named(word.text):
        return zone.key
    near = zones_like(word.text)
    fix = corrected(text, word.start, word.text, near[0] if near else "Europe/Berlin")
    guess = f"Did you mean *{near[0]}*?" if near else "Type it as a region and a city, such as *Europe/Berlin*."
    raise ParseError(f"I don't know the time zone “{outside(word.text)}”. {guess} Nothing was changed.", fix, example)
