"""Thirty days of simulated fleets: how often `lagging` and `stalled` are false, missed or late.

    python -m tests.proofs.fleet_30_days --pipelines 80 --seeds 0 1

The bot's own pure code judges measurements of a made-up GoldRush, every five minutes with jitter. Some measurements
fail, and the bot is away for some hours. One step of the world is a minute.
"""

import argparse
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random
from statistics import quantiles

from bot.domain.chains import Chain, with_pace
from bot.domain.lag import judge
from bot.domain.measurement import Measurement
from bot.domain.usual_pace import UsualPace

DAYS = 30
DAY = 24 * 60
MINUTES = DAYS * DAY
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
PERIOD = 5.0
THRESHOLDS = (300, 600, 1800)
FIRST_FAULT = 9 * DAY  # each pipeline has had its learning time
RESOLUTION = 120.0  # seconds: heights and measurements are those of whole minutes
RESOLUTION_BLOCKS = 2  # a pipeline that falls behind on a slow chain may be reported so many blocks too early
VISIBLE = 30  # minutes: a fault that the bot could see for less counts neither way
MISSING = 0.02  # of the measurements, by chance
KINDS = ("steady", "sparse filter", "sparse", "nightly", "office hours", "working days", "bursty", "backfill")
STALL_HOURS = {"sparse": 12, "nightly": 96, "office hours": 60, "working days": 140, "bursty": 36}
"""How long a stall lasts that must be found; other kinds stall for one to six hours."""


def moment(minute: float) -> datetime:
    return BEGIN + timedelta(minutes=minute)


# --- the world --------------------------------------------------------------------------------------------------------


@dataclass
class SimulatedChain:
    """`head`: up to which minute of the chain GoldRush has synced it, at each minute. `blocks`: made until a minute."""

    name: str
    head: list[float]
    blocks: list[int]
    made_at: list[float]
    """The time of the latest block until each minute."""
    troubles: list[tuple[int, int]]
    block_seconds: float

    def status(self, minute: float) -> tuple[int, datetime]:
        head = int(self.head[int(minute)])
        return self.blocks[head], moment(self.made_at[head])

    def is_in_trouble(self, minute: float) -> bool:
        return any(begin <= minute <= end + 60 for begin, end in self.troubles)


def a_chain(name: str, chance: Random, blocks_a_minute: float) -> SimulatedChain:
    """It halts twice, and GoldRush's sync falls behind twice."""
    halts = [(begin, begin + chance.randint(40, 180)) for begin in chance.sample(range(2 * DAY, MINUTES - DAY), 2)]
    delays = [(begin, begin + chance.randint(40, 180)) for begin in chance.sample(range(2 * DAY, MINUTES - DAY), 2)]
    made, blocks, made_at, head = 0.0, [], [], []
    last, synced = 0.0, 0.0
    for minute in range(MINUTES + 1):
        if not any(begin <= minute < end for begin, end in halts):
            before = int(made)
            made += blocks_a_minute if blocks_a_minute >= 1 else float(chance.random() < blocks_a_minute)
            last = minute if int(made) > before else last
        blocks.append(int(made))
        made_at.append(last)
        if not any(begin <= minute < end for begin, end in delays):
            synced = min(minute, synced + 10)
        head.append(synced)
    return SimulatedChain(name, head, blocks, made_at, halts + delays, 60 / blocks_a_minute)


@dataclass
class Fault:
    kind: str
    begin: int
    end: int
    found_at: dict[object, float] = field(default_factory=dict)


@dataclass
class SimulatedPipeline:
    """What GoldRush would report of a pipeline at each minute."""

    kind: str
    chain: SimulatedChain
    heights: list[int]
    records: list[int]
    delays: list[float]
    lags: list[float]
    """The true lag, in seconds."""
    down: list[bool]
    deployed: list[float]
    faults: list[Fault]


