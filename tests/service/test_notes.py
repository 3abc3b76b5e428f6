"""Runbooks and notes: people set them for a pipeline or a pattern, and failure cards show them."""

import re

import pytest
import redis.asyncio

from bot.domain.answer import NoteAnswer, NoteChange, NoteUnresolved, RefusalAnswer
from bot.domain.card import Card
from bot.domain.note import MOST_NOTES, Note, NoteKind
from bot.domain.observation import PipelineId
from bot.domain.watch import Target, TargetKind, UserId
from bot.slack.render.render_context import RenderContext
from bot.slack.render.saved_question import SavedQuestion
from tests.builders import ALERTS, ANN, at
from tests.service.test_poller import ANN_DIRECT, FAILED, ONE, Bot, pipelines, running, watch
from tests.unit.rendering import render_answer

RUNBOOK, NOTE = NoteKind.RUNBOOK, NoteKind.NOTE
BOB = UserId("U0BOB")
WIKI = "https://wiki.example.com/orders"
CONTEXT = RenderContext(platform_url="https://goldrush.dev/platform/", command="/pipeline")


async def change(bot: Bot, kind: NoteKind, reference: str, text: str) -> NoteAnswer:
    answer = await bot.requests.notes.change(ALERTS, kind, reference, text, by=ANN, by_name="Ann Araya")
    assert isinstance(answer, NoteAnswer)
    return answer


def text_of(answer: NoteAnswer | NoteUnresolved) -> str:
    return render_answer(answer, SavedQuestion(), CONTEXT).text


async def open_cards(bot: Bot) -> list[Card]:
    episode = bot.repository.record(ONE).episode
    assert episode is not None
    return [card.content for card in (await bot.store.cards(list(episode.cards))).values()]


async def shown(bot: Bot, kind: NoteKind = RUNBOOK) -> set[str]:
    return {note.text for card in await open_cards(bot) if (note := card.guidance.of_kind(kind))}


