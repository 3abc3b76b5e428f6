"""What the failures of a group share, in words: the cause that was read, the destination, the project. Pure."""

from collections import Counter
from collections.abc import Callable, Sequence

from bot.domain.card import Card
from bot.domain.causes import UNKNOWN, cause_named
from bot.domain.shared_cause import SharedCause, shared_cause
from bot.domain.transition import Reach
from bot.slack.mrkdwn import outside
from bot.slack.render.blocks import Block
from bot.slack.render.diagnosis import SYMBOL, error_context, first_step, prospect_words, short_cause

SHARED_FROM = 0.8  # of the pipelines; fewer may share a destination or a project by chance
NAME_LIMIT = 60
STEPS_SHOWN = 3  # of failures with different causes
CAUSES_WHEN_OVER = 3
_DESTINATIONS = {
    "bigquery": "BigQuery",
    "clickhouse": "ClickHouse",
    "gcs": "bucket",
    "kafka": "Kafka",
    "postgres": "Postgres",
    "postgresql": "Postgres",
    "r2": "bucket",
    "s3": "bucket",
    "sqs": "SQS queue",
    "webhook": "webhook",
}


def cause_shared_by(cards: Sequence[Card]) -> SharedCause | None:
    return shared_cause([card.episode for card in cards])


def with_shared_cause(cards: Sequence[Card]) -> Sequence[Card]:
    """Those of a group's failures whose cause its message names.

    The failures that are over count too: the cause is what they had in common. But if those that go on have only other
    causes, the message speaks of those alone.
    """
    open_cards = [card for card in cards if card.episode.open]
    shared = cause_shared_by(cards)
    causes = [diagnosis.cause if (diagnosis := card.episode.latest_diagnosis) else "" for card in open_cards]
    if shared is None or (causes and all(cause and cause != shared.cause.slug for cause in causes)):
        return open_cards
    return cards


def cause_when_over(cards: Sequence[Card]) -> str:
    """What remains on a group's message when all failures are over: the cause that they share, or the most frequent."""
    shared = cause_shared_by(cards)
    if shared is None:
        causes = Counter(words for card in cards if (words := short_cause(card.episode)))
        named = [f"{words} ({number:,})" for words, number in causes.most_common(CAUSES_WHEN_OVER)]
        more = [f"and {len(causes) - len(named):,} more"] if len(causes) > len(named) else []
        return f"Causes: {', '.join([*named, *more])}" if named else ""
    return f"Cause{'' if shared.of_all else f' for {shared.alike:,} of {shared.total:,}'}: {_words(shared)}"


def lead(cards: Sequence[Card]) -> str:
    """Continues "7 pipelines failed": `, all writing to the same Postgres: *the destination cannot be reached* · …`.

    Empty unless all of them have one cause.
    """
    shared = cause_shared_by(cards)
    if shared is None or not shared.of_all:
        return ""
    place = _place(cards) if all(card.episode.open for card in cards) else ""
    return f"{place}: *{_words(shared)}* · {prospect_words(shared.cause)}"


def shared_lines(cards: Sequence[Card]) -> list[str]:
    """Below the headline: the cause of most of them, and what else those share that go on."""
    shared = cause_shared_by(cards)
    open_cards = [card for card in cards if card.episode.open]
    if shared is None or shared.of_all:
        whole = len(open_cards) == len(cards)
        return [in_common(open_cards, lead_has_place=shared is not None and whole and bool(_place(cards)))]
    unread = f" · {shared.unread:,} not known yet" if shared.unread else ""
    who = f"{shared.alike:,} of {shared.total:,}"
    return [
        f"{SYMBOL} *Cause for {who}:* {_words(shared)} · {prospect_words(shared.cause)}{unread}",
        in_common(open_cards),
    ]


