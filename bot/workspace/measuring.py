"""Builds what measures the pipelines of a workspace. It runs in the bot that leads."""

from bot.goldrush.client import Client
from bot.monitoring.chain_reads import ChainReads
from bot.monitoring.measurements import Measurements
from bot.workspace.base import Base

MEASURING_SECONDS = 1.0  # how often the bot looks for measurements that are due


def build_measurements(base: Base, api: Client) -> Measurements:
    seconds = base.settings.measure_seconds
    return Measurements(
        details=api,
        chains=ChainReads(api=base.shared.chains, budget=base.budget, clock=base.clock, seconds=seconds),
        repository=base.repository,
        store=base.store,
        budget=base.budget,
        clock=base.clock,
        leadership=base.leadership,
        seconds=seconds,
    )
