"""*Draft postmortem* on the card of a recovered failure posts one draft into its thread."""

import asyncio
from datetime import timedelta

import pytest
import redis.asyncio

from bot.domain.diagnosis import Diagnosis, LogOutcome
from bot.domain.diagnosis_plan import plan_diagnosed
from bot.domain.observation import PipelineId
from bot.domain.postmortem import Postmortem
from bot.ports.store_errors import StoreAway
from bot.slack.render import action_ids
from bot.slack.render.console import MemberAction, member_menu
from sandbox.slack.directory import PARTNER_TEAM_ID
from tests.builders import a_person
from tests.contract.office import ALERTS, ANN, CAROL, PARTNER, QUIET, Office, office
from tests.contract.test_error_notes import diagnosed
from tests.contract.test_thread_commands import thread_of
from tests.fakes import FakeChat
from tests.service.test_dispatcher import sending
from tests.service.test_poller import FAILED, LIVE, ONE, TWO, pipelines


async def failed(it: Office) -> dict[str, str]:
    """The value of the card's buttons."""
    await it.bot.watch(ONE)
    await it.bot.poll(10)
    it.bot.api.statuses[ONE] = FAILED
    await it.bot.poll(20)
    episode = it.bot.repository.record(ONE).episode
    assert episode is not None
    diagnosis = Diagnosis(at=it.bot.clock.now(), began_at=episode.began_at, log=LogOutcome.READ, cause="schema")
    await it.bot.repository.write(ONE, lambda record, routing: plan_diagnosed(record, routing, diagnosis))
    (key,) = episode.cards
    return {"pipeline": ONE, "card": key}


async def recovered(it: Office) -> dict[str, str]:
    data = await failed(it)
    it.bot.api.statuses[ONE] = LIVE
    await it.bot.poll(20)
    return data


async def drafts(it: Office) -> list[Postmortem]:
    return [row.body for row in await it.bot.store.owed(ALERTS) if isinstance(row.body, Postmortem)]


