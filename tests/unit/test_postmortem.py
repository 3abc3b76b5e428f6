"""The draft of a postmortem: what it holds, what it asks, and that Slack takes it however long the story was."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.domain.card import Card, Group
from bot.domain.configuration import ConfigurationChange, ConfigurationRow, Part, PartChange
from bot.domain.episode import ENTRIES_KEPT, Acknowledgement, Episode, EpisodeKind, EpisodeOutcome, TimelineEntry
from bot.domain.error_note import ErrorNote
from bot.domain.escalation import Page, Policy
from bot.domain.note import NO_GUIDANCE, Guidance, Note, NoteKind
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.postmortem import (
    GroupMember,
    OpenQuestion,
    Postmortem,
    calls_of,
    first_failures,
    group_postmortem_of,
    is_due,
    is_group_due,
    open_questions,
    postmortem_of,
)
from bot.domain.receipt import Addressed, MessageForm, Receipt, ReceiptRow
from bot.domain.seen_before import SeenBefore
from bot.domain.transition import Event
from bot.domain.watch import Target, TargetKind
from bot.slack.mrkdwn import date, time_of_day
from bot.slack.render.postmortem_canvas import canvas_markdown, canvas_title
from bot.store.codec import decode_delivery, encode_message
from tests.builders import ALERTS, ANN, ORDERS, TEAM, a_card, a_message, a_person, a_pipeline, an_episode, at
from tests.unit.rendering import says, shown, valid
from tests.unit.test_diagnosis_words import a_diagnosis

PRINT = "0123456789abcdef"
MINUTE = 60.0
CHANGE = ConfigurationChange(
    after=at(-900), at=at(1 - 4 * MINUTE), exact=True, parts=(PartChange(part=Part.TRANSFORM, table="trades"),)
)
FIX = replace(CHANGE, at=at(1 + 20 * MINUTE))
NOTED = ErrorNote(fingerprint=PRINT, line="x", text="Restart the sink", made_by=ANN, made_by_name="Ann", made_at=at(0))


def ended(**changes: Any) -> Episode:
    first = an_episode()
    answered = TimelineEntry(
        revision=2, at=at(1 + 3 * MINUTE), events=(Event.ACKNOWLEDGED,), by=ANN, name="Ann", remark="looking"
    )
    over = TimelineEntry(
        revision=3,
        at=at(1 + 25 * MINUTE),
        events=(Event.RECOVERED,),
        phase=Phase.RUNNING,
        ready=1,
        replicas=1,
        downtime_seconds=25 * MINUTE,
    )
    acknowledged = Acknowledgement(by=ANN, at=at(1 + 3 * MINUTE), name="Ann")
    paged = Page(key="p", policy=Policy(name="data", steps=()), next_at=None, notified=(a_person("U0BOB"),))
    known = replace(
        first,
        timeline=(*first.timeline, answered, over),
        acknowledged=acknowledged,
        closed_at=at(1 + 25 * MINUTE),
        outcome=EpisodeOutcome.RECOVERED,
        diagnosis=a_diagnosis(fingerprint=PRINT),
        pages=(paged,),
        revision=3,
    )
    return replace(known, **changes)


def a_postmortem(
    episode: Episode | None = None, *, changes: tuple[ConfigurationChange, ...] = (), guidance: Guidance = NO_GUIDANCE
) -> Postmortem:
    row = ConfigurationRow(looked_at=at(0), hashes={}, changes=changes)
    return postmortem_of(a_card(episode or ended()), row, guidance, "Carol")


def text_of(postmortem: Postmortem) -> str:
    return "\n".join(says(valid(shown(postmortem))))


def test_it_holds_what_when_who_how_long_cause_changes_and_notes() -> None:
    note = Note(kind=NoteKind.NOTE, reference="x", text="Call the DBA", by=ANN, at=at(0))
    text = text_of(a_postmortem(changes=(CHANGE, FIX), guidance=Guidance(note=note, on_error=NOTED)))
    for words in (
        ":memo: *Postmortem draft: orders-eu*",
        "It failed and *recovered* after 25 min",
        "Cause: ",
        "`pq: column &lt;amount&gt; &amp; co does not exist`",
        "• Paged: @bob",
        "• First answer after 3 min",
        "Ann",
        "• Transform `trades` edited 4 min before the failure",
        "• Transform `trades` edited 20 min after the failure",
        "“Call the DBA”",
        "Ann noted at",
        "“Restart the sink”",
        "looking",
        "Carol asked for this draft.",
    ):
        assert words in text
    assert "<@" not in text
    assert "<!here" not in text


def test_a_failure_that_came_back_names_each_duration() -> None:
    """The last failure's own duration stands beside a longer time, so the draft says which is which."""
    first = an_episode()
    over = TimelineEntry(revision=3, at=at(118), events=(Event.RECOVERED,), phase=Phase.RUNNING, downtime_seconds=15)
    episode = ended(
        opened_at=at(1), latest_began_at=at(103), closed_at=at(118), times=2, timeline=(*first.timeline, over)
    )
    text = text_of(a_postmortem(episode))
    assert "It failed twice within 1 min 57 s, the last time for 15 s, and *recovered* ·" in text
    assert "failed and" not in text


