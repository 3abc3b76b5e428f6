"""The form for a policy: a modal that does the same as `policy NAME = …`, with the same question before it saves."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.domain.answer import RefusalAnswer
from bot.domain.escalation import Policy, PolicyStep
from bot.domain.on_call_setup import duration_text, name_key
from bot.domain.permission import Broadcast
from bot.domain.policy_preview import DEFAULT_WAIT, MOST_ROUNDS, MOST_STEPS
from bot.domain.setup import LONGEST_NAME
from bot.domain.setup_names import name_problem
from bot.domain.watch import ChannelId, Target, TargetKind
from bot.requests.policies import PolicyAnswer, UnknownName
from bot.slack.click import Click
from bot.slack.feature import Reply, Request, UsageError
from bot.slack.features.policy.command import SavePolicyCommand, StepRefusal, policy_reply
from bot.slack.features.watch.opening import PREVIEWED, field_refusal, open_modal
from bot.slack.grammar.policy_words import UNCHANGED
from bot.slack.mrkdwn import code, duration, outside
from bot.slack.render.blocks import MOST_OPTIONS, Block, context, input_block, option, plain, sections
from bot.slack.render.on_call_forms import name_taken
from bot.slack.render.saved_question import SavedQuestion
from bot.slack.submission import Submission

CALLBACK_ID = "policy"
NAME, ROUNDS, LAST_PEOPLE, LAST_OTHERS = "name", "rounds", "last_people", "last_others"  # the blocks
PEOPLE, OTHERS, WAIT = "people", "others", "wait"  # the blocks of a step, each with its number
STEPS_SHOWN = 3
_WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240))
_PLAIN = {
    TargetKind.HERE: "Everyone online in the channel",
    TargetKind.CHANNEL: "Everyone in the channel",
    TargetKind.OWNER: "The pipeline's owner",
}


# --- open ------------------------------------------------------------------------------------------------------------


async def open_policy_form(click: Click, request: Request) -> Reply | None:
    """Empty, or with the policy that the click names."""
    services, name = request.services, click.text("name")
    answer = services.requests.policies.show(name) if name else None
    if isinstance(answer, UnknownName):
        return policy_reply(answer, request)
    policy = answer.preview.policy if answer else None
    others = _others(request, policy)
    command, limit = services.render_context.command, services.max_targets
    return await open_modal(click, request, lambda direct: policy_form(direct, policy, others, command, limit))


def policy_form(
    direct: ChannelId, policy: Policy | None, others: Sequence[Target], command: str, max_targets: int
) -> Block:
    """The modal. `others`: the targets besides people that a step may name."""
    steps = policy.steps if policy else ()
    number = min(max(STEPS_SHOWN, len(steps) + 1), MOST_STEPS)
    blocks = [_name_input(policy)]
    for place in range(number):
        blocks += _step_inputs(place + 1, steps[place] if place < len(steps) else None, others, max_targets)
    last = policy.last_resort if policy else ()
    more = f"More steps, and user groups: type {code(f'{command} policy')}."
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "private_metadata": f"{direct} {policy.name}" if policy else direct,
        "title": plain("Edit a policy" if policy else "New policy"),
        "submit": plain("Preview"),
        "close": plain("Cancel"),
        "blocks": [
            *blocks,
            _rounds_input(policy.rounds if policy else 0),
            _people_input(LAST_PEOPLE, "Last resort: people", last, max_targets, "Paged once, after all that."),
            _others_input(LAST_OTHERS, "Last resort: others", last, others),
            *context(PREVIEWED, more),
        ],
    }


def _others(request: Request, policy: Policy | None) -> list[Target]:
    """Schedules, pagers and groups: what a step may name besides people. Those that the policy names come first."""
    services = request.services
    named = [target for target in _targets_of(policy) if target.kind is not TargetKind.USER]
    kinds = [TargetKind.OWNER]
    if services.broadcast is not Broadcast.NOBODY:
        kinds += [TargetKind.HERE, TargetKind.CHANNEL]
    found = [Target(kind=TargetKind.ON_CALL, id=view.saved.name) for view in services.requests.schedules.all()]
    found += [Target(kind=TargetKind.PAGER, id=pager) for pager in services.requests.policies.pagers]
    unique = {_typed(target).lower(): target for target in [*named, *(Target(kind=kind) for kind in kinds), *found]}
    return list(unique.values())[:MOST_OPTIONS]


def _targets_of(policy: Policy | None) -> Iterator[Target]:
    for step in policy.steps if policy else ():
        yield from step.targets
    yield from policy.last_resort if policy else ()


def _name_input(policy: Policy | None) -> Block:
    element = {"type": "plain_text_input", "placeholder": plain("data"), "max_length": LONGEST_NAME}
    initial = {"initial_value": policy.name} if policy else {}
    hint = "Another name makes another policy." if policy else "One word. Watches name it: page policy:data"
    return input_block(NAME, "Name", {**element, **initial}, hint=hint)


def _step_inputs(number: int, step: PolicyStep | None, others: Sequence[Target], max_targets: int) -> list[Block]:
    targets, hint = step.targets if step else (), "Paged at once." if number == 1 else ""
    return [
        _people_input(f"{PEOPLE}{number}", f"Step {number}: people", targets, max_targets, hint),
        _others_input(f"{OTHERS}{number}", f"Step {number}: others", targets, others),
        _wait_input(number, step.wait if step else DEFAULT_WAIT),
    ]


def _people_input(block: str, label: str, targets: Iterable[Target], max_targets: int, hint: str = "") -> Block:
    element = {"type": "multi_users_select", "placeholder": plain("Nobody"), "max_selected_items": max_targets}
    people = [target.id for target in targets if target.kind is TargetKind.USER]
    initial = {"initial_users": people} if people else {}
    return input_block(block, label, {**element, **initial}, hint=hint, optional=True)


def _others_input(block: str, label: str, targets: Iterable[Target], others: Sequence[Target]) -> Block:
    options = {_typed(target).lower(): option(_label(target), _typed(target)) for target in others}
    chosen = [options[key] for target in targets if (key := _typed(target).lower()) in options]
    element = {"type": "multi_static_select", "placeholder": plain("Nobody"), "options": list(options.values())}
    initial = {"initial_options": chosen} if chosen else {}
    return input_block(block, label, {**element, **initial}, optional=True)


def _wait_input(number: int, wait: timedelta) -> Block:
    waits = sorted({*_WAITS, wait})
    options = {length: option(duration(length.total_seconds()), duration_text(length)) for length in waits}
    element = {"type": "static_select", "options": list(options.values()), "initial_option": options[wait]}
    return input_block(f"{WAIT}{number}", f"Step {number}: wait for an answer", element, optional=True)


def _rounds_input(rounds: int) -> Block:
    labels = ["Don't repeat", "Once", *(f"{number} times" for number in range(2, MOST_ROUNDS + 1))]
    options = [option(label, str(number)) for number, label in enumerate(labels)]
    element = {"type": "static_select", "options": options, "initial_option": options[rounds]}
    return input_block(ROUNDS, "If nobody answers, repeat all steps", element, optional=True)


def _label(target: Target) -> str:
    name = target.label or target.id
    match target.kind:
        case TargetKind.ON_CALL:
            return f"On call: {name}"
        case TargetKind.PAGER:
            return f"Pager: {name}"
        case TargetKind.USERGROUP:
            return f"@{name.lstrip('@')}"
        case _:
            return _PLAIN.get(target.kind, f"{target.kind}: {name}")


def _typed(target: Target) -> str:
    """The target in a command."""
    if target.kind is TargetKind.USERGROUP:
        return f"<!subteam^{target.id}|@{target.label.lstrip('@')}>" if target.label else f"<!subteam^{target.id}>"
    return f"{target.kind}:{target.id}" if target.id else target.kind.value


# --- submit ----------------------------------------------------------------------------------------------------------


async def submit_policy_form(submission: Submission, request: Request) -> Reply:
    name = submission.text_in(NAME).strip()
    if problem := name_problem(name):
        return field_refusal(NAME, f"“{outside(name)}” can't be the name of a policy: {problem}. {UNCHANGED}", request)
    steps = [
        number for number in range(1, MOST_STEPS + 1) if _named(submission, f"{PEOPLE}{number}", f"{OTHERS}{number}")
    ]
    existing = request.services.requests.policies.show(name)
    if isinstance(existing, PolicyAnswer) and name_key(submission.edited) != name_key(name):
        return field_refusal(NAME, name_taken("policy", existing.preview.policy.name), request)
    if not steps:
        return field_refusal(f"{PEOPLE}1", f"Who should this policy page? {UNCHANGED}", request)
    text = _command(name, steps, submission)
    command = request.parse(text)
    if isinstance(command, UsageError):
        return field_refusal(NAME, command.message, request)
    if not isinstance(command, SavePolicyCommand):
        return field_refusal(NAME, f"Choose another name. {UNCHANGED}", request)
    if refusal := await request.services.permissions.to_change(request.asker, request.asker.channel):
        return field_refusal(NAME, refusal, request)
    policy = await command.policy(request)
    if isinstance(policy, StepRefusal):
        return field_refusal(
            LAST_PEOPLE if policy.step is None else f"{PEOPLE}{steps[policy.step]}", policy.refusal, request
        )
    answer = request.services.requests.policies.preview(policy, existed=name_key(submission.edited) == name_key(name))
    if isinstance(answer, RefusalAnswer):
        return field_refusal(NAME, answer, request)
    reply = policy_reply(answer, replace(request, question=SavedQuestion(text=text)))
    return replace(reply, blocks=[*_left_empty(steps), *reply.blocks])


def _left_empty(steps: Sequence[int]) -> list[Block]:
    """Says that a later step counts as an earlier one. `steps`: the numbers of the filled ones."""
    empty = [number for number in range(1, steps[-1]) if number not in steps]
    if not empty:
        return []
    named = f"step {empty[0]}" if len(empty) == 1 else f"steps {' and '.join(map(str, empty))}"
    return sections([f":information_source: You left {named} empty, so the steps after it move up."])


def _named(submission: Submission, people: str, others: str) -> str:
    """The chosen targets as a command names them."""
    return " ".join([*(f"<@{user}>" for user in submission.texts_in(people)), *submission.texts_in(others)])


def _command(name: str, steps: Sequence[int], submission: Submission) -> str:
    """The whole form as the text of a command, which *Save* runs."""
    words = []
    for number in steps:
        wait = submission.text_in(f"{WAIT}{number}") or duration_text(DEFAULT_WAIT)
        words.append(f"{_named(submission, f'{PEOPLE}{number}', f'{OTHERS}{number}')} wait {wait}")
    text = f"policy {name} = {' then '.join(words)}"
    if rounds := submission.text_in(ROUNDS).strip("0"):
        text += f"; repeat {rounds}"
    last = _named(submission, LAST_PEOPLE, LAST_OTHERS)
    return f"{text}; last {last}" if last else text
