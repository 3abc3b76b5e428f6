"""Builds what finds out what came before a failure: changed configurations, and earlier failures with its error."""

from bot.jobs import PeriodicJob
from bot.monitoring.configurations import Configurations
from bot.monitoring.known_errors import KnownErrors
from bot.ports.diagnosis_facts import AddFacts
from bot.workspace.base import Base

FORGET_SECONDS = 6 * 3600.0


def build_configurations(base: Base) -> Configurations:
    return Configurations(
        store=base.store,
        repository=base.repository,
        clock=base.clock,
        leadership=base.leadership,
    )


def build_facts(base: Base) -> tuple[AddFacts, ...]:
    return (_known_errors(base).add_seen_before,)


def background_jobs(base: Base, configurations: Configurations | None) -> list[PeriodicJob]:
    """Bounds what Redis keeps."""
    if configurations is None:
        return []
    known_errors = _known_errors(base)

    async def forget() -> None:
        await configurations.forget_old()
        await known_errors.forget_old()

    return [PeriodicJob("old_background", base.leadership.only_as_leader(forget), FORGET_SECONDS, hangs_after=300.0)]


def _known_errors(base: Base) -> KnownErrors:
    return KnownErrors(repository=base.repository, store=base.store, history=base.store, clock=base.clock)