def active(kind: str, chance: Random) -> list[bool]:
    """In which minutes of the chain the pipeline finds records."""
    begin, length, mean = chance.randint(0, DAY - 120), chance.randint(20, 60), chance.uniform(15, 45)
    found, until, on = [], 0.0, True
    for minute in range(MINUTES + 1):
        day, of_day = divmod(minute, DAY)
        match kind:
            case "nightly":
                found.append(begin <= of_day + (day * 7919 % 61 - 30) < begin + length)
            case "office hours":
                found.append(8 * 60 <= of_day < 22 * 60)
            case "working days":
                found.append(day % 7 < 5)
            case "sparse" | "sparse filter":
                found.append(chance.random() < 1 / mean)
            case "bursty":
                if minute >= until:
                    on = not on
                    until = minute + min(2 * chance.paretovariate(1.3), 240.0) + (3 if on else 0)
                found.append(on)
            case _:
                found.append(True)
    return found


def faults_of(kind: str, chance: Random, first_fault: int) -> list[Fault]:
    """Half of the pipelines have none. Others stall or lag, some of them twice within a week."""
    if chance.random() < 0.5:
        return []
    begin, faults = chance.randint(first_fault, first_fault + 7 * DAY), []
    for _ in range(chance.choice((1, 2))):
        if kind in {"steady", "sparse filter", "backfill"} and chance.random() < 0.5:
            kind_of_lag = chance.choice(("lag", "drift"))
            minutes = chance.randint(90, 360) if kind_of_lag == "lag" else chance.randint(2 * DAY, 4 * DAY)
            faults.append(Fault(kind_of_lag, begin, begin + minutes))
        else:
            hours = STALL_HOURS.get(kind, chance.uniform(1, 6))
            faults.append(Fault("stall", begin, begin + int(hours * 60)))
        begin = faults[-1].end + chance.randint(1 * DAY, 6 * DAY)
        if begin > MINUTES - 5 * DAY:
            break
    return faults


def a_pipeline(kind: str, chain: SimulatedChain, chance: Random, first_fault: int) -> SimulatedPipeline:
    finds, faults = active(kind, chance), faults_of(kind, chance, first_fault)
    seen = list(accumulate(finds))
    follows_heights = kind in {"steady", "sparse filter", "backfill"}
    restarts = {chance.randrange(DAY, MINUTES): chance.randint(0, 4) for _ in range(chance.randint(1, 6))}
    restarts |= {
        fault.end: 2 for fault in faults if fault.kind == "stall" and (is_long(fault) or chance.random() < 0.5)
    }
    bursts = {chance.randrange(DAY, MINUTES) for _ in range(chance.randint(0, 8))}
    pipeline = SimulatedPipeline(kind, chain, [], [], [], [], [], [], faults)
    position, base, delay, usual, height = 0.0, 0, 5.0, chance.uniform(2, 40) / 60, 0
    if kind == "backfill":
        position = -chance.uniform(5, 40) * DAY  # reads the past, and catches up within days
    catch_up, slow, down = chance.uniform(3, 12), 0, 0
    stalled_at, by_fault = stalls(faults), speeds(faults)
    for minute in range(MINUTES):
        if minute in restarts:
            down = restarts[minute]
            position -= chance.uniform(0, 1.5)
            base = seen[max(0, int(position))]
            if down or chance.random() < 0.5:
                pipeline.deployed.append(minute + down)
        slow = chance.randint(5, 9) if minute in bursts else slow - 1
        before = position
        if down > 0:
            down -= 1
            is_down = True
        else:
            is_down = False
            speed = by_fault.get(minute, 0.3 if slow > 0 else catch_up * chance.uniform(0.7, 1.1))
            if not stalled_at[minute]:
                position = max(position, min(chain.head[minute], minute - usual, position + speed))
        reached = max(0, int(position))
        if follows_heights or seen[reached] > seen[max(0, int(before))]:
            height = chain.blocks[reached] - max(0, int(-position)) * 30
            delay = (minute - position) * 60 if position > before else delay
        pipeline.heights.append(height + 10**7)
        pipeline.records.append(max(0, seen[reached] - base) * 3)
        pipeline.delays.append(max(0.0, delay))
        pipeline.lags.append((minute - position) * 60)
        pipeline.down.append(is_down)
    return pipeline


