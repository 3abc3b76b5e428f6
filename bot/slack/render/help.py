"""The help texts. Short: what to type, and an example that works."""

from collections.abc import Mapping

from bot.domain.attention import State
from bot.domain.note import LONGEST_NOTE
from bot.domain.transition import SELECTABLE

_STATES = ", ".join(State)
_EVENTS = ", ".join(event.value for event in SELECTABLE)

_OVERVIEW = (
    "*What I do*: I watch GoldRush pipelines, tell this channel what becomes of them, and page when one FAILS.",
    "`{c}` — what this channel watches, and how it stands",
    "`{c} status orders-eu` — how one stands right now; without a name, all that this channel watches",
    "`{c} status failed` — this channel's failed pipelines; likewise any other state",
    "`{c} list` — the pipelines there are; `{c} list orders` — those with a word in their name",
    "`{c} watch orders-eu page me` — tell this channel, and page you when it FAILS; `page @ann` pages Ann",
    '`{c} watch "Base Swaps to Postgres" on failed,recovered` — only of these',
    "`{c} watch orders-*` — a pattern takes in later ones too; so does `project:shop`",
    "`{c} unwatch orders-eu` — or `{c} unwatch all`",
    "`{c} watches` — what this channel watches, and who made it so",
    "`{c} runbook orders-eu https://wiki.example.com/orders` — link what to do on every failure card",
    '`{c} note orders-* "Restart the sink first"` — say what to do in a sentence, here for a pattern',
    "More: `{c} help watch`, `{c} help status` …",
)
_TOPICS: Mapping[str, tuple[str, ...]] = {
    "status": (
        "*`{c} status [PIPELINE … | STATE]`* — how pipelines stand right now, and how old the reading is.",
        "Pipelines that need attention come first.",
        f"STATE: {_STATES}. A pipeline with exactly that name comes before the state.",
        "PIPELINE is a name in any case, an id (`pipe_…`), a beginning of either that means only one, or a pattern.",
        'A name with blanks goes in quotes: `{c} status "Base Swaps to Postgres"`',
    ),
    "list": (
        "*`{c} list [WORDS | STATE]`* — the pipelines that the ServiceKey sees, with their phases.",
        "Pipelines that need attention come first.",
        f"STATE: {_STATES}. You can combine them: `{{c}} list failed orders`. A word in quotes is part of a name.",
        "I read unwatched pipelines only to show them. Until then, a state doesn't find them.",
        "With words, those that have every one of them in name, project or id: `{c} list orders eu`",
    ),
    "watch": (
        "*`{c} watch PIPELINE … [on EVENT,…] [page TARGET …] [in #channel]`*",
        "PIPELINE: a name, an id, or a pattern such as `orders-*` or `project:shop`.",
        f"EVENT: {_EVENTS}, or all (if nothing is said).",
        "TARGET: `me`, `@person`, `@usergroup`, `here`, `channel`. They are paged when it FAILS, whatever *on* says.",
        "Example: `{c} watch orders-* on failed,degraded,recovered page @data-oncall in #data-alerts`",
        "Watching again changes filter and targets. `subscribe` says the same.",
    ),
    "unwatch": (
        "*`{c} unwatch PIPELINE … | all [in #channel]`* — this channel hears no more of them.",
        "`unsubscribe` says the same.",
    ),
    "runbook": (
        "*`{c} runbook PIPELINE [https://… | none]`* — the address on failure cards. Without one: shows it.",
        "PIPELINE: a name, an id, or a pattern. If several apply, the most specific one counts.",
        "`{c} runbook orders-eu none` removes it.",
    ),
    "note": (
        '*`{c} note PIPELINE ["…" | none]`* — a sentence that failure cards show. Without one: which it is.',
        f"Up to {LONGEST_NOTE} characters, in quotes. PIPELINE is as in `{{c}} help runbook`.",
        "`{c} note orders-eu none` removes it.",
    ),
    "watches": (
        "*`{c} watches`* — what this channel watches, since when, by whom, and who is paged.",
        "`subscriptions` says the same.",
    ),
}


def help_lines(topic: str | None, command: str) -> list[str]:
    lines = _TOPICS.get(topic or "", _OVERVIEW)
    return [line.replace("{c}", command) for line in lines]
