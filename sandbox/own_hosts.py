"""Protects the sandbox from other sites' pages that are open in the same browser.

A site can point its own name to this machine (DNS rebinding). Then Host and Origin agree with each other, so both are
checked against a fixed list. https://www.rfc-editor.org/rfc/rfc9110#name-421-misdirected-request
"""

from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
HTTP_PORT = 80


def own_names(port: int) -> frozenset[str]:
    """The Host values that a browser on this machine sends for `port`."""
    names = {f"{name}:{port}" for name in LOOPBACK}
    return frozenset(names | set(LOOPBACK)) if port == HTTP_PORT else frozenset(names)


def only_from(names: Collection[str], more: Collection[str] = ()) -> Middleware:
    """Refuses every request for another host, or from another site's page.

    `names` is read at each request. `more` are names outside this machine; a proxy may serve them by https.
    """

    @web.middleware
    async def own_only(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = _host(request)
        if host not in names and host not in more:
            return _refused(421, f"This demo is not {host or 'a host without a name'}. {_cure(names)}")
        origins = {f"http://{name}" for name in (*names, *more)} | {f"https://{name}" for name in more}
        if any(origin not in origins for origin in request.headers.getall("Origin", [])):
            return _refused(403, f"Another site's page may not reach this demo. {_cure(names)}")
        return await handler(request)

    return own_only


def _host(request: web.Request) -> str:
    """The host of the request. Empty if there is none, or more than one, or another in the request's target."""
    hosts = request.headers.getall("Host", [])
    return hosts[0] if len(hosts) == 1 and request.raw_path.startswith("/") else ""


def _cure(names: Collection[str]) -> str:
    return f"Open http://{min(names, default='localhost')}, or start it with --host NAME:PORT."


def _refused(status: int, text: str) -> web.Response:
    response = web.json_response({"error": text}, status=status)
    response.force_close()
    return response
