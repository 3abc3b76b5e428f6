"""`schedule NAME group @group` and `schedule NAME channel #channel`: what follows a schedule besides pages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.answer import RefusalAnswer
from bot.domain.on_call_setup import on_call_in
from bot.domain.schedule_messages import GroupRefusal
from bot.domain.watch import ChannelId, Target, TargetKind, UserId
from bot.slack.channels import channel_to_change, join_or_refuse
from bot.slack.feature import Command, ConfirmableChange, Reply, Request
from bot.slack.features.schedule.replies import editor_of, reply_of
from bot.slack.features.watch.targets import targets_of
from bot.slack.grammar.clauses import ChannelWord, TargetWord, channel_of, target_of
from bot.slack.grammar.schedule_words import UNCHANGED
from bot.slack.grammar.tokens import NONE, ParseError, Word
from bot.slack.render.phrases import target_words
from bot.slack.render.schedule_messages import GROUP_REFUSALS

GROUP, CHANNEL, HERE = "group", "channel", "here"


@dataclass(frozen=True, slots=True)
class _LinkCommand(ConfirmableChange):
    """Asks before it saves."""

    name: str

    @property
    def check(self) -> str:
        return f"schedule {self.name}"


@dataclass(frozen=True, slots=True)
class ScheduleChannelCommand(_LinkCommand):
    """Handovers and problems of the schedule go to this channel too. `wanted` False: to none."""

    channel: ChannelWord | None = None
    """None: where the person types."""
    wanted: bool = True

    async def run(self, request: Request) -> Reply:
        services, asker = request.services, request.asker
        channel: ChannelId | RefusalAnswer | None = await channel_to_change(
            self.channel, asker, services.directory, services.permissions
        )
        if isinstance(channel, RefusalAnswer):
            return request.refused(channel)
        if self.wanted and channel:
            elsewhere = self.channel is not None
            refusal = await join_or_refuse(
                channel, services.directory, elsewhere=elsewhere, channel_name=asker.channel_name
            )
            if refusal:
                return request.refused(refusal)
        posts_in = channel if self.wanted else None
        editor = await editor_of(request)
        answer = await services.requests.schedules.link(
            self.name, lambda saved: replace(saved, posts_in=posts_in), editor
        )
        return reply_of(answer, request)


@dataclass(frozen=True, slots=True)
class ScheduleGroupCommand(_LinkCommand):
    """Keeps a user group equal to the people on call. `group` None: no group any more; its members stay."""

    group: TargetWord | None = None

    async def run(self, request: Request) -> Reply:
        services, asker = request.services, request.asker
        if refusal := await services.permissions.to_change(asker, asker.channel):
            return request.refused(refusal)
        group = await self._target(request)
        if isinstance(group, RefusalAnswer):
            return request.refused(group)
        if group and (refusal := await self._refusal(group, request)):
            return request.refused(refusal)
        editor = await editor_of(request)
        answer = await services.requests.schedules.link(self.name, lambda saved: replace(saved, group=group), editor)
        return reply_of(answer, request)

    async def _target(self, request: Request) -> Target | RefusalAnswer | None:
        if self.group is None:
            return None
        targets = await targets_of([self.group], request.asker, request.services)
        if isinstance(targets, RefusalAnswer):
            return targets
        (group,) = targets or (None,)
        if group is None or group.kind is not TargetKind.USERGROUP:
            return RefusalAnswer(reason=f"That is a person, and no user group. {UNCHANGED}", command="help schedule")
        return group

    async def _refusal(self, group: Target, request: Request) -> RefusalAnswer | None:
        """Why the group can't follow the schedule. With a confirmation, the bot changes the group first: only then
        does Slack say whether it may.
        """
        requests = request.services.requests
        if other := requests.schedules.with_group(group.id, except_for=self.name):
            reason = f"{target_words(group)} already follows the schedule *{other}*. {UNCHANGED}"
            return RefusalAnswer(reason=reason, command=f"schedule {other} group none")
        problem: GroupRefusal | None = None
        if request.confirmed:
            answer = on_call_in(requests.schedules.setup, self.name, requests.schedules.now)
            people: Sequence[UserId] = answer.people if answer else ()
            problem = await requests.group_members.make_equal(group.id, people) if people else None
        if problem is None:
            return None
        reason = f"I can't update {target_words(group)}: {GROUP_REFUSALS[problem]}. {UNCHANGED}"
        return RefusalAnswer(reason=reason, hint="The schedule itself works without a user group.")


def read_link(name: str, words: Sequence[Word]) -> Command | None:
    """The command that these words after the schedule's name make; None if they make another one.

    Raises:
        ParseError: it is this command, with a mistake.
    """
    first, *rest = words
    if first.means(CHANNEL):
        if len(rest) != 1:
            raise ParseError(f"Name one channel. {UNCHANGED}", f"schedule {name} channel here", "help schedule")
        if rest[0].means(NONE):
            return ScheduleChannelCommand(name, wanted=False)
        channel = None if rest[0].means(HERE) else channel_of(rest[0].text, picked=rest[0].picked)
        return ScheduleChannelCommand(name, channel)
    if first.means(GROUP):
        if len(rest) == 1 and rest[0].means(NONE):
            return ScheduleGroupCommand(name)
        word = target_of(rest[0].text, picked=rest[0].picked) if len(rest) == 1 else None
        if word is None or word.kind not in {TargetKind.USERGROUP, TargetKind.USER}:
            raise ParseError(
                f"Name one user group. {UNCHANGED}", f"schedule {name} group @data-oncall", "help schedule"
            )
        return ScheduleGroupCommand(name, word)
    return None
