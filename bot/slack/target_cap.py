"""One watch pages only so many: a single command must not call a whole company. Pure."""

from collections.abc import Collection, Sequence

from bot.domain.answer import Refusal
from bot.domain.watch import Target
from bot.slack.grammar.clauses import TargetWord


def too_many_words(words: Sequence[TargetWord], limit: int) -> Refusal | None:
    """Before Slack is asked for anyone: different ids are different targets, names may mean the same."""
    return _refused(len({(word.kind, word.id) for word in words if word.id}), limit)


def too_many(targets: Collection[Target], limit: int) -> Refusal | None:
    """Counted without repeats: the same person twice is one target."""
    return _refused(len(set(targets)), limit)


def _refused(number: int, limit: int) -> Refusal | None:
    if number <= limit:
        return None
    most = "1 target" if limit == 1 else f"{limit} targets"
    return Refusal(
        reason=f"One watch can page {most} at most, and these are {number}. Nothing was changed.",
        hint="Name fewer, or page a user group: it counts as one.",
    )
