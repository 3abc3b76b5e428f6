"""Downloads a calendar over https, with limits for time, size and redirects. Its address never leaves this file."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from bot.domain.calendar import CalendarAddress, CalendarProblem, CalendarUnreadable, calendar_address
from bot.proxy import ProxyError, proxy_for

LONGEST_CALENDAR = 2 * 1024 * 1024  # bytes: a busy team's calendar of several years
DOWNLOAD_SECONDS = 20.0  # for all redirects together
MOST_REDIRECTS = 5
_BEGIN, _END = b"BEGIN:VCALENDAR", b"END:VCALENDAR"
_STATUS = {
    401: CalendarProblem.REFUSED,
    403: CalendarProblem.REFUSED,
    404: CalendarProblem.NOT_FOUND,
    410: CalendarProblem.NOT_FOUND,
}


class CalendarClient:
    """Downloads calendars. `trusted`: the certificates that count. None: as for GoldRush."""

    def __init__(self, *, trusted: ssl.SSLContext | None = None, seconds: float = DOWNLOAD_SECONDS) -> None:
        self._trusted = trusted
        self._seconds = seconds

    async def download(self, address: CalendarAddress) -> bytes:
        """The text of the calendar. It begins and ends as a calendar does; the rest is not checked.

        Raises:
            CalendarUnreadable
        """
        problem: CalendarProblem
        try:
            async with asyncio.timeout(self._seconds):
                return await self._followed(address.url)
        except CalendarUnreadable as exc:
            problem = exc.problem
        except TimeoutError:
            problem = CalendarProblem.TOO_SLOW
        except (httpx.HTTPError, httpx.InvalidURL, ProxyError, OSError, UnicodeError):
            problem = CalendarProblem.NO_CONNECTION
        raise CalendarUnreadable(problem)  # outside of the handlers: their exceptions may quote the address

    async def _followed(self, url: str) -> bytes:
        for _ in range(MOST_REDIRECTS + 1):
            async with self._response(url) as response:
                if not response.has_redirect_location:
                    return await _checked_text(response)
                target = calendar_address(str(response.url.join(response.headers["Location"])))
            if not isinstance(target, CalendarAddress):
                raise CalendarUnreadable(CalendarProblem.INSECURE_REDIRECT)
            url = target.url
        raise CalendarUnreadable(CalendarProblem.REDIRECTS)

    @asynccontextmanager
    async def _response(self, url: str) -> AsyncIterator[httpx.Response]:
        """A client for each request, because the next host may need another proxy."""
        if self._trusted is None:
            self._trusted = httpx.create_ssl_context()
        headers = {"Accept": "text/calendar, */*;q=0.5", "Accept-Encoding": "identity"}
        async with (
            httpx.AsyncClient(
                proxy=proxy_for(url), verify=self._trusted, trust_env=False, timeout=self._seconds, headers=headers
            ) as client,
            client.stream("GET", url) as response,
        ):
            yield response


async def _checked_text(response: httpx.Response) -> bytes:
    if response.status_code != 200:
        raise CalendarUnreadable(_STATUS.get(response.status_code, CalendarProblem.BAD_STATUS))
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise CalendarUnreadable(CalendarProblem.NO_CALENDAR)  # a few bytes of gzip may become gigabytes
    collected = bytearray()
    async for piece in response.aiter_raw():
        collected += piece
        if len(collected) > LONGEST_CALENDAR:
            raise CalendarUnreadable(CalendarProblem.TOO_LONG)
    text = bytes(collected).removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        raise CalendarUnreadable(CalendarProblem.EMPTY)
    if not text[: len(_BEGIN)].upper() == _BEGIN:
        raise CalendarUnreadable(CalendarProblem.NO_CALENDAR)
    if not text[-len(_END) :].upper() == _END:
        raise CalendarUnreadable(CalendarProblem.BROKEN)  # the end is missing, and with it perhaps some events
    return text