def test_unknown_facts_are_named_as_such() -> None:
    text = text_of(a_postmortem(ended(diagnosis=None, pages=(), acknowledged=None, timeline=an_episode().timeline)))
    assert "Cause: unknown" in text
    assert "• Paged: nobody" in text
    assert "• Nobody acknowledged it" in text
    assert "I couldn't read and compare the configuration right after the failure" in text


@pytest.mark.parametrize(
    ("compared_since", "words"),
    [
        (None, "so an edit just before it may be missing"),
        (at(-2 * 86400), "Nothing in the pipeline's configuration in the 24 h before, as far as GoldRush shows it"),
        (at(-3600), f"Nothing in the pipeline's configuration between {date(at(-3600))} and the failure, as far as"),
    ],
)
def test_nothing_changed_only_if_it_was_compared(compared_since: datetime | None, words: str) -> None:
    diagnosis = a_diagnosis(compared_since=compared_since)
    assert words in text_of(a_postmortem(ended(diagnosis=diagnosis)))
    assert ("may be missing" in text_of(a_postmortem(ended(diagnosis=diagnosis), changes=(CHANGE,)))) is (
        compared_since is None
    )
    member = GroupMember(name="a", opened_at=at(1), closed_at=None, outcome=None)
    group = replace(a_postmortem(), members=(member,))
    assert "all their configurations" in text_of(group)
    came_back = ended(diagnosis=diagnosis, times=2, latest_began_at=at(600))
    assert "may be missing" in text_of(a_postmortem(came_back)), "nobody compared before the second failure"


def test_the_timeline_says_when_the_cause_was_found() -> None:
    first, *later = ended().timeline
    found = TimelineEntry(revision=2, at=at(9), events=(Event.DIAGNOSED,), reason="the destination lacks a table")
    text = text_of(a_postmortem(ended(timeline=(first, found, *later))))
    assert f"{time_of_day(at(9))} :mag: I found the cause: the destination lacks a table" in text
    assert ":mag:" not in text_of(a_postmortem(ended(timeline=(first, replace(found, reason=""), *later))))


PAGER = Target(kind=TargetKind.PAGER, id="night", label="night")
PAGED = Page(key="p", policy=Policy(name="data", steps=()), next_at=None, notified=(a_person("U0BOB"), PAGER))


def a_receipt(seconds: float, *names: str, **changes: Any) -> Receipt:
    known = Receipt(
        pipeline_id=ORDERS,
        conversation=ALERTS,
        form=MessageForm.CARD,
        since=at(seconds),
        until=at(seconds),
        at=at(seconds),
        seconds=0.2,
        attempts=1,
        paged=names,
    )
    return replace(known, **changes)


NIGHT: dict[str, Any] = {"form": MessageForm.PAGER, "conversation": "pagerduty:night"}


