"""The command `status`: the current state of pipelines. An empty command shows what the channel watches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.answer import PipelineView, RefusalAnswer, StatusAnswer
from bot.domain.attention import StateFilter
from bot.domain.names import UnknownReference
from bot.domain.transition import Event, PipelineFinding, PipelineState
from bot.domain.watch import ChannelId
from bot.slack.feature import Command, CommandWord, Feature, Reply, Request
from bot.slack.features.home import failure_lines
from bot.slack.grammar.clauses import ClauseKind, kind_of
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.plain_questions import asks_about_failures
from bot.slack.grammar.references import near_states, references_in, states_in, without_strays
from bot.slack.grammar.silence_times import read_mute_time
from bot.slack.grammar.spoken_names import known_span
from bot.slack.grammar.tokens import ParseError, bare, quoted, slice_of, typed
from bot.slack.mrkdwn import code, date, in_one_minute, outside
from bot.slack.render import phrases, stale_states
from bot.slack.render.action_words import answer_words
from bot.slack.render.blocks import Block, context, section, sections
from bot.slack.render.change_buttons import UNCHANGED
from bot.slack.render.diagnosis import card_blocks, first_step
from bot.slack.render.finding_steps import step_for
from bot.slack.render.finding_words import finding_sentence, of_chain
from bot.slack.render.headings import Listing, heading
from bot.slack.render.help import HelpPage, help_blocks
from bot.slack.render.note_words import guidance_lines
from bot.slack.render.pagination import (
    PAGE_SIZE,
    answer_buttons,
    on_existing_page,
    page_number,
    shared_by,
    views_on_page,
)
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import age, pace_facts, row, trying_again, unresolved
from bot.slack.render.run_words import SHORT_STEP
from bot.slack.render.saved_question import SavedQuestion
from bot.slack.render.silence_words import card_line

_TIME_WORDS = {"for", "until", "till", "til"}
_STATES = ", ".join(StateFilter)

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OverviewCommand(Command):
    """The command for an empty text: what the channel watches, or help if it watches nothing."""

    @property
    def repeatable(self) -> bool:
        return True

    @property
    def shows_watches(self) -> bool:
        return True

    async def run(self, request: Request) -> Reply:
        first = (request.question.page - 1) * PAGE_SIZE
        answer = await request.services.requests.queries.status(request.asker.channel, (), first=first)
        if not answer.views:
            command = request.services.render_context.command
            return Reply(blocks=help_blocks(None, request.help_pages, command, request.asker.channel))
        return _reply(answer, request)


@dataclass(frozen=True, slots=True)
class StatusCommand(Command):
    """A parsed `status`."""

    references: tuple[str, ...]
    """The pipelines, patterns and states, as typed."""
    states: frozenset[StateFilter] = frozenset()
    """Those of `references` that may mean a state. A pipeline with that exact name takes precedence."""

    @property
    def repeatable(self) -> bool:
        return True

    @property
    def shows_watches(self) -> bool:
        """True if no reference names a pipeline."""
        return all(reference.lower() in self.states for reference in self.references)

    @property
    def pipelines(self) -> Sequence[str]:
        return self.references

    async def run(self, request: Request) -> Reply:
        queries = request.services.requests.queries
        first = (request.question.page - 1) * PAGE_SIZE
        answer = await queries.status(
            request.asker.channel, self.references, self.states, names=request.names, first=first
        )
        if refusal := _plain_question(answer):
            return request.refused(refusal)
        reply = _reply(answer, request)
        if answer.whole_channel and not answer.views and not answer.considered:
            elsewhere = sections(await failure_lines(request, answer.at))
            return replace(reply, blocks=[*elsewhere, *reply.blocks])
        return reply


def _plain_question(answer: StatusAnswer) -> RefusalAnswer | None:
    """For `status what is failing` and `status faild`: the command to type instead, if no word is a pipeline."""
    unknown = [unresolved.reference for unresolved in answer.unresolved]
    if answer.views or answer.considered:
        return None
    reason = f"I couldn't find a pipeline called *{outside(' '.join(unknown))}*. {UNCHANGED}"
    if asks_about_failures(unknown):
        return RefusalAnswer(reason=f"{reason} To see what has failed:", command="status failed")
    similar = any(not isinstance(found, UnknownReference) or found.nearest for found in answer.unresolved)
    if not similar and (states := near_states(unknown)):
        meant = " or ".join(f"*{state}*" for state in states)
        return RefusalAnswer(reason=f"{reason} Did you mean {meant}?", command=f"status {' '.join(states)}")
    return None


def _parse(command_text: CommandText) -> Command:
    if not command_text.text:
        return OverviewCommand()
    _refuse_time(command_text)
    words, strays = without_strays(command_text)
    references = tuple(dict.fromkeys(references_in(replace(command_text, words=words))))
    if strays:
        shown = outside(typed(strays[-1].text))
        plainly = " ".join(["status", *map(quoted, references)])
        channel = next((word for word in strays if kind_of(word) is ClauseKind.CHANNEL), None)
        instead = f"watches in #{bare(channel.text)}" if channel and not references else plainly
        raise ParseError(
            f"“{shown}” isn't a pipeline. Nothing was changed. `status` shows a pipeline wherever it is watched.",
            instead,
            "status",
        )
    return StatusCommand(references, states_in(words) & {reference.lower() for reference in references})


def _refuse_time(command_text: CommandText) -> None:
    """A time is no name. With one, people mute: `status` says how it is now."""
    words, position = command_text.words, 0
    while position < len(words):
        span = known_span(words, position, command_text.text, command_text.names, begun=False)
        rest = words[position:]
        is_time = not any(word.quoted for word in rest) and read_mute_time([word.lower for word in rest])
        if span or not position or not is_time:
            position += max(span, 1)
            continue
        names = references_in(replace(command_text, words=words[:position]))
        named = " ".join(map(quoted, dict.fromkeys(names)))
        shown = outside(typed(slice_of(command_text.text, rest)))
        message = f"`status` shows how pipelines are now, so it can't take “{shown}”. Nothing was changed."
        if states_in(words[:position]):
            raise ParseError(message, f"status {' '.join(names)}", "status")
        when = " ".join(word.text for word in rest)
        mute = f"mute {named} {when if rest[0].lower in _TIME_WORDS else f'for {when}'}"
        raise ParseError(f"{message} To hold back messages:", mute, f"status {named}")


# --- render ----------------------------------------------------------------------------------------------------------


def _reply(answer: StatusAnswer, request: Request) -> Reply:
    """Shares only answers with pipelines. Any other answer stays with the person who asked."""
    shares = request.question.shared and bool(answer.views)
    question = request.question if shares else replace(request.question, shared=False)
    return Reply(blocks=status_blocks(answer, question, request.services.render_context), in_channel=shares)


def status_blocks(answer: StatusAnswer, question: SavedQuestion, render_context: RenderContext) -> list[Block]:
    blocks = [section(trying_again(answer.channel, answer.suspended, render_context))] if answer.suspended else []
    question = on_existing_page(question, len(answer.views))
    if len(answer.views) == 1 and not answer.states:
        blocks += _detail(answer.views[0], answer, render_context)
    elif answer.views or answer.considered:
        whole = answer.whole_channel
        listing = Listing(answer.views, answer.considered, answer.states, answer.at, whole_channel=whole)
        head = heading(replace(listing, channel=answer.channel))
        on_page = views_on_page(answer.views, question)
        lines = [row(view, answer.at) for view in on_page]
        problem = stale_states.shared_problem(on_page)
        if not answer.views:
            problem = stale_states.unread_problem(answer.considered[:PAGE_SIZE])
        blocks += sections(
            [
                *problem,
                *stale_states.not_polling(on_page, answer.outage),
                head + page_number(question, len(answer.views)),
                *lines,
            ]
        )
    elif answer.whole_channel:
        hint = (
            f"`{render_context.command} list` shows all pipelines, `{render_context.command} watch NAME` watches one."
        )
        who, verb = phrases.watcher(answer.channel, here=True), phrases.watches_verb(answer.channel)
        where = "in this conversation" if phrases.is_direct(answer.channel) else "yet"
        blocks.append(section(f"{who} {verb} nothing {where}. {hint}"))
    if question.shared:
        return blocks + shared_by(question)
    blocks += unresolved(answer.unresolved, "status", render_context)
    if not (answer.views or answer.considered or answer.unresolved or answer.whole_channel):
        pattern = " ".join(answer.patterns)
        hint = f"`{render_context.command} list` shows all pipelines."
        blocks.append(section(f"No pipeline matches {code(pattern)}. Nothing was changed. {hint}"))
    return blocks + answer_buttons(question, len(answer.views), _only_id(answer.views))


def _only_id(views: Sequence[PipelineView]) -> str:
    return views[0].pipeline.id if len(views) == 1 else ""


def _detail(view: PipelineView, answer: StatusAnswer, render_context: RenderContext) -> list[Block]:
    now = answer.at
    standing, observation = view.state, view.state.observation
    head = f"{stale_states.symbol(view)} *{outside(view.pipeline.name)}* — {stale_states.aged_state_words(view, now)}"
    is_stale = stale_states.is_stale(view)
    facts = (
        []
        if is_stale
        else [
            phrases.replicas(observation.phase, observation.ready, observation.replicas) if observation else "",
            f"since {phrases.moment(standing.since, first_seen=standing.first_seen)}" if standing.since else "",
            _not_read(standing),
            "" if standing.finding(Event.DRIFT) else phrases.intent_words(view.pipeline, standing),
            *pace_facts(view),
        ]
    )
    findings = () if is_stale else standing.findings
    not_polling = stale_states.not_polling([view], answer.outage)
    lines = [head, stale_states.problem_line(view), *not_polling, *(_finding_line(it, standing) for it in findings)]
    lines.append(" · ".join(fact for fact in facts if fact))
    lines.append(answer_words(view.acknowledged, view.resolved, answer.channel))
    if view.silence:
        lines.append(card_line(view.silence))
    step = SHORT_STEP if standing.has_stopped_short else first_step(view.diagnosis)
    step = step or step_for(findings, standing.phase, view.pipeline, render_context)
    steps = [*guidance_lines(view.guidance), step]
    details = [
        outside(view.pipeline.project, 60) if view.pipeline.project else "",
        outside(view.pipeline.id, 60),
        "" if is_stale else age(view, now),
        _watched_here(view, answer.channel),
        render_context.link(view.pipeline.id),
    ]
    todo = "\n".join(step for step in steps if step)
    blocks = [section("\n".join(line for line in lines if line)), *card_blocks(view.diagnosis)]
    return [*blocks, *([section(todo)] if todo else []), *context(*details)]


def _finding_line(finding: PipelineFinding, state: PipelineState) -> str:
    """The line below says since when the pipeline is in its phase: a time in the same minute is no other time."""
    since = "" if state.since and in_one_minute(finding.since, state.since) else f", since {date(finding.since)}"
    return " · ".join(filter(None, (f"{finding_sentence(finding, state.phase)}{since}", of_chain(finding))))


def _not_read(state: PipelineState) -> str:
    """The gap of the readings since the phase began, if there is one."""
    gap = state.gap
    return phrases.not_read(gap) if gap and state.since and gap.until > state.since else ""


def _watched_here(view: PipelineView, channel: ChannelId | None) -> str:
    if phrases.is_direct(channel):
        return "you watch it here" if view.watched_here else "you don't watch it here"
    return "watched here" if view.watched_here else "not watched here"


_HELP = HelpPage(
    overview=(
        "`{c}` — this channel's pipelines and their current state",
        "`{c} status orders-eu` — the current state of one pipeline",
        "`{c} status failed` — this channel's failed pipelines; other states work too",
    ),
    topic=(
        "*`{c} status [PIPELINE … | STATE]`* — the current state of pipelines, and how old the reading is.",
        "Without a name: all pipelines of this channel. Those that need attention come first.",
        f"STATE: {_STATES}. If a pipeline has that exact name, I show the pipeline.",
        "PIPELINE: a name in upper or lower case, an id (`pipe_…`), the unique beginning of either, or a pattern.",
        'Put a name with spaces in quotes: `{c} status "Base Swaps to Postgres"`',
    ),
)

FEATURE = Feature(
    commands=(
        CommandWord(
            name="status",
            parse=_parse,
            takes_names=True,
            in_thread=True,
            help_order=1,
            help=_HELP,
        ),
    )
)
