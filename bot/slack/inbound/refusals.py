"""The answers when the inbox can't finish an interaction: each says what happened, and what to do."""

from bot.domain.answer import RefusalAnswer

NOT_STORED = RefusalAnswer(
    reason="I can't reach my database right now, so this isn't done yet. I may still do it once the database is back. "
    "It's safe to retry. Check with:",
    command="watches",
)
"""For a change, if the store gave no answer: it may have stored the request all the same."""
UNANSWERED = RefusalAnswer(
    reason="I can't reach my database right now, so I can't answer this. Nothing was changed.",
    hint="Try again in a minute.",
)
"""For a question, if the store gave no answer."""
SAVED = RefusalAnswer(
    reason="I can't reach my database right now, so this isn't done yet, or only partly.",
    hint="I saved your request, and will finish it if the database is back within 25 minutes.",
)
"""If the store went away after it had stored the request."""
LAPSED = RefusalAnswer(
    reason="I was away too long to finish your request, so it may not be done, or only partly.",
    hint="Check the current state, then try again.",
)
SLOW = RefusalAnswer(
    reason="This took too long, so I stopped. It may be partly done.",
    hint="Check the current state, then try again.",
)
SLOW_READ = RefusalAnswer(
    reason="This took too long, so I stopped. Nothing was changed.", hint="Try again in a minute."
)
"""For a question."""
BROKEN = RefusalAnswer(
    reason="I ran into an internal error, so I have no answer. It may be partly done.",
    hint="It's safe to retry. The person who runs this bot can find the cause in its log.",
)
