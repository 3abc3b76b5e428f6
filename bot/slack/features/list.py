"""The command `list`: all pipelines that the ServiceKey sees, filtered by words or state."""

from dataclasses import dataclass, replace

from bot.domain.answer import ListAnswer
from bot.domain.attention import StateFilter, trouble
from bot.domain.catalogue import comparable, is_pattern
from bot.domain.names import Names, UnknownReference
from bot.slack.feature import Command, CommandWord, Feature, Reply, Request
from bot.slack.grammar.clauses import ClauseKind, kind_of
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.plain_questions import asks_about_failures
from bot.slack.grammar.references import is_signed, near_states, states_in
from bot.slack.grammar.tokens import ParseError, Word, bare, stripped, typed
from bot.slack.mrkdwn import code, outside
from bot.slack.render import stale_states
from bot.slack.render.blocks import Block, context, section, sections
from bot.slack.render.change_buttons import UNCHANGED
from bot.slack.render.headings import Listing, heading
from bot.slack.render.help import HelpPage
from bot.slack.render.pagination import (
    PAGE_SIZE,
    answer_buttons,
    on_existing_page,
    page_number,
    shared_by,
    views_on_page,
)
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import row, unresolved
from bot.slack.render.saved_question import SavedQuestion

_STATES = ", ".join(StateFilter)

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListCommand(Command):
    """A parsed `list`: the pipelines with all `words` in name, project or id. If it has `states`, only those in one."""

    words: str
    states: frozenset[StateFilter] = frozenset()

    @property
    def repeatable(self) -> bool:
        return True

    async def run(self, request: Request) -> Reply:
        first = (request.question.page - 1) * PAGE_SIZE
        queries = request.services.requests.queries
        answer = await queries.browse(request.asker.channel, self.words, first, PAGE_SIZE, self.states)
        shares = request.question.shared and bool(answer.views)
        question = request.question if shares else replace(request.question, shared=False)
        return Reply(blocks=list_blocks(answer, question, request.services.render_context), in_channel=shares)


def _parse(command_text: CommandText) -> Command:
    stray = next((word for word in command_text.words if not word.quoted and _is_stray(word, command_text.names)), None)
    if stray:
        instead = f"watches in #{bare(stray.text)}" if kind_of(stray) is ClauseKind.CHANNEL else "list"
        raise ParseError(
            f"“{outside(typed(stray.text))}” can't be part of a name. Nothing was changed. `list` searches all "
            "pipelines that I can see.",
            instead,
            "list",
        )
    states = states_in(command_text.words)
    words = (
        word.text if word.quoted else stripped(word.text) for word in command_text.words if word.lower not in states
    )
    return ListCommand(" ".join(word for word in words if word), states)


def _is_stray(word: Word, names: Names) -> bool:
    signed = is_signed(word) and kind_of(word) in {ClauseKind.TARGET, ClauseKind.CHANNEL}
    return signed and not names.any_name(lambda name: comparable(word.text) in name)


# --- render ----------------------------------------------------------------------------------------------------------


NO_PIPELINES = "I can't see any pipelines in GoldRush. If there should be some, tell the people who run me."


def list_blocks(answer: ListAnswer, question: SavedQuestion, render_context: RenderContext) -> list[Block]:
    blocks: list[Block] = []
    question = on_existing_page(question, len(answer.views))
    if not answer.views and not answer.considered:
        blocks += _nothing_found(answer, render_context) if answer.words else [section(NO_PIPELINES)]
    else:
        words = "" if question.shared else answer.words
        head = heading(Listing(answer.views, answer.considered, answer.states, answer.at, words))
        shown = _by_project(answer, question)
        problem = stale_states.shared_problem(views_on_page(answer.views, question))
        if not answer.views:
            problem = stale_states.unread_problem(answer.considered[:PAGE_SIZE])
        problem += stale_states.not_polling(views_on_page(answer.views, question), answer.outage)
        blocks += sections([*problem, head + page_number(question, len(answer.views)), *shown])
    if answer.problem:
        reason = stale_states.reason_and_step(answer.problem, answer.wait_until)
        blocks += context(f":warning: The list may be out of date: {reason}")
    return blocks + (shared_by(question) or answer_buttons(question, len(answer.views), ""))


def _nothing_found(answer: ListAnswer, render_context: RenderContext) -> list[Block]:
    """Suggests the states, the pattern or the pipelines that these unknown words may mean, as a command to type."""
    command, words = render_context.command, answer.words
    failed = asks_about_failures(words.split())
    states = [StateFilter.FAILED] if failed else near_states(words.split())
    meant = [f"`{command} list {state}`" for state in states]
    if is_pattern(words):
        meant = [code(f"{command} status {words}")]
    elif answer.nearest and not states:
        return unresolved((UnknownReference(words, answer.nearest),), "status", render_context)
    hint = f"Did you mean {' or '.join(meant)}?" if meant else f"`{command} list` shows all pipelines."
    return [section(f"I couldn't find a pipeline with “{outside(words)}”. {UNCHANGED} {hint}")]


def _by_project(answer: ListAnswer, question: SavedQuestion) -> list[str]:
    """Pipelines that need attention come first, each with its project. The others follow, grouped by project."""
    lines: list[str] = []
    project = None
    for view in views_on_page(answer.views, question):
        line = row(view, answer.at) + (" · :bell: watched here" if view.watched_here else "")
        if trouble(view.state, answer.at):
            lines.append(f"{line} · {outside(view.pipeline.project, 60)}" if view.pipeline.project else line)
            continue
        if view.pipeline.project != project:
            project = view.pipeline.project
            lines.append(f"_{outside(project or 'no project')}_")
        lines.append(line)
    return lines


_HELP = HelpPage(
    overview=("`{c} list` — all pipelines; `{c} list orders` — those with this word in their name",),
    topic=(
        "*`{c} list [WORDS | STATE]`* — all pipelines that I can see in GoldRush, with their phases.",
        "Pipelines that need attention come first.",
        f"STATE: {_STATES}. You can combine them: `{{c}} list failed orders`. A word in quotes is part of a name.",
        "I read unwatched pipelines only when you list them, 20 at a time. I say how many I haven't read yet.",
        "WORDS must all be in a pipeline's name, project or id: `{c} list orders eu`",
    ),
)

FEATURE = Feature(
    commands=(
        CommandWord(
            name="list",
            parse=_parse,
            help_order=2,
            help=_HELP,
        ),
    )
)