def is_long(fault: Fault) -> bool:
    """Somebody restarts it: nobody can tell a longer stall that ends by itself from a weekend."""
    return fault.end - fault.begin >= 12 * 60


def stalls(faults: Sequence[Fault]) -> list[bool]:
    stands = [False] * (MINUTES + 1)
    for fault in faults:
        if fault.kind == "stall":
            for minute in range(fault.begin, min(fault.end, MINUTES)):
                stands[minute] = True
    return stands


def speeds(faults: Sequence[Fault]) -> dict[int, float]:
    """Minutes of the chain that it reads in a minute, while a fault slows it down."""
    of: dict[int, float] = {}
    for fault in faults:
        if fault.kind != "stall":
            speed = 0.5 if fault.kind == "lag" else 1 - 60 / (fault.end - fault.begin)
            of |= dict.fromkeys(range(fault.begin, min(fault.end, MINUTES)), speed)
    return of


# --- what the bot makes of it -----------------------------------------------------------------------------------------


@dataclass
class Figures:
    pipelines: Counter[str] = field(default_factory=Counter)
    false: Counter[tuple[str, str]] = field(default_factory=Counter)
    settled: Counter[str] = field(default_factory=Counter)
    """The false ones after the first eight days, when a pipeline has had its first weekend."""
    of_chain: Counter[str] = field(default_factory=Counter)
    blamed: Counter[str] = field(default_factory=Counter)
    """Alarms while the chain was in trouble that do not say so."""
    missed: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    delays: defaultdict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    left_open: int = 0
    measurements: int = 0


def chain_answers(chain: SimulatedChain, chance: Random) -> Iterator[tuple[float, Chain]]:
    """What the bot knows of a chain: asked every five minutes, and some answers fail."""
    known: Chain | None = None
    minute = chance.uniform(0, PERIOD)
    while minute < MINUTES:
        if chance.random() >= MISSING:
            height, signed_at = chain.status(minute)
            answer = Chain(name=chain.name, height=height + 10**7, at=moment(minute), signed_at=signed_at)
            known = with_pace(known, answer)
            yield minute, known
        minute += PERIOD + chance.uniform(0, 0.05)


def judge_one(
    pipeline: SimulatedPipeline,
    answers: Sequence[tuple[float, Chain]],
    away: Sequence[tuple[int, int]],
    chance: Random,
    figures: Figures,
) -> None:
    """Measures and judges a pipeline for all days, and counts what was right."""
    pace: UsualPace | None = None
    over: frozenset[int] = frozenset()
    is_stalled = interrupted = False
    times = [minute for minute, _ in answers]
    phase = chance.uniform(0, PERIOD)
    for turn in range(int(MINUTES / PERIOD) - 1):
        minute = phase + turn * PERIOD + chance.uniform(0, 0.2)
        at = int(minute)
        if chance.random() < MISSING or any(begin <= minute < end for begin, end in away):
            continue
        if pipeline.down[at]:
            interrupted, over, is_stalled = True, frozenset(), False
            continue
        figures.measurements += 1
        newest = bisect_left(times, minute) - 1
        is_fresh = newest >= 0 and minute - times[newest] <= PERIOD * 2.5
        deployed = bisect_left(pipeline.deployed, minute) - 1
        now = Measurement(
            at=moment(minute),
            uid="worker",
            records_consumed=pipeline.records[at],
            last_block_height=pipeline.heights[at],
            processing_delay_ms=pipeline.delays[at] * 1000,
        )
        pace, judgement = judge(
            pace,
            now,
            answers[newest][1] if is_fresh else None,
            THRESHOLDS,
            deployed_at=now.at if interrupted else moment(pipeline.deployed[deployed]) if deployed >= 0 else None,
        )
        interrupted = False
        if judgement.stalled_since and not is_stalled:
            _count_stall(pipeline, minute, figures)
        is_stalled = judgement.stalled_since is not None
        for threshold in set(judgement.over) - over:
            lag = judgement.lag
            culprit = lag is not None and lag.chain_seconds is not None and lag.chain_seconds >= lag.seconds / 2
            count_lag(pipeline, minute, threshold, figures, names_the_chain=culprit)
        over = frozenset(judgement.over)
    figures.left_open += bool(over or is_stalled) and pipeline.lags[-1] < THRESHOLDS[0] / 2
    _count_missed(pipeline, away, figures)


