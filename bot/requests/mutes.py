"""Makes, ends and lists a channel's mutes, maintenance windows and quiet hours. Answers are values."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.answer import RefusalAnswer
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import EpisodeKind, stable_key
from bot.domain.names import Names
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupEdit
from bot.domain.silence import (
    LONGEST_MUTE,
    LONGEST_UNTIL_LIVE,
    MOST_SILENCES,
    WHOLE_CHANNEL,
    Maintenance,
    Mute,
    QuietHours,
    Silence,
    SilenceNote,
    Silences,
    WeeklyHours,
)
from bot.domain.silence_answer import Author, MaintenanceWish, MuteWish, SilenceAnswer, SilencesAnswer
from bot.domain.watch import ChannelId
from bot.ports.clock import Clock
from bot.requests.references import References
from bot.requests.setup_changes import SetupChanges, SetupPlan
from bot.state.repository import Repository

_TOO_LONG = RefusalAnswer(
    reason=f"A mute or a maintenance can last {LONGEST_MUTE.days} days at most. Nothing was changed.",
    hint="If nobody needs the messages, unwatch the pipeline instead.",
)
_IN_THE_PAST = RefusalAnswer(reason="That time is over already. Nothing was changed.", command="help mute")
_BACKWARDS = RefusalAnswer(
    reason="That maintenance would end before it begins, or is over already. Nothing was changed.",
    command="help maintenance",
)
_TOO_MANY = RefusalAnswer(
    reason=f"A channel can have {MOST_SILENCES} mutes and maintenance windows at most. Nothing was changed.",
    hint="Use a pattern for many pipelines, or end some that nobody needs.",
)


class Mutes:
    """Changes a channel's silences and announces it there. A silence ends by itself: see `SilenceEnds`."""

    def __init__(self, *, repository: Repository, references: References, changes: SetupChanges, clock: Clock) -> None:
        self._repository = repository
        self._references = references
        self._changes = changes
        self._clock = clock

    def listed(self, channel: ChannelId) -> SilencesAnswer:
        """All silences of the channel, those that are silent now first."""
        now = self._clock.now()
        silences = [silence for silence in self._in(channel) if not silence.is_over(now)]
        silences.sort(key=lambda silence: (silence.end_at(now) is None, silence.kind, silence.label.lower()))
        return SilencesAnswer(channel=channel, silences=tuple(silence.note(now) for silence in silences), at=now)

    @property
    def channels(self) -> tuple[ChannelId, ...]:
        """The channels with silences."""
        return tuple(sorted({silence.made_in for silence in self._repository.watches.silences.all}))

    # --- mutes -----------------------------------------------------------------------------------------------------

    async def mute(
        self, author: Author, references: Sequence[str], wish: MuteWish, *, names: Names | None = None
    ) -> SilenceAnswer | RefusalAnswer:
        """Mutes pipelines or patterns in the channel. A second mute of the same one replaces the first."""
        until = self._end_of(wish, author)
        if isinstance(until, RefusalAnswer):
            return until

        mute = Mute(
            made_in=author.channel,
            made_by=author.by,
            made_by_name=author.name,
            made_at=self._clock.now(),
            until=until,
            live_for=wish.live_for,
            why=wish.why,
        )
        return await self._make(author, references, mute, names)

    def _end_of(self, wish: MuteWish, author: Author) -> datetime | RefusalAnswer:
        now = self._clock.now()
        if wish.until is None:
            return now + LONGEST_UNTIL_LIVE
        until = wish.until.resolve(now, author.zone)
        if until - now > LONGEST_MUTE:
            return _TOO_LONG
        return until if until > now else _IN_THE_PAST

    async def unmute(
        self, author: Author, references: Sequence[str] | None, *, names: Names | None = None
    ) -> SilenceAnswer | RefusalAnswer:
        """Ends mutes. `references` None: all mutes of the channel."""
        return await self._end(author, Mute, references, names)

    # --- maintenance -----------------------------------------------------------------------------------------------

    async def plan_maintenance(
        self, author: Author, references: Sequence[str], wish: MaintenanceWish, *, names: Names | None = None
    ) -> SilenceAnswer | RefusalAnswer:
        """Plans a maintenance window, once or weekly."""
        now = self._clock.now()
        start = wish.start.resolve(now, author.zone, begins=True) if wish.start else None
        end = wish.end.resolve(start, author.zone) if start and wish.end else None
        if start and (end is None or end <= now or end <= start):
            return _BACKWARDS
        if start and end and end - start > LONGEST_MUTE:
            return _TOO_LONG

        maintenance = Maintenance(
            made_in=author.channel,
            made_by=author.by,
            made_by_name=author.name,
            made_at=now,
            start=start,
            until=end,
            hours=wish.hours,
            why=wish.why,
        )
        return await self._make(author, references, maintenance, names)

    async def end_maintenance(
        self, author: Author, references: Sequence[str], *, names: Names | None = None
    ) -> SilenceAnswer | RefusalAnswer:
        """Removes all maintenance windows of these pipelines or patterns."""
        return await self._end(author, Maintenance, references, names)

    # --- quiet hours -----------------------------------------------------------------------------------------------

    async def set_quiet_hours(self, author: Author, hours: WeeklyHours) -> SilenceAnswer | RefusalAnswer:
        """Sets the channel's quiet hours, in place of earlier ones."""

        quiet = QuietHours(
            made_in=author.channel,
            made_by=author.by,
            made_by_name=author.name,
            made_at=self._clock.now(),
            hours=hours,
        )
        return await self._write(author, [_EVERYTHING], quiet)

    async def end_quiet_hours(self, author: Author) -> SilenceAnswer | RefusalAnswer:
        """Ends the channel's quiet hours for good."""
        return await self._end(author, QuietHours, None, None)

    async def check(
        self, channel: ChannelId, references: Sequence[str], *, names: Names | None = None
    ) -> Sequence[Pipeline] | SilenceAnswer:
        """What the references mean, if the channel watches all of it. A pattern is a pipeline with it as id."""
        targets = await self._targets(channel, references, names)
        if isinstance(targets, SilenceAnswer):
            return targets
        unwatched = tuple(target.name for target in targets if not self._is_watched(channel, target))
        return SilenceAnswer(channel=channel, unwatched=unwatched, at=self._clock.now()) if unwatched else targets

    @property
    def now(self) -> datetime:
        return self._clock.now()

    # --- parts -----------------------------------------------------------------------------------------------------

    def _in(self, channel: ChannelId) -> tuple[Silence, ...]:
        return self._repository.watches.silences.in_channel(channel)

    async def _targets(
        self, channel: ChannelId, references: Sequence[str], names: Names | None
    ) -> list[Pipeline] | SilenceAnswer:
        """Each pipeline; for a pattern, a pipeline with the pattern as id and name."""
        resolved = await self._references.resolve(references, channel, names=names)
        if resolved.unresolved:
            return SilenceAnswer(channel=channel, unresolved=resolved.unresolved, at=self._clock.now())
        patterns = (Pipeline(id=PipelineId(pattern), name=pattern) for pattern in resolved.patterns)
        return [*dict.fromkeys(resolved.pipelines), *patterns]

    async def _make(
        self, author: Author, references: Sequence[str], template: Silence, names: Names | None
    ) -> SilenceAnswer | RefusalAnswer:
        targets = await self.check(author.channel, references, names=names)
        if isinstance(targets, SilenceAnswer):
            return targets
        return await self._write(author, targets, template)

    async def _write(
        self, author: Author, targets: Sequence[Pipeline], template: Silence
    ) -> SilenceAnswer | RefusalAnswer:
        """Makes a silence as the template of each target."""

        def make(setup: Setup, at: datetime) -> SetupPlan[SilenceAnswer | RefusalAnswer]:
            current = {silence.key: silence for silence in Silences(setup).in_channel(author.channel)}
            made = (replace(template, reference=target.id, name=target.name, made_at=at) for target in targets)
            new = {silence.key: silence for silence in made}
            if len(current.keys() | new.keys()) > MOST_SILENCES:
                return SetupPlan(answer=_TOO_MANY)
            notes = tuple(silence.note(at) for silence in new.values())
            failed = tuple(self._failed(author.channel, new.values(), at))
            before = {key: silence for key, silence in current.items() if not silence.is_over(at)}
            replaced = tuple(before[key].note(at) for key in new if key in before)
            wanted = {target.id.lower() for target in targets}
            beside = tuple(
                silence.note(at)
                for key, silence in before.items()
                if isinstance(template, Maintenance) and _is_beside(silence, wanted) and key not in new
            )
            return SetupPlan(
                answer=SilenceAnswer(
                    channel=author.channel, made=notes, replaced=replaced, beside=beside, failed=failed, at=at
                ),
                edits=tuple(SetupEdit(before=current.get(key), after=silence) for key, silence in new.items()),
                announcements=self._announcement(author, NoticeKind.SILENCED, new.values(), at, replaced),
            )

        return await self._changes.write(make, by=author.by, by_name=author.name)

    async def _end(
        self, author: Author, kind: type[Silence], references: Sequence[str] | None, names: Names | None
    ) -> SilenceAnswer | RefusalAnswer:
        targets = await self._targets(author.channel, references or (), names)
        if isinstance(targets, SilenceAnswer):
            return targets

        def make(setup: Setup, at: datetime) -> SetupPlan[SilenceAnswer | RefusalAnswer]:
            current = [silence for silence in Silences(setup).in_channel(author.channel) if not silence.is_over(at)]
            of_kind = [silence for silence in current if isinstance(silence, kind)]
            wanted = {target.id.lower(): target.name for target in targets}
            ending = [silence for silence in of_kind if references is None or silence.reference.lower() in wanted]
            ended = {silence.reference.lower() for silence in ending}
            staying = [silence for silence in of_kind if silence not in ending]
            return SetupPlan(
                answer=SilenceAnswer(
                    channel=author.channel,
                    ended=tuple(silence.note(at) for silence in ending),
                    absent=tuple(name for reference, name in wanted.items() if reference not in ended),
                    wider=tuple(
                        silence.note(at) for silence in staying if any(silence.covers(target) for target in targets)
                    ),
                    at=at,
                ),
                edits=tuple(SetupEdit(before=silence) for silence in ending),
                announcements=self._announcement(author, NoticeKind.UNSILENCED, ending, at),
            )

        return await self._changes.write(make, by=author.by, by_name=author.name)

    def _is_watched(self, channel: ChannelId, target: Pipeline) -> bool:
        """True if a message about the pipeline, or about one that the pattern matches, could come to the channel."""
        watches = self._repository.watches.in_channel(channel)
        if watches and target.id == WHOLE_CHANNEL:
            return True
        if any(watch.reference.lower() == target.id.lower() for watch in watches):
            return True
        return not self._repository.referenced(target.id).isdisjoint(self._repository.covered_by(watches))

    def _failed(self, channel: ChannelId, silences: Iterable[Silence], at: datetime) -> list[Pipeline]:
        """The pipelines with an open failure in this channel that are silent from now on, by name.

        Quiet hours hold back no failure.
        """
        silences = [silence for silence in silences if silence.holds(EpisodeKind.FAILURE) and silence.end_at(at)]
        found = (
            self._repository.pipeline(one)
            for one in self._repository.open_episodes_in(channel)
            if (episode := self._repository.episode(one)) and episode.kind is EpisodeKind.FAILURE
        )
        silent = (pipeline for pipeline in found if any(silence.covers(pipeline) for silence in silences))
        return sorted(silent, key=lambda pipeline: (pipeline.name.lower(), pipeline.id))

    def _announcement(
        self,
        author: Author,
        kind: NoticeKind,
        silences: Iterable[Silence],
        at: datetime,
        replaced: tuple[SilenceNote, ...] = (),
    ) -> tuple[Message, ...]:
        """Empty for a person's own conversation with the bot: there the answer is enough."""
        silences = tuple(silences)
        if author.channel.startswith("D") or not silences:
            return ()
        notes = tuple(silence.note(at) for silence in silences)
        notice = Notice(kind=kind, at=at, by=author.by, by_name=author.name, silences=notes, replaced=replaced)
        keys = "|".join(silence.key for silence in silences)
        return (
            Message(
                id=stable_key(self._repository.team, author.channel, kind, keys, at.isoformat()),
                receiver=in_slack(self._repository.team, author.channel),
                priority=Priority.UPDATE,
                body=notice,
                made_at=at,
            ),
        )


def _is_beside(silence: Silence, references: Collection[str]) -> bool:
    """True for a maintenance window of one of these pipelines or patterns."""
    return isinstance(silence, Maintenance) and silence.reference.lower() in references


_EVERYTHING = Pipeline(id=PipelineId(WHOLE_CHANNEL), name="")
