"""A short, repeatable part of the fuzz. `python -m tests.fuzz` runs more inputs."""

from io import StringIO

import aiohttp
import pytest
from rich.console import Console

from bot.slack.inbound import http_mode
from sandbox.server import Sandbox
from tests.fuzz.__main__ import told_of_broken
from tests.fuzz.bot_under_fire import under_fire
from tests.fuzz.boundaries import BOUNDARIES, shares
from tests.fuzz.http_door import Attack
from tests.fuzz.http_requests import an_unsigned_request
from tests.fuzz.mangle import seeded
from tests.fuzz.tally import Tally

INPUTS, SEED = 6000, 3
BENT = 20  # of a hundred inputs the bot refuses at least this many: the inputs are not harmless


@pytest.mark.parametrize("boundary", BOUNDARIES)
async def test_no_input_breaks_the_bot(boundary: str) -> None:
    inputs, tally = shares(INPUTS)[boundary], Tally(boundary)
    await BOUNDARIES[boundary](inputs, SEED, tally)
    assert not tally.violations
    assert tally.tried >= inputs
    assert tally.accepted > 0
    assert 100 * tally.refused > BENT * tally.tried


async def test_a_door_that_skips_the_signature_check_is_found() -> None:
    tally, rng = Tally("HTTP requests"), seeded(SEED, "sabotage")
    async with (
        Sandbox.start() as sandbox,
        under_fire(sandbox, signing=False) as bot,
        http_mode.http(bot.app, 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        await Attack(bot, session, port, tally).unsigned([an_unsigned_request(rng) for _ in range(100)])
    assert any("was answered 200" in rule for rule in tally.violations)
    assert any("was acted on" in rule for rule in tally.violations)


def test_a_failure_is_reported_with_the_input_that_caused_it() -> None:
    tally, console = Tally("command text"), Console(file=StringIO(), width=200)
    assert not told_of_broken([tally], console)
    for text in ("[/] first", "second"):
        tally.broken("it takes long", text)
    with console.capture() as printed:
        assert told_of_broken([tally], console)
    assert "command text: it takes long (2 times), first by\n'[/] first'" in printed.get()


@pytest.mark.parametrize("inputs", [1, 99, 6000, 100_000])
def test_every_boundary_gets_its_share_of_inputs(inputs: int) -> None:
    assert set(shares(inputs)) == set(BOUNDARIES)
    assert sum(shares(inputs).values()) >= inputs
    assert min(shares(inputs).values()) >= 1
