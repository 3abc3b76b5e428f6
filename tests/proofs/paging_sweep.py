"""The scenarios of the sweep in which a page escalates. They judge the calls that people find in Slack.

One more channel pages Ann, then Bob, by a policy whose waits are as short as those of the bot.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta

from bot.domain.escalation import Policy, PolicyStep
from bot.domain.on_call_setup import SavedPolicy
from bot.domain.watch import ChannelId, Target, TargetKind, TeamId
from bot.store.connect import connect
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.messages import Message
from tests.builders import ANN, a_setup_change, at
from tests.fakes import FakeClock
from tests.proofs.messages import delivery_key
from tests.proofs.oracle import CALL
from tests.proofs.paging import EXHAUSTED
from tests.proofs.world import CHANNELS, PATIENCE, READS, World
from tests.stores import WholeStore

POST = "chat.postMessage"
PAGED = "C0QUIET"
BOB = "<@U0BOB>"
WAIT = timedelta(seconds=1)
STEPS = tuple(
    PolicyStep(targets=(Target(kind=TargetKind.USER, id=f"U0{name}", direct=ChannelId(f"D0{name}")),), wait=WAIT)
    for name in ("ANN", "BOB")
)
MANY_ROUNDS = 9  # somebody answers before they are over
CROSSING = 2  # so many calls of a conversation may be on their way when somebody answers
LATER_SECONDS = 4 * WAIT.total_seconds()


def pages_by_policy(rounds: int) -> Callable[[World], Awaitable[None]]:
    """One more channel watches everything, with a policy of two steps."""

    async def prepare(world: World) -> None:
        policy = SavedPolicy(policy=Policy(name="data", steps=STEPS, rounds=rounds), made_by=ANN, made_at=at(0))
        client = connect(world.valkey.url)
        store = WholeStore(client, TeamId(TEAM_ID), FakeClock())
        assert await store.change_setup(a_setup_change((await store.watches()).version, policy))
        await client.aclose()
        world.sandbox.slack.directory.open_im("U0BOB")
        world.sandbox.slack.invite_bot(PAGED)
        await _types(world, "watch * page policy:data")
        await world.sandbox.until(lambda: any("a watch:" in message.text for message in _messages(world)), PATIENCE)
        world.watched[PAGED] = world.names

    return prepare


async def nobody_answers(world: World, names: Sequence[str]) -> list[str]:
    """Each step goes out once, and at last the message that nobody answered."""
    (name,) = names
    world.set_phase(name, "FAILED")
    faults = await _escalates(world, name)
    return [*faults, *await _recovers(world, name)]


async def somebody_answers(world: World, names: Sequence[str]) -> list[str]:
    """Bob acknowledges after his first call. Then nobody is called any more, in no conversation."""
    (name,) = names
    world.set_phase(name, "FAILED")
    await world.sandbox.until(lambda: _calls(world, name) and _cards(world, name), PATIENCE)

    def shown() -> bool:
        return "Acknowledged" in _card(world, name).text

    await world.retry_until_heard(
        lambda: world.sandbox.slack.click("U0BOB", PAGED, _card(world, name).ts, "acknowledge"), shown
    )
    await world.sandbox.until(shown, PATIENCE)
    places = (PAGED, *CHANNELS, "D0ANN", "D0BOB")
    before = {place: len(_calls(world, name, place)) for place in places}
    await asyncio.sleep(LATER_SECONDS)
    more = {place: len(_calls(world, name, place)) - before[place] for place in places}
    faults = [
        f"{name}: {place} got {count} calls after an acknowledgement"
        for place, count in more.items()
        if count > CROSSING
    ]
    return [*faults, *await _recovers(world, name)]


async def fails_while_muted(world: World, names: Sequence[str]) -> list[str]:
    """The channel hears of the failure only after the mute. Then the page begins."""
    (name,) = names
    await _types(world, f"mute {name} for 2h")
    await world.sandbox.until(lambda: _announced(world, f"added a mute:\n• {name}"), PATIENCE)
    world.set_phase(name, "FAILED")
    await world.reads(name, READS)
    faults = [
        f"{name} was muted, and {message.channel} heard of it: {message.text!r}"
        for message in (*_messages(world), *_messages(world, "D0BOB"))
        if message.text.startswith((f"{name} failed", f"{name} still"))
    ]
    await _types(world, f"unmute {name}")
    faults += await _escalates(world, name)
    return [*faults, *await _recovers(world, name)]


async def _escalates(world: World, name: str) -> list[str]:
    """Waits for the calls of both steps, and judges them."""
    with suppress(TimeoutError):
        await world.sandbox.until(lambda: not _missing(world, name), PATIENCE)
    missing, calls = _missing(world, name), _calls(world, name)
    twice = [words for words in (BOB, EXHAUSTED) if sum(words in call.text for call in calls) > 1]
    return [f"{name}: these were missing: {missing}, and these came twice: {twice}"] if missing or twice else []


def _missing(world: World, name: str) -> list[str]:
    """A card that is posted late makes the calls itself that were due before."""
    cards = {card.ts for card in _cards(world, name)}
    posted = [call.text for call in world.sandbox.slack.accepted if call.method == POST and call.ts in cards]
    texts = [*posted, *(call.text for call in _calls(world, name))]
    missing = [words for words in (BOB, EXHAUSTED) if not any(words in text for text in texts)]
    return missing if _cards(world, name, "D0BOB") else [*missing, "D0BOB"]


async def _recovers(world: World, name: str) -> list[str]:
    world.set_phase(name, "RUNNING")
    await world.reported_or_read([name], READS)
    return []


async def _types(world: World, command: str) -> None:
    await world.retry_until_heard(lambda: world.sandbox.slack.run_command("U0ANN", PAGED, "/pipeline", command))


def _announced(world: World, text: str) -> bool:
    return any(text in message.text for message in _messages(world))


def _card(world: World, name: str) -> Message:
    return _cards(world, name)[0]


def _cards(world: World, name: str, place: str = PAGED) -> list[Message]:
    return [message for message in world.sandbox.slack.messages(place) if message.text.startswith(f"{name} failed")]


def _calls(world: World, name: str, place: str = PAGED) -> list[Message]:
    """The calls about this pipeline, each one once."""
    calls = [message for message in _messages(world, place) if CALL.search(message.text) and name in message.text]
    return list({delivery_key(call.metadata): call for call in calls}.values())


def _messages(world: World, place: str = PAGED) -> Iterable[Message]:
    for root in world.sandbox.slack.messages(place):
        yield root
        yield from root.replies