async def test_a_failure_card_and_the_page_show_what_to_do(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await change(bot, RUNBOOK, "orders-1", WIKI)
        await change(bot, NOTE, "orders-*", "Restart the sink first")
        bot.api.statuses[ONE] = FAILED
        await watch(bot, "orders-1", targets=(Target(kind=TargetKind.USER, id=ANN, direct=ANN_DIRECT),))
        assert {card.channel for card in await open_cards(bot)} == {ALERTS, ANN_DIRECT}
        assert all(card.guidance.of_kind(RUNBOOK) for card in await open_cards(bot))
        assert await shown(bot) == {WIKI}
        assert await shown(bot, NOTE) == {"Restart the sink first"}


async def test_a_note_set_during_a_failure_appears_on_the_open_card(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        bot.api.statuses[ONE] = FAILED
        await watch(bot, "orders-*")
        assert await shown(bot) == set()
        before = bot.repository.record(ONE).episode
        answer = await change(bot, RUNBOOK, "orders-*", WIKI)
        after = bot.repository.record(ONE).episode
        assert before is not None
        assert after is not None
        assert after.revision > before.revision
        assert await shown(bot) == {WIKI}
        assert "The open failure card is updated." in text_of(answer)
        await change(bot, RUNBOOK, "orders-*", "")
        assert await shown(bot) == set()


async def test_the_most_specific_note_counts(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(12)) as bot:
        for reference in ("*", "project:shop", "orders-*", "orders-1*", "orders-1"):
            await change(bot, RUNBOOK, reference, f"https://w.example/{len(reference)}{reference[0]}")
        pipeline = bot.repository.pipeline
        found = [bot.repository.guidance(pipeline(PipelineId(f"pipe_{number:04}"))).runbook for number in (1, 10, 2)]
        assert [note.reference for note in found if note] == [ONE, "orders-1*", "orders-*"]
        removed = await change(bot, RUNBOOK, "orders-1", "")
        assert "The runbook of `orders-1*` applies now" in text_of(removed)
        shown_now = await bot.requests.notes.show(ALERTS, RUNBOOK, "orders-1")
        assert isinstance(shown_now, NoteAnswer)
        assert "Set for `orders-1*` by Ann Araya" in text_of(shown_now)


async def test_a_note_is_shown_kept_removed_and_survives_a_restart(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        none = text_of(await bot.requests.notes.show(ALERTS, RUNBOOK, "ORDERS-1"))
        assert none == "orders-1 has no runbook.\n`/pipeline runbook orders-1 https://…` sets one."
        assert (await change(bot, RUNBOOK, "orders-1", "")).change is NoteChange.ABSENT
        assert (await change(bot, RUNBOOK, "orders-1", WIKI)).change is NoteChange.SET
        assert (await change(bot, RUNBOOK, "orders-1", WIKI)).change is NoteChange.UNCHANGED
        changed = await change(bot, RUNBOOK, "orders-1", f"{WIKI}-2")
        assert "Before: <https://wiki.example.com/orders|wiki.example.com/orders>" in text_of(changed)
    async with running(fake_redis, *pipelines(1)) as bot:
        answer = await bot.requests.notes.show(ALERTS, RUNBOOK, "orders-1")
        assert f"<{WIKI}-2|wiki.example.com/orders-2>" in text_of(answer)
        assert re.search(r"Set by Ann Araya at <!date\^\d+\^\{time\} ", text_of(answer))  # Slack makes it "14:05 today"
        assert (await change(bot, RUNBOOK, "orders-1", "")).change is NoteChange.REMOVED
        assert (await bot.store.watches()).notes == ()


@pytest.mark.parametrize(
    ("kind", "old", "shown_old", "typed"),
    [
        (NOTE, "Restart the sink", "“Restart the sink”", '"Restart the sink"'),
        (RUNBOOK, WIKI, f"<{WIKI}|wiki.example.com/orders>", WIKI),
    ],
)
async def test_the_answer_names_whose_note_was_replaced_and_how_to_put_it_back(
    fake_redis: redis.asyncio.Redis, kind: NoteKind, old: str, shown_old: str, typed: str
) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await change(bot, kind, "orders-1", old)

        async def changed_by_bob(text: str) -> str:
            answer = await bot.requests.notes.change(ALERTS, kind, "orders-1", text, by=BOB, by_name="Bob")
            assert isinstance(answer, NoteAnswer)
            return text_of(answer)

        replaced = await changed_by_bob("https://other.example")
        assert f"You replaced the {kind} of Ann Araya: {shown_old}" in replaced
        assert f"`/pipeline {kind} orders-1 {typed}` puts the earlier one back." in replaced
        assert f"Before: {shown_old}" not in await changed_by_bob("https://third.example")
        await change(bot, kind, "orders-1", old)
        removed = await changed_by_bob("")
        assert f"You removed the {kind} of Ann Araya: {shown_old}" in removed
        assert f"{typed}` puts the earlier one back." in removed


async def test_another_bot_draws_the_new_note(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-1")
        await bot.store.set_note(Note(kind=RUNBOOK, reference=ONE, text=WIKI, by=ANN, at=at(0)))  # by another process
        bot.api.statuses[ONE] = FAILED
        await bot.poll(30)
        assert await shown(bot) == {WIKI}


async def test_an_unknown_name_changes_nothing_and_keeps_the_typed_text(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(12)) as bot:
        unknown = await bot.requests.notes.change(ALERTS, RUNBOOK, "ordrs-3", WIKI, by=ANN, by_name="")
        assert isinstance(unknown, NoteUnresolved)
        assert "I couldn't find a pipeline called ordrs-3. Nothing was changed." in text_of(unknown)
        assert f"`/pipeline runbook orders-3 {WIKI}`" in text_of(unknown)
        many = await bot.requests.notes.change(ALERTS, NOTE, "orders", "Look twice", by=ANN, by_name="")
        assert isinstance(many, NoteUnresolved)
        assert "could mean 12 pipelines. Nothing was changed." in text_of(many)
        assert '`/pipeline note pipe_0001 "Look twice"`' in text_of(many)
        assert bot.repository.watches.notes == ()


async def test_a_pattern_names_its_pipelines(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(12)) as bot:
        await bot.catalogue.refresh()
        text = text_of(await change(bot, RUNBOOK, "orders-*", WIKI))
        assert "It applies to 12 pipelines now: orders-1, " in text
        assert " and 2 more." in text
        assert "No pipeline matches yet." in text_of(await change(bot, RUNBOOK, "nosuch-*", WIKI))


async def test_the_number_of_notes_is_limited(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        for number in range(MOST_NOTES):
            await bot.store.set_note(Note(kind=NOTE, reference=f"p{number}-*", text="x", by=ANN, at=at(0)))
        await bot.repository.refresh_watches()
        full = await bot.requests.notes.change(ALERTS, NOTE, "orders-1", "one more", by=ANN, by_name="")
        assert isinstance(full, RefusalAnswer)
        assert "Nothing was changed." in full.reason
        assert (await change(bot, NOTE, "p0-*", "changed")).change is NoteChange.SET


async def test_the_status_of_one_pipeline_shows_its_note(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await change(bot, RUNBOOK, "orders-*", WIKI)
        one = render_answer(await bot.requests.queries.status(ALERTS, ["orders-1"]), SavedQuestion(), CONTEXT).text
        assert "Runbook: <https://wiki.example.com/orders|wiki.example.com/orders>" in one
