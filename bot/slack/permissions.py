"""Decides whether a person may do what they ask, and words the refusal. A refusal never reveals a hidden channel."""

from dataclasses import dataclass

from bot.domain.answer import RefusalAnswer
from bot.domain.permission import (
    Account,
    Denial,
    Membership,
    Person,
    UnknownFact,
    WhoMayWatch,
    outside_of,
    unable_to_see,
    unfit_to_change,
)
from bot.domain.watch import ChannelId, UserId
from bot.slack.mrkdwn import outside
from bot.slack.outbound.facts import Facts

AGAIN = "Type it again in a minute."
UNCHANGED = "Nothing was changed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """The person who typed or clicked, and the conversation where they did."""

    user: UserId
    channel: ChannelId
    team: str = ""
    """The person's workspace in the payload. Empty if the payload names none."""
    handle: str = ""
    """The person's handle in the payload. Empty if the payload names none."""
    channel_name: str = ""
    """Slack's name for the conversation: `directmessage` or `mpdm-…` for direct messages between people."""
    clicked: bool = False
    """True for a click. Only members can type in a channel, but former members may still see its buttons."""

    def types_in(self, channel: ChannelId) -> bool:
        """True if Slack guarantees that the asker is in this channel now."""
        return channel == self.channel and (not self.clicked or channel.startswith("D"))


class Permissions:
    """Decides who may change or see what a channel watches. Every such command and button asks this class first.

    Methods `to_…` and `check_…` return None, or the refusal to show.
    """

    def __init__(self, facts: Facts, who_may_watch: WhoMayWatch = WhoMayWatch.MEMBERS) -> None:
        self.facts = facts
        self._who_may_watch = who_may_watch

    async def to_ask(self, asker: Asker) -> RefusalAnswer | None:
        """For messages. Slack offers commands only to the workspace's people, but anyone in a channel can mention."""
        refusal = RefusalAnswer(
            reason=f"I only answer people of this workspace. {UNCHANGED}", hint="Use a card's buttons."
        )
        return await self._to_strangers(asker, refusal)

    async def to_see_log(self, asker: Asker) -> RefusalAnswer | None:
        """For buttons whose answer quotes a log: people of other companies see them on cards of shared channels."""
        refusal = RefusalAnswer(
            reason=f"Only people of this workspace can ask for a log, or for a draft that quotes it. {UNCHANGED}",
            hint="Ask one of them to click here.",
        )
        return await self._to_strangers(asker, refusal)

    async def _to_strangers(self, asker: Asker, refusal: RefusalAnswer) -> RefusalAnswer | None:
        """This refusal for people of other workspaces. None for people of this one."""
        person = await self.facts.person(asker.user, team=asker.team)
        if person.account is UnknownFact.AWAY:
            return slack_is_away("check who you are", changing=True)
        foreign = person.account is UnknownFact.NO_SCOPE and asker.team not in {"", self.facts.team}
        return refusal if foreign or person.account is Account.STRANGER else None

    async def check_account(self, asker: Asker) -> RefusalAnswer | None:
        """Checks that the person's account may change watches.

        Call it before the channel lookup, so that people without permission learn nothing about channels.
        """
        if self._who_may_watch is WhoMayWatch.EVERYONE:
            return None
        denial = unfit_to_change(await self.facts.person(asker.user, team=asker.team), self._who_may_watch)
        return _refusal(denial, asker, asker.channel, "", changing=True) if denial else None

    async def to_change(self, asker: Asker, channel: ChannelId, *, typed_name: str = "") -> RefusalAnswer | None:
        """`typed_name` is how the asker spelled the channel."""
        return await self.check_account(asker) or await self.check_membership(asker, channel, typed_name=typed_name)

    async def check_membership(self, asker: Asker, channel: ChannelId, *, typed_name: str = "") -> RefusalAnswer | None:
        """Checks that the person is in the channel.

        A command in its own channel comes from a member. A click may come from anyone who sees the button.
        """
        if asker.types_in(channel):
            return None
        denial = outside_of(await self.facts.access(channel, asker.user))
        return _refusal(denial, asker, channel, typed_name, changing=True) if denial else None

    async def to_see(self, asker: Asker, channel: ChannelId, *, typed_name: str = "") -> RefusalAnswer | None:
        denial = await self.denial_to_see(asker, channel)
        return _refusal(denial, asker, channel, typed_name, changing=False) if denial else None

    async def denial_to_see(self, asker: Asker, channel: ChannelId, person: Person | None = None) -> Denial | None:
        """Why the person may not see what the channel watches; None if they may. `person`: what Slack says of them."""
        if asker.types_in(channel):
            return None
        access = await self.facts.access(channel, asker.user, seeing=True)
        if access.membership is Membership.INSIDE:
            return None
        return unable_to_see(person or await self.facts.person(asker.user, team=asker.team), access)

    async def refusal_for_unknown_channel(self, asker: Asker, typed_name: str, *, changing: bool) -> RefusalAnswer:
        """The answer for a name that no channel has.

        Makes the same call to Slack as for an existing channel, so a failing Slack doesn't reveal which channels exist.
        """
        access = await self.facts.access(asker.channel, asker.user)
        if isinstance(access.membership, UnknownFact) and (denial := outside_of(access)):
            return _refusal(denial, asker, ChannelId(""), typed_name, changing=changing)
        return no_such_channel(typed_name, changing=changing)

    async def name(self, asker: Asker) -> str:
        """The person's name as plain text, for announcements and cards."""
        return await self.facts.name(asker.user, asker.handle)


