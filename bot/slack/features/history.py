"""The command `history`: a pipeline's episodes, how much of the time it was live, and how fast failures ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain.availability import Availability, availability, by_day
from bot.domain.episode import EpisodeKind, EpisodeOutcome
from bot.domain.past_episodes import PastEpisode, failure_figures
from bot.domain.phase import Phase
from bot.requests.past import HistoryAnswer
from bot.requests.references import NotOnePipeline
from bot.slack.feature import Command, CommandWord, Feature, Reply, Request
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.one_pipeline import one_pipeline
from bot.slack.mrkdwn import date, duration, outside
from bot.slack.render import phrases, run_words
from bot.slack.render.blocks import Block, context, section, sections
from bot.slack.render.charts import percent_bars
from bot.slack.render.help import HelpPage
from bot.slack.render.pagination import answer_buttons, on_existing_page, page_number, shared_by
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import command_for, unresolved
from bot.slack.render.saved_question import SavedQuestion

EPISODES_SHOWN = 10
DAYS_SHOWN = 14
PERIODS = (("24 hours", timedelta(hours=24)), ("7 days", timedelta(days=7)), ("30 days", timedelta(days=30)))
LONGEST = PERIODS[-1][1]
SHORTEST_SHOWN = timedelta(seconds=1)
LITTLE_KNOWN = 0.1  # of a period: below this, its share of time live says little

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HistoryCommand(Command):
    """A parsed `history`."""

    reference: str

    @property
    def repeatable(self) -> bool:
        return True

    @property
    def pipelines(self) -> Sequence[str]:
        return (self.reference,)

    async def run(self, request: Request) -> Reply:
        services, asker = request.services, request.asker
        answer = await services.requests.past.history(asker.channel, self.reference, request.names)
        if isinstance(answer, NotOnePipeline):
            return Reply(blocks=unresolved(answer.unresolved, "history", services.render_context))
        zone = await services.permissions.facts.zone(asker.user)
        blocks = history_blocks(answer, request.question, zone, services.render_context)
        return Reply(blocks=blocks, in_channel=request.question.shared)


def _parse(command_text: CommandText) -> Command:
    return HistoryCommand(one_pipeline(command_text, "history"))


# --- render ----------------------------------------------------------------------------------------------------------


def history_blocks(
    answer: HistoryAnswer, question: SavedQuestion, zone: ZoneInfo, render_context: RenderContext
) -> list[Block]:
    name = f"*{outside(answer.pipeline.name)}*"
    if not (answer.episodes or answer.stretches):
        how = f"To watch it here: {command_for('watch', answer.pipeline, render_context)}"
        nothing = "I haven't read it yet." if answer.is_watched else f"nobody watches it, so it has no history. {how}"
        return [section(f"{name}: {nothing}"), *shared_by(question)]
    total = len(answer.episodes)
    question = on_existing_page(question, total, EPISODES_SHOWN)
    first = (question.page - 1) * EPISODES_SHOWN
    page = page_number(question, total, EPISODES_SHOWN)
    blocks = [section(f"{name} — history{page}")]
    if question.page == 1:
        blocks += [section("\n".join(_summary(answer))), *_chart(answer, zone)]
    lines = [episode_line(episode, answer.at) for episode in answer.episodes[first : first + EPISODES_SHOWN]]
    blocks += sections(["*Latest first*", *lines] if lines else ["Nothing has happened since I began to watch it."])
    blocks += context("I keep 90 days.", render_context.link(answer.pipeline.id))
    return blocks + (shared_by(question) or answer_buttons(question, max(total, 1), "", EPISODES_SHOWN))


def _summary(answer: HistoryAnswer) -> list[str]:
    shares = [(label, availability(answer.stretches, answer.at - period, answer.at)) for label, period in PERIODS]
    lines = [
        f"• {label}: {_share_words(found)}"
        for place, (label, found) in enumerate(shares)
        if not (place and found.known and found.known == shares[place - 1][1].known)
    ]
    return [*lines, *_means(answer)]


def _share_words(found: Availability) -> str:
    """`*99.3 %* live · not live 10 min · unknown 2 h`. If little is known: `*40 %* live in the 9 min that I know`."""
    if found.share is None:
        return "unknown"
    if found.known < LITTLE_KNOWN * (found.known + found.unknown):
        return f"*{percent(found.share)}* live in the {_lasting(found.known)} that I know"
    parts = [f"*{percent(found.share)}* live"]
    if found.not_live >= SHORTEST_SHOWN:
        parts.append(f"not live {_lasting(found.not_live)}")
    if found.unknown >= SHORTEST_SHOWN:
        parts.append(f"unknown {_lasting(found.unknown)}")
    return " · ".join(parts)


def percent(share: float) -> str:
    """Only a full share shows as 100 %, and only an empty one as 0 %."""
    shown = 100.0 if share == 1 else min(99.9, round(share * 100, 1))
    return f"{shown if share == 0 else max(0.1, shown):g} %"


def _lasting(time: timedelta) -> str:
    return duration(time.total_seconds())


def _means(answer: HistoryAnswer) -> list[str]:
    """Each mean with the number of failures behind it: those that nobody acknowledged have no time."""
    figures = failure_figures(episode for episode in answer.episodes if episode.opened_at >= answer.at - LONGEST)
    failures = figures.failures
    if not failures:
        return ["• No failure in 30 days"]
    still_open = f" · {figures.open:,} still open" if figures.open else ""
    return [
        f"• {failures:,} {'failure' if failures == 1 else 'failures'} in 30 days",
        f"• {_part(figures.acknowledged, failures, 'acknowledged', figures.to_acknowledge)}",
        f"• {_part(figures.recovered, failures, 'recovered', figures.to_recover)}{still_open}",
    ]


def _part(number: int, failures: int, word: str, mean: timedelta | None) -> str:
    """`3 of 5 acknowledged, on average after 4 min`."""
    part = f"{number:,} of {failures:,} {word}"
    if mean is None:
        return part
    return f"{part}, {'on average ' if number > 1 else ''}after {_lasting(mean)}"


def _chart(answer: HistoryAnswer, zone: ZoneInfo) -> list[Block]:
    """The days of which something is known. One day alone makes no chart."""
    days = by_day(answer.stretches, answer.at, zone, DAYS_SHOWN)
    points = [
        (_day_label(day.since, zone), 100 * day.availability.share)
        for day in days
        if day.availability.share is not None
    ]
    return [percent_bars("Live, % of each day", "live", points)] if len(points) > 1 else []


def _day_label(since: datetime, zone: ZoneInfo) -> str:
    return f"{since.astimezone(zone):%-d %b}"


_KINDS = {
    EpisodeKind.FAILURE: ":red_circle: *failed*",
    EpisodeKind.DEGRADED: f"{phrases.DEGRADED} *degraded*",
    EpisodeKind.DEPLOYMENT: ":large_blue_circle: *deployed*",
    EpisodeKind.PAUSE: ":double_vertical_bar: *paused or stopped*",
    EpisodeKind.MOMENT: ":arrows_counterclockwise: *restarted*",
    EpisodeKind.UNREADABLE: f"{phrases.UNKNOWN_STATE} *couldn't be read*",
    EpisodeKind.LAG: f"{phrases.DEGRADED} *fell behind*",
    EpisodeKind.DRIFT: ":warning: *drifted*",
    EpisodeKind.OTHER: f"{phrases.UNKNOWN_STATE} *another change*",
}
_OUTCOMES = {
    EpisodeOutcome.RECOVERED: "recovered",
    EpisodeOutcome.LIVE: "then live",
    EpisodeOutcome.ON_PURPOSE: "ended by its owner",
    EpisodeOutcome.CLEARED: "then back to normal",
    EpisodeOutcome.UNWATCHED: "then nobody watched it",
}


def episode_line(episode: PastEpisode, now: datetime) -> str:
    lasted = (episode.closed_at or now) - episode.opened_at
    words = phrases.lasted(lasted.total_seconds(), first_seen=episode.first_seen)
    if episode.kind is EpisodeKind.MOMENT:
        took = ""
    else:
        took = f" · for {words}" if episode.closed_at else f" · for {words} so far"
    return f"{_what(episode)} {date(episode.opened_at)}{took}{_acknowledged(episode)}{_ended(episode)}"


def _what(episode: PastEpisode) -> str:
    if episode.kind is EpisodeKind.PAUSE and episode.finished:
        return f"{run_words.FINISHED} *finished*"
    if episode.kind is EpisodeKind.FAILURE and episode.end_of_run:
        return f"{phrases.phase_symbol(Phase.FAILED)} *{outside(episode.end_of_run)}*"
    return _KINDS[episode.kind]


def _acknowledged(episode: PastEpisode) -> str:
    if episode.acknowledged_at is None:
        return ""
    took = episode.acknowledged_at - episode.opened_at
    when = f"after {_lasting(took)}" if took >= SHORTEST_SHOWN else "at once"
    verb = "resolved" if episode.resolved else "acknowledged"
    return f" · {verb} by {phrases.person(episode.acknowledged_by)} {when}"


def _ended(episode: PastEpisode) -> str:
    outcome = _OUTCOMES.get(episode.outcome) if episode.outcome else None
    if episode.outcome is EpisodeOutcome.ON_PURPOSE and episode.finished:
        outcome = "then finished"
    return f" · {outcome}" if outcome else ""


_HELP = HelpPage(
    overview=("`{c} history orders-eu` — its failures, deployments and pauses, and how much of the time it was live",),
    topic=(
        "*`{c} history PIPELINE`* — its episodes with their durations, latest first.",
        "It shows the share of time live over 24 hours, 7 days and 30 days.",
        "Time that I didn't read counts as unknown, for neither side.",
        "It also shows how many failures somebody acknowledged, how many recovered, and how long that took.",
        "In the thread of a card, `history` alone is enough.",
    ),
)

FEATURE = Feature(
    commands=(CommandWord(name="history", parse=_parse, takes_names=True, in_thread=True, help_order=11, help=_HELP),)
)
