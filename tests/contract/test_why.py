"""`why`: who was notified of each change and who was not. A person sees only the names of channels they may see."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import redis.asyncio

from bot.domain.diagnosis import Diagnosis, LogOutcome
from bot.domain.diagnosis_plan import plan_diagnosed
from bot.domain.log_lines import Excerpt
from bot.domain.phase import Phase
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, Target, UserId
from bot.ports.pipeline_api import Status
from bot.slack.mrkdwn import NO_BREAK, date
from bot.slack.render import action_ids
from tests.builders import a_message, a_person, a_watch
from tests.contract.office import ALERTS, ANN, BOB, CAROL, OPS, QUIET, Office, office
from tests.fakes import FakeChat
from tests.service.test_dispatcher import sending
from tests.service.test_page_timers import timers_of
from tests.service.test_poller import FAILED, ONE

LIVE = Status(phase=Phase.RUNNING, replicas=1, ready=1)


def plain(text: str) -> str:
    return text.replace(NO_BREAK, " ")


@asynccontextmanager
async def failing(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Office]:
    """`orders-1` failed. #data-alerts and the private channel hear about it, #quiet wants pauses only."""
    async with office(fake_redis) as it:
        it.sandbox.slack.invite_bot(OPS)
        for channel in (ALERTS, OPS):
            await it.bot.watch(ONE, channel=channel)
        pauses = a_watch(ONE, channel=QUIET, events=frozenset({Event.PAUSED}))
        await it.bot.store.add_watches([pauses], a_message("watching", channel=QUIET))
        await it.bot.repository.refresh_watches()
        await it.bot.poll(20)
        it.bot.api.statuses[ONE] = FAILED
        await it.bot.poll(20)
        yield it


async def deliver(it: Office, chat: FakeChat | None = None) -> None:
    async with sending(it.bot.store, chat or FakeChat(), it.bot.clock):
        await it.bot.clock.pass_time(10)


