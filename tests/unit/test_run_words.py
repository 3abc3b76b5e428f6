"""What cards, threads and answers say about a bounded run."""

from dataclasses import replace

import pytest

from bot.domain.attention import Trouble, trouble
from bot.domain.body import Content
from bot.domain.bounded_run import BoundedRun, RunEnd
from bot.domain.bounded_run_plan import plan_progress
from bot.domain.card import Card, ThreadEntry
from bot.domain.delivery import ReceiverKind
from bot.domain.digest import digest_entry
from bot.domain.episode import EpisodeKind
from bot.domain.pager import PagerEvent
from bot.domain.past_episodes import past_episodes
from bot.domain.phase import Phase
from bot.domain.plan import Plan, plan_reading
from bot.domain.transition import Event, Transition
from bot.domain.watch import Target, TargetKind
from bot.domain.why import explained
from bot.monitoring.diagnosis_needs import DiagnosisNeeds, Need
from bot.pagers.texts import title_of
from bot.requests.past import WhyAnswer
from bot.slack.features.history import episode_line
from bot.slack.features.why import Places, why_blocks
from bot.slack.render import phrases
from bot.slack.render.groups import event_counts
from bot.slack.render.render_context import RenderContext
from bot.slack.render.run_words import progress_words
from tests.builders import ALERTS, ORDERS, a_failed_read, a_routing, a_watch, at
from tests.unit.rendering import says, shown, valid
from tests.unit.test_bounded_run_plan import (
    ANNOUNCED,
    FINISHED,
    SHORT,
    STOPPED,
    UNDER_WAY,
    after,
    judged,
    routing,
    seen,
)

HOUR = 3600.0


def a_run(height: int = 7_200, *, start: int | None = 1_000, left: float | None = 3 * HOUR) -> BoundedRun:
    return BoundedRun(at=at(0), height=height, stop=11_000, start=start, seconds_left=left)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (a_run(), "62 %, about 3 h left"),
        (a_run(left=None), "62 %"),
        (a_run(left=20), "62 %, less than a minute left"),
        (a_run(left=61), "62 %, about 2 min left"),
        (a_run(left=3_301), "62 %, about 1 h left"),
        (a_run(left=7_201), "62 %, about 3 h left"),
        (a_run(left=100 * HOUR), "62 %, about 5 days left"),
        (a_run(left=30 * 24 * HOUR), "62 %, about 30 days left"),
        (a_run(start=None), "at block 7,200 of 11,000, about 3 h left"),
        (a_run(11_000, left=0), "100 %, at its last block"),
        (a_run(1_000, left=None), "0 %"),
    ],
)
def test_progress(run: BoundedRun, words: str) -> None:
    assert progress_words(run, at(60)) == words


def test_an_old_measurement_leaves_out_the_time_left() -> None:
    assert progress_words(a_run(), at(1201)) == "62 %"


def cards(plan: Plan) -> dict[EpisodeKind, Card]:
    return {card.episode.kind: card for card in plan.cards}


def entry(plan: Plan) -> str:
    body = next(message.body for message in plan.messages if isinstance(message.body, ThreadEntry))
    return said(body)


def card_text(card: Card) -> str:
    return said(card)


def said(content: Content) -> str:
    return "\n".join(says(valid(shown(content)))).replace("*", "")


def test_the_card_of_a_run_shows_its_progress() -> None:
    deploying = after(seen(Phase.STOPPED, 0), seen(Phase.DEPLOYING, 1), replace(seen(Phase.RUNNING, 2), ready=0))
    plan = plan_progress(deploying, routing(), UNDER_WAY)
    assert plan
    assert "orders-eu is running, not live yet" in card_text(plan.cards[0])
    assert "50 %, about 1 min left" in card_text(plan.cards[0])


