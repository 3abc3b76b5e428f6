"""Asks PagerDuty about open incidents, for a bot that its webhook can't reach. Only the active scheduler asks."""

from collections.abc import Sequence

from bot.domain.delivery import Receiver
from bot.domain.pager import PagerChange
from bot.domain.pager_lane import Incident
from bot.pagers.incident_reader import IncidentReader
from bot.pagers.web import NoAnswer, WebAnswer
from bot.ports.pager_answers import PagerAnswers
from bot.ports.pager_incidents import PagerIncidents
from bot.ports.telemetry import emit
from bot.ports.telemetry.requests import PagerNotRead

POLL_SECONDS = 15.0
MOST_AT_ONCE = 20  # in one round; PagerDuty allows 960 requests a minute


class IncidentPoller:
    """Reads a part of the open incidents in each round, one after the other."""

    def __init__(
        self, reader: IncidentReader, incidents: PagerIncidents, answers: PagerAnswers, receivers: Sequence[Receiver]
    ) -> None:
        self._reader = reader
        self._incidents = incidents
        self._answers = answers
        self._receivers = receivers
        self._last_key = ""
        self._failing = False

    async def poll(self) -> None:
        """
        Raises:
            StoreAway: the next round tries again.
        """
        for incident in self._next(await self._open()):
            self._last_key = incident.key
            answer = await self._reader.change(incident.key)
            if isinstance(answer, WebAnswer | NoAnswer):
                self._report(answer)
                return
            self._failing = False
            if isinstance(answer, PagerChange):
                await self._answers.apply(answer)

    async def _open(self) -> dict[str, Incident]:
        incidents: dict[str, Incident] = {}
        for receiver in self._receivers:
            incidents |= await self._incidents.incidents(receiver)
        return dict(sorted(incidents.items()))

    def _next(self, incidents: dict[str, Incident]) -> Sequence[Incident]:
        """Those after the last one, so that each gets its turn."""
        later = [incident for key, incident in incidents.items() if key > self._last_key]
        earlier = [incident for key, incident in incidents.items() if key <= self._last_key]
        return [*later, *earlier][:MOST_AT_ONCE]

    def _report(self, answer: WebAnswer | NoAnswer) -> None:
        """Once, until a read succeeds."""
        if not self._failing:
            problem = answer.problem if isinstance(answer, NoAnswer) else f"PagerDuty answered {answer.status}"
            emit(PagerNotRead(problem=problem))
        self._failing = True
