"""The form that the button *Watch a pipeline* opens: a modal that does the same as the command `watch`."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.domain.answer import RefusalAnswer, UnmatchedAnswer, UnresolvedReference, WatchAnswer
from bot.domain.catalogue import Pipeline
from bot.domain.episode import MOST_CONFIRMED
from bot.domain.names import AmbiguousReference
from bot.domain.transition import SELECTABLE, Event
from bot.domain.watch import USUAL_LAG, ChannelId, TargetKind, lagging_word
from bot.slack.click import Click
from bot.slack.feature import Command, Reply, Request, UsageError
from bot.slack.features.watch.command import ClauseRefusal, WatchCommand
from bot.slack.features.watch.opening import error_text, open_modal
from bot.slack.features.watch.render import watch_blocks
from bot.slack.grammar.clauses import ChannelWord, ClauseKind, TargetWord
from bot.slack.grammar.lagging_words import lag_in
from bot.slack.mrkdwn import code, duration, escape, outside, plain_cut, unescape
from bot.slack.permissions import UNCHANGED, no_such_channel
from bot.slack.render.blocks import Block, context, input_block, option, plain, sections
from bot.slack.submission import Submission

CALLBACK_ID = "watch"
PIPELINES, CHANNEL, EVENTS, TARGETS, CONFIRM = "pipelines", "channel", "events", "targets", "confirm"  # the blocks
LAG = "lag"
LAGS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 3 * 60, 12 * 60, 24 * 60))
EXPLAINED = 3  # unknown names that get a sentence of their own
_BLOCKS = {ClauseKind.CHANNEL: CHANNEL, ClauseKind.TARGET: TARGETS, ClauseKind.EVENT: EVENTS}
_REFERENCE = re.compile(r"<([@#])[^>]*>")


# --- open ------------------------------------------------------------------------------------------------------------


async def open_form(click: Click, request: Request) -> Reply | None:
    services = request.services
    return await open_modal(
        click, request, lambda direct: watch_form(direct, services.render_context.command, services.max_targets)
    )


def watch_form(direct: ChannelId, command: str, max_targets: int) -> Block:
    """The modal. `direct`: the person's direct conversation with the bot."""
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "private_metadata": direct,
        "title": plain("Watch a pipeline"),
        "submit": plain("Watch"),
        "close": plain("Cancel"),
        "blocks": [
            _pipelines_input(),
            _channel_input(),
            _events_input(),
            _targets_input(command, max_targets),
            _confirm_input(),
            _lag_input(),
            *context("If it's watched there already, the fields that you leave empty stay as they are."),
        ],
    }


def _pipelines_input() -> Block:
    element = {"type": "plain_text_input", "placeholder": plain("orders-eu"), "max_length": 1000}
    return input_block(PIPELINES, "Pipeline", element, hint="A name, an id, or a pattern such as orders-*")


def _channel_input() -> Block:
    element = {
        "type": "conversations_select",
        "placeholder": plain("My direct messages with the bot"),
        "filter": {"include": ["public", "private"], "exclude_bot_users": True},
    }
    hint = "You must be in the channel. A private one must invite me first."
    return input_block(CHANNEL, "Post changes in", element, hint=hint, optional=True)


def _events_input() -> Block:
    options = [option(event.value, event.value) for event in SELECTABLE]
    element = {"type": "multi_static_select", "placeholder": plain("All"), "options": options}
    return input_block(EVENTS, "Changes to post", element, optional=True)


def _targets_input(command: str, max_targets: int) -> Block:
    element = {"type": "multi_users_select", "placeholder": plain("Nobody"), "max_selected_items": max_targets}
    hint = f"To page a user group, type {command} watch."
    return input_block(TARGETS, "Page when it fails", element, hint=hint, optional=True)


def _confirm_input() -> Block:
    options = [option(_readings(number), str(number)) for number in range(1, MOST_CONFIRMED + 1)]
    element = {"type": "static_select", "placeholder": plain(_readings(1)), "options": options}
    return input_block(CONFIRM, "Alert after", element, hint="Only for failed and degraded.", optional=True)


def _lag_input() -> Block:
    options = [option(f"{duration(lag.total_seconds())} behind", lagging_word(lag)) for lag in LAGS]
    element = {"type": "static_select", "placeholder": plain(f"{duration(USUAL_LAG.total_seconds())} behind")}
    hint = "Only if lagging is among the changes."
    return input_block(LAG, "Lagging from", {**element, "options": options}, hint=hint, optional=True)


def _readings(number: int) -> str:
    return "the first reading" if number == 1 else f"{number} readings in a row"


# --- submit ----------------------------------------------------------------------------------------------------------


