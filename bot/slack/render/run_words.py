"""The words for a bounded pipeline's run: how far it is, and how it ended. Pure."""

from datetime import datetime, timedelta
from math import ceil

from bot.domain.bounded_run import FRESH, BoundedRun
from bot.domain.transition import PipelineState
from bot.slack.mrkdwn import duration

FINISHED = ":checkered_flag:"
_ROUNDED = ((600, 60), (7_200, 300), (86_400, 3_600))  # seconds: shorter ones, to this


def progress_words(run: BoundedRun, at: datetime) -> str:
    """`62 %, about 3 h left`. `at`: the time of the reading beside which it stands."""
    done = run.place if run.percent is None else f"{run.percent} %"
    left = _left(run, at)
    return f"{done}, {left}" if left else done


def _left(run: BoundedRun, at: datetime) -> str:
    """Nothing beside a much later reading, or if nobody can tell."""
    if run.height >= run.stop:
        return "at its last block"
    if run.seconds_left is None or at - run.at > FRESH:
        return ""
    if run.seconds_left < timedelta(minutes=1).total_seconds():
        return "less than a minute left"
    step = next((step for below, step in _ROUNDED if run.seconds_left < below), 86_400)
    return f"about {duration(ceil(run.seconds_left / step) * step)} left"


def detail_of_stopped(state: PipelineState) -> str:
    """The words after a bounded pipeline's phase STOPPED, with what comes before them."""
    run = state.run
    if run is None:
        return ", possibly finished"
    if run.is_short:
        return f" {run.place}"
    return f", {run.ending or f'possibly finished, last measured {run.place}'}"


SHORT_STEP = (
    ":wrench: Start it again in GoldRush. It may begin at its first block again.\n"
    "If the stop was meant, pause it there: that ends this failure."
)
