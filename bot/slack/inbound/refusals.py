"""The answers when the inbox can't finish an interaction: each says what happened, and what to do."""

from dataclasses import dataclass

from bot.domain.answer import RefusalAnswer

_AGAIN = "Try again in a minute."
_CHECK = "Check the current state, then try again."


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRefusals:
    """One answer for each way to fail."""

    unstored: RefusalAnswer
    """The store gave no answer. The inbox keeps a change in memory, and adds the command that shows its effect."""
    saved: RefusalAnswer
    """The store went away after it had stored the interaction."""
    lapsed: RefusalAnswer
    """No bot finished the interaction in time."""
    slow: RefusalAnswer
    broken: RefusalAnswer


FOR_CHANGES = InboxRefusals(
    unstored=RefusalAnswer(
        reason="I can't reach my database right now, so this isn't done yet. I'll do it and tell you if the database "
        "is back within 25 minutes. If you hear nothing by then, it isn't done. It's safe to retry. Check with:",
    ),
    saved=RefusalAnswer(
        reason="I can't reach my database right now, so this isn't done yet, or only partly.",
        hint="I saved your request, and will finish it if the database is back within 25 minutes.",
    ),
    lapsed=RefusalAnswer(
        reason="I was away too long to finish your request, so it may not be done, or only partly.", hint=_CHECK
    ),
    slow=RefusalAnswer(reason="This took too long, so I stopped. It may be partly done.", hint=_CHECK),
    broken=RefusalAnswer(
        reason="I ran into an internal error, so I have no answer. It may be partly done.",
        hint="It's safe to retry. The person who runs this bot can find the cause in its log.",
    ),
)

FOR_QUESTIONS = InboxRefusals(
    unstored=RefusalAnswer(
        reason="I can't reach my database right now, so I can't answer this. Nothing was changed.", hint=_AGAIN
    ),
    saved=RefusalAnswer(
        reason="I can't reach my database right now, so I can't answer this yet. Nothing was changed.",
        hint="I'll answer if the database is back within 25 minutes.",
    ),
    lapsed=RefusalAnswer(reason="I was away too long to answer this. Nothing was changed.", hint="Please ask again."),
    slow=RefusalAnswer(reason="This took too long, so I stopped. Nothing was changed.", hint=_AGAIN),
    broken=RefusalAnswer(
        reason="I ran into an internal error, so I have no answer. Nothing was changed.",
        hint="The person who runs this bot can find the cause in its log.",
    ),
)
