"""Several diagnoses in one message: in the thread of a group, and in the answer to its *Logs*. Pure."""

from collections.abc import Callable, Iterable, Sequence

from bot.domain.card import Card, ThreadEntry
from bot.domain.diagnosis import Diagnosis
from bot.slack.mrkdwn import outside, time_of_day
from bot.slack.render import phrases
from bot.slack.render.blocks import Block, context, section
from bot.slack.render.diagnosis import cause_line, diagnosis_blocks, error_context, first_step, log_block

CAUSES_SHOWN = 10
LOGS_SHOWN = 3  # each may fill a block of 3,000 characters, and a message has about 13,000 in all
NAMES_OF_CAUSE = 12
NAME_LIMIT = 40
NamedDiagnosis = tuple[str, Diagnosis]
"""A diagnosis with the name of its pipeline."""


def latest_blocks(entries: Sequence[ThreadEntry]) -> list[Block]:
    """For one pipeline: the latest diagnosis says all that an earlier one said."""
    found = _diagnoses(entries)
    return diagnosis_blocks(found[-1][1]) if found else []


def causes_blocks(entries: Sequence[ThreadEntry]) -> list[Block]:
    """For many pipelines: each cause once, with its pipelines and the error of the first one.

    Of each pipeline only the latest diagnosis: an earlier one may say that its log is not read yet. One pipeline alone,
    such as one that failed again, has all that its own thread would have.
    """
    latest = list({entry.pipeline.id: entry for entry in entries}.values())
    if len(latest) == 1 and latest[0].diagnosis:
        name = outside(latest[0].pipeline.name, NAME_LIMIT)
        step = first_step(latest[0].diagnosis)
        return [*diagnosis_blocks(latest[0].diagnosis, of=name), *([section(step)] if step else [])]
    return _each_once(_diagnoses(latest), CAUSES_SHOWN, lambda _, diagnosis: error_context(diagnosis))


def group_log_blocks(cards: Sequence[Card]) -> list[Block]:
    """The lines of each error once, as the bot read them after the failures."""
    found = [(card.pipeline.name, card.episode.diagnosis) for card in cards if card.episode.diagnosis]
    unread = [card.pipeline.name for card in cards if card.episode.diagnosis is None]
    head = f"*{phrases.pipelines(len(cards))}* — the lines of each error, as I read them after the failures"
    return [
        section(head if found else f"I have read no log of these {len(cards):,} failures yet."),
        *_each_once(found, LOGS_SHOWN, _lines),
        *context(f"Not read yet: {_names(unread)}" if found and unread else ""),
    ]


def has_lines(card: Card) -> bool:
    """True if `group_log_blocks` shows lines of its log."""
    diagnosis = card.episode.diagnosis
    return diagnosis is not None and diagnosis.excerpt is not None and bool(diagnosis.excerpt.lines)


def _lines(name: str, diagnosis: Diagnosis) -> list[Block]:
    if diagnosis.excerpt is None or not diagnosis.excerpt.lines:
        return []
    read_at = time_of_day(diagnosis.log_at or diagnosis.at)
    return [log_block(diagnosis.excerpt.lines), *context(f"of *{outside(name, NAME_LIMIT)}*, read at {read_at}")]


def _each_once(
    found: Iterable[NamedDiagnosis], most: int, evidence: Callable[[str, Diagnosis], list[Block]]
) -> list[Block]:
    """Each cause with its pipelines, and with the evidence of the first of them."""
    alike: dict[tuple[str, str, str, str], list[NamedDiagnosis]] = {}
    for name, diagnosis in found:
        alike.setdefault((diagnosis.log, diagnosis.unread, diagnosis.cause, diagnosis.fingerprint), []).append(
            (name, diagnosis)
        )
    most_first = sorted(alike.values(), key=lambda members: -len(members))
    blocks: list[Block] = []
    for members in most_first[:most]:
        name, first = members[0]
        names = _names([member for member, _ in members])
        blocks += [section(f"{cause_line(first)}\n{names}"), *evidence(name, first)]
    rest = sum(map(len, most_first[most:]))
    return [*blocks, *([section(f"… and {rest:,} more, each with another error")] if rest else [])]


def _diagnoses(entries: Iterable[ThreadEntry]) -> list[NamedDiagnosis]:
    return [(entry.pipeline.name, entry.diagnosis) for entry in entries if entry.diagnosis]


def _names(names: Sequence[str]) -> str:
    names = sorted(names, key=str.lower)
    shown = ", ".join(f"*{outside(name, NAME_LIMIT)}*" for name in names[:NAMES_OF_CAUSE])
    return f"{shown} and {len(names) - NAMES_OF_CAUSE:,} more" if len(names) > NAMES_OF_CAUSE else shown
