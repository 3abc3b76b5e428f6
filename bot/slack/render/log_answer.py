"""The answer to somebody who asks for a log: the newest lines of each replica. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.diagnosis import LogFault
from bot.domain.log_lines import PodLog, is_tail_error, lines_that_matter, readable_lines
from bot.domain.phase import AT_REST, Phase
from bot.domain.transition import PipelineState
from bot.ports.details_reads import LONGEST_TAIL, LogAnswer
from bot.requests.logs import PipelineLog
from bot.slack.mrkdwn import escape, outside, time_of_day
from bot.slack.render import phrases
from bot.slack.render.blocks import SECTION_LIMIT, Block, context, section
from bot.slack.render.diagnosis import LONGEST_POD, LOOK_THERE, NO_LOG, log_block
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import command_for

MOST_CHARACTERS_SHOWN = 8000  # of the lines of all replicas, escaped: a message has about 13,000 in all
MOST_PODS_SHOWN = 8
CHUNK = SECTION_LIMIT - 100


@dataclass(frozen=True, slots=True)
class _Shown:
    """What an answer has of one replica's log."""

    blocks: list[Block]
    left_out: str


def log_answer_blocks(log: PipelineLog, render_context: RenderContext) -> list[Block]:
    """Only the person who asked sees it."""
    name, again = f"*{outside(log.pipeline.name)}*", command_for("logs", log.pipeline, render_context)
    link = render_context.link(log.pipeline.id)
    if log.read.problem:
        return [section(f"{_why_unread(log.read, name, again)}\n{link}")]
    pods = [pod for pod in log.read.pods if not is_tail_error(pod.text)]
    if log.read.not_yet or not pods:
        return [section(f"{_no_log(name, log.state, again)}\n{link}")]
    several, shown = len(log.read.pods) > 1, pods[:MOST_PODS_SHOWN]
    share = MOST_CHARACTERS_SHOWN // len(shown)
    head = f"{name} — the newest lines of its log, read at {time_of_day(log.read.at)}. For the whole log: {link}"
    blocks: list[Block] = [section(head), *context(_of_which_worker(log))]
    for pod in shown:
        part = _pod(pod, share)
        blocks += context(f"replica *{outside(pod.pod, LONGEST_POD)}*" if several else "", part.left_out)
        blocks += part.blocks
    return [*blocks, *context(_without_log(log.read.pods, pods), _rest(pods))]


def _why_unread(read: LogAnswer, name: str, again: str) -> str:
    if read.unread is LogFault.TOO_LARGE:
        return f"The log of {name} is larger than 1 MB, too long for me to read. Open it in GoldRush:"
    if read.unread is LogFault.NOT_ASKED:
        return (
            f"I haven't read the log of {name}: I had no request to GoldRush free. Try again in a few seconds: {again}"
        )
    reason = (read.problem or "").removesuffix(phrases.RETRY).strip().rstrip(".")
    unread = f"I couldn't read the log of {name} at {time_of_day(read.at)}: {outside(reason, 300)}."
    return unread if phrases.says_what_to_do(reason) else f"{unread} {phrases.RETRY.rstrip('.')}: {again}"


def _no_log(name: str, state: PipelineState, again: str) -> str:
    if state.has_finished and state.run:
        return f"GoldRush has no log of {name}: it {state.run.ending}, so no worker runs."
    if state.phase in AT_REST:
        stopped = phrases.phase_word(state.phase)
        return f"GoldRush has no log of {name} now. It is {stopped}, so no worker runs. If it is started again: {again}"
    if state.phase == Phase.FAILED:
        return f"{NO_LOG.format(name=name)} {LOOK_THERE} Once it runs: {again}"
    if state.live:
        return f"GoldRush shows no log of {name} right now, although it is live. {phrases.RETRY.rstrip('.')}: {again}"
    return f"GoldRush has no log of {name} yet. Its worker isn't up. Try again when it runs: {again}"


def _of_which_worker(log: PipelineLog) -> str:
    """A live pipeline's lines are not those of its last failure."""
    if not (log.state.live and log.failed_before):
        return ""
    return "It is live now. The lines of its last failure are in the thread of that failure's card."


def _pod(pod: PodLog, share: int) -> _Shown:
    """The last error with its context, so that nobody scrolls for it, then the newest lines."""
    lines = readable_lines(pod)
    excerpt = lines_that_matter(pod)
    newest = _newest(lines, share)
    older = len(lines) - len(newest)
    if excerpt.error and len(lines) > len(excerpt.lines):
        newest = _newest(lines, share - sum(map(_size, excerpt.lines)))
        shown = set(newest)
        older = max(0, len(lines) - len(newest) - sum(line not in shown for line in excerpt.lines))
        error = [*context("The last error:"), *_chunks(excerpt.lines)]
        parts = [*error, *context("The end of the log:"), *_chunks(newest)]
    else:
        parts = _chunks(newest)
    least = "at least " if len(pod.text) >= LONGEST_TAIL // 2 else ""
    return _Shown(parts, f"{least}{older:,} older {'line' if older == 1 else 'lines'} left out" if older else "")


def _newest(lines: Sequence[str], most: int) -> list[str]:
    """The last lines that have room. The very last one always has."""
    first, length = len(lines), 0
    while first and (length := length + _size(lines[first - 1])) <= most:
        first -= 1
    return list(lines[first:] or lines[-1:])


def _size(line: str) -> int:
    return len(escape(line)) + 1


def _chunks(lines: Sequence[str]) -> list[Block]:
    chunks: list[list[str]] = [[]]
    length = 0
    for line in lines:
        if chunks[-1] and length + _size(line) > CHUNK:
            chunks.append([])
            length = 0
        chunks[-1].append(line)
        length += _size(line)
    return [log_block(chunk) for chunk in chunks if chunk]


def _without_log(pods: Sequence[PodLog], shown: Sequence[PodLog]) -> str:
    number = len(pods) - len(shown)
    return f"{number} {'replica has' if number == 1 else 'replicas have'} no log yet" if number else ""


def _rest(pods: Sequence[PodLog]) -> str:
    number = len(pods) - MOST_PODS_SHOWN
    return f"{number} more {'replica' if number == 1 else 'replicas'} left out" if number > 0 else ""
