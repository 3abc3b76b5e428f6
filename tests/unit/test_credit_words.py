"""The account's credits in Slack: the answer, the notices, and the line on a failure's card."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.bounded_run import BoundedRun, RunEnd
from bot.domain.card import Group
from bot.domain.catalogue import AccountLimit, Pipeline
from bot.domain.credits import CreditsState, Usage
from bot.domain.episode import EpisodeOutcome
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.transition import PipelineState
from bot.slack.render.blocks import message
from bot.slack.render.credit_words import credit_blocks
from bot.store.codec import decode_pipeline_row, encode_pipeline_row
from tests.builders import ALERTS, ORDERS, a_card, a_pipeline, an_episode, an_observation, at
from tests.unit.rendering import LOOK, says, shown, tells_all, valid

OVER = replace(a_pipeline(), account_limit=AccountLimit.OVER_LIMIT)
EXPIRED = replace(a_pipeline("fills", pipeline_id=PipelineId("pipe_2")), account_limit=AccountLimit.TRIAL_EXPIRED)
COMMAND = LOOK.render_context.command
OVER_WORDS = "This GoldRush group is over its limit"


def a_usage(*, consumed: float = 5_000, maximum: float | None = 10_000, a_day: float = 100, **others: float) -> Usage:
    by_day = {at(0).date() - timedelta(days=back): a_day for back in range(10)}
    return Usage(at=at(0), consumed=consumed, maximum=maximum, by_day=by_day, **others)


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        (a_usage(), ["5,000 of 10,000 used (50 %), 5,000 left", "about 100 a day", "more than a month"]),
        (a_usage(a_day=500), ["they run out in 10 days, on "]),
        (a_usage(a_day=1000), ["they run out in 5 days, on ", "the account's owner can raise the plan in GoldRush"]),
        (
            a_usage(consumed=10_400),
            [
                "(104 %), 0 left",
                "*The GoldRush credits are used up.*",
                "so they may stop or fail. Check them with `/pipeline list failed`.",
                "The account's owner can raise the plan in GoldRush.",
            ],
        ),
        (a_usage(maximum=None), ["5,000 used. GoldRush names no limit."]),
        (a_usage(flex=2_500), ["Flex credits, as GoldRush lists them: 2,500"]),
        (replace(a_usage(), by_day={}), ["Pace: unknown. GoldRush lists too few days."]),
        (a_usage(a_day=0.5), ["about 0.5 a day"]),
    ],
)
def test_the_figures(usage: Usage, words: list[str]) -> None:
    text = "\n".join(says(tells_all(valid(message(credit_blocks(CreditsState(usage=usage), at(0), COMMAND))))))
    assert [part for part in words if part not in text] == []


def test_the_bots_own_cost_only_if_goldrush_lists_its_key() -> None:
    state = CreditsState(usage=a_usage(), requests={at(0).date(): 1}, counted_since=at(0))
    text = message(credit_blocks(state, at(0), COMMAND)).text.replace("\xa0", " ")
    assert "I made 1 request to GoldRush since" in text
    assert "doesn't say how many credits they cost" in text
    known = message(credit_blocks(replace(state, usage=a_usage(own=320)), at(0), COMMAND)).text
    assert "My key used 320 credits." in known.replace("\xa0", " ")


def test_figures_of_an_hour_ago_do_not_look_like_those_of_now() -> None:
    """The bot counts its own requests up to now, and GoldRush's figures are older."""
    state = CreditsState(usage=a_usage(), requests={at(0).date(): 1_811}, counted_since=at(0))
    text = message(credit_blocks(state, at(2_400), COMMAND)).text.replace("\xa0", " ")
    assert "I made 1,811 requests to GoldRush since" in text
    (footer,) = [line for line in text.splitlines() if "GoldRush's figures are as of" in line]
    assert footer.endswith(", 40 min ago. I read them once an hour.")
    assert "ago" not in message(credit_blocks(state, at(5), COMMAND)).text


def test_a_count_that_has_only_begun_is_not_shown() -> None:
    state = CreditsState(usage=a_usage(), requests={at(0).date(): 0}, counted_since=at(0))
    assert "I made" not in message(credit_blocks(state, at(0), COMMAND)).text
    known = message(credit_blocks(replace(state, usage=a_usage(own=320)), at(0), COMMAND)).text.replace("\xa0", " ")
    assert "My key used 320 credits." in known


@pytest.mark.parametrize("kind", [NoticeKind.CREDITS, NoticeKind.CREDITS_LOW])
@pytest.mark.parametrize("usage", [None, a_usage(a_day=900), a_usage(consumed=10_000)])
def test_notices_are_valid(kind: NoticeKind, usage: Usage | None) -> None:
    tells_all(valid(shown(Notice(kind=kind, at=at(0), credits=CreditsState(usage=usage)))))


def test_the_warning_leads_with_the_date() -> None:
    state = CreditsState(usage=a_usage(a_day=1000))
    text = valid(shown(Notice(kind=NoticeKind.CREDITS_LOW, at=at(0), credits=state))).text.replace("\xa0", " ")
    assert text.splitlines()[0].startswith("The GoldRush credits run out in 5 days, on ")
    assert "Until then, the account's owner can raise the plan in GoldRush, or use less." in text
    assert text.count("run out") == 1


def test_the_warning_that_they_are_used_up_names_a_step_for_now() -> None:
    state = CreditsState(usage=a_usage(consumed=10_000))
    text = valid(shown(Notice(kind=NoticeKind.CREDITS_LOW, at=at(0), credits=state))).text
    assert "Check them with `/pipeline list failed`. The account's owner can raise the plan in GoldRush." in text


@pytest.mark.parametrize(
    ("pipeline", "words"), [(OVER, OVER_WORDS), (EXPIRED, "The free trial of this GoldRush group has expired")]
)
def test_the_card_of_an_open_failure_names_the_limit(pipeline: Pipeline, words: str) -> None:
    assert words in tells_all(valid(shown(a_card(pipeline=pipeline)))).text


def test_the_card_of_a_run_that_stopped_short_names_the_limit() -> None:
    run = BoundedRun(at=at(0), height=1_200, stop=5_000, end=RunEnd.SHORT)
    stopped = PipelineState(observation=an_observation(Phase.STOPPED), since=at(0), failed_since=at(0), run=run)
    assert OVER_WORDS in shown(replace(a_card(pipeline=OVER), state=stopped)).text


def test_other_cards_name_no_limit() -> None:
    card = a_card(pipeline=OVER)
    over = replace(card, episode=replace(an_episode(), closed_at=at(91), outcome=EpisodeOutcome.RECOVERED))
    again = replace(card, state=PipelineState(observation=an_observation(Phase.DEPLOYING), since=at(0)))
    for one in (a_card(), over, again):
        assert "limit" not in shown(one).text


def test_the_card_of_a_group_names_it_once() -> None:
    members = (a_card(), a_card(pipeline=replace(EXPIRED, account_limit=AccountLimit.OVER_LIMIT)))
    text = valid(shown(Group(key="s" * 32, channel=ALERTS, cards=members))).text
    assert text.count(OVER_WORDS) == 1


def test_the_limit_survives_in_the_catalogue() -> None:
    for pipeline in (OVER, a_pipeline()):
        assert decode_pipeline_row(ORDERS, encode_pipeline_row(pipeline).encode()) == pipeline
