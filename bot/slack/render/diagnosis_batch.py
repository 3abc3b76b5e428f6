"""Several diagnoses in one message of a thread. Pure."""

from collections.abc import Sequence

from bot.domain.card import ThreadEntry
from bot.domain.diagnosis import Diagnosis
from bot.slack.mrkdwn import outside
from bot.slack.render.blocks import Block, section
from bot.slack.render.diagnosis import cause_line, diagnosis_blocks, error_context

CAUSES_SHOWN = 10
NAMES_OF_CAUSE = 12
NAME_LIMIT = 40


def latest_blocks(entries: Sequence[ThreadEntry]) -> list[Block]:
    """For one pipeline: the latest diagnosis says all that an earlier one said."""
    found = _diagnoses(entries)
    return diagnosis_blocks(found[-1][1]) if found else []


def causes_blocks(entries: Sequence[ThreadEntry]) -> list[Block]:
    """For many pipelines: each cause once, with its pipelines and the error of the first one."""
    alike: dict[tuple[str, str, str, str], list[tuple[str, Diagnosis]]] = {}
    for name, diagnosis in _diagnoses(entries):
        alike.setdefault((diagnosis.log, diagnosis.unread, diagnosis.cause, diagnosis.fingerprint), []).append(
            (name, diagnosis)
        )
    most_first = sorted(alike.values(), key=lambda found: -len(found))
    blocks: list[Block] = []
    for found in most_first[:CAUSES_SHOWN]:
        _, first = found[0]
        line = cause_line(first).replace("*Logs* ", "*Logs* (below *Show all*) ")  # a group's card has no such button
        blocks += [section(f"{line}\n{_names([name for name, _ in found])}"), *error_context(first)]
    rest = sum(map(len, most_first[CAUSES_SHOWN:]))
    return [*blocks, *([section(f"… and {rest:,} more, each with another error")] if rest else [])]


def _diagnoses(entries: Sequence[ThreadEntry]) -> list[tuple[str, Diagnosis]]:
    return [(entry.pipeline.name, entry.diagnosis) for entry in entries if entry.diagnosis]


def _names(names: Sequence[str]) -> str:
    names = sorted(names, key=str.lower)
    shown = ", ".join(f"*{outside(name, NAME_LIMIT)}*" for name in names[:NAMES_OF_CAUSE])
    return f"{shown} and {len(names) - NAMES_OF_CAUSE:,} more" if len(names) > NAMES_OF_CAUSE else shown
