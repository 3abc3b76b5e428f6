"""Finds the name in a command about exactly one pipeline. Pure."""

from dataclasses import replace

from bot.domain.catalogue import is_pattern
from bot.domain.names import UnknownReference, resolve
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.references import references_in, without_strays
from bot.slack.grammar.tokens import ParseError, quoted, typed
from bot.slack.mrkdwn import outside

UNCHANGED = "Nothing was changed."


def one_pipeline(command_text: CommandText, command: str, *, tail: str = "") -> str:
    """The name or id as typed.

    `tail`: the rest of the command, such as a time. The suggestion keeps it.

    Raises:
        ParseError: there is none, more than one, a pattern, or another word.
    """
    words, strays = without_strays(command_text)
    references = list(dict.fromkeys(references_in(replace(command_text, words=words))))
    if strays:
        plainly = [f"{command} {quoted(references[0])}{tail}"] if len(references) == 1 else []
        raise ParseError(
            f"“{outside(typed(strays[0].text))}” isn't a pipeline. `{command}` takes one pipeline. {UNCHANGED}",
            *plainly,
            "list",
        )
    if not references:
        raise ParseError(f"Which pipeline? {UNCHANGED}", f"{command} orders-eu")
    first = references[0]
    if is_pattern(first):
        raise ParseError(
            f"`{command}` takes one pipeline, not a pattern. {UNCHANGED} To see those that match:",
            f"status {quoted(first)}",
            "list",
        )
    if len(references) > 1:
        known = [name for name in references if _is_known(name, command_text)]
        suggestion = f"{command} {quoted(next(iter(known), first))}{tail}"
        if len(known) == 1:
            extra = next(name for name in references if name != known[0])
            reason = f"`{command}` takes a pipeline and nothing else, but there is “{outside(extra)}”. {UNCHANGED}"
        else:
            reason = f"`{command}` takes one pipeline at a time. {UNCHANGED} Type it once for each. The first:"
        raise ParseError(reason, suggestion, "list")
    return first


def _is_known(name: str, command_text: CommandText) -> bool:
    return not isinstance(resolve(name, command_text.names, suggest=False), UnknownReference)
