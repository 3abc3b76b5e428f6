"""*Watch a pipeline*: from the button on the Home tab over the modal to the watch, through Slack's sandbox."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
import redis.asyncio

from bot.domain.alias import IdChange
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, UserId
from bot.ports.interaction_store import Interaction
from bot.slack.features.watch.form import CHANNEL, EVENTS, LAG, PIPELINES, TARGETS
from bot.slack.inbound.inbox import RECOVER_AFTER, Inbox
from bot.slack.mrkdwn import NO_BREAK
from bot.slack.render import action_ids
from bot.slack.router import CLICK as KIND_CLICK
from bot.slack.router import MODAL
from sandbox.slack.delivery import Ack, Kind
from sandbox.slack.directory import BOT_USER
from sandbox.slack.faults import Fault, FaultKind, Moment
from sandbox.slack.interactions import Choice
from tests.builders import TEAM
from tests.contract.office import ALERTS, ANN, BOB, CAROL, GUEST, OPS, QUIET, SHARED, Office, listening, office
from tests.service.test_poller import ONE, TWO

PATIENCE_SECONDS = 60.0
CLICK = Choice(action_id=action_ids.OPEN_WATCH_FORM)


@dataclass
class Forms:
    """People fill in the form; the bot listens down a real socket."""

    office: Office
    inbox: Inbox

    async def open(self, user: UserId = ANN) -> Ack:
        """From the Home tab. Waits until the modal is there."""
        await self.go_home(user)
        ack = await self.office.sandbox.slack.click_in_view(user, CLICK)
        await self.office.sandbox.until(lambda: self.office.sandbox.slack.views.top(user), seconds=PATIENCE_SECONDS)
        return ack

    async def go_home(self, user: UserId = ANN) -> None:
        before = self.office.call_count("views.publish")
        self.office.sandbox.slack.open_home(user)
        await self.office.sandbox.until(
            lambda: self.office.call_count("views.publish") > before, seconds=PATIENCE_SECONDS
        )

    async def submit(
        self,
        pipelines: str,
        user: UserId = ANN,
        *,
        channel: str = "",
        events: tuple[str, ...] = (),
        page: tuple[str, ...] = (),
        lag: str = "",
    ) -> str:
        """The errors that the modal shows, or the message that the person gets when it has closed."""
        values = {PIPELINES: pipelines, CHANNEL: channel or None, EVENTS: list(events), TARGETS: list(page)}
        values[LAG] = lag or None
        before = len(self.said(user))
        ack = await self.office.sandbox.slack.submit_view(
            user, {block: {block: held} for block, held in values.items()}
        )
        assert ack.ok, ack
        if errors := self.errors(user):
            assert len(self.said(user)) == before
            return json.dumps(errors, ensure_ascii=False)
        await self.office.sandbox.until(lambda: len(self.said(user)) > before, seconds=PATIENCE_SECONDS)
        return self.said(user)[-1]

    async def refused(self, choice: Choice, user: UserId = ANN) -> str:
        """The answer to a click in the Home tab that opens no modal."""
        before = len(self.said(user))
        assert (await self.office.sandbox.slack.click_in_view(user, choice)).ok
        await self.office.sandbox.until(lambda: len(self.said(user)) > before, seconds=PATIENCE_SECONDS)
        assert self.office.sandbox.slack.views.top(user) is None
        return self.said(user)[-1].replace(NO_BREAK, " ")

    def errors(self, user: UserId = ANN) -> dict[str, str]:
        view = self.office.sandbox.slack.views.top(user) or {}
        return dict(view.get("errors", {}))

    def home(self, user: UserId = ANN) -> str:
        home = self.office.sandbox.slack.views.home(user)
        return json.dumps(home, ensure_ascii=False).replace(NO_BREAK, " ")

    def said(self, user: UserId = ANN) -> list[str]:
        direct = self.office.sandbox.slack.directory.im_id(user)
        return [
            message.text for message in self.office.sandbox.slack.messages(direct, user) if message.user == BOT_USER
        ]


@asynccontextmanager
async def forms(fake_redis: redis.asyncio.Redis, *, by_http: bool = False) -> AsyncIterator[Forms]:
    async with office(fake_redis) as it, listening(it, by_http=by_http) as inbox:
        # A busy machine must change no answer. Each time limit has a test of its own.
        inbox._store_seconds = inbox._modal_seconds = PATIENCE_SECONDS
        it.sandbox.slack.delivery.ack_seconds = it.sandbox.slack.views.trigger_seconds = PATIENCE_SECONDS
        yield Forms(it, inbox)


def submission(text: str) -> dict[str, str]:
    """As stored."""
    who = {"user": ANN, "channel": "D0ANN", "team": "", "handle": "ann", "direct": "yes"}
    return {**who, "modal": "watch", "values": json.dumps({PIPELINES: [text]}), "first": PIPELINES}


# --- watch -----------------------------------------------------------------------------------------------------------


async def test_without_a_channel_the_person_watches(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.open()
        answer = await it.submit("orders-1")
        assert "You now watch orders-1 — all events" in answer
        assert it.office.sandbox.slack.views.top(ANN) is None
        assert [watch.reference for watch in await it.office.watches(ChannelId("D0ANN"))] == [ONE]
        await it.office.sandbox.slack.click_in_view(ANN, Choice(action_id=action_ids.REFRESH_HOME))
        await it.office.sandbox.until(lambda: "• *orders-1* — all events" in it.home())


async def test_a_channel_gets_the_watch_and_the_announcement(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.open()
        answer = await it.submit("orders-1", channel=QUIET, events=("failed", "recovered"), page=(BOB,))
        assert f"<#{QUIET}> now watches orders-1 — failed, recovered, pages @bob on failure" in answer
        assert "Undo" not in answer
        (watch,) = await it.office.watches(QUIET)
        assert watch.events == frozenset({Event.FAILED, Event.RECOVERED})
        assert [target.id for target in watch.targets] == [BOB]
        assert BOT_USER in it.office.sandbox.slack.directory.channels[QUIET].members
        assert "Notice" in await it.office.announced(QUIET)


async def test_the_lag_of_the_form_is_kept_and_shown(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.open()
        answer = await it.submit("orders-1", channel=QUIET, events=("lagging",), lag="lagging:1h")
        assert f"<#{QUIET}> now watches orders-1 — lagging (from 1 h)" in answer
        (watch,) = await it.office.watches(QUIET)
        assert watch.lag_from == timedelta(hours=1)


async def test_a_channel_with_another_id_keeps_its_watches(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        slack = it.office.sandbox.slack
        slack.change_id(ALERTS)
        new = slack.directory.named("data-alerts")
        assert new
        await it.office.bot.store.change_ids([IdChange(ALERTS, ChannelId(new.id), "1.0")])
        await it.open()
        assert f"<#{new.id}> now watches orders-1" in await it.submit("orders-1", channel=new.id)
        assert [watch.channel for watch in (await it.office.bot.store.watches()).all] == [ALERTS]


@pytest.mark.parametrize(("typed", "watched"), [("orders-1, orders-2", [ONE, TWO]), ("orders-*", ["orders-*"])])
async def test_it_takes_what_the_command_takes(fake_redis: redis.asyncio.Redis, typed: str, watched: list[str]) -> None:
    async with forms(fake_redis) as it:
        await it.open()
        await it.submit(typed)
        assert [watch.reference for watch in await it.office.watches(ChannelId("D0ANN"))] == watched


async def test_an_empty_field_leaves_an_existing_watch_as_it_is(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.office.type("watch orders-1 on failed page @bob", ANN, ALERTS)
        await it.open()
        await it.submit("orders-1", channel=ALERTS, events=("recovered",))
        (watch,) = await it.office.watches(ALERTS)
        assert watch.events == frozenset({Event.RECOVERED})
        assert [target.id for target in watch.targets] == [BOB]


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("ordrs-1", "I couldn't find a pipeline called “ordrs-1”. Did you mean orders-1"),
        ("orders", "“orders” could mean 2 pipelines: orders-1 or orders-2."),
        ("nosuch-*", "No pipeline matches nosuch-* yet. Nothing was changed."),
        ("nosuch-*", "To watch it anyway, type: /pipeline watch nosuch-*"),
        ("orders-1 page me", "Put only pipelines here, and the rest below."),
        ('"orders-1', r"A closing quotation mark is missing. Nothing was changed. Try: \"orders-1\""),
        ("<!channel>", "I couldn't find a pipeline called “‹!channel›”."),
    ],
)
async def test_a_wrong_pipeline_is_explained_in_the_modal(
    fake_redis: redis.asyncio.Redis, typed: str, error: str
) -> None:
    async with forms(fake_redis) as it:
        await it.open()
        assert error in await it.submit(typed)
        assert list(it.errors()) == [PIPELINES]
        assert (await it.office.bot.store.watches()).all == ()
        assert "You now watch" in await it.submit("orders-1")


async def test_errors_and_the_form_come_by_http_too(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis, by_http=True) as it:
        await it.open()
        assert "I couldn't find a pipeline called “ordrs-1”." in await it.submit("ordrs-1")
        assert "You now watch orders-1" in await it.submit("orders-1")


async def test_a_channel_that_is_hidden_missing_or_not_theirs_gets_one_answer(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        it.office.sandbox.slack.leave("C0GENERAL", CAROL)
        await it.open(CAROL)
        answers = {
            await it.submit("orders-1", CAROL, channel=channel) for channel in (OPS, "C0GENERAL", "C0NOSUCH", "D0ANN")
        }
        assert answers == {
            json.dumps({CHANNEL: "I can't find that channel, or you're not in it. Nothing was changed."})
        }
        assert (await it.office.bot.store.watches()).all == ()


async def test_a_private_channel_without_the_bot_is_an_error_at_its_field(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.open()
        assert CHANNEL in await it.submit("orders-1", channel=OPS)


async def test_a_guest_is_refused_in_the_modal(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        it.office.sandbox.slack.invite_bot(SHARED)
        await it.open(GUEST)
        answer = await it.submit("orders-1", GUEST, channel=SHARED)
        assert "Only full members of this workspace can change my settings." in answer
        assert "Ask a full member to do it." in answer
        assert (await it.office.bot.store.watches()).all == ()


async def test_one_wrong_person_changes_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.open()
        answer = await it.submit("orders-1", channel=ALERTS, page=(BOB, "U0PAT"))
        assert TARGETS in answer
        assert "belongs to another company" in answer
        assert (await it.office.bot.store.watches()).all == ()


async def test_a_slow_answer_comes_as_a_message(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        it.inbox._modal_seconds = 0.05
        await it.open()
        it.office.sandbox.slack.set_fault(
            "users.info", Fault(kind=FaultKind.SLOW, seconds=0.3, when=Moment.BEFORE, times=None)
        )
        answer = await it.submit("ordrs-1")
        assert it.office.sandbox.slack.views.top(ANN) is None
        assert "I couldn't find a pipeline called ordrs-1." in answer


async def late(it: Forms, pipelines: str, *, events: tuple[str, ...] = (), page: tuple[str, ...] = ()) -> str:
    """The message after the form has closed without an answer."""
    it.inbox._modal_seconds = 0.0
    return await it.submit(pipelines, channel=QUIET, events=events, page=page)


async def test_a_late_confirmation_keeps_every_field(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.open()
        assert "You can watch it anyway" in await late(it, "nosuch-*", events=("failed", "gone"), page=(BOB,))
        slack, direct = it.office.sandbox.slack, it.office.sandbox.slack.directory.im_id(ANN)
        (question,) = [message for message in slack.messages(direct, ANN) if message.user == BOT_USER]
        await slack.click(ANN, direct, question.ts, action_ids.CONFIRM)
        await it.inbox.settled()
        (watch,) = (await it.office.bot.store.watches()).all
        assert (watch.channel, watch.reference) == (QUIET, "nosuch-*")
        assert watch.events == frozenset({Event.FAILED, Event.GONE})
        assert [target.id for target in watch.targets] == [BOB]


@pytest.mark.parametrize("typed", ["ordrs-1", "orders"])
async def test_a_late_error_offers_no_command_without_the_other_fields(
    fake_redis: redis.asyncio.Redis, typed: str
) -> None:
    async with forms(fake_redis) as it:
        await it.open()
        answer = await late(it, typed)
        assert "orders-1" in answer
        assert "/pipeline watch" not in answer


async def test_a_pattern_without_a_match_says_how_to_watch_it_anyway(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.open()
        answer = await it.submit("nosuch-*", channel=QUIET, events=("failed",), page=(BOB,))
        assert "To watch it anyway, type: /pipeline watch nosuch-* on failed page @… in #…" in answer


async def test_a_slow_slack_delays_no_confirmation(fake_redis: redis.asyncio.Redis) -> None:
    """The Home tab, which needs many calls to Slack, is not part of the answer."""
    async with forms(fake_redis) as it:
        await it.open()
        published = it.office.call_count("views.publish")
        assert "You now watch orders-1" in await it.submit("orders-1")
        await it.inbox.settled()
        assert it.office.call_count("views.publish") == published


async def test_a_submission_that_is_saved_for_later_closes_the_form(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.open()
        it.office.bot.store.away_once("change_watches")
        assert "I saved your request" in await it.submit("orders-1")
        assert it.office.sandbox.slack.views.top(ANN) is None


async def test_a_form_beyond_the_limit_always_says_so(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.open()
        answers = [await it.submit("ordrs-1") for _ in range(30)]
        assert all("faster than I accept them" in answer for answer in answers[-2:])


async def test_without_the_store_the_modal_closes_and_its_watch_is_made_later(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with forms(fake_redis) as it:
        await it.open()
        it.office.bot.store.away_once("add_interaction")
        assert "I'll do it and tell you" in await it.submit("orders-1")
        assert it.office.sandbox.slack.views.top(ANN) is None
        await it.inbox.recover()
        await it.office.sandbox.until(lambda: "You now watch orders-1" in it.said()[-1], seconds=PATIENCE_SECONDS)


# --- once ------------------------------------------------------------------------------------------------------------


async def test_an_expired_click_opens_nothing_and_says_so(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.go_home()
        it.office.sandbox.slack.set_fault("views.open", Fault(kind=FaultKind.ERROR, error="expired_trigger_id"))
        assert (await it.office.sandbox.slack.click_in_view(ANN, CLICK)).ok
        await it.office.sandbox.until(it.said)
        assert it.said() == [
            "That took too long, so the form didn't open. Nothing was changed.\nClick the button again."
        ]


async def test_a_lost_answer_to_the_opening_claims_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.go_home()
        it.office.sandbox.slack.set_fault("views.open", Fault(kind=FaultKind.RESET, when=Moment.AFTER))
        assert (await it.office.sandbox.slack.click_in_view(ANN, CLICK)).ok
        await it.office.sandbox.until(it.said)
        assert it.office.sandbox.slack.views.top(ANN)
        assert "I can't tell whether the form opened" in it.said()[0]


async def test_recovery_opens_no_form_that_nobody_waits_for(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        it.office.sandbox.slack.open_messages_tab(ANN)
        at = it.office.bot.clock.now() - RECOVER_AFTER - timedelta(seconds=1)
        payload = {
            "action": action_ids.OPEN_WATCH_FORM,
            "user": ANN,
            "channel": "D0ANN",
            "direct": "yes",
            "ephemeral": "",
            "trigger": "1.1.x",
            "value": "",
        }
        await it.office.bot.store.add_interaction(
            Interaction(team=TEAM, id=f"{KIND_CLICK} 1", kind=KIND_CLICK, at=at, payload=payload)
        )
        await it.inbox.recover()
        assert it.said() == []
        assert it.office.call_count("views.open") == 0
        assert await it.office.bot.store.unfinished_interactions() == ()


async def test_a_click_opens_the_form_although_the_store_is_away(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.go_home()
        it.office.bot.store.away_once("add_interaction")
        await it.office.sandbox.slack.click_in_view(ANN, CLICK)
        await it.office.sandbox.until(lambda: it.office.sandbox.slack.views.top(ANN))


async def test_the_form_opens_before_the_click_is_stored(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.go_home()
        opened_first = []
        keep = it.office.bot.store.add_interaction

        async def slowly(interaction: Interaction) -> bool:
            await it.office.sandbox.until(lambda: it.office.sandbox.slack.views.top(ANN))
            opened_first.append(interaction.kind)
            return await keep(interaction)

        it.office.bot.store.add_interaction = slowly  # type: ignore[method-assign]
        assert (await it.office.sandbox.slack.click_in_view(ANN, CLICK)).ok
        assert opened_first == ["click"]


async def test_a_click_delivered_twice_opens_one_form_and_says_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.open()
        delivery = it.office.sandbox.slack.delivery
        await delivery.send(Kind.INTERACTIVE, delivery.log[-1].payload)
        await it.office.sandbox.until(lambda: it.office.call_count("views.open") == 2)
        await it.submit("orders-1")
        assert len(it.said()) == 1


async def test_a_submission_delivered_twice_watches_once(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        await it.open()
        await it.submit("orders-1", channel=ALERTS)
        delivery = it.office.sandbox.slack.delivery
        assert (await delivery.send(Kind.INTERACTIVE, delivery.log[-1].payload)).ok
        assert len(it.said()) == 1
        assert len(await it.office.watches(ALERTS)) == 1


async def test_another_bot_finishes_a_submission_after_a_crash(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        it.office.sandbox.slack.open_messages_tab(ANN)
        at = it.office.bot.clock.now() - RECOVER_AFTER - timedelta(seconds=1)
        stored = Interaction(team=TEAM, id=f"{MODAL} 1", kind=MODAL, at=at, payload=submission("orders-1"))
        await it.office.bot.store.add_interaction(stored)
        await it.inbox.recover()
        await it.inbox.recover()
        await it.office.sandbox.until(it.said)
        assert len(it.said()) == 1
        assert [watch.reference for watch in await it.office.watches(ChannelId("D0ANN"))] == [ONE]


async def test_a_form_of_an_older_version_is_refused(fake_redis: redis.asyncio.Redis) -> None:
    async with forms(fake_redis) as it:
        it.office.sandbox.slack.open_messages_tab(ANN)
        at = it.office.bot.clock.now() - RECOVER_AFTER - timedelta(seconds=1)
        payload = {**submission("orders-1"), "modal": "older"}
        await it.office.bot.store.add_interaction(
            Interaction(team=TEAM, id=f"{MODAL} 1", kind=MODAL, at=at, payload=payload)
        )
        await it.inbox.recover()
        await it.office.sandbox.until(it.said)
        assert "This form is too old. Nothing was changed." in it.said()[0]
