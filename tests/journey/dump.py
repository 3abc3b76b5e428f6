"""Writes a dump of Redis as this version of the bot leaves it, for tests/contract/test_old_data.py.

python -m tests.journey.dump tests/data/redis-NUMBER.json
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import redis.asyncio

from sandbox.slack.faults import Fault, FaultKind
from tests.journey.rig import ANN, BOB, QUIET, TEAM, Rig, rigged
from tests.journey.valkey import Valkey

GENERAL = "C0GENERAL"
SETTINGS = {"PIPELINE_BOT_PAGES_PER_HOUR": "2", "OPERATOR_CHANNEL": TEAM}


async def fill(rig: Rig) -> None:
    """Creates one of each: watches, notes, undos, cards, a group, held pages, a suspended channel, open deliveries,
    a channel with another id."""
    goldrush, slack = rig.sandbox.goldrush, rig.sandbox.slack
    for number in range(8):
        goldrush.add(name=f"fleet-{number}", project="fleet")
    for name in ("billing", "invoices", "ledger", "refunds"):
        goldrush.add(name=name, project="money")
    await asyncio.sleep(6)
    await rig.ask("list")
    for text in ("watch orders-eu page @bob", "watch fleet-*", "watch billing page @bob", "watch invoices"):
        await rig.ask(text)
    await rig.ask("watch ledger on failed,recovered page @bob", channel=TEAM, user=BOB)
    await rig.ask("watch orders-eu refunds", channel=TEAM, user=BOB)
    await rig.ask("watch invoices", channel=QUIET)
    await rig.ask("watch ledger", channel=GENERAL)
    await rig.ask("runbook orders-eu https://wiki.example.com/orders")
    await rig.ask('note orders-* "Call the owner first"')
    await rig.ask("unwatch refunds", channel=TEAM, user=BOB)
    await rig.reads(40)
    slack.archive(QUIET)
    rig.set_phase("orders-eu", "FAILED")
    card = await rig.card("orders-eu failed")
    await rig.click(card, "acknowledge", user=BOB)
    await rig.card("orders-eu failed", "Acknowledged by bob")
    rig.set_phase("invoices", "FAILED")
    await rig.card("invoices failed")
    await rig.card("archived", channel=await rig.direct(ANN))
    for name in ("ledger", "billing"):
        rig.set_phase(name, "FAILED")
    await rig.card("ledger failed", channel=TEAM)
    await rig.card("billing failed")
    await rig.card("ledger failed", channel=GENERAL)
    slack.change_id(GENERAL)
    rig.set_phase("refunds", "FAILED")
    await rig.ask("watch orders-us", channel=TEAM, user=BOB)
    await rig.reads(40)
    rig.set_phase("orders-us", "deploying")
    await rig.card("orders-us", "deploying", channel=TEAM)
    slack.faults.set("chat.postMessage", Fault(kind=FaultKind.THROTTLED, retry_after=4, times=1))
    for number in range(7):
        rig.set_phase(f"fleet-{number}", "FAILED")
    await rig.card("fleet-", "7")
    await asyncio.sleep(2)
    slack.faults.set("*", Fault(kind=FaultKind.UNAVAILABLE))
    rig.set_phase("fleet-7", "FAILED")
    rig.set_phase("invoices", "RUNNING")
    rig.set_phase("orders-us", "RUNNING")
    await rig.reads(60)
    await asyncio.sleep(3)


async def redis_keys(client: Any) -> dict[str, object]:
    """Returns every key with its type, its milliseconds to live (-1: no expiry) and its value."""
    keys: dict[str, object] = {}
    for name in sorted([key async for key in client.scan_iter()]):
        match kind := (await client.type(name)).decode():
            case "string":
                value: object = (await client.get(name)).decode()
            case "hash":
                value = {
                    key.decode(): content.decode() for key, content in sorted((await client.hgetall(name)).items())
                }
            case "set":
                value = sorted(member.decode() for member in await client.smembers(name))
            case "stream":
                continue  # a log of changes, which any bot can do without
            case _:
                value = [[member.decode(), at] for member, at in await client.zrange(name, 0, -1, withscores=True)]
        keys[name.decode()] = {"type": kind, "ttl_ms": await client.pttl(name), "value": value}
    return keys


def messages(rig: Rig) -> list[dict[str, object]]:
    """Returns the bot's messages in Slack, with the metadata by which the bot finds them."""
    slack = rig.sandbox.slack
    return [
        {
            "channel": message.channel,
            "ts": message.ts,
            "thread_ts": message.thread_ts,
            "text": message.text,
            "metadata": message.metadata,
        }
        for channel in slack.directory.channels
        for root in slack.messages(channel)
        for message in (root, *root.replies)
        if message.bot_id
    ]


async def main(target: Path) -> None:
    with TemporaryDirectory() as directory:
        async with (
            Valkey(Path(directory) / "valkey") as valkey,
            rigged(Path(directory), settings=SETTINGS | {"REDIS_URL": valkey.url}) as rig,
        ):
            await fill(rig)
            await rig.kill()
            client = redis.asyncio.Redis.from_url(valkey.url)
            document = {
                "at": datetime.fromtimestamp((await client.time())[0], UTC).isoformat(),
                "keys": await redis_keys(client),
                "slack": messages(rig),
            }
            await client.aclose()
    target.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
