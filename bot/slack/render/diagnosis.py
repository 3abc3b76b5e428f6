"""What failed, and why: a diagnosis on a card, in its thread and in a list. Pure.

Text of a log is hostile. It stands in code only, and never in the text of a notification.
"""

from collections.abc import Sequence

from bot.domain.causes import UNKNOWN, Cause, Prospect, cause_named
from bot.domain.diagnosis import Diagnosis, LogFault, LogOutcome
from bot.domain.episode import Episode
from bot.domain.log_lines import LONGEST_LINE, Excerpt, without_time_and_level
from bot.slack.mrkdwn import REASON_LIMIT, code, code_block, outside, time_of_day
from bot.slack.render import phrases
from bot.slack.render.background_words import card_background, thread_background
from bot.slack.render.blocks import SECTION_LIMIT, Block, UnspokenBlock, context, section
from bot.slack.render.measured_words import health_words, measured_lines

SYMBOL = ":mag:"
CARD_ERROR = 160  # characters: four lines of a phone
LONGEST_POD = 80
NO_LOG = "GoldRush has no log of {name}: its worker is gone."
LOOK_THERE = "Look at the pipeline in GoldRush, then resume or redeploy it."
_PROSPECTS = {
    Prospect.HEALS: "GoldRush no longer retries it",
    Prospect.NEEDS_YOU: "*needs you*",
    Prospect.UNKNOWN: "may need you",
}


def short_cause(episode: Episode | None) -> str:
    """The cause for a list: `the destination cannot be reached`. Empty if it is unknown."""
    diagnosis = episode.latest_diagnosis if episode else None
    return diagnosis.cause_words if diagnosis else ""


# --- the card --------------------------------------------------------------------------------------------------------


def card_blocks(diagnosis: Diagnosis | None) -> list[Block]:
    """For an open failure. Nothing until there is a diagnosis."""
    if diagnosis is None:
        return []
    background = card_background(diagnosis)
    return [
        section("\n".join(cause_lines(diagnosis))),
        *error_context(diagnosis),
        *([section("\n".join(background))] if background else []),
    ]


def cause_lines(diagnosis: Diagnosis) -> list[str]:
    """The cause, and a destination that is unhealthy."""
    return [line for line in (cause_line(diagnosis), _unhealthy(diagnosis)) if line]


def bare_error(diagnosis: Diagnosis) -> str:
    """The line without its time and level: text from outside. Empty: there is none."""
    return without_time_and_level(diagnosis.excerpt.error) if diagnosis.excerpt else ""


def error_context(diagnosis: Diagnosis) -> list[Block]:
    """The one line that says what failed, without its time and level."""
    error = bare_error(diagnosis)
    return [UnspokenBlock(block) for block in context(code(error, CARD_ERROR))] if error.strip() else []


def first_step(diagnosis: Diagnosis | None, *, who: str = "") -> str:
    """The first thing to try. Empty while the log is still to come. `who`: those of several whom it helps."""
    if diagnosis is None or (not diagnosis.cause and diagnosis.unread is LogFault.NOT_ASKED):
        return ""
    step = cause_named(diagnosis.cause).first_step if diagnosis.cause else LOOK_THERE
    return f":wrench: {who}: {step[0].lower()}{step[1:]}" if who else f":wrench: {step}"


def over_line(episode: Episode) -> str:
    """What remains on the card of a failure that is over."""
    cause = short_cause(episode)
    return f"Cause: {cause}" if cause else ""


def cause_line(diagnosis: Diagnosis) -> str:
    """The cause, and why the log does not name it. Without a log, the destination's own error may name the cause."""
    words = _verdict(diagnosis) if diagnosis.cause or diagnosis.log is LogOutcome.READ else ""
    log = ""
    if diagnosis.log is LogOutcome.NOT_YET:
        log = NO_LOG.format(name="it") + " I'll look again when it runs."
    elif diagnosis.log is LogOutcome.UNREADABLE:
        log = _why_unread(diagnosis)
    return f"{SYMBOL} " + "\n".join(line for line in (words, log) if line)


def _why_unread(diagnosis: Diagnosis) -> str:
    if diagnosis.unread is LogFault.NOT_ASKED:
        return "I haven't read its log yet: I had no request to GoldRush free. I'll read it as soon as I have one."
    if diagnosis.unread is LogFault.TOO_LARGE:
        return "Its log is larger than 1 MB, too long for me to read. Open it in GoldRush."
    problem = outside(diagnosis.problem, REASON_LIMIT).rstrip(".") if diagnosis.problem else "no answer"
    return f"I couldn't read its log at {time_of_day(diagnosis.read_log_at)}: {problem}. *Logs* tries again."


def _verdict(diagnosis: Diagnosis) -> str:
    if not diagnosis.cause:
        return "*Cause unknown:* its log names no error"
    cause = cause_named(diagnosis.cause)
    if cause is UNKNOWN and diagnosis.log is not LogOutcome.READ:
        return "*Cause unknown:* the destination's error is none that I know"
    if cause is UNKNOWN:
        return f"*Cause {cause.words.replace(':', ':*', 1)}"
    return f"*Cause:* {cause.words} · {prospect_words(cause)}"


def prospect_words(cause: Cause) -> str:
    return _PROSPECTS[cause.prospect]


def _unhealthy(diagnosis: Diagnosis) -> str:
    """Briefly: the thread has the age of the probe, unless it is old."""
    health = diagnosis.health
    if health is None or health.healthy is not False:
        return ""
    return f":warning: {phrases.sentence(health_words(diagnosis, brief=True))}"


# --- the thread ------------------------------------------------------------------------------------------------------


def diagnosis_blocks(diagnosis: Diagnosis, *, of: str = "") -> list[Block]:
    """The message in the thread: the cause, the lines that matter, and the state around it.

    `of`: the pipeline's name, as tokens, in a thread of several.
    """
    facts = [f"• {line}" for line in (*thread_background(diagnosis), *measured_lines(diagnosis))]
    excerpt = diagnosis.excerpt if diagnosis.excerpt and diagnosis.excerpt.lines else None
    return [
        section(f"{cause_line(diagnosis)}\n*{of}*" if of else cause_line(diagnosis)),
        *([log_block(excerpt.lines), *context(*_about(excerpt, diagnosis))] if excerpt else []),
        *([section("\n".join(facts))] if facts else []),
        *_probe_error(diagnosis),
    ]


def _about(excerpt: Excerpt, diagnosis: Diagnosis) -> list[str]:
    """The replica of the lines, if there are several."""
    alike, hidden = diagnosis.pods_alike, excerpt.hidden
    several = alike or diagnosis.pods > 1
    return [
        f"replica {outside(excerpt.pod, LONGEST_POD)}" if several and excerpt.pod else "",
        f"{alike} other {'replica says' if alike == 1 else 'replicas say'} the same" if alike else "",
        f"{hidden:,} {'line' if hidden == 1 else 'lines'} between them left out" if hidden else "",
        f"log read at {time_of_day(diagnosis.read_log_at)}",
    ]


def _probe_error(diagnosis: Diagnosis) -> list[Block]:
    health = diagnosis.health
    if health is None or health.healthy is not False or not health.last_error.strip():
        return []
    return [UnspokenBlock(block) for block in context(f"probe: {code(health.last_error, LONGEST_LINE)}")]


def log_block(lines: Sequence[str]) -> Block:
    return UnspokenBlock(section(code_block(lines, SECTION_LIMIT)))
