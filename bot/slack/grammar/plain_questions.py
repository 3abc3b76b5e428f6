"""Plain questions about failures. A message gets the answer; a slash command gets the command to type. Pure."""

from collections.abc import Iterable

_OPENINGS = (
    "",
    "what",
    "whats",
    "what's",
    "what is",
    "what has",
    "what are",
    "which",
    "which is",
    "which are",
    "which pipelines are",
    "anything",
    "is anything",
    "something",
    "is something",
    "has anything",
    "any pipelines",
    "are any pipelines",
)
_FAILING = ("failing", "failed", "broken", "down")
_FINE = ("ok", "okay", "fine", "good", "alright", "running", "up", "healthy", "well")
_WHOLE = ("everything", "is everything", "all", "is all", "all pipelines", "are all pipelines")

_FAILURES = ("any failures", "any problems", "any errors", "failures", "problems", "what's wrong", "what is wrong")

_COMMANDS = {
    **{f"{opening} {word}".strip(): "status failed" for opening in _OPENINGS for word in _FAILING},
    **dict.fromkeys(_FAILURES, "status failed"),
    **{f"{whole} {word}": "status" for whole in _WHOLE for word in _FINE},
}
_OTHERS = "fail fails failure failures crashed crashing error errors problem problems wrong"
_TROUBLE = frozenset((*_FAILING, *_OTHERS.split(" ")))
_MARKS = " .,!?:;…"


def plain_command(text: str) -> str:
    """The command that a plain question means, such as `status failed`. Empty for any other text.

    "Is everything ok?" means `status`: a degraded pipeline is not ok either.
    """
    words = text.lower().replace("’", "'").strip(_MARKS).split()
    if words[-2:] == ["right", "now"]:
        words = words[:-2]
    words = [word for word in words if word not in {"now", "currently", "please"}]
    return _COMMANDS.get(" ".join(words).removeprefix("status ").strip(_MARKS), "")


def asks_about_failures(words: Iterable[str]) -> bool:
    return any(word.lower().strip(_MARKS) in _TROUBLE for word in words)
