"""The command `watch`: parses it and changes the channel's watches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.domain.answer import RefusalAnswer, UnmatchedAnswer, WatchAnswer
from bot.domain.subscription import Wish
from bot.domain.transition import Event
from bot.domain.watch import PAGING_EVENTS, ChannelId, Every
from bot.requests.references import ResolvedReferences
from bot.slack.channels import channel_to_change, join_or_refuse
from bot.slack.feature import ConfirmableChange, Reply, Request
from bot.slack.features.watch.render import watch_blocks
from bot.slack.features.watch.targets import targets_of
from bot.slack.grammar.clause_reader import ClauseReader
from bot.slack.grammar.clauses import ChannelWord, ClauseKind, TargetWord, target_of, watches_in
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.confirm_clause import with_clause, without_confirmation
from bot.slack.grammar.drafts import ClauseItem, Draft, channel_in, refuse_mistakes
from bot.slack.grammar.lagging_words import one_lag, split_event
from bot.slack.grammar.paging_words import refuse_paging_mistakes
from bot.slack.grammar.tokens import ALL, NONE, ParseError


@dataclass(frozen=True, slots=True)
class ClauseRefusal:
    """A refusal of one clause. The modal form of `watch` shows the refusal at the field of that clause."""

    refusal: RefusalAnswer
    clause: ClauseKind


@dataclass(frozen=True, slots=True)
class WatchCommand(ConfirmableChange):
    """A parsed `watch`. A clause that nobody typed is None: an existing watch keeps its value."""

    references: tuple[str, ...]
    """The pipelines and patterns, as typed."""
    events: frozenset[Event] | Every | None = None
    targets: tuple[TargetWord, ...] | None = None
    """Empty to page nobody."""
    channel: ChannelWord | None = None
    """None for the channel where the person typed."""
    page_for: frozenset[Event] | None = None
    """The events that page the targets. None: FAILED alone."""
    confirm: int | None = None
    """How many readings in a row must show a problem."""
    lag_from: timedelta | None = None
    """The lag of `lagging:5m`."""

    @property
    def check(self) -> str:
        return watches_in(self.channel)

    @property
    def pipelines(self) -> Sequence[str]:
        return self.references

    async def run(self, request: Request) -> Reply:
        answer = await self.carry_out(request)
        if isinstance(answer, ClauseRefusal):
            return request.refused(answer.refusal)
        services, command = request.services, request.question.text
        return Reply(
            blocks=watch_blocks(answer, command, services.render_context, complete=request.names_pipelines),
            says_still_listing=isinstance(answer, WatchAnswer) and not answer.unresolved,
        )

    async def carry_out(self, request: Request) -> WatchAnswer | UnmatchedAnswer | ClauseRefusal:
        """Changes the channel's watches, or refuses and changes none. The command and the modal form both call this."""
        services, asker = request.services, request.asker
        channel = await channel_to_change(self.channel, asker, services.directory, services.permissions)
        if isinstance(channel, RefusalAnswer):
            return ClauseRefusal(channel, ClauseKind.CHANNEL)
        targets = await targets_of(self.targets, asker, services)
        if isinstance(targets, RefusalAnswer):
            return ClauseRefusal(targets, ClauseKind.TARGET)
        name = await services.permissions.name(asker)
        wish = Wish(
            events=self.events,
            targets=targets,
            page_for=self.page_for,
            confirm=self.confirm,
            lag_from=self.lag_from,
            by=asker.user,
            by_name=name,
        )
        answer = await self._subscribe(request, channel, wish)
        if isinstance(answer, WatchAnswer):
            owners = services.requests.queries.owners((*answer.added, *answer.unchanged))
            return replace(answer, owners=owners, still_listing=services.is_still_listing(), polling=services.polling())
        return ClauseRefusal(answer, ClauseKind.CHANNEL) if isinstance(answer, RefusalAnswer) else answer

    async def _subscribe(
        self, request: Request, channel: ChannelId, wish: Wish
    ) -> WatchAnswer | UnmatchedAnswer | RefusalAnswer:
        """Resolves the references first, because `join_or_refuse` may join the channel."""
        subscriptions = request.services.requests.subscriptions
        prepared = await subscriptions.prepare(
            channel, self.references, confirmed=request.confirmed, names=request.names
        )
        if not isinstance(prepared, ResolvedReferences):
            return prepared
        channel_name = request.asker.channel_name
        refusal = await join_or_refuse(
            channel, request.services.directory, elsewhere=self.channel is not None, channel_name=channel_name
        )
        return refusal or await subscriptions.watch(channel, prepared, wish)


