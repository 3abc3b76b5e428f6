"""Starts drills: messages that say that nothing is wrong, on every way that a page would take."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Receiver, in_slack
from bot.domain.drill import MOST_HOPS, Drill, DrillHop, is_tested_alone, targets_to_test
from bot.domain.drill_messages import channel_message, direct_message, pager_message
from bot.domain.episode import stable_key
from bot.domain.observation import PipelineId
from bot.domain.on_call_setup import policy_named, target_text
from bot.domain.pager import PagerAction
from bot.domain.routing import Routing
from bot.domain.watch import ChannelId, Target, TargetKind, UserId
from bot.ports.chat import ChatAway
from bot.ports.clock import Clock
from bot.ports.conversations import DirectConversations
from bot.ports.drill_store import DrillStore
from bot.state.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillPlan:
    """The people and pagers that a drill would reach."""

    channel: ChannelId
    policy: str = ""
    people: tuple[Target, ...] = ()
    pagers: tuple[Target, ...] = ()
    unreachable: tuple[Target, ...] = ()
    """Those that reach nobody now: each one fails the drill."""
    untested: tuple[str, ...] = ()
    """The others, as plain text."""


class UnknownPolicyError(Exception):
    """There is no policy with this name."""


class Drills:
    def __init__(
        self,
        *,
        repository: Repository,
        store: DrillStore,
        conversations: DirectConversations,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._store = store
        self._conversations = conversations
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()

    async def plan(self, channel: ChannelId, policy_name: str) -> DrillPlan:
        """
        Raises:
            UnknownPolicyError
            StoreAway
        """
        await self._repository.refresh_watches()
        policy = policy_named(self._repository.watches.setup, policy_name) if policy_name else None
        if policy_name and policy is None:
            raise UnknownPolicyError
        routing, now = self._routing(), self._clock.now()
        targets = _without_policies(targets_to_test(self._repository.watches.in_channel(channel), policy), routing)
        behind = {target: routing.reached(target, now) for target in targets}
        reached = tuple(dict.fromkeys(one for found in behind.values() for one in found))
        tested = [target for target in reached if is_tested_alone(target)][:MOST_HOPS]
        untested = [target for target in reached if target not in tested]
        nobody = [target for target in targets if not behind[target]]
        untested += [target for target in nobody if target.kind is TargetKind.OWNER]  # a drill has no pipeline
        return DrillPlan(
            channel=channel,
            policy=policy.name if policy else "",
            people=tuple(target for target in tested if target.kind is TargetKind.USER),
            pagers=tuple(target for target in tested if target.kind is TargetKind.PAGER),
            unreachable=tuple(target for target in nobody if target.kind is not TargetKind.OWNER),
            untested=tuple(map(target_text, untested)),
        )

    def _routing(self) -> Routing:
        """Of no pipeline."""
        return self._repository.routing(Pipeline(id=PipelineId("drill"), name=""))

    async def start(self, plan: DrillPlan, by: UserId, by_name: str) -> Drill | None:
        """Sends the tests. None: the channel has had one within 5 minutes.

        Raises:
            StoreAway: nothing was sent.
        """
        now = self._clock.now()
        drill_id = stable_key(self._repository.team, plan.channel, by, now.isoformat())[:16]
        drill = Drill(
            id=drill_id,
            channel=plan.channel,
            policy=plan.policy,
            by=by,
            by_name=by_name,
            started_at=now,
            untested=plan.untested,
            delivery=stable_key("drill", drill_id),
        )
        team, routing = self._repository.team, self._routing()
        hops, channels = await self._conversations_of(plan)
        pagers = [Receiver(team, routing.pagers[target.id], target.id) for target in plan.pagers]
        hops += [DrillHop(receiver=pager.name, name=f"pager:{pager.id}", is_pager=True) for pager in pagers]
        hops += [
            DrillHop(receiver=target.identity, name=target_text(target), refused=_why_nobody(target))
            for target in plan.unreachable
        ]
        drill = replace(drill, hops=tuple(hops))
        tests = [
            channel_message(drill, team, now),
            *(direct_message(drill, team, channel) for channel in channels),
            *(pager_message(drill, pager, PagerAction.TRIGGER, now) for pager in pagers),
        ]
        return drill if await self._store.begin_drill(drill, tests) else None

    async def _conversations_of(self, plan: DrillPlan) -> tuple[list[DrillHop], list[ChannelId]]:
        """The hops of the channel and the people, and the direct conversations that get a test."""
        team = self._repository.team
        hops = [DrillHop(receiver=in_slack(team, plan.channel).name, name="this conversation")]
        channels: list[ChannelId] = []
        for person in plan.people:
            name, (channel, refused) = target_text(person), await self._direct(person)
            if channel is None:
                hops.append(DrillHop(receiver=person.identity, name=name, refused=refused))
            elif channel != plan.channel and channel not in channels:
                channels.append(channel)
                hops.append(DrillHop(receiver=in_slack(team, channel).name, name=name))
        return hops, channels

    async def _direct(self, person: Target) -> tuple[ChannelId | None, str]:
        """The conversation for a page, or None and why there is none."""
        try:
            found = person.direct or await self._conversations.direct(UserId(person.id))
        except ChatAway:
            return None, "Slack didn't answer when I opened the conversation"
        return found, "" if found else "Slack allows no direct messages"


def _why_nobody(target: Target) -> str:
    return "not in my settings" if target.kind is TargetKind.PAGER else "nobody is on call now"


def _without_policies(targets: Sequence[Target], routing: Routing) -> tuple[Target, ...]:
    """With a policy's own targets in place of its name."""
    expanded: dict[str, Target] = {}
    for target in targets:
        is_policy = target.kind is TargetKind.POLICY
        own = targets_to_test((), routing.policy(target.id)) if is_policy else (target,)
        expanded |= {one.identity: one for one in own if one.kind is not TargetKind.POLICY}
    return tuple(expanded.values())
