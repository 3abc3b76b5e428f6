"""Policies and default policies: who is paged when, and what a change would do. Pure."""

from collections.abc import Iterable, Sequence

from bot.domain.on_call_setup import OPERATOR, WORKSPACE, DefaultPolicy, policy_text
from bot.domain.policy_preview import PolicyPreview, StepPreview, TargetPreview
from bot.domain.watch import ChannelId, Target, TargetKind
from bot.requests.policies import DefaultPolicyAnswer, PoliciesAnswer, PolicyAnswer, PolicyFate
from bot.slack.mrkdwn import code, date, duration, outside
from bot.slack.render import phrases
from bot.slack.render.blocks import Block, context, sections
from bot.slack.render.change_buttons import UNCHANGED, overtaken_line, save_blocks
from bot.slack.render.on_call_forms import policy_form_buttons
from bot.slack.render.render_context import RenderContext

WATCHES_NAMED = 10
TEXT_SHOWN = 600


def policies_blocks(answer: PoliciesAnswer, render_context: RenderContext) -> list[Block]:
    command = render_context.command
    if not answer.previews:
        lines = ["There is no policy yet. A policy pages people one after the other until somebody answers:"]
        example = code(f"{command} policy data = @ann wait 5m then @bob", 150)
        return [*sections([*lines, example]), *policy_form_buttons(())]
    lines = ["*Policies*"]
    lines += [f"• *{outside(preview.policy.name)}*: {in_one_line(preview)}" for preview in answer.previews]
    defaults = ((answer.channel, "This channel's default"), (answer.workspace, "The workspace's default"))
    lines += [f"{words}: *{outside(row.policy)}*" for row, words in defaults if row]
    if answer.operator:
        lines.append(f"For my own trouble: *{outside(answer.operator.policy)}*")
    else:
        lines.append(f"For my own trouble: nobody. {code(f'{command} policy default NAME operator')} changes that.")
    return [*sections(lines), *policy_form_buttons([preview.policy.name for preview in answer.previews])]


def policy_blocks(answer: PolicyAnswer, command_text: str, render_context: RenderContext) -> list[Block]:
    """`command_text`: the command to run again when the person saves."""
    name, command = outside(answer.preview.policy.name), render_context.command
    preview = [*preview_lines(answer.preview), *_warnings(answer.preview)]
    match answer.fate:
        case PolicyFate.WOULD_SAVE | PolicyFate.OVERTAKEN:
            head = f"{'Change' if answer.saved else 'Create'} the policy *{name}*? From now on:"
            lines = [*_overtaken(answer), head, *preview]
            if answer.saved:
                before = code(policy_text(answer.saved.policy), TEXT_SHOWN)
                lines += [f"Before: {before}", "Pages that run already keep the old policy."]
            return [*sections(lines), *save_blocks(command_text, answer.at, exists=answer.saved is not None)]
        case PolicyFate.SAVED:
            used = [] if answer.watches or answer.defaults else [f"To use it: {_uses(answer, command)}"]
            return sections([f"The policy *{name}* is saved. From now on:", *preview, *used])
        case PolicyFate.UNCHANGED:
            return sections([f"The policy *{name}* is like that already. {UNCHANGED}", *preview])
        case PolicyFate.REMOVED:
            text = code(policy_text(answer.preview.policy), TEXT_SHOWN)
            return sections([f"The policy *{name}* is removed. It was {text}"])
        case PolicyFate.USED:
            head = f":information_source: The policy *{name}* is in use. {UNCHANGED}"
            return sections([head, *_used_by(answer), "First let these use another policy, then remove it."])
        case PolicyFate.SHOWN:
            made = []
            if saved := answer.saved:
                made = [f"Set by {phrases.person(saved.made_by_name)} at {date(saved.made_at)}."]
            text = code(
                f"{command} policy {answer.preview.policy.name} = {policy_text(answer.preview.policy)}", TEXT_SHOWN
            )
            used = _used_by(answer) or [f"Nothing uses it. {_uses(answer, command)}"]
            return [*sections([f"*{name}*, if a pipeline failed now:", *preview, *used, text]), *context(*made)]


def _overtaken(answer: PolicyAnswer | DefaultPolicyAnswer) -> list[str]:
    if answer.fate is not PolicyFate.OVERTAKEN:
        return []
    return [overtaken_line(answer.saved)]


def _uses(answer: PolicyAnswer, command: str) -> str:
    name = answer.preview.policy.name
    watch, default = f"{command} watch orders-* page policy:{name}", f"{command} policy default {name}"
    return f"{code(watch, 150)} or {code(default, 150)}"


def _used_by(answer: PolicyAnswer) -> list[str]:
    lines = [f"• {_default_words(row)}" for row in answer.defaults]
    watches = answer.watches[:WATCHES_NAMED]
    lines += [f"• {phrases.watch_words(watch)} in {phrases.conversation(watch.channel, 'their')}" for watch in watches]
    if len(answer.watches) > len(watches):
        lines.append(f"… and {len(answer.watches) - len(watches):,} more watches")
    return ["Used by:", *lines] if lines else []


def _default_words(row: DefaultPolicy) -> str:
    return f"the default of {_scope_words(row.scope)}"


def _scope_words(scope: str) -> str:
    match scope:
        case "workspace":
            return "the workspace"
        case "operator":
            return "the operator"
        case _:
            return phrases.conversation(ChannelId(scope), "your")