@pytest.mark.parametrize(
    ("receipts", "calls"),
    [
        ([], []),
        ([a_receipt(4, "bob")], [(4, "bob")]),
        ([a_receipt(4, "bob"), a_receipt(6, "bob", form=MessageForm.PAGE, conversation="D0BOB")], [(4, "bob")]),
        ([a_receipt(304, "bob"), a_receipt(4, "bob")], [(4, "bob"), (304, "bob")]),
        ([a_receipt(4, "bob"), a_receipt(5, **NIGHT), a_receipt(400, **NIGHT)], [(4, "bob night")]),
        ([a_receipt(4), a_receipt(70, "bob")], [(70, "bob")]),
        ([a_receipt(4, "bob", refused="channel_not_found")], []),
        ([a_receipt(4, "stranger")], []),
        ([a_receipt(0, "bob"), a_receipt(1 + 26 * MINUTE, "bob")], []),
        ([Addressed(at=at(4), conversations=(ALERTS,))], []),
    ],
)
def test_the_receipts_give_the_times_of_the_calls(
    receipts: Sequence[ReceiptRow], calls: Sequence[tuple[float, str]]
) -> None:
    found = calls_of(ended(pages=(PAGED,)), receipts)
    assert [((call.at - at(0)).total_seconds(), " ".join(it.label for it in call.targets)) for call in found] == calls


def test_the_draft_says_when_people_were_called() -> None:
    receipts = [a_receipt(4, "bob"), a_receipt(5, **NIGHT), a_receipt(304, "bob")]
    draft = postmortem_of(a_card(ended(pages=(PAGED,))), None, NO_GUIDANCE, "", receipts)
    text = text_of(draft)
    assert f"• Paged at {time_of_day(at(4))}: @bob pager:night" in text
    assert f"{time_of_day(at(4))} :bell: Paged @bob pager:night" in text
    words = text.partition("Timeline")[2]
    assert words.index("Paged @bob") < words.index("looking") < words.rindex("Paged @bob")
    row = encode_message(a_message(body=draft, channel=ALERTS))
    assert decode_delivery(row.encode(), TEAM).body == draft
    assert "Paged at 2026-11-23 12:00:04 UTC: @bob" in canvas_markdown(draft, ALERTS)


def test_a_notification_repeats_no_log() -> None:
    assert "amount" not in shown(a_postmortem()).text


def test_the_longest_story_fits_into_one_message() -> None:
    entry = TimelineEntry(revision=1, at=at(5), events=(Event.UNREACHABLE,), reason="x" * 500)
    note = replace(NOTED, text="<!here> " * 37)
    parts = tuple(PartChange(part=Part.TRANSFORM, table="t" * 80 + str(number)) for number in range(20))
    episode = ended(timeline=(entry,) * ENTRIES_KEPT)
    changes = (replace(CHANGE, parts=parts),) * 10
    message = valid(shown(a_postmortem(episode, changes=changes, guidance=Guidance(on_error=note))))
    assert "more in this thread …" in str(message.blocks)
    assert "Open questions" in str(message.blocks)


SEEN = SeenBefore(pipeline_id=ORDERS, at=at(-86400))
ALWAYS = {OpenQuestion.PREVENTION}
Q = OpenQuestion


@pytest.mark.parametrize(
    ("postmortem", "questions"),
    [
        (a_postmortem(guidance=Guidance(on_error=NOTED)), set()),
        (a_postmortem(), {Q.WHAT_HELPED}),
        (a_postmortem(ended(diagnosis=None)), {Q.CAUSE}),
        (a_postmortem(ended(diagnosis=a_diagnosis(cause="unknown"))), {Q.CAUSE}),
        (a_postmortem(changes=(CHANGE,)), {Q.CHANGE, Q.WHAT_HELPED}),
        (a_postmortem(changes=(FIX,)), {Q.WHAT_HELPED}),
        (a_postmortem(ended(diagnosis=a_diagnosis(seen=SEEN))), {Q.REPEATED}),
        (a_postmortem(ended(times=3)), {Q.REPEATED, Q.WHAT_HELPED}),
        (a_postmortem(ended(timeline=an_episode().timeline)), {Q.NOBODY, Q.WHAT_HELPED}),
        (a_postmortem(ended(timeline=an_episode().timeline, pages=())), {Q.WHAT_HELPED}),
        (a_postmortem(ended(opened_at=at(1 - 20 * MINUTE))), {Q.SLOW_ANSWER, Q.WHAT_HELPED}),
    ],
)
def test_it_asks_what_only_people_know(postmortem: Postmortem, questions: set[OpenQuestion]) -> None:
    assert set(open_questions(postmortem)) == questions | ALWAYS
    assert text_of(postmortem).count("?") >= len(questions)


