"""No text links to direct messages: Slack would show the link as #directmessage."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.answer import Answer, StopPagingAnswer, UndoAnswer, UndoFate, WatchesAnswer
from bot.domain.body import Content
from bot.domain.card import Group, PageOrigin
from bot.domain.notice import Notice, NoticeKind
from bot.domain.subscription import Edit
from bot.domain.watch import ChannelId, SuspendReason, UserId
from bot.slack.features.stop_paging import stop_blocks
from bot.slack.render import phrases
from bot.slack.render.saved_question import SavedQuestion
from tests.builders import ALERTS, ANN, a_card, a_person, a_watch, at
from tests.unit.rendering import LOOK, shown

DIRECT, OTHERS = ChannelId("D0ANN"), ChannelId("D0BOB")
WATCH = replace(a_watch(channel=DIRECT, targets=(a_person(direct=DIRECT),)), made_by_name="Ann")
CARD = replace(
    a_card(channel=DIRECT),
    origins=tuple(PageOrigin(by=ANN, name="Ann", channel=channel, reference="*") for channel in (DIRECT, OTHERS)),
    stands_in_for=(DIRECT, OTHERS),
    continues_in=(DIRECT, ALERTS),
)
LINK = re.compile(r"<#\{")
ALLOWED = {
    "bot/slack/render/phrases.py": 1,
    "bot/slack/inbound/submissions.py": 1,
    "bot/slack/features/home/duty.py": 1,  # in the value of a button, like the next
    "bot/slack/features/home/failures.py": 1,
}


def a_notice(kind: NoticeKind) -> Notice:
    return Notice(
        kind=kind,
        at=at(0),
        by=ANN,
        by_name="Ann",
        watches=(WATCH,),
        before=(WATCH,),
        staying=(WATCH,),
        channel=DIRECT,
        reason=SuspendReason.RESTRICTED,
        instead=OTHERS,
        channels=(DIRECT, ALERTS),
    )


@pytest.mark.parametrize(
    "content", [*map(a_notice, NoticeKind), CARD, Group(key="s" * 32, channel=DIRECT, cards=(CARD, CARD))]
)
def test_no_message_links_to_direct_messages(content: Content) -> None:
    assert "<#D" not in str(shown(content).blocks)


@pytest.mark.parametrize(
    "answer",
    [
        StopPagingAnswer(by=ANN, pipelines=(), stopped=(WATCH,), others=1, at=at(0)),
        StopPagingAnswer(by=UserId("U0BOB"), pipelines=(), stopped=(WATCH,), others=1, at=at(0)),
        UndoAnswer(channel=DIRECT, fate=UndoFate.DONE, edits=(Edit(before=WATCH, after=None),)),
        WatchesAnswer(channel=DIRECT, watches=(), here=False, at=at(0)),
    ],
)
def test_no_answer_links_to_direct_messages(answer: Answer) -> None:
    assert "<#D" not in str(LOOK.answer(answer, SavedQuestion()).blocks)


def test_one_function_links_to_channels() -> None:
    """Of the text that people read: a form's chosen channel becomes a link only for the parser."""
    found = {str(path): len(LINK.findall(path.read_text())) for path in Path("bot").rglob("*.py")}
    assert {path: number for path, number in found.items() if number} == ALLOWED


def test_the_person_reads_your_and_others_read_the_name() -> None:
    answer = StopPagingAnswer(by=ANN, pipelines=(), stopped=(WATCH,), others=0, at=at(0))
    assert "in your direct messages" in str(stop_blocks(answer, "/pipeline"))
    assert "in Ann's direct messages" in str(stop_blocks(replace(answer, by=UserId("U0BOB")), "/pipeline"))
    lost = replace(a_notice(NoticeKind.ROLLED_BACK), channel=None)
    assert "Ann's direct messages: `" in shown(lost).text
    assert phrases.conversation(ALERTS, "your") == f"<#{ALERTS}>"
