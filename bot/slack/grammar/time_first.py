"""Refuses a time before the pipeline, as in `snooze 1h orders-eu`, and suggests the right order. Pure."""

from bot.domain.catalogue import is_pattern
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.silence_times import read_mute_time
from bot.slack.grammar.spoken_names import known_span
from bot.slack.grammar.time_words import lower_words
from bot.slack.grammar.tokens import ALL, ParseError, Word, slice_of, typed
from bot.slack.mrkdwn import outside

BECAUSE = frozenset({"because", "cause", "since:", "reason:", "why:"})
CHANNEL_WORDS = frozenset({"channel", "here"})


def leading_time(words: list[Word]) -> int:
    """How many words are the time that these words begin with. 0: they begin with none."""
    lower = lower_words(words)
    return next(
        (end for end in range(len(words), 0, -1) if read_mute_time(lower[:end]) and not _any_quoted(words[:end])), 0
    )


def refuse_time_first(command_text: CommandText, command: str, *, takes_remark: bool = False) -> None:
    """`takes_remark`: words without a name behind the time are a remark, which then gets quotes.

    Raises:
        ParseError: the time comes before the pipeline.
    """
    words = command_text.words
    end = leading_time(words)
    if not 0 < end < len(words) or known_span(words, 0, command_text.text, command_text.names, begun=False):
        return
    time, following = typed(slice_of(command_text.text, words[:end])), words[end:]
    if following[0].lower in BECAUSE:
        return
    cut = next((at for at in range(1, len(following)) if following[at].quoted or following[at].lower in BECAUSE), None)
    named, rest = following[:cut], following[cut:] if cut else []
    name = typed(slice_of(command_text.text, named))
    remark = typed(command_text.text[rest[0].start :]) if rest else ""
    if takes_remark and not _names_something(named, command_text):
        name, remark = "orders-eu", f'"{typed(command_text.text[named[0].start :]).replace(chr(34), "’")}"'
    raise ParseError(
        f"Type the pipeline's name before the time “{outside(time)}”. Nothing was changed.",
        f"{command} {name} {time} {remark}".strip(),
        f"{command} orders-eu {time}",
    )


def _names_something(words: list[Word], command_text: CommandText) -> bool:
    first = words[0]
    known = known_span(words, 0, command_text.text, command_text.names, begun=False)
    return bool(known) or is_pattern(first.text) or first.lower in {ALL, *CHANNEL_WORDS}


def _any_quoted(words: list[Word]) -> bool:
    return any(word.quoted for word in words)