def default_policy_blocks(answer: DefaultPolicyAnswer, command_text: str) -> list[Block]:
    effect = _default_effect(answer)
    preview = [*preview_lines(answer.preview), *_warnings(answer.preview)] if answer.preview else []
    match answer.fate:
        case PolicyFate.UNCHANGED:
            now = f"*{outside(answer.after)}*" if answer.after else "no policy"
            return sections([f"The default of {_scope_words(answer.scope)} is {now} already. {UNCHANGED}"])
        case PolicyFate.WOULD_SAVE | PolicyFate.OVERTAKEN:
            head = f"Change the default of {_scope_words(answer.scope)}? {effect}"
            question = sections([*_overtaken(answer), head, *preview])
            return [*question, *save_blocks(command_text, answer.at, exists=answer.saved is not None)]
        case _:
            return sections([f"Saved. {effect}", *preview])


def _default_effect(answer: DefaultPolicyAnswer) -> str:
    name = outside(answer.preview.policy.name) if answer.preview else ""
    if answer.scope == OPERATOR:
        return f"My own trouble pages *{name}*:" if name else "My own trouble pages nobody."
    where = "in channels without a default" if answer.scope == WORKSPACE else "in this channel"
    if answer.scope not in {WORKSPACE, OPERATOR}:
        where = f"in {_scope_words(answer.scope)}"
    if not name:
        return f"Watches without targets {where} page nobody from now on."
    inherited = " (the workspace's default)" if answer.after is None else ""
    return f"Watches without targets {where} page the policy *{name}*{inherited} from now on:"


# --- previews --------------------------------------------------------------------------------------------------------


def preview_lines(preview: PolicyPreview) -> list[str]:
    """One line for each step: when it comes, and who it reaches."""
    lines = [f"{number}. {_when(step)}: {_step_words(step)}" for number, step in enumerate(preview.steps, 1)]
    wait = preview.policy.steps[-1].wait if preview.policy.steps else None
    if preview.policy.rounds:
        times = "once" if preview.policy.rounds == 1 else f"{preview.policy.rounds} times"
        lines.append(f"If nobody answers, all of that again, {times}.")
    later = f" {duration(wait.total_seconds())} after the last step" if wait else ""
    if preview.last_resort:
        return [*lines, f"Last resort{later}: {_step_words(preview.last_resort)}"]
    operator = f", and page the policy *{outside(preview.operator)}*" if preview.operator else ""
    return [*lines, f"Still no answer{later}: I say so in the channel{operator}."]


def in_one_line(preview: PolicyPreview) -> str:
    """`Ann, then Bob after 10 min; if nobody answers, again once; last resort: everyone in the channel`."""
    parts = [_step_words(step, brief=True) for step in preview.steps]
    first, *others = zip(parts, preview.steps, strict=True)
    steps = ", then ".join([first[0], *(f"{words} after {_duration(step)}" for words, step in others)])
    rounds = preview.policy.rounds
    again = f"; if nobody answers, again {'once' if rounds == 1 else f'{rounds} times'}" if rounds else ""
    last = f"; last resort: {_step_words(preview.last_resort, brief=True)}" if preview.last_resort else ""
    return f"{steps}{again}{last}"


def _when(step: StepPreview) -> str:
    return f"After {_duration(step)}" if step.after else "At once"


def _duration(step: StepPreview) -> str:
    return duration(step.after.total_seconds())


def _step_words(step: StepPreview, *, brief: bool = False) -> str:
    return ", ".join(target_preview_words(target, brief=brief) for target in step.targets)


def target_preview_words(preview: TargetPreview, *, brief: bool = False) -> str:
    """A target with the people that it means now, as plain text."""
    target = preview.target
    if target.kind is TargetKind.ON_CALL:
        name = outside(target.label or target.id)
        if preview.on_call is None:
            return f"nobody (there is no schedule *{name}*)"
        people = people_words(preview.people) or "nobody"
        until = f" until {date(preview.on_call.until)}" if preview.on_call.until and not brief else ""
        return f"{people} (on call for *{name}*{until})"
    missing = "" if preview.is_configured else " (not in my settings)"
    return f"{target_words_in_policy(target)}{missing}"


def target_words_in_policy(target: Target) -> str:
    match target.kind:
        case TargetKind.HERE:
            return "everyone online in the channel"
        case TargetKind.CHANNEL:
            return "everyone in the channel"
        case TargetKind.OWNER:
            return "the pipeline's owner"
        case TargetKind.PAGER:
            return f"the pager *{outside(target.label or target.id)}*"
        case TargetKind.USER:
            return outside(target.label or target.id)
        case _:
            return phrases.target_words(target)


def people_words(people: Iterable[Target]) -> str:
    return " and ".join(outside(person.label or person.id) for person in people)


def _all_words(targets: Iterable[Target]) -> str:
    return " and ".join(map(target_words_in_policy, targets))


def _warnings(preview: PolicyPreview) -> Sequence[str]:
    """The steps that reach nobody now, or nobody new."""
    empty = [number for number, step in enumerate(preview.steps, 1) if not step.reaches]
    again = tuple(
        f":warning: Step {number} reaches nobody new: an earlier step calls {_all_words(targets)} already."
        for number, targets in preview.repeats.items()
    )
    if not empty:
        return again
    if not preview.reaches:
        return (":warning: No step reaches anybody now.",)
    named = ", ".join(map(str, empty))
    steps = f"Step {named} reaches" if len(empty) == 1 else f"Steps {named} reach"
    return (f":warning: {steps} nobody now: a page would go on to the next step at once.", *again)
