"""The command `policy`: who is paged, in which order, until somebody answers. Every change shows its effect first."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bot.domain.answer import RefusalAnswer
from bot.domain.escalation import Policy, PolicyStep
from bot.domain.on_call_setup import OPERATOR, WORKSPACE
from bot.domain.setup_names import name_problem
from bot.domain.watch import Target
from bot.requests.policies import DefaultPolicyAnswer, PolicyAnswer, UnknownName, unknown_policy
from bot.slack.channels import channel_to_change
from bot.slack.feature import Command, ConfirmableChange, Reply, Request
from bot.slack.features.watch.targets import targets_of
from bot.slack.grammar.clauses import ChannelWord, ClauseKind, TargetWord, channel_of, kind_of
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.policy_words import EXAMPLE, UNCHANGED, PolicyReader, PolicyWords
from bot.slack.grammar.tokens import NONE, ParseError, Word, typed
from bot.slack.mrkdwn import outside, unescape
from bot.slack.render.policies import default_policy_blocks, policies_blocks, policy_blocks

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShowPoliciesCommand(Command):
    """`policy`: all policies. `policy NAME`: one of them."""

    name: str = ""

    async def run(self, request: Request) -> Reply:
        policies, context = request.services.requests.policies, request.services.render_context
        if not self.name:
            return Reply(blocks=policies_blocks(policies.all(request.asker.channel), context))
        return policy_reply(policies.show(self.name), request)


@dataclass(frozen=True, slots=True)
class StepRefusal:
    """Why a policy can't be saved, and the place of the step at fault, from 0. None: the last resort."""

    refusal: RefusalAnswer
    step: int | None


@dataclass(frozen=True, slots=True)
class SavePolicyCommand(ConfirmableChange):
    """`policy NAME = …`: asks before it saves."""

    name: str
    words: PolicyWords

    @property
    def check(self) -> str:
        return f"policy {self.name}"

    async def run(self, request: Request) -> Reply:
        services, asker = request.services, request.asker
        if refusal := await services.permissions.to_change(asker, asker.channel):
            return request.refused(refusal)
        policy = await self.policy(request)
        if isinstance(policy, StepRefusal):
            return request.refused(policy.refusal)
        policies = services.requests.policies
        if not request.confirmed:
            return policy_reply(policies.preview(policy), request)
        name = await services.permissions.name(asker)
        answer = await policies.save(
            policy, by=asker.user, by_name=name, asked_at=request.asked_at, existed=request.existed
        )
        return policy_reply(answer, request)

    async def policy(self, request: Request) -> Policy | StepRefusal:
        """Looks up every mention: a deactivated person, a bot or an unknown group refuses the whole policy."""
        steps: list[PolicyStep] = []
        for words, wait in self.words.steps:
            targets = await _targets(words, request)
            if isinstance(targets, RefusalAnswer):
                return StepRefusal(targets, len(steps))
            steps.append(PolicyStep(targets=targets, wait=wait))
        last = await _targets(self.words.last_resort, request)
        if isinstance(last, RefusalAnswer):
            return StepRefusal(last, None)
        return Policy(name=self.name, steps=tuple(steps), rounds=self.words.rounds, last_resort=last)


async def _targets(words: Sequence[TargetWord], request: Request) -> tuple[Target, ...] | RefusalAnswer:
    found = await targets_of(words, request.asker, request.services)
    return () if found is None else found


@dataclass(frozen=True, slots=True)
class RemovePolicyCommand(Command):
    """`policy remove NAME`."""

    name: str

    @property
    def changes(self) -> bool:
        return True

    @property
    def check(self) -> str:
        return "policy"

    async def run(self, request: Request) -> Reply:
        services, asker = request.services, request.asker
        if refusal := await services.permissions.to_change(asker, asker.channel):
            return request.refused(refusal)
        name = await services.permissions.name(asker)
        return policy_reply(await services.requests.policies.remove(self.name, by=asker.user, by_name=name), request)


@dataclass(frozen=True, slots=True)
class DefaultPolicyCommand(ConfirmableChange):
    """`policy default NAME|none`, for a channel, the workspace or the operator."""

    name: str | None
    scope: str = ""
    """WORKSPACE or OPERATOR. Empty: a channel."""
    channel: ChannelWord | None = None

    @property
    def check(self) -> str:
        return "policy"

    async def run(self, request: Request) -> Reply:
        services, asker = request.services, request.asker
        channel = await channel_to_change(self.channel, asker, services.directory, services.permissions)
        if isinstance(channel, RefusalAnswer):
            return request.refused(channel)
        name = await services.permissions.name(asker)
        answer = await services.requests.policies.set_default(
            self.scope or channel,
            self.name,
            by=asker.user,
            by_name=name,
            confirmed=request.confirmed,
            asked_at=request.asked_at,
            existed=request.existed,
        )
        return policy_reply(answer, request)


_VERBS = ("default", "remove", "delete")


