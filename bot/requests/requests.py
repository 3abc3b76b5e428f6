"""People's requests: four services that share one view of the pipelines."""

from dataclasses import dataclass
from typing import Self

from bot.domain.subscription import Limits
from bot.monitoring.catalogue import Listing
from bot.monitoring.poller import Poller
from bot.ports import Clock
from bot.requests.acknowledgements import Acknowledgements
from bot.requests.notes import Notes
from bot.requests.paging_stops import Direct, PagingStops
from bot.requests.queries import Queries
from bot.requests.references import References
from bot.requests.status_reader import StatusReader
from bot.requests.subscriptions import Subscriptions
from bot.state.repository import Repository

DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    references: References
    queries: Queries
    subscriptions: Subscriptions
    acknowledgements: Acknowledgements
    notes: Notes
    stops: PagingStops

    @classmethod
    def over(
        cls,
        *,
        repository: Repository,
        poller: Poller,
        listing: Listing,
        clock: Clock,
        direct: Direct,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Self:
        views = StatusReader(repository=repository, poller=poller, clock=clock)
        references = References(repository=repository, listing=listing)
        return cls(
            references=references,
            queries=Queries(repository=repository, references=references, listing=listing, views=views, clock=clock),
            subscriptions=Subscriptions(
                repository=repository, references=references, views=views, clock=clock, limits=limits
            ),
            acknowledgements=Acknowledgements(repository=repository, views=views, clock=clock),
            notes=Notes(repository=repository, references=references, clock=clock),
            stops=PagingStops(repository=repository, direct=direct, clock=clock),
        )
