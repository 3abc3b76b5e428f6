"""Many failures told in one message, and what becomes of them. Pure."""

from datetime import datetime

from bot.domain.card import Card, CatchUp, Lines, Missed, Storm
from bot.domain.delivery import Delivery
from bot.domain.episode import Outcome
from bot.domain.transition import Event
from bot.slack import action_ids, phrases
from bot.slack.cards import footnotes, line_words
from bot.slack.message import Block, Message, actions, button, context, message, section, sections, value
from bot.slack.text import date, outside, time_of_day

NAME_LIMIT = 40  # thirty lines must fit into what a notification tells


def render_storm(storm: Storm, delivery: Delivery, now: datetime) -> Message:
    still = [card for card in storm.cards if card.episode.open]
    unanswered = [card for card in still if not card.episode.acknowledged]
    blocks: list[Block] = [section(_headline(storm, still))]
    who = phrases.calling(target for card in unanswered for target in card.targets)
    if who:
        blocks.append(section(f":rotating_light: {who} please look at them, and acknowledge."))
    blocks += sections(_row(card) for card in storm.cards)
    blocks += context(phrases.standing_in(channel for card in storm.cards for channel in card.stands_in_for))
    blocks += footnotes(delivery, now)
    if unanswered:
        answer = button(action_ids.ACKNOWLEDGE_ALL, "Acknowledge all", value(storm=storm.key), style="primary")
        blocks += actions(f"{storm.key}-{storm.revision}", answer)
    return message(blocks)


def _headline(storm: Storm, still: list[Card]) -> str:
    total = len(storm.cards)
    already = _already(storm)
    since = f"since {phrases.moment(min(card.episode.opened_at for card in storm.cards), first_seen=bool(already))}"
    if not still:
        return "\n".join([_over(storm), *already])
    unwatched = _count(storm, Outcome.UNWATCHED)
    if len(still) == total:
        head = f":red_circle: *{total} pipelines {'found ' if already else ''}FAILED* at once"
    else:
        head = f":red_circle: *{len(still)} of {total} pipelines* still not well after failing at once"
    more = [f"{unwatched} {_are(unwatched)} no longer watched"] if unwatched else []
    return "\n".join([head, since, *more, *already])


def _over(storm: Storm) -> str:
    """What nobody watches any more may go on."""
    total, unwatched = len(storm.cards), _count(storm, Outcome.UNWATCHED)
    if unwatched == total:
        told = f":no_bell: *{total} pipelines* that failed at once are *no longer watched here*"
        return f"{told}: nobody here is told how they go on"
    if unwatched:
        over = total - unwatched
        told = f":no_bell: *{over} of {total} pipelines* that failed at once {_are(over)} over it"
        return f"{told}, {unwatched} {_are(unwatched)} no longer watched"
    seconds = max(card.episode.downtime_seconds or 0 for card in storm.cards)
    longest = phrases.length(seconds, first_seen=bool(_already(storm)))
    return f":large_green_circle: *All {total} pipelines* that failed at once are over it, after {longest}"


def _count(storm: Storm, outcome: Outcome) -> int:
    return sum(card.episode.outcome is outcome for card in storm.cards)


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _already(storm: Storm) -> list[str]:
    """When those failed that were first read so, nobody knows."""
    number = sum(card.episode.first_seen for card in storm.cards)
    if number == 0:
        return []
    if number == len(storm.cards):
        return ["They were FAILED already when they were first read."]
    those = "1 of them was" if number == 1 else f"{number} of them were"
    return [f"{those} FAILED already when first read."]


def _row(card: Card) -> str:
    name = f"*{outside(card.pipeline.name, NAME_LIMIT)}*"
    if card.episode.outcome is Outcome.RECOVERED:
        lasted = phrases.length(card.episode.downtime_seconds, first_seen=card.episode.first_seen)
        return f":large_green_circle: {name} recovered after {lasted}"
    if card.episode.outcome is Outcome.UNWATCHED:
        return f":no_bell: {name} no longer watched, last seen {phrases.phase_word(card.standing.phase)}"
    answer = card.episode.acknowledged
    answered = f" · :eyes: {phrases.answered_by(answer.name, answer.place)}" if answer else ""
    return f"{phrases.standing_symbol(card.standing)} {name} {phrases.state_words(card.standing)}{answered}"


def render_lines(told: Lines, delivery: Delivery, now: datetime) -> Message:
    """In a storm's thread a line needs its pipeline's name; in a card's thread only where the channel sees it too."""
    named = told.of_storm or told.broadcast
    words = [line_words(each.line, each.pipeline if named else None) for each in told.lines]
    if told.left_out:
        words.insert(len(words) // 2, f"… {told.left_out} more changes …")
    return message([*sections(words), *footnotes(delivery, now)])


def render_catch_up(told: CatchUp, delivery: Delivery, now: datetime) -> Message:
    """Many stories in one message: what each pipeline went through. No sign stands before a row: it would be taken for
    how the pipeline is now, and what has FAILED meanwhile is told above."""
    since = min(entry.since for entry in told.entries)
    until = max(entry.until for entry in told.entries)
    pipelines = "1 pipeline" if len(told.entries) == 1 else f"{len(told.entries)} pipelines"
    head = f":fast_forward: *Catching up* on {pipelines}, from {date(since)} to {date(until)}"
    apart = "This is what went by meanwhile. What is FAILED now has a message of its own."
    rows = [f"• {_history(entry)}" for entry in sorted(told.entries, key=lambda entry: entry.pipeline.name.lower())]
    return message([section(f"{head}\n{apart}"), *sections(rows), *footnotes(delivery, now)])


def went_through(entry: Missed) -> str:
    """With the sign of how it was at last; what a person did says nothing of that."""
    return f"{':eyes:' if entry.last.by else phrases.symbol(entry.last.phase)} {_history(entry)}"


def _history(entry: Missed) -> str:
    name = f"*{outside(entry.pipeline.name, NAME_LIMIT)}*"
    told = [event for event in _COUNTED if entry.counts.get(event) and not _goes_without_saying(event, entry)]
    counts = ", ".join(
        f"{event.value} {entry.counts[event]}×" if entry.counts[event] > 1 else event.value for event in told
    )
    last = "" if entry.last.by else f"{phrases.phase_word(entry.last.phase)} "
    return f"{name} {counts or 'changed'} · last {last}{time_of_day(entry.until)}"


def _goes_without_saying(event: Event, entry: Missed) -> bool:
    """What has recovered is live."""
    return event is Event.LIVE and entry.counts[event] <= entry.counts.get(Event.RECOVERED, 0)


_COUNTED = (
    Event.FAILED,
    Event.RECOVERED,
    Event.DEGRADED,
    Event.DEPLOYING,
    Event.LIVE,
    Event.RESTARTED,
    Event.PAUSED,
    Event.STOPPING,
    Event.STOPPED,
    Event.UNREACHABLE,
    Event.GONE,
    Event.BACK,
    Event.CHANGED,
    Event.ACKNOWLEDGED,
)
