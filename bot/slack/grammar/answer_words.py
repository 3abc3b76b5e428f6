"""Reads the words of `ack`, `snooze`, `takeover` and `resolve`: one pipeline, a time and a remark. Pure.

*orders-eu*, *orders-eu for 20m "looking"*, *orders-eu until 15:00 because the sink is slow*.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.catalogue import comparable
from bot.domain.silence import LONGEST_WHY
from bot.domain.wall_clock import NamedMoment
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.near_commands import for_somebody_else
from bot.slack.grammar.one_pipeline import one_pipeline
from bot.slack.grammar.references import without_strays
from bot.slack.grammar.silence_times import MuteTime, read_mute_time
from bot.slack.grammar.silences import without_reason
from bot.slack.grammar.spoken_names import known_span
from bot.slack.grammar.time_first import BECAUSE, refuse_time_first
from bot.slack.grammar.time_words import lower_words
from bot.slack.grammar.tokens import ALL, ParseError, Word, quoted, slice_of, typed
from bot.slack.mrkdwn import outside

GROUP = "group:"
"""Stands before a group's key, in place of a pipeline. The router writes it for `all` in a group's thread."""
ERROR = "error:"
"""Stands before the key of a card or group, in place of a pipeline: the error that the thread is about."""
_TIME_BEGINS = frozenset({"for", "until", "till", "til"})
_TAKE_OVER = re.compile(r"^\s*take[\s-]+over\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AnswerText:
    """The parts of such a command."""

    reference: str
    """The pipeline as typed. Empty for a group."""
    group: str = ""
    """A group's key."""
    until: NamedMoment | None = None
    remark: str = ""


def joined_take_over(text: str) -> str:
    """`take over` as the one word that is the command's name."""
    return _TAKE_OVER.sub("takeover", text, count=1)


def read_answer(command_text: CommandText, command: str) -> AnswerText:
    """
    Raises:
        ParseError: a word has no meaning here, or the remark is too long.
    """
    example = f"{command} orders-eu for 20m"
    refuse_time_first(command_text, command, takes_remark=True)
    words, remark = without_reason(command_text, example)
    if not remark:
        words, remark = _without_quoted(words, command_text)
    words, time, following = _without_time(words, command_text)
    if time and time.until is None:
        raise ParseError("`until live` is for `mute`. Nothing was changed. Name a time, for example:", example)
    if following and remark:
        raise ParseError(f"I can't read “{outside(following)}” here. Nothing was changed. For example:", example)
    remark = remark or following
    if len(remark) > LONGEST_WHY:
        text = f"That remark has {len(remark):,} characters, and the limit is {LONGEST_WHY:,}. Nothing was changed."
        raise ParseError(text, example)
    until = time.until if time else None
    if words and words[0].text.startswith(GROUP) and not words[0].quoted and len(words) == 1:
        return AnswerText("", words[0].text.removeprefix(GROUP), until, remark)
    if len(words) == 1 and words[0].means(ALL):
        reason = "In the thread of a group's message, `all` means its pipelines. Here, name one pipeline."
        raise ParseError(f"{reason} Nothing was changed. To see what failed:", "status failed")
    _refuse_unread(words, command_text, command)
    without_people, people = without_strays(replace(command_text, words=words))
    if people and people[0].text.startswith(("@", "<@")):
        named = typed(slice_of(command_text.text, without_people)) if without_people else ""
        raise for_somebody_else(typed(people[0].text), named)
    tail = typed(command_text.text[words[-1].end :]) if words else ""
    reference = one_pipeline(replace(command_text, words=words), command, tail=tail)
    return AnswerText(reference, "", until, remark)


def time_length(text: str) -> int:
    """How many characters of a text are the time that it begins with. 0: it begins with none."""
    words = text.split()
    for end in range(len(words), 0, -1):
        if read_mute_time([word.lower().rstrip(".!?,") for word in words[:end]]):
            match = re.match(r"\s*" + r"\s+".join(map(re.escape, words[:end])), text)
            return match.end() if match else 0
    return 0


def _without_quoted(words: list[Word], command_text: CommandText) -> tuple[list[Word], str]:
    """Takes out a remark in quotes at the end. The first words are the pipeline's name, also in quotes."""
    last = words[-1] if len(words) > 1 else None
    if last is None or not last.quoted or command_text.names.with_name(comparable(last.text)):
        return words, ""
    return words[:-1], last.text


def _without_time(words: list[Word], command_text: CommandText) -> tuple[list[Word], MuteTime | None, str]:
    """The words before the time, the time, and the text after it."""
    if not words or command_text.names.with_name(comparable(slice_of(command_text.text, words))):
        return words, None, ""  # all of it is a name, such as *sync every 5 min*
    named = max(1, known_span(words, 0, command_text.text, command_text.names, begun=False))
    lower = lower_words(words)
    for begin in range(named, len(words)):
        for end in range(len(words), begin, -1):
            if any(word.quoted for word in words[begin:end]) or (time := read_mute_time(lower[begin:end])) is None:
                continue
            rest = words[end:]
            return words[:begin], time, typed(slice_of(command_text.text, rest)) if rest else ""
    return words, None, ""


def _refuse_unread(words: Sequence[Word], command_text: CommandText, command: str) -> None:
    """Refuses words after a known name that are no time: they may be a remark that lacks its quotes."""
    span = known_span(list(words), 0, command_text.text, command_text.names, begun=False) if words else 0
    rest = list(words[span:])
    if not span or not rest or rest[0].quoted or known_span(rest, 0, command_text.text, command_text.names, begun=True):
        return
    name, text = slice_of(command_text.text, list(words[:span])), typed(slice_of(command_text.text, rest))
    if rest[0].lower in _TIME_BEGINS:
        reason = f"I can't read the time in “{outside(text)}”. Nothing was changed. For example:"
        raise ParseError(reason, f"{command} {quoted(typed(name))} for 20m")
    if rest[0].lower in BECAUSE or rest[0].picked or rest[0].text[:1] in "@#":
        return
    reason = f"I can't read “{outside(text)}” here. Nothing was changed. Put a remark in quotes:"
    remark = text.replace('"', "’")
    raise ParseError(reason, f'{command} {quoted(typed(name))} "{remark}"', f"{command} {quoted(typed(name))}")
