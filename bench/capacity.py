"""How many reads a second one process carries, with every pipeline read as often as promised and answers in time.

    python -m bench --only capacity

It asks for fewer and fewer reads until the bot keeps its promise. Each try starts a new bot. If even the first try
succeeds, it asks for more, to see the bot overloaded. Quick: one try, with a period of 1 s and so fewer pipelines.
"""

from dataclasses import dataclass

from bench.bot_process import paced, running_bot, watch_everything
from bench.experiment import Absent, Experiment, Measurement, Results, Row, Run, at_least
from bench.fleet import Fleet, fleet
from bench.observe import Polling, asked_meanwhile, observed, percentile

GOAL = 2500
PERIOD = 5.0
"""Seconds between two reads of one pipeline."""
QUICK_PERIOD = 1.0
PROMISED_PERIODS = 3
"""The longest time that a pipeline may go unread; stricter than the bot's default promise of a minute."""
ANSWER_SECONDS = 0.3
TRIES = (2500, 2000, 1600, 1250, 1000, 800, 630, 500, 400, 300)
OVERLOAD = 4000
MEASURED_SECONDS = 20.0
QUICK_SECONDS = 5.0
PATIENCE_SECONDS = 60.0

CARRIED = Row(
    name="capacity",
    label="G3",
    what="reads/s of one process, in time, answers' p99 < 300 ms",
    against="the goal",
    goal=at_least(0.99),  # the bot is asked for exactly the goal, so it can't read more
)
OVERLOADED = Row(
    name="overload",
    label="G3",
    what="reads/s when asked for more than it carries",
    against="the reads/s it carries",
    goal=at_least(0.9),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """What the bot did when asked for `target` reads a second."""

    target: int
    polling: Polling | None
    """None: a round of all pipelines took longer than a minute."""
    answers: list[float]
    """Seconds of each `/pipeline status NAME`."""

    promised: float
    """Seconds."""

    @property
    def in_time(self) -> bool:
        return (
            self.polling is not None
            and self.polling.largest_gap <= self.promised
            and percentile(self.answers, 0.99) < ANSWER_SECONDS
        )

    @property
    def per_second(self) -> float:
        return self.polling.per_second if self.polling else 0.0

    def __str__(self) -> str:
        if self.polling is None:
            return f"asked for {self.target}: not all read in {PATIENCE_SECONDS:g} s"
        median, slow = (1000 * percentile(self.answers, share) for share in (0.5, 0.99))
        return (
            f"asked for {self.target}: {self.per_second:.0f}/s, largest gap {self.polling.largest_gap:.1f} s, "
            f"answers p50 {median:.0f} p99 {slow:.0f} ms, {self.polling.micros:.0f} µs per read, "
            f"a core to {self.polling.share:.0%}, the server's to {self.polling.server_share:.0%}"
        )


async def measure(run: Run) -> Results:
    tries: list[Try] = []
    async with fleet(1) as served:
        for target in (GOAL,) if run.quick else TRIES:
            run.tell(f"{target} reads/s")
            tries.append(await _try(served, target, quick=run.quick))
            if tries[-1].in_time:
                break
        carried = tries[-1]
        if not run.quick and len(tries) == 1:
            run.tell(f"{OVERLOAD} reads/s")
            tries.insert(0, await _try(served, OVERLOAD, quick=False))
    return {
        CARRIED.name: Measurement(
            value=carried.per_second if carried.in_time else 0.0, peer=GOAL, unit="reads/s", note=str(carried)
        ),
        OVERLOADED.name: Measurement(
            value=tries[0].per_second, peer=carried.per_second, unit="reads/s", note=str(tries[0])
        )
        if len(tries) > 1
        else Absent("only in a full run"),
    }


async def _try(served: Fleet, target: int, *, quick: bool) -> Try:
    period = QUICK_PERIOD if quick else PERIOD
    promised, count = PROMISED_PERIODS * period, int(target * period)
    await served.resize(count)
    settings = {
        **paced(count, period),
        "PIPELINE_BOT_PROMISED_SECONDS": f"{promised:g}",
        "PIPELINE_BOT_READ_TIMEOUT_SECONDS": f"{min(5.0, promised):g}",
    }
    async with running_bot(served, settings) as bot:
        await watch_everything(bot)
        try:
            for _ in range(2):  # the first reads write their states
                await served.until_read(count, PATIENCE_SECONDS)
        except TimeoutError:
            return Try(target=target, polling=None, answers=[], promised=promised)
        async with asked_meanwhile(bot.rig, f"status {served.name(7)}") as answers:
            polling = await observed(served, [bot.pid], QUICK_SECONDS if quick else MEASURED_SECONDS)
    return Try(target=target, polling=polling, answers=answers, promised=promised)


EXPERIMENT = Experiment(name="capacity", rows=(CARRIED, OVERLOADED), measure=measure)
