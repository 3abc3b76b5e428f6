"""How Slack reaches the bot by HTTP, with signatures. `ears` is the other way; the same Bolt app serves both."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp

LARGEST_REQUEST = 512 * 1024  # far above what Slack sends; more is refused before it is read


@asynccontextmanager
async def http(app: AsyncApp, port: int) -> AsyncIterator[int]:
    """Serves `/slack/events` and `/healthz`; yields the port. Bolt checks signature and age of every request.

    Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
    """

    async def slack(request: web.Request) -> web.Response:
        try:
            asked = await to_bolt_request(request)
        except UnicodeDecodeError:
            return web.Response(status=400, text="not UTF-8")
        return await to_aiohttp_response(await app.async_dispatch(asked))

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    server = web.Application(client_max_size=LARGEST_REQUEST)
    server.add_routes([web.post("/slack/events", slack), web.get("/healthz", health)])
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, port=port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
