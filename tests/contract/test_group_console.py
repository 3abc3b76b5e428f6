"""The group's message as a console: what its buttons change, and what the menu of a member changes."""

from datetime import UTC, datetime, timedelta

import pytest
import redis.asyncio

from bot.domain.episode import Acknowledgement, Episode
from bot.domain.observation import PipelineId
from bot.slack.render import action_ids
from bot.slack.render.console import MemberAction
from sandbox.slack.directory import PARTNER_TEAM_ID, TEAM_ID
from tests.contract.office import ALERTS, ANN, BOB, CAROL, PARTNER, QUIET, Office, office
from tests.contract.test_card_buttons import NOT_HERE, a_group, failing
from tests.contract.test_error_notes import diagnosed
from tests.contract.test_thread_commands import thread_of
from tests.service.test_poller import LIVE, ONE, TWO, pipelines


def episode_of(it: Office, pipeline: PipelineId) -> Episode:
    episode = it.bot.repository.record(pipeline).episode
    assert episode is not None
    return episode


def answers_in(it: Office) -> list[Acknowledgement | None]:
    return [episode_of(it, pipeline).acknowledged for pipeline in (ONE, TWO)]


async def group_of(it: Office) -> str:
    return await it.bot.requests.acknowledgements.group_of(next(iter(episode_of(it, ONE).cards)))


async def failed_group(it: Office) -> str:
    await failing(it, ALERTS)
    return await a_group(it, ALERTS)


