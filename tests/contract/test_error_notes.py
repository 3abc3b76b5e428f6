"""In the thread of a failure's card, `note "…"` keeps what helped against its error, for the next card with it."""

import asyncio
import re
from dataclasses import replace

import pytest
import redis.asyncio

from bot.domain.diagnosis import Diagnosis, LogOutcome
from bot.domain.diagnosis_plan import plan_diagnosed
from bot.domain.error_note import MOST_ERROR_NOTES, ErrorNote
from bot.domain.log_lines import Excerpt
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import plan_reading
from bot.state.repository import Repository
from tests.builders import ANN, a_setup_change, an_observation, at
from tests.contract.office import ALERTS, BOB, CAROL
from tests.contract.test_thread_commands import Thread, thread_of
from tests.service.test_poller import FAILED, LIVE, ONE, TWO

THREE = PipelineId("pipe_0003")
PRINT, OTHER_PRINT = "0123456789abcdef", "fedcba9876543210"
LINE = "FATAL dial tcp 10.0.0.7:5432: connection refused"
SHOWN = "dial tcp 10.0.0.7:5432: connection refused"
"""As the card shows it: without the level."""


async def diagnosed(thread: Thread, pipeline_id: PipelineId = ONE, fingerprint: str = PRINT) -> None:
    episode = thread.office.bot.repository.record(pipeline_id).episode
    assert episode is not None
    diagnosis = Diagnosis(
        at=thread.office.bot.clock.now(),
        began_at=episode.began_at,
        log=LogOutcome.READ,
        fingerprint=fingerprint,
        excerpt=Excerpt(pod="a", lines=(LINE,), error=LINE),
    )
    write = thread.office.bot.repository.write
    assert await write(pipeline_id, lambda record, routing: plan_diagnosed(record, routing, diagnosis))


async def noted(thread: Thread) -> dict[str, str]:
    return {note.fingerprint: note.text for note in (await thread.office.bot.store.watches()).setup.all(ErrorNote)}


async def shown_on(thread: Thread, pipeline_id: PipelineId) -> str:
    """What the card of the pipeline's episode has as the note on its error."""
    episode = thread.office.bot.repository.record(pipeline_id).episode
    assert episode is not None
    (card,) = (await thread.office.bot.store.cards([*episode.cards])).values()
    note = card.content.guidance.on_error
    return f"{note.made_by_name}: {note.text}" if note else ""


