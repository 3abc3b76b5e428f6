"""The control API for outside pagers: what they got, what people do in PagerDuty, and how it fails.

GET  /sandbox/pagers           the incidents, events and messages
POST /sandbox/pagers/act       `key`, `status` (acknowledged or resolved), `person`
POST /sandbox/pagers/webhook   `url`: where PagerDuty sends its webhook
POST /sandbox/pagers/fault     `kind`: a `PagerFault`, or `none`
"""

from typing import Any

from aiohttp import web

from sandbox.control import answering, with_body
from sandbox.control_body import Body
from sandbox.pager_view import PagersOwner
from sandbox.pagerduty import PagerFault


def routes(sandbox: PagersOwner) -> list[web.RouteDef]:
    control = _PagerControl(sandbox)
    return [
        web.get("/sandbox/pagers", answering(control.view)),
        web.post("/sandbox/pagers/act", answering(with_body(control.act))),
        web.post("/sandbox/pagers/webhook", answering(with_body(control.webhook))),
        web.post("/sandbox/pagers/fault", answering(with_body(control.fault))),
    ]


class _PagerControl:
    def __init__(self, sandbox: PagersOwner) -> None:
        self._sandbox = sandbox

    async def view(self, _: web.Request) -> Any:
        return {"pagerduty": self._sandbox.pagerduty.view(), "sink": self._sandbox.pager_sink.taken}

    async def act(self, body: Body) -> Any:
        self._sandbox.pagerduty.act(body.text("key"), body.text("status"), body.text("person"))
        return {"ok": True}

    async def webhook(self, body: Body) -> Any:
        self._sandbox.pagerduty.webhook_url = body.maybe_text("url") or None
        return {"ok": True}

    async def fault(self, body: Body) -> Any:
        kind = body.text("kind")
        self._sandbox.pagerduty.stays = None if kind == "none" else PagerFault(kind)
        return {"ok": True}