def shared_error(cards: Sequence[Card]) -> list[Block]:
    """The error of one failure with the shared cause, or of the only one."""
    shared = cause_shared_by(cards)
    diagnosis = shared.diagnosis if shared else cards[0].episode.latest_diagnosis if len(cards) == 1 else None
    return error_context(diagnosis) if diagnosis else []


def first_steps(cards: Sequence[Card]) -> list[str]:
    """The first thing to try against the shared cause, or else against the most frequent ones."""
    shared = cause_shared_by(cards)
    if shared is None:
        return _steps_by_cause([card for card in cards if card.episode.open])
    step = _shared_step(shared)
    return [step] if step else []


def _steps_by_cause(cards: Sequence[Card]) -> list[str]:
    alike: dict[str, list[Card]] = {}
    for card in cards:
        diagnosis = card.episode.latest_diagnosis
        if diagnosis and diagnosis.cause and cause_named(diagnosis.cause) is not UNKNOWN:
            alike.setdefault(diagnosis.cause, []).append(card)
    most_first = sorted(alike.values(), key=lambda members: -len(members))[:STEPS_SHOWN]
    return [first_step(members[0].episode.latest_diagnosis, who=_named(members, len(cards))) for members in most_first]


def _named(members: Sequence[Card], total: int) -> str:
    if total == 1:
        return ""
    name = f"*{outside(members[0].pipeline.name, NAME_LIMIT)}*"
    return f"For {name}" if len(members) == 1 else f"For {len(members):,} of {total:,}, such as {name}"


def _shared_step(shared: SharedCause) -> str:
    if shared.cause is UNKNOWN:
        return ""
    who = "" if shared.of_all else f"For {shared.alike:,} of {shared.total:,}"
    return first_step(shared.diagnosis, who=who).replace("resume the pipeline", "resume the pipelines")


def _words(shared: SharedCause) -> str:
    return "the same error, which I don't know" if shared.cause is UNKNOWN else shared.cause.words


def _place(cards: Sequence[Card]) -> str:
    """The destination of all of them, or else their project."""
    if _all_same(cards, lambda card: card.pipeline.destination):
        return f", all writing to {same_destination(cards[0].pipeline.destination_type)}"
    if _all_same(cards, lambda card: card.pipeline.project):
        return f", all in project *{outside(cards[0].pipeline.project, NAME_LIMIT)}*"
    return ""


def same_destination(destination_type: str) -> str:
    """`the same Postgres`. GoldRush names no destination, only its type, which may be a new one."""
    known = _DESTINATIONS.get(destination_type.lower())
    return f"the same {known or 'destination'}"


def _all_same(cards: Sequence[Card], of: Callable[[Card], str]) -> bool:
    return len(cards) > 1 and bool(of(cards[0])) and len(set(map(of, cards))) == 1


def in_common(cards: Sequence[Card], *, lead_has_place: bool = False) -> str:
    """What most of the failures share: a hint, and no proof. Empty if there is nothing."""
    if len(cards) < 2:
        return ""
    facts = [] if lead_has_place else [_shared(cards, *of_place) for of_place in _PLACES]
    if all(card.state.reach is not Reach.REACHABLE for card in cards):
        facts.append("I can't read any of them now: the GoldRush API may be down")
    named = [fact for fact in facts if fact]
    return f"*In common:* {', '.join(named)}" if named else ""


_PLACES: tuple[tuple[Callable[[Card], str], Callable[[str], str]], ...] = (
    (lambda card: card.pipeline.destination, lambda _: "write to one destination"),
    (lambda card: card.pipeline.project, lambda name: f"are in project *{outside(name, NAME_LIMIT)}*"),
)


def _shared(cards: Sequence[Card], of: Callable[[Card], str], words: Callable[[str], str]) -> str:
    ((most, number),) = Counter(map(of, cards)).most_common(1)
    if not most or number < SHARED_FROM * len(cards) or number < 2:
        return ""
    who = "all" if number == len(cards) else f"{number:,} of {len(cards):,}"
    return f"{who} {words(most)}"