def test_the_card_of_a_live_deployment_shows_its_progress() -> None:
    live = after(seen(Phase.STOPPED, 0), seen(Phase.DEPLOYING, 1), seen(Phase.RUNNING, 2))
    plan = plan_progress(live, routing(), UNDER_WAY)
    assert plan
    first, second, *_ = card_text(plan.cards[0]).split("\n")
    assert first.startswith(":large_green_circle: orders-eu is live after")
    assert second.startswith("50 %, about 1 min left · measured at ")


def test_answers_show_the_progress() -> None:
    plan = plan_progress(after(seen(Phase.RUNNING, 0)), routing(), UNDER_WAY)
    assert plan
    assert phrases.state_words(plan.record.state) == "*RUNNING*, live, 50 %, about 1 min left"


def test_a_finished_run() -> None:
    plan = judged(STOPPED, FINISHED)
    text = card_text(cards(plan)[EpisodeKind.PAUSE])
    assert ":checkered_flag: orders-eu finished at block 5,000" in text
    assert "possibly" not in text
    assert "should be" not in text
    assert entry(judged(ANNOUNCED, FINISHED, second=80)) == ":checkered_flag: finished at block 5,000"
    assert phrases.state_words(plan.record.state) == "*STOPPED*, finished at block 5,000"


def test_a_run_that_stopped_short() -> None:
    plan = judged(STOPPED, SHORT)
    failure = card_text(cards(plan)[EpisodeKind.FAILURE])
    assert ":red_circle: orders-eu stopped at block 1,200 of 5,000 (5 %)" in failure
    assert " · nobody asked for the stop\n" in failure
    assert ":wrench: Start it again in GoldRush. It may begin at its first block again.\n" in failure
    assert "pause it there: that ends this failure" in failure
    assert "failed" not in failure
    late = judged(ANNOUNCED, SHORT, second=80)
    stop = card_text(cards(late)[EpisodeKind.PAUSE])
    assert ":black_circle: orders-eu was stopped for 1 min, then failed" in stop
    assert ":red_circle: stopped at block 1,200 of 5,000 (5 %)" in entry(late)
    assert phrases.state_words(plan.record.state) == "*STOPPED* at block 1,200 of 5,000 (5 %)"
    assert phrases.state_symbol(plan.record.state) == ":red_circle:"


def test_a_finished_run_stays_finished_on_its_card_when_it_starts_again() -> None:
    plan = plan_reading(judged(STOPPED, FINISHED).record, seen(Phase.DEPLOYING, 90), routing())
    assert "orders-eu finished at block 5,000" in card_text(cards(plan)[EpisodeKind.PAUSE])


def test_a_failure_that_became_one_that_stopped_short() -> None:
    failed = after(seen(Phase.RUNNING, 0), seen(Phase.FAILED, 10), seen(Phase.STOPPED, 20))
    assert "orders-eu stopped at block 1,200 of 5,000 (5 %)" in card_text(
        cards(judged(failed, SHORT))[EpisodeKind.FAILURE]
    )


def test_one_that_cannot_be_read_any_more() -> None:
    unread = judged(STOPPED, SHORT).record
    for second in (30, 31, 32):
        unread = plan_reading(unread, a_failed_read(second), routing()).record
    assert trouble(unread.state, at(40)) is Trouble.FAILED
    assert unread.episode
    card = cards(judged(STOPPED, SHORT))[EpisodeKind.FAILURE]
    text = card_text(replace(card, episode=unread.episode, state=unread.state))
    assert "orders-eu stopped at block 1,200 of 5,000 (5 %)" in text
    assert "can't be read, last seen STOPPED" in text


def test_it_runs_again() -> None:
    started = after(seen(Phase.DEPLOYING, 40), record=judged(STOPPED, SHORT).record)
    assert started.episode
    failure = replace(cards(judged(STOPPED, SHORT))[EpisodeKind.FAILURE], episode=started.episode, state=started.state)
    assert "orders-eu stopped at block 1,200 of 5,000 (5 %), now deploying" in card_text(failure)


