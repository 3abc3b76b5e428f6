"""Commands that people type but the bot lacks, each with the command that helps instead. Pure."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from bot.slack.grammar.tokens import ParseError, Word, quoted_target
from bot.slack.mrkdwn import outside

_READ_ONLY = (
    "stop start restart pause resume unpause deploy redeploy delete destroy run rerun kill scale cancel create",
    "update edit upgrade rollback retry reset trigger launch shutdown terminate abort reboot set fix enable disable",
)
READ_ONLY = frozenset(name for line in _READ_ONLY for name in line.split())
ACKNOWLEDGE = frozenset(("acked", "acknowledged", "acknowlege", "acknowledgement", "ok"))
ON_THE_CARD = frozenset(("unsnooze", "escalate", "take"))
POSTMORTEM = frozenset(("postmortem", "postmortems", "post-mortem", "post-mortems", "retro", "rca", "draft"))
_ABOUT_POSTMORTEMS = POSTMORTEM | {"a", "the", "for", "of"}
UNDONE_BY_NOBODY = {
    **dict.fromkeys(
        ("unack", "unacknowledge", "unclaim", "release"), "an acknowledgement. Somebody else can take it over"
    ),
    **dict.fromkeys(("reopen", "unresolve", "reactivate"), "a resolve. The next failure pages again"),
}
"""What nobody can take back, and what holds instead."""
INFORMED = READ_ONLY | ACKNOWLEDGE | ON_THE_CARD | POSTMORTEM | {*UNDONE_BY_NOBODY}
"""A question that begins with one of these gets the same answer as the command. The answer suggests no change."""
SAME_AS = {
    **dict.fromkeys(("add", "follow", "track", "monitor", "notify", "alert", "sub", "join"), "watch"),
    **dict.fromkeys(("remove", "rm", "unfollow", "untrack", "unsub", "leave", "drop"), "unwatch"),
    **dict.fromkeys(("ls", "pipelines", "search", "find", "browse", "all"), "list"),
    **dict.fromkeys(("show", "get", "check", "info", "state", "health", "describe", "st", "stat", "stats"), "status"),
    **dict.fromkeys(("watching", "watched", "subs", "watchlist"), "watches"),
    **dict.fromkeys(("rotate", "rotation", "roster", "rota", "shifts"), "schedule"),
    **dict.fromkeys(("claim",), "takeover"),
    **dict.fromkeys(("log", "tail", "stdout", "stderr", "errors", "error"), "logs"),
    **dict.fromkeys(("override", "swap", "cover"), "oncall"),
    **dict.fromkeys(("mutes", "muted", "silence", "silences", "hush"), "mute"),
    **dict.fromkeys(("?", "h", "man", "usage", "commands", "hello", "hi", "--help", "-h"), "help"),
}
SHIFT_WORDS = frozenset(("hand", "handover", "handoff", "pass", "give", "cover"))
FOR_OTHERS = frozenset(("assign", "reassign", "delegate"))
NEAR_COMMANDS = INFORMED | SHIFT_WORDS | FOR_OTHERS | {word for word, command in SAME_AS.items() if command != "help"}
"""In a thread too, the refusal of one of these helps more than the list of what the thread understands."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The words after an unknown command."""

    text: str
    status_words: str
    """Those of them that `status` can show: pipelines, or a state."""


@dataclass(frozen=True, slots=True)
class _Typed:
    """An unknown command as a person typed it."""

    name: str
    """In lower case, without a slash."""
    shown: str
    """The word itself, escaped."""
    rest: Rest

    @property
    def status(self) -> str:
        """The command that shows the pipelines that the person names."""
        return f"status {self.rest.status_words}".strip()


def near_command(word: Word, following: Rest) -> ParseError | None:
    """The refusal of an unknown command, with the command to type instead. None if the bot has no suggestion."""
    typed = _Typed(word.lower.lstrip("/"), outside(word.text), following)
    refusals = (refusal(typed) for names, refusal in _REFUSALS if typed.name in names)
    return next((refusal for refusal in refusals if refusal), None)


def _on_the_postmortem_button(typed: _Typed) -> ParseError:
    words = typed.rest.status_words.split()
    about = " ".join(word for word in words if word.lower() not in _ABOUT_POSTMORTEMS)
    return ParseError(
        "To draft a postmortem, click *Draft postmortem* on the card of a failure that has recovered, or of a group "
        "whose failures are all over. Nothing was changed. To see the failures:",
        f"history {about}" if about else "status failed",
        "status failed",
    )


def _only_in_goldrush(typed: _Typed) -> ParseError:
    return ParseError(
        f"I can only read pipelines, so I can't {typed.shown} one. Nothing was changed. You can do that in GoldRush. "
        "To see its state:",
        typed.status,
        "status",
        "list",
        in_goldrush=True,
    )