@pytest.mark.parametrize(
    ("card", "due"),
    [
        (a_card(ended()), True),
        (a_card(), False),
        (a_card(ended(outcome=EpisodeOutcome.ON_PURPOSE)), False),
        (a_card(ended(kind=EpisodeKind.DEPLOYMENT)), False),
    ],
)
def test_only_a_recovered_failure_has_the_button(card: Card, *, due: bool) -> None:
    assert is_due(card) is due
    assert ("Draft postmortem" in str(shown(card).blocks)) is due


def test_changes_long_before_are_left_out() -> None:
    old = replace(CHANGE, at=at(1) - timedelta(hours=25))
    late = replace(CHANGE, at=at(1) + timedelta(hours=1))
    assert a_postmortem(changes=(old, CHANGE, late)).changes == (CHANGE,)


def test_it_survives_the_outbox() -> None:
    body = a_postmortem(changes=(CHANGE,), guidance=Guidance(on_error=NOTED))
    row = encode_message(a_message(body=body, channel=ALERTS))
    assert decode_delivery(row.encode(), TEAM).body == body


def test_a_canvas_has_the_same_parts_as_markdown() -> None:
    text = canvas_markdown(a_postmortem(changes=(CHANGE,), guidance=Guidance(on_error=NOTED)), ALERTS)
    for words in (
        "## What happened\n\n* It failed and **recovered** after",
        "```\npq: column <amount> & co does not exist\n```",
        "* Failed at 2026-11-23 12:00:01 UTC",
        "## What changed\n\n* Transform `trades` edited 4",
        "“Restart the sink”",
        "## Open questions\n\n* Did the change",
    ):
        assert words in text
    assert "<!date" not in text


HOSTILE = "![](@U1) [x](https://evil.example) # h <@U2> ```"


def test_nothing_from_outside_is_active_in_a_canvas() -> None:
    parts = (PartChange(part=Part.TRANSFORM, table=HOSTILE),)
    note = replace(NOTED, text=HOSTILE, made_by_name=HOSTILE)
    postmortem = a_postmortem(
        ended(diagnosis=a_diagnosis(f"FATAL {HOSTILE} failed", fingerprint=PRINT)),
        changes=(replace(CHANGE, parts=parts),),
        guidance=Guidance(on_error=note),
    )
    outside_code = re.sub(r"```.*?```", "", canvas_markdown(postmortem, ALERTS), flags=re.DOTALL)
    assert "](" not in outside_code
    assert "<@" not in outside_code
    assert canvas_markdown(postmortem, ALERTS).count("```") == 2
    assert "\n" not in canvas_title(replace(postmortem, pipeline=a_pipeline(f"a\n{HOSTILE}")))


def test_a_message_about_a_canvas_leads_there() -> None:
    message = shown(replace(a_postmortem(), canvas="https://acme.slack.com/docs/T1/F1"))
    assert "<https://acme.slack.com/docs/T1/F1|It is a canvas>" in str(message.blocks)
    assert "Timeline" not in str(message.blocks)


# --- of a group ------------------------------------------------------------------------------------------------------


def failures(number: int, **changes: Any) -> list[Card]:
    """The first one fails first, and each recovers five minutes after the one before."""
    cards = []
    for position in range(number):
        pipeline = a_pipeline(f"orders-{position}", pipeline_id=PipelineId(f"pipe_{position:04}"))
        over = at(1 + 25 * MINUTE + 5 * MINUTE * position)
        found = a_diagnosis(fingerprint=PRINT, began_at=at(1 + position))
        episode = replace(
            ended(closed_at=over, diagnosis=found, **changes), pipeline_id=pipeline.id, opened_at=at(1 + position)
        )
        cards.append(a_card(episode, pipeline=pipeline))
    return cards