async def test_the_note_is_set_shown_replaced_and_removed(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        await diagnosed(thread)
        assert "This error has no note yet. To keep what helped: `@bot note" in await thread.asked("note")
        answer = await thread.asked('note "Restart the sink first"')
        assert "The card of each failure with this error now shows: “Restart the sink first”" in answer.replace(
            "\n", " "
        )
        assert f"The error: `{SHOWN}`" in answer
        assert "The open failure card is updated." in answer
        assert await noted(thread) == {PRINT: "Restart the sink first"}
        assert await shown_on(thread, ONE) == "ann: Restart the sink first"
        assert "ann noted at" in await thread.asked("note")
        assert "already has this note" in await thread.asked("note Restart the sink first")
        assert "Before: “Restart the sink first”" in await thread.asked("note call the DBA")  # without quotes
        assert await noted(thread) == {PRINT: "call the DBA"}
        removed = await thread.asked("note none")
        assert "The note for this error was removed." in removed
        assert "Before: “call the DBA”" in removed
        assert await noted(thread) == {}
        assert await shown_on(thread, ONE) == ""
        assert "has no note. Nothing was changed." in await thread.asked("note none")


async def test_the_next_card_with_the_error_shows_it_on_any_pipeline(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        await diagnosed(thread)
        await thread.asked("note restart the sink")
        bot = thread.office.bot
        bot.api.statuses[ONE] = LIVE
        await bot.watch(TWO)
        bot.api.statuses[TWO] = FAILED
        await bot.poll(30)
        assert await shown_on(thread, TWO) == ""
        await diagnosed(thread, TWO)
        assert await shown_on(thread, TWO) == "ann: restart the sink"


async def test_a_failure_that_is_over_takes_a_note(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        await diagnosed(thread)
        thread.office.bot.api.statuses[ONE] = LIVE
        await thread.office.bot.poll(30)
        answer = await thread.asked("note it was the sink")
        assert "Noted." in answer
        assert "updated" not in answer
        assert await noted(thread) == {PRINT: "it was the sink"}


async def closed_by_another_bot(thread: Thread) -> None:
    """This bot has not heard of the recovery yet."""
    bot = thread.office.bot
    other = Repository(bot.store, asyncio.Event())
    await other.load()
    live = an_observation(Phase.RUNNING, 1000)
    live = replace(live, observed_at=bot.clock.now())
    assert await other.write(ONE, lambda record, routing: plan_reading(record, live, routing))


@pytest.mark.parametrize(
    "typed", ["note it was the sink", 'note orders-1 "it was the sink"', "runbook https://a.example"]
)
async def test_a_note_claims_no_update_of_a_card_that_another_bot_has_closed(
    fake_redis: redis.asyncio.Redis, typed: str
) -> None:
    async with thread_of(fake_redis) as thread:
        await diagnosed(thread)
        await closed_by_another_bot(thread)
        answer = await thread.asked(typed)
        assert "now show" in answer
        assert "updated" not in answer


async def test_without_an_error_the_bot_offers_the_pipeline_s_note(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        answer = await thread.asked("note restart the sink")
        assert "no error in this thread that I would recognise again. Nothing was changed." in answer
        assert '`@bot note orders-1 "restart the sink"`' in answer
        assert "failure cards now show the note" in await thread.asked('note orders-1 "restart the sink"')
        assert await noted(thread) == {}


async def test_a_named_pipeline_gets_its_own_note(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        await diagnosed(thread)
        assert "orders-2: failure cards now show the note" in await thread.asked('note orders-2 "x y"')
        assert await noted(thread) == {}


async def test_a_group_takes_the_note_for_the_error_of_most(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis, failures=5) as thread:
        for pipeline_id, fingerprint in zip((ONE, TWO, THREE), (PRINT, OTHER_PRINT, PRINT), strict=True):
            await diagnosed(thread, pipeline_id, fingerprint)
        answer = await thread.asked("note restart the sink")
        assert "2 of the 5 failures in this thread have this error." in answer
        assert await noted(thread) == {PRINT: "restart the sink"}
        assert await shown_on(thread, TWO) == ""
        assert "“restart the sink”" in await thread.asked("note")


async def test_a_refused_note_keeps_its_text(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis, failures=5) as thread:
        assert '`@bot note orders-1 "restart the DB"`' in await thread.asked("note restart the DB")
        for pipeline_id, fingerprint in zip((TWO, ONE), (PRINT, OTHER_PRINT), strict=True):
            await diagnosed(thread, pipeline_id, fingerprint)
        answer = await thread.asked("note restart the DB")
        offered = re.findall(r'`@bot note orders-(\d) "restart the DB"`', answer)
        assert offered == sorted(offered)
        assert len(offered) == 5
        assert "own card" not in answer, "the members of a group have none"
        assert '`@bot note orders-1 "…"`' in await thread.asked("note")


@pytest.mark.parametrize("typed", ["note Restart the DB", 'note "Restart the DB"'])
async def test_outside_such_a_thread_the_text_of_a_note_is_kept(fake_redis: redis.asyncio.Redis, typed: str) -> None:
    async with thread_of(fake_redis) as thread:
        other = thread.office.sandbox.slack.say(BOB, ALERTS, "something else")
        for answer in (await thread.talk.mention(typed, thread=other.ts), await thread.talk.mention(typed)):
            assert 'note NAME "Restart the DB"' in answer.text


async def test_the_thread_hears_whose_note_was_replaced(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        await diagnosed(thread)
        await thread.asked("note restart the sink")
        shown = thread.talk.shown(ALERTS, CAROL)
        assert not [message for message in shown if "restart the sink" in message.text]
        await thread.talk.mention("note call the DBA", BOB, thread=thread.root.ts)
        (public,) = [message for message in thread.talk.shown(ALERTS, CAROL) if "call the DBA" in message.text]
        assert "bob replaced the note of ann." in public.text
        assert "Before: “restart the sink”" in public.text
        assert '`@bot note "restart the sink"` here puts the earlier one back.' in public.text
        await thread.talk.mention("note none", thread=thread.root.ts)
        assert "ann removed the note of bob." in thread.talk.shown(ALERTS, CAROL)[-1].text
        assert "<@" not in public.text


@pytest.mark.parametrize(("prints", "errors"), [((PRINT, PRINT), 1), ((PRINT, OTHER_PRINT), 2)])
async def test_a_group_takes_the_note_if_its_error_is_one(
    fake_redis: redis.asyncio.Redis, prints: tuple[str, str], errors: int
) -> None:
    async with thread_of(fake_redis, failures=5) as thread:
        for pipeline_id, fingerprint in zip((ONE, TWO), prints, strict=True):
            await diagnosed(thread, pipeline_id, fingerprint)
        answer = await thread.asked("note restart the sink")
        if errors == 1:
            assert "2 open failure cards are updated." in answer
        else:
            assert "have 2 different errors. Nothing was changed." in answer
            assert "`@bot note orders-1" in answer
        assert len(await noted(thread)) == (1 if errors == 1 else 0)


async def test_a_long_note_changes_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        await diagnosed(thread)
        answer = await thread.asked(f"note {'restart ' * 50}")
        assert "I can't save that note" in answer
        assert "Nothing was changed" in answer
        assert "error:" not in answer
        assert await noted(thread) == {}


async def test_too_many_notes_are_refused(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        await diagnosed(thread)
        rows = [
            ErrorNote(fingerprint=f"{number:016}", line="x", text="x", made_by=ANN, made_at=at(0))
            for number in range(MOST_ERROR_NOTES)
        ]
        bot = thread.office.bot
        await bot.store.change_setup(a_setup_change((await bot.store.watches()).version, *rows))
        await bot.repository.refresh_watches()
        assert "that is the limit. Nothing was changed." in await thread.asked("note one more")


async def test_the_audit_log_has_the_note(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        await diagnosed(thread)
        await thread.asked("note restart the sink")
        entry = (await thread.office.bot.store.audit(count=1)).entries[0]
        assert (entry.subject, entry.label, entry.after) == ("error_note", SHOWN, "restart the sink")
        assert "error note" in await thread.office.type("audit")


async def test_a_key_of_another_conversation_is_refused(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        await diagnosed(thread)
        episode = thread.office.bot.repository.record(ONE).episode
        assert episode is not None
        (key,) = episode.cards
        answer = await thread.talk.write(f'note error:{key} "x"')
        assert "belongs to a card in another conversation. Nothing was changed." in answer.text
        assert await noted(thread) == {}