async def test_snooze_all_stops_the_paging_of_each_member(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        group = await failed_group(it)
        answer = await it.click(action_ids.SNOOZE_ALL, {"group": group, "do": "1h"}, BOB, ALERTS)
        assert "You snoozed 2 failures. Nobody is paged for them until" in answer
        for pipeline in (ONE, TWO):
            acknowledged = episode_of(it, pipeline).acknowledged
            assert acknowledged
            assert acknowledged.snoozed
            assert it.bot.repository.record(pipeline).next_at == acknowledged.until


async def test_snooze_all_leaves_a_failure_with_the_person_who_has_it(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        group = await failed_group(it)
        card = next(iter(episode_of(it, ONE).cards))
        await it.click(action_ids.ACKNOWLEDGE, {"pipeline": ONE, "card": card}, CAROL, ALERTS)
        answer = await it.click(action_ids.SNOOZE_ALL, {"group": group, "do": "30m"}, BOB, ALERTS)
        assert "You snoozed 1 failure." in answer
        assert "1 stays with carol." in answer
        first, second = answers_in(it)
        assert first
        assert first.by == CAROL
        assert second
        assert second.by == BOB
        again = await it.click(action_ids.SNOOZE_ALL, {"group": group, "do": "30m"}, ANN, ALERTS)
        assert "Nothing was changed" in again
        assert "2 stay with carol and bob." in again


async def test_a_picked_time_snoozes_the_group(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        group = await failed_group(it)
        assert "Until when" in await it.click(action_ids.SNOOZE_ALL, {"group": group, "do": "pick"}, BOB, ALERTS)
        now = it.bot.clock.now()
        late = {"card": group, "at": int((now + timedelta(days=8)).timestamp())}
        assert "Nothing was changed" in await it.click(action_ids.SNOOZE_ALL_UNTIL, late, BOB, ALERTS)
        moment = int((now + timedelta(hours=5)).timestamp())
        answer = await it.click(action_ids.SNOOZE_ALL_UNTIL, {"card": group, "at": moment}, BOB, ALERTS)
        assert "You snoozed 2 failures" in answer
        assert [found and found.until for found in answers_in(it)] == [datetime.fromtimestamp(moment, UTC)] * 2


@pytest.mark.parametrize(("action", "choice"), [(action_ids.GROUP_MENU, {"do": "logs"}), (action_ids.GROUP_LOGS, {})])
async def test_the_logs_of_a_group_show_its_error_once_and_offer_each_log(
    fake_redis: redis.asyncio.Redis, action: str, choice: dict[str, str]
) -> None:
    async with thread_of(fake_redis, failures=5) as thread:
        it, key = thread.office, await group_of(thread.office)
        assert "I have read no log of these 5 failures yet." in await it.click(action, {"group": key, **choice})
        for pipeline in (ONE, TWO):
            await diagnosed(thread, pipeline)
        reads = len(it.bot.details.asked)
        reply = await it.router.parse(it.clicked(action, {"group": key, **choice})).run()
        assert reply
        assert str(reply.blocks).count("connection refused") == 1
        assert "*orders-1*, *orders-2*" in str(reply.blocks)
        assert "Logs of …" in str(reply.blocks)
        assert len(it.bot.details.asked) == reads, "the bot keeps these lines"
        assert "I no longer know these failures" in await it.click(action, {"group": "0" * 32, **choice})
        for user, channel, team in ((PARTNER, ALERTS, PARTNER_TEAM_ID), (CAROL, QUIET, TEAM_ID)):
            refused = await it.click(action, {"group": key, **choice}, user, channel, team)
            assert "connection refused" not in refused
            assert "Nothing was changed." in refused


async def test_the_logs_of_a_group_stay_after_its_end(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis, failures=5) as thread:
        it, key = thread.office, await group_of(thread.office)
        await diagnosed(thread)
        it.bot.api.statuses |= {known.id: LIVE for known in pipelines(5)}
        await it.bot.poll(20)
        reply = await it.router.parse(it.clicked(action_ids.GROUP_LOGS, {"group": key})).run()
        assert reply
        assert "connection refused" in str(reply.blocks)
        assert "Logs of …" not in str(reply.blocks), "the logs of now say nothing about the failures"


async def test_the_menu_promises_and_resolves_after_a_question(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        group = await failed_group(it)
        promised = await it.click(action_ids.GROUP_MENU, {"group": group, "do": "promise"}, BOB, ALERTS)
        assert "You acknowledged 2 failures. I page again for those that still need somebody at" in promised
        question = await it.click(action_ids.GROUP_MENU, {"group": group, "do": "resolve"}, BOB, ALERTS)
        assert "End the paging for 2 pipelines of this message?" in question
        assert episode_of(it, ONE).resolved is None
        assert "You ended the paging for 2 failures" in await it.click(
            action_ids.RESOLVE_ALL, {"group": group}, BOB, ALERTS
        )
        assert it.bot.repository.record(ONE).next_at is None
        for action, facts in [
            (action_ids.RESOLVE_ALL, {}),
            (action_ids.GROUP_MENU, {"do": "resolve"}),
            (action_ids.SNOOZE_ALL, {"do": "1h"}),
        ]:
            assert "Nothing was changed" in await it.click(action, {"group": group, **facts}, ANN, ALERTS)
        assert "still failing" in await it.click(action_ids.GROUP_MENU, {"group": group, "do": "members"}, BOB, ALERTS)


@pytest.mark.parametrize(
    "action", [action_ids.SNOOZE_ALL, action_ids.SNOOZE_ALL_UNTIL, action_ids.GROUP_MENU, action_ids.RESOLVE_ALL]
)
@pytest.mark.parametrize("facts", [{}, {"do": "1h"}, {"do": "resolve"}, {"do": 7}, {"at": 10**18}])
async def test_a_forged_or_foreign_click_changes_nothing(
    fake_redis: redis.asyncio.Redis, action: str, facts: dict[str, object]
) -> None:
    async with office(fake_redis) as it:
        group = await failed_group(it)
        answer = await it.click(action, {"group": group, "card": group, **facts}, CAROL, QUIET)
        assert answer.startswith(NOT_HERE)
        assert answers_in(it) == [None, None]


async def test_the_menu_of_a_member_acts_on_it_alone(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis, failures=5) as thread:
        it = thread.office
        card = next(iter(episode_of(it, ONE).cards))

        async def choose(do: MemberAction) -> str:
            return await it.click(action_ids.MEMBER_ACTION, {"card": card, "do": do.value}, BOB, ALERTS)

        assert "For how long" in await choose(MemberAction.MUTE)
        assert "For how long should I stop paging for orders-1?" in await choose(MemberAction.SNOOZE)
        assert "End the paging for orders-1, open since" in await choose(MemberAction.RESOLVE)
        assert answers_in(it) == [None, None]
        await it.click(action_ids.ACKNOWLEDGE, {"pipeline": ONE, "card": card}, CAROL, ALERTS)
        assert "You took over orders-1 from carol" in await choose(MemberAction.TAKE_OVER)
        first, second = answers_in(it)
        assert first
        assert first.by == BOB
        assert second is None


async def test_the_question_of_resolve_is_not_asked_of_a_failure_that_is_over(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with office(fake_redis) as it:
        group = await failed_group(it)
        it.bot.api.statuses |= dict.fromkeys((ONE, TWO), LIVE)
        await it.bot.poll(20)
        answer = await it.click(action_ids.GROUP_MENU, {"group": group, "do": "resolve"}, BOB, ALERTS)
        assert "There is no paging left to end" in answer
        assert "Nothing was changed" in answer