def parse_policy(command_text: CommandText) -> Command:
    refuse_spaced_name(command_text, "policy")
    words = without_equals(command_text.words)
    if not words:
        return ShowPoliciesCommand()
    first, *rest = words
    if first.means("default") or first.means("defaults"):
        return _parse_default(rest)
    if first.means("remove") or first.means("delete"):
        return RemovePolicyCommand(_only_name(rest, "policy remove data"))
    name = typed(first.text).strip(",;:")
    if not rest and len(words) < len(command_text.words) and not name_problem(name):
        raise ParseError(f"Who should the policy *{outside(name)}* page? {UNCHANGED}", f"policy {name} = @ann", EXAMPLE)
    if not rest:
        return ShowPoliciesCommand(name)
    if (
        len(rest) == 1
        and kind_of(rest[0]) is None
        and (near := get_close_matches(name.lower(), _VERBS, n=1, cutoff=0.7))
    ):
        fix = f"policy {near[0]} {typed(rest[0].text)}"
        raise ParseError(f"I don't know the word “{outside(name)}”. {UNCHANGED} Did you mean *{near[0]}*?", fix)
    if len(rest) == 1 and (rest[0].means(NONE) or rest[0].means("remove")):
        return RemovePolicyCommand(name)
    if problem := name_problem(name):
        raise ParseError(f"“{outside(name)}” can't be the name of a policy: {problem}. {UNCHANGED}", EXAMPLE)
    return SavePolicyCommand(name, PolicyReader(command_text.text).read(rest))


def without_equals(words: list[Word]) -> list[Word]:
    """Without the sign after the name: `data = @ann`, `data=@ann` and `data @ann` mean the same."""
    if not words or words[0].quoted:
        return words
    first, rest = words[0], words[1:]
    name, sign, joined = first.text.partition("=")
    if sign and name and not first.picked:
        start = first.start + len(name) + 1
        parts = [Word(name, start=first.start, end=start)]
        return [*parts, *([Word(joined, start=start, end=first.end)] if joined else []), *rest]
    if rest and rest[0].text.startswith("=") and not rest[0].picked and not rest[0].quoted:
        joined = rest[0].text.lstrip("=")
        second = [Word(joined, start=rest[0].start + 1, end=rest[0].end)] if joined else []
        return [first, *second, *rest[1:]]
    return words


def refuse_spaced_name(command_text: CommandText, command: str) -> None:
    """
    Raises:
        ParseError: several words stand before the sign, as in `policy team a = @bob`.
    """
    signs = (at for at, word in enumerate(command_text.words) if "=" in word.text and "://" not in word.text)
    at = next(signs, 0)
    sign = command_text.words[at] if at else None
    if sign is None or sign.quoted or sign.picked or (at == 1 and sign.text.startswith("=")):
        return
    last, _, joined = sign.text.partition("=")
    parts = [typed(word.text) for word in command_text.words[:at]] + ([last] if last else [])
    rest = f"{joined}{unescape(typed(command_text.text[sign.end :]))}".strip()
    raise ParseError(
        f"The name of a {command} is one word, not “{outside(' '.join(parts))}”. {UNCHANGED}",
        f"{command} {'-'.join(parts)} = {rest}",
        f"help {command}",
    )


def _only_name(words: list[Word], example: str) -> str:
    if len(words) != 1:
        raise ParseError(f"Name one policy. {UNCHANGED}", example, "policy")
    return words[0].text.strip(",;:")


def _parse_default(words: list[Word]) -> Command:
    if not words:
        return ShowPoliciesCommand()
    name, rest = (
        words[0].text.strip(",;:"),
        [word for word in words[1:] if word.lower not in {"in", "for", "the", "of"}],
    )
    policy = None if words[0].means(NONE) else name
    if not rest:
        return DefaultPolicyCommand(policy)
    word = rest[0]
    if len(rest) == 1 and word.lower in {WORKSPACE, OPERATOR}:
        return DefaultPolicyCommand(policy, word.lower)
    if len(rest) == 1 and kind_of(word) is ClauseKind.CHANNEL:
        return DefaultPolicyCommand(policy, channel=channel_of(word.text, picked=word.picked))
    raise ParseError(
        f"A default policy holds for this channel, *in workspace* or for the *operator*. {UNCHANGED}",
        f"policy default {name}",
    )


# --- answer ----------------------------------------------------------------------------------------------------------


def policy_reply(answer: PolicyAnswer | DefaultPolicyAnswer | UnknownName | RefusalAnswer, request: Request) -> Reply:
    context = request.services.render_context
    if isinstance(answer, RefusalAnswer):
        return request.refused(answer)
    if isinstance(answer, UnknownName):
        named = UnknownName(outside(answer.name), outside(answer.nearest) if answer.nearest else "", answer.known)
        return request.refused(unknown_policy(named))
    if isinstance(answer, PolicyAnswer):
        return Reply(blocks=policy_blocks(answer, request.question.text, context))
    return Reply(blocks=default_policy_blocks(answer, request.question.text))
