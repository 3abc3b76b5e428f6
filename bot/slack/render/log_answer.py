"""The answer to somebody who asks for a log: the newest lines of each replica. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.log_lines import PodLog, is_tail_error, lines_that_matter, readable_lines
from bot.domain.phase import AT_REST
from bot.domain.transition import PipelineState
from bot.ports.details_reads import LONGEST_TAIL
from bot.requests.logs import PipelineLog
from bot.slack.mrkdwn import escape, outside, time_of_day
from bot.slack.render import phrases
from bot.slack.render.blocks import SECTION_LIMIT, Block, context, section
from bot.slack.render.diagnosis import LONGEST_POD, log_block
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import command_for

MOST_CHARACTERS_SHOWN = 8000  # of the lines of all replicas, escaped: a message has about 13,000 in all
MOST_PODS_SHOWN = 8
RETRY = "Try again in a minute"
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
        problem = outside(log.read.problem, 300).rstrip(".")
        retry = "" if problem.endswith(RETRY) else f". {RETRY}"
        return [
            section(f"I couldn't read the log of {name}: {problem}{retry}: {again}"),
            *context(link),
        ]
    pods = [pod for pod in log.read.pods if not is_tail_error(pod.text)]
    if log.read.not_yet or not pods:
        return [section(_no_log(name, log.state, again)), *context(link)]
    several, shown = len(log.read.pods) > 1, pods[:MOST_PODS_SHOWN]
    share = MOST_CHARACTERS_SHOWN // len(shown)
    blocks: list[Block] = [section(f"{name} — log, read at {time_of_day(log.read.at)}")]
    blocks += context(_of_which_worker(log.state))
    for pod in shown:
        part = _pod(pod, share)
        blocks += context(f"replica *{outside(pod.pod, LONGEST_POD)}*" if several else "", part.left_out)
        blocks += part.blocks
    return [*blocks, *context(_without_log(log.read.pods, pods), _rest(pods), link)]


def _no_log(name: str, state: PipelineState, again: str) -> str:
    if state.has_finished and state.run:
        return f"GoldRush has no log of {name}: it finished at block {state.run.stop:,}, so no worker runs."
    if state.phase in AT_REST:
        stopped = phrases.phase_word(state.phase)
        return f"GoldRush has no log of {name} now. It is {stopped}, so no worker runs. If it is started again: {again}"
    return f"GoldRush has no log of {name} yet. Its worker isn't up. Try again when it runs: {again}"


def _of_which_worker(state: PipelineState) -> str:
    """A live pipeline's lines are not those of its last failure."""
    if not state.live:
        return ""
    return "It is live now. The lines of its last failure are in the thread of that failure's card."


def _pod(pod: PodLog, share: int) -> _Shown:
    """The newest lines. If the last error is older than these, it comes first."""
    lines = readable_lines(pod)
    excerpt = lines_that_matter(pod)
    newest = _newest(lines, share)
    older = len(lines) - len(newest)
    if older and excerpt.error and not set(excerpt.lines) <= set(newest):
        newest = _newest(lines, share - sum(map(_size, excerpt.lines)))
        older = max(0, len(lines) - len(newest) - len(excerpt.lines))
        parts = [*_chunks(excerpt.lines), *context("The end of the log:"), *_chunks(newest)]
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
