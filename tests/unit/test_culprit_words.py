"""A lag names its culprit: the pipeline, or GoldRush's sync of the chain."""

from datetime import timedelta

import pytest

from bot.domain.transition import Event, PipelineFinding
from bot.slack.render.finding_words import behind, of_chain
from tests.fakes import NOON


@pytest.mark.parametrize(
    ("lag", "blocks", "chain_lag", "measured", "culprit"),
    [
        (41, 1240, 0, "41 min behind (1,240 blocks)", "Base itself is on time at GoldRush"),
        (41, 1240, 4, "41 min behind (1,240 blocks)", "Base itself is 4 min behind at GoldRush"),
        (30, 0, 30, "30 min behind", "Base itself is 30 min behind at GoldRush: nothing to do here"),
        (41, None, None, "41 min behind", ""),
    ],
)
def test_the_culprit_of_a_lag_has_a_name(
    lag: int, blocks: int | None, chain_lag: int | None, measured: str, culprit: str
) -> None:
    finding = PipelineFinding(
        event=Event.LAGGING,
        since=NOON,
        lag=timedelta(minutes=lag),
        blocks=blocks,
        chain="Base",
        chain_lag=None if chain_lag is None else timedelta(minutes=chain_lag),
    )
    assert (behind(finding), of_chain(finding)) == (measured, culprit)
