"""Which ids go out to Slack and come in from it."""

import asyncio

from bot.domain.alias import NO_ALIASES, Aliases, IdChange
from bot.domain.watch import ChannelId
from bot.ports.store_errors import StoreAway
from bot.slack.outbound import channel_ids
from bot.slack.outbound.channel_ids import ChannelIds, with_stable_ids

OLD, NEW, OTHER = ChannelId("C0OLD"), ChannelId("C0NEW"), ChannelId("C0OTHER")
ALIASES = NO_ALIASES.with_changes([IdChange(OLD, NEW, "1.0")])


async def known() -> Aliases:
    return ALIASES


async def test_a_call_and_its_texts_hold_the_current_id() -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "in <#C0OLD> and <#C0OLD|x>, not <#C0OLDER>"}}]
    sent = await ChannelIds(known).current({"channel": OLD, "text": "<#C0OLD> <#C0OTHER> C0OLD", "blocks": blocks})
    assert sent["channel"] == NEW
    assert sent["text"] == "<#C0NEW> <#C0OTHER> C0OLD"
    assert "in <#C0NEW> and <#C0NEW|x>, not <#C0OLDER>" in str(sent["blocks"])


async def test_other_arguments_stay_as_they_are() -> None:
    sent = {"channel": OTHER, "limit": 200, "include_all_metadata": True, "users": "C0OLD"}
    assert await ChannelIds(known).current(sent) == sent


def test_an_interaction_gets_stable_ids() -> None:
    payload = {"channel": NEW, "text": "watch orders in <#C0NEW|alerts>", "user": "U0ANN", "value": '{"in":"<#C0NEW>"}'}
    assert with_stable_ids(payload, ALIASES) == {
        "channel": OLD,
        "text": "watch orders in <#C0OLD|alerts>",
        "user": "U0ANN",
        "value": '{"in":"<#C0OLD>"}',
    }


async def test_without_the_store_the_last_known_ids_serve() -> None:
    answers = iter([ALIASES])

    async def once() -> Aliases:
        if (aliases := next(answers, None)) is None:
            raise StoreAway("no answer")
        return aliases

    ids = ChannelIds(once)
    for _ in range(2):
        assert (await ids.current({"channel": OLD}))["channel"] == NEW


async def test_a_store_that_hangs_costs_a_call_no_more_than_a_part_of_its_deadline() -> None:
    async def hangs() -> Aliases:
        await asyncio.Event().wait()
        raise AssertionError

    async with asyncio.timeout(channel_ids.READ_SECONDS + 10):
        assert await ChannelIds(hangs).aliases() == NO_ALIASES
