"""Conversations that the bot cannot be invited to."""

import pytest

from bot.domain.watch import ChannelId
from bot.slack.channels import _admission_refusal
from bot.slack.outbound.directory import Admission


@pytest.mark.parametrize(
    ("channel", "named"),
    [("D0TWO", "directmessage"), ("D0TWO", ""), ("G0MANY", "mpdm-ann--bob--cat-1"), ("C0MANY", "mpdm-ann--bob--cat-1")],
)
@pytest.mark.parametrize("admission", [Admission.UNSEEN, Admission.OUTSIDE])
def test_no_invitation_is_advised_in_direct_messages(channel: str, named: str, admission: Admission) -> None:
    refusal = _admission_refusal(ChannelId(channel), admission, elsewhere=False, channel_name=named)
    assert refusal is not None
    assert "/invite" not in refusal.hint
    assert "own direct messages with me" in refusal.hint


def test_a_channel_can_invite_it_and_its_own_conversation_is_open() -> None:
    refusal = _admission_refusal(ChannelId("C0OPS"), Admission.UNSEEN, elsewhere=False, channel_name="privategroup")
    assert refusal is not None
    assert "/invite" in refusal.hint
    refusal = _admission_refusal(ChannelId("D0ANN"), Admission.MEMBER, elsewhere=False, channel_name="directmessage")
    assert refusal is None


@pytest.mark.parametrize(("channel", "named"), [("D0TWO", "directmessage"), ("G0MANY", "mpdm-ann--bob--cat-1")])
def test_a_closed_conversation_is_no_archived_channel(channel: str, named: str) -> None:
    refusal = _admission_refusal(ChannelId(channel), Admission.ARCHIVED, elsewhere=False, channel_name=named)
    assert refusal is not None
    assert "channel is" not in refusal.reason
    assert "Unarchive" not in refusal.hint
    assert "own direct messages with me" in refusal.hint
