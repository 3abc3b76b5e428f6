"""The drawer's list of outside pagers: what they got, and what a person does in PagerDuty."""

import httpx
import pytest
from playwright.async_api import Page, expect

from sandbox.pagerduty import ROUTING_KEY
from sandbox.server import Sandbox
from tests.sandbox.test_sandbox_page import page, sandbox

pytestmark = pytest.mark.page
__all__ = ["page", "sandbox"]


async def enqueue(sandbox: Sandbox, action: str) -> None:
    payload = {"summary": "orders-eu failed", "source": "orders-eu", "severity": "critical"}
    event = {"routing_key": ROUTING_KEY, "event_action": action, "dedup_key": "one", "payload": payload}
    async with httpx.AsyncClient() as client:
        reply = await client.post(f"{sandbox.url}/pagerduty/v2/enqueue", json=event)
    assert reply.status_code == 202


async def test_an_incident_is_acknowledged_and_resolved_from_the_drawer(sandbox: Sandbox, page: Page) -> None:
    pagers = page.get_by_test_id("pagers")
    await expect(pagers).to_be_hidden()
    await enqueue(sandbox, "trigger")
    incident = page.get_by_test_id("incident")
    await expect(incident).to_contain_text("orders-eu failed")
    await expect(incident).to_contain_text("triggered")
    await expect(pagers).not_to_contain_text("Other pagers", use_inner_text=True)
    await incident.get_by_test_id("pager-acknowledged").click()
    await expect(incident).to_contain_text("acknowledged by Ann Araya")
    await incident.get_by_test_id("pager-resolved").click()
    await expect(incident).to_contain_text("resolved")
    await expect(incident.get_by_role("button")).to_have_count(0)


async def test_a_message_to_another_pager_is_listed(sandbox: Sandbox, page: Page) -> None:
    async with httpx.AsyncClient() as client:
        await client.post(f"{sandbox.url}/triggers/T0/1/2", json={"title": "orders-eu failed", "action": "trigger"})
    await expect(page.get_by_test_id("pager-message")).to_contain_text("orders-eu failed")
    await expect(page.get_by_test_id("pagers")).not_to_contain_text("PagerDuty", use_inner_text=True)
