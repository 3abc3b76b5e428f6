"""What a person says about a failure stands on its card and in its thread in full."""

from bot.domain.episode import Acknowledgement, TimelineEntry
from bot.domain.phase import Phase
from bot.domain.silence import LONGEST_WHY
from bot.domain.transition import Event
from bot.slack.render.action_words import action_words, answer_words, joint_action
from tests.builders import ALERTS, ANN, at

REMARK = ("the sink is slow " * LONGEST_WHY)[:LONGEST_WHY].strip()


def test_the_longest_remark_is_not_cut() -> None:
    answer = Acknowledgement(by=ANN, at=at(0), name="Ann", remark=REMARK)
    entry = TimelineEntry(
        revision=2, at=at(0), events=(Event.ACKNOWLEDGED,), phase=Phase.FAILED, by=ANN, name="Ann", remark=REMARK
    )
    for text in (answer_words(answer, None, ALERTS), action_words(entry, ALERTS, None), joint_action(entry, 2)):
        assert f"“{REMARK}”" in text
