"""Which scheduled messages to add, keep and delete."""

from dataclasses import replace
from datetime import timedelta

from bot.domain.backup import (
    ORPHAN,
    POSTPONE_BELOW,
    SILENCE,
    WARNING_AFTER,
    ScheduledRow,
    Wanted,
    reconcile,
    silence_warning,
)
from bot.domain.watch import ChannelId
from tests.builders import at

OPS = ChannelId("C0OPS")
NOW = at(0)


def a_row(row_id: str = "Q1", *, minutes: float = 10, key: str = SILENCE) -> ScheduledRow:
    return ScheduledRow(id=row_id, key=key, channel=OPS, post_at=NOW + timedelta(minutes=minutes), made_at=NOW)


SWITCH = Wanted(messages=(silence_warning(OPS, NOW),))


def test_nothing_scheduled_means_schedule_ten_minutes_ahead() -> None:
    (message,) = reconcile(SWITCH, [], NOW).schedule
    assert message.post_at == NOW + WARNING_AFTER


def test_a_switch_far_enough_ahead_stays() -> None:
    todo = reconcile(SWITCH, [a_row(minutes=POSTPONE_BELOW.total_seconds() / 60)], NOW)
    assert (todo.schedule, todo.delete, todo.over) == ((), (), ())


def test_the_new_switch_comes_before_the_old_one_goes() -> None:
    old = a_row("Q1", minutes=5.9)
    first = reconcile(SWITCH, [old], NOW)
    assert (len(first.schedule), first.delete) == (1, ())
    second = reconcile(SWITCH, [old, a_row("Q2")], NOW)
    assert (second.schedule, second.delete) == ((), (old,))


def test_of_two_switches_only_the_later_one_stays() -> None:
    earlier, later = a_row("Q1", minutes=8), a_row("Q2", minutes=9)
    assert reconcile(SWITCH, [later, earlier], NOW).delete == (earlier,)


def test_a_held_switch_stays_as_it_is() -> None:
    todo = reconcile(Wanted(held={SILENCE}), [a_row(minutes=2)], NOW)
    assert (todo.schedule, todo.delete) == ((), ())


def test_an_unwanted_message_goes_unless_slack_posts_it_within_a_minute() -> None:
    soon, later = a_row("Q1", minutes=1, key=ORPHAN), a_row("Q2", minutes=2, key=ORPHAN)
    assert reconcile(Wanted(), [soon, later], NOW).delete == (later,)


def test_a_switch_of_another_channel_is_replaced() -> None:
    elsewhere = replace(a_row(), channel=ChannelId("C0OLD"))
    assert len(reconcile(SWITCH, [elsewhere], NOW).schedule) == 1


def test_a_message_whose_time_has_come_is_over() -> None:
    assert reconcile(SWITCH, [a_row(minutes=0)], NOW).over == (a_row(minutes=0),)


def test_a_message_that_would_be_due_at_once_is_not_scheduled() -> None:
    late = replace(silence_warning(OPS, NOW), post_at=NOW + timedelta(seconds=5))
    assert reconcile(Wanted(messages=(late,)), [], NOW).schedule == ()