async def submit_form(submission: Submission, request: Request) -> Reply:
    text = f"watch {escape(submission.text_in(PIPELINES))}"
    understood = await request.understand(text)
    command = understood.command
    if isinstance(command, UsageError):
        return _refused(PIPELINES, RefusalAnswer(reason=command.message, hint=_corrected(command, request)), request)
    if not isinstance(command, WatchCommand) or not _is_plain(command):
        return _refused(
            PIPELINES, RefusalAnswer(reason=f"Put only pipelines here, and the rest below. {UNCHANGED}"), request
        )
    watch = replace(
        command,
        events=frozenset(event for event in SELECTABLE if event.value in submission.texts_in(EVENTS)) or None,
        targets=tuple(TargetWord(TargetKind.USER, id=user) for user in submission.texts_in(TARGETS)) or None,
        channel=ChannelWord(id=submission.text_in(CHANNEL).strip("<#>")) if submission.text_in(CHANNEL) else None,
        confirm=int(submission.text_in(CONFIRM)) if submission.text_in(CONFIRM).isdecimal() else None,
        lag_from=lag_in(submission.text_in(LAG)),
    )
    answer = await watch.carry_out(replace(request, names=understood.names))
    if isinstance(answer, ClauseRefusal):
        return _refused(_BLOCKS[answer.clause], answer.refusal, request, watch.channel)
    if isinstance(answer, UnmatchedAnswer) or answer.unresolved:
        whole = _command(submission)
        error = _unwatched(answer, whole, request)
        # A late answer is a message. It offers commands only if they say all that the person chose.
        complete = _is_plain(watch) or (
            isinstance(answer, UnmatchedAnswer) and (await request.understand(whole)).command == watch
        )
        blocks = (
            _answered(answer, whole, request) if complete else sections([f":grey_question: {outside(error, 2000)}"])
        )
        return Reply(blocks=blocks, errors={PIPELINES: error})
    return Reply(blocks=_answered(answer, text, request))


def _is_plain(command: Command) -> bool:
    """True for a `watch` without clauses."""
    return isinstance(command, WatchCommand) and command == WatchCommand(references=command.references)


def _command(submission: Submission) -> str:
    """The whole submission as the text of a command, with Slack's references to people and the channel."""
    clauses = {
        ClauseKind.EVENT: [",".join(_with_lag(event, submission) for event in submission.texts_in(EVENTS))],
        ClauseKind.TARGET: [f"<@{user}>" for user in submission.texts_in(TARGETS)],
        ClauseKind.CHANNEL: submission.texts_in(CHANNEL),
    }
    words = [f"{kind.value} {' '.join(texts)}" for kind, texts in clauses.items() if any(texts)]
    words += [f"{CONFIRM} {readings}" for readings in submission.texts_in(CONFIRM)]
    return " ".join([f"watch {escape(submission.text_in(PIPELINES))}", *words])


def _with_lag(event: str, submission: Submission) -> str:
    return (submission.text_in(LAG) or event) if event == Event.LAGGING else event


def _refused(block: str, refusal: RefusalAnswer, request: Request, channel: ChannelWord | None = None) -> Reply:
    return replace(request.refused(refusal), errors={block: _error(refusal, channel)})


# --- render ----------------------------------------------------------------------------------------------------------


def _answered(answer: WatchAnswer | UnmatchedAnswer, text: str, request: Request) -> Sequence[Block]:
    """The answer to a submission. Only the conversation that watches gets *Undo*: here, or on its announcement."""
    if isinstance(answer, WatchAnswer) and answer.channel != request.asker.channel:
        answer = replace(answer, undo="")
    return watch_blocks(answer, text, request.services.render_context, complete=request.names_pipelines)


def _error(refusal: RefusalAnswer, channel: ChannelWord | None) -> str:
    if channel and refusal == no_such_channel(channel.id, changing=True):
        return f"I can't find that channel, or you're not in it. {UNCHANGED}"
    return error_text(refusal)


def _corrected(wrong: UsageError, request: Request) -> str:
    """The corrected pipelines to type in the same field. Empty if the suggested command says more than pipelines."""
    if not _is_plain(request.parse(escape(wrong.hint))):
        return ""
    return f"Try: {code(wrong.hint.removeprefix('watch '), 300)}"


def _unwatched(answer: WatchAnswer | UnmatchedAnswer, whole: str, request: Request) -> str:
    """`whole`: the submission as a command."""
    if isinstance(answer, UnmatchedAnswer):
        near = _nearest(answer.nearest)
        return (
            f"No pipeline matches {' or '.join(answer.patterns)} yet.{near} {UNCHANGED} "
            f"To watch it anyway, type: {request.services.render_context.command} {_typable(whole)}"
        )
    return " ".join([*map(_problem, answer.unresolved[:EXPLAINED]), UNCHANGED])


def _typable(whole: str) -> str:
    """The command with a placeholder for each person and the channel, because an error shows no names."""
    return unescape(plain_cut(_REFERENCE.sub(r"\1…", whole), 300))


def _problem(reference: UnresolvedReference) -> str:
    name = plain_cut(reference.reference, 75)
    if isinstance(reference, AmbiguousReference):
        return f"“{name}” could mean {len(reference.candidates):,} pipelines: {_names(reference.candidates)}."
    return f"I couldn't find a pipeline called “{name}”.{_nearest(reference.nearest)}"


def _nearest(pipelines: Sequence[Pipeline]) -> str:
    return f" Did you mean {_names(pipelines)}?" if pipelines else ""


def _names(pipelines: Sequence[Pipeline]) -> str:
    *others, last = (plain_cut(pipeline.name, 75) for pipeline in pipelines[:EXPLAINED])
    return f"{', '.join(others)} or {last}" if others else last