_WITH_EVENTS = (ClauseKind.EVENT, ClauseKind.PAGE_FOR)


def parse_watch(command_text: CommandText) -> WatchCommand:
    words, readings = without_confirmation(command_text)
    try:
        command = _parse(replace(command_text, words=words))
    except ParseError as exc:
        raise ParseError(exc.message, *with_clause(exc.hints, readings), in_goldrush=exc.in_goldrush) from exc
    return replace(command, confirm=readings)


def _parse(command_text: CommandText) -> WatchCommand:
    refuse_paging_mistakes(command_text)
    draft = ClauseReader(command_text.text, command_text.names).read(command_text.words)
    if not draft.names:
        suggestions = _with_example_name(draft), "watch orders-eu page @ann"
        raise ParseError("Which pipeline should I watch? Nothing was changed.", *suggestions)
    refuse_mistakes(draft, "watch", command_text, "help watch")
    return WatchCommand(
        references=tuple(dict.fromkeys(draft.names)),
        events=_events(draft),
        targets=_targets(draft),
        page_for=_page_for(draft),
        lag_from=one_lag(item.corrected for kind in _WITH_EVENTS for item in draft.items(kind)),
        channel=channel_in(draft, "watch orders-eu in #data-alerts"),
    )


def _with_example_name(draft: Draft) -> str:
    """The command again, with an example in place of the missing pipeline. Empty if it has no clauses either."""
    return replace(draft, names=["orders-eu"]).command("watch") if any(draft.clauses.values()) else ""


def _events(draft: Draft) -> frozenset[Event] | Every | None:
    if ClauseKind.EVENT.value not in draft.clauses:
        return None
    items = draft.items(ClauseKind.EVENT)
    if not items:
        raise ParseError(
            "Name at least one event after *on*. Nothing was changed.",
            "watch orders-eu on failed,recovered",
        )
    if any(item.corrected == ALL for item in items):
        return Every.EVENT
    return frozenset(split_event(item.corrected) for item in items)


def _page_for(draft: Draft) -> frozenset[Event] | None:
    events = {item.corrected for item in draft.items(ClauseKind.PAGE_FOR)}
    if ALL in events:
        return PAGING_EVENTS
    if others := sorted(event for event in events if split_event(event) not in PAGING_EVENTS):
        known = sorted(events - set(others))
        pages = [ClauseItem(event, event, 0) for event in known or [Event.FAILED.value]]
        with_known = replace(draft, clauses={**draft.clauses, ClauseKind.PAGE_FOR.value: pages})
        listed = ", ".join(sorted(PAGING_EVENTS))
        raise ParseError(
            f"I can't page for *{others[0]}*, only for {listed}. Nothing was changed.", with_known.command("watch")
        )
    return frozenset(map(split_event, events)) or None


def _targets(draft: Draft) -> tuple[TargetWord, ...] | None:
    if ClauseKind.TARGET.value not in draft.clauses:
        return None
    items = draft.items(ClauseKind.TARGET)
    if not items:
        raise ParseError(
            "Who should I page? Name a person, a user group, here, channel or none after *page*. Nothing was changed.",
            "help watch",
        )
    if any(item.text.lower() == NONE for item in items):
        others = [item for item in items if item.text.lower() != NONE]
        if others:
            without_targets = replace(draft, clauses={**draft.clauses, ClauseKind.TARGET.value: others})
            raise ParseError(
                "Type *none* or someone to page, not both. Nothing was changed.", without_targets.command("watch")
            )
        return ()
    words = [target_of(item.text, picked=item.picked) for item in items]
    return tuple(dict.fromkeys(word for word in words if word is not None))
