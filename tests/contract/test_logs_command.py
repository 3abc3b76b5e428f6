"""The command `logs` and the button *Logs*: who gets which lines."""

import pytest
import redis.asyncio

from bot.domain.log_lines import PodLog
from bot.domain.measurement import DestinationHealth
from bot.ports.pipeline_api import Unavailable
from bot.slack.mrkdwn import NO_BREAK
from bot.slack.render import action_ids
from sandbox.slack.directory import PARTNER_TEAM_ID
from tests.builders import a_delivery, at
from tests.contract.office import PARTNER, QUIET, SHARED, Office, office
from tests.contract.test_thread_commands import thread_of
from tests.corpora.secrets_in_logs import secret_lines
from tests.fake_details import NO_LOG
from tests.fakes import FakeChat
from tests.service.test_dispatcher import sending
from tests.service.test_poller import FAILED, LIVE, ONE, TWO
from tests.unit.rendering import LOOK


async def failed_card(it: Office) -> str:
    await it.bot.watch(ONE)
    it.bot.api.statuses[ONE] = FAILED
    await it.bot.poll(20)
    episode = it.bot.repository.record(ONE).episode
    assert episode
    return next(iter(episode.cards))


async def test_the_command_shows_the_log_of_any_pipeline(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        assert "orders-1 — the newest lines of its log, read at" in await it.type("logs orders-1")
        assert "orders-2 — the newest lines of its log" in await it.type("logs ORDERS-2")
        assert it.bot.details.asked == [("logs", ONE), ("logs", TWO)]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("logs", "Which pipeline? Nothing was changed."),
        (
            "logs orders-*",
            "not a pattern. Nothing was changed. To see those that match:\n/pipeline status orders-*",
        ),
        ("logs orders-1 orders-2", "takes one pipeline at a time. Nothing was changed."),
        ("logs no-such-thing", "I couldn't find a pipeline called no-such-thing"),
    ],
)
async def test_a_command_without_one_pipeline_reads_nothing(
    fake_redis: redis.asyncio.Redis, typed: str, words: str
) -> None:
    async with office(fake_redis) as it:
        assert words in (await it.type(typed)).replace("`", "").replace("logs takes", "takes")
        assert it.bot.details.asked == []


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            Unavailable("GoldRush had an internal error (500)."),
            "GoldRush had an internal error (500). Try again in a minute: `/pipeline logs orders-1`",
        ),
        (
            NO_LOG,
            "GoldRush has no log of orders-1 yet. Its worker isn't up. Try again when it runs: `/pipeline logs orders-",
        ),
        ((), "GoldRush has no log of orders-1 yet."),
        ((PodLog(pod="a", text=""),), "GoldRush has no log of orders-1 yet."),
    ],
)
async def test_an_answer_without_a_log_says_why(
    fake_redis: redis.asyncio.Redis, log: tuple[PodLog, ...] | Unavailable, words: str
) -> None:
    async with office(fake_redis) as it:
        it.bot.details.log = log
        assert words in await it.type("logs orders-1")


async def test_the_log_of_a_recovered_pipeline_points_to_the_thread(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        card = await failed_card(it)
        assert "It is live now" not in await it.click(action_ids.LOGS, {"pipeline": ONE, "card": card})
        it.bot.api.statuses[ONE] = LIVE
        await it.bot.poll(20)
        text = await it.click(action_ids.LOGS, {"pipeline": ONE, "card": card})
        assert "last failure" not in await it.type("logs orders-2"), "it never failed"
        assert "The lines of its last failure are in the thread of that failure's card." in text


async def test_the_button_works_in_its_own_conversation_only(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        card = await failed_card(it)
        for value in ({"pipeline": ONE, "card": card}, {"card": card}):
            assert "orders-1 — the newest lines of its log" in await it.click(action_ids.LOGS, value)
            assert "belongs to a card in another conversation" in await it.click(action_ids.LOGS, value, channel=QUIET)
        assert it.bot.details.times("logs") == 1, "the answers share one request"


async def test_people_of_another_company_get_no_log(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        text = await it.click(action_ids.LOGS, {"pipeline": ONE}, PARTNER, SHARED, PARTNER_TEAM_ID)
        assert "Only people of this workspace can ask for a log" in text
        assert it.bot.details.asked == []


async def test_in_a_thread_the_command_means_the_pipeline_of_the_card(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        assert "orders-1 — the newest lines of its log" in await thread.asked("logs")
        assert "orders-2 — the newest lines of its log" in await thread.asked("logs orders-2")


async def test_in_the_thread_of_a_group_the_bot_asks_which_one(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis, failures=5) as thread:
        answer = await thread.asked("logs")
        assert "Which one?" in answer
        assert "@bot logs orders-3" in answer
        assert "orders-3 — the newest lines of its log" in (await thread.asked("logs orders-3")).replace(NO_BREAK, " ")


async def test_no_secret_of_a_log_reaches_slack(fake_redis: redis.asyncio.Redis) -> None:
    """From GoldRush's answers to the card, the thread, the status and the log."""
    leaks = [*secret_lines()][::9]
    text = "\n".join(line.text for line in leaks) + "\nFATAL no table for ann.smith@example.com"
    probe = DestinationHealth(healthy=False, last_error="refused: postgres://writer:hunter2@db ann.smith@example.com")
    secrets = ("hunter2", "ann.smith", *(secret for line in leaks for secret in line.secrets))
    chat = FakeChat()
    async with office(fake_redis) as it:
        it.bot.details.log, it.bot.details.probe = (PodLog(pod="ann.smith@example.com", text=text),), probe
        await failed_card(it)
        async with sending(it.bot.store, chat, it.bot.clock):
            await it.bot.clock.pass_time(10)
        contents = [content for _, content, _ in (*chat.posts, *chat.updates)]
        seen = [str(LOOK.content(content, a_delivery(), at(0))) for content in contents]
        seen += [str((await it.reply(command)).message) for command in ("logs orders-1", "status orders-1")]
    assert any("FATAL no table" in message for message in seen)
    assert not [secret for secret in secrets for message in seen if secret in message]


async def test_a_notification_of_the_answer_holds_no_log(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        it.bot.details.log = (PodLog(pod="a", text="FATAL of the log"),)
        assert "of the log" not in await it.type("logs orders-1")
