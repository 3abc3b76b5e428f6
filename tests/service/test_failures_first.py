"""Lists show failures first, and a state word such as `failed` selects the pipelines in that state."""

import redis.asyncio

from bot.domain.answer import ListAnswer, StatusAnswer
from bot.domain.attention import StateFilter
from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.ports.pipeline_api import Status
from bot.slack.render.pagination import PAGE_SIZE
from bot.slack.render.render_context import RenderContext
from bot.slack.render.saved_question import SavedQuestion
from tests.builders import ALERTS, a_pipeline
from tests.service.test_poller import pipelines, running, watch
from tests.unit.rendering import render_answer

CONTEXT = RenderContext(platform_url="https://goldrush.dev/platform/", command="/pipeline")
FAILED = Status(phase=Phase.FAILED, replicas=1, ready=0)
DEGRADED = Status(phase=Phase.RUNNING, replicas=3, ready=1)
PAUSED = Status(phase=Phase.PAUSED)


def numbered(number: int) -> PipelineId:
    return PipelineId(f"pipe_{number:04}")


def names(answer: StatusAnswer | ListAnswer) -> list[str]:
    return [view.pipeline.name for view in answer.views]


def lines(answer: StatusAnswer | ListAnswer, page: int = 1) -> list[str]:
    return render_answer(answer, SavedQuestion(page=page), CONTEXT).text.split("\n")


async def test_failures_come_first_and_the_heading_counts_them(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(31)) as bot:
        bot.api.statuses |= {numbered(30): FAILED, numbered(25): DEGRADED}
        await watch(bot, "*")
        answer = await bot.requests.queries.status(ALERTS, ())
        head, first, second, *_ = lines(answer)
        assert head == "2 of 31 need attention: 1 failed, 1 degraded · watched here · page 1 of 2"
        assert first.startswith("orders-30 — FAILED")
        assert second.startswith("orders-25 — RUNNING, degraded")
        assert not any("FAILED" in line or "degraded" in line for line in lines(answer, page=2)[1:])


async def test_a_list_of_hundreds_shows_watched_failures_without_reading_all(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(300)) as bot:
        bot.api.statuses[numbered(299)] = FAILED
        await watch(bot, "orders-299")
        before = len(bot.api.reads)
        listed = await bot.requests.queries.browse(ALERTS, "", 0, PAGE_SIZE)
        failed = await bot.requests.queries.browse(ALERTS, "", 0, PAGE_SIZE, {StateFilter.FAILED})
        assert len(bot.api.reads) - before <= 2 * PAGE_SIZE
        assert lines(listed)[0] == "1 of 300 needs attention: 1 failed · 280 not read yet · page 1 of 15"
        assert lines(listed)[1].startswith("orders-299 — FAILED")
        assert names(failed) == ["orders-299"]
        assert lines(failed)[0] == "1 of 300 pipelines is FAILED · 261 not read yet"


async def test_a_state_word_finds_a_failure_that_nobody_has_read(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(9)) as bot:
        bot.api.statuses[numbered(3)] = FAILED
        failed = await bot.requests.queries.browse(ALERTS, "", 0, PAGE_SIZE, {StateFilter.FAILED})
        since = "<!date^1795435200^{time} {date_short_pretty}|2026-11-23 12:00:00 UTC> or earlier"
        assert lines(failed)[:2] == [
            "1 of 9 pipelines is FAILED",
            f"orders-3 — FAILED · 0 of 1 ready · since {since} · read just now · shop",
        ]


async def test_each_question_for_a_state_reads_another_page(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2 * PAGE_SIZE)) as bot:
        bot.api.statuses[numbered(2 * PAGE_SIZE)] = FAILED

        async def ask() -> str:
            return lines(await bot.requests.queries.browse(ALERTS, "", 0, PAGE_SIZE, {StateFilter.FAILED}))[0]

        assert (
            await ask() == "I haven't read 20 of 40 pipelines yet. None of the others is FAILED. Ask again in a moment"
        )
        assert await ask() == "1 of 40 pipelines is FAILED"


async def test_a_pipeline_read_as_failed_moves_to_the_top(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(9)) as bot:
        bot.api.statuses[numbered(3)] = FAILED
        answer = await bot.requests.queries.browse(ALERTS, "", 0, 9)
        assert names(answer)[0] == "orders-3"


async def test_a_state_word_filters_the_watched_pipelines(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(5)) as bot:
        bot.api.statuses |= {numbered(2): FAILED, numbered(4): PAUSED}
        await watch(bot, "*")
        ask = bot.requests.queries.status
        assert names(await ask(ALERTS, ["failed"], {StateFilter.FAILED})) == ["orders-2"]
        assert names(await ask(ALERTS, ["PAUSED", "failed"], {StateFilter.PAUSED, StateFilter.FAILED})) == [
            "orders-2",
            "orders-4",
        ]
        assert names(await ask(ALERTS, ["live"], {StateFilter.LIVE})) == ["orders-1", "orders-3", "orders-5"]
        assert names(await ask(ALERTS, ["failed", "orders-2", "orders-3"], {StateFilter.FAILED})) == ["orders-2"]
        none = await ask(ALERTS, ["degraded"], {StateFilter.DEGRADED})
        assert lines(none) == ["No pipeline is degraded · 5 watched here"]


async def test_a_pipeline_with_that_exact_name_wins_over_the_state(fake_redis: redis.asyncio.Redis) -> None:
    named: Pipeline = a_pipeline("Failed", pipeline_id=PipelineId("pipe_9999"))
    async with running(fake_redis, named, *pipelines(2)) as bot:
        bot.api.statuses[numbered(1)] = FAILED
        await watch(bot, "*")
        await bot.catalogue.refresh()
        answer = await bot.requests.queries.status(ALERTS, ["failed"], {StateFilter.FAILED})
        assert names(answer) == ["Failed"]
        assert not answer.states


async def test_a_list_combines_a_state_with_words_of_a_name(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(12)) as bot:
        bot.api.statuses |= {numbered(1): FAILED, numbered(11): FAILED, numbered(3): FAILED}
        await watch(bot, "*")
        answer = await bot.requests.queries.browse(ALERTS, "orders-1", 0, PAGE_SIZE, {StateFilter.FAILED})
        assert names(answer) == ["orders-1", "orders-11"]
        assert lines(answer)[0] == "2 of 4 pipelines are FAILED · with “orders-1”"
