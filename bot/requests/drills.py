"""Starts drills: messages that say that nothing is wrong, on every way that a page would take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.card import Notice, NoticeKind
from bot.domain.delivery import Message, Priority, Receiver, in_slack
from bot.domain.drill import MOST_HOPS, Drill, DrillHop, is_tested_alone, targets_to_test
from bot.domain.episode import stable_key
from bot.domain.on_call_setup import on_call_in, people_of, policy_named, target_text
from bot.domain.pager import PagedFailure, PagerAction, PagerEvent
from bot.domain.watch import ChannelId, Target, TargetKind, UserId
from bot.ports.chat import ChatAway
from bot.ports.clock import Clock
from bot.ports.conversations import DirectConversations
from bot.ports.drill_store import DrillStore
from bot.state.repository import Repository

FindPager = Callable[[str], Receiver | None]
"""The receiver of the pager with this name. None: the bot is not set up for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillPlan:
    """The people and pagers that a drill would reach."""

    channel: ChannelId
    policy: str = ""
    people: tuple[Target, ...] = ()
    pagers: tuple[Target, ...] = ()
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
        find_pager: FindPager = lambda _: None,
    ) -> None:
        self._repository = repository
        self._store = store
        self._conversations = conversations
        self._clock = clock
        self._find_pager = find_pager

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
        targets = self._expanded(targets_to_test(self._repository.watches.in_channel(channel), policy))
        tested = [target for target in targets if is_tested_alone(target) and self._exists(target)][:MOST_HOPS]
        return DrillPlan(
            channel=channel,
            policy=policy.name if policy else "",
            people=tuple(target for target in tested if target.kind is TargetKind.USER),
            pagers=tuple(target for target in tested if target.kind is TargetKind.PAGER),
            untested=tuple(target_text(target) for target in targets if target not in tested),
        )

    def _expanded(self, targets: Sequence[Target]) -> list[Target]:
        """With the people on call, and the targets of a named policy, in place of their names."""
        setup, expanded = self._repository.watches.setup, dict[str, Target]()
        for target in targets:
            found: Sequence[Target] = ()
            if target.kind is TargetKind.ON_CALL:
                on_call = on_call_in(setup, target.id, self._clock.now())
                found = people_of(setup, target.id, on_call.people) if on_call else ()
            elif target.kind is TargetKind.POLICY and (policy := policy_named(setup, target.id)):
                found = self._expanded(
                    [one for one in targets_to_test((), policy) if one.kind is not TargetKind.POLICY]
                )
            expanded |= {one.identity: one for one in (found or [target])}
        return list(expanded.values())

    def _exists(self, target: Target) -> bool:
        return target.kind is not TargetKind.PAGER or self._find_pager(target.id) is not None

    async def start(self, plan: DrillPlan, by: UserId, by_name: str) -> Drill | None:
        """Sends the tests. None: another drill of this channel runs.

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
        here = in_slack(self._repository.team, plan.channel)
        hops = [DrillHop(receiver=here.name, name="this conversation")]
        receivers = [await self._direct(person) for person in plan.people]
        for person, channel in zip(plan.people, receivers, strict=True):
            name = target_text(person)
            if channel is None:
                hops.append(DrillHop(receiver=person.identity, name=name, refused="Slack allows no direct messages"))
            elif channel != plan.channel:
                hops.append(DrillHop(receiver=in_slack(here.team, channel).name, name=name))
        pagers = {target.id: receiver for target in plan.pagers if (receiver := self._find_pager(target.id))}
        hops += [DrillHop(receiver=receiver.name, name=f"pager:{name}") for name, receiver in pagers.items()]
        drill = replace(drill, hops=tuple(hops))
        tests = [_test(drill, here, drill.delivery)]
        tests += [
            _test(drill, in_slack(here.team, channel), stable_key("drill", drill_id, channel))
            for channel in dict.fromkeys(receivers)
            if channel and channel != plan.channel
        ]
        tests += [test for receiver in pagers.values() for test in _pager_tests(drill, receiver)]
        return drill if await self._store.begin_drill(drill, tests) else None

    async def _direct(self, person: Target) -> ChannelId | None:
        if person.direct:
            return person.direct
        try:
            return await self._conversations.direct(UserId(person.id))
        except ChatAway:
            return None


def _test(drill: Drill, receiver: Receiver, message_id: str) -> Message:
    """In the lane of pages. It does not count towards a person's pages an hour."""
    return Message(
        id=message_id,
        receiver=receiver,
        priority=Priority.FAILURE,
        body=Notice(
            kind=NoticeKind.DRILL,
            at=drill.started_at,
            by=drill.by,
            by_name=drill.by_name,
            channel=drill.channel,
            drill=drill,
        ),
        made_at=drill.started_at,
    )


def _pager_tests(drill: Drill, receiver: Receiver) -> list[Message]:
    """A page and its end at once, so that no incident stays open."""
    failure = PagedFailure(key=drill.pipeline_id, pipeline=drill.pipeline, since=drill.started_at)
    return [
        Message(
            id=stable_key("drill", drill.id, receiver.name, action),
            receiver=receiver,
            priority=Priority.PAGE,
            body=PagerEvent(action=action, key=drill.pipeline_id, failures=(failure,), policy=drill.policy, drill=True),
            made_at=drill.started_at,
        )
        for action in (PagerAction.TRIGGER, PagerAction.RESOLVE)
    ]
