"""People's requests: four services that share one view of the pipelines."""

from dataclasses import dataclass
from typing import Self

from bot.domain.subscription import Limits
from bot.ports import Clock
from bot.watching.acknowledgements import Acknowledgements
from bot.watching.listing import Listing
from bot.watching.notes import Notes
from bot.watching.paging_stops import Direct, PagingStops
from bot.watching.poller import Poller
from bot.watching.queries import Queries
from bot.watching.references import References
from bot.watching.roster import Roster
from bot.watching.subscriptions import Subscriptions
from bot.watching.views import Views

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
        roster: Roster,
        poller: Poller,
        listing: Listing,
        clock: Clock,
        direct: Direct,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Self:
        views = Views(roster=roster, poller=poller, clock=clock)
        references = References(roster=roster, listing=listing)
        return cls(
            references=references,
            queries=Queries(roster=roster, references=references, listing=listing, views=views, clock=clock),
            subscriptions=Subscriptions(roster=roster, references=references, views=views, clock=clock, limits=limits),
            acknowledgements=Acknowledgements(roster=roster, views=views, clock=clock),
            notes=Notes(roster=roster, references=references, clock=clock),
            stops=PagingStops(roster=roster, direct=direct, clock=clock),
        )