async def test_it_says_when_each_visible_channel_had_the_card_and_why_another_has_none(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with failing(fake_redis) as it:
        await deliver(it)
        answer = plain(await it.type("why orders-1"))
        assert "orders-1 — who was notified, latest change first" in answer
        assert "failed · read" in answer
        assert "✓ this channel · card, after 20 s" in answer
        assert f"✗ <#{QUIET}> · its watches leave this out" in answer


async def test_a_channel_that_the_person_can_t_see_has_no_name(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis) as it:
        await deliver(it)
        insider, outsider = plain(await it.type("why orders-1", ANN)), plain(await it.type("why orders-1", CAROL))
        assert f"✓ <#{OPS}> · card" in insider
        assert OPS not in outsider
        assert "✓ another channel · notified" in outsider
        assert "“Another channel” is one that you can't see." in outsider


async def test_a_message_that_no_channel_confirmed_is_no_receipt(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis) as it:
        answer = plain(await it.type("why orders-1"))
        assert "… this channel · not confirmed yet" in answer
        assert "✓" not in answer


async def test_an_acknowledgement_names_the_person(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis) as it:
        await deliver(it)
        episode = it.bot.repository.record(ONE).episode
        assert episode
        card = episode.card_in(ALERTS)
        assert card
        await it.bot.requests.acknowledgements.acknowledge(ALERTS, ONE, card, BOB, name="Bob", place="#data-alerts")
        await deliver(it)
        answer = plain(await it.type("why orders-1"))
        assert answer.index("Acknowledged by Bob") < answer.index("failed · read")
        assert "✓ this channel · thread" in answer


async def test_a_line_in_the_channel_is_no_entry_of_a_thread_alone(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis) as it:
        await deliver(it)
        it.bot.api.statuses[ONE] = LIVE
        await it.bot.poll(20)
        await deliver(it)
        assert "✓ this channel · line at " in plain(await it.type("why orders-1"))


async def test_long_pasts_have_pages_that_only_the_person_sees(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis) as it:
        for number in range(10):
            it.bot.api.statuses[ONE] = FAILED if number % 2 else LIVE
            await it.bot.poll(20)
        first = plain(await it.type("why orders-1"))
        second = plain(await it.click(action_ids.NEXT, {"asked": "why orders-1", "page": 2}))
        assert "page 1 of" in first
        assert "page 2 of" in second
        assert first != second
        shared = await it.click(action_ids.SHARE, {"asked": "why orders-1"}, ANN)
        assert "page 1 of" in plain(shared)


async def test_an_unwatched_pipeline_has_no_past(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        assert "nobody watches it" in await it.type("why orders-1")
        assert "couldn't find a pipeline called" in await it.type("why nonsense")


async def test_it_takes_exactly_one_pipeline(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        assert "Which pipeline?" in await it.type("why")
        assert "one pipeline at a time" in await it.type("why orders-1 orders-2")
        assert "not a pattern" in await it.type("why orders-*")
        assert "isn't a pipeline" in await it.type("why orders-1 @bob")


async def test_a_card_that_only_counts_flapping_is_not_waited_for(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await page_ann(it)
        chat = FakeChat()
        for number in range(12):
            it.bot.api.statuses[ONE] = LIVE if number % 2 else FAILED
            await it.bot.poll(20)
            await deliver(it, chat)
        await it.bot.clock.pass_time(120)
        answer = plain(await it.type("why orders-1"))
        assert "not confirmed yet" not in answer
        recovered = answer.split("recovered · read")[1].split("failed · read")[0]
        assert "✗ this channel · flapping: only its card counts this (6 times so far)" in recovered
        assert "✗ your direct messages · flapping: only its card counts this (6 times so far)" in recovered


async def test_a_call_that_an_answer_made_needless_was_not_sent(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await page_ann(it)
        it.bot.api.statuses[ONE] = FAILED
        await it.bot.poll(20)
        await deliver(it)
        await it.bot.clock.pass_time(600)
        await timers_of(it.bot).serve()
        assert "not confirmed yet" in plain(await it.type("why orders-1"))
        await it.bot.clock.pass_time(1)
        await it.type("ack orders-1")
        await deliver(it)
        await it.bot.clock.pass_time(120)
        answer = plain(await it.type("why orders-1"))
        assert "✗ this channel · nothing sent: by then it was answered, over, or in a later message" in answer
        assert "not confirmed yet" not in answer


async def test_a_mute_s_end_is_in_the_reader_s_own_time(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await it.bot.watch(ONE)
        await it.bot.poll(20)
        await it.type("mute orders-1 for 2h because <deploy> 2026-99-99 10:00 UTC")
        it.bot.api.statuses[ONE] = FAILED
        await it.bot.poll(20)
        answer = plain(await it.type("why orders-1"))
        until = "until <!date^1795442400^{time} {date_short_pretty}|2026-11-23 14:00:00 UTC>"
        assert f"✗ this channel · muted by ann, {until} because &lt;deploy&gt; 2026-99-99 10:00 UTC" in answer


async def test_people_that_no_watch_names_find_their_own_direct_messages(fake_redis: redis.asyncio.Redis) -> None:
    """As after a page by a policy or a schedule."""
    async with office(fake_redis) as it:
        people = [await person_of(it, user) for user in (ANN, BOB)]
        await name_in_watch(it, *people)
        await it.bot.poll(20)
        it.bot.api.statuses[ONE] = FAILED
        await it.bot.poll(20)
        await name_in_watch(it)
        await deliver(it)
        answer = plain(await it.type("why orders-1"))
        assert "✓ your direct messages · card" in answer
        assert "✓ another person · notified" in answer
        assert "Another channel" not in answer  # the answer shows no such row
        outsider = plain(await it.type("why orders-1", user=CAROL, channel=QUIET))
        assert "✓ 2 other people · notified" in outsider
        assert "your direct messages" not in outsider


async def person_of(it: Office, user: UserId) -> Target:
    direct = await it.directory.direct(user)
    assert direct
    return a_person(user, direct=direct)


async def name_in_watch(it: Office, *people: Target) -> None:
    """The watch of #data-alerts names these people and nobody else."""
    await it.bot.store.add_watches([a_watch(ONE, channel=ALERTS, targets=people)], a_message("watching"))
    await it.bot.repository.refresh_watches()


async def page_ann(it: Office) -> None:
    ann = a_person(ANN, direct=ChannelId("D0ANN"), label="Ann")
    await it.bot.store.add_watches([a_watch(ONE, channel=ALERTS, targets=(ann,))], a_message("watching"))
    await it.bot.repository.refresh_watches()
    await it.bot.poll(20)


async def diagnose(it: Office, cause: str = "schema") -> Diagnosis:
    episode = it.bot.repository.record(ONE).episode
    assert episode
    excerpt = Excerpt(pod="a", lines=("FATAL <!here> x",), error="FATAL <!here> x")
    at = it.bot.clock.now() + timedelta(microseconds=1234)  # the receipts keep milliseconds
    found = Diagnosis(at=at, began_at=episode.began_at, log=LogOutcome.READ, cause=cause, excerpt=excerpt)
    await it.bot.repository.write(ONE, lambda record, routing: plan_diagnosed(record, routing, found))
    return found


async def test_it_names_the_time_at_which_the_log_was_read(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis) as it:
        await deliver(it)
        found = await diagnose(it)
        await deliver(it)
        answer = plain(await it.type("why orders-1"))
        line = next(line for line in answer.split("\n") if "looked for the cause" in line)
        assert date(found.at, "{time_secs} {date_short_pretty}") in line
        assert line.endswith("· the destination's table does not fit the pipeline's columns")
        assert ":bell:" not in str(answer)
        assert answer.index("looked for the cause") < answer.index("failed · read")
        it.bot.api.statuses[ONE] = LIVE
        await it.bot.poll(20)
        assert "looked for the cause" in plain(await it.type("why orders-1"))


async def test_each_read_of_a_log_keeps_the_cause_that_it_named(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis) as it:
        await deliver(it)
        await diagnose(it)
        await deliver(it)
        for status in (LIVE, FAILED):
            it.bot.api.statuses[ONE] = status
            await it.bot.poll(20)
        await deliver(it)
        await diagnose(it, "unreachable")
        await deliver(it)
        answer = plain(await it.type("why orders-1"))
        lines = [line for line in answer.split("\n") if "looked for the cause" in line]
        assert [line.rsplit(" · ", 1)[1] for line in lines] == [
            "the destination cannot be reached",
            "the destination's table does not fit the pipeline's columns",
        ]


async def test_the_status_of_a_failed_pipeline_says_why(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis) as it:
        assert "Cause" not in await it.type("status orders-1")
        await diagnose(it)
        answer = plain(await it.type("status orders-1"))
        assert "Cause: the destination's table does not fit the pipeline's columns · needs you" in answer
        assert "Compare the table with the transform's columns" in answer
        assert "FATAL" not in answer
        it.bot.api.statuses[ONE] = LIVE
        await it.bot.poll(20)
        assert "Cause" not in await it.type("status orders-1")
