"""The headline of a group: how many pipelines failed, what they share, and how their failures ended. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.domain.card import Card, Group
from bot.domain.episode import EpisodeOutcome
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.transition import Event
from bot.slack.mrkdwn import span
from bot.slack.render import phrases
from bot.slack.render.shared_words import lead, shared_lines, with_shared_cause

LaterFailures = Mapping[PipelineId, datetime]
"""When pipelines failed after the recovery that the group shows. That failure is open, in another message."""


def group_headline(group: Group, open_cards: Sequence[Card], failed_again: LaterFailures) -> str:
    already = _already_failed(group)
    if not open_cards:
        return "\n".join([_closed_headline(group, failed_again), *already])
    total = len(group.cards)
    began = min(card.episode.began_at for card in open_cards)  # one of a group that is over may have failed again
    since = f"Since {phrases.moment(began, first_seen=any(card.episode.found_begun for card in open_cards))}"
    counts = [since, *_counts(group, open_cards, failed_again)]
    causes = with_shared_cause(group.cards)
    head = _failed(total, len(open_cards)) + lead(causes)
    lines = [head, *shared_lines(causes), " · ".join(counts), *already]
    return "\n".join(line for line in lines if line)


def _failed(total: int, still: int) -> str:
    if still == total:
        return f":red_circle: *{phrases.pipelines(total)} failed*"
    return f":red_circle: *{still} of {phrases.pipelines(total)}* {_are(still)} still failing"


def _counts(group: Group, open_cards: Sequence[Card], failed_again: LaterFailures) -> list[str]:
    ended = sum(card.episode.resolved is not None for card in open_cards)
    acknowledged = sum(card.episode.acknowledged is not None and not card.episode.resolved for card in open_cards)
    moved = sum(bool(card.continues_in) for card in group.cards)
    unwatched = sum(map(is_unwatched, group.cards)) - moved
    counts = [
        f"{acknowledged} acknowledged" if acknowledged else "",
        f"paging ended for {ended}" if ended else "",
        *(f"{len(cards):,} {words}" for words, cards in endings(group.cards)),
        f"{len(failed_again):,} failed again" if failed_again else "",
        f"{unwatched} no longer watched" if unwatched else "",
        f"you're no longer paged for {moved}" if moved else "",
    ]
    return [count for count in counts if count]


# --- how failures ended ----------------------------------------------------------------------------------------------


def is_unwatched(card: Card) -> bool:
    return card.episode.outcome is EpisodeOutcome.UNWATCHED


def endings(cards: Sequence[Card]) -> list[tuple[str, list[Card]]]:
    """The failures that are over, by their ending: *recovered* first, then the phases into which people put them."""
    by_words: dict[str, list[Card]] = {}
    for card in cards:
        if not card.episode.open and not is_unwatched(card):
            by_words.setdefault(_ending(card), []).append(card)
    return sorted(by_words.items(), key=lambda item: (item[0] != _RECOVERED, item[0]))


_RECOVERED = "recovered"


def _ending(card: Card) -> str:
    if card.episode.outcome is EpisodeOutcome.RECOVERED:
        return _RECOVERED
    if any(Event.FINISHED in entry.events for entry in card.episode.timeline[-1:]):
        return "finished"  # a bounded run, at its last block after all
    return phrases.phase_in_a_sentence(_last_phase(card))


def _last_phase(card: Card) -> Phase | None:
    return card.episode.timeline[-1].phase if card.episode.timeline else None


def ending_symbol(cards: Sequence[Card]) -> str:
    """Green only if all of them recovered."""
    if all(card.episode.outcome is EpisodeOutcome.RECOVERED for card in cards):
        return phrases.phase_symbol(Phase.RUNNING)
    phases = {_last_phase(card) for card in cards}
    return phrases.phase_symbol(phases.pop()) if len(phases) == 1 else ":black_circle:"


def _closed_headline(group: Group, failed_again: LaterFailures) -> str:
    """The headline of a group without open cards. Unwatched pipelines may still be failing."""
    total, unwatched = len(group.cards), sum(map(is_unwatched, group.cards))
    if all(card.continues_in for card in group.cards):
        updates = phrases.where_updates_continue(channel for card in group.cards for channel in card.continues_in)
        pipelines = "this pipeline" if total == 1 else f"these {total:,} pipelines"
        return f":no_bell: *You're no longer paged* for {pipelines}.{updates}"
    if unwatched == total:
        receiver = "You get" if phrases.is_direct(group.channel) else "This channel gets"
        them = "it" if total == 1 else "them"
        head = f":no_bell: *{phrases.pipelines(total)}* that failed {_are(total)} *no longer watched here*"
        return f"{head}. {receiver} no further updates on {them}."
    over = [card for card in group.cards if not is_unwatched(card)]
    when = span(
        min(card.episode.opened_at for card in group.cards), _ended(group), or_earlier=bool(_already_failed(group))
    )
    ways = endings(over)
    if [words for words, _ in ways] == [_RECOVERED] and not unwatched and not failed_again:
        seconds = max(card.episode.downtime_seconds or 0 for card in group.cards)
        longest = phrases.lasted(seconds, first_seen=bool(_already_failed(group)))
        return f"{ending_symbol(over)} {phrases.all_recovered(total)}, the last after {longest} · {when}"
    symbol = phrases.LATE_NEWS if failed_again else ":no_bell:" if unwatched else ending_symbol(over)
    return f"{symbol} {_ways(total, ways, failed_again)}{_unwatched_too(group, unwatched)} · {when}"


def _ways(total: int, ways: Sequence[tuple[str, list[Card]]], failed_again: LaterFailures) -> str:
    """`*4 pipelines* are no longer failing: 3 recovered, 1 paused`."""
    over = sum(len(cards) for _, cards in ways)
    who = phrases.pipelines(total) if over == total else f"{over} of {phrases.pipelines(total)}"
    how = ways[0][0] if over == 1 else ", ".join(f"{len(cards):,} {words}" for words, cards in ways)
    if failed_again:
        return f"*{who}* stopped failing: {how}. But {len(failed_again):,} *failed again*"
    return f"*{who}* {_are(over)} no longer failing: {how}"


def _unwatched_too(group: Group, unwatched: int) -> str:
    if not unwatched:
        return ""
    moved = any(card.continues_in for card in group.cards)
    return (
        f". You're no longer paged for {unwatched}" if moved else f". {unwatched} {_are(unwatched)} no longer watched"
    )


def _ended(group: Group) -> datetime:
    return max(card.episode.closed_at or card.episode.opened_at for card in group.cards)


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _already_failed(group: Group) -> list[str]:
    """Says which failures the first reading already showed: nobody knows when they began."""
    number = sum(card.episode.first_seen for card in group.cards)
    if number == 0:
        return []
    everyone = "It" if number == 1 else "They"
    subject = everyone if number == len(group.cards) else f"{number:,} of them"
    return [f"{subject} had already failed when I first read {'it' if number == 1 else 'them'}."]
