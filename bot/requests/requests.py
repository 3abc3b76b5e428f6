"""People's requests: four services that share one view of the pipelines."""

from dataclasses import dataclass
from typing import Protocol, Self

from bot.domain.subscription import Limits
from bot.monitoring.catalogue import Listing
from bot.monitoring.poller import Poller
from bot.ports.cards import Cards
from bot.ports.channel_store import ChannelStore
from bot.ports.clock import Clock
from bot.ports.outbox import Outbox
from bot.ports.rename_store import RenameStore
from bot.ports.watch_store import WatchStore
from bot.requests.acknowledgements import Acknowledgements
from bot.requests.notes import Notes
from bot.requests.paging_stops import Direct, PagingStops
from bot.requests.queries import Queries
from bot.requests.references import References
from bot.requests.status_reader import StatusReader
from bot.requests.subscriptions import Subscriptions
from bot.state.repository import Repository

DEFAULT_LIMITS = Limits()


class RequestsStore(WatchStore, ChannelStore, RenameStore, Cards, Outbox, Protocol):
    """The ports that the services share out; each service names only its own."""


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
        store: RequestsStore,
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
            queries=Queries(
                repository=repository, channels=store, references=references, listing=listing, views=views, clock=clock
            ),
            subscriptions=Subscriptions(
                repository=repository,
                watch_store=store,
                channels=store,
                references=references,
                views=views,
                clock=clock,
                limits=limits,
            ),
            acknowledgements=Acknowledgements(
                repository=repository, cards=store, renames=store, outbox=store, views=views, clock=clock
            ),
            notes=Notes(repository=repository, watch_store=store, references=references, clock=clock),
            stops=PagingStops(
                repository=repository, watch_store=store, cards=store, outbox=store, direct=direct, clock=clock
            ),
        )
