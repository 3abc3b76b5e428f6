"""Mutes, maintenance and quiet hours in Slack: on cards, in answers, in messages."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import time, timedelta

import pytest

from bot.domain.answer import PipelineView, StatusAnswer
from bot.domain.card import Group
from bot.domain.catalogue import Pipeline
from bot.domain.episode import Acknowledgement
from bot.domain.escalation import Page, Policy, PolicyStep
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Record
from bot.domain.setup import SetupKind
from bot.domain.silence import LONGEST_WHY, MOST_SILENCES, SilenceNote, WeeklyHours
from bot.domain.silence_answer import SilenceAnswer, SilencesAnswer
from bot.domain.summary import Digest, DigestEntry
from bot.domain.transition import Event, PipelineState
from bot.domain.watch import Target, TargetKind
from bot.slack.features.home.duty import OwnSilence, silences_of_mine
from bot.slack.mrkdwn import date
from bot.slack.render.blocks import message
from bot.slack.render.render_context import RenderContext
from bot.slack.render.renderer import Renderer
from bot.slack.render.saved_question import SavedQuestion
from bot.slack.render.silence_answers import ask_how_long, silence_blocks, silences_blocks
from tests.builders import ALERTS, ANN, ORDERS, a_card, a_delivery, a_pipeline, an_episode, an_observation, at
from tests.unit.rendering import render_answer, says, shown

CONTEXT = RenderContext(platform_url="https://goldrush.dev/platform/", command="/pipeline")
MUTED = SilenceNote(
    kind=SetupKind.MUTE,
    reference=ORDERS,
    name="orders-eu",
    by=ANN,
    by_name="Ann",
    at=at(0),
    until=at(3600),
    why="we deploy",
)
NO_ANSWERS: Mapping[int, Acknowledgement] = {}
WEEKLY = WeeklyHours(days=(5,), start=time(22), end=time(2), zone="Europe/Berlin")
WINDOW = replace(MUTED, kind=SetupKind.MAINTENANCE, start=at(7200), until=at(9000), hours=WEEKLY)
QUIET = replace(WINDOW, kind=SetupKind.QUIET_HOURS, reference="*", name="", why="")
HOSTILE = "<!channel> *bold* `code` <@U0ANN> _x_\u202e\n" * 4


def answered(answer: SilenceAnswer | SilencesAnswer, command: str = "mute") -> str:
    blocks = (
        silence_blocks(answer, "", command, CONTEXT, bool)
        if isinstance(answer, SilenceAnswer)
        else silences_blocks(answer, CONTEXT)
    )
    return "\n".join(str(block) for block in blocks)


def test_an_open_card_shows_the_mute_and_a_closed_one_does_not() -> None:
    text = shown(replace(a_card(), silence=MUTED)).text
    assert "Muted by Ann until <!date^" in text
    assert ": we deploy" in text
    closed = replace(an_episode(), closed_at=at(9))
    assert "Muted" not in shown(replace(a_card(closed), silence=MUTED)).text


def test_a_muted_card_promises_no_next_call() -> None:
    step = PolicyStep(targets=(Target(kind=TargetKind.USER, id="U0BOB", label="@bob"),), wait=timedelta(minutes=5))
    policy = Policy(name="data", steps=(step,), rounds=3)
    page = Page(key="page", policy=policy, position=1, next_at=at(300), channels=(ALERTS,))
    card = a_card(replace(an_episode(), pages=(page,)))
    assert "Next call" in shown(card).text
    assert "Next call" not in shown(replace(card, silence=MUTED)).text


def test_a_muted_card_asks_nobody_to_look() -> None:
    bob = Target(kind=TargetKind.USER, id="U0BOB", label="@bob")
    loud = replace(a_card(), targets=(bob,))
    silent = replace(loud, silence=MUTED)
    assert "please take a look" in shown(loud).text
    assert "please take a look" not in shown(silent).text
    other = replace(silent, pipeline=Pipeline(id=PipelineId("pipe_2"), name="orders-us"))
    for cards, asks in (((loud, other), True), ((silent, other), False)):
        group = Group(key="g", channel=ALERTS, cards=cards)
        assert ("please take a look" in shown(group).text) is asks


def test_an_ended_mute_has_no_end_to_come() -> None:
    text = answered(SilenceAnswer(channel=ALERTS, ended=(MUTED,), at=at(9)), "unmute")
    assert "No longer muted:\\n• *orders-eu*'" in text


def test_a_mute_of_the_whole_channel_reads_as_one_sentence() -> None:
    whole = replace(MUTED, reference="*", name="", why="")
    made = answered(SilenceAnswer(channel=ALERTS, made=(whole,), at=at(0)))
    assert f"everything in this channel until {date(at(3600))}" in made
    question = str(ask_how_long([Pipeline(id=PipelineId("*"), name="")], "", "now"))
    assert "For how long should I mute this channel?" in question


def test_the_home_tab_lists_what_is_silent_now_apart_from_what_is_planned() -> None:
    now, later = OwnSilence(MUTED, ALERTS), OwnSilence(WINDOW, ALERTS)
    text = "\n".join(says(message(silences_of_mine([now, later], complete=True))))
    muted, planned = text.split("*Planned in your channels*")
    assert muted.startswith("*Muted in your channels*\n:no_bell:")
    assert planned.startswith("\n:construction:")
    assert "Muted" not in str(silences_of_mine([later], complete=True))


def test_a_mute_until_live_says_so() -> None:
    text = shown(replace(a_card(), silence=replace(MUTED, live_for=timedelta(minutes=30)))).text.replace("\u00a0", " ")
    assert "Muted by Ann until live for 30 min: we deploy" in text


@pytest.mark.parametrize("note", [MUTED, WINDOW, QUIET])
def test_a_reason_and_a_name_ping_nobody(note: SilenceNote) -> None:
    hostile = replace(note, why=HOSTILE[:LONGEST_WHY], name=HOSTILE[:75], by_name=HOSTILE[:75])
    notice = Notice(kind=NoticeKind.SILENCED, at=at(0), by=ANN, by_name=HOSTILE[:75], silences=(hostile,))
    for text in (
        shown(notice).text,
        shown(replace(a_card(), silence=hostile)).text,
        answered(SilenceAnswer(channel=ALERTS, made=(hostile,), at=at(0))),
        answered(SilencesAnswer(channel=ALERTS, silences=(hostile,), at=at(0))),
    ):
        assert not any(sign in text for sign in ("<!channel", "<@U", "*bold*", "\u202e"))


def test_an_announcement_names_the_author_the_end_and_the_way_out() -> None:
    text = shown(Notice(kind=NoticeKind.SILENCED, at=at(0), by=ANN, by_name="Ann", silences=(MUTED,))).text
    assert text.startswith("Ann added a mute:")
    assert "orders-eu until" in text
    assert "/pipeline unmute orders-eu" in text
    planned = shown(Notice(kind=NoticeKind.SILENCED, at=at(0), by=ANN, by_name="Ann", silences=(WINDOW,))).text
    assert "Ann planned maintenance:" in planned
    assert "weekly sat 22:00-02:00 in Europe/Berlin · next from" in planned.replace("\u00a0", " ").replace("\u2060", "")
    removed = shown(Notice(kind=NoticeKind.UNSILENCED, at=at(0), by=ANN, by_name="Ann", silences=(QUIET,))).text
    assert "next" not in removed


def test_a_status_names_the_mute() -> None:
    state = PipelineState(observation=an_observation(Phase.FAILED, ready=0), since=at(1), failed_since=at(1))
    view = PipelineView(pipeline=a_pipeline(), state=state, watched_here=True, silence=MUTED)
    for views in ((view,), (view, view)):
        text = shown_answer(StatusAnswer(views=views, channel=ALERTS, at=at(2)))
        assert "uted by Ann until" in text
        assert "FAILED" in text


def shown_answer(answer: StatusAnswer) -> str:
    return render_answer(answer, SavedQuestion(), CONTEXT).text


def test_the_question_carries_the_reason_and_the_id() -> None:
    text = str(ask_how_long([a_pipeline()], "we <deploy>", "now"))
    for length in ("for 1h", "for 4h", "until 09:00"):
        assert f"mute {ORDERS} {length} because we &lt;deploy&gt;" in text


def test_many_silences_fit_into_one_message() -> None:
    notes = tuple(replace(MUTED, reference=f"pipe_{number}", name="n" * 75) for number in range(MOST_SILENCES))
    text = answered(SilencesAnswer(channel=ALERTS, silences=notes, at=at(0)))
    assert f"… and {MOST_SILENCES - 20} more" in text.replace("\\xa0", " ")
    assert len(text) < 12_000


# --- the digest ------------------------------------------------------------------------------------------------------


def an_entry(number: int, **counts: int) -> DigestEntry:
    line = an_episode().timeline[0]
    return DigestEntry(
        pipeline=Pipeline(id=PipelineId(f"pipe_{number}"), name=f"orders-{number}"),
        counts={Event(event): count for event, count in counts.items()},
        since=at(1),
        until=at(9),
        last=line,
    )


def digest_text(
    *entries: DigestEntry, failed: tuple[int, ...] = (), answers: Mapping[int, Acknowledgement] = NO_ANSWERS
) -> str:
    def record(pipeline_id: PipelineId) -> Record:
        bad = pipeline_id in {f"pipe_{number}" for number in failed}
        observation = an_observation(Phase.FAILED, ready=0) if bad else an_observation()
        state = PipelineState(observation=observation, since=at(5), failed_since=at(5) if bad else None)
        answer = answers.get(int(pipeline_id.removeprefix("pipe_")))
        return Record(
            pipeline_id=pipeline_id, state=state, episode=replace(an_episode(), acknowledged=answer) if bad else None
        )

    renderer = Renderer(command="/pipeline", platform_url="https://goldrush.dev/", record=record)
    digest = Digest(key="k", entries=entries, silence=SetupKind.QUIET_HOURS)
    return renderer.content(digest, a_delivery(body=digest), at(20)).text.replace("\u00a0", " ")


def test_the_digest_names_open_problems_first() -> None:
    lines = digest_text(an_entry(1, paused=1, live=1), an_entry(2, failed=2, recovered=1), failed=(2,)).split("\n")
    assert lines[0] == "The quiet hours are over. 1 pipeline needs attention now, 1 changed meanwhile:"
    assert lines[1].startswith("orders-2 failed 2×, recovered · now FAILED since")
    assert lines[2].startswith("orders-1 live, paused · now RUNNING, live since")


def test_a_failure_without_news_is_named_as_still_failed() -> None:
    text = digest_text(an_entry(1), failed=(1,))
    assert "1 pipeline needs attention now:" in text
    assert "orders-1 is still FAILED since" in text


def test_the_digest_names_the_people_who_have_an_open_failure_and_begins_with_the_others() -> None:
    acknowledged = Acknowledgement(by=ANN, at=at(6), name="Ann")
    snoozed = replace(acknowledged, name="Bob", until=at(999), snoozed=True)
    entries = [an_entry(number, failed=1) for number in (1, 2, 3)]
    head, *rows = digest_text(*entries, failed=(1, 2, 3), answers={1: acknowledged, 2: snoozed}).split("\n")
    assert "3 pipelines need attention now:" in head
    assert [row.rsplit(" · ", 1)[1] for row in rows] == [
        "not acknowledged",
        "acknowledged by Ann",
        f"snoozed by Bob until {date(at(999))}",
    ]
    assert [row.split()[0] for row in rows] == ["orders-3", "orders-1", "orders-2"]


def test_a_digest_without_problems_says_so() -> None:
    assert "1 pipeline changed meanwhile, and needs nothing now:" in digest_text(an_entry(1, failed=1, recovered=1))
