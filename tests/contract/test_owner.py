"""`owner`, from GoldRush's listing to the direct message: over real sockets."""

import redis.asyncio
from pydantic import SecretStr

from bot.domain.owners import owner_of
from bot.domain.watch import TeamId
from bot.goldrush.client import Client
from bot.requests.owners import Owners
from bot.requests.setup_changes import SetupChanges
from bot.slack.outbound.members import Members
from sandbox.goldrush_wire import CREATOR
from sandbox.slack.directory import TEAM_ID
from tests.contract.office import CAROL, Office, office


async def listed(it: Office) -> Owners:
    """The bot knows what GoldRush lists, and who made it."""
    key = SecretStr(it.sandbox.goldrush.service_key)
    async with Client(base_url=it.sandbox.url, service_key=key) as goldrush:
        page = await goldrush.page(1)
    it.bot.api.listing = page
    await it.bot.catalogue.refresh()
    return Owners(
        repository=it.bot.repository,
        changes=SetupChanges(repository=it.bot.repository, setup_store=it.bot.store, clock=it.bot.clock),
        emails=it.bot.catalogue.owner_emails,
        people=Members(it.slack, it.bot.clock, TeamId(TEAM_ID)),
        conversations=it.directory,
        clock=it.bot.clock,
    )


async def test_the_owner_of_a_pipeline_is_found_in_slack(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        owners = await listed(it)
        pipeline = next(iter(it.bot.repository.listed.values()))
        text = await it.type(f"watch {pipeline.id} page owner")
        assert "I look up the owners in Slack now." in text
        await owners.follow()
        (person,) = owner_of(it.bot.repository.watches.setup, pipeline)
        assert (person.id, bool(person.direct)) == (CAROL, True)
        assert "owners" not in await it.type(f"watch {pipeline.id} page owner")
        for answer in it.answers:
            assert CREATOR["email"] not in answer


async def test_without_the_scope_the_answer_names_it(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        it.sandbox.slack.scopes.discard("users:read.email")
        owners = await listed(it)
        pipeline = next(iter(it.bot.repository.listed.values()))
        await it.type(f"watch {pipeline.id} page owner")
        await owners.follow()
        text = await it.type(f"watch {pipeline.id} page owner")
        assert "owner reaches nobody: I need the scope users:read.email" in text