def _count_stall(pipeline: SimulatedPipeline, minute: float, figures: Figures) -> None:
    fault = _fault_at(pipeline, minute, "stall")
    if fault is None and _fault_at(pipeline, minute, "lag", "drift"):
        return  # on a slow chain, a slow pipeline stands still longer than usual
    if fault:
        fault.found_at.setdefault("stalled", minute)
    elif pipeline.chain.is_in_trouble(minute):
        figures.blamed["stalled"] += 1
    else:
        _count_false(pipeline, minute, "stalled", figures)


def count_lag(
    pipeline: SimulatedPipeline, minute: float, threshold: int, figures: Figures, *, names_the_chain: bool
) -> None:
    at = int(minute)
    fault = _fault_at(pipeline, minute, "lag", "drift", "stall")
    lag = max(pipeline.lags[max(0, at - 15) : at + 1])
    if fault and lag > threshold - RESOLUTION - RESOLUTION_BLOCKS * pipeline.chain.block_seconds:
        fault.found_at.setdefault(threshold, minute)
    elif names_the_chain:
        figures.of_chain[f"lagging:{threshold // 60}m"] += 1
    elif pipeline.chain.is_in_trouble(minute):
        figures.blamed[f"lagging:{threshold // 60}m"] += 1
    elif lag <= threshold:
        _count_false(pipeline, minute, f"lagging:{threshold // 60}m", figures)


def _count_false(pipeline: SimulatedPipeline, minute: float, name: str, figures: Figures) -> None:
    figures.false[pipeline.kind, name] += 1
    figures.settled[name] += minute > 8 * DAY


def _fault_at(pipeline: SimulatedPipeline, minute: float, *kinds: str) -> Fault | None:
    faults = (fault for fault in pipeline.faults if fault.kind in kinds)
    return next((fault for fault in faults if fault.begin <= minute <= fault.end + 30), None)


def _count_missed(pipeline: SimulatedPipeline, away: Sequence[tuple[int, int]], figures: Figures) -> None:
    for fault in pipeline.faults:
        if fault.end >= MINUTES or visible_minutes(fault, (*away, *pipeline.chain.troubles)) < VISIBLE:
            continue
        if fault.kind == "stall":
            _count_found(pipeline.kind, "stalled", fault, "stalled", fault.begin, figures)
            continue
        for threshold in THRESHOLDS:
            crossed = next(
                (at for at in range(fault.begin, min(fault.end, MINUTES)) if pipeline.lags[at] > threshold), None
            )
            if crossed is not None and fault.end - crossed >= 4 * PERIOD:
                name = f"lagging:{threshold // 60}m"
                _count_found(pipeline.kind, name, fault, threshold, crossed, figures)


def visible_minutes(fault: Fault, hidden: Sequence[tuple[int, int]]) -> int:
    """`hidden`: when the bot is away, or the chain stands still and the pipeline has nothing to read."""
    return sum(not any(begin <= at < end for begin, end in hidden) for at in range(fault.begin, fault.end))