def of_group(cards: list[Card], guidance: Guidance = NO_GUIDANCE) -> Postmortem:
    row = ConfigurationRow(looked_at=at(0), hashes={}, changes=(CHANGE,))
    return group_postmortem_of(first_failures(cards), {cards[1].pipeline.id: row}, guidance, "Carol")


def test_the_draft_of_a_group_tells_of_all_its_failures() -> None:
    cards = failures(3)
    cards[2] = replace(cards[2], episode=replace(cards[2].episode, diagnosis=None, outcome=EpisodeOutcome.ON_PURPOSE))
    text = text_of(of_group(cards, Guidance(on_error=NOTED)))
    for words in (
        ":memo: *Postmortem draft: 3 pipelines*",
        "3 pipelines failed ·",
        "Cause for 2 of 3: ",
        "`pq: column &lt;amount&gt; &amp; co does not exist`",
        "• *orders-0* failed at",
        "*recovered* after 25 min",
        "• *orders-2* failed at",
        "ended by its owner after 3",
        "• First failed at",
        "• All over at",
        "• First answer after 3 min",
        "• *orders-1*: transform `trades` edited 4 min before the failure",
        "“Restart the sink”",
        "looking",
    ):
        assert words in text, words
    assert "<@" not in text


def test_the_draft_of_a_group_has_the_calls_for_its_pipelines() -> None:
    cards = failures(2)
    receipts = [a_receipt(20, "bob"), a_receipt(21, "bob", pipeline_id=cards[1].pipeline.id), a_receipt(330, "bob")]
    text = text_of(group_postmortem_of(first_failures(cards), {}, NO_GUIDANCE, "", receipts))
    assert f"• Paged at {time_of_day(at(20))}: @bob" in text
    assert text.partition("*Calls and answers*")[2].count(":bell: Paged @bob") == 2


def test_each_pipeline_counts_once_with_its_latest_failure() -> None:
    first, second = failures(2)
    again = replace(first, key="again", episode=replace(first.episode, opened_at=at(400), closed_at=at(900)))
    draft = of_group([first, second, again])
    assert [(member.name, member.opened_at) for member in draft.members] == [("orders-1", at(2)), ("orders-0", at(400))]


def test_the_draft_of_a_large_group_fits_into_one_message() -> None:
    cards = failures(500)
    for number, card in enumerate(cards):
        pages = tuple(
            replace(page, key=str(number), notified=(a_person(f"U0{number % 3}"),)) for page in card.episode.pages
        )
        cards[number] = replace(card, episode=replace(card.episode, pages=pages))
    draft = of_group(cards)
    assert [len(page.notified) for page in draft.episode.pages] == [3]
    assert "… and 480 more. *Show all* on the card lists them." in text_of(draft)
    row = encode_message(replace(a_message(), body=draft))
    assert len(row) < 20_000
    assert decode_delivery(row.encode(), TEAM).body == draft


def test_the_canvas_of_a_group_names_how_many_failed() -> None:
    draft = of_group(failures(3))
    assert canvas_title(draft).startswith("Postmortem draft: 3 pipelines, ")
    assert "* **orders-0** failed at" in canvas_markdown(draft, ALERTS)


def test_a_group_is_due_once_none_goes_on_and_one_has_recovered() -> None:
    first, second = failures(2)
    goes_on = replace(second, episode=replace(second.episode, closed_at=None, outcome=None))
    paused = [
        replace(card, episode=replace(card.episode, outcome=EpisodeOutcome.ON_PURPOSE)) for card in (first, second)
    ]
    assert is_group_due([first, second])
    assert is_group_due([first, paused[1]])
    assert not is_group_due([first, goes_on])
    assert not is_group_due(paused)
    for cards, due in (((first, second), True), ((first, goes_on), False)):
        group = Group(key="s" * 32, channel=ALERTS, cards=cards)
        assert ("Draft postmortem" in str(valid(shown(group)).blocks)) is due
