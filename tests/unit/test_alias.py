"""The ids of one channel, in whatever order Slack announces them."""

import itertools
import random
from collections.abc import Sequence
from itertools import pairwise

import pytest

from bot.domain.alias import NO_ALIASES, Aliases, IdChange
from bot.domain.watch import ChannelId

A, B, C, OTHER = (ChannelId(f"C0{name}") for name in ("A", "B", "C", "OTHER"))


def known(*changes: tuple[ChannelId, ChannelId, str]) -> Aliases:
    return NO_ALIASES.with_changes(IdChange(*change) for change in changes)


def test_a_channel_that_kept_its_id_has_one() -> None:
    for aliases in (NO_ALIASES, known((A, B, "1.0"))):
        assert aliases.stable(OTHER) == aliases.current(OTHER) == OTHER


def test_every_id_leads_to_the_first_one_and_to_the_newest_one() -> None:
    aliases = known((A, B, "1.0"), (B, C, "2.0"))
    assert [aliases.stable(channel) for channel in (A, B, C)] == [A, A, A]
    assert [aliases.current(channel) for channel in (A, B, C)] == [C, C, C]


def test_a_change_that_arrives_late_leads_to_the_newest_id() -> None:
    aliases = known((B, C, "2.0"), (A, B, "1.0"))
    assert [aliases.stable(channel) for channel in (A, B, C)] == [A, A, A]
    assert aliases.current(A) == C


def test_an_id_that_comes_back_is_current_even_if_slack_repeats_an_older_change() -> None:
    there, back, again = (A, B, "1.0"), (B, A, "2.0"), (A, B, "3.0")
    assert known(there, back, there).current(A) == A
    assert known(there, back, again, there, back).current(A) == B
    assert known(back, there).current(A) == A


def test_a_change_without_a_stamp_counts() -> None:
    assert known((A, B, "")).current(A) == B


def test_two_channels_keep_their_own_ids() -> None:
    aliases = known((A, B, "1.0"), (OTHER, C, "2.0"))
    assert (aliases.current(A), aliases.current(OTHER), aliases.stable(C)) == (B, C, OTHER)


def walks() -> Sequence[list[ChannelId]]:
    """The ids that a channel had, one after the other. Some come back."""
    chance = random.Random(1)  # noqa: S311
    ids = [ChannelId(f"C0ID{number}") for number in range(4)]
    found = []
    for _ in range(60):
        walk = [chance.choice(ids)]
        while len(walk) < 5:
            walk.append(chance.choice([channel for channel in ids if channel != walk[-1]]))
        found.append(walk)
    return found


@pytest.mark.parametrize("walk", walks(), ids="-".join)
def test_order_and_repeats_of_the_announcements_never_matter(walk: list[ChannelId]) -> None:
    changes = [IdChange(old, new, f"{number}.0") for number, (old, new) in enumerate(pairwise(walk), 1)]
    for order in itertools.permutations(changes):
        aliases = NO_ALIASES.with_changes([*order, *order[:2]])
        assert {aliases.current(channel) for channel in walk} == {walk[-1]}
        assert len({aliases.stable(channel) for channel in walk}) == 1
        assert aliases.with_changes(order) == aliases