def test_it_had_finished_after_all() -> None:
    plan = judged(judged(STOPPED, SHORT).record, FINISHED, second=60)
    text = card_text(cards(plan)[EpisodeKind.FAILURE])
    assert "orders-eu stopped at block 1,200 of 5,000 (5 %), then finished at block 5,000" in text
    assert entry(plan) == ":checkered_flag: orders-eu finished at block 5,000"


def test_a_short_stop_names_the_percentage_only_if_the_first_block_is_known() -> None:
    far = BoundedRun(at=at(21), height=20_479_093, stop=21_525_890, start=18_908_895, end=RunEnd.SHORT)
    assert far.ending == "stopped at block 20,479,093 of 21,525,890 (60 %)"
    assert replace(far, start=None).ending == "stopped at block 20,479,093 of 21,525,890"


def test_a_stop_that_nobody_can_judge_shows_how_far_it_was() -> None:
    plan = plan_progress(after(seen(Phase.RUNNING, 0)), routing(), UNDER_WAY)
    assert plan
    stopped = after(seen(Phase.STOPPED, 20), record=plan.record)
    words = "*STOPPED*, possibly finished, last measured at block 3,000 of 5,000 (50 %)"
    assert phrases.state_words(stopped.state) == words


def test_a_stopped_run_needs_no_diagnosis() -> None:
    short = judged(STOPPED, SHORT).record
    assert DiagnosisNeeds().of(short, at(60), 60.0) is None
    runs_again = after(seen(Phase.DEPLOYING, 60), record=short)
    assert DiagnosisNeeds().of(runs_again, at(60), 60.0) is None
    failed = after(seen(Phase.FAILED, 60), record=short)
    assert DiagnosisNeeds().of(failed, at(60), 60.0) is Need.ALL


def test_the_history_says_how_a_run_ended() -> None:
    finished, short = judged(STOPPED, FINISHED), judged(STOPPED, SHORT)
    stop = Transition(event=Event.STOPPED, pipeline_id=ORDERS, at=at(20), phase=Phase.STOPPED)
    (ended,) = past_episodes([stop, *finished.transitions])
    _, failed = past_episodes([stop, *short.transitions])
    assert episode_line(ended, at(60)).startswith(":checkered_flag: *finished* ")
    assert episode_line(failed, at(60)).startswith(":red_circle: *stopped at block 1,200 of 5,000 (5 %)* ")


@pytest.mark.parametrize(
    ("run", "words"),
    [(FINISHED, "*finished at block 5,000*"), (SHORT, "*stopped at block 1,200 of 5,000 (5 %)*")],
)
def test_why_says_how_a_run_ended(run: BoundedRun, words: str) -> None:
    moments = explained(judged(STOPPED, run).transitions, [])
    answer = WhyAnswer(pipeline=routing().pipeline, moments=moments, is_watched=True, at=at(60))
    (moment,) = moments
    blocks = why_blocks(answer, [moment], Places(here=ALERTS), "", RenderContext(command="/pipeline", platform_url=""))
    assert words in str(blocks).replace(r"\xa0", " ")


def test_a_digest_counts_how_a_run_ended() -> None:
    (episode,) = (card.episode for card in judged(STOPPED, FINISHED).cards)
    news = digest_entry(routing().pipeline, episode.timeline, episode)
    assert news
    assert event_counts(news) == "finished"


def test_a_page_says_that_the_run_stopped() -> None:
    pager = Target(kind=TargetKind.PAGER, id="ops")
    by = replace(
        a_routing(a_watch(ORDERS, targets=(pager,))),
        pagers={"ops": ReceiverKind("pagerduty")},
        pipeline=routing().pipeline,
    )
    plan = judged(STOPPED, SHORT, by)
    (event,) = (message.body for message in plan.messages if isinstance(message.body, PagerEvent))
    assert title_of(event) == "orders-eu stopped at block 1,200 of 5,000 (5 %)"
