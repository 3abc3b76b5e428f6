"""Finds the name in a command about exactly one pipeline. Pure."""

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
    _, strays = without_strays(command_text)
    if strays:
        raise ParseError(
            f"“{outside(typed(strays[0].text))}” isn't a pipeline. `{command}` takes one pipeline. {UNCHANGED}", "list"
        )
    references = list(dict.fromkeys(references_in(command_text)))
    if not references:
        raise ParseError(f"Which pipeline? {UNCHANGED}", f"{command} orders-eu")
    first = references[0]
    if is_pattern(first):
        raise ParseError(
            f"`{command}` takes one pipeline, not a pattern. {UNCHANGED} To see those that match:",
            f"list {first.strip('*')}",
            "list",
        )
    if len(references) > 1:
        known = (name for name in references if _is_known(name, command_text))
        suggestion = f"{command} {quoted(next(known, first))}{tail}"
        reason = f"`{command}` takes one pipeline at a time. {UNCHANGED} Type it once for each, first:"
        raise ParseError(reason, suggestion, "list")
    return first


def _is_known(name: str, command_text: CommandText) -> bool:
    return not isinstance(resolve(name, command_text.names, suggest=False), UnknownReference)
