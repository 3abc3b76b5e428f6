"""Finds mistakes in the *page* clause of `watch` that would otherwise become names of people. Pure."""

from itertools import pairwise

from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.tokens import ParseError, Word, corrected, slice_of, typed
from bot.slack.mrkdwn import outside

_IN_STEPS = frozenset({"then", "wait", "after"})
_KINDS = frozenset({"oncall", "on-call", "policy", "pager"})


def refuse_paging_mistakes(command_text: CommandText) -> None:
    """
    Raises:
        ParseError: people one after the other, or a kind of target without its colon.
    """
    words = command_text.words
    begin = next((position for position, word in enumerate(words) if position and word.means("page")), None)
    if begin is None:
        return
    targets = words[begin + 1 :]
    if step := next((word for word in targets if word.lower in _IN_STEPS), None):
        raise ParseError(
            f"“{outside(step.text)}” belongs to a policy: a watch pages everyone at once. Nothing was changed. "
            "Save the policy, then type `watch … page policy:data`:",
            f"policy data = {typed(slice_of(command_text.text, targets))}",
            "help policy",
        )
    for word, following in pairwise(targets):
        if word.lower in _KINDS and _is_plain(following):
            kind, name = word.lower.replace("-", ""), following.text
            fix = corrected(command_text.text, word.start, f"{word.text} {name}", f"{kind}:{name}")
            shown = outside(typed(f"{word.text} {name}"))
            raise ParseError(f"Write “{shown}” with a colon. Nothing was changed.", fix, "help watch")


def _is_plain(word: Word) -> bool:
    return not word.picked and word.text[:1] not in "@#<" and word.lower not in {"for", "on", "in", "and", ""}