def _count_found(kind: str, name: str, fault: Fault, key: object, begin: int, figures: Figures) -> None:
    figures.faults[kind, name] += 1
    if (found := fault.found_at.get(key)) is None:
        figures.missed[kind, name] += 1
    else:
        figures.delays[kind, name].append(max(0.0, found - begin))


def run(
    pipelines: int, seed: int, *, with_key: bool, first_fault: int = FIRST_FAULT, figures: Figures | None = None
) -> Figures:
    """One fleet for thirty days. `first_fault`: the earliest minute of a fault."""
    figures, chance = figures or Figures(), Random(seed)  # noqa: S311
    chains = [a_chain("base-mainnet", chance, 30), a_chain("eth-mainnet", chance, 5), a_chain("odd-net", chance, 0.1)]
    asking = Random(seed)  # noqa: S311 (apart, so that the fleet is the same without the API key)
    answers = [list(chain_answers(chain, asking)) if with_key else [] for chain in chains]
    away = [(begin, begin + chance.randint(20, 300)) for begin in chance.sample(range(MINUTES), 4)]
    for number in range(pipelines):
        kind = KINDS[number % len(KINDS)]
        chosen = chance.randrange(len(chains))
        pipeline = a_pipeline(kind, chains[chosen], chance, first_fault)
        figures.pipelines[kind] += 1
        judge_one(pipeline, answers[chosen], away, chance, figures)
    return figures


# --- the report -------------------------------------------------------------------------------------------------------


def rows(figures: Figures) -> Iterator[str]:
    names = ["stalled", *(f"lagging:{threshold // 60}m" for threshold in THRESHOLDS)]
    fleet = sum(figures.pipelines.values())
    for name in names:
        false = sum(number for (_, of), number in figures.false.items() if of == name)
        faults = sum(number for (_, of), number in figures.faults.items() if of == name)
        missed = sum(number for (_, of), number in figures.missed.items() if of == name)
        delays = sorted(delay for (_, of), some in figures.delays.items() if of == name for delay in some)
        parts = quantiles(delays, n=100) if len(delays) > 1 else [0.0] * 99
        yield (
            f"{name}: false {false} ({false / fleet:.3f} each month, {figures.settled[name]} after 8 days), "
            f"missed {missed} of {faults}, "
            f"delay p50 {parts[49]:.0f} min, p90 {parts[89]:.0f} min, p99 {parts[98]:.0f} min, "
            f"of the chain {figures.of_chain[name]}, blamed wrongly {figures.blamed[name]}"
        )
    yield f"  pipelines: {', '.join(f'{number} {kind}' for kind, number in figures.pipelines.items())}"
    for (kind, name), number in sorted(figures.false.items()):
        yield f"  false: {kind}, {name}: {number} in {figures.pipelines[kind]} pipelines"
    for (kind, name), number in sorted(figures.missed.items()):
        yield f"  missed: {kind}, {name}: {number} of {figures.faults[kind, name]}"
    for (kind, name), delays in sorted(figures.delays.items()):
        if name == "stalled" and len(delays) > 1:
            yield f"  delay: {kind}, {name}: p50 {quantiles(delays, n=2)[0]:.0f} min, most {max(delays):.0f} min"
    yield f"  left open: {figures.left_open}; {figures.measurements} measurements"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipelines", type=int, default=200)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--first-fault-day", type=float, default=FIRST_FAULT / DAY)
    options = parser.parse_args()
    first_fault = int(options.first_fault_day * DAY)
    for with_key in (True, False):
        figures = Figures()
        for seed in options.seeds:
            run(options.pipelines, seed, with_key=with_key, first_fault=first_fault, figures=figures)
        key = "with" if with_key else "without"
        print(f"{key} the API key, {options.pipelines} pipelines for each of the seeds {options.seeds}:")  # noqa: T201
        for row in rows(figures):
            print(row)  # noqa: T201


if __name__ == "__main__":
    main()