def _acknowledge(typed: _Typed) -> ParseError:
    return ParseError(
        "To acknowledge a failure, click *Acknowledge* on its card, or type `ack NAME`. Nothing was changed.",
        f"ack {typed.rest.status_words}" if typed.rest.status_words else "status failed",
        typed.status,
        "status",
    )


def _not_taken_back(typed: _Typed) -> ParseError:
    return ParseError(
        f"Nobody can take back {UNDONE_BY_NOBODY[typed.name]}. Nothing was changed. To see its state:",
        typed.status,
        "status failed",
    )


def _undo(_: _Typed) -> ParseError:
    return ParseError(
        "To undo a change of watches, click *Undo* on its announcement. Nothing was changed. To see the watches:",
        "watches",
    )


def _on_call(typed: _Typed) -> ParseError | None:
    if not typed.rest.text.lower().startswith("call"):
        return None
    return ParseError(
        "There is no command called *on*. Nothing was changed. Did you mean *oncall*?",
        f"oncall {typed.rest.text[4:].strip()}",
        "oncall",
    )


def _shift(typed: _Typed) -> ParseError | None:
    if not (command := _shift_command(typed.name, typed.rest.text)):
        return None
    command = "" if "<@" in command else command  # Slack gave no name that people can type
    return ParseError(
        f"There is no command called *{typed.shown}*. Nothing was changed. To change a shift:", command, "help oncall"
    )


def _on_the_card(_: _Typed) -> ParseError:
    return ParseError(
        "*Snooze*, *Take over* and *Resolve* are on the failure's card. Nothing was changed. To see what failed:",
        "status failed",
        "status",
    )


def _page_belongs_to_watch(typed: _Typed) -> ParseError:
    rest = typed.rest.text
    paged, watch, watched = rest.partition(" watch ")
    return ParseError(
        "*page* is part of `watch`: I page people when a pipeline fails. Nothing was changed.",
        f"watch {watched} page {paged}" if watch else "",
        f"watch {rest}" if "@" in rest and not rest.startswith("@") else "",
        f"watch orders-eu page {rest}".strip(),
        f"watch orders-eu page {quoted_target(f'@{rest}')}" if rest and "@" not in rest else "",
        f"watch {rest}",
        "help watch",
    )


def _shift_command(name: str, rest: str) -> str:
    """The command about a shift that these words mean. Empty: they mean none."""
    words = rest.lower().split()
    if name in {"hand", "handover", "handoff", "pass"}:
        name, rest = "give", " ".join(rest.split()[1:] if words[:1] in (["over"], ["off"]) else rest.split())
    elif name not in {"take", "give", "cover"} or not {"until", "till", "to", "shift", "shifts"} & {*words}:
        return ""
    timed = {"until", "till", "for"} & {*words}
    if name == "take" and not timed and {*words} <= {"my", "the", "shift", "shifts"}:
        rest = ""
    return " ".join(f"oncall {'give' if name == 'give' else 'take'} {rest} {'' if timed else 'until 18:00'}".split())


def for_somebody_else(text: str, pipelines: str) -> ParseError:
    """The refusal to give a failure to somebody. `text`: the words, with the other person."""
    words = [word for word in pipelines.split() if not word.startswith(("@", "<@"))]
    named = " ".join(words[:-1] if words[-1:] == ["to"] else words)
    person = next((word.strip("@,") for word in text.split() if word.startswith("@")), "The other person")
    return ParseError(
        f"Nobody can give a failure to somebody else. Nothing was changed. {outside(person)} can type "
        f"`{outside(f'takeover {named}'.strip())}`. A shift is given with `oncall give`.",
        "help takeover",
    )


def _suggest_synonym(typed: _Typed) -> ParseError:
    command, following = SAME_AS[typed.name], typed.rest
    to_us = following.text.lower().startswith(("me ", "us "))
    rest = following.status_words if command == "status" or to_us else following.text
    reason = f"There is no command called *{typed.shown}*. Nothing was changed. Did you mean *{command}*?"
    return ParseError(reason, f"{command} {rest}".strip(), command, "help")


_REFUSALS: tuple[tuple[Collection[str], Callable[[_Typed], ParseError | None]], ...] = (
    (POSTMORTEM, _on_the_postmortem_button),
    (READ_ONLY, _only_in_goldrush),
    (ACKNOWLEDGE, _acknowledge),
    (UNDONE_BY_NOBODY, _not_taken_back),
    (FOR_OTHERS, lambda typed: for_somebody_else(typed.rest.text, typed.rest.status_words)),
    (("undo", "revert"), _undo),
    (("on",), _on_call),
    (SHIFT_WORDS | {"take"}, _shift),
    (ON_THE_CARD, _on_the_card),
    (("page",), _page_belongs_to_watch),
    (SAME_AS, _suggest_synonym),
)
"""The first refusal counts. None: the words mean something else."""
