"""Reads incidents from PagerDuty's REST API, for a bot that its webhook can't reach.

Source: https://developer.pagerduty.com/api-reference/9d0b4b12e36f9-list-incidents
"""

from bot.domain.pager import PagerChange
from bot.pagers.web import NoAnswer, WebAnswer, WebClient
from bot.pagers.webhook import change_of_incident


class IncidentReader:
    """One account's incidents. `token`: a read-only REST API key."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Token token={token}", "Accept": "application/vnd.pagerduty+json;version=2"}
        self._client = WebClient(url, headers=headers)
        self._url = f"{url.rstrip('/')}/incidents"

    async def close(self) -> None:
        await self._client.close()

    async def probe(self) -> WebAnswer | NoAnswer:
        return await self._client.get(self._url, {"limit": "1"})

    async def change(self, key: str) -> PagerChange | WebAnswer | NoAnswer | None:
        """What people did to the latest incident with this key; None: nothing. Other answers say why it is unknown."""
        answer = await self._client.get(self._url, {"incident_key": key, "limit": "1", "sort_by": "created_at:desc"})
        if isinstance(answer, NoAnswer) or answer.status != 200:
            return answer
        incidents = answer.json.get("incidents")
        rows = incidents if isinstance(incidents, list) else []
        return next((change for row in rows if (change := change_of_incident(row))), None)
