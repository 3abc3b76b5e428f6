"""Builds what follows the credits of the account. It runs in the bot that leads."""

from bot.jobs import PeriodicJob
from bot.monitoring.credit_reads import CreditReads
from bot.requests.credit_notices import CreditNotices
from bot.requests.setup_changes import SetupChanges
from bot.workspace.base import Base

CREDITS_SECONDS = 10.0  # how often the bot looks whether a read or report is due; it asks GoldRush once an hour


def credit_jobs(base: Base) -> list[PeriodicJob]:
    api = base.shared.api
    if api is None:
        return []
    reads = CreditReads(api=api, store=base.store, budget=base.budget, clock=base.clock, leadership=base.leadership)
    notices = CreditNotices(
        repository=base.repository,
        changes=SetupChanges(repository=base.repository, setup_store=base.store, clock=base.clock),
        store=base.store,
        clock=base.clock,
        operator=base.operator,
    )
    return [
        PeriodicJob("credits", base.leadership.only_as_leader(reads.run), CREDITS_SECONDS),
        PeriodicJob("credit_notices", base.leadership.only_as_leader(notices.follow), CREDITS_SECONDS),
    ]