async def test_two_clicks_post_one_draft_in_the_thread(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        data, chat = await recovered(it), FakeChat()
        assert "I'm posting the draft in this card's thread." in await it.click(action_ids.POSTMORTEM, data)
        assert "in this card's thread already. Nothing was changed." in await it.click(action_ids.POSTMORTEM, data)
        async with sending(it.bot.store, chat, it.bot.clock):
            await it.bot.clock.pass_time(10)
        posted = [(content, parent) for _, content, parent in chat.posts if isinstance(content, Postmortem)]
        ((draft, parent),) = posted
        assert parent == chat.there[data["card"]]
        assert draft.episode.diagnosis is not None
        assert draft.episode.diagnosis.cause == "schema"
        assert "already" in await it.click(action_ids.POSTMORTEM, data, CAROL)  # also after it was sent
        assert await drafts(it) == []


async def test_a_failure_that_comes_back_gets_another_draft(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        data = await recovered(it)
        await it.click(action_ids.POSTMORTEM, data)
        it.bot.api.statuses[ONE] = FAILED
        await it.bot.poll(10)
        assert "has not recovered, so I drafted nothing" in await it.click(action_ids.POSTMORTEM, data)
        it.bot.api.statuses[ONE] = LIVE
        await it.bot.poll(20)
        assert "I'm posting the draft" in await it.click(action_ids.POSTMORTEM, data)
        assert len(await drafts(it)) == 2


async def test_a_failure_that_goes_on_gets_none(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        data = await failed(it)
        assert "has not recovered, so I drafted nothing" in await it.click(action_ids.POSTMORTEM, data)
        assert await drafts(it) == []


async def test_the_receipts_say_when_people_were_called(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await it.bot.watch(ONE, targets=(a_person("U0BOB"),))
        await it.bot.poll(10)
        it.bot.api.statuses[ONE] = FAILED
        await it.bot.poll(20)
        episode = it.bot.repository.record(ONE).episode
        assert episode is not None
        async with sending(it.bot.store, FakeChat(), it.bot.clock):
            await it.bot.clock.pass_time(10)
        it.bot.api.statuses[ONE] = LIVE
        await it.bot.poll(20)
        await it.click(action_ids.POSTMORTEM, {"pipeline": ONE, "card": next(iter(episode.cards))})
        (draft,) = await drafts(it)
        (call,) = draft.calls
        assert [target.label for target in call.targets] == ["bob"]
        assert draft.episode.closed_at is not None
        assert draft.episode.opened_at < call.at < draft.episode.closed_at


async def test_another_conversation_gets_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        data = await recovered(it)
        assert "another conversation" in await it.click(action_ids.POSTMORTEM, data, CAROL, QUIET)
        assert await drafts(it) == []


async def test_another_companys_person_gets_none_because_it_quotes_the_log(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        data = await recovered(it)
        for action in (action_ids.POSTMORTEM, action_ids.LOGS):
            answer = await it.click(action, data, PARTNER, team=PARTNER_TEAM_ID)
            assert "can ask for a log, or for a draft that quotes it. Nothing was changed." in answer
        assert await drafts(it) == []


async def test_a_forgotten_card_is_named(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        data = await recovered(it)
        unknown = await it.click(action_ids.POSTMORTEM, {**data, "card": "0" * 32})
        assert "I no longer know this failure, so I drafted nothing." in unknown


async def test_the_note_and_the_changes_of_now_are_in_it(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        data = await recovered(it)
        await it.type('note orders-1 "Restart the sink"')
        it.bot.clock.seconds += timedelta(hours=1).total_seconds()
        await it.click(action_ids.POSTMORTEM, data)
        (draft,) = await drafts(it)
        assert draft.guidance.note is not None
        assert draft.guidance.note.text == "Restart the sink"
        assert draft.by_name


async def test_the_draft_goes_into_a_canvas_where_slack_has_them(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        data = await recovered(it)
        it.bot.canvases.address = "https://acme.slack.com/docs/T1/F1"
        for _ in range(2):
            await it.click(action_ids.POSTMORTEM, data)
        assert len(it.bot.canvases.made) == 1
        (draft,) = await drafts(it)
        assert draft.canvas == "https://acme.slack.com/docs/T1/F1"


async def test_two_clicks_at_once_make_one_canvas(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        data = await recovered(it)
        it.bot.canvases.address = "https://acme.slack.com/docs/T1/F1"
        await asyncio.gather(*(it.click(action_ids.POSTMORTEM, data, user) for user in (ANN, CAROL)))
        assert len(it.bot.canvases.made) == 1
        assert len(await drafts(it)) == 1


async def test_a_group_whose_failures_are_over_gets_one_draft_about_all_of_them(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with thread_of(fake_redis, failures=5) as thread:
        it = thread.office
        episode = it.bot.repository.record(ONE).episode
        assert episode is not None
        group = {"group": await it.bot.requests.acknowledgements.group_of(next(iter(episode.cards)))}
        await diagnosed(thread)
        await diagnosed(thread, TWO)
        await it.click(action_ids.ACKNOWLEDGE_ALL, group, CAROL)
        it.bot.api.statuses |= {known.id: LIVE for known in pipelines(4)}
        await it.bot.poll(20)
        assert "so I drafted nothing" in await it.click(action_ids.GROUP_POSTMORTEM, group)
        it.bot.api.statuses[PipelineId("pipe_0005")] = LIVE
        await it.bot.poll(20)
        assert "another conversation" in await it.click(action_ids.GROUP_POSTMORTEM, group, CAROL, QUIET)
        assert "or for a draft that" in await it.click(
            action_ids.GROUP_POSTMORTEM, group, PARTNER, team=PARTNER_TEAM_ID
        )
        assert "I'm posting the draft" in await it.click(action_ids.GROUP_POSTMORTEM, group)
        assert "thread already" in await it.click(action_ids.GROUP_POSTMORTEM, group, CAROL)
        (draft,) = await drafts(it)
        assert (draft.total, [member.name for member in draft.members]) == (5, [f"orders-{n}" for n in range(1, 6)])
        assert [entry.name for entry in draft.episode.timeline] == ["carol"], "one click acknowledged all"
        chat = FakeChat()
        async with sending(it.bot.store, chat, it.bot.clock):
            await it.bot.clock.pass_time(10)
        ((content, parent),) = [(body, parent) for _, body, parent in chat.posts if isinstance(body, Postmortem)]
        assert content == draft
        assert parent == (await it.bot.store.cards([draft.card_key]))[draft.card_key].message_id


async def test_an_unknown_group_is_named(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        assert "I no longer know this failure" in await it.click(action_ids.GROUP_POSTMORTEM, {"group": "0" * 32})


async def test_a_draft_that_the_store_did_not_take_makes_no_second_canvas(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        data = await recovered(it)
        it.bot.canvases.address = "https://acme.slack.com/docs/T1/F1"
        it.bot.store.away_once("add_postmortem")
        with pytest.raises(StoreAway):
            await it.click(action_ids.POSTMORTEM, data)
        assert await drafts(it) == []
        assert "I'm posting the draft in this card's thread." in await it.click(action_ids.POSTMORTEM, data)
        assert len(it.bot.canvases.made) == 1
        (draft,) = await drafts(it)
        assert draft.canvas == "https://acme.slack.com/docs/T1/F1"


async def test_another_process_names_the_canvas_that_may_exist_and_makes_none(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        data = await recovered(it)
        it.bot.canvases.address = "https://acme.slack.com/docs/T1/F1"
        it.bot.store.away_once("add_postmortem")
        with pytest.raises(StoreAway):
            await it.click(action_ids.POSTMORTEM, data)
        it.bot.requests.postmortems._canvases_made.clear()  # as after a restart
        answer = await it.click(action_ids.POSTMORTEM, data)
        assert "without a canvas. My first attempt was interrupted" in answer
        assert len(it.bot.canvases.made) == 1
        (draft,) = await drafts(it)
        assert draft.canvas == ""
        assert "Nothing was changed." in await it.click(action_ids.POSTMORTEM, data)


async def test_a_store_that_is_away_before_the_canvas_changes_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        data = await recovered(it)
        it.bot.canvases.address = "https://acme.slack.com/docs/T1/F1"
        it.bot.store.away_once("begin_canvas")
        with pytest.raises(StoreAway):
            await it.click(action_ids.POSTMORTEM, data)
        assert it.bot.canvases.made == []
        await it.click(action_ids.POSTMORTEM, data)
        assert len(it.bot.canvases.made) == len(await drafts(it)) == 1


async def test_a_recovered_member_of_a_group_has_it_in_its_menu(fake_redis: redis.asyncio.Redis) -> None:
    """The draft goes into the thread of the group's message."""
    async with thread_of(fake_redis, failures=5) as thread:
        it = thread.office
        episode = it.bot.repository.record(ONE).episode
        assert episode is not None
        (key,) = episode.cards
        choice = {"card": key, "do": MemberAction.POSTMORTEM.value}
        assert "has not recovered" in await it.click(action_ids.MEMBER_ACTION, choice)
        it.bot.api.statuses[ONE] = LIVE
        await it.bot.poll(20)
        card = (await it.bot.store.cards([key]))[key]
        assert "Draft postmortem" in str(member_menu(card.content))
        assert "I'm posting the draft" in await it.click(action_ids.MEMBER_ACTION, choice)
        (draft,) = await drafts(it)
        assert draft.card_key == key
        chat = FakeChat()
        async with sending(it.bot.store, chat, it.bot.clock):
            await it.bot.clock.pass_time(10)
        ((content, parent),) = [(body, parent) for _, body, parent in chat.posts if isinstance(body, Postmortem)]
        assert content == draft
        assert parent == card.message_id