def no_such_channel(typed_name: str, *, changing: bool) -> RefusalAnswer:
    """The one answer for a channel that is missing, hidden or forbidden."""
    return RefusalAnswer(
        reason=f"I can't find a channel *#{outside(typed_name)}* that you're in.{f' {UNCHANGED}' if changing else ''}",
        hint="Pick it from the list that Slack offers after #. A private channel must invite me first.",
    )


def channels_need_scopes(*, changing: bool) -> RefusalAnswer:
    return _no_scope("who is in that channel", "`channels:read` and `groups:read`", changing=changing)


def slack_is_away(attempt: str, *, changing: bool) -> RefusalAnswer:
    """`attempt`: what the bot could not do, as a verb phrase."""
    reason = f"Slack isn't answering right now, so I can't {attempt}."
    return RefusalAnswer(reason=f"{reason} {UNCHANGED}" if changing else reason, hint=AGAIN)


def _refusal(denial: Denial, asker: Asker, channel: ChannelId, typed_name: str, *, changing: bool) -> RefusalAnswer:
    match denial:
        case Denial.NO_SUCH_CHANNEL if channel == asker.channel and not changing:
            return RefusalAnswer(
                reason="Only people in this channel can see what it watches.", hint="Join the channel."
            )
        case Denial.NO_SUCH_CHANNEL if channel == asker.channel:
            return RefusalAnswer(
                reason=f"Only people in this channel can change my settings. {UNCHANGED}",
                hint="Join the channel, then try again.",
            )
        case Denial.NO_SUCH_CHANNEL:
            return no_such_channel(typed_name or channel, changing=changing)
        case Denial.NOT_FULL_MEMBER:
            return RefusalAnswer(
                reason=f"Only full members of this workspace can change my settings. {UNCHANGED}",
                hint="Ask a full member to do it. Anyone in the channel can acknowledge a failure.",
            )
        case Denial.PERSON_AWAY:
            return slack_is_away("check whether you're a full member of this workspace", changing=changing)
        case Denial.PLACE_AWAY:
            return slack_is_away("check who is in that channel", changing=changing)
        case Denial.PERSON_NO_SCOPE:
            return _no_scope("whether you're a full member of this workspace", "`users:read`", changing=changing)
        case Denial.PLACE_NO_SCOPE:
            return channels_need_scopes(changing=changing)


def _no_scope(fact: str, scopes: str, *, changing: bool) -> RefusalAnswer:
    return RefusalAnswer(
        reason=f"I can't check {fact}: the app lacks a scope.{f' {UNCHANGED}' if changing else ''}",
        hint=f"Ask the person who runs this bot to add {scopes}.",
    )
